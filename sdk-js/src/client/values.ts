/**
 * Values: messages written to paths, read there, and followed as they come.
 *
 * ```text
 * put ──► the rules ──► ordered: allowed, or a problem `denied-by-rule`
 * follow ──► events ──connection breaks──► pause ──► follow on after the last value that came, or where it began
 * ```
 *
 * - Provides: a reader that follows gets every value that comes from then on, once and in the blocks' order, however
 *   often the connection breaks: the node says where following begins before anything is written. What it cannot get is
 *   said by an event `missed`.
 * - Does not provide: state. A value is delivered for a week, and then only its digest is left.
 */

import { MootError } from "../errors.js";
import { parseJson } from "../record/json.js";
import { checkPath, checkPattern, formatEntryId, parseEntryId } from "../record/names.js";
import { fromUtf8 } from "../record/text.js";
import type { Api, Limits } from "./api.js";
import { bytesOf, type Data, idempotency, prefer } from "./call.js";
import { account, entryId, functionName } from "./decode.js";
import { ProblemError, TransportError } from "./errors.js";
import { eventsOf, type RawEvent } from "./events.js";
import { FIRST_PAUSE_MS, LISTED, LONG_TIMEOUT_MS, MAX_EVENT_BYTES, MAX_PAUSE_MS, RETRIES } from "./limits.js";
import { type Answer, isPassing, sleep } from "./send.js";
import {
  type StoredValue,
  type ValueEvent,
  valuesAt,
  valuesMissed,
  valuesView,
  type ValueView,
  valueView,
  type ValueWritten,
  valueWritten,
} from "./views/values.js";

/** How a value is written. */
export interface PutOptions extends Limits {
  /** Wait until its block has judged it (`final`, the default), or only until it is recorded (`accepted`). */
  readonly wait?: "accepted" | "final";
  /** Makes it safe to send again, and lets the client do so: the same key and the same value are written once. */
  readonly idempotencyKey?: string;
  /**
   * Write in the name of the client's key, as by default; `false` writes in nobody's. Where values are charged a node
   * pays for nobody's only if its operator lets it: else it answers `signature-needed`.
   */
  readonly sign?: boolean;
}

