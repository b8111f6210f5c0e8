/**
 * `URL` and `URLSearchParams`, as the URL Standard has them for `http`, `https` and whatever has a path.
 *
 * Not there: names in other scripts than ASCII (they would have to be punycode already), other ways to write an IPv4
 * address, and setters but those of `search` and `hash`.
 */

import { wellFormed } from "./quickjs-bytes.js";

const DEFAULT_PORTS: Record<string, string> = { "http:": "80", "https:": "443", "ws:": "80", "wss:": "443" };
/** What most URLs are, in which nothing has to be changed; a path with dots at its labels' beginnings is not. */
const USUAL =
  /^(https?:)\/\/([a-z0-9.-]+)(?::([1-9][0-9]{0,4}))?(\/[\w\-.~!$&()*+,;=:@/]*)?(\?[\w\-.~!$&()*+,;=:@/?%]+)?$/;
const SCHEME = /^([a-z][a-z0-9+.-]*:)(.*)$/is;
const PATH_KEPT = /[^!$&'()*+,\-./0-9:;=@A-Z[\]_a-z~%|\\^]/gu;
const QUERY_KEPT = /[^!$%&()*+,\-./0-9:;=?@A-Z[\]_a-z~|\\^`{}]/gu;
const HASH_KEPT = /[^!#$%&'()*+,\-./0-9:;=?@A-Z[\]_a-z~|\\^{}]/gu;

function escape(text: string, pattern: RegExp): string {
  return text.replace(pattern, (character) =>
    Array.from(
      new TextEncoder().encode(character),
      (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`,
    ).join(""),
  );
}

/** Percent-decoded; what is not UTF-8 becomes the replacement character. */
function unescape(text: string): string {
  if (!text.includes("%")) {
    return wellFormed(text);
  }
  const bytes: number[] = [];
  const raw = new TextEncoder().encode(text);
  for (let at = 0; at < raw.length; at += 1) {
    const digits = raw[at] === 0x25 ? String.fromCharCode(raw[at + 1] ?? 0, raw[at + 2] ?? 0) : "";
    if (/^[0-9a-f]{2}$/i.test(digits)) {
      bytes.push(parseInt(digits, 16));
      at += 2;
    } else {
      bytes.push(raw[at] ?? 0);
    }
  }
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
}

export class QuickUrlSearchParams {
  #pairs: [string, string][] = [];
  #changed: (text: string) => void = () => undefined;

  constructor(from: string | Iterable<[string, string]> | Record<string, string> = "") {
    if (typeof from === "string") {
      this.#pairs = parsePairs(from);
    } else if (Symbol.iterator in from) {
      this.#pairs = Array.from(from, ([key, value]) => [key, value]);
    } else {
      this.#pairs = Object.entries(from);
    }
  }

  /** The parameters of a URL: what changes them changes it. */
  static of(query: string, changed: (text: string) => void): QuickUrlSearchParams {
    const parameters = new QuickUrlSearchParams(query);
    parameters.#changed = changed;
    return parameters;
  }

