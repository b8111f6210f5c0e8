/** The guest modules, run in Node with a host that a test can look into. What engines add is tested with real components. */

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import type { HttpFunction } from "../src/guest/http.js";
import { host } from "./interfaces.js";

// After `interfaces`, which teaches Node where `moot:` and `wasi:` are.
const { ComponentError, context, defineFunction, environment, Failure, log, openStore } =
  await import("../src/guest.js");
const { exportHandler } = await import("../src/guest/event.js");
const { answer, warmUp } = await import("../src/guest/http.js");
const { guard } = await import("../src/guest/typed.js");
const { describe: describeError, UNEXPECTED } = await import("../src/guest/errors.js");
const { readable } = await import("../src/guest/stack.js");
const { readableErrors } = await import("../src/guest/console.js");

type EventFunction = Parameters<typeof defineFunction>[0];

beforeEach(() => {
  host.log = [];
  host.variables = {};
  host.store = new Map();
  host.refusal = null;
});

const lastLine = (): string => host.log.at(-1)?.message ?? "";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What a function answers to an event, as the host sees it. */
async function handled(handle: EventFunction, payload = bytes("ada")): Promise<unknown> {
  const attributes: [string, string][] = [[":method", "POST"]];
  const event = { source: "call:", contentType: undefined, attributes, payload };
  try {
    return await exportHandler(defineFunction(handle)).handle(event);
  } catch (error) {
    return error;
  }
}

describe("an event function", () => {
  test("answers with text, bytes or nothing, at once or later", async () => {
    assert.deepEqual(await handled((event) => `hello, ${event.text()}`), bytes("hello, ada"));
    assert.deepEqual(await handled(() => Uint8Array.of(1, 2)), Uint8Array.of(1, 2));
    assert.deepEqual(await handled(() => Uint8Array.of(1, 2).buffer), Uint8Array.of(1, 2));
    assert.deepEqual(await handled(() => undefined), new Uint8Array());
    assert.deepEqual(await handled(async () => Promise.resolve("later")), bytes("later"));
  });

  test("sees the event as it is", async () => {
    await handled((event) => {
      assert.equal(event.contentType, null);
      assert.equal(event.attribute(":METHOD"), "POST");
      assert.equal(event.attribute("other"), null);
      assert.deepEqual(event.json(), { a: 1 });
    }, bytes('{"a":1}'));
    assert.deepEqual(host.log, [], "nothing went wrong");
    // A byte order mark is a part of the payload.
    assert.deepEqual(await handled((event) => event.text(), bytes("\ufeffx")), bytes("\ufeffx"));
  });

  test("refuses with a failure, word for word", async () => {
    for (const throws of [
      () => {
        throw Failure.notFound("no such account");
      },
      async () => Promise.reject(Failure.notFound("no such account")),
    ]) {
      assert.deepEqual(await handled(throws), { tag: "not-found", val: "no such account" });
    }
    const notText = await handled((event) => event.text("a name, please"), Uint8Array.of(0xff));
    assert.deepEqual(notText, { tag: "invalid", val: "a name, please" });
    assert.match(JSON.stringify(await handled((event) => String(event.json()))), /must be JSON/);
    assert.deepEqual(host.log, []);
  });

  test("fails without telling its caller why, and tells the log", async () => {
    const failed = await handled(() => {
      throw new Error("the secret is hunter2", { cause: "a cause" });
    });
    assert.deepEqual(failed, { tag: "internal", val: UNEXPECTED });
    assert.deepEqual(
      host.log.map(({ level }) => level),
      ["error"],
    );
    assert.match(lastLine(), /hunter2[^]*caused by a cause/);
    assert.deepEqual(await handled(async () => Promise.reject(new Error("x"))), failed);
    // The wrong type of answer is such an error.
    assert.deepEqual(await handled(() => 42 as unknown as string), failed);
    assert.match(lastLine(), /not with 42/);
  });

  test("is a function, or nothing is made of it", () => {
    assert.throws(() => defineFunction("no" as unknown as EventFunction), /not string/);
  });
});

describe("an HTTP function", () => {
  const waits = { waitUntil: () => undefined, passThroughOnException: () => undefined };
  const request = new Request("http://host.example/path");

  test("is asked with its environment", async () => {
    host.variables = { GREETING: "hello" };
    const fetch = (asked: Request, env: Record<string, string>): Response =>
      new Response(`${env["GREETING"] ?? ""} ${new URL(asked.url).pathname}`);
    for (const main of [fetch, { fetch }]) {
      assert.equal(await (await answer(main, request, waits)).text(), "hello /path");
    }
  });

  test("fails with a problem that says nothing, and tells the log", async () => {
    for (const fetch of [
      (): Response => {
        throw new Error("hunter2");
      },
      async (): Promise<Response> => Promise.reject(new Error("hunter2")),
      (): Response => "hunter2" as unknown as Response,
    ]) {
      host.log = [];
      const response = await answer({ fetch }, request, waits);
      assert.equal(response.status, 500);
      assert.equal(response.headers.get("content-type"), "application/problem+json");
      const text = await response.text();
      assert.ok(text.includes(UNEXPECTED) && !text.includes("hunter2"), text);
      assert.match(lastLine(), /hunter2/);
    }
  });
});

