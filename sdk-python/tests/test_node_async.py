"""The asynchronous client against a real node: everything that the other one does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from moot.client import (
    AsyncClient,
    CallFailed,
    DeployError,
    ReceiptMade,
    Refused,
    Spec,
    idempotency_key,
)
from moot.record import component_digest
from moot.verify import ProofError
from tests.support.node import GREETING, Node, forge, guest

if TYPE_CHECKING:
    from moot.keys import Keypair

pytestmark = pytest.mark.node


@pytest.mark.anyio
async def test_the_asynchronous_client_does_all_of_it(node: Node, owner: Keypair) -> None:
    async with AsyncClient(node.address, key=owner) as client:
        genesis = await client.genesis()
        spec = Spec("/aio", deterministic=True, idempotent=True, grants=GREETING)
        done = await client.deploy("aio", guest("hello"), spec)
        assert done.changed
        assert not (await client.deploy("aio", guest("hello").read_bytes(), spec)).changed
        async with client.events() as events:
            answer = await client.invoke("aio", "ada", idempotency_key=idempotency_key(), receipt=True)
            async for event in events:
                if isinstance(event, ReceiptMade):
                    assert event.call == answer.call
                    break
        assert answer.text == "hello, ada\n"
        file = await client.receipt(answer.call)
        checked = file.check(genesis)
        assert checked.receipt.output.is_of(answer.body)
        assert answer.signed_receipt is not None
        assert answer.signed_receipt.verify(genesis).entry == checked.receipt
        with pytest.raises(ProofError) as forged:
            forge(file, "receipt", "fuel", value=checked.receipt.fuel + 1).check(genesis)
        assert forged.value.field == "receipt.fuel"
        assert await client.output(answer.call) == answer.body
        asked = await client.input(answer.call)
        assert checked.call is not None
        assert checked.call.input.is_of(asked)
        with pytest.raises(CallFailed):
            await client.invoke("aio", "x" * 300)
        await client.deploy("aio-calculator", guest("calculator"))
        assert (await client.call("aio-calculator", "add", 2, 3)).json() == 5
        assert (await client.request("POST", "/aio", b"route")).text == "hello, route\n"
        await client.deploy("aio", guest("hello"), Spec("/aio", grants=GREETING))
        assert (await client.rollback("aio")).version == 1
        with pytest.raises(DeployError, match="destructible"):
            await client.retire("aio")
        assert (await client.status()).condition == "running"
        assert (await client.function("nobody")) is None
        view = await client.find_call(answer.call)
        assert view is not None and view.height is not None
        assert await client.block(view.height) is not None
        assert await client.calls(5)
        assert any(function.name == "aio" for function in await client.functions())
        digest = component_digest(guest("hello").read_bytes())
        assert await client.component(digest) == guest("hello").read_bytes()
        async with client.logs("aio") as lines:
            assert [line async for line in lines]
        with pytest.raises(Refused):
            async with client.logs("nobody"):
                pass
