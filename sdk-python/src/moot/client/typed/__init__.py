"""What `moot bindings --lang python` writes stands on: a codec for each type of WIT, and a call with types.

```python
with Client() as client:
    calculator = Calculator(client)  # moot bindings calculator --lang python
    quotient, remainder = calculator.divide(17, 5)
```
"""

from moot.client.typed.call import Failed, TypedExport, TypedOptions
from moot.client.typed.codec import (
    Codec,
    Err,
    MismatchError,
    Ok,
    Some,
    array_of,
    enumeration,
    flags,
    list_of,
    option,
    record,
    result,
    some,
    tuple_of,
    variant,
)
from moot.client.typed.plain import (
    BOOL,
    BYTES,
    CHAR,
    F32,
    F64,
    S8,
    S16,
    S32,
    S64,
    TEXT,
    U8,
    U16,
    U32,
    U64,
    UNIT,
)

__all__ = [
    "BOOL",
    "BYTES",
    "CHAR",
    "F32",
    "F64",
    "S8",
    "S16",
    "S32",
    "S64",
    "TEXT",
    "U8",
    "U16",
    "U32",
    "U64",
    "UNIT",
    "Codec",
    "Err",
    "Failed",
    "MismatchError",
    "Ok",
    "Some",
    "TypedExport",
    "TypedOptions",
    "array_of",
    "enumeration",
    "flags",
    "list_of",
    "option",
    "record",
    "result",
    "some",
    "tuple_of",
    "variant",
]
