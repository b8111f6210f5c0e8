/** Proofs of the state against a real node: what it proves, and that every forgery is refused as `moot verify` does. */

import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Client, type StateQuestion } from "@folkmoot/sdk/client";
import { createKey } from "@folkmoot/sdk/keyfile";
import { Keypair } from "@folkmoot/sdk/keys";
import {
  type EntryId,
  type Genesis,
  parseFunctionName,
  parseFunctionRecord,
  parseGenesis,
  type ProvenState,
  type StateKind,
  VerifyError,
  verifyStateFile,
} from "@folkmoot/sdk/verify";
import { guest, moot, type Node, startNode, temporaryFolder } from "./node.js";

function refused(check: () => unknown): string {
  try {
    check();
  } catch (error) {
    assert.ok(error instanceof VerifyError, String(error));
    return error.field;
  }
  return assert.fail("it was accepted");
}

describe("the state", () => {
  let node: Node;
  let folder: string;
  let key: Keypair;
  let client: Client;
  let genesis: Genesis;
  let hold: EntryId;
  const friend = Keypair.generate().account;
  const hello = parseFunctionName("hello");

  before(async () => {
    folder = await temporaryFolder();
    key = await createKey(join(folder, "key"));
    node = await startNode(join(folder, "key"));
    client = new Client(node.address, { key });
    const text = await client.genesis();
    await writeFile(join(folder, "genesis.json"), text);
    genesis = parseGenesis(text);
    await client.deploy({ name: hello, component: await guest("hello"), manifest: { destructible: true } });
    const schedule = { on: { schedule: "0 6 * * 1-5" }, function: hello, access: "anyone" } as const;
    const { height } = await client.status();
    const outcomes = await client.transact(
      { own: { path: "/chat", owner: key.account } },
      { rule: { pattern: "/chat/$room", rule: "path.room != 'closed'" } },
      { trigger: { name: parseFunctionName("morning"), trigger: schedule } },
      { stake: { amount: 700n, replica: null, consent: null } },
      { hold: { to: friend, amount: 900n, until: height + 100_000n } },
      { transfer: { to: friend, amount: 7n } },
      { work: { offer: { kinds: ["component"], functions: [hello], replicas: null, engine: "e-1" } } },
    );
    await client.transact({ unstake: { amount: 200n } });
    hold = outcomes[4]?.id ?? assert.fail("there are too few outcomes");
  });

  after(async () => {
    await (node as Node | undefined)?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** Asks for a proof, checks it here, and holds what it proves against what the command line reads in it. */
  async function proven<K extends StateKind>(
    kind: K,
    question: StateQuestion,
  ): Promise<Extract<ProvenState, { kind: K }>> {
    const file = await client.stateProof(question);
    const found = verifyStateFile(file, genesis);
    assert.equal(found.kind, kind);
    const path = join(folder, `${kind}.json`);
    await writeFile(path, file);
    const { stdout, code } = await moot([
      "verify",
      path,
      "--genesis",
      join(folder, "genesis.json"),
      "--json",
    ]);
    assert.equal(code, 0, stdout);
    const said = JSON.parse(stdout) as { key: unknown; value: unknown; block: { height: number } };
    const plain = (value: unknown): unknown =>
      JSON.parse(
        JSON.stringify(value, (_, one: unknown) => {
          const number = typeof one === "bigint" && one <= BigInt(Number.MAX_SAFE_INTEGER);
          return number ? Number(one) : typeof one === "bigint" ? String(one) : one;
        }),
      );
    assert.deepEqual(plain(found.key), said.key);
    const shown =
      found.value instanceof Uint8Array ? Buffer.from(found.value).toString("base64url") : found.value;
    assert.deepEqual(plain(shown), said.value);
    assert.equal(Number(found.height), said.block.height);
    return found as Extract<ProvenState, { kind: K }>;
  }

  test("is proven as it is, of every kind of key that a node is asked for", async () => {
    assert.deepEqual((await proven("account", { account: friend })).value, { balance: 7n });
    const nobody = Keypair.generate().account;
    const nothing = await proven("account", { account: nobody });
    assert.deepEqual([nothing.key.account, nothing.value], [nobody, null]);
    assert.deepEqual((await proven("owner", { owner: "/chat" })).value, { owner: key.account });
    assert.equal((await proven("owner", { owner: "/chat/lobby" })).value, null, "it has none of its own");
    const rule = await proven("rule", { rule: "/chat/$any" });
    assert.equal(rule.key.rule, "/chat/$");
    const asSet = await proven("rule", { rule: "/chat/$room" });
    assert.deepEqual(asSet.value, rule.value);
    assert.deepEqual(rule.value, { pattern: "/chat/$room", rule: "path.room != 'closed'" });
    assert.equal((await proven("trigger", { trigger: "morning" })).value?.trigger.function, hello);
    const held = (await proven("hold", { hold })).value;
    assert.deepEqual([held?.from, held?.to, held?.amount], [key.account, friend, 900n]);
    const stake = (await proven("stake", { stake: key.account })).value;
    assert.deepEqual([stake?.staked, stake?.waiting.map(({ amount }) => amount)], [500n, [200n]]);
    const worker = (await proven("worker", { worker: key.account })).value;
    assert.deepEqual([worker?.offer?.functions, worker?.faults, worker?.last], [[hello], 0n, []]);
    assert.equal(worker?.offer?.engine, "e-1");
    assert.equal((await proven("conviction", { conviction: key.account })).value, null);
    assert.deepEqual((await proven("prices", "prices")).value?.prices, genesis.prices);
    await proven("pot", "pot");
  });

  test("says which component a function has, or that there never was such a function", async () => {
    const { value } = await proven("function", { function: hello });
    assert.ok(value !== null);
    const record = parseFunctionRecord(value);
    const view = await client.function(hello);
    const { owner, active, retired, frozen, versions } = record;
    assert.deepEqual([owner, active, retired, frozen], [key.account, 1, false, false]);
    const seen = view?.versions[0];
    assert.ok(seen !== undefined);
    const { number, component, component_bytes, spec, height, deployed } = seen;
    assert.deepEqual(versions, [{ number, component, component_bytes, spec, height, deployed }]);
    assert.equal((await proven("function", { function: "nobody" })).value, null);
    assert.throws(() => parseFunctionRecord(value.subarray(1)), /byte/u);
  });

  test("cannot be forged: the field that does not fit is named, here as by the command line", async () => {
    const good = await client.stateProof({ account: friend });
    const forgeries: readonly ((file: Record<string, unknown>) => unknown)[] = [
      (file) => (file["value"] = { balance: 8 }),
      (file) => (file["value"] = null),
      (file) => (file["key"] = { account: key.account }),
      (file) => (file["key"] = { stake: friend }),
      (file) => (file["network"] = "0".repeat(64)),
      (file) => (file["block"] = { ...(file["block"] as object), height: 1 }),
      (file) => (file["block"] = []),
      (file) => (file["format"] = "moot-state-2"),
      (file) => (file["more"] = 1),
      (file) => (file["proof"] = `${String(file["proof"])}A`),
      (file) => (file["proof"] = String(file["proof"]).slice(0, -4)),
      (file) => delete file["proof"],
      (file) => delete file["key"],
    ];
    for (const forge of forgeries) {
      const file = JSON.parse(good) as Record<string, unknown>;
      forge(file);
      const text = JSON.stringify(file);
      const field = refused(() => verifyStateFile(text, genesis));
      const path = join(folder, "forged.json");
      await writeFile(path, text);
      if (file["format"] === "moot-state-1") {
        const { stdout } = await moot(["verify", path, "--genesis", join(folder, "genesis.json"), "--json"]);
        assert.equal(field, (JSON.parse(stdout) as { field: string }).field, String(forge));
      } else {
        assert.equal(field, "format");
      }
    }
    for (const text of ["", "[]", "null", "{}", good.replace("{", '{"network":"",')]) {
      assert.ok(["file", "format"].includes(refused(() => verifyStateFile(text, genesis))));
    }
  });

  test("has no byte in its proofs that could be another", async () => {
    for (const question of [{ account: friend }, { account: Keypair.generate().account }]) {
      const file = JSON.parse(await client.stateProof(question)) as { proof: string };
      const proof = Buffer.from(file.proof, "base64url");
      const fields = new Set<string>();
      for (let at = 0; at < proof.length; at += 1) {
        const forged = Buffer.from(proof);
        forged[at] = (forged[at] ?? 0) ^ (1 << (at % 8));
        const text = JSON.stringify({ ...file, proof: forged.toString("base64url") });
        fields.add(refused(() => verifyStateFile(text, genesis)));
      }
      for (const part of ["proof", "state.value", "certificate.block", "certificate.vote"]) {
        assert.ok(fields.has(part), `no change was found in ${part}: ${[...fields].join(" ")}`);
      }
    }
    const other = { ...genesis, validators: [key.account] };
    const text = await client.stateProof({ account: friend });
    assert.equal(
      refused(() => verifyStateFile(text, other)),
      "certificate.vote",
    );
  });

  test("is asked for by keys that can be, and nothing else gets into the path", async () => {
    await assert.rejects(client.stateProof({ account: "../status" }), /is not an account/u);
    await assert.rejects(client.stateProof({ owner: "/a/../b" }), /value\.path/u);
    await assert.rejects(client.stateProof({ rule: "/$any" }), /pattern/u);
    await assert.rejects(client.stateProof({ seats: "x" } as unknown as StateQuestion), /can be proven/u);
  });
});
