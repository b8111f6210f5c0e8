/** Function names, paths and entries' addresses: texts with a rule, checked where they come in. */

import { InvalidError, MootError, quoted } from "../errors.js";
import { Digest } from "./bytes.js";
import { type Reader, Writer } from "./cbor.js";
import type { Codec } from "./codec.js";
import { DOMAINS } from "./hash.js";
import {
  MAX_FUNCTION_NAME_BYTES,
  MAX_PATH_BYTES,
  MAX_PATH_LABEL_BYTES,
  MAX_PATH_LABELS,
  MAX_RULE_BYTES,
  MAX_VARIABLE_BYTES,
  MAX_U16,
  MAX_U32,
  MAX_U64,
} from "./limits.js";
import { utf8 } from "./text.js";

declare const kind: unique symbol;

/** The name of a function: 1 to 63 of `a-z 0-9 -`, starting with a letter, no `--`, not ending with `-`. */
export type FunctionName = string & { readonly [kind]: "function" };
/** Where an entry stands, and the id of a call: `lane-batch-bundle-page-slot`, as in `0-42-0-1-3`. */
export type EntryId = string & { readonly [kind]: "entry" };

/**
 * Checks a function's name.
 *
 * @throws {MootError} Says which rule the name breaks, and how.
 */
export function parseFunctionName(name: string): FunctionName {
  const why = brokenRule(name);
  if (why !== undefined) {
    throw new MootError(`${quoted(name)} is not a function name: ${why}`);
  }
  return name as FunctionName;
}

function brokenRule(name: string): string | undefined {
  const strange = /[^a-z0-9-]/u.exec(name);
  if (name === "") {
    return "it is empty";
  }
  if (strange !== null) {
    return `${quoted(strange[0])} is not allowed; use lowercase letters a-z, digits and hyphens`;
  }
  if (name.length > MAX_FUNCTION_NAME_BYTES) {
    return `${String(name.length)} characters; at most ${String(MAX_FUNCTION_NAME_BYTES)} are allowed`;
  }
  if (!/^[a-z]/u.test(name)) {
    return "it must start with a letter";
  }
  if (name.endsWith("-") || name.includes("--")) {
    return "a hyphen stands alone between letters or digits";
  }
  return undefined;
}

export const FunctionName = {
  write(out: Writer, name: FunctionName): void {
    out.text(name);
  },
  read(r: Reader): FunctionName {
    const name = r.text(MAX_FUNCTION_NAME_BYTES);
    const why = brokenRule(name);
    if (why !== undefined) {
      throw new InvalidError("function", `${quoted(name)} is not a function name: ${why}`);
    }
    return name as FunctionName;
  },
};

/** An address's numbers. */
export interface EntryPlace {
  /** The replica's lane. */
  readonly lane: number;
  /** The batch's sequence number in the lane. */
  readonly batch: bigint;
  /** The bundle's place in the batch. */
  readonly bundle: number;
  /** The page's place in the bundle. */
  readonly page: number;
  /** The entry's place in the page. */
  readonly slot: number;
}

/** An address as text. */
export function formatEntryId(place: EntryPlace): EntryId {
  return [place.lane, place.batch, place.bundle, place.page, place.slot].join("-") as EntryId;
}

/**
 * Reads an address; each has one text.
 *
 * @throws {MootError} When it is not five decimal numbers that fit.
 */
export function parseEntryId(text: string): EntryPlace {
  const number = "(0|[1-9][0-9]{0,19})";
  const found = new RegExp(`^${Array.from({ length: 5 }, () => number).join("-")}$`, "u").exec(text);
  const [lane = 0n, batch = 0n, bundle = 0n, page = 0n, slot = 0n] = (found ?? []).slice(1).map(BigInt);
  const small = [bundle, page, slot].every((part) => part <= BigInt(MAX_U16));
  if (found === null || !small || lane > BigInt(MAX_U32) || batch > MAX_U64) {
    const why = "it has five decimal numbers, lane-batch-bundle-page-slot, as in 0-42-0-1-3";
    throw new MootError(`${quoted(text)} is not an entry's address: ${why}`);
  }
  return { lane: Number(lane), batch, bundle: Number(bundle), page: Number(page), slot: Number(slot) };
}

