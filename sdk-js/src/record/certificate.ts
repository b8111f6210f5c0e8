/**
 * A certificate: a quorum's votes for a block, as commonware's simplex writes a finalisation.
 *
 * ```text
 * certificate = proposal | u64 n | bitmap | varint votes | votes * 64-byte signature
 * proposal    = varint epoch | varint view | varint parent view | 32-byte block digest
 * bitmap      = ceil(n / 8) bytes; member i is bit i % 8 of byte i / 8
 * each signs    varint(len) | namespace "_FINALIZE" | proposal
 * ```
 *
 * `u64` is big-endian; a varint has seven bits a byte, least significant first, in its shortest form. Members
 * are in the committee's order, which is sorted; the namespace is the committee's.
 */

import { VerifyError, within } from "../errors.js";
import { type AccountId, Digest, Signature } from "./bytes.js";
import { Reader, tooLong } from "./cbor.js";
import { type Committee, committeeNamespace } from "./committee.js";
import { type Genesis, genesisCommittee } from "./genesis.js";
import { MAX_CERTIFICATE_BYTES } from "./limits.js";
import { SignatureError, verifyRaw } from "./signature.js";
import { concat, utf8 } from "./text.js";

const n = String;
const SIGNATURE_BYTES = 64;

/** How many of `validators` must vote: all but the largest number that may be dishonest. */
export function quorum(validators: number): number {
  return validators - Math.floor(Math.max(validators - 1, 0) / 3);
}

/** When the replicas voted. */
export interface Round {
  readonly epoch: bigint;
  readonly view: bigint;
}

function refuse(part: string, message: string): VerifyError {
  const field = `certificate.${part}`;
  return new VerifyError(field, `${field}: ${message}`);
}

/** The epoch and view that a certificate names, not verified. */
export function certificateRound(certificate: Uint8Array): Round {
  return within("certificate", () => {
    const r = new Reader(certificate);
    return { epoch: varint(r), view: varint(r) };
  });
}

/**
 * Verifies that a quorum of the genesis's validators finalised `block`: in a network without epochs all there is.
 *
 * @throws {VerifyError} Names what does not fit.
 */
export function verifyCertificate(certificate: Uint8Array, genesis: Genesis, block: Digest): Round {
  return verifyCertificateBy(certificate, genesisCommittee(genesis), genesis.network, block);
}

/**
 * Verifies that a quorum of a committee of `network` finalised `block`. What the bytes say is judged before any
 * signature is checked.
 *
 * @throws {VerifyError} Names what does not fit.
 */
export function verifyCertificateBy(
  certificate: Uint8Array,
  committee: Committee,
  network: Digest,
  block: Digest,
): Round {
  const form = within("certificate", () => readForm(certificate, committee, network, block));
  for (const { validator, signature } of form.votes) {
    try {
      verifyRaw(validator, form.message, signature);
    } catch (error) {
      if (error instanceof SignatureError) {
        throw refuse("vote", `the vote of validator ${validator} is not its signature of this proposal`);
      }
      throw error;
    }
  }
  return form.round;
}

function readForm(
  certificate: Uint8Array,
  committee: Committee,
  network: Digest,
  block: Digest,
): {
  round: Round;
  message: Uint8Array;
  votes: { validator: AccountId; signature: Signature }[];
} {
  if (certificate.length > MAX_CERTIFICATE_BYTES) {
    throw tooLong("the certificate", 0, certificate.length, MAX_CERTIFICATE_BYTES);
  }
  const r = new Reader(certificate);
  const round = { epoch: varint(r), view: varint(r) };
  varint(r); // the parent's view: signed, and of no concern here
  const found = Digest.of(r.take(32));
  if (found !== block) {
    throw refuse("block", `it is for block ${found}, not ${block}`);
  }
  const proposal = certificate.subarray(0, r.position);
  const voters = readVoters(r, committee.members);
  const signatures = varint(r);
  if (signatures !== BigInt(voters.length)) {
    throw refuse("votes", `its bitmap names ${n(voters.length)} voters, it has ${n(signatures)} signatures`);
  }
  const votes = voters.map((validator) => ({ validator, signature: Signature.of(r.take(SIGNATURE_BYTES)) }));
  r.end();
  return { round, message: voteMessage(committee, network, "_FINALIZE", proposal), votes };
}

/** The validators who voted: a quorum of existing ones. */
function readVoters(r: Reader, validators: readonly AccountId[]): AccountId[] {
  const count = validators.length;
  let found = 0n;
  for (const byte of r.take(8)) {
    found = (found << 8n) | BigInt(byte);
  }
  if (found !== BigInt(count)) {
    const wanted = `the one that votes here has ${n(count)}`;
    throw refuse("committee", `its committee has ${n(found)} validators, ${wanted}`);
  }
  const bitmap = r.take(Math.ceil(count / 8));
  const isSet = (i: number): boolean => (((bitmap[i >> 3] ?? 0) >> (i & 7)) & 1) === 1;
  const spare = Array.from({ length: 8 * bitmap.length - count }, (_, i) => count + i);
  if (spare.some(isSet)) {
    throw refuse("bitmap", `its bitmap names a validator beyond the ${n(count)} that there are`);
  }
  const voters = validators.filter((_, i) => isSet(i));
  const wanted = quorum(count);
  // A genesis made by hand, unchecked, may name nobody: then nobody certifies anything.
  if (voters.length === 0 || voters.length < wanted) {
    throw refuse("quorum", `${n(voters.length)} of ${n(count)} votes; a quorum is ${n(wanted)}`);
  }
  return voters;
}

/** What a vote signs: its kind is the end of its namespace. */
export function voteMessage(
  committee: Committee,
  network: Digest,
  kind: "_NOTARIZE" | "_NULLIFY" | "_FINALIZE",
  said: Uint8Array,
): Uint8Array {
  const namespace = utf8(`${committeeNamespace(committee, network)}${kind}`);
  // One byte: the namespace has at most 41.
  return concat(Uint8Array.of(namespace.length), namespace, said);
}

/** A number as a varint. */
export function writeVarint(value: bigint): Uint8Array {
  const out: number[] = [];
  let left = value;
  for (; left >= 0x80n; left >>= 7n) {
    out.push(Number(left & 0x7fn) | 0x80);
  }
  return Uint8Array.of(...out, Number(left));
}

function varint(r: Reader): bigint {
  const at = r.position;
  let value = 0n;
  for (let shift = 0n; ; shift += 7n) {
    const byte = r.take(1)[0] ?? 0;
    if ((byte === 0 && shift > 0n) || (shift === 63n && byte > 1)) {
      const message = `certificate: the varint at byte ${n(at)} is not in its shortest form`;
      throw new VerifyError("certificate", message);
    }
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) {
      return value;
    }
  }
}
