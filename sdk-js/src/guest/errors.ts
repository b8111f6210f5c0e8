/**
 * Errors of a guest: those that are its answer, and those that nobody expected.
 *
 * The caller is told the former as they are. Of the latter the log has everything, with the guest's own lines, and the
 * caller only that they happened.
 */

import { write } from "./log.js";
import { readable } from "./stack.js";

/** The cases of `failure` in `moot:function/types`; each has an HTTP status of its own. */
export type FailureKind = "invalid" | "denied" | "not-found" | "conflict" | "unavailable" | "internal";

/** An answer that is a refusal: thrown by a function, told to its caller word for word. */
export class Failure extends Error {
  override name = "Failure";

  constructor(
    /** Which case it is. */
    readonly kind: FailureKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** The event is malformed or makes no sense: 422. */
  static invalid(message: string): Failure {
    return new Failure("invalid", message);
  }

  /** The caller may not do this: 403. */
  static denied(message: string): Failure {
    return new Failure("denied", message);
  }

  /** What the event refers to does not exist: 404. */
  static notFound(message: string): Failure {
    return new Failure("not-found", message);
  }

  /** The event contradicts the present state: 409. */
  static conflict(message: string): Failure {
    return new Failure("conflict", message);
  }

  /** Something that the function depends on is not there; it may be later: 503. */
  static unavailable(message: string): Failure {
    return new Failure("unavailable", message);
  }

  /** The function itself is at fault: 500. */
  static internal(message: string): Failure {
    return new Failure("internal", message);
  }
}

/** The error of a typed function whose result is `result<_, E>`: `payload` is the `E`. */
export class ComponentError extends Error {
  override name = "ComponentError";

  constructor(readonly payload: unknown) {
    super("the function's result is an error");
  }
}

/** What a caller is told about an error that nobody expected. */
export const UNEXPECTED = "the function failed; its log says why";

/** Writes an error that nobody expected to the log, with its stack and its causes. */
export function report(error: unknown): void {
  write("error", "exception", describe(error));
}

/** Causes that are followed: a chain may close on itself. */
const MAX_CAUSES = 8;

/** An error with its stack, and what caused it. */
export function describe(error: unknown): string {
  const parts: string[] = [];
  let current = error;
  while (parts.length < MAX_CAUSES) {
    if (!(current instanceof Error)) {
      parts.push(shown(current));
      break;
    }
    const stack = readable(current.stack ?? "");
    parts.push(`${current.name}: ${current.message}${stack === "" ? "" : `\n${stack}`}`);
    if (current.cause === undefined) {
      break;
    }
    current = current.cause;
  }
  return parts.join("\ncaused by ");
}

/** Anything at all as text: what was thrown need not be an error. */
function shown(value: unknown): string {
  if (typeof value === "string") {
    return value;
  }
  try {
    // Of a function or a symbol JSON makes nothing, whatever its declaration says.
    const text: unknown = JSON.stringify(value);
    return typeof text === "string" ? text : String(value);
  } catch {
    return String(value);
  }
}