describe("a warm-up", () => {
  test("asks for each path in turn, with no environment, and waits for what is left", async () => {
    host.variables = { GREETING: "hello" };
    const seen: string[] = [];
    const main: HttpFunction = {
      fetch(asked, env, context) {
        seen.push(`${asked.method} ${asked.url} ${JSON.stringify(env)}`);
        context.waitUntil(Promise.resolve().then(() => seen.push("later")));
        return new Response("x");
      },
    };
    await warmUp(main, ["/", "/books/1?page=2"]);
    assert.deepEqual(
      seen.filter((line) => line !== "later"),
      ["GET http://localhost/ {}", "GET http://localhost/books/1?page=2 {}"],
    );
    assert.equal(seen.length, 4);
  });

  test("fails with what the function throws", async () => {
    const broken = (): Response => {
      throw new Error("the door is closed");
    };
    await assert.rejects(
      warmUp(broken, ["/door"]),
      /the warm-up with \/door failed: Error: the door is closed/,
    );
    await assert.rejects(
      warmUp(() => "text" as unknown as Response, ["/"]),
      /must answer with a Response/,
    );
  });
});

describe("a typed function", () => {
  const thrown = (work: () => unknown): unknown => {
    try {
      return work();
    } catch (error) {
      return error;
    }
  };

  test("gives its result, its error, or ends", async () => {
    const exported = guard({
      half: (n: number) => {
        if (n < 0) throw new RangeError("negative");
        if (n % 2 === 1) throw new ComponentError({ tag: "odd", val: n });
        return n / 2;
      },
      later: async () => Promise.reject(new ComponentError("later")),
    }) as { half: (n: number) => number; later: () => Promise<number> };
    assert.equal(exported.half(8), 4);
    assert.deepEqual(
      thrown(() => exported.half(3)),
      { tag: "odd", val: 3 },
    );
    // A symbol is a value of no type of WIT.
    assert.equal(typeof thrown(() => exported.half(-1)), "symbol");
    assert.match(lastLine(), /RangeError: negative/);
    await assert.rejects(exported.later(), (error) => error === "later");
  });

  test("keeps its classes: they are resources", () => {
    class Account {
      readonly name = "ada";
    }
    assert.equal((guard({ Account }) as { Account: unknown }).Account, Account);
  });
});

describe("a store", () => {
  test("holds, counts, lists and forgets", () => {
    const store = openStore();
    store.set("a", "1");
    assert.deepEqual(store.get("a"), bytes("1"));
    assert.equal(store.increment("a"), 2n);
    assert.equal(store.increment("b", 5), 5n);
    store.set("c", Uint8Array.of(1));
    assert.deepEqual([...store.keys()], ["a", "b", "c"], "over pages");
    assert.equal(store.has("c"), true);
    store.delete("c");
    assert.equal(store.get("c"), null);
  });

  test("is refused with its remedy, as either engine says it", () => {
    for (const refusal of [{ tag: "access-denied" }, { payload: { tag: "no-such-store" } }]) {
      host.refusal = refusal;
      assert.throws(() => openStore("x"), /keyvalue = \["x"\] in moot\.toml/);
    }
    host.refusal = { tag: "other", val: "the disk is full" };
    assert.throws(
      () => openStore(),
      (error) =>
        error instanceof Failure && error.kind === "unavailable" && error.message.includes("disk is full"),
    );
  });
});

test("the context is the same from both engines", () => {
  assert.equal(context.callId, "0-1-0-0-0");
  assert.equal(context.caller, null);
  assert.deepEqual([context.height, context.timeUs, context.fuelLeft], [7n, 8n, 9n]);
  assert.equal(environment.get("NONE"), null);
  log.warn("careful");
  log.info("named", "name");
  assert.deepEqual(host.log, [
    { level: "warn", name: "tested", message: "careful" },
    { level: "info", name: "name", message: "named" },
  ]);
});

describe("stacks", () => {
  const table = Symbol.for("folkmoot.lines");
  const own = globalThis as { [table]?: unknown };

  test("are read in the project's own lines, from either engine", () => {
    const runs = [
      [1, 0, 0],
      [10, 1, 3],
      [20, 0, 0],
    ];
    own[table] = { bundle: "function.js", files: ["", "src/index.ts"], runs };
    const starlingmonkey = "open@function.js:12:9\nhandle@function.js:21:3\n@initializer.js:5:1\n";
    assert.equal(readable(starlingmonkey), "    at open (src/index.ts:5)");
    const quickjs =
      "    at open (/function.js:10:36)\n    at <anonymous> (/function.js:11:2)\n    at native\n";
    assert.equal(readable(quickjs), "    at open (src/index.ts:3)\n    at src/index.ts:4");
    own[table] = undefined;
  });

  test("end, even when causes go in a circle", () => {
    const error = new Error("round");
    error.cause = error;
    assert.equal(describeError(error).split("caused by").length, 8);
    assert.equal(describeError(Symbol("x")), "Symbol(x)");
    assert.equal(describeError({ a: 1n }), "[object Object]");
  });
});

test("the console writes errors as the log has them", () => {
  const before = globalThis.console;
  const written: unknown[][] = [];
  const write = (...values: unknown[]): void => {
    written.push(values);
  };
  Object.assign(globalThis, { console: { log: write, error: write } });
  try {
    readableErrors();
    const own = globalThis.console;
    own.error("caught:", new Error("broken", { cause: "a cause" }));
    own.log({ plain: true }, 1);
  } finally {
    globalThis.console = before;
  }
  assert.match(String(written[0]?.[1]), /^Error: broken[^]*caused by a cause$/);
  assert.deepEqual([written[0]?.[0], written[1]], ["caught:", [{ plain: true }, 1]]);
});
