/** `TextEncoder` and `TextDecoder` for UTF-8, as the Encoding Standard has them; other encodings are refused. */

import { bytesOf, concat, latin1, viewed, wellFormed } from "./quickjs-bytes.js";

const REPLACEMENT = "\ufffd";

export class QuickTextEncoder {
  readonly encoding = "utf-8";

  encode(text = ""): Uint8Array {
    // Half of a surrogate pair is no character. What the URI functions escape is UTF-8.
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- the engine's own, as the one below
    return bytesOf(unescape(encodeURIComponent(wellFormed(text))));
  }

  /** As much of a text as there is room for. */
  encodeInto(text: string, into: Uint8Array): { read: number; written: number } {
    let [read, written] = [0, 0];
    for (const character of text) {
      const bytes = this.encode(character);
      if (written + bytes.length > into.length) {
        break;
      }
      into.set(bytes, written);
      read += character.length;
      written += bytes.length;
    }
    return { read, written };
  }
}

export class QuickTextDecoder {
  readonly encoding = "utf-8";
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;
  /** The beginning of a character whose end is in the next part of a stream. */
  #begun = new Uint8Array();
  /** Whether what comes next is what the text begins with. */
  #first = true;

  constructor(label = "utf-8", options: { fatal?: boolean; ignoreBOM?: boolean } = {}) {
    if (!["utf-8", "utf8", "unicode-1-1-utf-8"].includes(label.trim().toLowerCase())) {
      throw new RangeError(`QuickJS decodes UTF-8 alone, not ${label}`);
    }
    this.fatal = options.fatal ?? false;
    this.ignoreBOM = options.ignoreBOM ?? false;
  }

  decode(
    input: ArrayBuffer | ArrayBufferView = new Uint8Array(),
    options: { stream?: boolean } = {},
  ): string {
    const given = viewed(input) ?? new Uint8Array();
    const all = this.#begun.length === 0 ? given : concat([this.#begun, given]);
    const goesOn = options.stream === true;
    const end = goesOn ? endOfCharacters(all) : all.length;
    const bytes = all.subarray(0, end);
    this.#begun = all.slice(end);
    let text: string;
    try {
      // eslint-disable-next-line @typescript-eslint/no-deprecated
      text = decodeURIComponent(escape(latin1(bytes)));
    } catch {
      if (this.fatal) {
        this.#begun = new Uint8Array();
        this.#first = true;
        throw new TypeError(`the bytes are not UTF-8 from index ${String(mended(bytes).wrong)}`);
      }
      ({ text } = mended(bytes));
    }
    const bom = this.#first && !this.ignoreBOM && text.startsWith("\ufeff");
    this.#first = !goesOn || (this.#first && text === "");
    return bom ? text.slice(1) : text;
  }
}

/** Where the last character begins of which there may be more to come; the end where there is none. */
function endOfCharacters(bytes: Uint8Array): number {
  for (let at = Math.max(0, bytes.length - 3); at < bytes.length; at += 1) {
    if ((bytes[at] ?? 0) >= 0xc0 && read(bytes, at).cut) {
      return at;
    }
  }
  return bytes.length;
}

/** Bytes that are not UTF-8 as text, with a sign for what is no character; and where the first of that is. */
function mended(bytes: Uint8Array): { text: string; wrong: number } {
  let text = "";
  let wrong = -1;
  for (let at = 0; at < bytes.length;) {
    const { point, length } = read(bytes, at);
    if (point === null && wrong === -1) {
      wrong = at;
    }
    text += point === null ? REPLACEMENT : String.fromCodePoint(point);
    at += length;
  }
  return { text, wrong };
}

/** The code point at an index, null when there is none; how many bytes that took; whether the bytes end within it. */
function read(bytes: Uint8Array, at: number): { point: number | null; length: number; cut: boolean } {
  const first = bytes[at] ?? 0;
  if (first < 0x80) {
    return { point: first, length: 1, cut: false };
  }
  if (first < 0xc2 || first > 0xf4) {
    return { point: null, length: 1, cut: false };
  }
  const want = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  let point = first & (0x7f >> want);
  for (let step = 1; step < want; step += 1) {
    if (at + step >= bytes.length) {
      return { point: null, length: step, cut: true };
    }
    const byte = bytes[at + step] ?? 0;
    // The second byte's range rules out what is too long, too large, or half of a surrogate pair.
    const low = step > 1 ? 0x80 : first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const high = step > 1 ? 0xbf : first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    if (byte < low || byte > high) {
      return { point: null, length: step, cut: false };
    }
    point = (point << 6) | (byte & 0x3f);
  }
  return { point, length: want, cut: false };
}
