/**
 * One request to a node and its answer: time limit, size limit, signature, and sending again where that is safe.
 *
 * ```text
 * Ask ──sign?──► fetch ──bounded──► Answer, or the node's problem as an error
 *   ▲                                  │ busy, out of reach, being served already
 *   └────── pause, when repeatable ◄───┘
 * ```
 *
 * A request is signed anew for every try: a node serves a signed request once.
 */

import { MootError, quoted } from "../errors.js";
import type { Keypair } from "../keys/keypair.js";
import { signRequest } from "../keys/http-signature.js";
import { type EntryId, formatEntryId, parseEntryId } from "../record/names.js";
import { fromBase64Url, fromUtf8 } from "../record/text.js";
import { ProblemError, problemOf, retryAfterMs, TransportError } from "./errors.js";
import { FIRST_PAUSE_MS, MAX_ANSWER_BYTES, MAX_PAUSE_MS, RETRIES } from "./limits.js";

/** A request before it is sent. */
export interface Ask {
  readonly method: string;
  /** Path and query, beginning with `/`. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** How long the whole answer may take. */
  readonly timeoutMs: number;
  /** It may be sent again: it changes nothing, or an idempotency key makes it run once. */
  readonly repeatable: boolean;
  /** Sign it even when the node does not ask for that. */
  readonly sign?: boolean;
  /** Never sign it: it is said in nobody's name, or not at all. */
  readonly nobody?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Where requests go and who signs them. */
export interface Connection {
  /** The node's origin. */
  readonly origin: string;
  readonly key?: Keypair | undefined;
  readonly fetch: typeof globalThis.fetch;
}

/** An answer that was read to its end. */
export class Answer {
  constructor(
    /** The HTTP status. */
    readonly status: number,
    readonly headers: Headers,
    /** The body. */
    readonly bytes: Uint8Array,
  ) {}

  /** Whether the status is 200 to 299. */
  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  /**
   * The call's id: its address on the ledger, by which its receipt can be had.
   *
   * @throws MootError when nothing was called: a proxy may have answered in the node's place.
   */
  get call(): EntryId {
    const id = this.headers.get("moot-call");
    if (id === null) {
      throw new MootError(`the answer (HTTP ${String(this.status)}) names no call: no Folkmoot node made it`);
    }
    return formatEntryId(parseEntryId(id));
  }

  /** Fuel that the call used; null when it only was accepted, or its answer was streamed. */
  get fuel(): bigint | null {
    const fuel = this.headers.get("moot-fuel") ?? "";
    return /^[0-9]{1,20}$/u.test(fuel) ? BigInt(fuel) : null;
  }

  /** Whether this is the stored answer of an earlier call with the same idempotency key. */
  get replayed(): boolean {
    return this.headers.get("moot-replayed") === "true";
  }

  /** How far the call had come: recorded, run with a durable receipt, or ordered under a certificate. */
  get reached(): "accepted" | "executed" | "final" {
    if (this.status === 202 && this.headers.get("location") === `/_moot/calls/${this.call}`) {
      return "accepted";
    }
    return (this.headers.get("preference-applied") ?? "").includes("moot-wait=final") ? "final" : "executed";
  }

  /** The worker's signed receipt, when it was asked for: `verifySignedBytes` checks it. */
  get receipt(): Uint8Array | null {
    const receipt = this.headers.get("moot-receipt");
    return receipt === null ? null : fromBase64Url(receipt);
  }

  /** The body as text. */
  text(): string {
    const text = fromUtf8(this.bytes);
    if (text === undefined) {
      throw new MootError("the answer is not UTF-8 text; its bytes are in `bytes`");
    }
    return text;
  }

