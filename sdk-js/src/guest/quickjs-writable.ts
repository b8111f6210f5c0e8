/**
 * `WritableStream` and `TransformStream` for QuickJS, as the Streams Standard has them, with the transforms that turn text
 * into bytes and back.
 *
 *     writer ──write──► one after the other ──► sink
 *                                               transform ──► readable, which says when it has room
 */

import { QuickReadableStream } from "./quickjs-readable.js";
import { wanted, type QuickReadableController, type Strategy } from "./quickjs-reading.js";
import { textOf } from "./quickjs-bytes.js";
import { QuickTextDecoder, QuickTextEncoder } from "./quickjs-text.js";

/** What a stream goes to. */
export interface WritableSink<T> {
  start?(controller: QuickWritableController): unknown;
  write?(chunk: T, controller: QuickWritableController): unknown;
  close?(): unknown;
  abort?(reason: unknown): unknown;
}

/** A stream's inside, which its writer shares. */
class Writable<T> {
  state: "writable" | "closing" | "closed" | "errored" = "writable";
  reason: unknown = undefined;
  writer: QuickWriter<T> | null = null;
  readonly #sink: WritableSink<T>;
  readonly #controller: QuickWritableController;
  readonly #limit: number;
  readonly #sizeOf: (chunk: T) => number;
  #queued = 0;
  /** Settled when everything before has been done. */
  #last: Promise<unknown>;
  readonly #ended = wanted<undefined>();
  #room = wanted<undefined>();

  constructor(sink: WritableSink<T>, strategy: Strategy<T>) {
    this.#sink = sink;
    this.#limit = strategy.highWaterMark ?? 1;
    this.#sizeOf = strategy.size ?? ((): number => 1);
    this.#controller = new QuickWritableController((reason) => {
      this.fail(reason);
    });
    const started = Promise.resolve(sink.start?.(this.#controller));
    this.#last = started.catch((reason: unknown) => {
      this.fail(reason);
    });
    this.#told();
  }

  get desired(): number | null {
    if (this.state === "errored") {
      return null;
    }
    return this.state === "closed" ? 0 : this.#limit - this.#queued;
  }
  get ended(): Promise<undefined> {
    return this.#ended.promise;
  }
  get room(): Promise<undefined> {
    return this.#room.promise;
  }

  /** Says to who waits for room whether there is some. */
  #told(): void {
    if (this.state === "errored") {
      this.#room.reject(this.reason);
    } else if (this.state !== "writable" || this.#limit > this.#queued) {
      this.#room.resolve(undefined);
    }
  }

  fail(reason: unknown): void {
    if (this.state === "writable" || this.state === "closing") {
      this.state = "errored";
      this.reason = reason;
      this.#ended.reject(reason);
      this.#told();
    }
  }

  /** Does `work` after all that is there. What goes wrong in it is the stream's end. */
  async #then(work: () => unknown): Promise<void> {
    const done = this.#last.then(() => {
      if (this.state === "errored") {
        throw this.reason;
      }
      return work();
    });
    this.#last = done.catch((reason: unknown) => {
      this.fail(reason);
    });
    await done;
  }

  async write(chunk: T): Promise<void> {
    if (this.state !== "writable") {
      throw this.state === "errored"
        ? this.reason
        : new TypeError("nothing can be written to a closed stream");
    }
    const size = this.#sizeOf(chunk);
    this.#queued += size;
    if (this.#queued >= this.#limit) {
      this.#room = wanted();
    }
    try {
      await this.#then(() => this.#sink.write?.(chunk, this.#controller));
    } finally {
      this.#queued -= size;
      this.#told();
    }
  }

  async close(): Promise<void> {
    if (this.state !== "writable") {
      throw this.state === "errored" ? this.reason : new TypeError("the stream is closed already");
    }
    this.state = "closing";
    this.#told();
    await this.#then(() => this.#sink.close?.());
    this.state = "closed";
    this.#ended.resolve(undefined);
  }

  async abort(reason: unknown): Promise<void> {
    if (this.state === "writable" || this.state === "closing") {
      this.fail(reason);
      // What is being written comes to its end; what waits is refused.
      await this.#last;
      await this.#sink.abort?.(reason);
    }
  }
}

export class QuickWritableController {
  constructor(readonly error: (reason?: unknown) => void) {}
}

export class QuickWriter<T> {
  #stream: Writable<T> | null;

  constructor(stream: Writable<T>) {
    if (stream.writer !== null) {
      throw new TypeError("the stream is locked: somebody writes to it already");
    }
    this.#stream = stream;
    stream.writer = this;
  }
  get closed(): Promise<undefined> {
    return this.#stream?.ended ?? Promise.reject(new TypeError(RELEASED));
  }
  get ready(): Promise<undefined> {
    return this.#stream?.room ?? Promise.reject(new TypeError(RELEASED));
  }
  get desiredSize(): number | null {
    return this.#held().desired;
  }
  async write(chunk: T): Promise<void> {
    return this.#held().write(chunk);
  }
  async close(): Promise<void> {
    return this.#held().close();
  }
  async abort(reason?: unknown): Promise<void> {
    return this.#held().abort(reason);
  }
  releaseLock(): void {
    if (this.#stream !== null) {
      this.#stream.writer = null;
      this.#stream = null;
    }
  }
  #held(): Writable<T> {
    if (this.#stream === null) {
      throw new TypeError(RELEASED);
    }
    return this.#stream;
  }
}

