/**
 * What precedes the body in a recorded payload: the request's or response's head, the event's attributes.
 *
 * ```text
 * payload = head (one CBOR item) || body (as it was)
 * ```
 *
 * The item ends where it ends, so the body needs no framing. Fields keep the order in which they were sent.
 */

import { InvalidError, quoted } from "../errors.js";
import { Reader, tooLong, type Writer } from "./cbor.js";
import { type Codec, encode } from "./codec.js";
import { MAX_HEAD_BYTES, MAX_HEAD_FIELDS } from "./limits.js";
import { concat } from "./text.js";

/** One header field. The value is bytes: HTTP does not promise UTF-8. */
export interface HttpField {
  /** The name, in lowercase. */
  readonly name: string;
  readonly value: Uint8Array;
}

/** The head of a recorded HTTP request. */
export interface HttpRequestHead {
  readonly method: string;
  /** The path with its query, as the function sees it. */
  readonly target: string;
  readonly headers: readonly HttpField[];
}

/** The head of a recorded HTTP response. */
export interface HttpResponseHead {
  /** 100 to 999. */
  readonly status: number;
  readonly headers: readonly HttpField[];
}

/** What precedes the data of an event. */
export interface EventHead {
  /** Where it comes from: `http`, `/chat/lobby`, a function's name. */
  readonly source: string;
  /** The data's media type; empty when unknown. */
  readonly content_type: string;
  /** Further attributes, in order. */
  readonly attributes: readonly (readonly [name: string, value: string])[];
}

function writeFields(out: Writer, fields: readonly HttpField[]): void {
  out.array(fields.length);
  for (const field of fields) {
    out.array(2);
    out.text(field.name);
    out.bytes(field.value);
  }
}

function readFields(r: Reader): HttpField[] {
  return r.items(MAX_HEAD_FIELDS, () => {
    r.array(2);
    const name = r.text(MAX_HEAD_BYTES);
    if (!/^[!-@[-~]+$/u.test(name)) {
      throw new InvalidError("headers.name", `${quoted(name)} is not a lowercase field name`);
    }
    return { name, value: r.bytes(MAX_HEAD_BYTES).slice() };
  });
}

export const HttpRequestHead: Codec<HttpRequestHead> = {
  maxBytes: MAX_HEAD_BYTES,
  write(out, head) {
    out.array(3);
    out.text(head.method);
    out.text(head.target);
    writeFields(out, head.headers);
  },
  read(r) {
    r.array(3);
    return { method: r.text(MAX_HEAD_BYTES), target: r.text(MAX_HEAD_BYTES), headers: readFields(r) };
  },
};

export const HttpResponseHead: Codec<HttpResponseHead> = {
  maxBytes: MAX_HEAD_BYTES,
  write(out, head) {
    out.array(2);
    out.uint(head.status);
    writeFields(out, head.headers);
  },
  read(r) {
    r.array(2);
    const status = r.u16();
    if (status < 100 || status > 999) {
      throw new InvalidError("status", `${String(status)} is no HTTP status`);
    }
    return { status, headers: readFields(r) };
  },
};

export const EventHead: Codec<EventHead> = {
  maxBytes: MAX_HEAD_BYTES,
  write(out, head) {
    out.array(3);
    out.text(head.source);
    out.text(head.content_type);
    out.array(head.attributes.length);
    for (const [name, value] of head.attributes) {
      out.array(2);
      out.text(name);
      out.text(value);
    }
  },
  read(r) {
    r.array(3);
    return {
      source: r.text(MAX_HEAD_BYTES),
      content_type: r.text(MAX_HEAD_BYTES),
      attributes: r.items(MAX_HEAD_FIELDS, () => {
        r.array(2);
        return [r.text(MAX_HEAD_BYTES), r.text(MAX_HEAD_BYTES)] as const;
      }),
    };
  },
};

/** The head and `body` as one payload. */
export function joinPayload<T>(codec: Codec<T>, head: T, body: Uint8Array): Uint8Array {
  return concat(encode(codec, head), body);
}

/** Splits a payload into its head and its body. */
export function splitPayload<T>(codec: Codec<T>, payload: Uint8Array): { head: T; body: Uint8Array } {
  const r = new Reader(payload);
  const head = codec.read(r);
  if (r.position > codec.maxBytes) {
    throw tooLong("the head", 0, r.position, codec.maxBytes);
  }
  return { head, body: r.rest };
}