export const EntryId: Codec<EntryId> = {
  maxBytes: 64,
  write(out, id) {
    const place = parseEntryId(id);
    out.array(5);
    for (const part of [place.lane, place.batch, place.bundle, place.page, place.slot]) {
      out.uint(part);
    }
  },
  read(r) {
    r.array(5);
    return formatEntryId({ lane: r.u32(), batch: r.uint(), bundle: r.u16(), page: r.u16(), slot: r.u16() });
  },
};

/** What a deterministic call draws its randomness from: it depends on nothing but the network and the address. */
export function callSeed(id: EntryId, network: Digest): Uint8Array {
  const out = new Writer();
  Digest.write(out, network);
  EntryId.write(out, id);
  return DOMAINS.seed.hash(out.finish());
}

/**
 * Checks a path: labels of `A-Z a-z 0-9 - . _ ~`, each after a `/`, none of them `.` or `..`.
 *
 * @throws {InvalidError} Says which label is wrong.
 */
export function checkPath(path: string, field = "value.path"): void {
  for (const label of labels(path, field)) {
    checkLabel(label, field);
  }
}

/**
 * Checks the length of a rule's text. Whether it can be judged by is the ledger's to say.
 *
 * @throws {InvalidError} Says how long it is.
 */
export function checkRuleText(rule: string, field: string): void {
  const bytes = utf8(rule).length;
  if (bytes < 1 || bytes > MAX_RULE_BYTES) {
    throw new InvalidError(field, `${String(bytes)} bytes; a rule has 1 to ${String(MAX_RULE_BYTES)}`);
  }
}

/** The labels of a path or pattern whose length and depth are within their bounds. */
function labels(path: string, field: string): string[] {
  const bytes = utf8(path).length;
  if (bytes > MAX_PATH_BYTES) {
    throw new InvalidError(field, `${String(bytes)} bytes; at most ${String(MAX_PATH_BYTES)} are allowed`);
  }
  if (!path.startsWith("/")) {
    throw new InvalidError(field, `${quoted(path)} does not start with a slash; write it like /chat/lobby`);
  }
  const found = path.slice(1).split("/");
  if (found.length > MAX_PATH_LABELS) {
    throw new InvalidError(
      field,
      `${String(found.length)} labels; at most ${String(MAX_PATH_LABELS)} are allowed`,
    );
  }
  return found;
}

function checkLabel(label: string, field: string): void {
  const plain = /^[A-Za-z0-9._~-]+$/u.test(label);
  if (!plain || label === "." || label === ".." || label.length > MAX_PATH_LABEL_BYTES) {
    const rule = `1 to ${String(MAX_PATH_LABEL_BYTES)} of A-Z a-z 0-9 - . _ ~ (and not . or ..)`;
    throw new InvalidError(field, `label ${quoted(label)} is not ${rule}`);
  }
}

/**
 * Checks a pattern: a path, in which every label but the first may be `$` and a name of `a-z 0-9 _` that begins with a
 * letter. No name twice.
 *
 * @throws {InvalidError} Says which label is wrong.
 */
export function checkPattern(pattern: string, field = "transaction.pattern"): void {
  const names = new Set<string>();
  for (const [at, label] of labels(pattern, field).entries()) {
    if (!label.startsWith("$")) {
      checkLabel(label, field);
      continue;
    }
    const name = label.slice(1);
    if (!/^[a-z][a-z0-9_]*$/u.test(name) || name.length > MAX_VARIABLE_BYTES) {
      const rule = `$ and 1 to ${String(MAX_VARIABLE_BYTES)} of a-z 0-9 _, a letter first`;
      throw new InvalidError(field, `variable ${quoted(label)} is not ${rule}`);
    }
    if (at === 0) {
      const why = "begins with a variable; nobody owns what is below all labels";
      throw new InvalidError(field, `${quoted(pattern)} ${why}`);
    }
    if (names.has(name)) {
      throw new InvalidError(field, `variable ${quoted(label)} is there twice`);
    }
    names.add(name);
  }
}
