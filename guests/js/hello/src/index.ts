/** Greets whoever the payload names: an event function. */

import { context, defineFunction, environment, Failure, log } from "@folkmoot/sdk/guest";

/** A greeting longer than this is not meant for a person. */
const MAX_NAME_BYTES = 256;

export default defineFunction((event) => {
  const name = trim(event.text("the payload must be a name in UTF-8")) || "world";
  const bytes = new TextEncoder().encode(name).length;
  if (bytes > MAX_NAME_BYTES) {
    throw Failure.invalid(`the name has ${String(bytes)} bytes; at most ${String(MAX_NAME_BYTES)} are greeted`);
  }
  log.info(`call ${context.callId} greets ${name}`, "hello");
  return `${environment.get("GREETING") ?? "hello"}, ${name}\n`;
});

/** What Unicode calls white space, as the same function in other languages has it; `trim()` has a list of its own. */
function trim(text: string): string {
  return text.replace(/^\p{White_Space}+|\p{White_Space}+$/gu, "");
}
