/** Values against a real node: written under rules, read, listed, and followed across broken connections. */

import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Client, ProblemError, type ValueEvent } from "@folkmoot/sdk/client";
import { createKey } from "@folkmoot/sdk/keyfile";
import { Keypair } from "@folkmoot/sdk/keys";
import { payloadDigest } from "@folkmoot/sdk/verify";
import { moot, type Node, startNode, temporaryFolder } from "./node.js";

/** A `fetch` whose streams can be broken, and the requests for them. */
function breakable(): { fetch: typeof fetch; opened: Headers[]; breakAll: () => void } {
  const opened: Headers[] = [];
  const streams = new Set<AbortController>();
  return {
    opened,
    breakAll: () => {
      streams.forEach((stream) => {
        stream.abort(new TypeError("terminated"));
      });
      streams.clear();
    },
    fetch: async (url, init = {}) => {
      if (!String(url instanceof Request ? url.url : url).includes("?follow")) {
        return fetch(url, init);
      }
      opened.push(new Headers(init.headers));
      const broken = new AbortController();
      streams.add(broken);
      const signal = init.signal ? AbortSignal.any([init.signal, broken.signal]) : broken.signal;
      return fetch(url, { ...init, signal });
    },
  };
}

async function denied(request: Promise<unknown>): Promise<string> {
  try {
    await request;
  } catch (error) {
    assert.ok(error instanceof ProblemError, String(error));
    assert.equal(error.kind, "denied-by-rule", error.message);
    return error.message;
  }
  return assert.fail("it was allowed");
}

