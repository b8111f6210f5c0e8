/**
 * `Promise` for QuickJS. The engine as `moot build` gets it runs the steps of its own promises only for exports with the
 * async ABI of components, so these have a queue of their own, in JavaScript, which a call runs to its end.
 *
 *     async functions ──moot build──► generators, spawned ──► jobs ──runJobs()──► settled
 *
 * What settles and in which order is as the language has it. The function that waits for a promise is `quickjs-loop.ts`.
 */

/** What happens once a promise is settled, as a job of its own. */
interface Reaction {
  run(to: QuickPromise<unknown>): void;
}

/** What becomes of a promise: what its executor is given. */
interface Fate<T> {
  resolve: (value: T | PromiseLike<T>) => void;
  reject: (reason?: unknown) => void;
}

// Loops here count: in this engine going through an iterator costs more than what is done.

/** Reactions, each followed by the promise that it is for. */
let jobs: (Reaction | QuickPromise<unknown>)[] = [];

/** The engine's own promise, which goes on while a component is made, and at no other time. */
const Native = globalThis.Promise;
let woken = false;

function enqueue(reaction: Reaction, to: QuickPromise<unknown>): void {
  jobs.push(reaction, to);
  // A module that awaits at its top level is evaluated by the engine, which knows nothing of this queue.
  if (!woken) {
    woken = true;
    void Native.prototype.then.call(Native.resolve(), () => {
      woken = false;
      runJobs();
    });
  }
}

/** Has `job` run after those that are there. */
export function queueJob(job: () => void): void {
  enqueue({ run: job }, NONE);
}

/** Runs all jobs, and those that they add. None of them throws. */
export function runJobs(): void {
  while (jobs.length > 0) {
    const now = jobs;
    jobs = [];
    for (let at = 0; at < now.length; at += 2) {
      (now[at] as Reaction).run(now[at + 1] as QuickPromise<unknown>);
    }
  }
}

const unheeded = new Set<{ readonly reason: unknown }>();

/** Why promises were rejected that nobody waits for; each is said once. */
export function takeUnheeded(): unknown[] {
  const reasons = Array.from(unheeded, (promise) => promise.reason);
  unheeded.clear();
  return reasons;
}

/** The executor of a promise that this module decides about. */
const OURS = (): void => undefined;

export class QuickPromise<T> implements Promise<T> {
  // Declared alone: a field with a value is defined anew in each promise, which costs more than the promise.
  /** What has become of it, and its value or why it was rejected; what waits for that. Of this module alone. */
  declare is: "pending" | "fulfilled" | "rejected";
  declare held: unknown;
  declare reactions: Reaction[];
  declare readonly [Symbol.toStringTag]: string;

  constructor(executor: (resolve: Fate<T>["resolve"], reject: Fate<T>["reject"]) => void) {
    this.is = "pending";
    this.held = undefined;
    this.reactions = NOBODY;
    if (executor === OURS) {
      return;
    }
    if (typeof executor !== "function") {
      throw new TypeError(`Promise takes a function, not ${typeof executor}`);
    }
    const fate = fateOf(this);
    try {
      executor(fate.resolve, fate.reject);
    } catch (error) {
      fate.reject(error);
    }
  }

  /** Why it was rejected; undefined when it was not. */
  get reason(): unknown {
    return this.is === "rejected" ? this.held : undefined;
  }

  then<A = T, B = never>(
    fulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): QuickPromise<A | B> {
    const next = new QuickPromise<A | B>(OURS);
    react(this, new Then(next, fulfilled, rejected));
    return next;
  }

  catch<B = never>(rejected?: ((reason: unknown) => B | PromiseLike<B>) | null): QuickPromise<T | B> {
    return this.then(undefined, rejected);
  }

  finally(after?: (() => void) | null): QuickPromise<T> {
    if (typeof after !== "function") {
      return this.then();
    }
    const work: () => unknown = after;
    return this.then(
      (value) => QuickPromise.resolve(work()).then(() => value),
      (reason: unknown) =>
        QuickPromise.resolve(work()).then(() => {
          throw reason;
        }),
    );
  }

