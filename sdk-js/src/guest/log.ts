/** The function's log: `moot logs` shows it. It is never part of the answer. */

import * as logging from "wasi:logging/logging";
import { context } from "./context.js";

/** How much a line matters. */
export type Level = "trace" | "debug" | "info" | "warn" | "error" | "critical";

/** Writes one message under a name of the writer's choice. */
export function write(level: Level, name: string, message: string): void {
  logging.log(level, name, message);
}

function at(level: Level): (message: string, name?: string) => void {
  return (message, name = context.function) => {
    write(level, name, message);
  };
}

/** Writes a message; its name is the function's own when none is given. */
export const log = {
  trace: at("trace"),
  debug: at("debug"),
  info: at("info"),
  warn: at("warn"),
  error: at("error"),
  critical: at("critical"),
} as const;
