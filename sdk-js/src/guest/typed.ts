/**
 * Functions of kind `typed`: each export of the module is one of the world's.
 *
 * The engine turns values into WIT's and back. Between it and the guest stands only what an error becomes: a
 * `ComponentError` is the `err` of a result, a value that is no error likewise, and any other error ends the call.
 */

import { waited } from "./engine.js";
import { ComponentError, report, UNEXPECTED } from "./errors.js";

type Callable = (...words: unknown[]) => unknown;

/** An export of the world: a function, or an interface of functions. */
export function guard(exported: unknown): unknown {
  if (typeof exported === "function") {
    return guardFunction(exported as Callable);
  }
  if (typeof exported !== "object" || exported === null) {
    return exported;
  }
  const members = Object.entries(exported).map(([name, member]) => [name, guard(member)] as const);
  return Object.fromEntries(members);
}

function guardFunction(inner: Callable): Callable {
  // A class is a resource: the engine makes its instances.
  if (/^class\b/.test(Function.prototype.toString.call(inner))) {
    return inner;
  }
  return (...words) => {
    try {
      const result = inner(...words);
      if (!(result instanceof Promise)) {
        return result;
      }
      const later: unknown = waited(
        result,
        inner.name === "" ? "the function" : `the function ${inner.name}`,
      );
      return later instanceof Promise ? later.catch(refuse) : later;
    } catch (error) {
      return refuse(error);
    }
  };
}

function refuse(error: unknown): never {
  if (error instanceof ComponentError) {
    throw error.payload;
  }
  if (!(error instanceof Error)) {
    throw error;
  }
  report(error);
  // No type of WIT takes a symbol: the call ends here, even where an `err` may be any text.
  // eslint-disable-next-line @typescript-eslint/only-throw-error -- see above
  throw Symbol(UNEXPECTED);
}
