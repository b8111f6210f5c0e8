"""The state file: what an account had, what was deployed, what a rule said; readable and provable.

```text
{ "format": "moot-state-1", "network": ..., "key": { "account": ... }, "value": { "balance": ... } or null,
  "block": { "height", "time_ms" }, "proof": "<base64url>" }
```

Only the proof is evidence. Checking makes the readable part anew from what it proves and compares the two, field by
field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moot.errors import DecodeError, ParseError, ProofError, shown
from moot.record import strict_json
from moot.record.limits import MAX_STATE_FILE_BYTES, MAX_STATE_PROOF_BYTES
from moot.record.state_proof import ProvenState, StateProof
from moot.record.state_value import readable
from moot.record.text import base64url, read_base64url

if TYPE_CHECKING:
    from typing_extensions import Self

    from moot.record.fixed import Digest
    from moot.record.genesis import Genesis

STATE_FORMAT = "moot-state-1"


class StateFile:
    """A value of the state with its evidence, in the form that people keep. `check` says what it proves."""

    __slots__ = ("_shown", "proof")

    proof: StateProof
    """The evidence in the file, not verified."""

    def __init__(self, proof: StateProof, shown_fields: dict[str, Any]) -> None:
        """Takes the parts as they are; `make` and `parse` put them together."""
        self.proof = proof
        self._shown = shown_fields

    @classmethod
    def make(cls, proof: StateProof, genesis: Genesis) -> Self:
        """Makes the file from evidence. Verifies nothing.

        Raises:
            ProofError: when the value is not one of its key's kind.
        """
        return cls(proof, _show(genesis.network(), proof.claimed(), proof))

    @staticmethod
    def is_one(text: str) -> bool:
        """Whether a text says that it is such a file."""
        try:
            found = strict_json.parse(text, MAX_STATE_FILE_BYTES)
        except strict_json.JsonError:
            return False
        return isinstance(found, dict) and found.get("format") == STATE_FORMAT

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads a file. Its form is checked, what it says is not.

        Raises:
            ProofError: when it is no state file.
        """
        try:
            fields = strict_json.parse(text, MAX_STATE_FILE_BYTES)
        except strict_json.JsonError as error:
            raise ProofError("file", f"not a state file: {error}") from None
        found = fields.get("format") if isinstance(fields, dict) else None
        if found != STATE_FORMAT or not isinstance(fields, dict):
            said = shown(found) if isinstance(found, str) else '""'
            raise ProofError("format", f'{said} is not "{STATE_FORMAT}", the format that this version reads')
        return cls(_read_proof(fields.get("proof")), fields)

    def to_json(self) -> dict[str, Any]:
        """Everything as the file shows it, evidence included."""
        return dict(self._shown)

    def to_text(self) -> str:
        """The file's text."""
        return strict_json.pretty(self._shown)

    def check(self, genesis: Genesis) -> ProvenState:
        """Verifies the evidence, and that every readable field says what it proves.

        Raises:
            ProofError: names the first field that does not fit.
        """
        proven = self.proof.verify(genesis)
        difference = strict_json.first_difference(self._shown, _show(genesis.network(), proven, self.proof))
        if difference is not None:
            field, says, proven_says = difference
            raise ProofError(field, f"the file says {says}, what was signed says {proven_says}")
        return proven


def value_json(proven: ProvenState) -> Any:
    """The readable form of a value.

    Raises:
        ProofError: when it is no value of its key's kind.
    """
    if proven.value is None:
        return None
    try:
        value = readable(proven.key, proven.value)
    except DecodeError as error:
        raise ProofError("state.value", str(error)) from None
    return base64url(value) if isinstance(value, bytes) else value.to_json()


def _show(network: Digest, proven: ProvenState, proof: StateProof) -> dict[str, Any]:
    """The readable form of what was proven, with the evidence as the file has it."""
    return {
        "format": STATE_FORMAT,
        "network": str(network),
        "key": proven.key.to_json(),
        "value": value_json(proven),
        "block": {"height": proven.height, "time_ms": proven.time_ms},
        "proof": base64url(proof.encode()),
    }


def _read_proof(text: object) -> StateProof:
    if not isinstance(text, str):
        raise ProofError("proof", "the file has no proof")
    if len(text) > (MAX_STATE_PROOF_BYTES * 4 + 2) // 3:
        raise ProofError("proof", f"{len(text)} characters are too many")
    try:
        return StateProof.decode(read_base64url(text))
    except ParseError as error:
        raise ProofError("proof", f"it is not base64url without padding: {error}") from None
    except DecodeError as error:
        raise ProofError("proof", str(error)) from None
