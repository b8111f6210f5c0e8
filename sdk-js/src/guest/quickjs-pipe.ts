/** From a readable stream into a writable one, with what becomes of either when the other ends. */

import type { QuickAbortSignal } from "./quickjs-abort.js";
import type { QuickReadableStream } from "./quickjs-readable.js";
import type { ReadResult } from "./quickjs-reading.js";
import type { QuickWritableStream } from "./quickjs-writable.js";

export interface PipeOptions {
  preventClose?: boolean;
  preventAbort?: boolean;
  preventCancel?: boolean;
  signal?: QuickAbortSignal | undefined;
}

export async function pipe<T>(
  from: QuickReadableStream<T>,
  to: QuickWritableStream<T>,
  { preventClose, preventAbort, preventCancel, signal }: PipeOptions,
): Promise<void> {
  const reader = from.getReader();
  const writer = to.getWriter();
  const stopped = signal === undefined ? null : stopOf(signal);
  try {
    for (;;) {
      let got: ReadResult<T>;
      try {
        got = await (stopped === null ? reader.read() : Promise.race([reader.read(), stopped]));
      } catch (reason) {
        if (preventAbort !== true) {
          await writer.abort(reason);
        }
        if (signal?.aborted === true && preventCancel !== true) {
          await reader.cancel(reason);
        }
        throw reason;
      }
      if (got.done) {
        if (preventClose !== true) {
          await writer.close();
        }
        return;
      }
      try {
        await writer.write(got.value);
      } catch (reason) {
        if (preventCancel !== true) {
          await reader.cancel(reason);
        }
        throw reason;
      }
    }
  } finally {
    reader.releaseLock();
    writer.releaseLock();
  }
}

/** Rejected when the signal says stop. */
// eslint-disable-next-line @typescript-eslint/promise-function-async -- another promise would be one that nobody heeds
function stopOf(signal: QuickAbortSignal): Promise<never> {
  const stop = new Promise<never>((_, reject) => {
    signal.whenAborted(() => {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- whatever the signal was given
      reject(signal.reason);
    });
  });
  stop.catch(() => undefined);
  return stop;
}
