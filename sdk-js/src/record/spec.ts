/**
 * A function's spec: its manifest as the ledger keeps it.
 *
 * What the owner signs at deploy, and what every call names by digest. Lists that are sets are sorted, so that one
 * meaning has one digest.
 *
 * ```text
 * [kind, route, null | [account...] | rule, payer, upgradable, destructible, deterministic, idempotent,
 *  [0, retention_s] | [1] | [2],
 *  [null | [host...], [[name, value]...], [secret...], [store...], [[name, at, write]...], clock, random, ledger],
 *  [fuel, deadline_ms, memory, request, response, log]]     and after it replicas_k, from 2 on
 * ```
 */

import { InvalidError } from "../errors.js";
import { AccountId, type Digest } from "./bytes.js";
import { type Reader, unknownNumber, type Writer, wrongLength } from "./cbor.js";
import { type Codec, encode, numbered } from "./codec.js";
import { DOMAINS } from "./hash.js";
import { MAX_RULE_BYTES, MAX_SPEC_BYTES, MAX_SPEC_LIST, MAX_SPEC_TEXT_BYTES } from "./limits.js";
import { checkSpec } from "./spec-rules.js";

/** How a function is called. */
export type FunctionKind = "http" | "event" | "typed";
/** Who pays for a call. */
export type Payer = "owner" | "caller";
/** Who may call a function: anyone, these accounts (sorted), or whom a rule allows. */
export type Access = "anyone" | { readonly accounts: readonly AccountId[] } | { readonly rule: string };
/** What is kept of what goes in and out: the bytes for a time, the bytes in the entry, or nothing but the digest. */
export type PayloadMode = { readonly keep: { readonly retention_s: bigint } } | "inline" | "digest";

/** What a function may touch outside its sandbox. */
export interface SpecGrants {
  /** Hosts, `scheme://host:port`, sorted. An empty list admits the import and refuses every request. */
  readonly http: readonly string[] | null;
  /** Environment variables, sorted by name. */
  readonly env: readonly (readonly [name: string, value: string])[];
  /** Names of secrets, sorted. */
  readonly secrets: readonly string[];
  /** Names of key-value stores, sorted. */
  readonly key_value: readonly string[];
  /** Directories, sorted by name. */
  readonly dirs: readonly SpecDir[];
  /** The real clock. */
  readonly clock: boolean;
  /** Real randomness. */
  readonly random: boolean;
  /** Writing values and calling other functions. */
  readonly ledger: boolean;
}

/** A directory that the operator maps. */
export interface SpecDir {
  /** The operator's name for it. */
  readonly name: string;
  /** Where the function sees it. */
  readonly at: string;
  /** Whether it may write. */
  readonly write: boolean;
}

/** What one call may use. */
export interface SpecLimits {
  readonly fuel: bigint;
  readonly deadline_ms: bigint;
  readonly memory_bytes: bigint;
  readonly request_bytes: bigint;
  readonly response_bytes: bigint;
  readonly log_bytes: bigint;
}

/** The rules that a function runs under. */
export interface Spec {
  readonly kind: FunctionKind;
  /** The HTTP path that leads to it and everything below: `/hello`, or `/`. */
  readonly route: string;
  readonly access: Access;
  readonly payer: Payer;
  /** What its owner may still do. */
  readonly lifecycle: { readonly upgradable: boolean; readonly destructible: boolean };
  /** Whether anyone can replay its calls. */
  readonly deterministic: boolean;
  /** Whether a call may be run again after its worker died in the middle. */
  readonly idempotent: boolean;
  readonly payloads: PayloadMode;
  readonly grants: SpecGrants;
  readonly limits: SpecLimits;
  /**
   * On how many workers each call is run: what most of them say is the answer. One when left out, as one always is.
   */
  readonly replicas_k?: number;
}

const KIND = numbered<FunctionKind>("kind of function", ["http", "event", "typed"]);
const PAYER = numbered<Payer>("payer", ["owner", "caller"]);

function writeList<T>(out: Writer, list: readonly T[], write: (item: T) => void): void {
  out.array(list.length);
  list.forEach(write);
}

function writeTexts(out: Writer, texts: readonly string[]): void {
  writeList(out, texts, (text) => {
    out.text(text);
  });
}

const readText = (r: Reader): string => r.text(MAX_SPEC_TEXT_BYTES);
const readTexts = (r: Reader): string[] => r.items(MAX_SPEC_LIST, () => readText(r));

function writeAccess(out: Writer, access: Access): void {
  if (access !== "anyone" && "rule" in access) {
    out.text(access.rule);
    return;
  }
  out.option(access === "anyone" ? null : access.accounts, (accounts) => {
    writeList(out, accounts, (account) => {
      AccountId.write(out, account);
    });
  });
}

