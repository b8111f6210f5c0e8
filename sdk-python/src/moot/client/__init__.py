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

from moot.client.answer import Answer, Wait
from moot.client.asynchronous import AsyncClient
from moot.client.calls import Block, CallSummary, CallView, NodeStatus, ReceiptView, ValueWritten
from moot.client.component import ComponentError, kind_of
from moot.client.errors import (
    AddressError,
    Broken,
    CallFailed,
    ClientError,
    DeployError,
    Foreign,
    KeyNeeded,
    Problem,
    Refused,
    RequestError,
    TimedOut,
    TooLarge,
    Unreachable,
)
from moot.client.events import BlockApplied, FunctionChanged, LogLine, Missed, NodeEvent, OtherEvent, ReceiptMade
from moot.client.functions import ComponentView, Deployed, EntryOutcome, Export, FunctionSummary, FunctionView, Version
from moot.client.operations import CallOptions, idempotency_key
from moot.client.sync import Client
from moot.record.grants import Directory, Grants
from moot.record.spec import FunctionKind, Limits, Payer, Payloads, Spec, accounts

__all__ = [
    "AddressError",
    "Answer",
    "AsyncClient",
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
    "Directory",
    "EntryOutcome",
    "Export",
    "Foreign",
    "FunctionChanged",
    "FunctionKind",
    "FunctionSummary",
    "FunctionView",
    "Grants",
    "KeyNeeded",
    "Limits",
    "LogLine",
    "Missed",
    "NodeEvent",
    "NodeStatus",
    "OtherEvent",
    "Payer",
    "Payloads",
    "Problem",
    "ReceiptMade",
    "ReceiptView",
    "Refused",
    "RequestError",
    "Spec",
    "TimedOut",
    "TooLarge",
    "Unreachable",
    "ValueWritten",
    "Version",
    "Wait",
    "accounts",
    "idempotency_key",
    "kind_of",
]
