/**
 * The inside of a `ReadableStream` for QuickJS: a queue between a source and who reads.
 *
 *     source ──controller──► queue ──► reader
 */

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
export class Readable<T> {
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
  #ending = false;
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
  get #hungry(): boolean {
    const open = this.state === "readable" && !this.#ending;
    return open && (this.#reads.length > 0 || (this.desired ?? 0) > 0);
  }

  #pull(): void {
    if (!this.#started || !this.#hungry) {
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
    if (this.state !== "readable" || this.#ending) {
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
    if (this.state !== "readable" || this.#ending) {
      throw new TypeError("the stream is closed or failed already");
    }
    this.#ending = true;
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
      if (this.#ending && this.#queue.length === 0) {
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
