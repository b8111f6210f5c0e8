/** Bytes in the shapes that JavaScript has them in. */

export type Bytes = ArrayBuffer | ArrayBufferView;

/** The bytes themselves, not a copy; null when `value` is something else. */
export function viewed(value: unknown): Uint8Array | null {
  if (value instanceof Uint8Array) {
    return value;
  }
  if (value instanceof ArrayBuffer) {
    return new Uint8Array(value);
  }
  return ArrayBuffer.isView(value) ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : null;
}

/** Text as UTF-8; bytes as they are. */
export function encoded(content: string | Uint8Array): Uint8Array {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}

/** What JavaScript makes of a value where it wants text. */
export function textOf(value: unknown): string {
  return String(value);
}

/** All parts in one, which is nobody else's. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** What the engine has of a later language than is compiled for. */
interface Later {
  fromBase64(text: string): Uint8Array<ArrayBuffer>;
  toBase64(): string;
  toWellFormed(): string;
}
const later = (what: unknown): Later => what as Later;

/** A text in which half of a surrogate pair is the sign for what is no character. */
export function wellFormed(text: string): string {
  return later(text).toWellFormed();
}

// Through base 64, which the engine does itself: a loop here costs ten times as much for each byte.

/** A text as the bytes that its characters are; none is beyond Latin-1. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return later(Uint8Array).fromBase64(btoa(text));
}

/** Bytes as a text, a character each. */
export function latin1(bytes: Uint8Array): string {
  return atob(later(bytes).toBase64());
}
