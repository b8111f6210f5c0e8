/** The SDK against a real node: what it deploys, calls and keeps must be what the command line says it is. */

import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Client, type Manifest, ProblemError, TransportError } from "@folkmoot/sdk/client";
import { createKey, loadKey } from "@folkmoot/sdk/keyfile";
import { Keypair } from "@folkmoot/sdk/keys";
import {
  type Genesis,
  isPayloadOf,
  parseGenesis,
  payloadDigest,
  splitHttpRequest,
  splitHttpResponse,
  VerifyError,
  verifyReceiptFile,
  verifySignedBytes,
} from "@folkmoot/sdk/verify";
import { guest, moot, mootBinary, type Node, startNode, temporaryFolder } from "./node.js";

const HELLO = {
  deterministic: true,
  idempotent: true,
  grants: { env: { GREETING: "hello" } },
  limits: { deadline: "5s", memory: "32MiB" },
} as const;

/** Everything that a manifest can say of a function, in forms that are not the ledger's. */
const FULL: Manifest = {
  route: "/full/",
  access: ["b".repeat(64), "a".repeat(64), "b".repeat(64)],
  payer: "caller",
  upgradable: false,
  destructible: true,
  payloads: "keep",
  retention: "1d 12h",
  grants: {
    http: [
      "https://API.example.com",
      "http://[::FFFF:1.2.3.4]:80/",
      "https://*.b.example:8443",
      "http://10.0.0.1",
    ],
    env: { Z: "", A: "h\u00e9llo\nworld" },
    keyvalue: ["second", "default"],
    clock: true,
    random: true,
    ledger: true,
  },
  limits: {
    fuel: 1_000_000,
    deadline: "1m30s",
    memory: "1.5MiB",
    request: 4096,
    response: "1_000KB",
    log: "1KiB",
  },
};

/** The same in the command line's own file. */
const TOML = (component: string): string => `
[functions.full]
component = ${JSON.stringify(component)}
route = "/full/"
access = ["${"b".repeat(64)}", "${"a".repeat(64)}", "${"b".repeat(64)}"]
payer = "caller"
upgradable = false
destructible = true
payloads = "keep"
retention = "1d 12h"
[functions.full.grants]
http = ["https://API.example.com", "http://[::FFFF:1.2.3.4]:80/", "https://*.b.example:8443", "http://10.0.0.1"]
env = { Z = "", A = "h\u00e9llo\\nworld" }
keyvalue = ["second", "default"]
clock = true
random = true
ledger = true
[functions.full.limits]
fuel = 1_000_000
deadline = "1m30s"
memory = "1.5MiB"
request = 4096
response = "1_000KB"
log = "1KiB"

[functions.hello]
component = ${JSON.stringify(component)}
deterministic = true
idempotent = true
[functions.hello.grants]
env = { GREETING = "hello" }
[functions.hello.limits]
deadline = "5s"
memory = "32MiB"
`;

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** The problem that a request is refused with. */
async function problem(request: Promise<unknown>, kind: string): Promise<ProblemError> {
  try {
    await request;
  } catch (error) {
    assert.ok(error instanceof ProblemError, String(error));
    assert.equal(error.kind, kind, error.message);
    return error;
  }
  return assert.fail(`it was not refused with ${kind}`);
}

