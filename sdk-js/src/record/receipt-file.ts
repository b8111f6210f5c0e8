/**
 * The receipt file: what people keep, readable and provable.
 *
 * ```text
 * { "format": "moot-receipt-1", "network": ..., "worker": ...,
 *   "id": ..., "block": { "height", "time_ms", "epoch", "view" },      when it is final
 *   "receipt": { every field of the receipt },
 *   "call": { every field of the call }, "call_entry": "<base64url>",  when the call is known
 *   "proof": "<base64url>"     when it is final, or     "signed": "<base64url>"     before that }
 * ```
 *
 * Only the base64url parts are evidence. Checking makes the readable part anew from what they prove and compares the
 * two, field by field: nothing that a person reads in a good file is unproven.
 */

import { MootError, quoted, VerifyError, within } from "../errors.js";
import type { AccountId, Digest } from "./bytes.js";
import type { Call } from "./call.js";
import { type Codec, decode, encode } from "./codec.js";
import { certificateRound } from "./certificate.js";
import { Entry, entryDigest, entryKind } from "./entry.js";
import type { Genesis } from "./genesis.js";
import { firstDifference, isObject, type Json, type JsonObject, parseJson, printJson, show } from "./json.js";
import { MAX_ENTRY_BYTES, MAX_PROOF_BYTES, MAX_RECEIPT_FILE_BYTES } from "./limits.js";
import type { EntryId } from "./names.js";
import { Proof, proofId, readEntry, SignedEntry, verifyProof, verifySigned } from "./proof.js";
import type { Receipt } from "./receipt.js";
import { base64UrlLength, fromBase64Url, toBase64Url } from "./text.js";

/** The format's name and version. */
export const RECEIPT_FORMAT = "moot-receipt-1";

/** What vouches for a receipt: the worker's signature, or with it the ledger's certificate. */
export type Evidence = { readonly signed: SignedEntry } | { readonly proof: Proof };

/** Where and when the ledger ordered a receipt. */
export interface Finality {
  /** The receipt's own address. */
  readonly id: EntryId;
  /** The block's height. */
  readonly height: bigint;
  /** The block's time, in milliseconds since 1970. */
  readonly time_ms: bigint;
  /** The epoch of the votes. */
  readonly epoch: bigint;
  /** The view of the votes. */
  readonly view: bigint;
}

/** What a checked file proves. */
export interface Checked {
  readonly receipt: Receipt;
  /** The account that signed it. */
  readonly worker: AccountId;
  /** The call, when the file has it: its digest is the one that the receipt names. */
  readonly call: Call | null;
  /** Where it stands, when the file has the ledger's certificate. */
  readonly finality: Finality | null;
}

interface Parsed {
  readonly evidence: Evidence;
  readonly callEntry: Uint8Array | undefined;
  readonly shown: Json;
}

/**
 * Checks a receipt file: that its evidence holds, and that every readable field says what it proves.
 *
 * @throws {VerifyError} Names the first field that does not fit.
 */
export function verifyReceiptFile(text: string, genesis: Genesis): Checked {
  const file = parse(text);
  const { receipt, worker, finality } = prove(file.evidence, genesis);
  const call = file.callEntry === undefined ? null : callOf(file.callEntry, receipt);
  const checked: Checked = { receipt, worker, call, finality };
  const proven = print(genesis.network, checked, file.evidence, file.callEntry);
  const difference = firstDifference(file.shown, proven);
  if (difference !== undefined) {
    const { field, found, proven: right } = difference;
    throw new VerifyError(field, `${field}: the file says ${found}, what was signed says ${right}`);
  }
  return checked;
}

/**
 * Makes a file's text from evidence, and from the call's entry when it is known. Nothing is verified here.
 *
 * @throws {VerifyError} When the evidence does not hold a receipt, or the entry is not the call that it names.
 */
export function makeReceiptFile(evidence: Evidence, callEntry?: Uint8Array): string {
  const signed = "proof" in evidence ? evidence.proof : evidence.signed;
  const receipt = receiptOf(readEntry(signed).entry);
  const call = callEntry === undefined ? null : callOf(callEntry, receipt);
  const { account: worker, network } = signed.bundle_header;
  const finality = "proof" in evidence ? finalityOf(evidence.proof) : null;
  const file = print(network, { receipt, worker, call, finality }, evidence, callEntry);
  return `${printJson(file, "  ")}\n`;
}

