/**
 * `Promise` for QuickJS. The engine as `moot build` gets it runs the steps of its own promises only for exports with the
 * async ABI of components, so these have a queue of their own, in JavaScript, which a call runs to its end.
 *
 *     async functions ──moot build──► generators over this Promise ──► jobs ──runJobs()──► settled
 *
 * What settles and in which order is as the language has it. The function that waits for a promise is `quickjs-loop.ts`.
 */

type Job = () => void;

/** What becomes of a promise: what its executor is given. */
interface Fate<T> {
  resolve: (value: T | PromiseLike<T>) => void;
  reject: (reason?: unknown) => void;
}

type State<T> =
  | { is: "pending"; reactions: (() => void)[] }
  | { is: "fulfilled"; value: T }
  | { is: "rejected"; reason: unknown };

let jobs: Job[] = [];

/** The engine's own promise, which goes on while a component is made, and at no other time. */
const Native = globalThis.Promise;
let woken = false;

/** Has `job` run after those that are there. */
export function queueJob(job: Job): void {
  jobs.push(job);
  // A module that awaits at its top level is evaluated by the engine, which knows nothing of this queue.
  if (!woken) {
    woken = true;
    void Native.prototype.then.call(Native.resolve(), () => {
      woken = false;
      runJobs();
    });
  }
}

/** Runs all jobs, and those that they add. None of them throws. */
export function runJobs(): void {
  while (jobs.length > 0) {
    const now = jobs;
    jobs = [];
    for (const job of now) {
      job();
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

export class QuickPromise<T> implements Promise<T> {
  // Declared alone: a field with a value is defined anew in each promise, which costs more than the promise.
  declare private state: State<T>;
  declare readonly [Symbol.toStringTag]: string;

  constructor(executor: (resolve: Fate<T>["resolve"], reject: Fate<T>["reject"]) => void) {
    if (typeof executor !== "function") {
      throw new TypeError(`Promise takes a function, not ${typeof executor}`);
    }
    this.state = { is: "pending", reactions: [] };
    const fate = this.fate();
    try {
      executor(fate.resolve, fate.reject);
    } catch (error) {
      fate.reject(error);
    }
  }

  /** Why it was rejected; undefined when it was not. */
  get reason(): unknown {
    return this.state.is === "rejected" ? this.state.reason : undefined;
  }

  /** The two functions that decide about it. Only the first call of either counts. */
  private fate(): Fate<T> {
    let decided = false;
    const once =
      <A>(decide: (argument: A) => void) =>
      (argument: A): void => {
        if (!decided) {
          decided = true;
          decide(argument);
        }
      };
    return {
      resolve: once((value: T | PromiseLike<T>) => {
        this.follow(value);
      }),
      reject: once((reason: unknown) => {
        this.settle({ is: "rejected", reason });
      }),
    };
  }

  /** Becomes what `value` is, or what it becomes if it is a promise of any kind. */
  private follow(value: T | PromiseLike<T>): void {
    if (value === this) {
      this.settle({ is: "rejected", reason: new TypeError("a promise cannot be resolved with itself") });
      return;
    }
    if ((typeof value !== "object" && typeof value !== "function") || value === null) {
      this.settle({ is: "fulfilled", value });
      return;
    }
    let then: unknown;
    try {
      then = Reflect.get(value, "then");
    } catch (reason) {
      this.settle({ is: "rejected", reason });
      return;
    }
    if (typeof then !== "function") {
      this.settle({ is: "fulfilled", value: value as T });
      return;
    }
    const fate = this.fate();
    queueJob(() => {
      try {
        Reflect.apply(then, value, [fate.resolve, fate.reject]);
      } catch (reason) {
        fate.reject(reason);
      }
    });
  }

  private settle(state: Exclude<State<T>, { is: "pending" }>): void {
    const reactions = this.state.is === "pending" ? this.state.reactions : [];
    this.state = state;
    if (state.is === "rejected" && reactions.length === 0) {
      unheeded.add(this);
    }
    reactions.forEach(queueJob);
  }

  then<A = T, B = never>(
    fulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): QuickPromise<A | B> {
    return new QuickPromise<A | B>((resolve, reject) => {
      const react = (): void => {
        try {
          if (this.state.is === "rejected") {
            if (typeof rejected !== "function") {
              reject(this.state.reason);
              return;
            }
            resolve(rejected(this.state.reason));
          } else if (this.state.is === "fulfilled") {
            const { value } = this.state;
            resolve(typeof fulfilled === "function" ? fulfilled(value) : (value as unknown as A));
          }
        } catch (error) {
          reject(error);
        }
      };
      if (this.state.is === "pending") {
        this.state.reactions.push(react);
      } else {
        unheeded.delete(this);
        queueJob(react);
      }
    });
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
    return value instanceof QuickPromise
      ? value
      : new QuickPromise<unknown>((resolve) => {
          resolve(value);
        });
  }

  static reject(reason?: unknown): QuickPromise<never> {
    return new QuickPromise((_, reject) => {
      reject(reason);
    });
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
      each(QuickPromise.resolve(value) as QuickPromise<T>, (result) => {
        results[place] = result;
        taken();
      });
    }
    taken();
  });
}