const RELEASED = "the writer let go of the stream";

export class QuickWritableStream<T = unknown> {
  readonly #inner: Writable<T>;

  constructor(sink: WritableSink<T> = {}, strategy: Strategy<T> = {}) {
    this.#inner = new Writable(sink, strategy);
  }
  get locked(): boolean {
    return this.#inner.writer !== null;
  }
  getWriter(): QuickWriter<T> {
    return new QuickWriter(this.#inner);
  }
  async close(): Promise<void> {
    return this.#unlocked().close();
  }
  async abort(reason?: unknown): Promise<void> {
    return this.#unlocked().abort(reason);
  }
  #unlocked(): Writable<T> {
    if (this.locked) {
      throw new TypeError("the stream is locked: its writer ends it");
    }
    return this.#inner;
  }
}

/** Where a transformer puts what it makes. */
export interface TransformController<R> {
  readonly desiredSize: number | null;
  enqueue(chunk: R): void;
  error(reason?: unknown): void;
  terminate(): void;
}

export interface Transformer<T, R> {
  start?(controller: TransformController<R>): unknown;
  transform?(chunk: T, controller: TransformController<R>): unknown;
  flush?(controller: TransformController<R>): unknown;
  cancel?(reason: unknown): unknown;
}

export class QuickTransformStream<T = unknown, R = T> {
  readonly readable: QuickReadableStream<R>;
  readonly writable: QuickWritableStream<T>;

  constructor(
    transformer: Transformer<T, R> = {},
    writableStrategy: Strategy<T> = {},
    readableStrategy: Strategy<R> = {},
  ) {
    let out!: QuickReadableController<R>;
    let into!: QuickWritableController;
    // What is written waits until somebody wants to read it.
    let room = wanted<undefined>();
    this.readable = new QuickReadableStream<R>(
      {
        start: (controller) => {
          out = controller;
        },
        pull: () => {
          room.resolve(undefined);
        },
        cancel: async (reason) => {
          into.error(reason);
          room.resolve(undefined);
          await transformer.cancel?.(reason);
        },
      },
      { highWaterMark: 0, ...readableStrategy },
    );
    const fail = (reason: unknown): void => {
      out.error(reason);
      into.error(reason);
      room.resolve(undefined);
    };
    const controller: TransformController<R> = {
      get desiredSize() {
        return out.desiredSize;
      },
      enqueue: (chunk) => {
        // First: where there is still room afterwards, the stream asks for more before this returns.
        room = wanted();
        out.enqueue(chunk);
      },
      error: fail,
      terminate: () => {
        out.close();
        into.error(new TypeError("the transform was ended"));
      },
    };
    const guarded = async (work: () => unknown): Promise<void> => {
      try {
        await work();
      } catch (reason) {
        fail(reason);
        throw reason;
      }
    };
    const transform =
      transformer.transform?.bind(transformer) ??
      ((chunk: T): void => {
        controller.enqueue(chunk as unknown as R);
      });
    this.writable = new QuickWritableStream<T>(
      {
        start: async (writable) => {
          into = writable;
          return guarded(() => transformer.start?.(controller));
        },
        write: async (chunk) => {
          await room.promise;
          return guarded(() => transform(chunk, controller));
        },
        close: async () => {
          await guarded(() => transformer.flush?.(controller));
          out.close();
        },
        abort: async (reason) => {
          out.error(reason);
          await transformer.cancel?.(reason);
        },
      },
      writableStrategy,
    );
  }
}

export class QuickTextEncoderStream extends QuickTransformStream<string, Uint8Array> {
  readonly encoding = "utf-8";

  constructor() {
    const encoder = new QuickTextEncoder();
    // The first half of a pair waits for the second, which may be in the next chunk.
    let half = "";
    super({
      transform: (chunk, controller) => {
        const text = half + textOf(chunk);
        half = /[\ud800-\udbff]$/.exec(text)?.[0] ?? "";
        const bytes = encoder.encode(text.slice(0, text.length - half.length));
        if (bytes.length > 0) {
          controller.enqueue(bytes);
        }
      },
      flush: (controller) => {
        if (half !== "") {
          controller.enqueue(encoder.encode(half));
        }
      },
    });
  }
}

export class QuickTextDecoderStream extends QuickTransformStream<ArrayBuffer | ArrayBufferView, string> {
  readonly encoding = "utf-8";

  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean }) {
    const decoder = new QuickTextDecoder(label, options);
    const put = (text: string, controller: TransformController<string>): void => {
      if (text !== "") {
        controller.enqueue(text);
      }
    };
    super({
      transform: (chunk, controller) => {
        put(decoder.decode(chunk, { stream: true }), controller);
      },
      flush: (controller) => {
        put(decoder.decode(), controller);
      },
    });
  }
}
