/**
 * Signatures: ed25519, verified by one rule, ZIP215: A and R may be any encoding that decompresses, `s < L`, and
 * `8sB = 8R + 8kA`. The replicas' votes are checked by it, and with mixed rules one dishonest replica could make
 * certificates that some clients accept and some refuse.
 */

import { ed25519 } from "@noble/curves/ed25519.js";
import { MootError } from "../errors.js";
import { AccountId, Signature } from "./bytes.js";
import type { Domain } from "./hash.js";

/** A signature that does not verify. */
export class SignatureError extends MootError {
  override name = "SignatureError";
}

function point(account: AccountId): { isSmallOrder(): boolean } | undefined {
  try {
    return ed25519.Point.fromBytes(AccountId.bytes(account), true);
  } catch {
    return undefined;
  }
}

/** Whether an account is a key that can be relied on: with one of small order anybody could make its signatures. */
export function isReliableKey(account: AccountId): boolean {
  return point(account)?.isSmallOrder() === false;
}

/**
 * Verifies a signature of the bytes as they stand.
 *
 * @throws {SignatureError} When the account is no key or the signature is not its.
 */
export function verifyRaw(account: AccountId, message: Uint8Array, signature: Signature): void {
  if (ed25519.verify(Signature.bytes(signature), message, AccountId.bytes(account), { zip215: true })) {
    return;
  }
  if (point(account) === undefined) {
    throw new SignatureError(`account ${account} is not an ed25519 public key`);
  }
  throw new SignatureError(`the signature is not account ${account}'s signature of this message`);
}

/** Verifies a signature of `message` in a domain. */
export function verifySignature(
  account: AccountId,
  domain: Domain,
  message: Uint8Array,
  signature: Signature,
): void {
  verifyRaw(account, domain.message(message), signature);
}

/** Signs bytes that carry their own separation. The seed is RFC 8032's private key. */
export function signRaw(seed: Uint8Array, message: Uint8Array): Signature {
  return Signature.of(ed25519.sign(message, seed));
}

/** The account of a seed. */
export function accountOf(seed: Uint8Array): AccountId {
  return AccountId.of(ed25519.getPublicKey(seed));
}
