// Counts how often each name was said, in a key-value store: an instance remembers nothing, the store does.

import { defineFunction, Failure, openStore } from "@folkmoot/sdk/guest";

export default defineFunction((event) => {
  const name = event.text("the payload must be a name in UTF-8").trim();
  if (name === "") {
    throw Failure.invalid("the payload must be a name");
  }
  return `${openStore("default").increment(name)}\n`;
});
