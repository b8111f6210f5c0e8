/**
 * The state file: what an account had, or a rule said, readable and provable.
 *
 * ```text
 * { "format": "moot-state-1", "network": ..., "key": { "account": ... }, "value": { "balance": ... } or null,
 *   "block": { "height", "time_ms" }, "proof": "<base64url>" }
 * ```
 *
 * Only the proof is evidence. Checking makes the readable part anew from what it proves and compares the two, field by
 * field.
 */

import { MootError, quoted, VerifyError, within } from "../errors.js";
import { decode, encode } from "./codec.js";
import type { Genesis } from "./genesis.js";
import { firstDifference, isObject, type Json, parseJson, show } from "./json.js";
import { MAX_STATE_FILE_BYTES, MAX_STATE_PROOF_BYTES } from "./limits.js";
import { type StateKey, stateKind, type StateKind } from "./state.js";
import { StateProof, verifyStateProof } from "./state-proof.js";
import { readStateValue, type StateValues } from "./state-value.js";
import { base64UrlLength, fromBase64Url, toBase64Url } from "./text.js";

/** The format's name and version. */
export const STATE_FORMAT = "moot-state-1";

/** What the value of a kind is read as: the bytes, where the kind has no readable form. */
type ValueOf<K extends StateKind> = K extends keyof StateValues ? StateValues[K] : Uint8Array;

/** The keys of a kind. */
type KeyOf<K extends StateKind> = K extends StateKey ? K : Extract<StateKey, Readonly<Record<K, unknown>>>;

/** What a checked file proves, by the kind of its key: compare the key with the one that you mean. */
export type ProvenState = {
  readonly [K in StateKind]: {
    readonly kind: K;
    readonly key: KeyOf<K>;
    /** The value; null: the state held nothing under the key. */
    readonly value: ValueOf<K> | null;
    /** The height of the block that carries the root: the state is that after a block before it. */
    readonly height: bigint;
    /** That block's time, in milliseconds since 1970. */
    readonly time_ms: bigint;
  };
}[StateKind];

/**
 * Checks a state file: that its evidence holds, and that every readable field says what it proves.
 *
 * @throws {VerifyError} Names the first field that does not fit.
 */
export function verifyStateFile(text: string, genesis: Genesis): ProvenState {
  const { shown, proof } = parse(text);
  verifyStateProof(proof, genesis);
  const kind = stateKind(proof.key);
  const bytes = proof.value;
  const value = bytes === null ? null : within("state.value", () => readStateValue(kind, bytes));
  const { height, time_ms: time } = proof.block_header;
  const proven: Json = {
    format: STATE_FORMAT,
    network: genesis.network,
    key: showKey(proof.key),
    value: show(value),
    // Plain numbers, as the node writes them, also where they are large.
    block: { height, time_ms: time },
    proof: toBase64Url(encode(StateProof, proof)),
  };
  const difference = firstDifference(shown, proven);
  if (difference !== undefined) {
    const { field, found, proven: right } = difference;
    throw new VerifyError(field, `${field}: the file says ${found}, what was signed says ${right}`);
  }
  // The key and its value are of one kind: the value was read by it.
  return { kind, key: proof.key, value, height, time_ms: time } as ProvenState;
}

function showKey(key: StateKey): Json {
  // A height is a plain number here too.
  return typeof key === "object" && "derived" in key ? { derived: key.derived.map(BigInt) } : show(key);
}

function refuse(field: string, why: string): VerifyError {
  return new VerifyError(field, `${field}: ${why}`);
}

function parse(text: string): { readonly shown: Json; readonly proof: StateProof } {
  let shown: Json;
  try {
    shown = parseJson(text, MAX_STATE_FILE_BYTES);
  } catch (error) {
    throw error instanceof MootError ? refuse("file", `not a state file: ${error.message}`) : error;
  }
  const file = isObject(shown) ? shown : {};
  const format = typeof file["format"] === "string" ? file["format"] : "";
  if (format !== STATE_FORMAT) {
    throw refuse("format", `${quoted(format)} is not "${STATE_FORMAT}", the format that this version reads`);
  }
  const proof = file["proof"];
  if (typeof proof !== "string") {
    throw refuse("proof", "the file has no proof");
  }
  if (proof.length > base64UrlLength(MAX_STATE_PROOF_BYTES)) {
    throw refuse("proof", `${String(proof.length)} characters are too many`);
  }
  let bytes: Uint8Array;
  try {
    bytes = fromBase64Url(proof);
  } catch (error) {
    throw error instanceof MootError ? refuse("proof", `it is ${error.message}`) : error;
  }
  return { shown, proof: within("proof", () => decode(StateProof, bytes)) };
}
