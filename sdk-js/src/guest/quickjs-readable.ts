/**
 * `ReadableStream` for QuickJS, as the Streams Standard has it. Not there: readers with a buffer of their own (BYOB); a
 * source of bytes is read like any other.
 *
 *     source: start, pull ──enqueue──► queue ──read──► whoever reads: a reader, `for await`, a pipe, two branches
 */

import { pipe, type PipeOptions } from "./quickjs-pipe.js";
import type { QuickWritableStream } from "./quickjs-writable.js";

/** What a stream comes from. */
export interface ReadableSource<T> {
  start?(controller: QuickReadableController<T>): unknown;
  /** Asked for more when the queue is not full; not again before what it returns is settled. */
  pull?(controller: QuickReadableController<T>): unknown;
  cancel?(reason: unknown): unknown;
  type?: "bytes" | undefined;
}

/** How much a queue takes before its source has to wait. */
export interface Strategy<T> {
  highWaterMark?: number;
  size?: (chunk: T) => number;
}

export type ReadResult<T> = { value: T; done: false } | { value: undefined; done: true };

const END = { value: undefined, done: true } as const;
const RELEASED = "the reader let go of the stream";

/** A promise with what settles it. */
interface Wanted<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

/** A promise that may be rejected without anybody waiting for it. */
export function wanted<T>(): Wanted<T> {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((take, refuse) => {
    resolve = take;
    reject = refuse;
  });
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

/** A stream's inside, which its controller and its reader share. */
class Readable<T> {
  state: "readable" | "closed" | "errored" = "readable";
  reason: unknown = undefined;
  disturbed = false;
  reader: QuickReadableReader<T> | null = null;
  readonly controller: QuickReadableController<T>;
  #source: ReadableSource<T>;
  readonly #limit: number;
  readonly #sizeOf: (chunk: T) => number;
  #queue: { chunk: T; size: number }[] = [];
  #queued = 0;
  #reads: Wanted<ReadResult<T>>[] = [];
  /** Closed once the queue is empty. */
  ending = false;
  #started = false;
  #pulling = false;
  #pullAgain = false;

  constructor(source: ReadableSource<T>, strategy: Strategy<T>) {
    this.#source = source;
    this.#limit = strategy.highWaterMark ?? 1;
    this.#sizeOf = strategy.size ?? ((): number => 1);
    this.controller = new QuickReadableController(this);
    const started = source.start?.(this.controller);
    const begin = (): void => {
      this.#started = true;
      this.#pull();
    };
    if (started instanceof Promise) {
      started.then(begin, (reason: unknown) => {
        this.error(reason);
      });
    } else {
      // A source may expect that its stream has been constructed when it is first asked.
      queueMicrotask(begin);
    }
  }

  get desired(): number | null {
    if (this.state === "errored") {
      return null;
    }
    return this.state === "closed" ? 0 : this.#limit - this.#queued;
  }

  /** Whether another chunk would be taken at once. */
  get hungry(): boolean {
    const open = this.state === "readable" && !this.ending;
    return open && (this.#reads.length > 0 || (this.desired ?? 0) > 0);
  }

  #pull(): void {
    if (!this.#started || !this.hungry) {
      return;
    }
    if (this.#pulling) {
      this.#pullAgain = true;
      return;
    }
    this.#pulling = true;
    const failed = (reason: unknown): void => {
      this.error(reason);
    };
    try {
      Promise.resolve(this.#source.pull?.(this.controller)).then(() => {
        this.#pulling = false;
        if (this.#pullAgain) {
          this.#pullAgain = false;
          this.#pull();
        }
      }, failed);
    } catch (reason) {
      failed(reason);
    }
  }

  enqueue(chunk: T): void {
    if (this.state !== "readable" || this.ending) {
      throw new TypeError("nothing can be put into a stream that is closed or failed");
    }
    const read = this.#reads.shift();
    if (read === undefined) {
      const size = this.#sizeOf(chunk);
      this.#queue.push({ chunk, size });
      this.#queued += size;
    } else {
      read.resolve({ value: chunk, done: false });
    }
    this.#pull();
  }

  close(): void {
    if (this.state !== "readable" || this.ending) {
      throw new TypeError("the stream is closed or failed already");
    }
    this.ending = true;
    if (this.#queue.length === 0) {
      this.#finish();
    }
  }

  error(reason: unknown): void {
    if (this.state === "readable") {
      this.state = "errored";
      this.reason = reason;
      this.#queue = [];
      this.#source = {};
      this.#takeReads().forEach((read) => {
        read.reject(reason);
      });
      this.reader?.settle(this);
    }
  }

  #finish(): void {
    this.state = "closed";
    this.#source = {};
    this.#takeReads().forEach((read) => {
      read.resolve({ value: undefined, done: true });
    });
    this.reader?.settle(this);
  }

  #takeReads(): Wanted<ReadResult<T>>[] {
    const reads = this.#reads;
    this.#reads = [];
    return reads;
  }

  // No async function: every part of every stream comes this way, and in this engine each costs as much as ten calls.
  // eslint-disable-next-line @typescript-eslint/promise-function-async
  read(): Promise<ReadResult<T>> {
    this.disturbed = true;
    const first = this.#queue.shift();
    if (first !== undefined) {
      this.#queued -= first.size;
      if (this.ending && this.#queue.length === 0) {
        this.#finish();
      } else {
        this.#pull();
      }
      return Promise.resolve({ value: first.chunk, done: false });
    }
    if (this.state === "readable") {
      const read = wanted<ReadResult<T>>();
      this.#reads.push(read);
      this.#pull();
      return read.promise;
    }
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- whatever the source has thrown
    return this.state === "closed" ? Promise.resolve(END) : Promise.reject(this.reason);
  }

  async cancel(reason: unknown): Promise<void> {
    this.disturbed = true;
    if (this.state === "errored") {
      throw this.reason;
    }
    if (this.state === "readable") {
      const source = this.#source;
      this.#queue = [];
      this.#finish();
      await source.cancel?.(reason);
    }
  }

  /** Refuses what a reader still waits for, which lets go of the stream. */
  release(): void {
    this.reader = null;
    this.#takeReads().forEach((read) => {
      read.reject(new TypeError(RELEASED));
    });
  }
}

