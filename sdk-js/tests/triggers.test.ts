/** Triggers and rules against a real node: as they are listed, and what came of them. */

import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Client, type DerivedView, type Transaction } from "@folkmoot/sdk/client";
import { createKey } from "@folkmoot/sdk/keyfile";
import { Keypair } from "@folkmoot/sdk/keys";
import { parseFunctionName } from "@folkmoot/sdk/verify";
import { guest, type Node, startNode, temporaryFolder } from "./node.js";

/** How long a derived call may take: a debug build on a busy machine. */
const WAIT_MS = 30_000;

describe("triggers and rules", () => {
  const hello = parseFunctionName("hello");
  let node: Node;
  let folder: string;
  let key: Keypair;
  let client: Client;

  before(async () => {
    folder = await temporaryFolder();
    key = await createKey(join(folder, "key"));
    node = await startNode(join(folder, "key"));
    client = new Client(node.address, { key });
    await client.deploy({ name: hello, component: await guest("hello") });
    const set = (name: string, trigger: object): Transaction =>
      ({ trigger: { name, trigger: { function: hello, ...trigger } } }) as unknown as Transaction;
    await client.transact(
      { own: { path: "/bell", owner: key.account } },
      { rule: { pattern: "/bell/$n", rule: `value_size < 5 && auth.account == '${key.account}'` } },
      set("few", { on: { value: "/bell/few/$n" }, access: { accounts: [key.account] } }),
      set("morning", { on: { schedule: "0 6 * * 1-5" }, access: "anyone" }),
      set("ring", { on: { value: "/bell/$n" }, access: { rule: "auth.account != null" } }),
    );
  });

  after(async () => {
    await (node as Node | undefined)?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** The call that a value made, once it has an answer. */
  async function answered(at: string): Promise<DerivedView> {
    for (const until = Date.now() + WAIT_MS; Date.now() < until;) {
      const found = (await client.triggers.derived()).find((one) => one.at === at && one.state !== "open");
      if (found !== undefined) {
        return found;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return assert.fail(`nothing came of ${at}`);
  }

  test("triggers are listed as they were set", async () => {
    const list = await client.triggers.list();
    assert.deepEqual(
      list.map(({ name, owner, trigger: { on, access }, next_ms }) => [
        name,
        owner,
        on,
        access,
        next_ms !== null,
      ]),
      [
        ["few", key.account, { value: "/bell/few/$n" }, { accounts: [key.account] }, false],
        ["morning", key.account, { schedule: "0 6 * * 1-5" }, "anyone", true],
        ["ring", key.account, { value: "/bell/$n" }, { rule: "auth.account != null" }, false],
      ],
    );
  });

  test("what came of a value is found, with its receipt", async () => {
    const { id } = await client.values.put("/bell/1", "ding");
    const one = await answered(id);
    assert.deepEqual(
      [one.trigger, one.function, one.owner, one.by, one.source, one.state, one.status, one.view],
      ["ring", "hello", key.account, key.account, "value:/bell/1", "answered", "ok", null],
    );
    const whole = await client.triggers.find(one.id);
    assert.deepEqual([whole?.view?.id, whole?.view?.receipt?.status], [one.call, "ok"]);
    assert.equal((await client.triggers.derived({ limit: 1 })).length, 1);
    assert.equal(await client.triggers.find("d-9999999-0"), null);
    await assert.rejects(client.triggers.find("../status"), /d-17-0/u);
  });

  test("the rules say what they would, and write nothing", async () => {
    const rules = await client.paths.rules();
    assert.deepEqual(
      rules.map(({ pattern }) => pattern),
      ["/bell/$n"],
    );
    const ask = async (path: string, value: string, account?: string): Promise<[boolean, string | null]> => {
      const { allowed, why, rule } = await client.paths.judge(path, value, account ? { account } : {});
      assert.deepEqual(rule, allowed || why !== null ? (path === "/free" ? null : rules[0]) : null);
      return [allowed, why];
    };
    assert.deepEqual(await ask("/bell/2", "ding", key.account), [true, null]);
    for (const [path, value, account] of [
      ["/bell/2", "too long", key.account],
      ["/bell/2", "ding", Keypair.generate().account],
      ["/bell/2", "ding", undefined],
      ["/free", "ding", key.account],
    ] as const) {
      const [allowed, why] = await ask(path, value, account);
      assert.ok(!allowed && why !== null && why !== "", `${path} ${value} ${String(account)}`);
    }
    assert.equal(await client.values.get("/bell/2"), null, "nothing was written");
    const { at, owner, given_up } = await client.paths.owner("/bell/2/deeper");
    assert.deepEqual([at, owner, given_up], ["/bell", key.account, false]);
    assert.deepEqual((await client.paths.owner("/free")).owner, null);
    await assert.rejects(client.paths.judge("/bell/../x"), /path/u);
    await assert.rejects(client.paths.judge("/bell/2", "x", { account: "ada" }), /is not an account/u);
    await assert.rejects(
      client.paths.judge("/bell/2", "x", { function: "No Name" }),
      /is not a function name/u,
    );
  });
});
