"""A node, seen from outside: deploy functions, call them, fetch what proves the calls.

```python
with Client(key=load_or_create_key()) as client:
    client.deploy("hello", "hello.wasm")
    answer = client.invoke("hello", "ada", idempotency_key=idempotency_key())
    checked = client.receipt(answer.call).check(genesis)
```

`Client` waits, `AsyncClient` is awaited; they have the same methods. Errors are `ClientError`s; what the node refuses
is `Refused` (its `problem` has RFC 9457's fields), a call that failed is `CallFailed`.
"""

from moot.client.accounts import AccountView, PricesView, PriceWish, Statement, StatementLine
from moot.client.answer import Answer, Wait
from moot.client.asynchronous import AsyncClient
from moot.client.bonds import BidView, HoldView, StakedReplicaView, StakesView, StakeView, WaitingView
from moot.client.calls import Block, CallSummary, CallView, NodeStatus, OtherReceiptView, ReceiptView
from moot.client.component import ComponentError, kind_of
from moot.client.errors import (
    AddressError,
    Broken,
    CallFailed,
    ClientError,
    DeployError,
    Foreign,
    KeyNeeded,
    NotApplied,
    Payment,
    Problem,
    Refused,
    RequestError,
    TimedOut,
    TooLarge,
    Unreachable,
)
from moot.client.events import BlockApplied, FunctionChanged, LogLine, Missed, NodeEvent, OtherEvent, ReceiptMade
from moot.client.following import ValuesMissed
from moot.client.functions import ComponentView, Deployed, EntryOutcome, Export, FunctionSummary, FunctionView, Version
from moot.client.invoice import Invoice, Sum
from moot.client.operations import CallOptions, idempotency_key
from moot.client.paths import OwnerView, RuleView, Verdict
from moot.client.signing import DryOutcome, DryRun
from moot.client.sync import Client
from moot.client.triggers import DerivedView, TriggerView
from moot.client.values import Value, ValuePage, ValueView, ValueWritten
from moot.record.grants import Directory, Grants
from moot.record.spec import FunctionKind, Limits, Payer, Payloads, Spec, accounts

__all__ = [
    "AccountView",
    "AddressError",
    "Answer",
    "AsyncClient",
    "BidView",
    "Block",
    "BlockApplied",
    "Broken",
    "CallFailed",
    "CallOptions",
    "CallSummary",
    "CallView",
    "Client",
    "ClientError",
    "ComponentError",
    "ComponentView",
    "DeployError",
    "Deployed",
    "DerivedView",
    "Directory",
    "DryOutcome",
    "DryRun",
    "EntryOutcome",
    "Export",
    "Foreign",
    "FunctionChanged",
    "FunctionKind",
    "FunctionSummary",
    "FunctionView",
    "Grants",
    "HoldView",
    "Invoice",
    "KeyNeeded",
    "Limits",
    "LogLine",
    "Missed",
    "NodeEvent",
    "NodeStatus",
    "NotApplied",
    "OtherEvent",
    "OtherReceiptView",
    "OwnerView",
    "Payer",
    "Payloads",
    "Payment",
    "PriceWish",
    "PricesView",
    "Problem",
    "ReceiptMade",
    "ReceiptView",
    "Refused",
    "RequestError",
    "RuleView",
    "Spec",
    "StakeView",
    "StakedReplicaView",
    "StakesView",
    "Statement",
    "StatementLine",
    "Sum",
    "TimedOut",
    "TooLarge",
    "TriggerView",
    "Unreachable",
    "Value",
    "ValuePage",
    "ValueView",
    "ValueWritten",
    "ValuesMissed",
    "Verdict",
    "Version",
    "Wait",
    "WaitingView",
    "accounts",
    "idempotency_key",
    "kind_of",
]
