"""Folkmoot from Python: write functions, call them, keep their receipts, check them offline.

```text
moot.guest    write functions: this part runs inside a component, and needs nothing but the standard library
moot.client   deploy and call over HTTP: Client, AsyncClient
moot.verify   check receipts and proofs with the genesis alone; also `python -m moot.verify`
moot.keys     ed25519 keys, their files, signed HTTP requests
moot.record   the records themselves: one encoding each, held to record/vectors.json
```

`moot.record` and `moot.verify` read no clock and open no connection. Nothing here runs functions.
"""

from moot.errors import MootError

__all__ = ["MootError", "__version__"]

__version__ = "0.1.0"
