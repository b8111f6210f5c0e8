/**
 * `setTimeout` and its kin for QuickJS, and `queueMicrotask`.
 *
 * The host is asked for the next timer alone: where nothing outside could happen meanwhile its timers are over at once,
 * and only the order of their ends is left of them.
 */

import * as clock from "wasi:clocks/monotonic-clock";
import { report } from "./errors.js";
import { queueJob } from "./quickjs-promise.js";

export interface Timer {
  readonly id: number;
  /** When it is over, in nanoseconds of the monotonic clock. */
  readonly due: number;
  readonly work: () => void;
}

/** Those that are not over, the next one first. */
let timers: Timer[] = [];
let lastId = 0;

/** The timer that is over first; it stays. */
export function nextTimer(): Timer | undefined {
  return timers[0];
}

/** Does what the timer is for, once it is over. */
export function fire(timer: Timer): void {
  clearTimer(timer.id);
  timer.work();
}

function start(id: number, ms: number, work: () => void): void {
  // What is no number, or a negative one, is no time at all.
  const due = Number(clock.now()) + Math.round((ms > 0 ? ms : 0) * 1e6);
  const after = timers.findIndex((other) => other.due > due);
  timers.splice(after === -1 ? timers.length : after, 0, { id, due, work });
}

/** Work of the guest's own, whose errors have nowhere to go but to the log. */
function guarded(work: () => void): () => void {
  return () => {
    try {
      work();
    } catch (error) {
      report(error);
    }
  };
}

export function setTimeout<A extends unknown[]>(work: (...words: A) => void, ms = 0, ...words: A): number {
  lastId += 1;
  start(
    lastId,
    ms,
    guarded(() => {
      work(...words);
    }),
  );
  return lastId;
}

export function setInterval<A extends unknown[]>(work: (...words: A) => void, ms = 0, ...words: A): number {
  lastId += 1;
  const id = lastId;
  const again = guarded(() => {
    // First, so that the work can stop it.
    start(id, ms, again);
    work(...words);
  });
  start(id, ms, again);
  return id;
}

/** Stops a timer of either kind; any other number is none. */
export function clearTimer(id?: number): void {
  timers = timers.filter((timer) => timer.id !== id);
}

export function queueMicrotask(work: () => void): void {
  queueJob(guarded(work));
}
