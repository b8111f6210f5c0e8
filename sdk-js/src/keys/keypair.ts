/** A signing key: an ed25519 seed and what is signed with it. */

import { AccountId, type Digest, type Signature } from "../record/bytes.js";
import { type Bundle, signBundle } from "../record/bundle.js";
import { accountOf, signRaw } from "../record/signature.js";
import { MootError } from "../errors.js";
import { toHex } from "../record/text.js";

const SEED_BYTES = 32;

/**
 * An ed25519 key. Whoever has its seed signs as its account, owns what it deploys, and nobody can make it again: keep a
 * copy. It shows its account and never its seed when it is printed.
 */
export class Keypair {
  readonly #seed: Uint8Array;
  /** The public half. */
  readonly account: AccountId;

  private constructor(seed: Uint8Array) {
    this.#seed = seed;
    this.account = accountOf(seed);
  }

  /** A new key from the system's randomness. */
  static generate(): Keypair {
    return new Keypair(crypto.getRandomValues(new Uint8Array(SEED_BYTES)));
  }

  /** The key of a seed: the 32 bytes of RFC 8032's private key. */
  static fromSeed(seed: Uint8Array): Keypair {
    if (seed.length !== SEED_BYTES) {
      throw new MootError(
        `a seed of ${String(seed.length)} bytes; an ed25519 seed has ${String(SEED_BYTES)}`,
      );
    }
    return new Keypair(seed.slice());
  }

  /** The seed, to be stored; whoever has it signs as this account. */
  seed(): Uint8Array {
    return this.#seed.slice();
  }

  /** Signs bytes as they stand. They must carry their own separation: what is signed for one purpose must not fit another. */
  signRaw(bytes: Uint8Array): Signature {
    return signRaw(this.#seed, bytes);
  }

  /** Signs finished pages of entries as one bundle. */
  signBundle(network: Digest, validUntil: bigint, pages: readonly Uint8Array[]): Bundle {
    return signBundle(this.#seed, network, validUntil, pages);
  }

  toString(): string {
    return `Keypair(${this.account})`;
  }

  toJSON(): string {
    return this.toString();
  }
}

const FORMAT = "moot-key-1";

/**
 * Reads a key file's text, as `moot account` writes it: one line, `moot-key-1 ` and the seed in 64 hexadecimal digits.
 *
 * @throws MootError when it is none. The error never quotes the text: it may be another secret.
 */
export function parseKey(text: string): Keypair {
  const seed = /^moot-key-1 ([0-9a-f]{64})\s*$/u.exec(text)?.[1];
  if (seed === undefined) {
    throw new MootError(`this is not a key file: one line \`${FORMAT} \` and 64 hex digits is expected`);
  }
  return Keypair.fromSeed(
    Uint8Array.from({ length: SEED_BYTES }, (_, i) => Number.parseInt(seed.slice(2 * i, 2 * i + 2), 16)),
  );
}

/** A key file's text. Keep it where only its owner can read it. */
export function formatKey(key: Keypair): string {
  return `${FORMAT} ${toHex(key.seed())}\n`;
}