  static resolve(): QuickPromise<void>;
  static resolve<T>(value: T): QuickPromise<Awaited<T>>;
  static resolve(value?: unknown): unknown {
    if (value instanceof QuickPromise) {
      return value;
    }
    const promise = new QuickPromise<unknown>(OURS);
    follow(promise, value);
    return promise;
  }

  static reject(reason?: unknown): QuickPromise<never> {
    const promise = new QuickPromise<never>(OURS);
    settle(promise, "rejected", reason);
    return promise;
  }

  static withResolvers<T>(): Fate<T> & { promise: QuickPromise<T> } {
    // The executor has run when the constructor returns.
    let fate!: Fate<T>;
    const promise = new QuickPromise<T>((resolve, reject) => {
      fate = { resolve, reject };
    });
    return { promise, ...fate };
  }

  static try<T, A extends unknown[]>(
    work: (...words: A) => T | PromiseLike<T>,
    ...words: A
  ): QuickPromise<T> {
    return new QuickPromise((resolve) => {
      resolve(work(...words));
    });
  }

  static race<T>(values: Iterable<T | PromiseLike<T>>): QuickPromise<T> {
    return new QuickPromise((resolve, reject) => {
      for (const value of values) {
        QuickPromise.resolve(value).then(resolve, reject);
      }
    });
  }

  static all<T>(values: Iterable<T | PromiseLike<T>>): QuickPromise<T[]> {
    return gather<T, T>(values, (resolve, reject) => ({
      each: (promise, put) => promise.then(put, reject),
      done: resolve,
    }));
  }

  static allSettled<T>(values: Iterable<T | PromiseLike<T>>): QuickPromise<PromiseSettledResult<T>[]> {
    return gather<T, PromiseSettledResult<T>>(values, (resolve) => ({
      each: (promise, put) =>
        promise.then(
          (value) => {
            put({ status: "fulfilled", value });
          },
          (reason: unknown) => {
            put({ status: "rejected", reason });
          },
        ),
      done: resolve,
    }));
  }

  static any<T>(values: Iterable<T | PromiseLike<T>>): QuickPromise<T> {
    return gather<T, unknown, T>(values, (resolve, reject) => ({
      each: (promise, put) => promise.then(resolve, put),
      done: (reasons) => {
        reject(new AggregateError(reasons, "all promises were rejected"));
      },
    }));
  }
}

Object.defineProperty(QuickPromise.prototype, Symbol.toStringTag, { value: "Promise", configurable: true });

/** Where nobody waits yet: shared, so that a promise costs no list of its own. */
const NOBODY: Reaction[] = [];
/** What a job without a promise is for. */
const NONE = new QuickPromise<unknown>(OURS);

/** The two functions that decide about a promise. Only the first call of either counts. */
function fateOf<T>(promise: QuickPromise<T>): Fate<T> {
  let decided = false;
  return {
    resolve: (value) => {
      if (!decided) {
        decided = true;
        follow(promise, value);
      }
    },
    reject: (reason) => {
      if (!decided) {
        decided = true;
        settle(promise, "rejected", reason);
      }
    },
  };
}

/** Becomes what `value` is, or what it becomes if it is a promise of any kind. */
function follow(promise: QuickPromise<unknown>, value: unknown): void {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) {
    settle(promise, "fulfilled", value);
    return;
  }
  if (value === promise) {
    settle(promise, "rejected", new TypeError("a promise cannot be resolved with itself"));
    return;
  }
  let then: unknown;
  try {
    then = Reflect.get(value, "then");
  } catch (reason) {
    settle(promise, "rejected", reason);
    return;
  }
  if (typeof then !== "function") {
    settle(promise, "fulfilled", value);
    return;
  }
  queueJob(() => {
    const fate = fateOf(promise);
    try {
      Reflect.apply(then, value, [fate.resolve, fate.reject]);
    } catch (reason) {
      fate.reject(reason);
    }
  });
}

