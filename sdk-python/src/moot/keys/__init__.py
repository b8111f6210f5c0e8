"""Keys: ed25519 pairs, the files that hold them, and HTTP requests signed with them.

```python
key = load_or_create_key()          # the file that the command line uses: $MOOT_KEY, or ~/.config/moot/key
print(key.account)
```
"""

from moot.keys.file import KeyFileError, create_key_file, default_key_path, load_key, load_or_create_key
from moot.keys.request import content_digest, sign_request
from moot.record.fixed import AccountId, Signature
from moot.record.key import Keypair, SignatureError, verify

__all__ = [
    "AccountId",
    "KeyFileError",
    "Keypair",
    "Signature",
    "SignatureError",
    "content_digest",
    "create_key_file",
    "default_key_path",
    "load_key",
    "load_or_create_key",
    "sign_request",
    "verify",
]
