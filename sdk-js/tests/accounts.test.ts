/** Accounts against a real node that charges: what they have and pay, invoices, and units that change hands. */

import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type BilledCall, Client, MootError, ProblemError, type StatementLine } from "@folkmoot/sdk/client";
import { createKey } from "@folkmoot/sdk/keyfile";
import { Keypair } from "@folkmoot/sdk/keys";
import { InvalidError } from "@folkmoot/sdk/verify";
import { guest, moot, type Node, startNode, temporaryFolder } from "./node.js";

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found = [];
  for await (const item of items) {
    found.push(item);
  }
  return found;
}

describe("accounts", () => {
  let node: Node;
  let folder: string;
  let key: Keypair;
  let client: Client;
  let friend: Client;
  const friendKey = Keypair.generate();

  before(async () => {
    folder = await temporaryFolder();
    key = await createKey(join(folder, "key"));
    node = await startNode(join(folder, "key"));
    client = new Client(node.address, { key });
    friend = new Client(node.address, { key: friendKey });
    await client.deploy({ name: "hello", component: await guest("hello") });
  });

  after(async () => {
    await (node as Node | undefined)?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test("one without units is told what is missing, and pays once it has it", async () => {
    assert.equal((await friend.accounts.get()).balance, 0n);
    const own = { own: { path: "/friend", owner: friendKey.account } };
    await assert.rejects(friend.transact(own), (error: unknown) => {
      assert.ok(error instanceof ProblemError);
      assert.equal(error.kind, "payment-required");
      const { payment } = error.problem;
      assert.deepEqual([payment?.account, payment?.balance], [friendKey.account, 0n]);
      return payment !== null && payment.missing > 0n && payment.missing === payment.needed;
    });
    const given = await client.accounts.transfer(friendKey.account, 1_000_000n);
    assert.deepEqual([given.kind, given.outcome.status], ["transfer", "done"]);
    assert.equal((await client.accounts.get(friendKey.account)).balance, 1_000_000n);
    await friend.transact(own);
    const left = (await friend.accounts.get()).balance;
    assert.ok(left < 1_000_000n && left > 0n, String(left));
  });

  test("have a statement, newest block first, that adds up to the balance", async () => {
    const lines = await all<StatementLine>(friend.accounts.statement());
    const kinds = lines.map(({ kind, paid }) => [kind, paid]);
    assert.ok(kinds.some(([kind, paid]) => kind === "received" && paid === false));
    assert.ok(kinds.some(([kind, paid]) => kind === "bundle" && paid === true));
    assert.ok(lines.every(({ height }, i) => i === 0 || height <= (lines[i - 1]?.height ?? 0n)));
    const sum = lines.reduce((total, { paid, units }) => total + (paid ? -units : units), 0n);
    assert.equal(sum, (await friend.accounts.get()).balance);
    const deploys = await all<StatementLine>(client.accounts.statement());
    assert.ok(deploys.some(({ kind }) => kind === "storage"));
    assert.deepEqual(await all(client.accounts.statement(Keypair.generate().account)), []);
  });

  test("are billed what the receipts come to, as the command line computes it", async () => {
    for (const name of ["ada", "bob", "eve"]) {
      await client.invoke("hello", name, { wait: "final" });
    }
    const { charged, prices } = await client.accounts.prices();
    assert.ok(charged && prices.per_byte > 0n);
    const { height } = await client.status();
    const calls = await all<BilledCall>(client.accounts.bill({ to: height }));
    assert.ok(calls.length >= 3);
    for (const call of calls) {
      assert.deepEqual([call.function, call.payer, call.differs], ["hello", key.account, false]);
      assert.deepEqual(call.prices, prices);
      assert.equal((await client.call(call.call))?.receipt?.id, call.receipt);
    }
    const total = calls.reduce((sum, { fee }) => sum + fee.ordering + fee.execution, 0n);
    const words = ["bill", "--json", "--from", "1", "--to", String(height)];
    const { stdout } = await moot(words, { MOOT_NODE: node.address });
    assert.equal(total, BigInt((JSON.parse(stdout) as { total: string }).total));
    assert.deepEqual(await all(client.accounts.bill({ to: height, account: friendKey.account })), []);
    assert.deepEqual(await all(client.accounts.bill({ from: height + 1n, to: height + 1n })), []);
  });

  test("hold units for another, and pay a part of them", async () => {
    const { height } = await client.status();
    const { id } = await client.accounts.hold(friendKey.account, 900n, height + 100_000n);
    const held = await friend.accounts.held(id);
    assert.deepEqual(
      [held?.id, held?.from, held?.to, held?.amount, held?.until],
      [id, key.account, friendKey.account, 900n, height + 100_000n],
    );
    const before = (await friend.accounts.get()).balance;
    await client.accounts.release(id, 2n, 3n);
    assert.equal((await friend.accounts.get()).balance, before + 600n);
    assert.equal(await client.accounts.held(id), null);
    await assert.rejects(client.accounts.release(id), /nothing was changed, because of the release/u);
    await assert.rejects(client.accounts.release(id, 2n, 1n), { field: "transaction.part" });
    await assert.rejects(client.accounts.held("7"), /is not an entry's address/u);
  });

  test("stake units and take them out again", async () => {
    await client.accounts.stake(700n);
    await client.accounts.unstake(200n);
    const { staked, waiting, replicas } = await client.accounts.staked();
    assert.deepEqual([staked, waiting.map(({ amount }) => amount), replicas], [500n, [200n], []]);
    await assert.rejects(client.accounts.stake(0n), InvalidError);
  });

  test("a revoked key does nothing any more", async () => {
    // Whoever has stolen a key must be able to do nothing with it once its owner has revoked it.
    const stolenKey = Keypair.generate();
    const stolen = new Client(node.address, { key: stolenKey });
    await client.accounts.transfer(stolenKey.account, 1_000_000n);
    assert.equal((await stolen.accounts.get()).revoked, null);
    assert.ok((await stolen.dryRun({ revoke: {} })).accepted);
    const rescue = { transfer: { to: friendKey.account, amount: 500n } };
    const [, revoked] = await stolen.transact(rescue, { revoke: {} });
    assert.deepEqual([revoked?.kind, revoked?.outcome.status], ["revoke", "done"]);
    const height = (await stolen.accounts.get()).revoked;
    assert.ok(height !== null && height === revoked?.height);
    const refused = (error: unknown): boolean => {
      assert.ok(error instanceof ProblemError);
      assert.match(error.message, new RegExp(`revoked at height ${String(height)}`, "u"));
      return error.kind === "key-revoked";
    };
    await assert.rejects(stolen.accounts.transfer(friendKey.account, 1n), refused);
    await assert.rejects(stolen.accounts.revokeKey(), refused);
    await assert.rejects(stolen.values.put("/friend/1", "x"), refused);
    await assert.rejects(client.accounts.transfer(stolenKey.account, 1n), /nobody can use what it is given/u);
  });

  test("transactions are tried dry, and said together or not at all", async () => {
    const before = await client.accounts.get(friendKey.account);
    const give = { transfer: { to: friendKey.account, amount: 5n } };
    const dry = await client.dryRun(give);
    assert.ok(dry.accepted && dry.fee > 0n);
    assert.deepEqual(
      dry.transactions.map(({ kind, refused }) => [kind, refused]),
      [["transfer", null]],
    );
    const tooMuch = { transfer: { to: friendKey.account, amount: 2n ** 63n } };
    const both = await client.dryRun(give, tooMuch);
    assert.equal(both.accepted, false);
    assert.equal(both.transactions.length, 2);
    assert.match(both.transactions[1]?.refused ?? "", /./u);
    await assert.rejects(client.transact(give, tooMuch), (error: unknown) => {
      assert.ok(error instanceof MootError);
      return !error.message.includes("count together");
    });
    assert.equal((await client.accounts.get(friendKey.account)).balance, before.balance);
    await assert.rejects(client.transact(), /no transaction/u);
    await assert.rejects(client.accounts.transfer("ada", 1n), /is not an account/u);
    await assert.rejects(client.accounts.transfer(friendKey.account, 0n), { field: "transaction.amount" });
  });
});
