/**
 * What QuickJS lacks of the web's globals, as far as functions that answer events want it. Imported before anything else
 * when `engine = "quickjs"`.
 *
 * There is no `fetch` and nothing that waits: the engine runs a function to its end and never a promise's next step.
 */

import { consoleOfLog } from "./quickjs-console.js";
import { QuickTextDecoder, QuickTextEncoder } from "./quickjs-text.js";
import { QuickUrl, QuickUrlSearchParams } from "./quickjs-url.js";

const lacking: Record<string, unknown> = {
  TextEncoder: QuickTextEncoder,
  TextDecoder: QuickTextDecoder,
  URL: QuickUrl,
  URLSearchParams: QuickUrlSearchParams,
  console: consoleOfLog,
};

for (const [name, value] of Object.entries(lacking)) {
  // A later engine may have its own, and then that one is the better.
  if (!(name in globalThis)) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
  }
}
