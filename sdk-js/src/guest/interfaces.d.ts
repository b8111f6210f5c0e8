/**
 * The interfaces of `wit/` that the guest modules import, as both engines show them.
 *
 * What the engines write differently is written as a union: StarlingMonkey has `undefined` for none and bigints for 64
 * bits, QuickJS `null` and numbers. Versions are left out: `moot build` puts in the one that the world has.
 */

declare module "moot:function/context" {
  export function callId(): string;
  export { _function as function };
  function _function(): string;
  export function caller(): string | null | undefined;
  export function height(): bigint | number;
  export function timeUs(): bigint | number;
  export function fuelLeft(): bigint | number;
  export function traceParent(): string | null | undefined;
}

declare module "wasi:logging/logging" {
  export function log(level: string, context: string, message: string): void;
}

declare module "wasi:config/store" {
  export function get(key: string): string | null | undefined;
  export function getAll(): [string, string][];
}

declare module "wasi:random/insecure" {
  export function getInsecureRandomU64(): bigint | number;
}

declare module "wasi:random/random" {
  export function getRandomBytes(length: bigint | number): Uint8Array;
}

declare module "wasi:keyvalue/store" {
  export interface Bucket {
    get(key: string): Uint8Array | null | undefined;
    set(key: string, value: Uint8Array): void;
    delete(key: string): void;
    exists(key: string): boolean;
    listKeys(cursor: string | null | undefined): {
      keys: string[];
      cursor?: string | null;
    };
  }
  export function open(identifier: string): Bucket;
}

declare module "wasi:keyvalue/atomics" {
  import type { Bucket } from "wasi:keyvalue/store";
  export function increment(bucket: Bucket, key: string, delta: bigint | number): bigint | number;
}
