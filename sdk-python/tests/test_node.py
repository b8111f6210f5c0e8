"""The client against a real node: from a call to a forged receipt that is refused."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from moot.client import (
    AsyncClient,
    BlockApplied,
    Broken,
    CallFailed,
    CallOptions,
    Client,
    Foreign,
    FunctionKind,
    ReceiptMade,
    Refused,
    Spec,
    TimedOut,
    Wait,
    accounts,
    idempotency_key,
)
from moot.record import EventInput, Grants, HttpResponseHead, Proof, SignedEntry, Status, encode_entry
from moot.record.receipt_file import ReceiptFile
from moot.verify import Genesis, ProofError
from tests.support.node import GREETING, Node, forge, guest, moot_binary
from tests.support.relay import Loss, Relay

if TYPE_CHECKING:
    from pathlib import Path

    from moot.keys import Keypair

pytestmark = pytest.mark.node


def test_from_a_deploy_to_a_forged_receipt(
    client: Client, node_genesis: Genesis, deployed: str, owner: Keypair
) -> None:
    answer = client.invoke(deployed, "ada", receipt=True)
    assert (answer.status, answer.text) == (200, "hello, ada\n")
    assert answer.fuel is not None and answer.fuel > 0

    # The worker's word came along with the answer.
    assert answer.signed_receipt is not None
    signed = answer.signed_receipt.verify(node_genesis)

    file = client.receipt(answer.call)
    assert isinstance(file.evidence, Proof)
    checked = file.check(node_genesis)
    assert checked.receipt == signed.entry
    assert checked.finality is not None and checked.finality.height > 0
    assert checked.receipt.call == answer.call
    assert checked.receipt.status is Status.OK
    assert checked.receipt.fuel == answer.fuel
    assert checked.receipt.output.is_of(answer.body)
    assert client.output(answer.call) == answer.body
    assert checked.call is not None
    asked = client.input(answer.call)
    assert checked.call.input.is_of(asked)
    assert EventInput.split(asked)[1] == b"ada"
    assert checked.call.function == "hello"

    for path, value in [
        (("receipt", "fuel"), answer.fuel + 1),
        (("receipt", "status"), "failed"),
        (("receipt", "output", "digest"), "00" * 32),
        (("call", "caller"), str(owner.account)),
        (("worker",), str(owner.account)),
        (("block", "height"), checked.finality.height + 1),
    ]:
        with pytest.raises(ProofError) as refused:
            forge(file, *path, value=value).check(node_genesis)
        assert refused.value.field == ".".join(path)


def test_both_verifiers_agree(client: Client, deployed: str, tmp_path: Path) -> None:
    answer = client.invoke(deployed, "both")
    file = client.receipt(answer.call)
    (tmp_path / "genesis.json").write_text(client.genesis().to_text())
    (tmp_path / "good.json").write_text(file.to_text())
    assert answer.fuel is not None
    (tmp_path / "bad.json").write_text(forge(file, "receipt", "fuel", value=answer.fuel + 1).to_text())
    for name, code in [("good.json", 0), ("bad.json", 1), ("missing.json", 2)]:
        verdicts = []
        for program in ([moot_binary(), "verify"], [sys.executable, "-m", "moot.verify"]):
            command = [*program, name, "--genesis", "genesis.json", "--json"]
            ran = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=60)
            assert ran.returncode == code, (program, ran.stdout, ran.stderr)
            verdicts.append(json.loads(ran.stdout) if ran.stdout else None)
        assert verdicts[0] == verdicts[1]


def test_the_worker_s_word_is_there_before_the_block_is(client: Client, node_genesis: Genesis, deployed: str) -> None:
    answer = client.invoke(deployed, "soon")
    file = client.receipt(answer.call, final=False)
    assert isinstance(file.evidence, (SignedEntry, Proof))
    assert file.check(node_genesis).receipt.call == answer.call
    with pytest.raises(Refused) as refused:
        client.receipt("0-999999-0-0-0", final=False)
    assert refused.value.problem.slug == "not-found"


def test_typed_calls(client: Client, node_genesis: Genesis) -> None:
    client.deploy("calculator", guest("calculator"), Spec("/calculator", deterministic=True))
    assert client.call("calculator", "add", 2, 3).json() == 5
    assert client.call("calculator", "reverse", b"\x00\x01\xff").json() == "/wEA"
    assert client.call("calculator", "sum", [2**63, 1]).json() == str(2**63 + 1)
    view = client.function("calculator")
    assert view is not None
    (divide,) = [export.path for export in view.exports if export.path.endswith("#divide")]
    answer = client.call("calculator", divide, 17, 5)
    assert answer.json() == [3, 2]
    file = client.receipt(answer.call)
    call = file.check(node_genesis).call
    assert call is not None and call.export == divide
    with pytest.raises(CallFailed, match="division-by-zero") as failed:
        client.call("calculator", divide, 17, 0)
    assert (failed.value.status, failed.value.problem.call_status) == (422, "failed")
    with pytest.raises(CallFailed) as trapped:
        client.call("calculator", "sum", [2**64 - 1, 1])
    assert trapped.value.problem.call_status == "trapped"
    with pytest.raises(Refused) as refused:
        client.call("calculator", "add", "two", 3)
    assert refused.value.problem.slug == "bad-arguments"
    with pytest.raises(Refused) as unknown:
        client.call("calculator", "subtract", 1)
    assert unknown.value.problem.slug == "no-such-export"


def test_functions_that_speak_http(client: Client) -> None:
    done = client.deploy("hello-http", guest("hello_http"))
    assert done.kind is FunctionKind.HTTP
    answer = client.request("GET", "/hello-http/there?name=w%C3%B6rld")
    assert (answer.status, answer.text) == (200, "hello from /hello-http/there\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    echoed = client.request("POST", "/hello-http/echo", b"x" * 100_000, headers={"content-type": "text/plain"})
    assert echoed.body == b"x" * 100_000
    recorded = client.output(answer.call)
    head, body = HttpResponseHead.split(recorded)
    assert (head.status, body) == (200, answer.body)
    with pytest.raises(Refused) as refused:
        client.request("GET", "/nowhere")
    assert refused.value.problem.slug == "no-route"


def test_a_retry_runs_once(client: Client, deployed: str) -> None:
    key = idempotency_key()
    first = client.invoke(deployed, "once", idempotency_key=key)
    again = client.invoke(deployed, "once", idempotency_key=key)
    assert (first.replayed, again.replayed) == (False, True)
    assert (first.call, first.body) == (again.call, again.body)
    with pytest.raises(Refused) as refused:
        client.invoke(deployed, "twice", idempotency_key=key)
    assert refused.value.problem.slug == "idempotency-key-reused"
    # A failure is stored too, and comes at once: nothing is tried again.
    for _ in range(2):
        with pytest.raises(CallFailed):
            client.invoke(deployed, "x" * 300, idempotency_key="fails")


@pytest.fixture(scope="module")
def counter(client: Client) -> str:
    client.deploy("counter", guest("counter"), Spec("/counter", grants=Grants.of(key_value=["default"])))
    return "counter"


@pytest.mark.parametrize("how", Loss)
def test_a_retry_after_a_timeout_makes_one_execution(client: Client, node: Node, counter: str, how: Loss) -> None:
    # FAULTS 72: who hears nothing cannot know whether the call was made. The function counts: a second run would show.
    with closing(Relay(node.address)) as relay, Client(relay.address) as caller:
        relay.lose(how)
        answer = caller.invoke(counter, how.name, idempotency_key=idempotency_key(), timeout_s=3)
        assert (answer.text, answer.replayed, relay.lost) == ("1", True, 1)
        # Without a key nobody tries again, and the caller is told.
        relay.lose(how)
        with pytest.raises(TimedOut if how is Loss.SILENT else Broken):
            caller.invoke(counter, how.name, timeout_s=3)
    assert client.invoke(counter, f"?{how.name}").text == "2"


@pytest.mark.anyio
@pytest.mark.parametrize("how", Loss)
async def test_the_asynchronous_client_makes_one_execution_too(
    client: Client, node: Node, counter: str, how: Loss
) -> None:
    with closing(Relay(node.address)) as relay:
        async with AsyncClient(relay.address) as caller:
            relay.lose(how)
            answer = await caller.invoke(counter, f"aio {how.name}", idempotency_key=idempotency_key(), timeout_s=3)
    assert (answer.text, answer.replayed, relay.lost) == ("1", True, 1)
    assert client.invoke(counter, f"?aio {how.name}").text == "1"


def test_how_far_a_call_is_waited_for(client: Client, deployed: str) -> None:
    accepted = client.invoke(deployed, "later", wait=Wait.ACCEPTED)
    assert accepted.status == 202
    view = client.find_call(accepted.call)
    assert view is not None and view.function == deployed
    final = client.invoke(deployed, "final", wait=Wait.FINAL)
    assert final.final
    view = client.find_call(final.call)
    assert view is not None and view.receipt is not None and view.height is not None
    assert view.receipt.status is Status.OK
    block = client.block(view.height)
    assert block is not None and block.batches
    assert client.block(10**9) is None
    assert client.find_call("0-999999-0-0-0") is None
    assert final.call in [call.id for call in client.calls(20)]


def test_who_may_call_signs(client: Client, node: Node, node_genesis: Genesis, owner: Keypair, other: Keypair) -> None:
    client.deploy("private", guest("hello"), Spec("/private", access=accounts(owner.account), grants=GREETING))
    # Refused unsigned, the request is signed and sent again, with and without an idempotency key.
    every: list[CallOptions] = [{}, {"idempotency_key": idempotency_key()}, {"sign": True}]
    for options in every:
        answer = client.invoke("private", "ada", **options)
        file = client.receipt(answer.call)
        call = file.check(node_genesis).call
        assert call is not None and call.caller == owner.account
    by_route = client.request("POST", "/private?x=1", b"route", sign=True)
    assert by_route.text == "hello, route\n"
    with Client(node.address) as nobody, pytest.raises(Refused) as unsigned:
        nobody.invoke("private", "ada")
    assert (unsigned.value.status, unsigned.value.problem.slug) == (401, "signature-needed")
    with Client(node.address, key=other) as stranger, pytest.raises(Refused) as foreign:
        stranger.invoke("private", "ada")
    assert (foreign.value.status, foreign.value.problem.slug) == (403, "not-allowed")


def test_events_are_followed(client: Client, deployed: str) -> None:
    with client.events() as events:
        answers = []
        caller = threading.Thread(target=lambda: answers.append(client.invoke(deployed, "listen", wait=Wait.FINAL)))
        caller.start()
        receipt = next(event for event in events if isinstance(event, ReceiptMade))
        block = next(event for event in events if isinstance(event, BlockApplied))
        caller.join()
    assert receipt.call == answers[0].call
    assert receipt.status == "ok"
    assert block.height > 0
    with client.logs(deployed) as lines:
        assert any("greets listen" in line.message for line in lines if hasattr(line, "message"))
    with pytest.raises(Refused), client.logs("nobody"):
        pass


def test_status(client: Client, node_genesis: Genesis) -> None:
    status = client.status()
    assert status.network == node_genesis.network()
    assert status.condition == "running"
    assert "uptime_s" in status.everything
    assert any(function.name == "hello" for function in client.functions())


def test_another_program_on_the_port_is_named_as_such(node: Node) -> None:
    with (
        Client(node.address) as client,
        pytest.raises(Foreign, match="no event stream"),
        client._stream(client._node.follow("/_moot/status")),
    ):
        pass


def test_a_call_s_entry_hashes_to_what_its_receipt_names(client: Client, node_genesis: Genesis, deployed: str) -> None:
    answer = client.invoke(deployed, "digest")
    file = client.receipt(answer.call)
    checked = file.check(node_genesis)
    assert checked.call is not None
    assert ReceiptFile.make(file.evidence, encode_entry(checked.call)).to_json() == file.to_json()
