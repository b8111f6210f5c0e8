/** A call's options and arguments, in the forms that go over the wire. */

import { MootError, quoted } from "../errors.js";
import { MAX_JSON_INTEGER } from "../record/limits.js";
import { isBroken, toBase64, utf8 } from "../record/text.js";
import { MAX_IDEMPOTENCY_KEY_BYTES } from "./limits.js";

/** What is sent: text as UTF-8, bytes as they are. */
export type Data = string | Uint8Array | ArrayBuffer;

/** How a call is made. */
export interface CallOptions {
  /**
   * How far to wait: until the call is recorded and no further (`accepted`: the answer has its id and no output), until
   * it has run and its receipt is durable (`executed`, the default), or until its receipt is ordered (`final`).
   */
  readonly wait?: "accepted" | "executed" | "final";
  /**
   * Makes it safe to send the call again, and lets the client do so: the same key and the same request run once. Take a
   * random one for each call, and the same one for each repetition: `crypto.randomUUID()`.
   */
  readonly idempotencyKey?: string;
  /** Sign the call, so that its record names the caller; done by itself where a function asks for it. */
  readonly sign?: boolean;
  /** Ask for the worker's signed receipt along with the answer: `Answer.receipt`. */
  readonly receipt?: boolean;
  /** How long one try may take; three minutes by default. */
  readonly timeoutMs?: number;
  /** Stops waiting. A call that was begun goes on all the same. */
  readonly signal?: AbortSignal;
}

/** The bytes of some data. */
export function bytesOf(data: Data): Uint8Array {
  if (typeof data === "string") {
    if (isBroken(data)) {
      throw new MootError("the text has half a character (a lone surrogate), which has no UTF-8");
    }
    return utf8(data);
  }
  return data instanceof Uint8Array ? data : new Uint8Array(data);
}

/** The headers that say how a call is to be made. */
export function callHeaders(options: CallOptions): Record<string, string> {
  const wait = { accepted: "respond-async", executed: undefined, final: "moot-wait=final" }[
    options.wait ?? "executed"
  ];
  const preferences = [wait, options.receipt === true ? "moot-receipt" : undefined].filter(
    (one) => one !== undefined,
  );
  return { ...prefer(preferences), ...idempotency(options.idempotencyKey) };
}

/** What is preferred (RFC 7240). */
export function prefer(preferences: readonly string[]): Record<string, string> {
  return preferences.length > 0 ? { prefer: preferences.join(", ") } : {};
}

/** What makes it safe to send a request again. */
export function idempotency(key: string | undefined): Record<string, string> {
  if (key === undefined) {
    return {};
  }
  if (!/^[!#-~]([ -~]*[!#-~])?$/u.test(key) || key.length > MAX_IDEMPOTENCY_KEY_BYTES) {
    const rule = `1 to ${String(MAX_IDEMPOTENCY_KEY_BYTES)} printable ASCII characters, such as crypto.randomUUID()`;
    throw new MootError(`${quoted(key)} is no idempotency key: it has ${rule}`);
  }
  return { "idempotency-key": key };
}

/** An export's path as the end of a URL's path (RFC 3986). Slashes stay: the node refuses encoded ones. */
export function exportPath(path: string): string {
  if (path === "" || isBroken(path)) {
    throw new MootError(`${quoted(path)} is not an export; it is \`name\` or \`interface#name\``);
  }
  const escaped = encodeURIComponent(path)
    .replaceAll("%2F", "/")
    .replaceAll("%3A", ":")
    .replaceAll("%40", "@");
  return escaped.replace(/[!'()*]/gu, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** A typed call's arguments as the JSON array that the platform reads. */
export function typedArguments(args: readonly unknown[]): string {
  return JSON.stringify(args, function (this: Record<string, unknown>, key, value: unknown) {
    const raw = this[key];
    if (raw instanceof Uint8Array) {
      return toBase64(raw);
    }
    if (typeof raw === "bigint") {
      const fits = raw <= MAX_JSON_INTEGER && raw >= -MAX_JSON_INTEGER;
      return fits ? Number(raw) : String(raw);
    }
    if (typeof raw === "number" && !Number.isFinite(raw)) {
      // What `f64` takes; JSON has no number for it.
      return String(raw);
    }
    return value;
  });
}