function finalityOf(proof: Proof): Finality {
  const { height, time_ms: time } = proof.block_header;
  return { id: proofId(proof), height, time_ms: time, ...certificateRound(proof.certificate) };
}

function prove(evidence: Evidence, genesis: Genesis): Omit<Checked, "call"> {
  if ("signed" in evidence) {
    const { entry, account } = verifySigned(evidence.signed, genesis);
    return { receipt: receiptOf(entry), worker: account, finality: null };
  }
  const { entry, account, id, height, time_ms: time, epoch, view } = verifyProof(evidence.proof, genesis);
  return { receipt: receiptOf(entry), worker: account, finality: { id, height, time_ms: time, epoch, view } };
}

function refuse(field: string, why: string): VerifyError {
  return new VerifyError(field, `${field}: ${why}`);
}

function parse(text: string): Parsed {
  let shown: Json;
  try {
    shown = parseJson(text, MAX_RECEIPT_FILE_BYTES);
  } catch (error) {
    throw error instanceof MootError ? refuse("file", `not a receipt file: ${error.message}`) : error;
  }
  const file = isObject(shown) ? shown : {};
  const format = typeof file["format"] === "string" ? file["format"] : "";
  if (format !== RECEIPT_FORMAT) {
    throw refuse(
      "format",
      `${quoted(format)} is not "${RECEIPT_FORMAT}", the format that this version reads`,
    );
  }
  const evidence = readEvidence(file);
  return { evidence, callEntry: base64Field(file, "call_entry", MAX_ENTRY_BYTES), shown };
}

function readEvidence(file: JsonObject): Evidence {
  const proof = base64Field(file, "proof", MAX_PROOF_BYTES);
  const signed = base64Field(file, "signed", MAX_PROOF_BYTES);
  if (proof !== undefined && signed !== undefined) {
    throw refuse("signed", "the file has both proof and signed");
  }
  if (proof !== undefined) {
    return { proof: read("proof", Proof, proof) };
  }
  if (signed !== undefined) {
    return { signed: read("signed", SignedEntry, signed) };
  }
  throw refuse("proof", "the file has neither proof nor signed");
}

function read<T>(field: string, codec: Codec<T>, bytes: Uint8Array): T {
  return within(field, () => decode(codec, bytes));
}

function base64Field(file: JsonObject, field: string, max: number): Uint8Array | undefined {
  const value = file[field];
  if (value === undefined) {
    return undefined;
  }
  if (typeof value !== "string") {
    throw refuse(field, "it is not a string");
  }
  if (value.length > base64UrlLength(max)) {
    throw refuse(field, `${String(value.length)} characters; at most ${String(max)} bytes`);
  }
  try {
    return fromBase64Url(value);
  } catch (error) {
    throw error instanceof MootError ? refuse(field, `it is ${error.message}`) : error;
  }
}

function receiptOf(entry: Entry): Receipt {
  if ("receipt" in entry) {
    return entry.receipt;
  }
  throw refuse("receipt", `what is proven is a ${entryKind(entry)}, not a receipt`);
}

function callOf(bytes: Uint8Array, receipt: Receipt): Call {
  const digest = entryDigest(bytes);
  if (digest !== receipt.call_digest) {
    const why = `its digest is ${digest}, the receipt is of the call with digest ${receipt.call_digest}`;
    throw refuse("call_entry", why);
  }
  const entry = read("call_entry", Entry, bytes);
  if ("call" in entry) {
    return entry.call;
  }
  throw refuse("call_entry", `it is a ${entryKind(entry)}, not a call`);
}

/** The readable form of what was proven, with the evidence as the file has it. */
function print(
  network: Digest,
  checked: Checked,
  evidence: Evidence,
  callEntry: Uint8Array | undefined,
): Json {
  const { receipt, worker, call, finality } = checked;
  const file: JsonObject = { format: RECEIPT_FORMAT, network, worker };
  if (finality !== null) {
    const { id, height, time_ms: time, epoch, view } = finality;
    file["id"] = id;
    // Plain numbers, as the node writes them, also where they are large.
    file["block"] = { height, time_ms: time, epoch, view };
  }
  file["receipt"] = show(receipt);
  if (call !== null && callEntry !== undefined) {
    file["call"] = show(call);
    file["call_entry"] = toBase64Url(callEntry);
  }
  if ("proof" in evidence) {
    file["proof"] = toBase64Url(encode(Proof, evidence.proof));
  } else {
    file["signed"] = toBase64Url(encode(SignedEntry, evidence.signed));
  }
  return file;
}
