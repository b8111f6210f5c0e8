/**
 * Counts how often each name was said. The numbers live in the key-value store `default`; the function itself
 * remembers nothing.
 *
 * Payload: a name. Answer: its count as decimal text. `?name` reads without counting, `-name` forgets.
 */

import { defineFunction, Failure, openStore, type Store } from "@folkmoot/sdk/guest";

export default defineFunction((event) => {
  const read = event.text("the payload must be a name in UTF-8");
  const store = openStore("default");
  const text = read.replace(/^\p{White_Space}+|\p{White_Space}+$/gu, "");
  if (text === "") {
    throw Failure.invalid("the payload must name what to count");
  }
  if (text.startsWith("?")) {
    return String(count(store, text.slice(1)));
  }
  if (text.startsWith("-")) {
    store.delete(text.slice(1));
    return "0";
  }
  return String(store.increment(text));
});

function count(store: Store, name: string): bigint {
  const bytes = store.get(name);
  if (bytes === null) {
    return 0n;
  }
  const text = new TextDecoder().decode(bytes);
  if (!/^\+?[0-9]+$/.test(text)) {
    throw Failure.internal(`the store holds something else than a number under ${JSON.stringify(name)}`);
  }
  return BigInt(text);
}
