"""Both clients against a real node: from a deploy to a forged receipt that is refused."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from moot.client import (
    AsyncClient,
    BlockApplied,
    CallFailed,
    CallOptions,
    Client,
    DeployError,
    Foreign,
    FunctionKind,
    Grants,
    KeyNeeded,
    ReceiptMade,
    Refused,
    Spec,
    Wait,
    accounts,
    idempotency_key,
)
from moot.record import EventInput, HttpResponseHead, Proof, SignedEntry, Status, component_digest, encode_entry
from moot.record.receipt_file import ReceiptFile
from moot.verify import Genesis, ProofError
from tests.support.node import guest, moot_binary

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from moot.keys import Keypair
    from tests.support.node import Node

pytestmark = pytest.mark.node

GREETING = Grants.of(env={"GREETING": "hello"})


@pytest.fixture(scope="module")
def client(node: Node, owner: Keypair) -> Iterator[Client]:
    with Client(node.address, key=owner) as client:
        yield client


@pytest.fixture(scope="module")
def genesis(client: Client) -> Genesis:
    return client.genesis()


@pytest.fixture(scope="module")
def deployed(client: Client) -> str:
    spec = Spec("/hello", deterministic=True, idempotent=True, grants=GREETING)
    client.deploy("hello", guest("hello"), spec)
    return "hello"


def forge(file: ReceiptFile, *path: str, value: object) -> ReceiptFile:
    readable = json.loads(file.to_text())
    place: Any = readable
    for name in path[:-1]:
        place = place[name]
    assert place[path[-1]] != value
    place[path[-1]] = value
    return ReceiptFile.parse(json.dumps(readable))


def test_from_a_deploy_to_a_forged_receipt(client: Client, genesis: Genesis, deployed: str, owner: Keypair) -> None:
    answer = client.invoke(deployed, "ada", receipt=True)
    assert (answer.status, answer.text) == (200, "hello, ada\n")
    assert answer.fuel is not None and answer.fuel > 0

    # The worker's word came along with the answer.
    assert answer.signed_receipt is not None
    signed = answer.signed_receipt.verify(genesis)

    file = client.receipt(answer.call)
    assert isinstance(file.evidence, Proof)
    checked = file.check(genesis)
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
            forge(file, *path, value=value).check(genesis)
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


def test_the_worker_s_word_is_there_before_the_block_is(client: Client, genesis: Genesis, deployed: str) -> None:
    answer = client.invoke(deployed, "soon")
    file = client.receipt(answer.call, final=False)
    assert isinstance(file.evidence, (SignedEntry, Proof))
    assert file.check(genesis).receipt.call == answer.call
    with pytest.raises(Refused) as refused:
        client.receipt("0-999999-0-0-0", final=False)
    assert refused.value.problem.slug == "not-found"


def test_a_deploy_is_what_the_command_line_s_is(client: Client, node: Node, owner: Keypair, tmp_path: Path) -> None:
    # The same key, component and manifest: the command line finds nothing to change, and the other way round.
    manifest = f'[functions.twin]\ncomponent = "{guest("hello")}"\nidempotent = true\ndeterministic = true\n'
    (tmp_path / "moot.toml").write_text(manifest + '[functions.twin.grants]\nenv = { GREETING = "hello" }\n')
    spec = Spec("/twin", deterministic=True, idempotent=True, grants=GREETING)
    first = client.deploy("twin", guest("hello"), spec)
    assert (first.version, first.changed, first.kind) == (1, True, FunctionKind.EVENT)
    assert first.height is not None and first.entry is not None
    key = str(node.folder / "owner.key")
    command = [str(moot_binary()), "deploy", "--no-build", "--json", "--node", node.address, "--key", key]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, timeout=120)
    (said,) = json.loads(ran.stdout)["deployed"]
    assert (said["function"], said["version"], said["changed"]) == ("twin", 1, False)
    again = client.deploy("twin", guest("hello").read_bytes(), spec)
    assert (again.version, again.changed, again.entry) == (1, False, None)
    view = client.function("twin")
    assert view is not None
    assert view.summary.owner == owner.account
    assert view.versions[0].spec == spec.to_json()
    assert view.versions[0].spec_digest == spec.digest()
    assert client.component(view.summary.component) == guest("hello").read_bytes()


def test_versions_roll_back_and_functions_retire(client: Client) -> None:
    spec = Spec("/coming", destructible=True, grants=GREETING)
    client.deploy("coming", guest("hello"), spec)
    second = client.deploy(
        "coming", guest("hello"), Spec("/coming", destructible=True, idempotent=True, grants=GREETING)
    )
    assert second.version == 2
    with pytest.raises(DeployError, match="no version 7; it has v1, v2"):
        client.rollback("coming", 7)
    back = client.rollback("coming")
    assert (back.version, back.changed) == (1, True)
    assert not client.rollback("coming", 1).changed
    client.retire("coming")
    with pytest.raises(Refused) as refused:
        client.invoke("coming")
    assert (refused.value.status, refused.value.problem.slug) == (410, "retired")


def test_what_cannot_be_deployed_says_why(client: Client, node: Node, deployed: str, other: Keypair) -> None:
    with Client(node.address, key=other) as stranger, pytest.raises(DeployError, match="belongs to another account"):
        stranger.deploy(deployed, guest("hello"))
    with Client(node.address) as keyless, pytest.raises(KeyNeeded, match="made without `key`"):
        keyless.deploy("new", guest("hello"))
    # What it imports is not granted: the node refuses it by name, before the ledger has it.
    with pytest.raises(Refused, match="wasi:keyvalue") as refused:
        client.deploy("counting", guest("counter"))
    assert refused.value.problem.slug == "bad-component"
    with pytest.raises(DeployError, match="has no function nobody"):
        client.rollback("nobody")


def test_a_deploy_is_signed_for_the_pinned_network_only(node: Node, owner: Keypair, vector_genesis: Genesis) -> None:
    with (
        Client(node.address, key=owner, genesis=vector_genesis) as elsewhere,
        pytest.raises(DeployError, match="the client's genesis"),
    ):
        elsewhere.deploy("elsewhere", guest("hello"))
    with Client(node.address) as client:
        assert client.function("elsewhere") is None


def test_typed_calls(client: Client, genesis: Genesis) -> None:
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
    call = file.check(genesis).call
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


def test_who_may_call_signs(client: Client, node: Node, genesis: Genesis, owner: Keypair, other: Keypair) -> None:
    client.deploy("private", guest("hello"), Spec("/private", access=accounts(owner.account), grants=GREETING))
    # Refused unsigned, the request is signed and sent again, with and without an idempotency key.
    every: list[CallOptions] = [{}, {"idempotency_key": idempotency_key()}, {"sign": True}]
    for options in every:
        answer = client.invoke("private", "ada", **options)
        file = client.receipt(answer.call)
        call = file.check(genesis).call
        assert call is not None and call.caller == owner.account
    by_route = client.request("POST", "/private?x=1", b"route", sign=True)
    assert by_route.text == "hello, route\n"
    with Client(node.address) as nobody, pytest.raises(Refused) as unsigned:
        nobody.invoke("private", "ada")
    assert (unsigned.value.status, unsigned.value.problem.slug) == (401, "signature-needed")
    with Client(node.address, key=other) as stranger, pytest.raises(Refused) as foreign:
        stranger.invoke("private", "ada")
    assert (foreign.value.status, foreign.value.problem.slug) == (403, "not-allowed")


def test_values_are_written_by_accounts(client: Client, node: Node) -> None:
    written = client.put_value("/chat/lobby/42", b"hi")
    assert written.path == "/chat/lobby/42"
    with Client(node.address) as nobody, pytest.raises(KeyNeeded):
        nobody.put_value("/chat/lobby/42", b"hi")


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


def test_status(client: Client, genesis: Genesis) -> None:
    status = client.status()
    assert status.network == genesis.network()
    assert status.condition == "running"
    assert "uptime_s" in status.everything
    assert any(function.name == "hello" for function in client.functions())


def test_another_program_on_the_port_is_named_as_such(node: Node) -> None:
    with (
        Client(node.address) as client,
        pytest.raises(Foreign, match="no event stream"),
        client._stream(client._node._follow("/_moot/status")),
    ):
        pass


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
        assert (await client.put_value("/a/b", b"x")).path == "/a/b"
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


def test_a_call_s_entry_hashes_to_what_its_receipt_names(client: Client, genesis: Genesis, deployed: str) -> None:
    answer = client.invoke(deployed, "digest")
    file = client.receipt(answer.call)
    checked = file.check(genesis)
    assert checked.call is not None
    assert ReceiptFile.make(file.evidence, encode_entry(checked.call)).to_json() == file.to_json()
