/**
 * Randomness. Without the grant `random = true` the engine's own generator is the same in every instance; so
 * `Math.random` takes what the host seeds from the call, and what must be secret is refused.
 */

import { getInsecureRandomU64 } from "wasi:random/insecure";

const REFUSED = "random numbers that are fit for secrets need the grant `random = true` in moot.toml";

/** Puts the call's own numbers under `Math.random`. Other calls get others, and a replayed call the same again. */
export function seedFromCall(): void {
  Math.random = () => (Number(getInsecureRandomU64()) / 2 ** 64) % 1;
}

/** Refuses what would have to be secret and cannot be. */
export function refuseSecrets(): void {
  const refuse = (): never => {
    throw new Error(REFUSED);
  };
  const crypto = (globalThis as { crypto?: Crypto }).crypto;
  if (crypto !== undefined) {
    Object.defineProperty(crypto, "getRandomValues", { value: refuse });
    Object.defineProperty(crypto, "randomUUID", { value: refuse });
    // Some engines have none.
    const subtle = crypto.subtle as SubtleCrypto | undefined;
    if (subtle !== undefined) {
      Object.defineProperty(subtle, "generateKey", { value: refuse });
    }
  }
}
