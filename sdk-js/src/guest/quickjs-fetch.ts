/**
 * `fetch` for QuickJS, over `wasi:http`. Imported when `grants.http` of moot.toml is there; what it lets through is the
 * host's to say.
 *
 *     fetch(url, { method, headers, body }) ──► outgoing-handler ──► Response: status, headers, and a body read once, whole
 *
 * Not there: streams, `Request`, signals, and a `Response` of one's own. Redirects are answers like others.
 */

import * as outgoing from "wasi:http/outgoing-handler";
import * as http from "wasi:http/types";
import type { FutureIncomingResponse, IncomingBody, IncomingResponse, OutgoingBody } from "wasi:http/types";
import type { InputStream } from "wasi:io/streams";
import { QuickHeaders, type HeadersSource } from "./quickjs-headers.js";
import { release, whenReady } from "./quickjs-loop.js";

/** Bytes that are asked for at once. */
const CHUNK_BYTES = 64 * 1024;

type Body = string | URLSearchParams | ArrayBuffer | ArrayBufferView;

/** What a request is made of, besides its URL. */
export interface QuickRequestInit {
  method?: string;
  headers?: HeadersSource;
  body?: Body | null;
}

export class QuickResponse {
  readonly ok: boolean;
  readonly redirected = false;
  readonly statusText = "";
  #body: IncomingBody | null;
  readonly #from: IncomingResponse;

  constructor(
    readonly url: string,
    readonly status: number,
    readonly headers: QuickHeaders,
    from: IncomingResponse,
  ) {
    this.ok = status >= 200 && status <= 299;
    this.#from = from;
    this.#body = from.consume();
  }

  get bodyUsed(): boolean {
    return this.#body === null;
  }
  async bytes(): Promise<Uint8Array> {
    const body = this.#body;
    if (body === null) {
      throw new TypeError(`the body of the answer from ${this.url} was read already`);
    }
    this.#body = null;
    const stream = body.stream();
    try {
      return await readAll(stream, this.url);
    } finally {
      // A child goes before its parent.
      release(stream);
      release(body);
      release(this.#from);
    }
  }
  async arrayBuffer(): Promise<ArrayBuffer> {
    return (await this.bytes()).buffer as ArrayBuffer;
  }
  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes());
  }
  async json(): Promise<unknown> {
    return JSON.parse(await this.text()) as unknown;
  }
}

export async function fetch(url: string | URL, init: QuickRequestInit = {}): Promise<QuickResponse> {
  const to = new URL(url);
  const { bytes, type } = bodyOf(init.body ?? null);
  const headers = new QuickHeaders(init.headers);
  if (type !== null && !headers.has("content-type")) {
    headers.set("content-type", type);
  }
  if (bytes !== null) {
    headers.set("content-length", String(bytes.length));
  }
  const request = requestTo(to, init.method ?? "GET", headers);
  // Of the request itself, which is gone once it is on its way.
  const body = bytes === null ? null : request.body();
  const answer = attempt(to, () => outgoing.handle(request, null));
  if (body !== null && bytes !== null) {
    await send(body, bytes);
  }
  const response = await answerOf(answer, to);
  const fields = response.headers();
  const entries = fields.entries();
  release(fields);
  const received = new QuickHeaders(entries.map(([name, value]): [string, string] => [name, latin1(value)]));
  return new QuickResponse(to.href, response.status(), received, response);
}

function bodyOf(body: Body | null): { bytes: Uint8Array | null; type: string | null } {
  if (body === null) {
    return { bytes: null, type: null };
  }
  if (typeof body === "string") {
    return { bytes: new TextEncoder().encode(body), type: "text/plain;charset=UTF-8" };
  }
  if (body instanceof URLSearchParams) {
    const type = "application/x-www-form-urlencoded;charset=UTF-8";
    return { bytes: new TextEncoder().encode(body.toString()), type };
  }
  if (body instanceof ArrayBuffer) {
    return { bytes: new Uint8Array(body), type: null };
  }
  if (ArrayBuffer.isView(body)) {
    return { bytes: new Uint8Array(body.buffer, body.byteOffset, body.byteLength), type: null };
  }
  throw new TypeError("the body of a request is a string, URLSearchParams, an ArrayBuffer or a view of one");
}

