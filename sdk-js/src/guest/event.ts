/**
 * Functions of kind `event`: bytes in, bytes or a failure out.
 *
 *     moot:function/handler ──► Event ──► the function ──► its answer as bytes
 *                                             └─ throws: Failure ──► the caller
 *                                                        else ──► the log; the caller is told that it failed
 */

import { context } from "./context.js";
import { waited } from "./engine.js";
import { describe, Failure, report, UNEXPECTED } from "./errors.js";

/** One thing that happened. */
export interface Event {
  /** What caused it, as `<kind>:<detail>`: `http:/hello?name=ada`, `call:`, `function:<name>`, ... */
  readonly source: string;
  /** Media type of the payload; null when whoever sent it did not say. */
  readonly contentType: string | null;
  /** Further facts in the order received; for HTTP `:method` and the request's headers. */
  readonly attributes: readonly (readonly [string, string])[];
  /** The body. */
  readonly payload: Uint8Array;
  /** The first attribute of that name; null when there is none. */
  attribute(name: string): string | null;
  /** The payload as text, byte for byte; what is not UTF-8 is refused with `message`. */
  text(message?: string): string;
  /** The payload as JSON; what is none is refused. */
  json(): unknown;
}

/** What a function answers: text as UTF-8, bytes as they are, nothing as an empty body. */
export type Answer = string | Uint8Array | ArrayBuffer | undefined;

/** A function that handles events. */
// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- a function that returns nothing answers nothing
export type EventFunction = (event: Event) => Answer | void | Promise<Answer | void>;

/** What an event function's module exports as its default. */
export interface EventHandler {
  readonly handle: EventFunction;
}

/** Makes the default export of an event function's module. */
export function defineFunction(handle: EventFunction): EventHandler {
  if (typeof handle !== "function") {
    throw new TypeError(`defineFunction takes a function, not ${typeof handle}`);
  }
  return { handle };
}

/** An event as the interface has it. */
export interface WitEvent {
  source: string;
  contentType?: string | null | undefined;
  attributes: [string, string][];
  payload: Uint8Array;
}

/** The export `handler` of a component whose module is `main`. */
export function exportHandler(main: EventHandler | EventFunction): {
  handle(event: WitEvent): Uint8Array | Promise<Uint8Array>;
} {
  const handle = typeof main === "function" ? main : main.handle;
  return {
    handle(event): Uint8Array | Promise<Uint8Array> {
      try {
        const answer = handle(wrap(event));
        if (!(answer instanceof Promise)) {
          return bytes(answer);
        }
        const later = waited(answer.then(bytes), `the handler of ${context.function}`);
        return later instanceof Promise ? later.catch(refuse) : later;
      } catch (error) {
        return refuse(error);
      }
    },
  };
}

function wrap(event: WitEvent): Event {
  const { source, attributes, payload } = event;
  const text = (message = "the payload must be text in UTF-8"): string => {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(payload);
    } catch {
      throw Failure.invalid(message);
    }
  };
  return {
    source,
    contentType: event.contentType ?? null,
    attributes,
    payload,
    attribute: (name) => attributes.find(([key]) => key === name.toLowerCase())?.[1] ?? null,
    text,
    json: () => {
      const read = text("the payload must be JSON in UTF-8");
      try {
        return JSON.parse(read) as unknown;
      } catch (error) {
        throw Failure.invalid(`the payload must be JSON: ${error instanceof Error ? error.message : ""}`);
      }
    },
  };
}

// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- see EventFunction
function bytes(answer: Answer | void): Uint8Array {
  if (answer === undefined) {
    return new Uint8Array();
  }
  if (typeof answer === "string") {
    return new TextEncoder().encode(answer);
  }
  if (answer instanceof Uint8Array) {
    return answer;
  }
  if (answer instanceof ArrayBuffer) {
    return new Uint8Array(answer);
  }
  throw new TypeError(
    `a function answers with a string, a Uint8Array, an ArrayBuffer or nothing, not with ${describe(answer)}`,
  );
}

/** Throws what the interface calls a failure. */
function refuse(error: unknown): never {
  if (error instanceof Failure) {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- an `err` is thrown as the plain value that it is
    throw { tag: error.kind, val: error.message };
  }
  report(error);
  // eslint-disable-next-line @typescript-eslint/only-throw-error -- as above
  throw { tag: "internal", val: UNEXPECTED };
}
