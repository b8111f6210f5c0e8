/**
 * Promises, timers and waiting for functions in QuickJS that use them: the engine itself goes on with no promise once an
 * export has returned.
 */

import { waitWith } from "./engine.js";
import { putIntoGlobals } from "./quickjs-globals.js";
import { settled } from "./quickjs-loop.js";
import { QuickPromise, spawn } from "./quickjs-promise.js";
import { clearTimer, queueMicrotask, setInterval, setTimeout } from "./quickjs-timers.js";

const NO_FETCH = 'no request is granted: `http = ["https://host:443"]` below grants in moot.toml grants some';

putIntoGlobals({
  Promise: QuickPromise,
  queueMicrotask,
  // What calls async functions, as `moot build` writes them.
  __moot_spawn: spawn,
  setTimeout,
  setInterval,
  clearTimeout: clearTimer,
  clearInterval: clearTimer,
  fetch: async () => Promise.reject(new TypeError(NO_FETCH)),
});

// These make promises of the engine's own: better to be missed than to be waited for.
Reflect.deleteProperty(globalThis, "AsyncDisposableStack");
Reflect.deleteProperty(Array, "fromAsync");
waitWith(settled);
