/** A network of several replicas that charges, and whose committee goes by stake. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Client, consentTo, MootError, ProblemError } from "@folkmoot/sdk/client";
import { Keypair } from "@folkmoot/sdk/keys";
import { parseSocketAddress } from "@folkmoot/sdk/verify";
import { type Node, startNetwork } from "./node.js";

describe("a network", () => {
  const [key, replica] = [Keypair.generate(), Keypair.generate()];
  let node: Node;
  let client: Client;

  before(async () => {
    node = await startNetwork(key.account, 100_000_000n);
    client = new Client(node.address, { key });
  });

  after(async () => {
    await (node as Node | undefined)?.stop();
  });

  test("lets an account stake behind a replica that has said so itself", async () => {
    const { network } = await client.status();
    const at = (port: number): ReturnType<typeof parseSocketAddress> =>
      parseSocketAddress(`10.0.0.9:${String(port)}`);
    const candidate = { account: replica.account, ledger: at(9080), data: at(10_080) };
    const elses = consentTo(replica, network, Keypair.generate().account);
    await assert.rejects(
      client.accounts.stake(5000n, { replica: candidate, consent: elses }),
      (error: unknown) => error instanceof MootError && error.message.includes(replica.account),
    );
    const consent = consentTo(replica, network, key.account);
    const { kind, outcome } = await client.accounts.stake(5000n, { replica: candidate, consent });
    assert.deepEqual([kind, outcome.status], ["stake", "done"]);
    const { staked, replicas } = await client.accounts.staked();
    assert.equal(staked, 5000n);
    assert.deepEqual(
      replicas.map(({ account, ledger, seated, burned, voted }) => [account, ledger, seated, burned, voted]),
      [[replica.account, "10.0.0.9:9080", false, null, null]],
    );
    await client.accounts.stake(10n);
    const { by_stake, bids } = await client.accounts.stakes();
    assert.ok(by_stake);
    assert.deepEqual(bids, [{ replica: replica.account, staker: key.account, share: 5010n, seated: false }]);
  });

  test("pays for nobody's values unless its operator wants it to", async () => {
    await client.transact(
      { own: { path: "/open", owner: key.account } },
      { rule: { pattern: "/open/$n", rule: "true" } },
    );
    const refused = client.values.put("/open/1", "hi", { sign: false });
    await assert.rejects(refused, (error: unknown) => {
      assert.ok(error instanceof ProblemError, String(error));
      assert.deepEqual([error.status, error.kind], [401, "signature-needed"]);
      assert.match(error.message, /pays-for-unsigned/u);
      return true;
    });
    assert.equal((await client.values.put("/open/1", "hi")).path, "/open/1");
  });
});
