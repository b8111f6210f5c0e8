"""Transactions: signed in one bundle, said to the ledger or only rehearsed.

```text
transactions ──► [together,] transactions ──key──► one signed bundle ──POST──► ordered, applied, final
                                                          └──────dry run─────► what would come of it, and the fee
```
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from moot.client.errors import Foreign, KeyNeeded, NotApplied, RequestError
from moot.client.exchange import Ask, read_json
from moot.client.fields import Fields
from moot.client.functions import EntryOutcome
from moot.client.limits import LONG_TIMEOUT_S, TRANSACTION_VALIDITY_BLOCKS
from moot.errors import Invalid
from moot.record.bundle import Bundle
from moot.record.entry import encode_entry
from moot.record.page import pack_pages
from moot.record.transaction import Together, Transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from moot.client.exchange import Exchange
    from moot.client.operations import Operations
    from moot.record.fixed import Digest
    from moot.record.key import Keypair

T = TypeVar("T")
P = ParamSpec("P")

CBOR = ("content-type", "application/cbor")


@dataclass(frozen=True, slots=True)
class DryOutcome:
    """What would come of one transaction.

    Attributes:
        refused: why it would not be done; None: it would.
        version: of a function: the version that would answer calls.
        unchecked: what was not looked at, and why.
    """

    kind: str
    refused: str | None
    version: int | None
    unchecked: str | None

    @classmethod
    def read(cls, f: Fields) -> DryOutcome:
        """Reads it."""
        return cls(
            kind=f.text("kind"),
            refused=f.optional("refused", f.text),
            version=f.optional("version", f.number),
            unchecked=f.optional("unchecked", f.text),
        )


@dataclass(frozen=True, slots=True)
class DryRun:
    """What would come of transactions. Nothing was recorded.

    Attributes:
        accepted: whether all of them would be done.
        fee: what they would cost, in the network's smallest unit of account.
        transactions: each of them, in order.
        height: of the block after which that was so.
    """

    accepted: bool
    fee: int
    transactions: tuple[DryOutcome, ...]
    height: int


class Signing:
    """Transactions of one account.

    - Requires: the account's key.
    - Provides: a signature over exactly what was given, for the network that is pinned. The node's word is taken for
      the height, for what became of them, and, when no genesis is pinned, for the network.
    """

    def __init__(self, node: Operations, key: Keypair | None, network: Digest | None) -> None:
        self._node = node
        self._key = key
        self._network = network

    @property
    def key(self) -> Keypair:
        """Who signs."""
        if self._key is None:
            raise KeyNeeded("a transaction is signed by its account, and the client was made without `key`")
        return self._key

    def submit(self, transactions: Sequence[Transaction]) -> Exchange[list[EntryOutcome]]:
        """`POST /_moot/bundles`, until it is final: what became of each. Several are applied together or not at all."""
        bundle = yield from self._signed(transactions)
        reply = yield from self._node.expect(Ask("POST", "/_moot/bundles", (CBOR,), bundle, LONG_TIMEOUT_S))
        found = [EntryOutcome.read(Fields(item)) for item in Fields(read_json(reply)).items("entries")]
        return _of_each(found, transactions)

    def done(self, *transactions: Transaction) -> Exchange[list[EntryOutcome]]:
        """The same; what was not applied is an error."""
        outcomes = yield from self.submit(transactions)
        refused = [outcome for outcome in outcomes if outcome.status == "refused"]
        if refused:
            # Of transactions together one says what the others only repeat.
            own = next((other for other in refused if other.reason != refused[0].reason), refused[0])
            raise NotApplied(f"nothing was changed: {own.reason}", own.id)
        waiting = next((outcome for outcome in outcomes if outcome.status == "accepted"), None)
        if waiting is not None:
            raise NotApplied(f"not in time: it is recorded as {waiting.id} and may become final yet", waiting.id)
        return outcomes

    def one(self, transaction: Transaction) -> Exchange[EntryOutcome]:
        """The same of one transaction."""
        outcomes = yield from self.done(transaction)
        return outcomes[0]

    def rehearse(self, transactions: Sequence[Transaction]) -> Exchange[DryRun]:
        """`POST /_moot/bundles?dry-run`."""
        bundle = yield from self._signed(transactions)
        reply = yield from self._node.expect(Ask("POST", "/_moot/bundles?dry-run", (CBOR,), bundle, LONG_TIMEOUT_S))
        f = Fields(read_json(reply))
        found = [DryOutcome.read(Fields(item)) for item in f.items("transactions")]
        each = tuple(_of_each(found, transactions))
        return DryRun(f.flag("accepted"), f.units("fee"), each, f.number("height"))

    def _signed(self, transactions: Sequence[Transaction]) -> Exchange[bytes]:
        if not transactions:
            raise RequestError("there is no transaction to sign")
        key = self.key
        try:
            together = [Together(len(transactions))] if len(transactions) > 1 else []
            pages = pack_pages([encode_entry(entry) for entry in [*together, *transactions]])
        except Invalid as error:
            raise RequestError(str(error)) from None
        status = yield from self._node.status()
        network = status.network if self._network is None else self._network
        if status.network != network:
            raise NotApplied(f"the node is of network {status.network}, the client's genesis of {network}")
        return Bundle.sign(key, network, status.height + TRANSACTION_VALIDITY_BLOCKS, pages).encode()


def checked(kind: Callable[P, T], *fields: P.args, **more: P.kwargs) -> T:
    """A transaction of these fields.

    Raises:
        RequestError: when they are against its rules.
    """
    try:
        return kind(*fields, **more)
    except Invalid as error:
        raise RequestError(str(error)) from None


def _of_each(found: list[T], transactions: Sequence[Transaction]) -> list[T]:
    """One for each of the transactions, without the one that binds them together."""
    bound = int(len(transactions) > 1)
    count = len(transactions) + bound
    if len(found) != count:
        wanted = "one entry" if count == 1 else f"{count} entries"
        raise Foreign(f"the node tells {len(found)} outcomes of {wanted}")
    return found[bound:]