  get size(): number {
    return this.#pairs.length;
  }
  get(name: string): string | null {
    return this.#pairs.find(([key]) => key === name)?.[1] ?? null;
  }
  getAll(name: string): string[] {
    return this.#pairs.filter(([key]) => key === name).map(([, value]) => value);
  }
  has(name: string, value?: string): boolean {
    return this.#pairs.some(([key, held]) => key === name && (value === undefined || held === value));
  }
  append(name: string, value: string): void {
    this.#replace([...this.#pairs, [name, value]]);
  }
  set(name: string, value: string): void {
    const at = this.#pairs.findIndex(([key]) => key === name);
    const others = this.#pairs.filter(([key], index) => key !== name || index === at);
    const replaced = others.map(([key, held]): [string, string] => [key, key === name ? value : held]);
    this.#replace(at === -1 ? [...others, [name, value]] : replaced);
  }
  delete(name: string, value?: string): void {
    this.#replace(
      this.#pairs.filter(([key, held]) => key !== name || (value !== undefined && held !== value)),
    );
  }
  sort(): void {
    this.#replace(this.#pairs.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  }
  forEach(visit: (value: string, name: string, all: QuickUrlSearchParams) => void): void {
    for (const [name, value] of this.#pairs) {
      visit(value, name, this);
    }
  }
  keys(): IterableIterator<string> {
    return this.#pairs.map(([key]) => key).values();
  }
  values(): IterableIterator<string> {
    return this.#pairs.map(([, value]) => value).values();
  }
  entries(): IterableIterator<[string, string]> {
    return this.#pairs.values();
  }
  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }
  toString(): string {
    const form = (text: string): string => escape(text, /[^*\-.0-9A-Z_a-z ]/gu).replaceAll(" ", "+");
    return this.#pairs.map(([name, value]) => `${form(name)}=${form(value)}`).join("&");
  }

  #replace(pairs: [string, string][]): void {
    this.#pairs = pairs;
    this.#changed(this.toString());
  }
}

function parsePairs(text: string): [string, string][] {
  const parts = text.replace(/^\?/, "").split("&");
  return parts
    .filter((part) => part !== "")
    .map((part) => {
      const at = part.indexOf("=");
      const [name, value] = at === -1 ? [part, ""] : [part.slice(0, at), part.slice(at + 1)];
      return [unescape(name.replaceAll("+", " ")), unescape(value.replaceAll("+", " "))];
    });
}

export class QuickUrl {
  declare readonly protocol: string;
  declare readonly username: string;
  declare readonly password: string;
  declare readonly hostname: string;
  declare readonly port: string;
  declare readonly pathname: string;
  #search: string;
  #hash = "";
  /** Parsed when they are first asked for. */
  #parameters: QuickUrlSearchParams | null = null;
  /** Whether an authority was written: `file:///x` has an empty one, `mailto:x` none. */
  readonly #authority: boolean;

