/** The client against nodes that misbehave: a `fetch` that answers as it is told. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Client, ProblemError, TransportError } from "../src/client.js";
import { MAX_EVENT_BYTES } from "../src/client/limits.js";
import { EventParser, type RawEvent } from "../src/client/events.js";
import { Keypair } from "../src/keys.js";

type Reply = Response | Error | "hang";

/** A client whose node gives these replies in turn, and the requests that it saw. */
function scripted(...replies: Reply[]): { client: Client; seen: { url: string; init: RequestInit }[] } {
  const seen: { url: string; init: RequestInit }[] = [];
  const client = new Client("http://node.example", {
    key: Keypair.fromSeed(new Uint8Array(32).fill(7)),
    fetch: async (url, init = {}) => {
      seen.push({ url: url instanceof Request ? url.url : String(url), init });
      const reply = replies.shift() ?? assert.fail("one request too many");
      if (reply === "hang") {
        return new Promise((_, reject) => {
          // A real request keeps the process alive with its socket; the signal's timer does not.
          const socket = setInterval(() => undefined, 1000);
          init.signal?.addEventListener("abort", () => {
            clearInterval(socket);
            reject(new DOMException("aborted", "AbortError"));
          });
        });
      }
      if (reply instanceof Error) {
        throw reply;
      }
      return reply;
    },
  });
  return { client, seen };
}

const OK = (headers: Record<string, string> = {}): Response =>
  new Response("done", { headers: { "moot-call": "0-1-0-0-0", "moot-fuel": "7", ...headers } });

function problem(
  status: number,
  kind: string,
  more: object = {},
  headers: Record<string, string> = {},
): Response {
  const document = {
    type: `/_moot/problems#${kind}`,
    title: "T",
    status,
    detail: `because ${kind}`,
    ...more,
  };
  const media = { "content-type": "application/problem+json", ...headers };
  return new Response(JSON.stringify(document), { status, headers: media });
}

const header = (request: { init: RequestInit } | undefined, name: string): string | null =>
  new Headers(request?.init.headers).get(name);

/** The error of a request that must fail. */
async function failure<T extends Error>(
  request: Promise<unknown>,
  kind: new (...words: never[]) => T,
): Promise<T> {
  try {
    await request;
  } catch (error) {
    assert.ok(error instanceof kind, String(error));
    return error;
  }
  return assert.fail("it succeeded");
}

describe("requests that are sent again", () => {
  test("with an idempotency key, when the node is busy, broken, or serving it already", async () => {
    const { client, seen } = scripted(
      new TypeError("fetch failed"),
      problem(409, "in-flight", { call: "0-1-0-0-0" }, { "retry-after": "0" }),
      problem(503, "busy", {}, { "retry-after": "0" }),
      new Response("bad gateway", { status: 502 }),
      OK({ "moot-replayed": "true" }),
    );
    const answer = await client.invoke("hello", "x", { idempotencyKey: "k", sign: true });
    assert.deepEqual(
      [answer.text(), answer.replayed, answer.fuel, answer.call],
      ["done", true, 7n, "0-1-0-0-0"],
    );
    const signatures = seen.map((request) => header(request, "signature"));
    assert.equal(new Set(signatures).size, 5, "each try is signed anew: a node serves a signed request once");
    assert.ok(seen.every((request) => header(request, "idempotency-key") === "k"));
  });

  test("not without one, and never when the call is over", async () => {
    const lone = scripted(problem(503, "busy"));
    assert.equal((await failure(lone.client.invoke("hello"), ProblemError)).kind, "busy");
    const over = scripted(
      problem(504, "out-of-fuel", { call: "0-1-0-0-0", "call-status": "out-of-fuel", fuel: 9 }),
    );
    const failed = await failure(over.client.invoke("hello", "", { idempotencyKey: "k" }), ProblemError);
    assert.deepEqual([failed.call, failed.problem.fuel, over.seen.length], ["0-1-0-0-0", 9n, 1]);
    const bundle = scripted(new TypeError("fetch failed"));
    await failure(bundle.client.submit(new Uint8Array(1)), TransportError);
    assert.equal(bundle.seen.length, 1);
  });

  test("a bounded number of times", async () => {
    const down = (): Response => problem(503, "busy", {}, { "retry-after": "0" });
    const { client, seen } = scripted(down(), down(), down(), down(), down(), down());
    assert.equal((await failure(client.status(), ProblemError)).kind, "busy");
    assert.equal(seen.length, 6);
  });

  test("for a proof of the state, also while no block has carried its root", async () => {
    const none = (): Response => problem(503, "no-block-yet", {}, { "retry-after": "0" });
    const { client, seen } = scripted(none(), none(), new Response("{}"));
    assert.equal(await client.stateProof("prices"), "{}");
    assert.ok(seen.every(({ url }) => url === "http://node.example/_moot/state/network/prices"));
    const receipt = scripted(problem(409, "not-final", {}, { "retry-after": "0" }));
    const waiting = receipt.client.receipt("0-1-0-0-0", { final: true });
    assert.equal((await failure(waiting, ProblemError)).kind, "not-final", "that was waited for already");
  });

  test("until the caller has had enough", async () => {
    const stop = new AbortController();
    const { client } = scripted(problem(503, "busy", {}, { "retry-after": "3600" }));
    const waiting = client.invoke("hello", "", { idempotencyKey: "k", signal: stop.signal });
    setTimeout(() => {
      stop.abort(new RangeError("enough"));
    }, 20);
    await failure(waiting, RangeError);
  });
});

