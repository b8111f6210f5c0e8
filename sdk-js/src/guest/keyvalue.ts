/** Key-value stores by grant: `keyvalue = ["default"]` in moot.toml, and `wasi:keyvalue/imports` in the world. */

import * as atomics from "wasi:keyvalue/atomics";
import * as keyvalue from "wasi:keyvalue/store";
import { isQuickJs } from "./engine.js";
import { Failure } from "./errors.js";

/** A store. What it answers is what the store held at that moment: there are no transactions. */
export interface Store {
  /** The value under a key; null when there is none. */
  get(key: string): Uint8Array | null;
  set(key: string, value: Uint8Array | string): void;
  delete(key: string): void;
  has(key: string): boolean;
  /** Adds to the number under a key, in one step whoever else does; what the sum is. */
  increment(key: string, by?: number | bigint): bigint;
  /** Every key, a page at a time. */
  keys(): Generator<string, void>;
}

/** Opens a store that was granted. What the host refuses is a `Failure`. */
export function openStore(name = "default"): Store {
  const attempt = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw refused(error, name);
    }
  };
  const bucket = attempt(() => keyvalue.open(name));
  return {
    get: (key) => attempt(() => bucket.get(key)) ?? null,
    set: (key, value) => {
      const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
      attempt(() => {
        bucket.set(key, bytes);
      });
    },
    delete: (key) => {
      attempt(() => {
        bucket.delete(key);
      });
    },
    has: (key) => attempt(() => bucket.exists(key)),
    increment: (key, by = 1) => BigInt(attempt(() => atomics.increment(bucket, key, by64(by)))),
    *keys() {
      let cursor: string | null | undefined;
      do {
        const page = attempt(() => bucket.listKeys(cursor));
        yield* page.keys;
        cursor = page.cursor ?? null;
      } while (cursor !== null);
    },
  };
}

/** 64 bits as the engine wants them: QuickJS takes numbers, StarlingMonkey takes bigints. */
function by64(value: number | bigint): number | bigint {
  return isQuickJs() ? Number(value) : BigInt(value);
}

/** The interface's error as a failure of the function. */
function refused(error: unknown, name: string): unknown {
  const payload = typeof error === "object" && error !== null && "payload" in error ? error.payload : error;
  if (typeof payload !== "object" || payload === null || !("tag" in payload)) {
    return error;
  }
  switch (payload.tag) {
    case "no-such-store":
    case "access-denied":
      return Failure.internal(`the store is not granted: keyvalue = ["${name}"] in moot.toml grants it`);
    default:
      return Failure.unavailable("val" in payload ? String(payload.val) : String(payload.tag));
  }
}
