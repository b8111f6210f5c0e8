/**
 * Functions of kind `http` in QuickJS: `export default { fetch(request) }`, over `wasi:http`.
 *
 *     incoming-handler ──► Request ──► fetch ──► Response ──► outgoing-response ──► its body ──► what waitUntil waits for
 *
 * What answers at once is sent at once, without a promise.
 */

import * as http from "wasi:http/types";
import type { IncomingRequest, ResponseOutparam } from "wasi:http/types";
import { context } from "./context.js";
import { report } from "./errors.js";
import { answer, unexpected, type ExecutionContext, type HttpFunction } from "./http.js";
import { goOn, settled } from "./quickjs-loop.js";
import { QuickRequest, RequestParts } from "./quickjs-request.js";
import type { QuickResponse } from "./quickjs-response.js";
import {
  headersOf,
  incoming,
  isTagged,
  listOf,
  payloadOf,
  send,
  sendAtOnce,
  sentOf,
  type Sent,
} from "./quickjs-wire.js";

/** The export `incomingHandler` of a component whose module is `main`. */
export function exportHttp(main: HttpFunction | HttpFunction["fetch"]): {
  handle(request: IncomingRequest, out: ResponseOutparam): void;
} {
  return {
    handle(request, out): void {
      const work: Promise<unknown>[] = [];
      const background: ExecutionContext = {
        waitUntil: (promise) => {
          work.push(promise.catch(report));
        },
        passThroughOnException: () => undefined,
      };
      const who = (): string => `fetch of ${context.function}`;
      const answered = answer(main, requestOf(request) as unknown as Request, background);
      const response = answered instanceof Promise ? settled(answered, who) : answered;
      const rest = respond(response as unknown as QuickResponse, out);
      if (rest !== null) {
        settled(rest, () => `the body that ${who()} answered`);
      }
      // What is added while the others are waited for is waited for too.
      for (let promise = work.shift(); promise !== undefined; promise = work.shift()) {
        settled(promise, () => `waitUntil of ${context.function}`);
      }
      goOn();
    },
  };
}

const BODILESS = ["GET", "HEAD"];

function requestOf(request: IncomingRequest): QuickRequest {
  const { tag, val } = request.method();
  const method = tag === "other" ? (val ?? "") : tag.toUpperCase();
  const scheme = request.scheme();
  const url = `${scheme?.tag === "HTTPS" ? "https" : "http"}://${request.authority() ?? "localhost"}${request.pathWithQuery() ?? "/"}`;
  const body = BODILESS.includes(method)
    ? null
    : () => incoming(request.consume(), "the body of the request");
  return new QuickRequest(new RequestParts(method, url, () => headersOf(request.headers()), body));
}

/** Sends a response: all of it, or its head and a promise of the rest. */
function respond(response: QuickResponse, out: ResponseOutparam): Promise<void> | null {
  let made: { head: http.OutgoingResponse; content: Sent };
  try {
    made = partsOf(response);
  } catch (error) {
    // A header that no answer may have, or a body that somebody has read.
    made = partsOf(unexpected(error) as unknown as QuickResponse);
  }
  const body = made.head.body();
  http.ResponseOutparam.set(out, { tag: "ok", val: made.head });
  try {
    return sendAtOnce(body, made.content) ? null : send(body, made.content).catch(broken);
  } catch (error) {
    broken(error);
    return null;
  }
}

function partsOf(response: QuickResponse): { head: http.OutgoingResponse; content: Sent } {
  const content = sentOf(response.take());
  const head = new http.OutgoingResponse(fieldsOf(listOf(response.headers)));
  if (response.status !== 200) {
    head.setStatusCode(response.status);
  }
  return { head, content };
}

/** Fields for the host; one that it refuses is named. */
function fieldsOf(list: [string, Uint8Array][]): http.Fields {
  try {
    return http.Fields.fromList(list);
  } catch (error) {
    const refused = list.find((field) => {
      try {
        http.Fields.fromList([field]);
        return false;
      } catch {
        return true;
      }
    });
    if (refused === undefined) {
      throw error;
    }
    throw new TypeError(`an answer cannot have the header ${refused[0]}: leave it to the node`, {
      cause: error,
    });
  }
}

/** The answer cannot be taken back: its body breaks off, and the call ends as one that failed. */
function broken(error: unknown): void {
  const code = payloadOf(error);
  // Nobody is there any more to read it.
  if (isTagged(code) && code.tag === "closed") {
    return;
  }
  report(error);
  throw error;
}