describe("a real node", () => {
  let node: Node;
  let folder: string;
  let key: Keypair;
  let client: Client;
  let stranger: Client;
  let genesis: Genesis;

  before(async () => {
    mootBinary();
    folder = await temporaryFolder();
    key = await createKey(join(folder, "keys", "owner.key"));
    node = await startNode(join(folder, "keys", "owner.key"));
    client = new Client(node.address, { key });
    stranger = new Client(node.address);
    genesis = parseGenesis(await client.genesis());
    const deployed = await client.deploy({ name: "hello", component: await guest("hello"), manifest: HELLO });
    assert.deepEqual([deployed.version, deployed.changed, deployed.kind], [1, true, "event"]);
    await client.deployAll([
      { name: "calculator", component: await guest("calculator"), manifest: { deterministic: true } },
      { name: "site", component: await guest("hello_http"), manifest: { route: "/site", idempotent: true } },
    ]);
  });

  after(async () => {
    await (node as Node | undefined)?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test("the command line finds nothing to change in what the SDK deployed, and the other way round", async () => {
    const wasm = join(folder, "hello.wasm");
    await writeFile(wasm, await guest("hello"));
    await writeFile(join(folder, "moot.toml"), TOML(wasm));
    const env = { MOOT_NODE: node.address, MOOT_KEY: join(folder, "keys", "owner.key") };
    const { stdout, code } = await moot(["deploy", "--no-build", "--json", "-f", folder], env);
    assert.equal(code, 0, stdout);
    const said = (JSON.parse(stdout) as { deployed: Record<string, unknown>[] }).deployed;
    const changed = said.map((one) => [one["function"], one["version"], one["changed"]]);
    assert.deepEqual(changed, [
      ["full", 1, true],
      ["hello", 1, false],
    ]);
    const full = await client.deploy({ name: "full", component: await guest("hello"), manifest: FULL });
    assert.deepEqual([full.version, full.changed], [1, false]);
    const again = await client.deploy({ name: "hello", component: await guest("hello"), manifest: HELLO });
    assert.deepEqual([again.version, again.changed, again.height], [1, false, null]);
    const view = await client.function("hello");
    assert.equal(view?.owner, (await loadKey(join(folder, "keys", "owner.key"))).account);
  });

  test("a call leaves a receipt that is verified offline, and a tampered one is refused by its field", async () => {
    const answer = await client.invoke("hello", "ada");
    assert.equal(answer.text(), "hello, ada\n");
    assert.ok(answer.fuel !== null && answer.fuel > 0n);
    const file = await client.receipt(answer.call, { final: true });
    const checked = verifyReceiptFile(file, genesis);
    assert.equal(checked.receipt.call, answer.call);
    assert.equal(checked.receipt.fuel, answer.fuel);
    assert.equal(checked.receipt.status, "ok");
    assert.equal(checked.call?.function, "hello");
    assert.ok(checked.finality !== null && checked.finality.height > 0n);
    assert.ok(isPayloadOf(checked.receipt.output, new TextEncoder().encode("hello, ada\n")));
    assert.equal(checked.receipt.output.digest, payloadDigest(await client.output(answer.call)));

    const fuel = String(checked.receipt.fuel);
    const tampered = file.replace(`"fuel": ${fuel}`, `"fuel": ${fuel}0`);
    assert.notEqual(tampered, file);
    assert.throws(
      () => verifyReceiptFile(tampered, genesis),
      (error: unknown) => error instanceof VerifyError && error.field === "receipt.fuel",
    );
    // The command line says the same of both.
    const paths = [
      join(folder, "genesis.json"),
      join(folder, "good.json"),
      join(folder, "bad.json"),
    ] as const;
    await writeFile(paths[0], await client.genesis());
    await writeFile(paths[1], file);
    await writeFile(paths[2], tampered);
    const verdict = async (path: string): Promise<unknown> => {
      const { stdout } = await moot(["verify", path, "--genesis", paths[0], "--json"]);
      const { valid, field } = JSON.parse(stdout) as Record<string, unknown>;
      return [valid, field];
    };
    assert.deepEqual(await verdict(paths[1]), [true, undefined]);
    assert.deepEqual(await verdict(paths[2]), [false, "receipt.fuel"]);
  });

  test("a receipt can come along with the answer, and be final with it", async () => {
    const answer = await client.invoke("hello", "bob", { receipt: true, wait: "final" });
    assert.equal(answer.reached, "final");
    assert.ok(answer.receipt !== null);
    const { entry, account } = verifySignedBytes(answer.receipt, genesis);
    assert.ok("receipt" in entry);
    assert.equal(entry.receipt.call, answer.call);
    assert.ok(genesis.validators.includes(account));
  });

  test("a call that was only accepted is answered later", async () => {
    const answer = await client.invoke("hello", "eve", { wait: "accepted" });
    assert.deepEqual([answer.status, answer.reached], [202, "accepted"]);
    const checked = verifyReceiptFile(await client.receipt(answer.call, { final: true }), genesis);
    assert.equal(checked.receipt.status, "ok");
    assert.equal(text(await client.output(answer.call)), "hello, eve\n");
  });

  test("typed exports are called with exact numbers and bytes", async () => {
    const call = async (path: string, ...args: unknown[]): Promise<unknown> =>
      (await stranger.invokeTyped("calculator", path, args)).json();
    assert.equal(await call("add", 2, 3), 5);
    assert.equal(await call("sum", [2n ** 63n, 1n]), "9223372036854775809");
    assert.equal(await call("reverse", new TextEncoder().encode("abc")), btoa("cba"));
    assert.equal(await call("nothing"), null);
    assert.deepEqual(await call("folkmoot:calculator/arithmetic@0.1.0#divide", 7n, 2), [3, 1]);
    const failed = await problem(call("fibonacci", 41), "function-failed");
    assert.match(failed.message, /at most 40/u);
    const receipt = verifyReceiptFile(await client.receipt(failed.call ?? ""), genesis);
    assert.equal(receipt.receipt.status, "failed", "what failed has a receipt too");
    await problem(call("add", 2), "bad-arguments");
    await problem(call("subtract", 2, 3), "no-such-export");
  });

  test("a trap is a problem with the guest's stack", async () => {
    const trapped = await problem(
      stranger.invokeTyped("calculator", "sum", [[2n ** 64n - 1n, 1n]]),
      "function-trapped",
    );
    assert.equal(trapped.problem.callStatus, "trapped");
    assert.ok(trapped.problem.fuel !== null && trapped.problem.fuel > 0n);
    assert.ok(trapped.problem.backtrace.length > 0);
  });

  test("an HTTP function is asked by its route, and its record holds the request and the response", async () => {
    const answer = await stranger.request("/site/?name=ada", { headers: { "x-test": "1" } });
    assert.equal(answer.status, 200);
    const request = splitHttpRequest(await client.input(answer.call));
    assert.deepEqual([request.head.method, request.head.target], ["GET", "/site/?name=ada"]);
    assert.ok(request.head.headers.some(({ name, value }) => name === "x-test" && text(value) === "1"));
    const response = splitHttpResponse(await client.output(answer.call));
    assert.equal(response.head.status, 200);
    assert.deepEqual(response.body, answer.bytes);
    await problem(client.invoke("site"), "wrong-kind");
  });

  test("the same idempotency key runs once, also when the first answer is lost on the way", async () => {
    const options = { idempotencyKey: crypto.randomUUID(), sign: true };
    const first = await client.invoke("hello", "twice", options);
    const second = await client.invoke("hello", "twice", options);
    assert.deepEqual([first.replayed, second.replayed], [false, true]);
    assert.deepEqual([second.call, second.text()], [first.call, "hello, twice\n"]);
    await problem(client.invoke("hello", "another", options), "idempotency-key-reused");

    let tries = 0;
    const lossy = new Client(node.address, {
      key,
      fetch: async (...request) => {
        tries += 1;
        const response = await fetch(...request);
        if (tries === 1) {
          await response.arrayBuffer();
          throw new TypeError("fetch failed", { cause: new Error("the connection broke") });
        }
        return response;
      },
    });
    const answer = await lossy.invoke("hello", "lost", { idempotencyKey: crypto.randomUUID(), sign: true });
    assert.deepEqual([tries, answer.replayed, answer.text()], [2, true, "hello, lost\n"]);
    const recent = await client.calls({ limit: 5 });
    const name = (call: { id: string }): boolean => call.id === answer.call;
    assert.equal(recent.filter(name).length, 1);
    // Without a key nothing is sent twice: the first try may have run.
    tries = 0;
    await assert.rejects(lossy.invoke("hello", "lost"), (error: unknown) => {
      assert.ok(error instanceof TransportError);
      return error.reason === "unreachable" && error.message.includes("the connection broke");
    });
    assert.equal(tries, 1);
  });

  test("a function for certain accounts is called by a signed request, and by no copy of one", async () => {
    const friend = Keypair.generate();
    const manifest = { access: [friend.account], route: "/private" };
    const component = await guest("hello");
    await client.deploy({ name: "private", component, manifest });
    await problem(stranger.invoke("private", "x"), "signature-needed");
    await problem(client.invoke("private", "x"), "not-allowed");
    const sent: [RequestInfo | URL, RequestInit | undefined][] = [];
    const known = new Client(node.address, {
      key: friend,
      fetch: async (url, init) => {
        sent.push([url, init]);
        return fetch(url, init);
      },
    });
    const answer = await known.invoke("private", "friend");
    assert.equal(sent.length, 2, "asked once without a signature, then with one");
    assert.equal((await client.call(answer.call))?.caller, friend.account);
    const copy = await fetch(...(sent[1] ?? assert.fail()));
    assert.equal(copy.status, 401);
    assert.match(await copy.text(), /served already/u);
  });

  test("events and logs are followed, and the stream is closed by whoever stops reading", async () => {
    const stopped = new AbortController();
    const events = client.events({ signal: stopped.signal });
    const next = events.next();
    const seen: string[] = [];
    // The stream is open once something comes: calls are made until one is seen.
    const calls = setInterval(() => void client.invoke("hello", "events").catch(() => undefined), 200);
    try {
      for (let event = await next; event.done !== true; event = await events.next()) {
        seen.push(event.value.type);
        if (event.value.type === "receipt") {
          assert.equal(event.value.status, "ok");
          assert.equal((await client.call(event.value.call))?.receipt?.fuel, event.value.fuel);
        }
        if (seen.includes("receipt") && seen.includes("block")) {
          break;
        }
      }
    } finally {
      clearInterval(calls);
    }
    await events.return();
    const lines = [];
    for await (const line of client.logs("hello")) {
      lines.push(line);
    }
    assert.ok(lines.some((line) => line.type === "log" && line.message.endsWith("greets ada")));
    const follow = client.logs("hello", { follow: true, signal: stopped.signal });
    assert.equal((await follow.next()).value?.type, "log");
    const enough = new RangeError("enough");
    stopped.abort(enough);
    const rest = async (): Promise<void> => {
      for await (const line of follow) {
        assert.equal(line.type, "log");
      }
    };
    await assert.rejects(rest, (error: unknown) => error === enough);
  });

  test("versions: a change is a new one, an earlier one comes back, a destructible one is retired", async () => {
    const component = await guest("counter");
    const manifest = { destructible: true, grants: { keyvalue: ["default"] } };
    const first = await client.deploy({ name: "counter", component, manifest });
    const second = await client.deploy({
      name: "counter",
      component,
      manifest: { ...manifest, limits: { fuel: 10n ** 9n } },
    });
    assert.deepEqual([first.version, second.version, second.changed], [1, 2, true]);
    assert.equal(await client.rollback("counter"), 1);
    assert.equal((await client.function("counter"))?.version, 1);
    await assert.rejects(client.rollback("counter", 7), /no version 7; it has v1, v2/u);
    await client.retire("counter");
    assert.equal((await client.function("counter"))?.retired, true);
    await problem(client.invoke("counter", "x"), "retired");
    await assert.rejects(client.retire("hello"), /was not retired/u);
  });

  test("what is wrong with a deploy is said before it is on the ledger", async () => {
    const component = await guest("counter");
    await problem(client.deploy({ name: "greedy", component }), "bad-component");
    await problem(client.deploy({ name: "broken", component: new Uint8Array(100) }), "bad-component");
    const other = new Client(node.address, { key: Keypair.generate() });
    await assert.rejects(other.deploy({ name: "hello", component }), /belongs to another account/u);
    await assert.rejects(stranger.deploy({ name: "x", component }), /has no key/u);
    const limits = { deadlin: "1s" } as object;
    await assert.rejects(client.deploy({ name: "typo", component, manifest: { limits } }), {
      field: "manifest.limits.deadlin",
    });
  });

  test("the node is described, and what is not there is null or says so", async () => {
    const status = await stranger.status();
    assert.equal(status.network, genesis.network);
    assert.equal((await stranger.block(1))?.height, 1n);
    assert.equal(await stranger.block(10n ** 12n), null);
    assert.equal(await stranger.function("nobody"), null);
    assert.equal(await stranger.call("0-999999-0-0-0"), null);
    const names = (await stranger.functions()).map(({ name }) => name as string);
    assert.ok(names.includes("hello") && names.includes("calculator"));
    const view = await stranger.function("calculator");
    assert.ok(view !== null);
    assert.ok(view.exports.some(({ path, result }) => path === "add" && result === "u32"));
    assert.equal(view.versions[0]?.spec.deterministic, true);
    await problem(stranger.invoke("nobody"), "no-such-function");
    await problem(stranger.receipt("0-999999-0-0-0"), "not-found");
    await assert.rejects(stranger.receipt("../status"), /is not an entry's address/u);
  });

  test("an address where nobody listens is named with the system's reason", async () => {
    await assert.rejects(new Client("127.0.0.1:9").invoke("hello"), (error: unknown) => {
      assert.ok(error instanceof TransportError);
      return error.reason === "unreachable" && error.message.includes("http://127.0.0.1:9");
    });
  });

  test("the key file is private, and made once", async () => {
    const path = join(folder, "keys", "owner.key");
    assert.match(await readFile(path, "utf8"), /^moot-key-1 [0-9a-f]{64}\n$/u);
    const { stdout } = await moot(["account", "--json"], { MOOT_KEY: path });
    assert.ok(stdout.includes(key.account), stdout);
    await assert.rejects(createKey(path), /EEXIST/u);
  });
});