export class QuickReadableController<T> {
  readonly #stream: Readable<T>;

  constructor(stream: Readable<T>) {
    this.#stream = stream;
  }
  get desiredSize(): number | null {
    return this.#stream.desired;
  }
  enqueue(chunk: T): void {
    this.#stream.enqueue(chunk);
  }
  close(): void {
    this.#stream.close();
  }
  error(reason?: unknown): void {
    this.#stream.error(reason);
  }
}

export class QuickReadableReader<T> {
  #stream: Readable<T> | null;
  #closed = wanted<undefined>();

  constructor(stream: Readable<T>) {
    if (stream.reader !== null) {
      throw new TypeError("the stream is locked: somebody reads it already");
    }
    this.#stream = stream;
    stream.reader = this;
    this.settle(stream);
  }

  /** Says to who waits for the end that it has come. */
  settle(stream: Readable<T>): void {
    if (stream.state === "closed") {
      this.#closed.resolve(undefined);
    } else if (stream.state === "errored") {
      this.#closed.reject(stream.reason);
    }
  }

  get closed(): Promise<undefined> {
    return this.#closed.promise;
  }
  // eslint-disable-next-line @typescript-eslint/promise-function-async -- see the stream's
  read(): Promise<ReadResult<T>> {
    return this.#stream === null ? Promise.reject(new TypeError(RELEASED)) : this.#stream.read();
  }
  async cancel(reason?: unknown): Promise<void> {
    return this.#held().cancel(reason);
  }
  releaseLock(): void {
    const stream = this.#stream;
    if (stream !== null) {
      this.#stream = null;
      stream.release();
      const released = wanted<undefined>();
      released.reject(new TypeError(RELEASED));
      this.#closed = released;
    }
  }
  #held(): Readable<T> {
    if (this.#stream === null) {
      throw new TypeError(RELEASED);
    }
    return this.#stream;
  }
}

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
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
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