describe("answers that are none", () => {
  test("a node that hangs is given up in time, and says so", async () => {
    const { client } = scripted("hang");
    const error = await failure(client.invoke("hello", "", { timeoutMs: 30 }), TransportError);
    assert.equal(error.reason, "timeout");
    assert.match(
      error.message,
      /http:\/\/node\.example did not answer POST \/_moot\/functions\/hello\/call within 0\.03 s/u,
    );
  });

  test("a flood is cut off", async () => {
    const chunk = new Uint8Array(1 << 20);
    let sent = 0;
    const flood = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 1;
        controller.enqueue(chunk);
      },
    });
    const { client } = scripted(new Response(flood));
    assert.equal((await failure(client.invoke("hello"), TransportError)).reason, "too-large");
    assert.ok(sent < 70, `${String(sent)} MiB were read`);
  });

  test("what does not speak the API is not taken for a node", async () => {
    for (const reply of [
      new Response("<html>", { status: 200 }),
      new Response("{}", { status: 200 }),
      new Response('{"network":1}'),
      new Response("not here", { status: 404 }),
      new Response(new Uint8Array([0xff, 0xfe])),
    ]) {
      const error = await failure(scripted(reply).client.status(), TransportError);
      assert.equal(error.reason, "foreign");
      assert.match(error.message, /does not speak the API of a Folkmoot node/u);
    }
    assert.throws(() => new Client("ftp://x"), /only http and https/u);
  });

  test("a problem document of somebody else is the function's own answer", async () => {
    const own = new Response('{"type":"about:blank"}', {
      status: 404,
      headers: { "content-type": "application/problem+json", "moot-call": "0-1-0-0-0" },
    });
    const answer = await scripted(own).client.request("/shop/item");
    assert.deepEqual([answer.status, answer.ok], [404, false]);
  });

  test("case 75: what a server writes cannot drive the terminal of who prints the error", async () => {
    const evil = "a\u001b[2Jb\rc\u0007d\u009b31me\u202ef\u2066g\u007fh\ti\nj";
    const safe = "a\\u001b[2Jb\\rc\\u0007d\\u009b31me\\u202ef\\u2066g\\u007fh\\ti\\nj";
    for (const words of [{ detail: evil }, { detail: "", title: evil }]) {
      const told = await failure(scripted(problem(400, "x", words)).client.status(), ProblemError);
      assert.equal(told.message, safe);
      assert.ok(told.stack?.includes(safe));
      assert.equal(told.problem.detail || told.problem.title, evil, "programs have it as it came");
    }
    const line = evil.replace("\n", "");
    const foreign = await failure(
      scripted(new Response(line, { status: 500 })).client.status(),
      TransportError,
    );
    assert.ok(foreign.message.includes(safe.replace("\\n", "")), foreign.message);
    const headers = { "moot-call": "0-1\u009b31m" };
    const answer = await scripted(new Response("done", { headers })).client.request("/hello");
    assert.throws(() => answer.call, /"0-1\\u009b31m" is not an entry's address/u);
  });

  test("case 75: nor flood it", async () => {
    const [detail, kept] = ["👋".repeat(10_000), "👋".repeat(4096)];
    const told = await failure(scripted(problem(400, "x", { detail })).client.status(), ProblemError);
    assert.deepEqual([told.message, told.problem.detail], [`${kept}…`, detail]);
    const fits = await failure(scripted(problem(400, "x", { detail: kept })).client.status(), ProblemError);
    assert.equal(fits.message, kept);
  });
});

