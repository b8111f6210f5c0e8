/** Typed exports of every shape: records, variants, enums, flags, options, results, lists, tuples, byte lists. */

import { ComponentError } from "@folkmoot/sdk/guest";

/** `fibonacci` is exponential: 40 takes seconds. */
const MAX_FIBONACCI = 40;
const MAX_U64 = 2n ** 64n - 1n;

export function add(a: number, b: number): number {
  return (a + b) >>> 0;
}

export function fibonacci(n: number): bigint {
  const slow = (k: number): number => (k < 2 ? k : slow(k - 1) + slow(k - 2));
  if (n > MAX_FIBONACCI) {
    throw new ComponentError(`n is ${String(n)}; at most ${String(MAX_FIBONACCI)} is computed`);
  }
  return BigInt(slow(n));
}

export function sum(numbers: Iterable<bigint>): bigint {
  let total = 0n;
  for (const number of numbers) {
    total += number;
    if (total > MAX_U64) {
      throw new RangeError("the sum does not fit 64 bits");
    }
  }
  return total;
}

export function reverse(data: Uint8Array): Uint8Array {
  return data.toReversed();
}

export function mask(data: Uint8Array, key: number): Uint8Array {
  if (key === 0) {
    throw new ComponentError("the key 0 masks nothing");
  }
  return data.map((byte) => byte ^ key);
}

export function uppercase(text: Uint8Array): Uint8Array {
  let read: string;
  try {
    read = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(text);
  } catch {
    throw new ComponentError(whyNotUtf8(text));
  }
  return new TextEncoder().encode(read.toUpperCase());
}

/** Where bytes stop being UTF-8, in the words of the same function in Rust. */
function whyNotUtf8(bytes: Uint8Array): string {
  let valid = bytes.length;
  const decodes = (end: number): boolean => {
    try {
      new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(0, end));
      return true;
    } catch {
      return false;
    }
  };
  while (!decodes(valid)) {
    valid -= 1;
  }
  const wrong = wrongLength(bytes.subarray(valid));
  return wrong === null
    ? `incomplete utf-8 byte sequence from index ${String(valid)}`
    : `invalid utf-8 sequence of ${String(wrong)} bytes from index ${String(valid)}`;
}

/** How many bytes make up the first wrong sequence; null when it only lacks its end. */
function wrongLength(bytes: Uint8Array): number | null {
  const [first = 0] = bytes;
  const want = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) {
    return 1;
  }
  for (let at = 1; at < want; at += 1) {
    const byte = bytes[at];
    if (byte === undefined) {
      return null;
    }
    const low = at > 1 ? 0x80 : first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const high = at > 1 ? 0xbf : first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    if (byte < low || byte > high) {
      return at;
    }
  }
  return 1;
}

export function nothing(): void {
  // Takes nothing, returns nothing.
}

type Operation = "add" | "subtract" | "multiply" | "divide";
type ArithmeticError = { tag: "division-by-zero" } | { tag: "overflow"; val: string };

const fail = (error: ArithmeticError): ComponentError => new ComponentError(error);

export const arithmetic = {
  evaluate(operation: Operation, first: bigint, second: bigint): bigint {
    // StarlingMonkey hands a negative s64 over as the u64 with the same bits.
    const [a, b] = [BigInt.asIntN(64, first), BigInt.asIntN(64, second)];
    if (operation === "divide" && b === 0n) {
      throw fail({ tag: "division-by-zero" });
    }
    const [result, sign] = {
      add: () => [a + b, "+"] as const,
      subtract: () => [a - b, "-"] as const,
      multiply: () => [a * b, "*"] as const,
      divide: () => [a / b, "/"] as const,
    }[operation]();
    if (BigInt.asIntN(64, result) !== result) {
      throw fail({ tag: "overflow", val: `${String(a)} ${sign} ${String(b)}` });
    }
    return result;
  },

  divide(a: bigint, b: bigint): [bigint, bigint] {
    if (b === 0n) {
      throw fail({ tag: "division-by-zero" });
    }
    return [a / b, a % b];
  },

  mean(numbers: ArrayLike<number>): number | undefined {
    const all = Array.from(numbers);
    return all.length === 0 ? undefined : all.reduce((total, number) => total + number, 0) / all.length;
  },
};

type Discount =
  | { tag: "nothing" }
  | { tag: "amount"; val: bigint }
  | { tag: "percent"; val: number }
  | { tag: "bundle"; val: [number, number] };

interface Item {
  name: string;
  price: number;
  quantity: number;
  discount: Discount;
}

interface Order {
  items: Item[];
  extras: { giftWrap?: boolean; express?: boolean; insured?: boolean };
  note?: string;
}

interface Line {
  name: string;
  cents: bigint;
}

export const orders = {
  total(order: Order): { lines: Line[]; extras: bigint; total: bigint; initials: string[] } {
    const lines = order.items.map((item) => ({ name: item.name, cents: cents(item) }));
    const { giftWrap, express, insured } = order.extras;
    const extras = (giftWrap ? 250n : 0n) + (express ? 990n : 0n) + (insured ? 120n : 0n);
    const total = lines.reduce((sum, line) => sum + line.cents, extras);
    if (total > MAX_U64) {
      throw fail({ tag: "overflow", val: "the total" });
    }
    const initials = order.items.flatMap((item) => Array.from(item.name).slice(0, 1));
    return { lines, extras, total, initials };
  },
};

function cents({ price, quantity, discount }: Item): bigint {
  const full = BigInt(price) * BigInt(quantity);
  switch (discount.tag) {
    case "nothing":
      return full;
    case "amount":
      return full > discount.val ? full - discount.val : 0n;
    case "percent":
      return full - (full / 100n) * BigInt(Math.min(discount.val, 100));
    case "bundle": {
      const [buy, pay] = discount.val;
      if (buy === 0) {
        throw fail({ tag: "division-by-zero" });
      }
      const paid = Math.floor(quantity / buy) * Math.min(pay, buy) + (quantity % buy);
      return BigInt(price) * BigInt(paid);
    }
  }
}
