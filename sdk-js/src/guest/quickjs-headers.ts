/** `Headers` as the Fetch Standard has them: names in small letters, several values of one name joined by commas. */

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Bytes that no value may have, and whatever is no byte. */
const NOT_IN_VALUES = /[\0\r\n]|[^\0-\xff]/;

function checkedName(name: string): string {
  if (!NAME.test(name)) {
    throw new TypeError(`${JSON.stringify(name)} is no header's name`);
  }
  return name.toLowerCase();
}

function checkedValue(name: string, value: unknown): string {
  const text = String(value).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, "");
  if (NOT_IN_VALUES.test(text)) {
    throw new TypeError(`the header ${name} has a line break or a character beyond Latin-1 in its value`);
  }
  return text;
}

export type HeadersSource = Iterable<readonly [string, string]> | Record<string, string>;

export class QuickHeaders {
  /** In the order in which they came. */
  #fields: (readonly [string, string])[] = [];

  constructor(from: HeadersSource = []) {
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
    this.delete(key);
    this.#fields.push([key, text]);
  }
  delete(name: string): void {
    const key = checkedName(name);
    this.#fields = this.#fields.filter(([other]) => other !== key);
  }
  has(name: string): boolean {
    const key = checkedName(name);
    return this.#fields.some(([other]) => other === key);
  }
  get(name: string): string | null {
    const values = this.#valuesOf(checkedName(name));
    return values.length === 0 ? null : values.join(", ");
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

  #valuesOf(key: string): string[] {
    return this.#fields.filter(([name]) => name === key).map(([, value]) => value);
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
