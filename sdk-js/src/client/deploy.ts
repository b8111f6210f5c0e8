/**
 * Deploying: from components and manifests to functions that answer, under the owner's signature, as `moot deploy` does.
 *
 * ```text
 * component ──PUT, when it is new──► node says its kind
 * manifest ───────────────► spec ◄──────────┘
 * owner's key ───────────────┴──► one signed bundle ──POST──► ordered, applied, final
 * ```
 */

import { MootError } from "../errors.js";
import type { Keypair } from "../keys/keypair.js";
import type { Digest } from "../record/bytes.js";
import { encode } from "../record/codec.js";
import { componentDigest } from "../record/hash.js";
import { MAX_COMPONENT_BYTES } from "../record/limits.js";
import { type EntryId, type FunctionName, parseFunctionName } from "../record/names.js";
import { Spec, specDigest } from "../record/spec.js";
import type { Transaction } from "../record/transaction.js";
import { type Manifest, specOf } from "./manifest.js";
import { say, type TransactTarget } from "./transact.js";
import type { ComponentView, EntryOutcome, FunctionView, Kind } from "./views/functions.js";

/** A function to be deployed. */
export interface FunctionToDeploy {
  /** Its name: 1 to 63 of `a-z 0-9 -`, starting with a letter. */
  readonly name: string;
  /** The component's bytes. */
  readonly component: Uint8Array;
  /** What it may use and do; nothing is granted without one. */
  readonly manifest?: Manifest;
}

/** What became of a function. */
export interface Deployed {
  readonly function: FunctionName;
  readonly version: number;
  /** False when exactly this was active already: nothing was signed then. */
  readonly changed: boolean;
  readonly kind: Kind;
  readonly component: Digest;
  /** Where its route is. */
  readonly url: string;
  /** Height of the block that made it so; null when nothing changed. */
  readonly height: bigint | null;
  /** The entry on the ledger; null when nothing changed. */
  readonly entry: EntryId | null;
}

/** What deploying needs of a node. */
export interface DeployTarget extends TransactTarget {
  readonly origin: string;
  function(name: string): Promise<FunctionView | null>;
  putComponent(bytes: Uint8Array, digest: Digest): Promise<ComponentView>;
}

interface Step {
  readonly name: FunctionName;
  readonly spec: Spec;
  readonly component: Digest;
  readonly bytes: number;
  /** The version that is active now; null for a new function. */
  readonly active: number | null;
  /** Exactly this is active now. */
  readonly same: boolean;
}

/** Deploys functions as one signed bundle: all of them, or none. Waits until it is final. */
export async function deploy(
  node: DeployTarget,
  key: Keypair,
  functions: readonly FunctionToDeploy[],
): Promise<Deployed[]> {
  const steps: Step[] = [];
  for (const one of functions) {
    steps.push(await prepare(node, key, one));
  }
  const all = steps.map((step) => step.name);
  const twice = all.find((name, i) => all.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new MootError(`${twice} stands twice among the functions to deploy; one bundle deploys each once`);
  }
  const changed = steps.filter((step) => !step.same);
  const transactions = changed.map(({ name, component, bytes, spec, active }): Transaction => {
    return {
      deploy: { name, component, component_bytes: BigInt(bytes), spec: encode(Spec, spec), previous: active },
    };
  });
  const names = changed.map(({ name }) => name);
  const outcomes = names.length === 0 ? [] : await change(node, key, "deployed", names, transactions);
  return steps.map((step) => {
    const outcome = step.same ? undefined : outcomes[changed.indexOf(step)];
    return {
      function: step.name,
      version: outcome === undefined ? (step.active ?? 0) : applied(step.name, outcome),
      changed: !step.same,
      kind: step.spec.kind,
      component: step.component,
      url: node.origin + step.spec.route,
      height: outcome?.height ?? null,
      entry: outcome?.id ?? null,
    };
  });
}