function settle(promise: QuickPromise<unknown>, is: "fulfilled" | "rejected", held: unknown): void {
  const reactions = promise.reactions;
  promise.is = is;
  promise.held = held;
  promise.reactions = NOBODY;
  if (is === "rejected" && reactions.length === 0) {
    unheeded.add(promise);
  }
  if (reactions !== NOBODY) {
    reactions.forEach((reaction) => {
      enqueue(reaction, promise);
    });
  }
}

/** Has `reaction` run once the promise is settled. */
function react(promise: QuickPromise<unknown>, reaction: Reaction): void {
  if (promise.is !== "pending") {
    if (promise.is === "rejected") {
      unheeded.delete(promise);
    }
    enqueue(reaction, promise);
  } else if (promise.reactions === NOBODY) {
    promise.reactions = [reaction];
  } else {
    promise.reactions.push(reaction);
  }
}

/** What `then` was given, and the promise of what comes of it. */
class Then<T> implements Reaction {
  declare next: QuickPromise<unknown>;
  declare fulfilled: ((value: T) => unknown) | null | undefined;
  declare rejected: ((reason: unknown) => unknown) | null | undefined;

  constructor(
    next: QuickPromise<unknown>,
    fulfilled: ((value: T) => unknown) | null | undefined,
    rejected: ((reason: unknown) => unknown) | null | undefined,
  ) {
    this.next = next;
    this.fulfilled = fulfilled;
    this.rejected = rejected;
  }

  run(to: QuickPromise<unknown>): void {
    const { is, held } = to;
    const react = is === "rejected" ? this.rejected : this.fulfilled;
    if (typeof react !== "function") {
      settle(this.next, is === "rejected" ? "rejected" : "fulfilled", held);
      return;
    }
    try {
      follow(this.next, react(held as T));
    } catch (error) {
      settle(this.next, "rejected", error);
    }
  }
}

/** An async function that is being run: it yields what it awaits. */
class Run implements Reaction {
  declare generator: Generator;
  declare promise: QuickPromise<unknown>;

  constructor(generator: Generator, promise: QuickPromise<unknown>) {
    this.generator = generator;
    this.promise = promise;
  }

  /** Goes on with what became of the promise that was awaited. */
  run(to: QuickPromise<unknown>): void {
    let next: IteratorResult<unknown>;
    try {
      next = to.is === "rejected" ? this.generator.throw(to.held) : this.generator.next(to.held);
    } catch (error) {
      settle(this.promise, "rejected", error);
      return;
    }
    if (next.done === true) {
      follow(this.promise, next.value);
    } else {
      react(QuickPromise.resolve(next.value), this);
    }
  }
}

/** Runs an async function, which `moot build` has made a generator of. */
export function spawn(
  body: (...words: unknown[]) => Generator,
  self: unknown,
  words: ArrayLike<unknown>,
): QuickPromise<unknown> {
  const promise = new QuickPromise<unknown>(OURS);
  try {
    new Run(Reflect.apply(body, self, words) as Generator, promise).run(NONE);
  } catch (error) {
    // A parameter's default threw.
    settle(promise, "rejected", error);
  }
  return promise;
}

/** What is done with each of many promises, and with what was put into their places once all of them are taken. */
interface Gathering<T, R> {
  each: (promise: QuickPromise<T>, put: (result: R) => void) => unknown;
  done: (results: R[]) => void;
}

function gather<T, R, W = R[]>(
  values: Iterable<T | PromiseLike<T>>,
  how: (resolve: (value: W) => void, reject: (reason: unknown) => void) => Gathering<T, R>,
): QuickPromise<W> {
  return new QuickPromise<W>((resolve, reject) => {
    const { each, done } = how(resolve, reject);
    const results: R[] = [];
    // One more than there are, until all of them were seen.
    let left = 1;
    const taken = (): void => {
      left -= 1;
      if (left === 0) {
        done(results);
      }
    };
    let places = 0;
    for (const value of values) {
      const place = places;
      places += 1;
      left += 1;
      each(QuickPromise.resolve(value), (result) => {
        results[place] = result;
        taken();
      });
    }
    taken();
  });
}
