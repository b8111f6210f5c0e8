/** `TextEncoder` and `TextDecoder` for UTF-8, as the Encoding Standard has them; other encodings are refused. */

const REPLACEMENT = 0xfffd;
/** Code points that are made into a string at once: as many arguments as any engine takes. */
const CHUNK = 4096;

export class QuickTextEncoder {
  readonly encoding = "utf-8";

  encode(text = ""): Uint8Array {
    const bytes: number[] = [];
    for (const character of text) {
      // Half of a surrogate pair is no character.
      const point = character.codePointAt(0) ?? 0;
      push(bytes, point >= 0xd800 && point <= 0xdfff ? REPLACEMENT : point);
    }
    return Uint8Array.from(bytes);
  }
}

function push(bytes: number[], point: number): void {
  if (point < 0x80) {
    bytes.push(point);
  } else if (point < 0x800) {
    bytes.push(0xc0 | (point >> 6), 0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    bytes.push(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f));
  } else {
    bytes.push(
      0xf0 | (point >> 18),
      0x80 | ((point >> 12) & 0x3f),
      0x80 | ((point >> 6) & 0x3f),
      0x80 | (point & 0x3f),
    );
  }
}

export class QuickTextDecoder {
  readonly encoding = "utf-8";
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;

  constructor(label = "utf-8", options: { fatal?: boolean; ignoreBOM?: boolean } = {}) {
    if (!["utf-8", "utf8", "unicode-1-1-utf-8"].includes(label.trim().toLowerCase())) {
      throw new RangeError(`QuickJS decodes UTF-8 alone, not ${label}`);
    }
    this.fatal = options.fatal ?? false;
    this.ignoreBOM = options.ignoreBOM ?? false;
  }

  decode(input: ArrayBuffer | ArrayBufferView = new Uint8Array()): string {
    const bytes =
      input instanceof ArrayBuffer
        ? new Uint8Array(input)
        : new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
    const bom = !this.ignoreBOM && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
    let text = "";
    let points: number[] = [];
    for (let at = bom ? 3 : 0; at < bytes.length;) {
      const { point, length } = read(bytes, at);
      if (point === null && this.fatal) {
        throw new TypeError(`the bytes are not UTF-8 from index ${String(at)}`);
      }
      points.push(point ?? REPLACEMENT);
      at += length;
      if (points.length === CHUNK) {
        text += String.fromCodePoint(...points);
        points = [];
      }
    }
    return text + String.fromCodePoint(...points);
  }
}

/** The code point at an index, null when there is none, and how many bytes that took. */
function read(bytes: Uint8Array, at: number): { point: number | null; length: number } {
  const first = bytes[at] ?? 0;
  if (first < 0x80) {
    return { point: first, length: 1 };
  }
  if (first < 0xc2 || first > 0xf4) {
    return { point: null, length: 1 };
  }
  const want = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  let point = first & (0x7f >> want);
  for (let step = 1; step < want; step += 1) {
    const byte = bytes[at + step] ?? 0;
    // The second byte's range rules out what is too long, too large, or half of a surrogate pair.
    const low = step > 1 ? 0x80 : first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const high = step > 1 ? 0xbf : first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    if (byte < low || byte > high) {
      return { point: null, length: step };
    }
    point = (point << 6) | (byte & 0x3f);
  }
  return { point, length: want };
}
