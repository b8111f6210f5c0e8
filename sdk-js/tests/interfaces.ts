/** A host for the guest modules: what they import of `moot:` and `wasi:` comes from here, inside Node. */

import assert from "node:assert/strict";
import { register } from "node:module";

/** What the guest wrote and holds; a test looks at it and changes it. */
export interface FakeHost {
  log: { level: string; name: string; message: string }[];
  variables: Record<string, string>;
  store: Map<string, Uint8Array>;
  /** What opening a store throws, when it does. */
  refusal: unknown;
  random: (bigint | number)[];
  /** What is ready once `finish` was called. */
  work: () => { pollable: FakePollable; finish: () => void };
  /** What the guest has not let go of. */
  held: number;
}

/** Something that a guest can wait for. */
class FakePollable {
  constructor(readonly ready: () => boolean) {
    host.held += 1;
  }
  [Symbol.dispose](): void {
    host.held -= 1;
  }
}

/** When those end that are timers. */
const alarms = new WeakMap<FakePollable, number>();

/** Nanoseconds of a clock that moves when somebody waits for it. */
let now = 0;

export const host: FakeHost = {
  log: [],
  variables: {},
  store: new Map(),
  refusal: null,
  random: [],
  work: () => {
    let done = false;
    const pollable = new FakePollable(() => done);
    const finish = (): void => {
      done = true;
    };
    return { pollable, finish };
  },
  held: 0,
};

// QuickJS has what Node has not yet.
const later = Uint8Array as {
  fromBase64?: (text: string) => Uint8Array;
  prototype: { toBase64?: () => string };
};
later.fromBase64 ??= (text) => Uint8Array.from(Buffer.from(text, "base64"));
later.prototype.toBase64 ??= function (this: Uint8Array) {
  return Buffer.from(this).toString("base64");
};

const decoder = new TextDecoder();
const bucket = {
  get: (key: string) => host.store.get(key),
  set: (key: string, value: Uint8Array) => host.store.set(key, value),
  delete: (key: string) => host.store.delete(key),
  exists: (key: string) => host.store.has(key),
  listKeys: (cursor: string | undefined) => {
    // Two keys a page.
    const keys = [...host.store.keys()];
    const from = Number(cursor ?? 0);
    return {
      keys: keys.slice(from, from + 2),
      cursor: from + 2 < keys.length ? String(from + 2) : undefined,
    };
  },
};

const interfaces = {
  "moot:function/context": {
    callId: () => "0-1-0-0-0",
    function: () => "tested",
    caller: () => undefined,
    height: () => 7n,
    timeUs: () => 8,
    fuelLeft: () => 9n,
    traceParent: () => null,
  },
  "wasi:logging/logging": {
    log: (level: string, name: string, message: string) => host.log.push({ level, name, message }),
  },
  "wasi:config/store": {
    get: (name: string) => host.variables[name],
    getAll: () => Object.entries(host.variables),
  },
  "wasi:io/poll": {
    poll: (pollables: FakePollable[]) => {
      const ready = (): number[] => [...pollables.keys()].filter((at) => pollables[at]?.ready() === true);
      // Time stands still unless there is nothing else to wait for.
      const wakes = pollables.map((pollable) => alarms.get(pollable) ?? Infinity);
      if (ready().length === 0) {
        now = Math.max(now, Math.min(...wakes));
      }
      assert.ok(ready().length > 0, "the guest waits for ever");
      return ready();
    },
  },
  "wasi:clocks/monotonic-clock": {
    now: () => now,
    subscribeInstant: (when: number) => {
      const alarm = new FakePollable(() => now >= when);
      alarms.set(alarm, when);
      return alarm;
    },
  },
  "wasi:random/insecure": { getInsecureRandomU64: () => host.random.shift() ?? 0n },
  "wasi:keyvalue/store": {
    open: () => {
      if (host.refusal !== null) {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- engines throw an `err` as what it is
        throw host.refusal;
      }
      return bucket;
    },
  },
  "wasi:keyvalue/atomics": {
    increment: (_: unknown, key: string, by: bigint) => {
      const bytes = host.store.get(key);
      const sum = (bytes === undefined ? 0n : BigInt(decoder.decode(bytes))) + by;
      host.store.set(key, new TextEncoder().encode(String(sum)));
      return sum;
    },
  },
};

/** Where the modules made below find their functions. */
const PLACE = "folkmootTestInterfaces";
Object.assign(globalThis, { [PLACE]: interfaces });

const modules = Object.fromEntries(
  Object.entries(interfaces).map(([name, functions]) => {
    const lines = Object.keys(functions).map(
      (key) => `const own_${key} = from.${key};\nexport { own_${key} as ${key} };`,
    );
    const code = `const from = globalThis.${PLACE}[${JSON.stringify(name)}];\n${lines.join("\n")}`;
    return [name, `data:text/javascript,${encodeURIComponent(code)}`];
  }),
);
const hooks = `const modules = ${JSON.stringify(modules)};
export async function resolve(specifier, context, next) {
  const url = modules[specifier];
  return url === undefined ? next(specifier, context) : { url, shortCircuit: true };
}`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
