/**
 * The body of a request or an answer, as the Fetch Standard has it: read once, whole or as a stream.
 *
 * What is at hand is kept as it was given: a stream is made of it only for who asks for one.
 */

import { concat, encoded, textOf, viewed, type Bytes } from "./quickjs-bytes.js";
import { QuickBlob, QuickFormData, readForm, writeForm } from "./quickjs-form.js";
import type { QuickHeaders } from "./quickjs-headers.js";
import { QuickReadableStream, Whole } from "./quickjs-readable.js";

type Stream = QuickReadableStream<Uint8Array>;

/** What a body can be made of. */
export type BodySource = string | Bytes | URLSearchParams | QuickBlob | QuickFormData | Stream;
/** What a body is kept as. */
export type Content = string | Uint8Array | Stream | null;

const TEXT = "text/plain;charset=UTF-8";

/** What a body is made of, and the media type that goes with it. */
export function contentOf(source: BodySource | null | undefined): { content: Content; type: string | null } {
  if (source === null || source === undefined) {
    return { content: null, type: null };
  }
  if (typeof source === "string") {
    return { content: source, type: TEXT };
  }
  if (source instanceof QuickReadableStream) {
    if (source.locked || source.disturbed) {
      throw new TypeError("the stream cannot be a body: it is locked, or somebody has read of it");
    }
    return { content: source, type: null };
  }
  if (source instanceof URLSearchParams) {
    return { content: source.toString(), type: "application/x-www-form-urlencoded;charset=UTF-8" };
  }
  if (source instanceof QuickBlob) {
    return { content: source.held, type: source.type === "" ? null : source.type };
  }
  if (source instanceof QuickFormData) {
    const { bytes, type } = writeForm(source);
    return { content: bytes, type };
  }
  const bytes = viewed(source);
  // Whoever gave it may change it afterwards.
  return bytes === null ? { content: textOf(source), type: TEXT } : { content: bytes.slice(), type: null };
}

export abstract class QuickBody {
  abstract readonly headers: QuickHeaders;
  #content: Content | (() => Content);
  #used = false;

  /** `content` may be made when it is first asked for. */
  constructor(content: Content | (() => Content)) {
    this.#content = content;
  }

  #held(): Content {
    if (typeof this.#content === "function") {
      this.#content = this.#content();
    }
    return this.#content;
  }

  get body(): Stream | null {
    const content = this.#held();
    if (content === null || content instanceof QuickReadableStream) {
      return content;
    }
    const stream = new QuickReadableStream<Uint8Array>(new Whole(content));
    this.#content = stream;
    if (this.#used) {
      stream.takeWhole();
    }
    return stream;
  }

  get bodyUsed(): boolean {
    const content = this.#content;
    return this.#used || (content instanceof QuickReadableStream && content.disturbed);
  }

  /** The body, if nobody has read it. */
  #unread(): Content {
    const content = this.#held();
    const locked = content instanceof QuickReadableStream && content.locked;
    if (content !== null && (this.bodyUsed || locked)) {
      throw new TypeError("the body was read already, or somebody reads it");
    }
    return content;
  }

  /** The body, which nobody else has then. */
  take(): Content {
    const content = this.#unread();
    this.#used = content !== null;
    return content instanceof QuickReadableStream ? (content.takeWhole() ?? content) : content;
  }

  /** The same body for another: both can be read. */
  protected share(): Content {
    const content = this.#unread();
    if (!(content instanceof QuickReadableStream)) {
      return content;
    }
    const [own, other] = content.tee();
    this.#content = own;
    return other;
  }

  async bytes(): Promise<Uint8Array> {
    const content = this.take();
    if (content instanceof QuickReadableStream) {
      return all(content);
    }
    return typeof content === "string" ? encoded(content) : (content?.slice() ?? new Uint8Array());
  }
  async text(): Promise<string> {
    const content = this.take();
    if (content === null || typeof content === "string") {
      return content ?? "";
    }
    return new TextDecoder().decode(content instanceof QuickReadableStream ? await all(content) : content);
  }
  async json(): Promise<unknown> {
    return JSON.parse(await this.text()) as unknown;
  }
  async arrayBuffer(): Promise<ArrayBuffer> {
    return (await this.bytes()).buffer as ArrayBuffer;
  }
  async blob(): Promise<QuickBlob> {
    return new QuickBlob([await this.bytes()], { type: this.headers.get("content-type") ?? "" });
  }
  async formData(): Promise<QuickFormData> {
    return readForm(await this.bytes(), this.headers.get("content-type") ?? "");
  }
}

/** All of a stream of bytes. */
async function all(stream: Stream): Promise<Uint8Array> {
  const reader = stream.getReader();
  const parts: Uint8Array[] = [];
  for (;;) {
    const got = await reader.read();
    if (got.done) {
      return concat(parts);
    }
    parts.push(bytesIn(got.value));
  }
}

/** A part of a stream that is a body. */
export function bytesIn(part: unknown): Uint8Array {
  const bytes = viewed(part);
  if (bytes === null) {
    throw new TypeError(`the stream of a body has parts of bytes, not of ${typeof part}`);
  }
  return bytes;
}
