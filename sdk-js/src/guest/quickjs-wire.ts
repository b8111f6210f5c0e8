/**
 * Bodies between streams and the host.
 *
 *     incoming-body ──read──► ReadableStream            text, bytes or ReadableStream ──write──► outgoing-body
 */

import { OutgoingBody, type Fields, type IncomingBody } from "wasi:http/types";
import type { InputStream, OutputStream } from "wasi:io/streams";
import { bytesIn, type Content } from "./quickjs-body.js";
import { bytesOf, encoded, latin1 } from "./quickjs-bytes.js";
import { QuickHeaders } from "./quickjs-headers.js";
import { release, whenReady } from "./quickjs-loop.js";
import { QuickReadableStream } from "./quickjs-readable.js";

/** Bytes that are asked for at once. */
const CHUNK_BYTES = 64 * 1024;
/** Bytes that `blocking-write-and-flush` takes. */
const SHORT_BYTES = 4096;

/** Methods that the interface has a case for. */
export const METHODS = ["get", "head", "post", "put", "delete", "connect", "options", "trace", "patch"];

interface Tagged {
  tag: string;
  val?: unknown;
}

export function isTagged(value: unknown): value is Tagged {
  return typeof value === "object" && value !== null && "tag" in value;
}

/** What an `err` of the host has in it: the engine throws an error around it. */
export function payloadOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "payload" in error ? error.payload : error;
}

/** The host's header fields, which it is done with then. */
export function headersOf(fields: Fields): QuickHeaders {
  const entries = fields.entries();
  release(fields);
  return QuickHeaders.given(entries.map(([name, value]) => [name, latin1(value)] as const));
}

export function listOf(headers: QuickHeaders): [string, Uint8Array][] {
  return headers.fields.map(([name, value]): [string, Uint8Array] => [name, bytesOf(value)]);
}

/** A body of the host's as a stream. `whose` is the body's, for people; `after` is called when it is over. */
export function incoming(
  body: IncomingBody,
  whose: string,
  after: () => void = () => undefined,
): QuickReadableStream<Uint8Array> {
  let stream: InputStream | null = null;
  let waits = false;
  let unwanted = false;
  const end = (): void => {
    // A child goes before its parent.
    if (stream !== null) {
      release(stream);
    }
    release(body);
    after();
  };
  return new QuickReadableStream<Uint8Array>(
    {
      async pull(controller) {
        stream ??= body.stream();
        for (;;) {
          let part: Uint8Array;
          try {
            part = stream.read(CHUNK_BYTES);
          } catch (error) {
            const code = payloadOf(error);
            end();
            if (isTagged(code) && code.tag === "closed") {
              controller.close();
              return;
            }
            throw new TypeError(`${whose} broke off`, { cause: error });
          }
          if (part.length > 0) {
            controller.enqueue(part);
            return;
          }
          waits = true;
          await whenReady(stream.subscribe());
          waits = false;
          if (unwanted) {
            end();
            return;
          }
        }
      },
      cancel: () => {
        // What is waited for is a child of the stream, which cannot go before it.
        unwanted = true;
        if (!waits) {
          end();
        }
      },
    },
    { highWaterMark: 0 },
  );
}

/** A body as it goes over the wire. */
export type Sent = Uint8Array | QuickReadableStream<Uint8Array> | null;

export function sentOf(content: Content): Sent {
  return typeof content === "string" ? encoded(content) : content;
}

/** Writes all of a short body that is at hand, and ends it; false when it has to be waited for. */
export function sendAtOnce(body: OutgoingBody, content: Sent): boolean {
  if (content instanceof QuickReadableStream || (content !== null && content.length > SHORT_BYTES)) {
    return false;
  }
  if (content !== null && content.length > 0) {
    const stream = body.write();
    try {
      stream.blockingWriteAndFlush(content);
    } finally {
      release(stream);
    }
  }
  OutgoingBody.finish(body, null);
  return true;
}

/** Writes all of a body as it comes, at the pace at which it is taken, and ends it. */
export async function send(body: OutgoingBody, content: Sent): Promise<void> {
  const out = body.write();
  try {
    if (content instanceof QuickReadableStream) {
      await sendStream(out, content);
    } else if (content !== null) {
      await sendBytes(out, content);
    }
    out.flush();
    await roomIn(out);
  } finally {
    release(out);
  }
  OutgoingBody.finish(body, null);
}

async function sendStream(out: OutputStream, content: QuickReadableStream<Uint8Array>): Promise<void> {
  const reader = content.getReader();
  for (;;) {
    const got = await reader.read();
    if (got.done) {
      return;
    }
    try {
      await sendBytes(out, bytesIn(got.value));
    } catch (error) {
      // Who makes the body should know that nobody takes it any more.
      await reader.cancel(error);
      throw error;
    }
  }
}

async function sendBytes(out: OutputStream, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const part = bytes.slice(at, at + Math.min(await roomIn(out), CHUNK_BYTES));
    out.write(part);
    at += part.length;
  }
}

/** How many bytes may be written; waits until there is room for some. */
async function roomIn(out: OutputStream): Promise<number> {
  for (;;) {
    const room = Number(out.checkWrite());
    if (room > 0) {
      return room;
    }
    await whenReady(out.subscribe());
  }
}
