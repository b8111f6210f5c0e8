/**
 * `Blob`, `File` and `FormData` for QuickJS, and the two shapes that forms have on the wire: `multipart/form-data`
 * (RFC 7578) and `application/x-www-form-urlencoded`.
 */

import { QuickReadableStream, Whole } from "./quickjs-readable.js";
import { concat, latin1, textOf, viewed, type Bytes } from "./quickjs-bytes.js";

export class QuickBlob {
  readonly type: string;
  readonly #bytes: Uint8Array;

  constructor(parts: Iterable<string | Bytes | QuickBlob> = [], options: { type?: string } = {}) {
    const encoder = new TextEncoder();
    this.#bytes = concat(
      Array.from(parts, (part) => {
        if (part instanceof QuickBlob) {
          return part.#bytes;
        }
        return viewed(part) ?? encoder.encode(textOf(part));
      }),
    );
    this.type = (options.type ?? "").toLowerCase();
  }
  get size(): number {
    return this.#bytes.length;
  }
  /** Its bytes, which are not to be changed. */
  get held(): Uint8Array {
    return this.#bytes;
  }
  async bytes(): Promise<Uint8Array> {
    return Promise.resolve(this.#bytes.slice());
  }
  async arrayBuffer(): Promise<ArrayBuffer> {
    return (await this.bytes()).buffer as ArrayBuffer;
  }
  async text(): Promise<string> {
    return Promise.resolve(new TextDecoder().decode(this.#bytes));
  }
  stream(): QuickReadableStream<Uint8Array> {
    return new QuickReadableStream<Uint8Array>(new Whole(this.#bytes.slice()));
  }
  slice(from?: number, to?: number, type?: string): QuickBlob {
    return new QuickBlob([this.#bytes.slice(from, to)], { type: type ?? "" });
  }
}

export class QuickFile extends QuickBlob {
  readonly lastModified: number;

  constructor(
    parts: Iterable<string | Bytes | QuickBlob>,
    readonly name: string,
    options: { type?: string; lastModified?: number } = {},
  ) {
    super(parts, options);
    this.lastModified = options.lastModified ?? Date.now();
  }
}

type Entry = string | QuickFile;

export class QuickFormData {
  #entries: [string, Entry][] = [];

  append(name: string, value: string | QuickBlob, filename?: string): void {
    this.#entries.push([name, entry(value, filename)]);
  }
  set(name: string, value: string | QuickBlob, filename?: string): void {
    const at = this.#entries.findIndex(([key]) => key === name);
    if (at === -1) {
      this.append(name, value, filename);
      return;
    }
    this.#entries[at] = [name, entry(value, filename)];
    this.#entries = this.#entries.filter(([key], index) => key !== name || index === at);
  }
  get(name: string): Entry | null {
    return this.#entries.find(([key]) => key === name)?.[1] ?? null;
  }
  getAll(name: string): Entry[] {
    return this.#entries.filter(([key]) => key === name).map(([, value]) => value);
  }
  has(name: string): boolean {
    return this.#entries.some(([key]) => key === name);
  }
  delete(name: string): void {
    this.#entries = this.#entries.filter(([key]) => key !== name);
  }
  forEach(visit: (value: Entry, name: string, all: QuickFormData) => void): void {
    for (const [name, value] of this) {
      visit(value, name, this);
    }
  }
  keys(): IterableIterator<string> {
    return this.#entries.map(([name]) => name).values();
  }
  values(): IterableIterator<Entry> {
    return this.#entries.map(([, value]) => value).values();
  }
  entries(): IterableIterator<[string, Entry]> {
    return this.#entries.values();
  }
  [Symbol.iterator](): IterableIterator<[string, Entry]> {
    return this.entries();
  }
}

function entry(value: string | QuickBlob, filename?: string): Entry {
  if (!(value instanceof QuickBlob)) {
    return textOf(value);
  }
  if (value instanceof QuickFile && filename === undefined) {
    return value;
  }
  return new QuickFile([value], filename ?? "blob", { type: value.type });
}

const escaped = (text: string): string => text.replace(/[\r\n"]/g, encodeURIComponent);

/** A form as the bytes of a request, with the media type that says how to read them. */
export function writeForm(form: QuickFormData): { bytes: Uint8Array; type: string } {
  const boundary = `----moot${Array.from({ length: 3 }, () => Math.random().toString(36).slice(2)).join("")}`;
  const encoder = new TextEncoder();
  const parts: Uint8Array[] = [];
  for (const [name, value] of form) {
    const head = `--${boundary}\r\ncontent-disposition: form-data; name="${escaped(name)}"`;
    if (typeof value === "string") {
      parts.push(encoder.encode(`${head}\r\n\r\n${value}\r\n`));
    } else {
      const type = value.type === "" ? "application/octet-stream" : value.type;
      const file = `${head}; filename="${escaped(value.name)}"\r\ncontent-type: ${type}\r\n\r\n`;
      parts.push(encoder.encode(file), value.held, encoder.encode("\r\n"));
    }
  }
  parts.push(encoder.encode(`--${boundary}--\r\n`));
  return { bytes: concat(parts), type: `multipart/form-data; boundary=${boundary}` };
}

/** The form that bytes are, by their media type. */
export function readForm(bytes: Uint8Array, type: string): QuickFormData {
  const [essence = ""] = type.split(";");
  const form = new QuickFormData();
  switch (essence.trim().toLowerCase()) {
    case "application/x-www-form-urlencoded":
      for (const [name, value] of new URLSearchParams(new TextDecoder().decode(bytes))) {
        form.append(name, value);
      }
      return form;
    case "multipart/form-data": {
      const boundary = parameter(type, "boundary");
      if (boundary === null) {
        throw new TypeError("the body is multipart/form-data, and its content-type names no boundary");
      }
      readParts(bytes, boundary, form);
      return form;
    }
    default:
      throw new TypeError(`a form is urlencoded or multipart, and the body is ${JSON.stringify(type)}`);
  }
}

/** A parameter of a header's value, quoted or not. */
function parameter(value: string, name: string): string | null {
  const found = new RegExp(`;\\s*${name}=(?:"([^"]*)"|([^;\\s]+))`, "i").exec(value);
  return found?.[1] ?? found?.[2] ?? null;
}

function readParts(bytes: Uint8Array, boundary: string, form: QuickFormData): void {
  // A character for each byte, so that they can be searched.
  const text = latin1(bytes);
  const line = `--${boundary}`;
  const broken = new TypeError("the body is no multipart/form-data: a part or its end is missing");
  let at = text.startsWith(line) ? line.length : -1;
  while (at !== -1 && !text.startsWith("--", at)) {
    const head = text.indexOf("\r\n\r\n", at);
    const end = text.indexOf(`\r\n${line}`, at);
    if (head === -1 || end === -1 || head > end) {
      throw broken;
    }
    readPart(new TextDecoder().decode(bytes.subarray(at, head)), bytes.subarray(head + 4, end), form);
    at = end + 2 + line.length;
  }
  if (at === -1) {
    throw broken;
  }
}

function readPart(head: string, content: Uint8Array, form: QuickFormData): void {
  const headers = new Map(
    head.split("\r\n").flatMap((line): [string, string][] => {
      const colon = line.indexOf(":");
      return colon === -1 ? [] : [[line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()]];
    }),
  );
  const disposition = headers.get("content-disposition") ?? "";
  const name = parameter(disposition, "name");
  if (name === null) {
    throw new TypeError("the body is no multipart/form-data: a part has no name");
  }
  const filename = parameter(disposition, "filename");
  if (filename === null) {
    form.append(plain(name), new TextDecoder().decode(content));
  } else {
    const type = headers.get("content-type") ?? "text/plain";
    form.append(plain(name), new QuickFile([content], plain(filename), { type }));
  }
}

const plain = (text: string): string => text.replace(/%0D|%0A|%22/g, decodeURIComponent);