const METHODS = ["get", "head", "post", "put", "delete", "connect", "options", "trace", "patch"];

function requestTo(to: URL, method: string, headers: QuickHeaders): http.OutgoingRequest {
  if (to.protocol !== "http:" && to.protocol !== "https:") {
    throw new TypeError(`${to.href} cannot be fetched: its scheme must be http or https`);
  }
  const fields = Array.from(headers, ([name, value]): [string, Uint8Array] => [name, bytesOf(value)]);
  const request = new http.OutgoingRequest(attempt(to, () => http.Fields.fromList(fields)));
  const small = method.toLowerCase();
  request.setMethod(METHODS.includes(small) ? { tag: small } : { tag: "other", val: method });
  request.setScheme({ tag: to.protocol === "http:" ? "HTTP" : "HTTPS" });
  request.setAuthority(to.host);
  request.setPathWithQuery(to.pathname + to.search);
  return request;
}

/** Sends all of a body. A server may answer before it has read it, and then its answer is what counts. */
async function send(body: OutgoingBody, bytes: Uint8Array): Promise<void> {
  const stream = body.write();
  try {
    for (let at = 0; at < bytes.length;) {
      await whenReady(stream.subscribe());
      const part = bytes.slice(at, at + Math.min(Number(stream.checkWrite()), CHUNK_BYTES));
      stream.write(part);
      at += part.length;
    }
    stream.flush();
    await whenReady(stream.subscribe());
    release(stream);
    http.OutgoingBody.finish(body, null);
  } catch {
    // The answer says why, or that there is none.
  }
}

async function answerOf(future: FutureIncomingResponse, to: URL): Promise<IncomingResponse> {
  await whenReady(future.subscribe());
  const got = future.get();
  release(future);
  if (got?.tag !== "ok") {
    throw new TypeError(`${to.href} could not be fetched: there is no answer`);
  }
  if (got.val.tag === "err") {
    throw failed(to, got.val.val);
  }
  return got.val.val;
}

async function readAll(stream: InputStream, url: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    await whenReady(stream.subscribe());
    let part: Uint8Array;
    try {
      part = stream.read(CHUNK_BYTES);
    } catch (error) {
      const code = payloadOf(error);
      if (isTagged(code) && code.tag === "closed") {
        break;
      }
      throw new TypeError(`the answer from ${url} broke off`, { cause: error });
    }
    parts.push(part);
    length += part.length;
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

interface Tagged {
  tag: string;
  val?: unknown;
}

/** What an `err` of the host has in it: the engine throws an error around it. */
function payloadOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "payload" in error ? error.payload : error;
}

function isTagged(value: unknown): value is Tagged {
  return typeof value === "object" && value !== null && "tag" in value;
}

function attempt<T>(to: URL, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw failed(to, payloadOf(error));
  }
}

/** What `fetch` throws for the host's error code: the same kind of error as elsewhere, and why. */
function failed(to: URL, code: unknown): Error {
  if (isTagged(code) && code.tag === "HTTP-request-denied") {
    const remedy = `http = ["${to.protocol}//${to.hostname}:${portOf(to)}"] in moot.toml grants it`;
    return new TypeError(`${to.href} may not be fetched: ${remedy}`);
  }
  const why = isTagged(code)
    ? code.tag + (code.val === undefined || code.val === null ? "" : ` ${JSON.stringify(code.val)}`)
    : String(code);
  return new TypeError(`${to.href} could not be fetched: ${why}`);
}

function portOf(to: URL): string {
  return to.port !== "" ? to.port : to.protocol === "http:" ? "80" : "443";
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

for (const [name, value] of Object.entries({ fetch, Headers: QuickHeaders })) {
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
}
