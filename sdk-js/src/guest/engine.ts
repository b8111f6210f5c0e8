/** Which engine this runs in, where that makes a difference. */

/** Whether this is QuickJS: it runs a function to its end and never a promise's next step, and its numbers are doubles. */
export function isQuickJs(): boolean {
  return "__cqjs" in globalThis;
}

/** Refuses an answer that is a promise where nobody would ever go on with it. */
export function needPromises(): void {
  if (isQuickJs()) {
    throw new Error(
      'the function answers with a promise, and QuickJS never goes on with one: leave `engine = "quickjs"` out of moot.toml',
    );
  }
}
