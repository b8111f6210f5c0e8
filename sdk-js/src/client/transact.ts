/**
 * Transactions: signed by one account as one bundle, and applied together or not at all.
 *
 * ```text
 * transactions ──check──► [together] ──key──► one signed bundle ──POST──► ordered, applied, final
 *                                                         └──POST, dry──► what would come of it
 * ```
 */

import { MootError } from "../errors.js";
import type { Keypair } from "../keys/keypair.js";
import { Bundle } from "../record/bundle.js";
import { decode, encode } from "../record/codec.js";
import { Entry } from "../record/entry.js";
import { packPages } from "../record/page.js";
import type { Transaction } from "../record/transaction.js";
import { BUNDLE_VALIDITY_BLOCKS } from "./limits.js";
import type { EntryOutcome } from "./views/functions.js";
import type { NodeStatus } from "./views/node.js";

/** What saying transactions needs of a node. */
export interface TransactTarget {
  status(): Promise<NodeStatus>;
  submit(bundle: Uint8Array): Promise<EntryOutcome[]>;
}

/** Transactions as one signed bundle; several are said to be applied together. */
export async function signed(
  node: TransactTarget,
  key: Keypair,
  transactions: readonly Transaction[],
): Promise<Uint8Array> {
  if (transactions.length === 0) {
    throw new MootError("there is no transaction to sign");
  }
  const together = transactions.length > 1 ? [{ together: { count: transactions.length } }] : [];
  const entries = [...together, ...transactions].map((transaction) => {
    const encoded = encode(Entry, { transaction });
    // Reading it back checks it: what the ledger would not even decode is said here, by its field.
    decode(Entry, encoded);
    return encoded;
  });
  const { height, network } = await node.status();
  return encode(Bundle, key.signBundle(network, height + BUNDLE_VALIDITY_BLOCKS, packPages(entries)));
}

/** What became of transactions. */
interface Said {
  /** One outcome for each. */
  readonly outcomes: readonly EntryOutcome[];
  /** The one for which none of them was applied. */
  readonly refused: EntryOutcome | undefined;
}

/** Signs transactions, submits them and waits until they are final. */
export async function say(
  node: TransactTarget,
  key: Keypair,
  transactions: readonly Transaction[],
): Promise<Said> {
  const all = await node.submit(await signed(node, key, transactions));
  const group = transactions.length > 1 ? 1 : 0;
  if (all.length !== group + transactions.length) {
    const found = `${String(all.length)} outcomes for ${String(group + transactions.length)} entries`;
    throw new MootError(`the node answered with ${found}; is it the same version of Folkmoot?`);
  }
  const refused = all.filter(({ outcome }) => outcome.status === "refused");
  // Of a group the first entry says only that one was refused, and so do the others: that one has a reason of its own.
  const own = refused.find(({ outcome }) => outcome.reason !== all[0]?.outcome.reason);
  return { outcomes: all.slice(group), refused: own ?? refused[0] };
}

/** The same; throws when they were refused, and when they were not final in time. */
export async function transact(
  node: TransactTarget,
  key: Keypair,
  transactions: readonly Transaction[],
): Promise<readonly EntryOutcome[]> {
  const { outcomes, refused } = await say(node, key, transactions);
  if (refused !== undefined) {
    const { id, kind, outcome } = refused;
    const what = `nothing was changed, because of the ${kind}: ${outcome.reason ?? "it has no reason"}`;
    throw new MootError(`${what}; the refusal is on the ledger as entry ${id}`);
  }
  const late = outcomes.find(({ outcome }) => outcome.status === "accepted");
  if (late !== undefined) {
    throw new MootError(
      `it is recorded as entry ${late.id}, and was not final in time; ask later what it did`,
    );
  }
  return outcomes;
}
