/** `console` with errors as the log has them: in the project's own lines. Frameworks write what they catch there. */

import { describe } from "./errors.js";

/** Puts errors through `describe` before the engine's own `console` writes them. */
export function readableErrors(): void {
  const own = (globalThis as unknown as { console: Record<string, (...values: unknown[]) => void> }).console;
  for (const method of ["debug", "log", "info", "warn", "error"]) {
    const write = own[method]?.bind(own);
    own[method] = (...values) =>
      write?.(...values.map((value) => (value instanceof Error ? describe(value) : value)));
  }
}
