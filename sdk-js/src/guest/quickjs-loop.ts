/**
 * What a function in QuickJS waits for: promises, whose jobs are run, and what the host has not done yet, which is polled
 * when no job is left.
 *
 *     handler ──► promise ──► jobs ──► none left, not settled ──► poll until something is ready ──► jobs ──► ...
 *                               └──► settled: its value, or its reason is thrown
 */

import * as clock from "wasi:clocks/monotonic-clock";
import * as io from "wasi:io/poll";
import type { Pollable } from "wasi:io/poll";
import { report } from "./errors.js";
import { runJobs, takeUnheeded } from "./quickjs-promise.js";
import { fire, nextTimer } from "./quickjs-timers.js";

interface Wait {
  pollable: Pollable;
  ready: () => void;
}

let waits: Wait[] = [];

/** Calls `ready` once the host says that `pollable` is, which is then let go of. */
export function wait(pollable: Pollable, ready: () => void): void {
  waits.push({ pollable, ready });
}

/** Resolved once the host says that `pollable` is ready. */
export async function whenReady(pollable: Pollable): Promise<void> {
  return new Promise((resolve) => {
    wait(pollable, resolve);
  });
}

/** Lets go of what the host holds: its table has a bound. Whatever is left goes with the instance, after the call. */
export function release(resource: object): void {
  (resource as Disposable)[Symbol.dispose]();
}

/** Waits for the host; false when there is nothing to wait for. */
function poll(): boolean {
  const timer = nextTimer();
  if (timer === undefined && waits.length === 0) {
    return false;
  }
  const asked = waits;
  const pollables = asked.map(({ pollable }) => pollable);
  const alarm = timer === undefined ? null : clock.subscribeInstant(timer.due);
  const ready = new Set(io.poll(alarm === null ? pollables : [...pollables, alarm]));
  waits = asked.filter((_, index) => !ready.has(index));
  for (const { pollable, ready: resume } of asked.filter((_, index) => ready.has(index))) {
    release(pollable);
    resume();
  }
  if (timer !== undefined && alarm !== null) {
    release(alarm);
    if (ready.has(asked.length)) {
      fire(timer);
    }
  }
  return true;
}

/** Runs what is left to do without the host, and writes to the log what was rejected and nobody waits for. */
export function goOn(): void {
  runJobs();
  for (const reason of takeUnheeded()) {
    report(new Error("a promise was rejected, and nobody waits for it", { cause: reason }));
  }
}

/**
 * Waits until `promise` is settled; `who` is who waits, for people.
 *
 * @throws its reason, when it is rejected; an error when nothing is left that could settle it.
 */
export function settled<T>(promise: Promise<T>, who: string | (() => string)): T {
  const seen: { outcome?: { value: T } | { reason: unknown } } = {};
  promise.then(
    (value) => {
      seen.outcome = { value };
    },
    (reason: unknown) => {
      seen.outcome = { reason };
    },
  );
  runJobs();
  while (seen.outcome === undefined && poll()) {
    runJobs();
  }
  goOn();
  if (seen.outcome === undefined) {
    throw new Error(
      `${typeof who === "string" ? who : who()} waits for something that will never come: no job, timer or request is left that could settle its promise`,
    );
  }
  if ("reason" in seen.outcome) {
    throw seen.outcome.reason;
  }
  return seen.outcome.value;
}
