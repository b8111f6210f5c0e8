/** Bytes as text and back: UTF-8, hexadecimal, base64. Each text form is the only one of its bytes. */

import { MootError, quoted } from "../errors.js";

const encoder = new TextEncoder();
// A byte order mark is part of the text: dropping it would give two encodings one meaning.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A text's UTF-8. Lone surrogates have none and must be refused before. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The text of some UTF-8; none when the bytes are not UTF-8. */
export function fromUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Whether a string has a lone surrogate, which is no Unicode text. */
export function isBroken(text: string): boolean {
  return /\p{Surrogate}/u.test(text);
}

/** Whether a text has a control character. */
export function hasControl(text: string): boolean {
  return /\p{Control}/u.test(text);
}

/** Orders texts as their UTF-8 is ordered. JavaScript's own `<` differs beyond the basic plane. */
export function compareText(a: string, b: string): number {
  return compareBytes(utf8(a), utf8(b));
}

/** Orders bytes. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i += 1) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) {
      return difference;
    }
  }
  return a.length - b.length;
}

/** Whether two byte strings are the same. Not for secrets: the time it takes tells where they differ. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compareBytes(a, b) === 0;
}

/** Several byte strings as one. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Lowercase hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    text += HEX[byte] ?? "";
  }
  return text;
}

/** Reads lowercase hexadecimal of exactly `length` bytes; `wanted` says what it is, with an article. */
export function fromHex(text: string, length: number, wanted: string): Uint8Array {
  if (text.length !== 2 * length) {
    const why = `${String(text.length)} characters instead of ${String(2 * length)}`;
    throw new MootError(`${quoted(text)} is not ${wanted}: ${why}`);
  }
  const wrong = text.search(/[^0-9a-f]/u);
  if (wrong >= 0) {
    throw new MootError(
      `${quoted(text)} is not ${wanted}: character ${String(wrong + 1)} is not one of 0-9 a-f`,
    );
  }
  return Uint8Array.from({ length }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

const URL_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const STANDARD = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

function encode64(bytes: Uint8Array, alphabet: string): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const [a, b, c] = [bytes[i] ?? 0, bytes[i + 1], bytes[i + 2]];
    text += alphabet.charAt(a >> 2) + alphabet.charAt(((a & 3) << 4) | ((b ?? 0) >> 4));
    if (b !== undefined) {
      text += alphabet.charAt(((b & 15) << 2) | ((c ?? 0) >> 6));
    }
    if (c !== undefined) {
      text += alphabet.charAt(c & 63);
    }
  }
  return text;
}

/** Base64url without padding (RFC 4648, section 5). */
export function toBase64Url(bytes: Uint8Array): string {
  return encode64(bytes, URL_SAFE);
}

/** Base64 with padding (RFC 4648, section 4). */
export function toBase64(bytes: Uint8Array): string {
  const text = encode64(bytes, STANDARD);
  return text + "=".repeat((4 - (text.length % 4)) % 4);
}

/**
 * Reads base64url without padding, in the one form that encoding gives: spare bits are zero.
 *
 * @throws {MootError} Says which character is wrong.
 */
export function fromBase64Url(text: string): Uint8Array {
  const wrong = text.search(/[^A-Za-z0-9_-]/u);
  if (wrong >= 0) {
    throw new MootError(
      `not base64url without padding: character ${String(wrong + 1)} is not of its alphabet`,
    );
  }
  if (text.length % 4 === 1) {
    throw new MootError(
      `not base64url without padding: ${String(text.length)} characters stand for no whole bytes`,
    );
  }
  const out = new Uint8Array(Math.floor((text.length * 3) / 4));
  let [bits, held, at] = [0, 0, 0];
  for (const character of text) {
    bits = ((bits << 6) | URL_SAFE.indexOf(character)) & 0xffff;
    held += 6;
    if (held >= 8) {
      held -= 8;
      out[at] = (bits >> held) & 0xff;
      at += 1;
    }
  }
  if ((bits & ((1 << held) - 1)) !== 0) {
    throw new MootError("not base64url without padding: its last character has bits that stand for nothing");
  }
  return out;
}

/** How many characters `bytes` bytes take in base64url. */
export function base64UrlLength(bytes: number): number {
  return Math.ceil((bytes * 4) / 3);
}
