/** Which engine this runs in, where that makes a difference. */

/** Whether this is QuickJS: nothing goes on after its exports return, and 64 bits are doubles to it. */
export function isQuickJs(): boolean {
  return "__cqjs" in globalThis;
}

/** Waits for a promise, in the name of whoever that is. */
type Wait = <T>(promise: Promise<T>, who: string) => T;

let wait: Wait | null = null;

/** Has `waited` wait with `how`: what QuickJS needs, since what it exports cannot answer with a promise. */
export function waitWith(how: Wait): void {
  wait = how;
}

/** The promise itself where the engine goes on with it; else what became of it. */
export function waited<T>(promise: Promise<T>, who: string): T | Promise<T> {
  if (wait === null && isQuickJs()) {
    throw new Error(`${who} answers with a promise of the engine's own, which never goes on`);
  }
  return wait === null ? promise : wait(promise, who);
}