  constructor(text: string | QuickUrl, base?: string | QuickUrl) {
    this.username = "";
    this.password = "";
    this.hostname = "";
    this.port = "";
    const given = String(text);
    const usual = USUAL.exec(given);
    if (usual !== null && !given.includes("/.") && Number(usual[3] ?? 0) <= 0xffff) {
      const [, protocol = "", hostname = "", port = "", pathname = "/", search = ""] = usual;
      this.protocol = protocol;
      this.hostname = hostname;
      this.port = port === DEFAULT_PORTS[protocol] ? "" : port;
      this.pathname = pathname;
      this.#search = search;
      this.#authority = true;
      return;
    }
    const plain = given.trim().replace(/[\t\n\r]/g, "");
    const [, scheme, rest] =
      SCHEME.exec(plain) ?? SCHEME.exec(base === undefined ? "" : resolve(plain, new QuickUrl(base))) ?? [];
    if (scheme === undefined || rest === undefined) {
      throw new TypeError(`Invalid URL: ${plain}`);
    }
    this.protocol = scheme.toLowerCase();
    const special = this.protocol in DEFAULT_PORTS;
    const [beforeHash = "", ...hash] = rest.split("#");
    const [beforeQuery = "", ...query] = beforeHash.split("?");
    const path = special ? beforeQuery.replaceAll("\\", "/").replace(/^\/*/, "//") : beforeQuery;
    this.#authority = path.startsWith("//");
    let pathname = path;
    if (this.#authority) {
      const end = path.indexOf("/", 2);
      const authority = path.slice(2, end === -1 ? undefined : end);
      pathname = end === -1 ? (special ? "/" : "") : path.slice(end);
      const parts = /^(?:([^:@]*)(?::([^@]*))?@)?(\[[0-9a-f:.]+\]|[^:@[\]]*)(?::([0-9]*))?$/i.exec(authority);
      const [, user = "", password = "", host = "", port = ""] = parts ?? [];
      const name = unescape(host).toLowerCase();
      const wrong = special && !/^(\[[0-9a-f:.]+\]|[a-z0-9._~!$&'()*+,;=-]+)$/.test(name);
      if (parts === null || wrong || Number(port) > 0xffff) {
        throw new TypeError(`Invalid URL: ${plain}`);
      }
      this.username = user;
      this.password = password;
      this.hostname = name;
      const number = port === "" ? "" : String(Number(port));
      this.port = number === DEFAULT_PORTS[this.protocol] ? "" : number;
    }
    this.pathname = escape(this.#authority ? normal(pathname) : pathname, PATH_KEPT);
    this.#search = query.length === 0 ? "" : mark("?", escape(query.join("?"), QUERY_KEPT));
    this.#hash = hash.length === 0 ? "" : mark("#", escape(hash.join("#"), HASH_KEPT));
  }

  static canParse(text: string, base?: string): boolean {
    return QuickUrl.parse(text, base) !== null;
  }

  static parse(text: string, base?: string): QuickUrl | null {
    try {
      return new QuickUrl(text, base);
    } catch {
      return null;
    }
  }

  get searchParams(): QuickUrlSearchParams {
    this.#parameters ??= QuickUrlSearchParams.of(this.#search, (changed) => {
      this.#search = mark("?", changed);
    });
    return this.#parameters;
  }
  get search(): string {
    return this.#search;
  }
  set search(text: string) {
    const query = escape(text.replace(/^\?/, ""), QUERY_KEPT);
    for (const name of [...this.searchParams.keys()]) {
      this.searchParams.delete(name);
    }
    for (const [name, value] of parsePairs(query)) {
      this.searchParams.append(name, value);
    }
    this.#search = mark("?", query);
  }
  get hash(): string {
    return this.#hash;
  }
  set hash(text: string) {
    this.#hash = mark("#", escape(text.replace(/^#/, ""), HASH_KEPT));
  }
  get host(): string {
    return this.port === "" ? this.hostname : `${this.hostname}:${this.port}`;
  }
  get origin(): string {
    return this.protocol in DEFAULT_PORTS ? `${this.protocol}//${this.host}` : "null";
  }
  get href(): string {
    const password = this.password === "" ? "" : `:${this.password}`;
    const user = this.username === "" && password === "" ? "" : `${this.username}${password}@`;
    const authority = this.#authority ? `//${user}${this.host}` : "";
    return `${this.protocol}${authority}${this.pathname}${this.#search}${this.#hash}`;
  }
  toString(): string {
    return this.href;
  }
  toJSON(): string {
    return this.href;
  }
}

const mark = (sign: string, text: string): string => (text === "" ? "" : sign + text);

/** A path without `.` and `..`. */
function normal(path: string): string {
  const labels: string[] = [];
  const parts = path.split("/");
  for (const [index, part] of parts.entries()) {
    const plain = part.replace(/%2e/gi, ".");
    const last = index === parts.length - 1;
    if (plain === "..") {
      if (labels.length > 1) {
        labels.pop();
      }
    } else if (plain !== ".") {
      labels.push(part);
    }
    if (last && (plain === "." || plain === "..")) {
      labels.push("");
    }
  }
  return labels.join("/");
}

/** A reference as a URL of its own. */
function resolve(reference: string, base: QuickUrl): string {
  const origin = base.href.slice(0, base.href.length - (base.pathname + base.search + base.hash).length);
  if (reference.startsWith("//")) {
    return base.protocol + reference;
  }
  if (reference.startsWith("/")) {
    return origin + reference;
  }
  if (reference.startsWith("?")) {
    return origin + base.pathname + reference;
  }
  if (reference === "" || reference.startsWith("#")) {
    return origin + base.pathname + base.search + reference;
  }
  return origin + base.pathname.replace(/[^/]*$/, "") + reference;
}
