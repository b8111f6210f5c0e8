/**
 * Server-sent events, read line by line (WHATWG HTML, section 9.2).
 *
 * ```text
 * body ──chunks──► unfinished line (bounded) ──► fields ──blank line──► event
 * ```
 */

import { MootError } from "../errors.js";
import { parseJson } from "../record/json.js";
import type { Digest } from "../record/bytes.js";
import type { EntryId } from "../record/names.js";
import { digest, entryId, object, text, u32, u64 } from "./decode.js";
import { TransportError } from "./errors.js";
import { MAX_EVENT_BYTES, MAX_SILENCE_MS } from "./limits.js";

/** One event of a stream, as it came. */
export interface RawEvent {
  /** Its kind; `message` when the server gave none. */
  readonly name: string;
  /** Its data; lines joined by line breaks. */
  readonly data: string;
}

/** What happens at a node, as it becomes durable. */
export type NodeEvent =
  /** A block was applied. */
  | { readonly type: "block"; readonly height: bigint; readonly digest: Digest; readonly batches: number }
  /** A call got its receipt. */
  | {
      readonly type: "receipt";
      readonly call: EntryId;
      readonly receipt: EntryId;
      readonly status: string;
      readonly fuel: bigint;
    }
  /** A function was deployed, rolled back or retired. */
  | { readonly type: "function"; readonly name: string }
  /** This reader was too slow and missed so many events. */
  | { readonly type: "missed"; readonly events: bigint };

/** One line that a function wrote. */
export interface LogLine {
  readonly type: "log";
  /** When, microseconds since 1970. */
  readonly time_us: bigint;
  /** The call that wrote it. */
  readonly call: string;
  /** `trace`, `debug`, `info`, `warn`, `error`, `critical`, `stdout` or `stderr`. */
  readonly level: string;
  /** The guest's own context word; empty for standard output and error. */
  readonly context: string;
  readonly message: string;
}

const block = object<{ height: bigint; digest: Digest; batches: number }>({
  height: u64,
  digest,
  batches: u32,
});
const receipt = object<{ call: EntryId; receipt: EntryId; status: string; fuel: bigint }>({
  call: entryId,
  receipt: entryId,
  status: text,
  fuel: u64,
});
const named = object<{ name: string }>({ name: text });
const missed = object<{ events: bigint }>({ events: u64 });
const line = object<Omit<LogLine, "type">>({
  time_us: u64,
  call: text,
  level: text,
  context: text,
  message: text,
});

/** What an event says; undefined for a kind that this version does not know. */
export function readEvent({ name, data }: RawEvent): NodeEvent | LogLine | undefined {
  const known = ["block", "receipt", "function", "missed", "log"];
  if (!known.includes(name)) {
    return undefined;
  }
  const json = parseJson(data, MAX_EVENT_BYTES);
  switch (name) {
    case "block":
      return { type: "block", ...block(json, "") };
    case "receipt":
      return { type: "receipt", ...receipt(json, "") };
    case "function":
      return { type: "function", ...named(json, "") };
    case "missed":
      return { type: "missed", ...missed(json, "") };
    default:
      return { type: "log", ...line(json, "") };
  }
}

/** Turns text into events. Holds at most one unfinished event. */
export class EventParser {
  #line = "";
  #name = "";
  #data: string[] = [];
  #size = 0;

  /** Takes the next piece of text, gives the events that it ended. */
  feed(piece: string): RawEvent[] {
    const events: RawEvent[] = [];
    const lines = (this.#line + piece).split("\n");
    this.#line = lines.pop() ?? "";
    for (const whole of lines) {
      const event = this.#field(whole.endsWith("\r") ? whole.slice(0, -1) : whole);
      if (event !== undefined) {
        events.push(event);
      }
    }
    if (this.#line.length + this.#size > MAX_EVENT_BYTES) {
      throw new TransportError(
        "too-large",
        `an event of the stream is larger than ${String(MAX_EVENT_BYTES)} bytes`,
      );
    }
    return events;
  }

  #field(whole: string): RawEvent | undefined {
    if (whole === "") {
      const event = { name: this.#name === "" ? "message" : this.#name, data: this.#data.join("\n") };
      const hasData = this.#data.length > 0;
      [this.#name, this.#data, this.#size] = ["", [], 0];
      return hasData ? event : undefined;
    }
    const colon = whole.indexOf(":");
    const name = colon < 0 ? whole : whole.slice(0, colon);
    const value = colon < 0 ? "" : whole.slice(colon + 1).replace(/^ /u, "");
    // Others are comments (an empty name), ids, and fields of a later version.
    if (name === "event") {
      this.#name = value;
    } else if (name === "data") {
      this.#data.push(value);
      this.#size += value.length + 1;
    }
    return undefined;
  }
}

/**
 * The events of a response's body, until the server ends it, falls silent, the reader stops, or the signal aborts.
 *
 * @param read - What an event says; undefined for one that is passed over.
 */
export async function* eventsOf<T>(
  response: Response,
  address: string,
  read: (event: RawEvent) => T | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<T, void> {
  if (response.body === null) {
    return;
  }
  const parser = new EventParser();
  const pieces = response.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (let next = await heard(pieces, address); !next.done; next = await heard(pieces, address)) {
      for (const raw of parser.feed(next.value)) {
        const event = read(raw);
        if (event !== undefined) {
          yield event;
        }
      }
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof TransportError) {
      throw error;
    }
    const why = error instanceof Error ? error.message : String(error);
    const reason = error instanceof MootError ? "foreign" : "unreachable";
    throw new TransportError(reason, `the event stream of ${address} broke: ${why}`, { cause: error });
  } finally {
    // A reader that stops early closes the connection: the node keeps one open for each stream.
    await pieces.cancel().catch(() => undefined);
  }
}

/** The next piece. A node says something now and then also when there is nothing to say. */
async function heard(
  pieces: ReadableStreamDefaultReader<string>,
  address: string,
): Promise<ReadableStreamReadResult<string>> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const message = `the event stream of ${address} was silent for ${String(MAX_SILENCE_MS / 1000)} s`;
      reject(new TransportError("timeout", message));
    }, MAX_SILENCE_MS);
  });
  try {
    return await Promise.race([pieces.read(), silence]);
  } finally {
    clearTimeout(timer);
  }
}
