/**
 * Functions in JavaScript: what a guest is written with. `moot build` bundles it in; it runs nowhere else.
 *
 * An event function's module exports `defineFunction(...)` as its default, an HTTP function's `{ fetch(request) }`.
 */

export { context } from "./guest/context.js";
export { ComponentError, Failure, type FailureKind } from "./guest/errors.js";
export {
  defineFunction,
  type Answer,
  type Event,
  type EventFunction,
  type EventHandler,
} from "./guest/event.js";
export { environment } from "./guest/environment.js";
export type { ExecutionContext, HttpFunction } from "./guest/http.js";
export { openStore, type Store } from "./guest/keyvalue.js";
export { log, type Level } from "./guest/log.js";
