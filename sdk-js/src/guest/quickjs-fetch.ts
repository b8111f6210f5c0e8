/**
 * `fetch` for QuickJS, over `wasi:http`. Imported when `grants.http` of moot.toml is there; what it lets through is the
 * host's to say.
 *
 *     fetch(request) ──► outgoing-handler ──► Response: status, headers, and its body as it comes
 *
 * Redirects are answers like others: where they lead may not be granted.
 */

import * as outgoing from "wasi:http/outgoing-handler";
import * as http from "wasi:http/types";
import type { FutureIncomingResponse, IncomingResponse } from "wasi:http/types";
import { putIntoGlobals } from "./quickjs-globals.js";
import { QuickHeaders } from "./quickjs-headers.js";
import { release, whenReady } from "./quickjs-loop.js";
import type { QuickReadableStream } from "./quickjs-readable.js";
import { QuickRequest, type QuickRequestInit } from "./quickjs-request.js";
import { QuickResponse, ResponseParts } from "./quickjs-response.js";
import {
  headersOf,
  incoming,
  isTagged,
  listOf,
  METHODS,
  payloadOf,
  send,
  sentOf,
  type Sent,
} from "./quickjs-wire.js";

export async function fetch(
  input: string | URL | QuickRequest,
  init: QuickRequestInit = {},
): Promise<QuickResponse> {
  const request = new QuickRequest(input, init);
  const { signal } = request;
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    signal.whenAborted(() => {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- whatever the signal was given
      reject(signal.reason);
    });
    ask(request).then(resolve, reject);
  });
}

async function ask(request: QuickRequest): Promise<QuickResponse> {
  const to = new URL(request.url);
  const content = sentOf(request.take());
  const asked = requestTo(to, request, content);
  // Of the request itself, which is gone once it is on its way.
  const body = content === null ? null : asked.body();
  const answer = attempt(to, () => outgoing.handle(asked, null));
  if (body !== null) {
    try {
      await send(body, content);
    } catch {
      // A server may answer before it has read all of it. The answer says why, or that there is none.
    }
  }
  const response = await answerOf(answer, to);
  const received = (): QuickReadableStream<Uint8Array> =>
    incoming(response.consume(), `the answer from ${to.href}`, () => {
      release(response);
    });
  const headers = headersOf(response.headers());
  return new QuickResponse(new ResponseParts(response.status(), headers, received, "basic", to.href));
}

function requestTo(to: URL, { method, headers: given }: QuickRequest, content: Sent): http.OutgoingRequest {
  if (to.protocol !== "http:" && to.protocol !== "https:") {
    throw new TypeError(`${to.href} cannot be fetched: its scheme must be http or https`);
  }
  const headers = new QuickHeaders(given);
  if (content instanceof Uint8Array) {
    headers.set("content-length", String(content.length));
  }
  const request = new http.OutgoingRequest(attempt(to, () => http.Fields.fromList(listOf(headers))));
  const small = method.toLowerCase();
  request.setMethod(METHODS.includes(small) ? { tag: small } : { tag: "other", val: method });
  request.setScheme({ tag: to.protocol === "http:" ? "HTTP" : "HTTPS" });
  request.setAuthority(to.host);
  request.setPathWithQuery(to.pathname + to.search);
  return request;
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

putIntoGlobals({ fetch });