/** The values of a node. */
export class Values {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /**
   * Writes a value to a path such as `/chat/lobby/42`.
   *
   * @throws ProblemError of kind `denied-by-rule` when the rules do not allow it.
   */
  async put(path: string, value: Data, options: PutOptions = {}): Promise<ValueWritten> {
    const { wait = "final", idempotencyKey, sign = true, signal } = options;
    const answer = await this.#api.expect({
      method: "PUT",
      target: targetOf(path),
      headers: {
        ...prefer(wait === "accepted" ? ["respond-async"] : []),
        ...idempotency(idempotencyKey),
      },
      body: bytesOf(value),
      timeoutMs: LONG_TIMEOUT_MS,
      repeatable: idempotencyKey !== undefined,
      sign,
      nobody: !sign,
      signal,
    });
    return this.#api.json(valueWritten, answer);
  }

  /**
   * The newest value of a path; null when none was written there lately.
   *
   * @throws ProblemError of kind `kept-elsewhere` when another replica has the bytes, `not-kept` when none has.
   */
  async get(path: string, options: Limits = {}): Promise<StoredValue | null> {
    try {
      return stored(path, await this.#api.get(targetOf(path), options));
    } catch (error) {
      if (error instanceof ProblemError && error.status === 404) {
        return null;
      }
      throw error;
    }
  }

  /** The newest value of each path below one, by path; asked for in parts, as they are read. */
  list(path: string, options: Limits & { readonly after?: string } = {}): AsyncGenerator<ValueView, void> {
    if (options.after !== undefined) {
      checkPath(options.after, "after");
    }
    return this.#list(`${targetOf(path)}?below&limit=${String(LISTED)}`, options.after ?? null, options);
  }

  async *#list(target: string, from: string | null, limits: Limits): AsyncGenerator<ValueView, void> {
    let after = from;
    do {
      const part = after === null ? target : `${target}&after=${after}`;
      const { values, next } = await this.#api.read(valuesView, part, limits);
      yield* values;
      after = next;
    } while (after !== null);
  }

  /**
   * The values of a path or a pattern such as `/chat/$room/$message`, as they are allowed, until the reader stops or the
   * signal aborts. Where the connection breaks, it is made again and goes on after the last value that came.
   *
   * @param options - `from` begins after the value at this address instead of now, or after a block: `block-17`.
   */
  follow(
    pattern: string,
    options: Limits & { readonly from?: string } = {},
  ): AsyncGenerator<ValueEvent, void> {
    checkPattern(pattern, "pattern");
    const from = options.from === undefined ? null : positionOf(options.from);
    return this.#follow(`/_moot/values${pattern}?follow`, from, options);
  }

  async *#follow(target: string, from: string | null, { signal }: Limits): AsyncGenerator<ValueEvent, void> {
    let [last, opened, failures] = [from, false, 0];
    for (;;) {
      const began = Date.now();
      let broken: MootError;
      try {
        const headers: Record<string, string> = last === null ? {} : { "last-event-id": last };
        const response = await this.#api.open(target, headers, { signal });
        if (opened && last === null) {
          yield { type: "missed", from: null };
        }
        opened = true;
        for await (const event of eventsOf(response, this.#api.connection.origin, readEvent, signal)) {
          if (event.type === "at") {
            // The first comes at once, also of a node that ends every stream at once: no success yet.
            last = event.at;
            continue;
          }
          failures = 0;
          if (event.type === "value") {
            last = event.id;
          }
          yield event;
        }
        broken = new TransportError("unreachable", `${this.#api.connection.origin} ended the stream`);
      } catch (error) {
        if (!isPassing(error)) {
          throw error;
        }
        broken = error;
      }
      // A connection that stood for a while was a good one, also when nothing was written meanwhile.
      failures = Date.now() - began > MAX_PAUSE_MS ? 1 : failures + 1;
      if (failures > RETRIES) {
        throw broken;
      }
      await sleep(pauseAfter(broken, failures), signal);
    }
  }
}

/** How long to wait before the connection is made again. */
function pauseAfter(broken: MootError, failures: number): number {
  const asked = broken instanceof ProblemError ? broken.retryAfterMs : null;
  return Math.min(asked ?? FIRST_PAUSE_MS * 2 ** (failures - 1), MAX_PAUSE_MS);
}

function targetOf(path: string): string {
  checkPath(path);
  return `/_moot/values${path}`;
}

/** Where a reader stands: after a value, or at a block's end. */
function positionOf(from: string): string {
  return /^block-[0-9]{1,20}$/u.test(from) ? from : formatEntryId(parseEntryId(from));
}

function readEvent({ name, data }: RawEvent): ValueEvent | { type: "at"; at: string } | undefined {
  switch (name) {
    case "at":
      return { type: "at", ...valuesAt(parseJson(data, MAX_EVENT_BYTES), "") };
    case "value":
      return { type: "value", ...valueView(parseJson(data, MAX_EVENT_BYTES), "") };
    case "missed":
      return { type: "missed", ...valuesMissed(parseJson(data, MAX_EVENT_BYTES), "") };
    default:
      return undefined;
  }
}

/** A value by the answer's headers and body. */
function stored(path: string, { headers, bytes }: Answer): StoredValue {
  const height = headers.get("moot-height") ?? "";
  if (!/^[0-9]{1,20}$/u.test(height)) {
    throw new TransportError("foreign", `the answer to ${path} has no height: no Folkmoot node made it`);
  }
  const [writer, name] = [headers.get("moot-account"), headers.get("moot-function")];
  return {
    id: entryId(headers.get("moot-value") ?? "", "moot-value"),
    path,
    height: BigInt(height),
    account: writer === null ? null : account(writer, "moot-account"),
    function: name === null ? null : functionName(name, "moot-function"),
    data: bytes,
    text: fromUtf8(bytes) ?? null,
  };
}
