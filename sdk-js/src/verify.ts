/**
 * Receipts, receipt files, proofs and files of the state, checked offline: no node, no network, no clock.
 *
 * ```ts
 * import { parseGenesis, verifyReceiptFile } from "@folkmoot/sdk/verify";
 *
 * const genesis = parseGenesis(genesisText); // from someone you believe
 * const { receipt, finality } = verifyReceiptFile(receiptText, genesis); // throws a VerifyError naming the field
 * ```
 *
 * @packageDocumentation
 */

import { decode } from "./record/codec.js";
import { within } from "./errors.js";
import type { AccountId } from "./record/bytes.js";
import type { Genesis } from "./record/genesis.js";
import { HttpRequestHead, HttpResponseHead, EventHead, splitPayload } from "./record/heads.js";
import { Proof, type Proven, type Signed, SignedEntry, verifyProof, verifySigned } from "./record/proof.js";
import { type SealedBatch, parseSealed, verifySealed } from "./record/sealed.js";

export { DecodeError, InvalidError, MootError, VerifyError } from "./errors.js";
export { AccountId, Digest, Signature } from "./record/bytes.js";
export type { Call, CallKind } from "./record/call.js";
export type { Entry, Value } from "./record/entry.js";
export type { Epochs } from "./record/committee.js";
export { type Allocation, type Economy, type Genesis, parseGenesis } from "./record/genesis.js";
export { componentDigest } from "./record/hash.js";
export type { Prices } from "./record/prices.js";
export type { EventHead, HttpField, HttpRequestHead, HttpResponseHead } from "./record/heads.js";
export {
  type EntryId,
  type EntryPlace,
  type FunctionName,
  parseEntryId,
  parseFunctionName,
} from "./record/names.js";
export { isPayloadOf, type Payload, payloadDigest } from "./record/payload.js";
export type { Proven, Signed } from "./record/proof.js";
export type { Fee, Receipt, Status } from "./record/receipt.js";
export {
  type Checked,
  type Finality,
  makeReceiptFile,
  RECEIPT_FORMAT,
  verifyReceiptFile,
} from "./record/receipt-file.js";
export { SealError } from "./record/sealed.js";
export type { Spec } from "./record/spec.js";
export type { StateKey, StateKind } from "./record/state.js";
export { type ProvenState, STATE_FORMAT, verifyStateFile } from "./record/state-file.js";
export {
  type AccountState,
  type ConvictionState,
  type FunctionRecord,
  type HoldState,
  type OwnerState,
  parseFunctionRecord,
  type PotState,
  type PriceListState,
  type RuleState,
  type StakeState,
  type StateValues,
  type TriggerState,
  type WorkerState,
} from "./record/state-value.js";
export type { Touch, TouchKind } from "./record/touch.js";
export { parseSocketAddress, type SocketAddress } from "./record/socket-address.js";
export type { Role, Seat, Transaction } from "./record/transaction.js";

/**
 * Verifies a proof: an entry, the signature of who said it, and the certificate of the block that ordered it.
 *
 * @throws VerifyError naming what does not fit; `proof` when the bytes are no proof.
 */
export function verifyProofBytes(bytes: Uint8Array, genesis: Genesis): Proven {
  return verifyProof(
    within("proof", () => decode(Proof, bytes)),
    genesis,
  );
}

/**
 * Verifies a signed entry: what the `Moot-Receipt` header carries.
 *
 * @throws VerifyError naming what does not fit; `signed` when the bytes are no signed entry.
 */
export function verifySignedBytes(bytes: Uint8Array, genesis: Genesis): Signed {
  return verifySigned(
    within("signed", () => decode(SignedEntry, bytes)),
    genesis,
  );
}

/**
 * Verifies a batch under its lane owner's seal: seal, roots, counts, pages, every signature. Not that its entries decode.
 * `owners` are the lanes' owners: the genesis's validators, and after them those who got a seat later.
 *
 * @throws SealError saying what is wrong, DecodeError or InvalidError when the bytes are no sealed batch.
 */
export function verifySealedBytes(
  bytes: Uint8Array,
  genesis: Genesis,
  owners: readonly AccountId[] = genesis.validators,
): SealedBatch {
  const sealed = parseSealed(bytes);
  verifySealed(sealed, owners, genesis.network);
  return sealed;
}

/** A recorded HTTP request, as `GET /_moot/calls/{id}/input` gives it: its head and its body. */
export function splitHttpRequest(payload: Uint8Array): { head: HttpRequestHead; body: Uint8Array } {
  return splitPayload(HttpRequestHead, payload);
}

/** A recorded HTTP response, as `GET /_moot/calls/{id}/output` gives it: its head and its body. */
export function splitHttpResponse(payload: Uint8Array): { head: HttpResponseHead; body: Uint8Array } {
  return splitPayload(HttpResponseHead, payload);
}

/** A recorded event: its head and its data. */
export function splitEvent(payload: Uint8Array): { head: EventHead; body: Uint8Array } {
  return splitPayload(EventHead, payload);
}
