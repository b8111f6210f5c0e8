"""One export of a typed function, with the codecs of its parameters and of what it answers."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from moot.client.answer import Answer, Wait
from moot.client.errors import CallFailed, ClientError, Foreign, RequestError
from moot.client.operations import CallOptions
from moot.client.typed.codec import Codec, MismatchError, within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from moot.client.asynchronous import AsyncClient
    from moot.client.sync import Client

T = TypeVar("T")


class TypedOptions(CallOptions, total=False):
    """How a call is made.

    Attributes:
        answered: is given the whole answer before it is read: its `call` is the address of the receipt.
    """

    answered: Callable[[Answer], None]


class Failed(ClientError):
    """The function answered with the error of its `result`.

    Attributes:
        value: the error.
        refused: the node's words; `refused.problem.call` is the call's address: it has a receipt too.
    """

    def __init__(self, value: Any, refused: CallFailed) -> None:
        super().__init__(str(refused))
        self.value = value
        self.refused = refused


@dataclass(frozen=True, slots=True)
class TypedExport(Generic[T]):
    """An export.

    Attributes:
        path: `name`, or `interface#name`.
        parameters: a codec for each.
        answer: what reads the answer.
        failure: what reads the error, where the result is a `result`.
    """

    path: str
    parameters: tuple[Codec[Any], ...]
    answer: Codec[T]
    failure: Codec[Any] | None = None

    def call(self, client: Client, name: str, arguments: tuple[object, ...], options: TypedOptions) -> T:
        """Calls it.

        Raises:
            Failed: when it answers with the error of its `result`.
            ClientError: when there is no such answer.
        """
        written = self._write(arguments, options)
        with self._failing():
            answer = client.call(name, self.path, *written, **_plain(options))
        return self._read(answer, options)

    async def call_async(
        self, client: AsyncClient, name: str, arguments: tuple[object, ...], options: TypedOptions
    ) -> T:
        """The same for an event loop."""
        written = self._write(arguments, options)
        with self._failing():
            answer = await client.call(name, self.path, *written, **_plain(options))
        return self._read(answer, options)

    def _write(self, arguments: tuple[object, ...], options: TypedOptions) -> list[Any]:
        if options.get("wait") is Wait.ACCEPTED:
            raise RequestError("a typed call is waited for: one that is only accepted has no answer; use `Client.call`")
        written = []
        for place, (codec, argument) in enumerate(zip(self.parameters, arguments, strict=True)):
            with within(f"argument {place + 1}"):
                written.append(codec.write(argument))
        return written

    def _read(self, answer: Answer, options: TypedOptions) -> T:
        if (answered := options.get("answered")) is not None:
            answered(answer)
        with _reading():
            return self.answer.read(answer.json())

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except CallFailed as error:
            if self.failure is None or error.status != 422 or error.problem.slug != "function-failed":
                raise
            with _reading():
                value = self.failure.read(json.loads(error.problem.detail))
            raise Failed(value, error) from error


def _plain(options: TypedOptions) -> CallOptions:
    return cast("CallOptions", {name: value for name, value in options.items() if name != "answered"})


@contextmanager
def _reading() -> Iterator[None]:
    """What is not of the type in an answer is the node's fault, or a sign that the function has changed."""
    try:
        yield
    except (MismatchError, ValueError) as error:
        hint = "has the function changed since its bindings were written?"
        raise Foreign(f"the answer is not of its type ({error}); {hint}") from None