describe("values", () => {
  let node: Node;
  let folder: string;
  let key: Keypair;
  let client: Client;
  let stranger: Client;

  before(async () => {
    folder = await temporaryFolder();
    key = await createKey(join(folder, "key"));
    node = await startNode(join(folder, "key"));
    client = new Client(node.address, { key });
    stranger = new Client(node.address, { key: Keypair.generate() });
    const outcomes = await client.transact(
      { own: { path: "/chat", owner: key.account } },
      { rule: { pattern: "/chat/$room/$message", rule: "auth.account != null || path.room == 'open'" } },
      { rule: { pattern: "/chat/mine/$message", rule: `auth.account == '${key.account}'` } },
    );
    assert.deepEqual(
      outcomes.map(({ kind, outcome }) => [kind, outcome.status]),
      [
        ["own", "done"],
        ["rule", "done"],
        ["rule", "done"],
      ],
    );
  });

  after(async () => {
    await (node as Node | undefined)?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test("are written in the account's name or in nobody's, as the rules allow, and read back", async () => {
    assert.equal(await client.values.get("/chat/mine/1"), null);
    const written = await client.values.put("/chat/mine/1", "h\u00e9llo");
    assert.equal(written.digest, payloadDigest(new TextEncoder().encode("h\u00e9llo")));
    assert.ok(written.height !== null && written.height > 0n);
    const found = await client.values.get("/chat/mine/1");
    assert.ok(found !== null);
    assert.deepEqual(
      [found.id, found.path, found.height, found.account, found.function, found.text],
      [written.id, "/chat/mine/1", written.height, key.account, null, "h\u00e9llo"],
    );
    // The command line reads the same.
    const { stdout } = await moot(["values", "get", "/chat/mine/1", "--json"], { MOOT_NODE: node.address });
    assert.equal((JSON.parse(stdout) as { id: string }).id, written.id);

    assert.match(await denied(stranger.values.put("/chat/mine/1", "x")), /\/chat\/mine\/\$message/u);
    await denied(client.values.put("/chat/room/1", "x", { sign: false }));
    await denied(client.values.put("/elsewhere", "x"));
    const open = await new Client(node.address).values.put("/chat/open/1", Uint8Array.of(255), {
      sign: false,
    });
    const bytes = await client.values.get("/chat/open/1");
    assert.deepEqual(
      [bytes?.id, bytes?.account, bytes?.text, [...(bytes?.data ?? [])]],
      [open.id, null, null, [255]],
    );
    await assert.rejects(new Client(node.address).values.put("/chat/open/1", "x"), /has no key/u);
    await assert.rejects(client.values.put("/chat/../1", "x"), /value\.path/u);
  });

  test("are written once under one idempotency key, and need not wait for their block", async () => {
    const once = { idempotencyKey: crypto.randomUUID() };
    const first = await client.values.put("/chat/mine/once", "x", once);
    const again = await client.values.put("/chat/mine/once", "x", once);
    assert.equal(again.id, first.id);
    const early = await client.values.put("/chat/mine/early", "x", { wait: "accepted" });
    assert.equal(early.height, null);
  });

  test("are listed by path, in as many parts as it takes", async () => {
    // More than one part of the list has.
    const names = Array.from({ length: 205 }, (_, i) => `/chat/many/${String(i).padStart(3, "0")}`);
    for (let at = 0; at < names.length; at += 5) {
      const some = names.slice(at, at + 5);
      // With keys, so that a connection that breaks on a busy machine is no failure.
      const put = async (name: string): Promise<unknown> =>
        client.values.put(name, name, { wait: "accepted", idempotencyKey: crypto.randomUUID() });
      await Promise.all(some.map(put));
    }
    await client.values.put("/chat/many/large", new Uint8Array(5000));
    const listed = [];
    for await (const value of client.values.list("/chat/many")) {
      listed.push(value);
    }
    assert.deepEqual(
      listed.map(({ path }) => path),
      [...names, "/chat/many/large"],
    );
    assert.equal(listed[0]?.text, "/chat/many/000");
    const large = listed.at(-1);
    assert.deepEqual(
      [large?.bytes, large?.data, large?.text],
      [5000n, null, null],
      "only small ones come along",
    );
    const rest = [];
    for await (const { path } of client.values.list("/chat/many", { after: "/chat/many/203" })) {
      rest.push(path);
    }
    assert.deepEqual(rest, ["/chat/many/204", "/chat/many/large"]);
  });

  test("are followed in order, each once, also where the connection breaks in between", async () => {
    const { fetch, opened, breakAll } = breakable();
    const stop = new AbortController();
    const start = await client.values.put("/chat/follow/start", "start");
    const reader = new Client(node.address, { fetch });
    const events = reader.values.follow("/chat/follow/$message", { from: start.id, signal: stop.signal });
    const next = async (): Promise<ValueEvent> => {
      const event = await events.next();
      assert.ok(event.done !== true, "the stream ended");
      return event.value;
    };
    const texts: (string | null)[] = [];
    for (const word of ["one", "two", "three", "four"]) {
      const written = await client.values.put(`/chat/follow/${word}`, word);
      await client.values.put(`/chat/elsewhere/${word}`, word);
      const event = await next();
      assert.ok(event.type === "value");
      assert.deepEqual([event.id, event.height, event.account], [written.id, written.height, key.account]);
      texts.push(event.text);
      if (word === "two") {
        breakAll();
      }
    }
    assert.deepEqual(texts, ["one", "two", "three", "four"]);
    assert.equal(opened.length, 2);
    assert.equal(opened[0]?.get("last-event-id"), start.id);
    assert.notEqual(opened[1]?.get("last-event-id"), start.id);

    const enough = new RangeError("enough");
    const waiting = events.next();
    setTimeout(() => {
      stop.abort(enough);
    }, 20);
    await assert.rejects(waiting, (error: unknown) => error === enough);
  });

  test("that are written before the first one came, while the connection is broken, are not missed", async () => {
    const { fetch, opened, breakAll } = breakable();
    const reader = new Client(node.address, { fetch });
    const now = reader.values.follow("/chat/gap/$message");
    const first = now.next();
    while (opened.length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    // Long enough that the answer's head has come: what breaks before that is no stream yet.
    await new Promise((resolve) => setTimeout(resolve, 300));
    breakAll();
    await client.values.put("/chat/gap/1", "x");
    const value = (await first).value;
    assert.ok(value?.type === "value" && value.text === "x");
    assert.equal(opened[0]?.get("last-event-id"), null);
    const began = opened[1]?.get("last-event-id") ?? "";
    assert.match(began, /^block-[0-9]+$/u, "where it began");
    await now.return();
    const again = reader.values.follow("/chat/gap/$message", { from: began });
    const same = (await again.next()).value;
    assert.ok(same?.type === "value" && same.id === value.id, "it can be kept like an address");
    await again.return();
  });

  test("that were forgotten are said to be missed", async () => {
    const reader = client;
    await client.values.put("/chat/gap/1", "x");

    const forgotten = reader.values.follow("/chat/gap/1", { from: "0-999999-0-0-0" });
    assert.deepEqual((await forgotten.next()).value, { type: "missed", from: "0-999999-0-0-0" });
    const after = (await forgotten.next()).value;
    assert.ok(after?.type === "value" && after.text === "x", "all that there is follows");
    await forgotten.return();
    assert.throws(() => reader.values.follow("/$any"), /pattern/u);
    assert.throws(() => reader.values.follow("/chat", { from: "7" }), /not an entry's address/u);
  });
});
