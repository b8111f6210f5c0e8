// Functions with types: each export of `wit/world.wit` is called by its name, with JSON. 64-bit integers are bigints.

import { ComponentError } from "@folkmoot/sdk/guest";

export function add(a, b) {
  return (a + b) >>> 0;
}

export function divide(dividend, divisor) {
  if (divisor === 0n) {
    throw new ComponentError("the divisor is zero");
  }
  return { whole: dividend / divisor, remainder: dividend % divisor };
}

export function longest(words) {
  return words.toSorted((a, b) => b.length - a.length)[0];
}
