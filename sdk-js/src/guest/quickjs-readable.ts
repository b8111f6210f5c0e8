/**
 * `ReadableStream` for QuickJS, as the Streams Standard has it. Not there: readers with a buffer of their own (BYOB); a
 * source of bytes is read like any other.
 *
 *     source: start, pull ──enqueue──► queue ──read──► whoever reads: a reader, `for await`, a pipe, two branches
 */

import { encoded } from "./quickjs-bytes.js";
import { pipe, type PipeOptions } from "./quickjs-pipe.js";
import {
  QuickReadableReader,
  Readable,
  wanted,
  type QuickReadableController,
  type ReadableSource,
  type Strategy,
} from "./quickjs-reading.js";
import type { QuickWritableStream } from "./quickjs-writable.js";

/** What both a readable and a writable side give on. */
export interface Pair<T, R> {
  writable: QuickWritableStream<T>;
  readable: R;
}

/** Text or bytes that a stream is to be made of. */
export class Whole {
  constructor(readonly content: string | Uint8Array) {}
}

/** The only part of a stream of text or bytes. */
function partOf({ content }: Whole): ReadableSource<Uint8Array> {
  const bytes = encoded(content);
  return {
    pull: (controller) => {
      if (bytes.length > 0) {
        controller.enqueue(bytes);
      }
      controller.close();
    },
  };
}

export class QuickReadableStream<T = unknown> {
  #inner: Readable<T> | null = null;
  /** What it is made of when somebody wants a stream of it; most bodies are only passed on. */
  #whole: Whole | null = null;
  #taken = false;

  constructor(source: ReadableSource<T> | Whole = {}, strategy: Strategy<T> = {}) {
    if (source instanceof Whole) {
      this.#whole = source;
    } else {
      // A source of bytes has nothing in its queue before somebody reads.
      const limit = strategy.highWaterMark ?? (source.type === "bytes" ? 0 : 1);
      this.#inner = new Readable(source, { ...strategy, highWaterMark: limit });
    }
  }

  #open(): Readable<T> {
    if (this.#inner === null) {
      const whole = this.#whole ?? new Whole("");
      this.#inner = new Readable(partOf(whole) as unknown as ReadableSource<T>, { highWaterMark: 0 });
      this.#whole = null;
      if (this.#taken) {
        void this.#inner.cancel(undefined);
      }
    }
    return this.#inner;
  }

  /** All of it, as if somebody had read it; null where it has to be read. */
  takeWhole(): string | Uint8Array | null {
    const whole = this.#whole;
    this.#whole = null;
    this.#taken ||= whole !== null;
    return whole?.content ?? null;
  }

  static from<T>(items: Iterable<T> | AsyncIterable<T>): QuickReadableStream<T> {
    const both = items as Partial<AsyncIterable<T>> & Partial<Iterable<T>>;
    const iterator = both[Symbol.asyncIterator]?.() ?? both[Symbol.iterator]?.();
    if (iterator === undefined) {
      throw new TypeError("ReadableStream.from takes what can be gone through");
    }
    return new QuickReadableStream<T>(
      {
        async pull(controller) {
          const next: IteratorResult<T | PromiseLike<T>, unknown> = await iterator.next();
          if (next.done === true) {
            controller.close();
          } else {
            controller.enqueue(await next.value);
          }
        },
        cancel: async (reason) => iterator.return?.(reason),
      },
      { highWaterMark: 0 },
    );
  }

  get locked(): boolean {
    return this.#inner !== null && this.#inner.reader !== null;
  }
  /** Whether anything was read of it: a body like that has no second reader. */
  get disturbed(): boolean {
    return this.#taken || this.#inner?.disturbed === true;
  }
  async cancel(reason?: unknown): Promise<void> {
    if (this.locked) {
      throw new TypeError("the stream is locked: its reader cancels it");
    }
    return this.#open().cancel(reason);
  }
  getReader(options?: { mode?: "byob" }): QuickReadableReader<T> {
    if (options?.mode !== undefined) {
      throw new TypeError("in QuickJS streams have no readers with a buffer of their own: getReader()");
    }
    return new QuickReadableReader(this.#open());
  }
  async pipeTo(to: QuickWritableStream<T>, options: PipeOptions = {}): Promise<void> {
    return pipe(this, to, options);
  }
  pipeThrough<R>(pair: Pair<T, R>, options: PipeOptions = {}): R {
    // What went wrong is seen at the other end.
    pipe(this, pair.writable, options).catch(() => undefined);
    return pair.readable;
  }
  tee(): [QuickReadableStream<T>, QuickReadableStream<T>] {
    return tee(this.getReader());
  }
  values(options: { preventCancel?: boolean } = {}): AsyncIterableIterator<T> {
    return new Values(this.getReader(), options.preventCancel === true);
  }
  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return this.values();
  }
}

/** What `for await` goes through. */
class Values<T> implements AsyncIterableIterator<T> {
  readonly #reader: QuickReadableReader<T>;
  readonly #keeps: boolean;

  constructor(reader: QuickReadableReader<T>, keeps: boolean) {
    this.#reader = reader;
    this.#keeps = keeps;
  }
  async next(): Promise<IteratorResult<T>> {
    try {
      const got = await this.#reader.read();
      if (got.done) {
        this.#reader.releaseLock();
      }
      return got;
    } catch (reason) {
      this.#reader.releaseLock();
      throw reason;
    }
  }
  /** Whoever goes through it has had enough. */
  async return(value?: unknown): Promise<IteratorResult<T>> {
    if (!this.#keeps) {
      await this.#reader.cancel(value);
    }
    this.#reader.releaseLock();
    return { value: undefined, done: true };
  }
  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** Two streams of what one reader reads: at the pace of the faster one. */
function tee<T>(reader: QuickReadableReader<T>): [QuickReadableStream<T>, QuickReadableStream<T>] {
  const open = new Map<0 | 1, QuickReadableController<T>>();
  const reasons: unknown[] = [];
  const cancelled = wanted<undefined>();
  let reading = false;
  const pull = async (): Promise<void> => {
    if (reading) {
      return;
    }
    reading = true;
    try {
      const got = await reader.read();
      for (const controller of open.values()) {
        if (got.done) {
          controller.close();
        } else {
          controller.enqueue(got.value);
        }
      }
    } catch (reason) {
      open.forEach((controller) => {
        controller.error(reason);
      });
    } finally {
      reading = false;
    }
  };
  const branch = (which: 0 | 1): QuickReadableStream<T> =>
    new QuickReadableStream<T>(
      {
        start: (controller) => {
          open.set(which, controller);
        },
        pull,
        cancel: async (reason) => {
          open.delete(which);
          reasons[which] = reason;
          if (open.size === 0) {
            reader.cancel(reasons).then(cancelled.resolve as () => void, cancelled.reject);
          }
          return cancelled.promise;
        },
      },
      { highWaterMark: 0 },
    );
  return [branch(0), branch(1)];
}
