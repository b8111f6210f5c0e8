/** The promises that functions in QuickJS run on, against Node's own: the same things happen in the same order. */

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { QuickHeaders } from "../src/guest/quickjs-headers.js";
import { host } from "./interfaces.js";

// After `interfaces`, which teaches Node where `wasi:` is.
const { QuickPromise, queueJob, runJobs, takeUnheeded } = await import("../src/guest/quickjs-promise.js");
const { settled, wait } = await import("../src/guest/quickjs-loop.js");
const timers = await import("../src/guest/quickjs-timers.js");

beforeEach(() => {
  host.log = [];
  takeUnheeded();
});

type Say = (word: string) => (value?: unknown) => unknown;
type Program = (P: PromiseConstructor, say: Say) => unknown;

/** What a program says, in the order in which it does. */
async function said(P: PromiseConstructor, program: Program): Promise<string[]> {
  const words: string[] = [];
  program(P, (word) => (value) => {
    words.push(
      value === undefined ? word : `${word} ${value instanceof Error ? value.name : JSON.stringify(value)}`,
    );
    return value;
  });
  await setImmediate();
  return words;
}

const fails = (error: unknown): never => {
  throw error;
};

const PROGRAMS: Record<string, Program> = {
  "executors run at once, reactions later": (P, say) => {
    const promise = new P<void>((resolve) => {
      say("executor")();
      resolve();
    });
    void promise.then(say("reaction"));
    say("after")();
  },
  "the first settlement counts": (P, say) => {
    new P<number>((resolve, reject) => {
      resolve(1);
      resolve(2);
      reject(new Error("too late"));
      throw new Error("later still");
    }).then(say("value"), say("reason"));
  },
  "an executor that throws rejects": (P, say) => {
    new P(() => fails(new RangeError("x"))).then(say("value"), say("reason"));
  },
  "chains interleave": (P, say) => {
    for (const name of ["a", "b"]) {
      void P.resolve()
        .then(say(`${name}1`))
        .then(say(`${name}2`))
        .then(say(`${name}3`));
    }
  },
  "a promise for a promise takes two jobs more": (P, say) => {
    void P.resolve()
      .then(async () => P.resolve("inner"))
      .then(say("outer"));
    let chain: Promise<unknown> = P.resolve();
    for (const at of [1, 2, 3, 4]) {
      chain = chain.then(() => say(`job ${String(at)}`)());
    }
  },
  "anything with a then is followed": (P, say) => {
    const thenable = {
      then(resolve: (value: string) => void) {
        say("then is called")();
        resolve("its value");
        throw new Error("ignored");
      },
    };
    void P.resolve(thenable).then(say("value"));
    say("not yet")();
    const broken = Object.defineProperty({}, "then", { get: () => fails(new TypeError("no then")) });
    P.resolve(broken).catch(say("reason"));
    void P.resolve({ then: 1 } as unknown).then(() => say("a then that is no function")());
  },
  "a promise cannot be for itself": (P, say) => {
    const own: Promise<unknown> = new P((resolve) => {
      void P.resolve().then(() => {
        resolve(own);
      });
    });
    own.catch(say("reason"));
  },
  "errors pass to the next catch": (P, say) => {
    P.reject(new RangeError("x"))
      .then(say("never"))
      .catch(say("caught"))
      .then(say("goes on"))
      .then(() => fails(new TypeError("y")))
      .then(say("never"), say("second"))
      .catch(say("never"));
  },
  "finally passes on what was there": (P, say) => {
    void P.resolve(1).finally(say("after 1")).then(say("value"));
    P.reject(new RangeError("x")).finally(say("after 2")).catch(say("reason"));
    P.resolve(1)
      .finally(() => fails(new TypeError("y")))
      .catch(say("its own"));
    void P.resolve(3).finally(null).then(say("none"));
  },
  "many are taken together": (P, say) => {
    void P.all([P.resolve(1), P.resolve(2), P.resolve().then(() => 3)]).then(say("all"));
    void P.all([]).then((values) => say("none")(values.length));
    P.all([P.reject(new RangeError("x")), P.reject(new TypeError("y"))]).catch(say("all rejected"));
    void P.allSettled([P.resolve(1), P.reject(new RangeError("x"))]).then((all) =>
      say("settled")(all.map((one) => one.status).join()),
    );
    void P.any([P.reject(new RangeError("x")), P.resolve("some")]).then(say("any"));
    P.any([P.reject(new RangeError("x"))]).catch((error: unknown) =>
      say("none of them")((error as AggregateError).errors.length),
    );
    void P.race([new P(() => undefined), P.resolve("first"), P.resolve("second")]).then(say("race"));
  },
  "what cannot be iterated rejects": (P, say) => {
    P.all(1 as unknown as []).catch(say("reason"));
    P.race(1 as unknown as []).catch(say("reason"));
  },
  "async functions run on it": (P, say) => {
    const work = async (name: string): Promise<void> => {
      for (const step of [1, 2]) {
        await P.resolve();
        say(`${name}${String(step)}`)();
      }
    };
    void P.resolve(work("a")).then(say("a is done"));
  },
};

