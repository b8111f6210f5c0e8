/** `EventTarget`, `AbortController` and `AbortSignal` for QuickJS, as the DOM Standard has them for what is no document. */

import { report } from "./errors.js";
import { setTimeout } from "./quickjs-timers.js";

export class QuickEvent {
  readonly timeStamp = 0;
  readonly bubbles = false;
  readonly cancelable: boolean;
  target: QuickEventTarget | null = null;
  defaultPrevented = false;
  stopped = false;

  constructor(
    readonly type: string,
    init: { cancelable?: boolean } = {},
  ) {
    this.cancelable = init.cancelable ?? false;
  }
  get currentTarget(): QuickEventTarget | null {
    return this.target;
  }
  preventDefault(): void {
    this.defaultPrevented = this.cancelable;
  }
  stopImmediatePropagation(): void {
    this.stopped = true;
  }
  stopPropagation(): void {
    // There is nothing above a target.
  }
}

type Listener = ((event: QuickEvent) => unknown) | { handleEvent(event: QuickEvent): unknown };

export class QuickEventTarget {
  #listeners: { type: string; listener: Listener; once: boolean }[] = [];

  addEventListener(
    type: string,
    listener: Listener | null,
    options: boolean | { once?: boolean; signal?: QuickAbortSignal } = {},
  ): void {
    const known = this.#listeners.some((one) => one.type === type && one.listener === listener);
    const { once = false, signal } = typeof options === "boolean" ? {} : options;
    if (listener === null || known || signal?.aborted === true) {
      return;
    }
    this.#listeners.push({ type, listener, once });
    signal?.whenAborted(() => {
      this.removeEventListener(type, listener);
    });
  }
  removeEventListener(type: string, listener: Listener | null): void {
    this.#listeners = this.#listeners.filter((one) => one.type !== type || one.listener !== listener);
  }
  /** Calls who listens; what they throw is theirs, and is written to the log. */
  dispatchEvent(event: QuickEvent): boolean {
    event.target = this;
    for (const { type, listener, once } of this.#listeners) {
      if (type === event.type && !event.stopped) {
        if (once) {
          this.removeEventListener(type, listener);
        }
        try {
          if (typeof listener === "function") {
            listener.call(this, event);
          } else {
            listener.handleEvent(event);
          }
        } catch (error) {
          report(error);
        }
      }
    }
    return !event.defaultPrevented;
  }
}

export class QuickAbortSignal extends QuickEventTarget {
  aborted = false;
  reason: unknown = undefined;
  onabort: ((event: QuickEvent) => unknown) | null = null;
  #waiting: (() => void)[] = [];

  static abort(reason?: unknown): QuickAbortSignal {
    const signal = new QuickAbortSignal();
    signal.stop(reason);
    return signal;
  }
  static timeout(ms: number): QuickAbortSignal {
    const signal = new QuickAbortSignal();
    setTimeout(() => {
      signal.stop(new DOMException("the time is over", "TimeoutError"));
    }, ms);
    return signal;
  }
  static any(signals: Iterable<QuickAbortSignal>): QuickAbortSignal {
    const all = new QuickAbortSignal();
    for (const signal of signals) {
      signal.whenAborted(() => {
        all.stop(signal.reason);
      });
    }
    return all;
  }

  throwIfAborted(): void {
    if (this.aborted) {
      throw this.reason;
    }
  }
  /** Calls `work` once the signal says stop, at once when it has. */
  whenAborted(work: () => void): void {
    if (this.aborted) {
      work();
    } else {
      this.#waiting.push(work);
    }
  }
  stop(reason: unknown = new DOMException("the operation was aborted", "AbortError")): void {
    if (this.aborted) {
      return;
    }
    this.aborted = true;
    this.reason = reason;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const work of waiting) {
      work();
    }
    const event = new QuickEvent("abort");
    this.dispatchEvent(event);
    this.onabort?.(event);
  }
}

export class QuickAbortController {
  readonly signal = new QuickAbortSignal();

  abort(reason?: unknown): void {
    this.signal.stop(reason);
  }
}
