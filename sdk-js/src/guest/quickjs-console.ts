/** `console` over the function's log. */

import { describe } from "./errors.js";
import { write, type Level } from "./log.js";

function at(level: Level): (...values: unknown[]) => void {
  return (...values) => {
    write(
      level,
      "console",
      values.map((value) => (typeof value === "string" ? value : describe(value))).join(" "),
    );
  };
}

export const consoleOfLog = {
  debug: at("debug"),
  log: at("info"),
  info: at("info"),
  warn: at("warn"),
  error: at("error"),
  trace: at("trace"),
} as const;
