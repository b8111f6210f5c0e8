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

declare module "wasi:io/poll" {
  /** In QuickJS alone, which has it on everything that the host holds. */
  export interface Pollable extends Disposable {
    ready(): boolean;
  }
  export function poll(pollables: Pollable[]): Iterable<number>;
}

declare module "wasi:io/streams" {
  import type { Pollable } from "wasi:io/poll";
  export interface InputStream extends Disposable {
    read(length: number): Uint8Array;
    subscribe(): Pollable;
  }
  export interface OutputStream extends Disposable {
    checkWrite(): bigint | number;
    write(bytes: Uint8Array): void;
    flush(): void;
    /** At most 4,096 bytes. */
    blockingWriteAndFlush(bytes: Uint8Array): void;
    subscribe(): Pollable;
  }
}

declare module "wasi:clocks/monotonic-clock" {
  import type { Pollable } from "wasi:io/poll";
  export function now(): bigint | number;
  export function subscribeInstant(when: number): Pollable;
}

declare module "wasi:http/types" {
  import type { Pollable } from "wasi:io/poll";
  import type { InputStream, OutputStream } from "wasi:io/streams";

  export class Fields implements Disposable {
    static fromList(entries: [string, Uint8Array][]): Fields;
    entries(): [string, Uint8Array][];
    [Symbol.dispose](): void;
  }
  export class OutgoingBody implements Disposable {
    static finish(body: OutgoingBody, trailers: null): void;
    write(): OutputStream;
    [Symbol.dispose](): void;
  }
  export class OutgoingRequest {
    constructor(headers: Fields);
    body(): OutgoingBody;
    setMethod(method: { tag: string; val?: string }): void;
    setScheme(scheme: { tag: string }): void;
    setAuthority(authority: string): void;
    setPathWithQuery(path: string): void;
  }
  export interface IncomingBody extends Disposable {
    stream(): InputStream;
  }
  export interface IncomingResponse extends Disposable {
    status(): number;
    headers(): Fields;
    consume(): IncomingBody;
  }
  export interface IncomingRequest extends Disposable {
    method(): { tag: string; val?: string };
    pathWithQuery(): string | null | undefined;
    scheme(): { tag: string; val?: string } | null | undefined;
    authority(): string | null | undefined;
    headers(): Fields;
    consume(): IncomingBody;
  }
  export class OutgoingResponse {
    constructor(headers: Fields);
    setStatusCode(status: number): void;
    body(): OutgoingBody;
  }
  export class ResponseOutparam {
    static set(out: ResponseOutparam, response: Result<OutgoingResponse>): void;
    readonly host: never;
  }
  type Result<T> = { tag: "ok"; val: T } | { tag: "err"; val?: unknown };
  export interface FutureIncomingResponse extends Disposable {
    subscribe(): Pollable;
    get(): Result<Result<IncomingResponse>> | null;
  }
}

declare module "wasi:http/outgoing-handler" {
  import type { FutureIncomingResponse, OutgoingRequest } from "wasi:http/types";
  export function handle(request: OutgoingRequest, options: null): FutureIncomingResponse;
}