  /** The body as JSON. */
  json(): unknown {
    return JSON.parse(this.text()) as unknown;
  }
}

/** Sends a request; repeats it where that is safe; an error answer of the node is thrown as a ProblemError. */
export async function send(connection: Connection, ask: Ask): Promise<Answer> {
  let pause = FIRST_PAUSE_MS;
  for (let left = ask.repeatable ? RETRIES : 0; ; left -= 1) {
    const outcome = await attempt(connection, ask);
    const wanted = left > 0 ? pauseBefore(outcome, pause) : undefined;
    if (wanted === undefined) {
      if (outcome instanceof Answer) {
        return outcome;
      }
      throw outcome;
    }
    await sleep(Math.min(wanted, MAX_PAUSE_MS), ask.signal);
    pause *= 2;
  }
}

/** How long to wait before a further try; undefined when one would change nothing. */
function pauseBefore(outcome: Answer | Error, pause: number): number | undefined {
  if (outcome instanceof Answer) {
    // Of something between here and the node: the node's own come with a problem, a function's with a call.
    const between = LATER.includes(outcome.status) && !outcome.headers.has("moot-call");
    return between ? (retryAfterMs(outcome.headers) ?? pause) : undefined;
  }
  if (isPassing(outcome)) {
    return outcome instanceof ProblemError ? (outcome.retryAfterMs ?? pause) : pause;
  }
  return undefined;
}

/** What says that it may go better later. */
const LATER: readonly number[] = [429, 502, 503, 504];

/** Whether a further try may go better. */
export function isPassing(error: unknown): error is TransportError | ProblemError {
  if (error instanceof TransportError) {
    return error.reason === "unreachable" || error.reason === "timeout";
  }
  if (error instanceof ProblemError) {
    // A call with a receipt is over. One that is in flight is this very one, sent before.
    const over = error.problem.callStatus !== null;
    return (LATER.includes(error.status) || error.kind === "in-flight") && !over;
  }
  return false;
}

/** One try, and a second one with a signature when the node asks for it. */
async function attempt(connection: Connection, ask: Ask): Promise<Answer | Error> {
  const first = await once(connection, ask, ask.sign === true);
  const asked = first instanceof ProblemError && first.kind === "signature-needed";
  return asked && ask.sign !== true && ask.nobody !== true && connection.key !== undefined
    ? once(connection, ask, true)
    : first;
}

async function once(connection: Connection, ask: Ask, signed: boolean): Promise<Answer | Error> {
  const what = `${ask.method} ${ask.target}`;
  const request = prepare(connection, ask, signed);
  const limit = AbortSignal.timeout(ask.timeoutMs);
  try {
    const response = await connection.fetch(request.url, {
      ...request.init,
      signal: either(ask.signal, limit),
    });
    const bytes = await readAll(response, what);
    return (
      problemOf(response.status, response.headers, bytes) ??
      new Answer(response.status, response.headers, bytes)
    );
  } catch (error) {
    ask.signal?.throwIfAborted();
    if (limit.aborted) {
      const within = `within ${String(ask.timeoutMs / 1000)} s`;
      return new TransportError("timeout", `${connection.origin} did not answer ${what} ${within}`, {
        cause: error,
      });
    }
    if (error instanceof MootError) {
      return error;
    }
    return unreachable(connection.origin, error);
  }
}

/** A signal that aborts when one of two does. */
export function either(signal: AbortSignal | undefined, limit: AbortSignal): AbortSignal {
  return signal === undefined ? limit : AbortSignal.any([signal, limit]);
}

/** The error for a node that does not answer; Node has the system's words in the cause. */
export function unreachable(origin: string, error: unknown): TransportError {
  const { cause, message } = error instanceof Error ? error : new Error(String(error));
  const why = cause instanceof Error && cause.message !== "" ? cause.message : message;
  return new TransportError("unreachable", `no node answers at ${origin}: ${why}`, { cause: error });
}

/** A request as fetch takes it, signed when that is asked for. */
export function prepare(connection: Connection, ask: Ask, signed: boolean): { url: URL; init: RequestInit } {
  const url = new URL(connection.origin + ask.target);
  const body = ask.body ?? new Uint8Array();
  const headers = headersOf(ask.headers ?? {});
  if (signed) {
    if (connection.key === undefined) {
      throw new MootError(
        "the request must be signed, and the client has no key: new Client(address, { key })",
      );
    }
    const fields: Readonly<Record<string, string>> = {
      ...signRequest(connection.key, { method: ask.method, url, body }),
    };
    for (const [name, value] of Object.entries(fields)) {
      headers.set(name, value);
    }
  }
  // What was signed for one host must not be sent to another, so redirects are not followed: they are the function's.
  const init: RequestInit = { method: ask.method, headers, redirect: "manual" };
  return { url, init: body.length > 0 ? { ...init, body: owned(body) } : init };
}

function headersOf(fields: Readonly<Record<string, string>>): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(fields)) {
    try {
      headers.append(name, value);
    } catch (error) {
      throw new MootError(`the header ${quoted(name)} cannot be sent with this name and value`, {
        cause: error,
      });
    }
  }
  return headers;
}

/** Bytes that fetch takes: not in shared memory. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : bytes.slice();
}

async function readAll(response: Response, what: string): Promise<Uint8Array> {
  if (response.type === "opaqueredirect") {
    throw new TransportError(
      "foreign",
      `${what} was answered with a redirect, which a browser does not let a page see`,
    );
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  if (response.body !== null) {
    const reader = response.body.getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      length += next.value.length;
      if (length > MAX_ANSWER_BYTES) {
        await reader.cancel();
        throw new TransportError(
          "too-large",
          `the answer to ${what} is larger than ${String(MAX_ANSWER_BYTES)} bytes`,
        );
      }
      chunks.push(next.value);
    }
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** Waits, unless the signal aborts. */
export async function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the caller's own reason, whatever it is
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
