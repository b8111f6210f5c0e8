"""Write functions for Folkmoot in plain Python.

```python
from dataclasses import dataclass
from moot.guest import Invalid, function

@dataclass
class Order:
    item: str
    quantity: int = 1

@function
def handle(order: Order) -> dict[str, int]:
    if order.quantity < 1:
        raise Invalid("an order is for one at least")
    return {order.item: order.quantity}
```

```text
moot.guest.function   answers events: the decorated function is what is called
moot.guest.export     a typed export of the function's own world
moot.guest.serve      answers HTTP by a WSGI application (Flask and the like, unchanged)
moot.guest.context    facts about the call;  moot.guest.keyvalue  stores;  moot.guest.http  other servers
moot.guest.ledger     writing values, calling other functions
```

What is logged with `logging`, and the traceback of an exception that nobody caught, is in the function's log. An
exception that nobody caught ends the call with status `trapped`; a `Failure` is an ordinary answer.

Nothing here needs more than the standard library: it becomes a part of the component. Outside of one, so that functions
can be tested as they are, the modules import, and raise `NotInComponent` when the host would be needed.
"""

from moot.guest import context, http, keyvalue, ledger
from moot.guest.events import Event, decode, encode, function
from moot.guest.exports import export
from moot.guest.failures import Conflict, Denied, Failure, Internal, Invalid, NotFound, Unavailable
from moot.guest.host import Err, NotGranted, NotInComponent, Ok, Some
from moot.guest.wsgi import serve

__all__ = [
    "Conflict",
    "Denied",
    "Err",
    "Event",
    "Failure",
    "Internal",
    "Invalid",
    "NotFound",
    "NotGranted",
    "NotInComponent",
    "Ok",
    "Some",
    "Unavailable",
    "context",
    "decode",
    "encode",
    "export",
    "function",
    "http",
    "keyvalue",
    "ledger",
    "serve",
]
