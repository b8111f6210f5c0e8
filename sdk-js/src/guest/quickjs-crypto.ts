/** Random numbers that are fit for secrets, for QuickJS. Imported when `grants.random` of moot.toml is there. */

import { getRandomBytes } from "wasi:random/random";
import { putIntoGlobals } from "./quickjs-globals.js";

/** What the Web Crypto API gives at once. */
const MAX_BYTES = 65_536;

function getRandomValues<T extends ArrayBufferView>(into: T): T {
  if (into.byteLength > MAX_BYTES) {
    const bytes = `${String(into.byteLength)} bytes`;
    throw new DOMException(
      `${bytes} are asked for, and at most ${String(MAX_BYTES)} are given at once`,
      "QuotaExceededError",
    );
  }
  new Uint8Array(into.buffer, into.byteOffset, into.byteLength).set(getRandomBytes(into.byteLength));
  return into;
}

/** A UUID of version 4 (RFC 9562). */
function randomUUID(): string {
  const bytes = getRandomBytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

putIntoGlobals({ crypto: { getRandomValues, randomUUID } });
