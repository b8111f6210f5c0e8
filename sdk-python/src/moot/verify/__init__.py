"""Receipts, proofs and what the state held, checked offline with the genesis of a network that is trusted.

```python
genesis = Genesis.from_json(Path("genesis.json").read_text())
checked = ReceiptFile.parse(Path("receipt.json").read_text()).check(genesis)
print(checked.receipt.status, checked.receipt.fuel, checked.finality)
proven = StateFile.parse(Path("balance.json").read_text()).check(genesis)
print(proven.key, proven.read(), proven.height)
```

A file that does not hold raises `ProofError`, whose `field` names what does not fit. The same from a shell:
`python -m moot.verify receipt.json --genesis genesis.json`.

- Requires: a receipt file or a state file, and the genesis of its network from somebody who is trusted.
- Provides: every byte of the evidence and every readable field fit, or the name of the first that does not.
- Does not provide: that the worker computed rightly (`moot replay` computes again), nor that the ledger's state
  accepted the entry, nor that what the state held it still holds.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from moot.errors import DecodeError, ProofError
from moot.record.certificate import CertificateError, verify_certificate
from moot.record.genesis import Genesis, GenesisError
from moot.record.proof import Proof, Proven, Signed, SignedEntry
from moot.record.receipt_file import Checked, Evidence, Finality, ReceiptFile
from moot.record.state import StateKey
from moot.record.state_file import StateFile
from moot.record.state_proof import ProvenState, StateProof

if TYPE_CHECKING:
    import os

__all__ = [
    "CertificateError",
    "Checked",
    "DecodeError",
    "Evidence",
    "Finality",
    "Genesis",
    "GenesisError",
    "Proof",
    "ProofError",
    "Proven",
    "ProvenState",
    "ReceiptFile",
    "Signed",
    "SignedEntry",
    "StateFile",
    "StateKey",
    "StateProof",
    "verify_certificate",
    "verify_files",
    "verify_state_files",
]


def verify_files(receipt: str | os.PathLike[str], genesis: str | os.PathLike[str]) -> Checked:
    """Checks a receipt file against a genesis file.

    Raises:
        ProofError: names the field that does not fit.
        OSError: when a file cannot be read.
        UnicodeDecodeError: when a file is not UTF-8.
    """
    trusted = Genesis.from_json(Path(genesis).read_text(encoding="utf-8"))
    return ReceiptFile.parse(Path(receipt).read_text(encoding="utf-8")).check(trusted)


def verify_state_files(state: str | os.PathLike[str], genesis: str | os.PathLike[str]) -> ProvenState:
    """Checks a state file against a genesis file.

    Raises:
        ProofError: names the field that does not fit.
        OSError: when a file cannot be read.
        UnicodeDecodeError: when a file is not UTF-8.
    """
    trusted = Genesis.from_json(Path(genesis).read_text(encoding="utf-8"))
    return StateFile.parse(Path(state).read_text(encoding="utf-8")).check(trusted)
