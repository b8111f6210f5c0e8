// Answers an event: bytes in, bytes or a failure out.

import { defineFunction, log } from "@folkmoot/sdk/guest";

export default defineFunction((event) => {
  const name = event.text("the payload must be a name in UTF-8").trim() || "world";
  log.info(`greets ${name}`);
  return `hello, ${name}\n`;
});
