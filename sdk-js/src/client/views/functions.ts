/** Functions, components and the outcome of a signed bundle, as the API tells them. Names are the API's own. */

import type { AccountId, Digest } from "../../record/bytes.js";
import type { EntryId, FunctionName } from "../../record/names.js";
import type { Access, Spec } from "../../record/spec.js";
import {
  type Decoder,
  account,
  digest,
  entryId,
  flag,
  formOf,
  functionName,
  list,
  object,
  oneOf,
  optional,
  pair,
  text,
  u32,
  u64,
} from "../decode.js";

/** How a function is called. */
export type Kind = "http" | "event" | "typed";

/** One line of the list of functions. */
export interface FunctionSummary {
  readonly name: FunctionName;
  /** The account that deployed it and may change it. */
  readonly owner: AccountId;
  readonly kind: Kind;
  /** The path it answers below. */
  readonly route: string;
  /** Number of the version that answers calls. */
  readonly version: number;
  /** Digest of that version's component. */
  readonly component: Digest;
  /** It was retired: calls are refused. */
  readonly retired: boolean;
}

const kind = oneOf("http", "event", "typed");
const summaryFields = {
  name: functionName,
  owner: account,
  kind,
  route: text,
  version: u32,
  component: digest,
  retired: flag,
};

export const functions: Decoder<{ functions: FunctionSummary[] }> = object({
  functions: list(object<FunctionSummary>(summaryFields)),
});

/** One exported function of a component. */
export interface ExportView {
  /** `name`, or `interface#name`. */
  readonly path: string;
  readonly parameters: readonly { readonly name: string; readonly type: string }[];
  /** Its result as WIT text, when it has one. */
  readonly result: string | null;
}

/** One deployed version. */
export interface VersionView {
  /** Its number, from 1. */
  readonly number: number;
  readonly component: Digest;
  readonly component_bytes: bigint;
  /** The manifest as recorded. */
  readonly spec: Spec;
  readonly spec_digest: Digest;
  /** Height of the block that made it so. */
  readonly height: bigint;
  /** The entry that deployed it. */
  readonly deployed: EntryId;
}

/** A function with its versions and its interface. */
export interface FunctionView extends FunctionSummary {
  /** The last 256 versions, oldest first. */
  readonly versions: readonly VersionView[];
  /** What the active component exports. Empty when it cannot be loaded there. */
  readonly exports: readonly ExportView[];
  /** What the active component imports. */
  readonly imports: readonly string[];
}

const restricted = formOf<Access>({
  accounts: object({ accounts: list(account) }),
  rule: object({ rule: text }),
});

/** Who may call a function, or make a trigger fire. */
export const access: Decoder<Access> = (value, at) => (value === "anyone" ? "anyone" : restricted(value, at));

const keep = object<{ keep: { retention_s: bigint } }>({ keep: object({ retention_s: u64 }) });

const specFields: Decoder<Spec> = object<Spec>({
  kind,
  route: text,
  access,
  payer: oneOf("owner", "caller"),
  lifecycle: object<Spec["lifecycle"]>({ upgradable: flag, destructible: flag }),
  deterministic: flag,
  idempotent: flag,
  payloads: (value, at) => (value === "inline" || value === "digest" ? value : keep(value, at)),
  grants: object<Spec["grants"]>({
    http: optional(list(text)),
    env: list(pair),
    secrets: list(text),
    key_value: list(text),
    dirs: list(object({ name: text, at: text, write: flag })),
    clock: flag,
    random: flag,
    ledger: flag,
  }),
  limits: object<Spec["limits"]>({
    fuel: u64,
    deadline_ms: u64,
    memory_bytes: u64,
    request_bytes: u64,
    response_bytes: u64,
    log_bytes: u64,
  }),
});

export const specView: Decoder<Spec> = (value, at) => {
  const spec = specFields(value, at);
  // Left out where it is one.
  const replicas = object<{ replicas_k: number | null }>({ replicas_k: optional(u32) })(value, at).replicas_k;
  return replicas === null ? spec : { ...spec, replicas_k: replicas };
};

export const functionView: Decoder<FunctionView> = object<FunctionView>({
  ...summaryFields,
  versions: list(
    object<VersionView>({
      number: u32,
      component: digest,
      component_bytes: u64,
      spec: specView,
      spec_digest: digest,
      height: u64,
      deployed: entryId,
    }),
  ),
  exports: list(
    object<ExportView>({
      path: text,
      parameters: list(object({ name: text, type: text })),
      result: optional(text),
    }),
  ),
  imports: list(text),
});

/** A component that was uploaded. */
export interface ComponentView {
  readonly digest: Digest;
  /** Its length. */
  readonly bytes: bigint;
  readonly kind: Kind;
  readonly imports: readonly string[];
  readonly exports: readonly string[];
}

export const componentView: Decoder<ComponentView> = object<ComponentView>({
  digest,
  bytes: u64,
  kind,
  imports: list(text),
  exports: list(text),
});

/** What an entry did to the ledger's state. */
export interface Outcome {
  /** `accepted`: not ordered yet; `applied`; `done`: the state changed, no function did; `recorded`: ordered, changes no state; `refused`: ordered, without effect. */
  readonly status: string;
  /** The version that now answers calls. */
  readonly version: number | null;
  /** Why it was refused. */
  readonly reason: string | null;
}

/** What became of one entry of a bundle. */
export interface EntryOutcome {
  readonly id: EntryId;
  /** `deploy`, `rollback`, `retire` or `value`. */
  readonly kind: string;
  /** Height of the block that ordered it. */
  readonly height: bigint | null;
  readonly outcome: Outcome;
}

export const bundleAnswer: Decoder<{ entries: EntryOutcome[] }> = object({
  entries: list(
    object<EntryOutcome>({
      id: entryId,
      kind: text,
      height: optional(u64),
      outcome: object<Outcome>({ status: text, version: optional(u32), reason: optional(text) }),
    }),
  ),
});
