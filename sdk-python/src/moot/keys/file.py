"""An ed25519 key in a file, as the `moot` command line keeps it.

The file is one line, `moot-key-1 <64 hex digits>`: the seed. Only its owner may read it.

- Requires: a file system with Unix permissions.
- Provides: a file made here has mode 0600 from its first byte on and never replaces another; one that others can read
  is refused with the command that mends it; no message quotes what a file holds.
- Does not provide: protection from the same user, from root, or of what a backup copied; a seed that is wiped from
  memory after use (Python gives no means for it).
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from moot.errors import MootError
from moot.record.key import SEED_BYTES, Keypair

FORMAT: Final = "moot-key-1"
MAX_KEY_FILE_BYTES: Final = 64 * 1024
"""A key file never has a reason to be longer."""

_OTHERS: Final = 0o077
_LINE: Final = re.compile(rf"{FORMAT} ([0-9a-f]{{{2 * SEED_BYTES}}})", re.ASCII)


class KeyFileError(MootError):
    """A key file that cannot be used."""


def default_key_path() -> Path:
    """Where the command line looks for the key: `MOOT_KEY`, or `moot/key` in the user's configuration.

    Raises:
        KeyFileError: when there is no home folder to keep one in.
    """
    named = os.environ.get("MOOT_KEY")
    if named:
        return Path(named)
    config = os.environ.get("XDG_CONFIG_HOME")
    if config:
        return Path(config, "moot", "key")
    home = os.environ.get("HOME")
    if home:
        return Path(home, ".config", "moot", "key")
    raise KeyFileError("there is no home folder to keep a key in: name a file, or set MOOT_KEY")


def load_key(path: str | os.PathLike[str] | None = None) -> Keypair:
    """Reads the key at `path`, or at `default_key_path()`.

    Raises:
        KeyFileError: when it cannot be read, others can read it, or it holds no key.
    """
    path = default_key_path() if path is None else Path(path)
    found = _LINE.fullmatch(_read_private(path).rstrip())
    if found is None:
        expected = f"one line `{FORMAT} ` and {2 * SEED_BYTES} hex digits is expected"
        raise KeyFileError(f"{path} does not hold a key: {expected}. Move it away to have a new key made")
    return Keypair(bytes.fromhex(found[1]))


def load_or_create_key(path: str | os.PathLike[str] | None = None) -> Keypair:
    """Reads the key at `path` (or at `default_key_path()`), or makes one there when there is no such file.

    Keep a copy of a key that was made: who has it owns what it deploys, and nobody can make it again.

    Raises:
        KeyFileError: when it cannot be read or made.
    """
    path = default_key_path() if path is None else Path(path)
    if path.exists():
        return load_key(path)
    key = Keypair.generate()
    create_key_file(path, key)
    return key


def create_key_file(path: str | os.PathLike[str], key: Keypair) -> None:
    """Writes a key into a new file and waits until it is on the disk. Never replaces one.

    Raises:
        KeyFileError: when there is a file already, or the system says no.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The mode is given when the file is made: there is no moment in which others could open it.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(f"{FORMAT} {key.seed().hex()}\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise KeyFileError(f"cannot create {path}: {error.strerror}") from None


def _read_private(path: Path) -> str:
    """The text of a file that only its owner may read.

    The permissions are those of the file that was opened, not of a name that may point elsewhere a moment later.
    """
    try:
        with path.open("rb") as file:
            facts = os.fstat(file.fileno())
            if facts.st_mode & _OTHERS:
                mode = facts.st_mode & 0o7777
                raise KeyFileError(
                    f"{path} has mode {mode:04o}: others can read or change it, so what it holds may be known already. "
                    f"Make it yours alone with `chmod 600 {path}`, and replace its content if anyone else had access"
                )
            data = file.read(MAX_KEY_FILE_BYTES + 1)
    except OSError as error:
        raise KeyFileError(f"cannot read {path}: {error.strerror}") from None
    if len(data) > MAX_KEY_FILE_BYTES:
        why = f"a key file has at most {MAX_KEY_FILE_BYTES}. Is it the right file?"
        raise KeyFileError(f"{path} has more bytes than that: {why}")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise KeyFileError(f"{path} is not UTF-8 text. Is it the right file?") from None
