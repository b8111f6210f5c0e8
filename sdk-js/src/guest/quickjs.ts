/**
 * What QuickJS lacks of the web's globals, as far as functions that answer events want it. Imported before anything else
 * when `engine = "quickjs"`.
 *
 * What waits is `quickjs-waiting.ts`, what speaks HTTP `quickjs-web.ts`, and `fetch` is `quickjs-fetch.ts`. Only functions
 * that use them have them, since each of them holds more memory.
 */

import { consoleOfLog } from "./quickjs-console.js";
import { putIntoGlobals } from "./quickjs-globals.js";
import { QuickTextDecoder, QuickTextEncoder } from "./quickjs-text.js";
import { QuickUrl, QuickUrlSearchParams } from "./quickjs-url.js";

const lacking: Record<string, unknown> = {
  TextEncoder: QuickTextEncoder,
  TextDecoder: QuickTextDecoder,
  URL: QuickUrl,
  URLSearchParams: QuickUrlSearchParams,
  console: consoleOfLog,
};

// A later engine may have its own, and then that one is the better.
putIntoGlobals(Object.fromEntries(Object.entries(lacking).filter(([name]) => !(name in globalThis))));
