/** `Request` for QuickJS, as the Fetch Standard has it. */

import { QuickAbortSignal } from "./quickjs-abort.js";
import { contentOf, QuickBody, type BodySource, type Content } from "./quickjs-body.js";
import { textOf } from "./quickjs-bytes.js";
import { QuickHeaders, type HeadersSource } from "./quickjs-headers.js";

export interface QuickRequestInit {
  method?: string | undefined;
  headers?: HeadersSource | undefined;
  body?: BodySource | null | undefined;
  signal?: QuickAbortSignal | null | undefined;
  redirect?: "follow" | "manual" | "error" | undefined;
}

type Later<T> = T | (() => T);

/** A request in parts. Of one that the host has, those are asked for when they are wanted. */
export class RequestParts {
  constructor(
    readonly method: string,
    readonly url: string,
    readonly headers: Later<QuickHeaders>,
    readonly content: Later<Content>,
    readonly redirect = "follow",
    readonly signal: QuickAbortSignal | null = null,
  ) {}
}

/** Methods that are written in one way, however they are named. */
const USUAL = ["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"];
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const FORBIDDEN = ["CONNECT", "TRACE", "TRACK"];
const BODILESS = ["GET", "HEAD"];

function methodOf(named: string): string {
  const usual = named.toUpperCase();
  if (!TOKEN.test(named) || FORBIDDEN.includes(usual)) {
    throw new TypeError(`${JSON.stringify(named)} is no method that a request can have`);
  }
  return USUAL.includes(usual) ? usual : named;
}

function partsOf(input: string | URL | QuickRequest, init: QuickRequestInit): RequestParts {
  const from = input instanceof QuickRequest ? input : null;
  const method = init.method === undefined ? (from?.method ?? "GET") : methodOf(init.method);
  const url = from?.url ?? new URL(textOf(input)).href;
  const { content, type } = contentOf(init.body);
  const body = content ?? from?.take() ?? null;
  if (body !== null && BODILESS.includes(method)) {
    throw new TypeError(`a request with ${method} has no body`);
  }
  const headers = new QuickHeaders(init.headers ?? from?.headers);
  headers.describe(type);
  const signal = init.signal === undefined ? (from?.signal ?? null) : init.signal;
  return new RequestParts(method, url, headers, body, init.redirect ?? from?.redirect, signal);
}

export class QuickRequest extends QuickBody {
  declare readonly method: string;
  declare readonly url: string;
  declare readonly redirect: string;
  #headers: Later<QuickHeaders>;
  #signal: QuickAbortSignal | null;

  constructor(input: string | URL | QuickRequest | RequestParts, init: QuickRequestInit = {}) {
    const parts = input instanceof RequestParts ? input : partsOf(input, init);
    super(parts.content);
    this.method = parts.method;
    this.url = parts.url;
    this.redirect = parts.redirect;
    this.#headers = parts.headers;
    this.#signal = parts.signal;
  }

  override get headers(): QuickHeaders {
    if (typeof this.#headers === "function") {
      this.#headers = this.#headers();
    }
    return this.#headers;
  }
  get signal(): QuickAbortSignal {
    this.#signal ??= new QuickAbortSignal();
    return this.#signal;
  }
  clone(): QuickRequest {
    const headers = new QuickHeaders(this.headers);
    return new QuickRequest(
      new RequestParts(this.method, this.url, headers, this.share(), this.redirect, this.#signal),
    );
  }
}

// The same for every request here: there is no page, no cache and no cookie jar.
Object.assign(QuickRequest.prototype, {
  mode: "cors",
  credentials: "same-origin",
  cache: "default",
  destination: "",
  referrer: "about:client",
  referrerPolicy: "",
  integrity: "",
  keepalive: false,
});
