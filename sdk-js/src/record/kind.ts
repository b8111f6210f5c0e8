/** What one kind of transaction is in bytes: its number, how many fields it has, and what they must be. */

import type { Reader, Writer } from "./cbor.js";

/** The codec of a kind of transaction. */
export interface Kind<T> {
  /** What stands for it. */
  readonly number: number;
  /** How many fields it has in its array, after the entry's kind; its number is the first. */
  readonly fields: number;
  /** Appends what follows the number. */
  write(out: Writer, said: T): void;
  /** Reads what follows the number. */
  read(r: Reader): T;
  /** Checks what the types alone cannot. */
  check(said: T): void;
}

/** The check of a kind whose types say all that there is to say. */
export function unchecked(): void {
  // Every value of these types is good.
}