async function prepare(node: DeployTarget, key: Keypair, one: FunctionToDeploy): Promise<Step> {
  const name = parseFunctionName(one.name);
  const bytes = one.component.length;
  if (bytes < 1 || bytes > MAX_COMPONENT_BYTES) {
    throw new MootError(
      `the component of ${name} has ${String(bytes)} bytes; a component has 1 to ${String(MAX_COMPONENT_BYTES)}`,
    );
  }
  // What is wrong in the manifest is said before anything is uploaded.
  specOf(name, "event", one.manifest);
  const component = componentDigest(one.component);
  const present = await node.function(name);
  if (present !== null) {
    checkOwner(present, key);
  }
  const active = present?.versions.find((version) => version.number === present.version);
  const step = { name, component, bytes, active: present?.version ?? null };
  if (active?.component === component) {
    // The kind is the component's own, so it is known without asking.
    const spec = specOf(name, active.spec.kind, one.manifest);
    if (active.spec_digest === specDigest(spec) && present?.retired !== true) {
      return { ...step, spec, same: true };
    }
  }
  const uploaded = await node.putComponent(one.component, component);
  return { ...step, spec: specOf(name, uploaded.kind, one.manifest), same: false };
}

/** Says early, and better than a refusal on the ledger, that a function is somebody else's. */
function checkOwner(present: FunctionView, key: Keypair): void {
  if (present.owner !== key.account) {
    const next = `your account is ${key.account}: sign with the owner's key, or take another name`;
    throw new MootError(`${present.name} belongs to another account, ${present.owner}; ${next}`);
  }
}

/** Says transactions, one for each of the named functions; what is refused is said of its function. */
async function change(
  node: DeployTarget,
  key: Keypair,
  verb: string,
  names: readonly FunctionName[],
  transactions: readonly Transaction[],
): Promise<readonly EntryOutcome[]> {
  const { outcomes, refused } = await say(node, key, transactions);
  if (refused !== undefined) {
    const { id, outcome } = refused;
    const name = names[outcomes.indexOf(refused)] ?? names[0] ?? "it";
    const why = outcome.reason ?? "it has no reason";
    throw new MootError(`${name} was not ${verb}: ${why}; the refusal is on the ledger as entry ${id}`);
  }
  return outcomes;
}

/** The version that an outcome made the active one. */
function applied(name: FunctionName, { id, outcome }: EntryOutcome): number {
  if (outcome.status !== "applied") {
    throw new MootError(
      `${name} is recorded as entry ${id}, and was not final in time; ask for the function again later`,
    );
  }
  return outcome.version ?? 0;
}

/** Makes an earlier version of a function the active one; the one before by default. Gives its number. */
export async function rollback(
  node: DeployTarget,
  key: Keypair,
  name: string,
  version: number | undefined,
): Promise<number> {
  const present = await owned(node, key, name);
  const numbers = present.versions.map(({ number }) => number);
  const target = version ?? Math.max(...numbers.filter((number) => number < present.version));
  if (!numbers.includes(target)) {
    const wanted = version === undefined ? `before v${String(present.version)}` : String(version);
    const has = numbers.map((number) => `v${String(number)}`).join(", ");
    throw new MootError(`${present.name} has no version ${wanted}; it has ${has}`);
  }
  if (target !== present.version) {
    const transaction = { rollback: { name: present.name, version: target } };
    const outcomes = await change(node, key, "rolled back", [present.name], [transaction]);
    outcomes.forEach((outcome) => applied(present.name, outcome));
  }
  return target;
}

/** Retires a function for ever. */
export async function retire(node: DeployTarget, key: Keypair, name: string): Promise<void> {
  const present = await owned(node, key, name);
  const outcomes = await change(node, key, "retired", [present.name], [{ retire: { name: present.name } }]);
  outcomes.forEach((outcome) => applied(present.name, outcome));
}

async function owned(node: DeployTarget, key: Keypair, name: string): Promise<FunctionView> {
  const present = await node.function(name);
  if (present === null) {
    throw new MootError(`${node.origin} has no function ${name}`);
  }
  checkOwner(present, key);
  return present;
}
