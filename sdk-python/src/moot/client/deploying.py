"""Deploying, as `moot deploy` does it.

```text
component ──PUT──► node
spec ────────┐
owner's key ─┴─► one signed bundle ──POST──► ordered, applied, final
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from moot.client.component import kind_of
from moot.client.errors import DeployError, Foreign, NotApplied
from moot.client.functions import Deployed, FunctionView
from moot.record.hash import component_digest
from moot.record.spec import Spec
from moot.record.transaction import Deploy, Retire, Rollback, Transaction

if TYPE_CHECKING:
    from moot.client.exchange import Exchange
    from moot.client.functions import EntryOutcome
    from moot.client.operations import Operations
    from moot.client.signing import Signing


class Deploying:
    """Changes of functions, signed by their owner.

    - Requires: the owner's key.
    - Provides: a signature over exactly what was given: the kind is read from the component here, and the node's word
      is taken for the height and, when no genesis is pinned, for the network.
    """

    def __init__(self, node: Operations, address: str, signing: Signing) -> None:
        self._node = node
        self._address = address
        self._signing = signing

    def deploy(self, name: str, wasm: bytes, spec: Spec | None) -> Exchange[Deployed]:
        """Uploads the component, signs a deploy, and waits until it is final."""
        kind = kind_of(wasm)
        spec = (Spec(f"/{name}") if spec is None else spec).with_kind(kind)
        present = yield from self._owned(name)
        component = component_digest(wasm)
        active = None if present is None else present.summary.version
        url = self._address + spec.route
        if present is not None and active is not None:
            version = present.version(active)
            same = version is not None and (version.component, version.spec_digest) == (component, spec.digest())
            if same and not present.summary.retired:
                return Deployed(name, active, changed=False, kind=kind, component=component, url=url)
        found = yield from self._node.put_component(wasm)
        if found.kind is not kind:
            raise Foreign(f"the node says that the component is of kind {found.kind}, it is of kind {kind}")
        transaction = Deploy(name, component, len(wasm), spec.encode(), active)
        outcome = yield from self._submit(transaction, f"{name} was not deployed")
        number = (active or 0) + 1 if outcome.version is None else outcome.version
        return Deployed(name, number, True, kind, component, url, outcome.height, outcome.id)

    def rollback(self, name: str, version: int | None) -> Exchange[Deployed]:
        """Makes an earlier version the active one: the one before, when none is named."""
        present = yield from self._present(name)
        active = present.summary.version
        numbers = [version.number for version in present.versions]
        target = max((n for n in numbers if n < active), default=None) if version is None else version
        if target is None:
            raise DeployError(f"{name} has no version before v{active}")
        wanted = present.version(target)
        if wanted is None:
            raise DeployError(f"{name} has no version {target}; it has {', '.join(f'v{n}' for n in numbers)}")
        kind, url = present.summary.kind, self._address + present.summary.route
        if target == active:
            return Deployed(name, active, False, kind, wanted.component, url)
        outcome = yield from self._submit(Rollback(name, target), f"{name} was not rolled back")
        return Deployed(name, target, True, kind, wanted.component, url, outcome.height, outcome.id)

    def retire(self, name: str) -> Exchange[None]:
        """Ends a function for ever, when its spec says that it is destructible."""
        yield from self._present(name)
        yield from self._submit(Retire(name), f"{name} was not retired")

    def _present(self, name: str) -> Exchange[FunctionView]:
        present = yield from self._owned(name)
        if present is None:
            raise DeployError(f"{self._address} has no function {name}")
        return present

    def _owned(self, name: str) -> Exchange[FunctionView | None]:
        """The function, if there is one; refused when it is another's."""
        account = self._signing.key.account
        present = yield from self._node.function(name)
        if present is not None and present.summary.owner != account:
            owner = present.summary.owner
            raise DeployError(
                f"{name} belongs to another account: {owner}; your account is {account}. "
                "Sign with the owner's key, or deploy under another name"
            )
        return present

    def _submit(self, transaction: Transaction, failed: str) -> Exchange[EntryOutcome]:
        """Signs one transaction, submits it and waits until it is final."""
        try:
            (outcome,) = yield from self._signing.submit([transaction])
        except NotApplied as error:
            raise DeployError(f"{failed}: {error}", error.entry) from None
        if outcome.status == "refused":
            raise DeployError(f"{failed}: {outcome.reason}", outcome.id)
        if outcome.status != "applied":
            raise DeployError(f"{failed} in time: it is recorded as {outcome.id} and may become final yet", outcome.id)
        return outcome
