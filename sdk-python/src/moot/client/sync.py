"""The client for programs that wait."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from moot.client.events import log_event, node_event
from moot.client.following import Following
from moot.client.signing import checked
from moot.client.sync_driver import Driver
from moot.client.targets import account_in, id_in, path_in
from moot.record.bond import Hold, Release, Stake, Unstake
from moot.record.genesis import Genesis
from moot.record.transaction import Own, Revoke, Rule, Transaction, Transfer

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from typing_extensions import Unpack

    from moot.client.accounts import AccountView, PricesView, Statement
    from moot.client.answer import Answer
    from moot.client.bonds import HoldView, StakesView, StakeView
    from moot.client.calls import Block, CallSummary, CallView, NodeStatus
    from moot.client.events import LogLine, Missed, NodeEvent
    from moot.client.following import ValuesMissed
    from moot.client.functions import Deployed, EntryOutcome, FunctionSummary, FunctionView
    from moot.client.invoice import Invoice
    from moot.client.operations import CallOptions
    from moot.client.paths import OwnerView, RuleView, Verdict
    from moot.client.signing import DryRun
    from moot.client.triggers import DerivedView, TriggerView
    from moot.client.values import Value, ValuePage, ValueView, ValueWritten
    from moot.record.address import EntryId
    from moot.record.bond import Candidate
    from moot.record.fixed import AccountId, Digest, Signature
    from moot.record.receipt_file import ReceiptFile
    from moot.record.spec import Spec
    from moot.record.state import StateKey
    from moot.record.state_file import StateFile


class Client(Driver):
    """A node, seen from outside. May be shared by threads.

    ```python
    with Client("http://127.0.0.1:8080") as client:
        answer = client.invoke("hello", "ada")
        print(answer.text, answer.call)
    ```

    Every method raises a `ClientError` when it has no answer, or not the one that was wanted.
    """

    # Calls

    def invoke(
        self,
        name: str,
        payload: bytes | str = b"",
        *,
        content_type: str | None = None,
        **options: Unpack[CallOptions],
    ) -> Answer:
        """Calls a function that takes events with a payload."""
        return self._run(self._node.invoke(name, payload, content_type, options))

    def call(self, name: str, export: str, *arguments: object, **options: Unpack[CallOptions]) -> Answer:
        """Calls a typed export (`add`, or `interface#name`) with what JSON can say, and bytes."""
        return self._run(self._node.call(name, export, arguments, options))

    def request(self, method: str, target: str, body: bytes = b"", **options: Unpack[CallOptions]) -> Answer:
        """Sends an HTTP request to the function whose route `target` is below."""
        return self._run(self._node.request(method, target, body, options))

    # Values

    def put_value(
        self,
        path: str,
        data: bytes | str,
        *,
        wait: bool = True,
        unsigned: bool = False,
        idempotency_key: str | None = None,
    ) -> ValueWritten:
        """Writes a value to a path, such as `/chat/lobby`, in the name of the client's account.

        What the rules do not allow is `Refused` with the slug `denied-by-rule`.

        Args:
            path: where.
            data: the value, at most 1 MiB; up to 4 KiB it stays on the ledger whole.
            wait: until its block has judged it; otherwise until it is durable.
            unsigned: write it in nobody's name. Where values are charged a node pays for that only if its operator lets
                it; else it is `Refused` with the slug `signature-needed`.
            idempotency_key: makes a retry safe: the same key writes once, at this replica and for a day.
        """
        exchange = self._values.put(path, data, wait=wait, unsigned=unsigned, idempotency_key=idempotency_key)
        return self._run(exchange)

    def value(self, path: str) -> Value | None:
        """The newest value of a path; None when nothing was written there lately."""
        return self._run(self._values.value(path))

    def values_below(self, path: str, *, after: str | None = None, limit: int = 100) -> ValuePage:
        """The newest value of each path below one, by path: what comes after the path `after`, at most 1000."""
        return self._run(self._values.below(path, after=after, limit=limit))

    @contextmanager
    def follow_values(
        self, pattern: str, *, after: EntryId | str | None = None
    ) -> Iterator[Iterator[ValueView | ValuesMissed]]:
        """Follows what is written to a path or a pattern (`/chat/$room`), in the blocks' order.

        From now on, or after the value at the address `after`, or the end of a block (`block-17`). When the connection
        breaks, another one goes on after the last value that came, or where following began, so that none is missed and
        none comes twice; when that fails ten times in a row, the error is raised. Where values may have been missed,
        there is a `ValuesMissed`.
        """
        following = Following(self._node, pattern, after)
        response, ask = self._connect(following.connect())
        values = self._followed(following, response, ask)
        try:
            yield values
        finally:
            values.close()
            response.close()

    # Paths

    def claim(self, path: str) -> EntryOutcome:
        """Makes the client's account the owner of a path: of a first label that nobody owns, or below its own."""
        return self._run(self._signing.one(checked(Own, path_in(path), self._signing.key.account)))

    def set_rule(self, pattern: str, rule: str | None) -> EntryOutcome:
        """Says who may write to the paths of a pattern: an expression in CEL, `true` for anybody; None for no rule."""
        return self._run(self._signing.one(checked(Rule, pattern, rule)))

    def rules(self) -> list[RuleView]:
        """All rules, by pattern."""
        return self._run(self._paths.rules())

    def owner(self, path: str) -> OwnerView:
        """Who owns a path: the owner of the closest path at or above it."""
        return self._run(self._paths.owner(path))

    def judge(
        self, path: str, value: str = "", *, account: AccountId | str | None = None, function: str | None = None
    ) -> Verdict:
        """What the rules would say about a value. Writes nothing.

        Args:
            path: where it would be written.
            value: it, as text.
            account: who writes; without one the function's owner, and without both the node's own account.
            function: the function that writes, if one does.
        """
        return self._run(self._paths.judge(path, value, account, function))

    # Triggers

    def triggers(self) -> list[TriggerView]:
        """All triggers that are set, by name."""
        return self._run(self._triggers.triggers())

    def derived_calls(self, limit: int = 50) -> list[DerivedView]:
        """The newest calls that triggers derived, newest first; at most 1000."""
        return self._run(self._triggers.derived(limit))

    def find_derived_call(self, name: str) -> DerivedView | None:
        """A derived call, such as `d-17-0`, with its receipt; None when there is none, or it is forgotten."""
        return self._run(self._triggers.find(name))

    # Evidence

    def receipt(self, call: EntryId | str, *, final: bool = True) -> ReceiptFile:
        """The receipt of a call, with the ledger's certificate when `final` (waited for half a minute).

        What the node says is evidence only after `ReceiptFile.check`.
        """
        return self._run(self._node.receipt(call, final=final))

    def input(self, call: EntryId | str) -> bytes:
        """Exactly the recorded bytes that went into a call: `Payload.is_of` compares them with its record."""
        return self._run(self._node.payload(call, "input"))

    def output(self, call: EntryId | str) -> bytes:
        """Exactly the recorded bytes that came out of a call: `Payload.is_of` compares them with its receipt."""
        return self._run(self._node.payload(call, "output"))

    def state(self, key: StateKey) -> StateFile:
        """What the state holds under a key, with the ledger's certificate: `StateFile.check` says what it proves."""
        return self._run(self._node.state(key))

    def genesis(self) -> Genesis:
        """The node's own genesis. It proves something only to who trusts it: compare its digest."""
        return Genesis.from_json(self._run(self._node.genesis()))

    # Accounts

    def account(self, account: AccountId | str | None = None) -> AccountView:
        """What an account has; the client's own, when none is named."""
        return self._run(self._accounts.account(account))

    def statement(
        self, account: AccountId | str | None = None, *, below: int | None = None, limit: int = 20
    ) -> Statement:
        """What an account paid and got in the last `limit` blocks that concern it, or those below a height."""
        return self._run(self._accounts.statement(account, below=below, limit=limit))

    def prices(self) -> PricesView:
        """What things cost."""
        return self._run(self._accounts.prices())

    def bill(
        self, first: int | None = None, last: int | None = None, *, account: AccountId | str | None = None
    ) -> Invoice:
        """What the receipts of some blocks cost, computed anew: of the last 3600, when nothing is said.

        Args:
            first: the first height.
            last: the last height.
            account: only what this account pays for.
        """
        return self._run(self._accounts.bill(first, last, account))

    def transfer(self, to: AccountId | str, amount: int) -> EntryOutcome:
        """Gives units of the client's account to another."""
        return self._run(self._signing.one(checked(Transfer, account_in(to), amount)))

    def hold(self, to: AccountId | str, amount: int, *, until: int) -> EntryOutcome:
        """Holds units for another account, until a height at which they go back. Its `id` names the hold."""
        return self._run(self._signing.one(checked(Hold, account_in(to), amount, until)))

    def release(self, hold: EntryId | str, part: int = 1, whole: int = 1) -> EntryOutcome:
        """Ends a hold: `part` of `whole` of it is paid, rounded down, and the rest goes back. 0 of 1: all goes back."""
        return self._run(self._signing.one(checked(Release, id_in(hold), part, whole)))

    def find_hold(self, hold: EntryId | str) -> HoldView | None:
        """What is held; None when it was released, went back, or never was."""
        return self._run(self._accounts.hold(hold))

    def stake(self, amount: int, candidate: Candidate | None = None, consent: Signature | None = None) -> EntryOutcome:
        """Moves units to the client's stake, and puts it behind a replica that consents (`Candidate.consent`)."""
        return self._run(self._signing.one(checked(Stake, amount, candidate, consent)))

    def unstake(self, amount: int) -> EntryOutcome:
        """Takes units out of the client's stake; they come back after the lock-up."""
        return self._run(self._signing.one(checked(Unstake, amount)))

    def revoke_key(self) -> EntryOutcome:
        """Revokes the client's key, for ever: nothing that it signs counts any more, at any node.

        Hand over first what is to go on belonging to somebody, at best in one `submit` with `Revoke()` as the last.
        """
        return self._run(self._signing.one(Revoke()))

    def find_stake(self, account: AccountId | str | None = None) -> StakeView:
        """What an account has staked; the client's own, when none is named."""
        return self._run(self._accounts.stake(account))

    def stakes(self) -> StakesView:
        """Who bids for a seat, the best first, and who has one."""
        return self._run(self._accounts.stakes())

    # Transactions

    def submit(self, *transactions: Transaction) -> list[EntryOutcome]:
        """Signs transactions and waits until they are final. Several are applied together or not at all.

        Raises:
            NotApplied: when nothing was changed, or not in time.
        """
        return self._run(self._signing.done(*transactions))

    def dry_run(self, *transactions: Transaction) -> DryRun:
        """What would come of transactions now, and what they would cost. Nothing is recorded."""
        return self._run(self._signing.rehearse(transactions))

    # Functions

    def deploy(self, name: str, component: bytes | str | os.PathLike[str], spec: Spec | None = None) -> Deployed:
        """Deploys a component (its bytes, or a file) under a name, as `moot deploy` does; waits until it is final.

        Without a spec: no grants, route `/<name>`, the usual limits. The spec's kind is taken from the component.
        """
        wasm = component if isinstance(component, bytes) else Path(component).read_bytes()
        return self._run(self._deploying.deploy(name, wasm, spec))

    def rollback(self, name: str, version: int | None = None) -> Deployed:
        """Makes an earlier version the active one: the one before, when none is named."""
        return self._run(self._deploying.rollback(name, version))

    def retire(self, name: str) -> None:
        """Ends a function for ever, when its spec says that it is destructible."""
        self._run(self._deploying.retire(name))

    def functions(self) -> list[FunctionSummary]:
        """Every function that was ever deployed there."""
        return self._run(self._node.functions())

    def function(self, name: str) -> FunctionView | None:
        """One function; None when there is none of that name."""
        return self._run(self._node.function(name))

    def component(self, digest: Digest) -> bytes | None:
        """A component's bytes; None when the node has them not."""
        return self._run(self._node.component(digest))

    # The node

    def status(self) -> NodeStatus:
        """What the node says about itself."""
        return self._run(self._node.status())

    def calls(self, limit: int = 50) -> list[CallSummary]:
        """The newest calls, newest first."""
        return self._run(self._node.calls(limit))

    def find_call(self, call: EntryId | str) -> CallView | None:
        """One call with what became of it; None when there is none of that id."""
        return self._run(self._node.find_call(call))

    def block(self, height: int) -> Block | None:
        """A block; None when there is none of that height yet."""
        return self._run(self._node.block(height))

    @contextmanager
    def events(self) -> Iterator[Iterator[NodeEvent]]:
        """Follows blocks, receipts and functions as they come: `with client.events() as events: for e in events`.

        It ends when the node ends it. What happened before, or while nobody listened, is not told.
        """
        with self._stream(self._node.events()) as events:
            yield map(node_event, events)

    @contextmanager
    def logs(self, name: str, *, follow: bool = False) -> Iterator[Iterator[LogLine | Missed]]:
        """What a function wrote lately, and, when `follow`, what it writes from now on."""
        with self._stream(self._node.logs(name, follow=follow)) as events:
            yield map(log_event, events)