describe("what is sent", () => {
  test("preferences, paths and arguments have their wire forms", async () => {
    const { client, seen } = scripted(OK(), OK(), OK());
    await client.invoke("hello", new Uint8Array([1]), { wait: "accepted", receipt: true });
    await client.invokeTyped("calc", "a:b/c@0.1.0#d!", [
      1n,
      2n ** 60n,
      new Uint8Array([255]),
      NaN,
      { x: -(2n ** 60n) },
    ]);
    await client.request("/x?y=1", { method: "put", body: "z", wait: "final" });
    assert.equal(header(seen[0], "prefer"), "respond-async, moot-receipt");
    assert.equal(seen[1]?.url, "http://node.example/_moot/functions/calc/call/a:b/c@0.1.0%23d%21");
    const sent = new TextDecoder().decode(seen[1].init.body as Uint8Array);
    assert.equal(sent, '[1,"1152921504606846976","/w==","NaN",{"x":"-1152921504606846976"}]');
    assert.deepEqual([seen[2]?.init.method, header(seen[2], "prefer")], ["PUT", "moot-wait=final"]);
    assert.ok(seen.every(({ init }) => init.redirect === "manual"));
  });

  test("nothing is signed unasked, and a refused request is signed once", async () => {
    const { client, seen } = scripted(problem(401, "signature-needed"), problem(401, "signature-wrong"));
    const refused = await failure(client.invoke("hello"), ProblemError);
    assert.equal(refused.kind, "signature-wrong");
    assert.deepEqual(
      seen.map((request) => header(request, "signature") !== null),
      [false, true],
    );
  });

  test("what cannot be sent is refused before anything is", async () => {
    const { client, seen } = scripted();
    const refused: readonly (readonly [() => Promise<unknown>, RegExp])[] = [
      [async () => client.request("hello"), /begins with a slash/u],
      [async () => client.request("/x", { method: "get", body: "x" }), /GET takes no body/u],
      [async () => client.request("/x", { method: "TRACE" }), /is not a method/u],
      [async () => client.request("/x", { headers: { "a b": "c" } }), /header "a b"/u],
      [async () => client.request("/x", { headers: { a: "line\nbreak" } }), /header "a"/u],
      [async () => client.invoke("No Such", ""), /not a function name/u],
      [async () => client.invoke("hello", "\ud800"), /half a character/u],
      [async () => client.invoke("hello", "", { idempotencyKey: "" }), /no idempotency key/u],
      [async () => client.invoke("hello", "", { idempotencyKey: "k".repeat(256) }), /1 to 255/u],
      [async () => client.invokeTyped("hello", "", []), /not an export/u],
      [async () => client.receipt("../../etc"), /not an entry's address/u],
      [async () => client.values.put("/a/../b", ""), /value\.path/u],
    ];
    for (const [request, why] of refused) {
      await assert.rejects(request, why);
    }
    assert.equal(seen.length, 0);
  });

  test("an address is an origin", () => {
    for (const [text, origin] of [
      ["127.0.0.1:8080", "http://127.0.0.1:8080"],
      ["http://127.0.0.1:8080/", "http://127.0.0.1:8080"],
      ["https://Moot.example", "https://moot.example"],
      ["http://[::1]:9", "http://[::1]:9"],
    ] as const) {
      assert.equal(new Client(text).origin, origin);
    }
    for (const bad of ["", "ftp://x", "http://me:pw@x", "http://x/path", "http://x?y", "http://", "host:"]) {
      assert.throws(() => new Client(bad), /an address looks like http:\/\/127\.0\.0\.1:8080/u, bad);
    }
  });
});

describe("event streams", () => {
  const events = (pieces: string[]): RawEvent[] => {
    const parser = new EventParser();
    return pieces.flatMap((piece) => parser.feed(piece));
  };

  test("the same events come out however the text is cut", () => {
    const text =
      ": hello\n\nevent: log\ndata: {}\n\ndata: one\r\ndata: two\r\n\r\nevent: empty\n\nid: 1\ndata:x\n\ndata: unfinished";
    const expected = [
      { name: "log", data: "{}" },
      { name: "message", data: "one\ntwo" },
      { name: "message", data: "x" },
    ];
    for (let cut = 0; cut <= text.length; cut += 1) {
      assert.deepEqual(events([text.slice(0, cut), text.slice(cut)]), expected, `cut at ${String(cut)}`);
    }
  });

  test("a line or an event that never ends is cut off", () => {
    const chunk = "x".repeat(64 * 1024);
    for (const piece of [chunk, `data: ${chunk}\n`]) {
      const parser = new EventParser();
      assert.throws(() => {
        for (let fed = 0; fed < 4 * MAX_EVENT_BYTES; fed += piece.length) {
          parser.feed(piece);
        }
      }, /larger than 1048576 bytes/u);
    }
  });

  test("unknown events are passed over, malformed ones end the stream with an error", async () => {
    const stream = (text: string): Client =>
      scripted(new Response(text, { headers: { "content-type": "text/event-stream" } })).client;
    const seen = [];
    for await (const event of stream(
      'event: new\ndata: 1\n\nevent: missed\ndata: {"events":3}\n\n',
    ).events()) {
      seen.push(event);
    }
    assert.deepEqual(seen, [{ type: "missed", events: 3n }]);
    const broken = stream('event: missed\ndata: {"events":-3}\n\n').events();
    assert.equal((await failure(broken.next(), TransportError)).reason, "foreign");
    const busy = scripted(problem(503, "busy")).client.events();
    assert.equal((await failure(busy.next(), ProblemError)).kind, "busy");
  });
});
