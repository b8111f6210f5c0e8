/**
 * Questions to the API below `/_moot/`: what is sent, what counts as an answer, and how its JSON is checked.
 */

import { MootError } from "../errors.js";
import type { Keypair } from "../keys/keypair.js";
import { parseJson } from "../record/json.js";
import { fromUtf8 } from "../record/text.js";
import type { Decoder } from "./decode.js";
import { ProblemError, problemOf, TransportError } from "./errors.js";
import { eventsOf, type RawEvent } from "./events.js";
import { ANSWER_TIMEOUT_MS, MAX_ANSWER_BYTES } from "./limits.js";
import { type Answer, type Ask, type Connection, either, prepare, send, unreachable } from "./send.js";

/** What every question can be given. */
export interface Limits {
  /** Stops waiting. */
  readonly signal?: AbortSignal | undefined;
}

/** The API of one node. */
export class Api {
  constructor(readonly connection: Connection) {}

  /** The key, for what must be signed. */
  key(): Keypair {
    const { key } = this.connection;
    if (key === undefined) {
      throw new MootError("this must be signed, and the client has no key: new Client(address, { key })");
    }
    return key;
  }

  /** Sends a request; everything but success is an error. */
  async expect(ask: Omit<Ask, "timeoutMs"> & { readonly timeoutMs?: number }): Promise<Answer> {
    const answer = await send(this.connection, { timeoutMs: ANSWER_TIMEOUT_MS, ...ask });
    if (!answer.ok) {
      const line = (fromUtf8(answer.bytes) ?? "").split("\n", 1)[0]?.slice(0, 200) ?? "";
      throw this.#foreign(`${ask.method} ${ask.target} was answered ${String(answer.status)} ${line}`);
    }
    return answer;
  }

  /** Asks for something that is there or is not: it changes nothing, so it is repeated when nobody answers. */
  async get(target: string, { signal }: Limits, timeoutMs = ANSWER_TIMEOUT_MS): Promise<Answer> {
    return this.expect({ method: "GET", target, timeoutMs, repeatable: true, signal });
  }

  /** Asks for JSON of a shape. */
  async read<T>(decoder: Decoder<T>, target: string, limits: Limits): Promise<T> {
    return this.json(decoder, await this.get(target, limits));
  }

  /** The same, with 404 as null. */
  async find<T>(decoder: Decoder<T>, target: string, limits: Limits): Promise<T | null> {
    try {
      return await this.read(decoder, target, limits);
    } catch (error) {
      if (error instanceof ProblemError && error.status === 404) {
        return null;
      }
      throw error;
    }
  }

  /** An answer's JSON, checked. */
  json<T>(decoder: Decoder<T>, answer: Answer): T {
    try {
      return decoder(parseJson(answer.text(), MAX_ANSWER_BYTES), "");
    } catch (error) {
      if (error instanceof MootError) {
        throw this.#foreign(
          `its answer is not the JSON expected: ${error.message}; is it the same version?`,
          error,
        );
      }
      throw error;
    }
  }

  /**
   * Follows a stream of events until the reader stops, the signal aborts, or the node ends it.
   *
   * @param read - What an event says; undefined for one that is passed over.
   */
  async *stream<T>(
    target: string,
    read: (event: RawEvent) => T | undefined,
    limits: Limits,
  ): AsyncGenerator<T, void> {
    yield* eventsOf(await this.open(target, {}, limits), this.connection.origin, read, limits.signal);
  }

  /** Opens a stream of events, signed when the node asks for that. */
  async open(
    target: string,
    fields: Readonly<Record<string, string>>,
    { signal }: Limits,
  ): Promise<Response> {
    const headers = { accept: "text/event-stream", ...fields };
    const ask: Ask = {
      method: "GET",
      target,
      headers,
      timeoutMs: ANSWER_TIMEOUT_MS,
      repeatable: false,
      signal,
    };
    let response = await this.#open(ask, false);
    if (response.status === 401 && this.connection.key !== undefined) {
      await response.body?.cancel();
      response = await this.#open(ask, true);
    }
    if (response.status !== 200) {
      const body = new Uint8Array(await response.arrayBuffer());
      throw (
        problemOf(response.status, response.headers, body) ?? this.#foreign(`${target} is no event stream`)
      );
    }
    return response;
  }

  /** Opens a stream. The time limit is for its head alone. */
  async #open(ask: Ask, signed: boolean): Promise<Response> {
    const { url, init } = prepare(this.connection, ask, signed);
    const late = new AbortController();
    const timer = setTimeout(() => {
      const message = `${this.connection.origin} did not answer ${ask.target} within ${String(ask.timeoutMs / 1000)} s`;
      late.abort(new TransportError("timeout", message));
    }, ask.timeoutMs);
    try {
      return await this.connection.fetch(url, { ...init, signal: either(ask.signal, late.signal) });
    } catch (error) {
      ask.signal?.throwIfAborted();
      late.signal.throwIfAborted();
      throw unreachable(this.connection.origin, error);
    } finally {
      clearTimeout(timer);
    }
  }

  #foreign(why: string, cause?: Error): TransportError {
    const message = `${this.connection.origin} does not speak the API of a Folkmoot node: ${why}`;
    return new TransportError("foreign", message, { cause });
  }
}