describe("promises", () => {
  for (const [name, program] of Object.entries(PROGRAMS)) {
    test(name, async () => {
      const node = await said(Promise, program);
      assert.ok(node.length > 0);
      assert.deepEqual(await said(QuickPromise as unknown as PromiseConstructor, program), node);
    });
  }

  test("are named as promises, and take a function", () => {
    assert.equal(Object.prototype.toString.call(QuickPromise.resolve()), "[object Promise]");
    assert.equal(QuickPromise.resolve(QuickPromise.reject(1)).catch() instanceof QuickPromise, true);
    assert.throws(() => new QuickPromise(1 as never), /takes a function, not number/);
  });

  test("have their jobs run to the end, also those that jobs add", () => {
    const order: number[] = [];
    queueJob(() => {
      order.push(1);
      queueJob(() => order.push(3));
    });
    queueJob(() => order.push(2));
    runJobs();
    assert.deepEqual(order, [1, 2, 3]);
  });
});

describe("a function that waits", () => {
  // eslint-disable-next-line @typescript-eslint/promise-function-async -- that would be a promise of Node
  const sleep = (ms: number): Promise<void> =>
    new QuickPromise<void>((resolve) => {
      timers.setTimeout(() => {
        resolve();
      }, ms);
    });
  const written = (): string => host.log.map(({ message }) => message).join("\n");

  test("gets the value, or the reason", () => {
    assert.equal(settled(QuickPromise.resolve(1), "it"), 1);
    const reason = new Error("broken");
    assert.throws(
      () => settled(QuickPromise.reject(reason), "it"),
      (error) => error === reason,
    );
    assert.equal(written(), "");
  });

  test("is told when nothing is left that could settle its promise", () => {
    assert.throws(
      () => settled(new QuickPromise(() => undefined), "the handler of x"),
      /^Error: the handler of x waits for something that will never come/,
    );
  });

  test("sees timers in the order in which they end", () => {
    const order: string[] = [];
    const say = (word: string): void => void order.push(word);
    timers.setTimeout(say, 30, "30");
    timers.setTimeout(say, 10, "10");
    const stopped = timers.setTimeout(say, 20, "stopped");
    timers.setTimeout(say, 10, "10 again");
    timers.setTimeout(say, Number.NaN, "at once");
    timers.clearTimer(stopped);
    timers.clearTimer();
    settled(sleep(40), "it");
    assert.deepEqual(order, ["at once", "10", "10 again", "30"]);
  });

  test("sees an interval until it is stopped", () => {
    let times = 0;
    const every = timers.setInterval(() => {
      times += 1;
      if (times === 3) {
        timers.clearTimer(every);
      }
    }, 10);
    settled(sleep(100), "it");
    assert.equal(times, 3);
  });

  test("waits for what the host has not done, beside timers", () => {
    const { pollable, finish } = host.work();
    const order: string[] = [];
    timers.setTimeout(() => {
      order.push("timer");
      finish();
    }, 5);
    const done = new QuickPromise<void>((resolve) => {
      wait(pollable, () => {
        order.push("host");
        resolve();
      });
    });
    settled(done, "it");
    assert.deepEqual(order, ["timer", "host"]);
    assert.equal(host.held, 0, "everything was let go of");
  });

  test("has errors that nobody waits for in its log", () => {
    timers.setTimeout(() => fails(new RangeError("in a timer")), 1);
    timers.queueMicrotask(() => fails(new RangeError("in a task")));
    void QuickPromise.reject(new RangeError("in a promise"));
    settled(sleep(2), "it");
    for (const words of ["in a timer", "in a task", "nobody waits for it[^]*in a promise"]) {
      assert.match(written(), new RegExp(words));
    }
  });
});

describe("headers", () => {
  const each = <T>(work: (headers: Headers) => T, from?: [string, string][]): [T, T] => [
    work(new QuickHeaders(from)),
    work(new Headers(from)),
  ];

  test("are what Node makes of them", () => {
    const from: [string, string][] = [
      ["X-B", " 2 "],
      ["set-cookie", "a=1, x"],
      ["x-a", "1"],
      ["x-b", "3"],
      ["Set-Cookie", "b=2"],
    ];
    for (const work of [
      (headers: Headers) => [...headers],
      (headers: Headers) => [...headers.keys()].join(),
      (headers: Headers) => [...headers.values()].join(),
      (headers: Headers) => headers.get("x-B"),
      (headers: Headers) => headers.get("none"),
      (headers: Headers) => headers.getSetCookie(),
      (headers: Headers) => {
        headers.set("X-B", "4");
        headers.delete("X-A");
        headers.append("x-c", "5");
        return [[...headers], headers.has("x-a"), headers.has("X-C")];
      },
    ]) {
      const [own, node] = each<unknown>(work, from);
      assert.deepEqual(own, node);
    }
    assert.deepEqual([...new QuickHeaders({ A: "1" })], [...new Headers({ A: "1" })]);
  });

  test("are refused where Node refuses them", () => {
    for (const [name, value] of [
      ["", "x"],
      ["a b", "x"],
      ["é", "x"],
      ["a", "x\r\ny: z"],
      ["a", "\0"],
      ["a", "€"],
    ] as const) {
      for (const made of [Headers, QuickHeaders]) {
        assert.throws(
          () => {
            new made().append(name, value);
          },
          TypeError,
          JSON.stringify([name, value]),
        );
      }
    }
  });
});