/** Which of the three it is shows in the type of what is there. */
function readAccess(r: Reader): Access {
  if (r.atText) {
    return { rule: r.text(MAX_RULE_BYTES) };
  }
  const accounts = r.option(() => r.items(MAX_SPEC_LIST, () => AccountId.read(r)));
  return accounts === null ? "anyone" : { accounts };
}

function writePayloads(out: Writer, mode: PayloadMode): void {
  if (typeof mode === "object") {
    out.array(2);
    out.uint(0);
    out.uint(mode.keep.retention_s);
  } else {
    out.array(1);
    out.uint(mode === "inline" ? 1 : 2);
  }
}

function readPayloads(r: Reader): PayloadMode {
  const fields = r.list(2);
  const at = r.position;
  const number = r.uint();
  if (number > 2n) {
    throw unknownNumber("payload mode", at, number);
  }
  const wanted = number === 0n ? 2 : 1;
  if (fields !== wanted) {
    throw wrongLength("the payload mode", at, fields, wanted);
  }
  return number === 0n ? { keep: { retention_s: r.uint() } } : number === 1n ? "inline" : "digest";
}

function writeGrants(out: Writer, grants: SpecGrants): void {
  out.array(8);
  out.option(grants.http, (hosts) => {
    writeTexts(out, hosts);
  });
  writeList(out, grants.env, ([name, value]) => {
    out.array(2);
    out.text(name);
    out.text(value);
  });
  writeTexts(out, grants.secrets);
  writeTexts(out, grants.key_value);
  writeList(out, grants.dirs, (dir) => {
    out.array(3);
    out.text(dir.name);
    out.text(dir.at);
    out.boolean(dir.write);
  });
  out.boolean(grants.clock);
  out.boolean(grants.random);
  out.boolean(grants.ledger);
}

function readGrants(r: Reader): SpecGrants {
  r.array(8);
  return {
    http: r.option(() => readTexts(r)),
    env: r.items(MAX_SPEC_LIST, () => {
      r.array(2);
      return [readText(r), readText(r)] as const;
    }),
    secrets: readTexts(r),
    key_value: readTexts(r),
    dirs: r.items(MAX_SPEC_LIST, () => {
      r.array(3);
      return { name: readText(r), at: readText(r), write: r.boolean() };
    }),
    clock: r.boolean(),
    random: r.boolean(),
    ledger: r.boolean(),
  };
}

function readLimits(r: Reader): SpecLimits {
  r.array(6);
  return {
    fuel: r.uint(),
    deadline_ms: r.uint(),
    memory_bytes: r.uint(),
    request_bytes: r.uint(),
    response_bytes: r.uint(),
    log_bytes: r.uint(),
  };
}

/** One is left out: each meaning has one form. */
function readReplicas(r: Reader): number {
  const replicas = r.u16();
  if (replicas === 1) {
    throw new InvalidError("spec.replicas_k", "1, which is left out");
  }
  return replicas;
}

export const Spec: Codec<Spec> = {
  maxBytes: MAX_SPEC_BYTES,

  write(out, spec) {
    const replicas = spec.replicas_k ?? 1;
    out.array(replicas === 1 ? 11 : 12);
    KIND.write(out, spec.kind);
    out.text(spec.route);
    writeAccess(out, spec.access);
    PAYER.write(out, spec.payer);
    out.boolean(spec.lifecycle.upgradable);
    out.boolean(spec.lifecycle.destructible);
    out.boolean(spec.deterministic);
    out.boolean(spec.idempotent);
    writePayloads(out, spec.payloads);
    writeGrants(out, spec.grants);
    const { limits } = spec;
    out.array(6);
    out.uint(limits.fuel);
    out.uint(limits.deadline_ms);
    out.uint(limits.memory_bytes);
    out.uint(limits.request_bytes);
    out.uint(limits.response_bytes);
    out.uint(limits.log_bytes);
    if (replicas !== 1) {
      out.uint(replicas);
    }
  },

  read(r) {
    const at = r.position;
    const fields = r.list(12);
    if (fields < 11) {
      throw wrongLength("the spec", at, fields, 11);
    }
    const kind = KIND.read(r);
    const route = readText(r);
    const access = readAccess(r);
    const spec: Spec = {
      kind,
      route,
      access,
      payer: PAYER.read(r),
      lifecycle: { upgradable: r.boolean(), destructible: r.boolean() },
      deterministic: r.boolean(),
      idempotent: r.boolean(),
      payloads: readPayloads(r),
      grants: readGrants(r),
      limits: readLimits(r),
    };
    const whole = fields === 12 ? { ...spec, replicas_k: readReplicas(r) } : spec;
    checkSpec(whole);
    return whole;
  },
};

/** The digest of a spec's encoding: what a call names. */
export function specDigest(spec: Spec): Digest {
  return DOMAINS.spec.digest(encode(Spec, spec));
}
