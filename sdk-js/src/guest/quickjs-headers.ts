/** `Headers` as the Fetch Standard has them: names in small letters, several values of one name joined by commas. */

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Bytes that no value may have, and whatever is no byte. */
const NOT_IN_VALUES = /[\0\r\n]|[^\0-\xff]/;

/** Values in which nothing has to be changed or refused. */
const USUAL = /^[!-~](?:[ -~]*[!-~])?$/;

/** Names that were checked, and as they are kept: a function has few of them, and its warm-up may leave them here. */
const names = new Map<string, string>();
const MAX_NAMES = 256;

function checkedName(name: string): string {
  const known = names.get(name);
  if (known !== undefined) {
    return known;
  }
  if (!NAME.test(name)) {
    throw new TypeError(`${JSON.stringify(name)} is no header's name`);
  }
  const kept = name.toLowerCase();
  if (names.size < MAX_NAMES) {
    names.set(name, kept);
  }
  return kept;
}

function checkedValue(name: string, value: unknown): string {
  const given = String(value);
  if (USUAL.test(given)) {
    return given;
  }
  const text = given.replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, "");
  if (NOT_IN_VALUES.test(text)) {
    throw new TypeError(`the header ${name} has a line break or a character beyond Latin-1 in its value`);
  }
  return text;
}

export type HeadersSource = QuickHeaders | Iterable<readonly [string, string]> | Record<string, string>;

export class QuickHeaders {
  /** In the order in which they came. */
  #fields: (readonly [string, string])[] = [];

  constructor(from: HeadersSource = []) {
    if (from instanceof QuickHeaders) {
      this.#fields = [...from.#fields];
      return;
    }
    const entries =
      Symbol.iterator in from ? (from as Iterable<readonly [string, string]>) : Object.entries(from);
    for (const [name, value] of entries) {
      this.append(name, value);
    }
  }

  append(name: string, value: string): void {
    const key = checkedName(name);
    this.#fields.push([key, checkedValue(key, value)]);
  }
  set(name: string, value: string): void {
    const key = checkedName(name);
    const text = checkedValue(key, value);
    if (this.#has(key)) {
      this.#drop(key);
    }
    this.#fields.push([key, text]);
  }
  delete(name: string): void {
    this.#drop(checkedName(name));
  }
  has(name: string): boolean {
    return this.#has(checkedName(name));
  }
  get(name: string): string | null {
    const values = this.#valuesOf(checkedName(name));
    return values.length === 0 ? null : values.join(", ");
  }
  /** Says what the body is, where nobody has. */
  describe(type: string | null): void {
    if (type !== null && !this.#has("content-type")) {
      this.#fields.push(["content-type", type]);
    }
  }
  getSetCookie(): string[] {
    return this.#valuesOf("set-cookie");
  }
  forEach(visit: (value: string, name: string, all: QuickHeaders) => void): void {
    for (const [name, value] of this) {
      visit(value, name, this);
    }
  }
  keys(): IterableIterator<string> {
    return this.#sorted()
      .map(([name]) => name)
      .values();
  }
  values(): IterableIterator<string> {
    return this.#sorted()
      .map(([, value]) => value)
      .values();
  }
  entries(): IterableIterator<[string, string]> {
    return this.#sorted().values();
  }
  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }

  // Loops over numbers, which cost this engine less than functions and iterators.

  #has(key: string): boolean {
    const fields = this.#fields;
    // eslint-disable-next-line @typescript-eslint/prefer-for-of
    for (let at = 0; at < fields.length; at += 1) {
      if (fields[at]?.[0] === key) {
        return true;
      }
    }
    return false;
  }

  #drop(key: string): void {
    this.#fields = this.#fields.filter(([other]) => other !== key);
  }

  #valuesOf(key: string): string[] {
    const fields = this.#fields;
    const values: string[] = [];
    // eslint-disable-next-line @typescript-eslint/prefer-for-of
    for (let at = 0; at < fields.length; at += 1) {
      const field = fields[at];
      if (field?.[0] === key) {
        values.push(field[1]);
      }
    }
    return values;
  }

  /** Those that the host has checked: their names are in small letters. */
  static given(fields: (readonly [string, string])[]): QuickHeaders {
    const headers = new QuickHeaders();
    headers.#fields = fields;
    return headers;
  }

  /** As they came, for the wire. */
  get fields(): readonly (readonly [string, string])[] {
    return this.#fields;
  }

  /** By name; cookies are not joined, since they have commas of their own. */
  #sorted(): [string, string][] {
    const names = [...new Set(this.#fields.map(([name]) => name))].sort();
    return names.flatMap((name): [string, string][] => {
      const values = this.#valuesOf(name);
      return name === "set-cookie" ? values.map((value) => [name, value]) : [[name, values.join(", ")]];
    });
  }
}
