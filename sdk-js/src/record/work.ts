/**
 * Workers that register: what each offers.
 *
 * ```text
 * offer    [[sandbox, ...], [function, ...]|null, [account, ...]|null, engine]
 * ```
 */

import { InvalidError, quoted } from "../errors.js";
import { AccountId } from "./bytes.js";
import type { Reader, Writer } from "./cbor.js";
import { numbered } from "./codec.js";
import type { Kind } from "./kind.js";
import {
  MAX_ENGINE_BYTES,
  MAX_OFFERED_FUNCTIONS,
  MAX_OFFERED_REPLICAS,
  MAX_OFFERED_SANDBOXES,
} from "./limits.js";
import { FunctionName } from "./names.js";
import { compareText } from "./text.js";

/** A kind of secure runtime environment: WebAssembly components, or a process of the operator's choice. */
export type Sandbox = "component" | "external";

const SANDBOX = numbered<Sandbox>("sandbox", ["component", "external"]);

/** What a worker offers. Each list is sorted, each member once. */
export interface WorkOffer {
  /** The sandboxes that it has. */
  readonly kinds: readonly Sandbox[];
  /** The functions that it serves; null: every one that it can. */
  readonly functions: readonly FunctionName[] | null;
  /** The replicas that it has joined; null: all of them. */
  readonly replicas: readonly AccountId[] | null;
  /**
   * What it runs components with, 1 to 32 of `a-z 0-9 . + -`, as in `wasmtime-48.0.8+1`. Only workers with one and the same
   * run one call together.
   */
  readonly engine: string;
}

/** The account that says it is a worker with a stake, and takes calls. */
export interface Work {
  /** What it offers; null: it takes no calls any more. */
  readonly offer: WorkOffer | null;
}

export const WorkOffer = {
  write(out: Writer, { kinds, functions, replicas, engine }: WorkOffer): void {
    out.array(4);
    out.array(kinds.length);
    for (const kind of kinds) {
      SANDBOX.write(out, kind);
    }
    out.option(functions, (names) => {
      out.array(names.length);
      for (const name of names) {
        FunctionName.write(out, name);
      }
    });
    out.option(replicas, (joined) => {
      out.array(joined.length);
      for (const account of joined) {
        AccountId.write(out, account);
      }
    });
    out.text(engine);
  },

  read(r: Reader): WorkOffer {
    r.array(4);
    return {
      kinds: r.items(MAX_OFFERED_SANDBOXES, () => SANDBOX.read(r)),
      functions: r.option(() => r.items(MAX_OFFERED_FUNCTIONS, () => FunctionName.read(r))),
      replicas: r.option(() => r.items(MAX_OFFERED_REPLICAS, () => AccountId.read(r))),
      engine: r.text(MAX_ENGINE_BYTES),
    };
  },

  check({ kinds, functions, replicas, engine }: WorkOffer): void {
    checkSet("transaction.kinds", kinds, MAX_OFFERED_SANDBOXES);
    if (functions !== null) {
      checkSet("transaction.functions", functions, MAX_OFFERED_FUNCTIONS);
    }
    if (replicas !== null) {
      checkSet("transaction.replicas", replicas, MAX_OFFERED_REPLICAS);
    }
    if (!/^[a-z0-9.+-]+$/u.test(engine) || engine.length > MAX_ENGINE_BYTES) {
      const why = `is not 1 to ${String(MAX_ENGINE_BYTES)} of a-z 0-9 . + -`;
      throw new InvalidError("transaction.engine", `${quoted(engine)} ${why}`);
    }
  },
};

/** Accounts sort as their hexadecimal text does, and the sandboxes' names as their numbers. */
function checkSet(field: string, list: readonly string[], most: number): void {
  if (list.length < 1 || list.length > most) {
    throw new InvalidError(field, `${String(list.length)} members; write 1 to ${String(most)}`);
  }
  const sorted = list.every((text, i) => {
    const before = list[i - 1];
    return before === undefined || compareText(before, text) < 0;
  });
  if (!sorted) {
    throw new InvalidError(field, "not sorted, each once");
  }
}

export const WORK: Kind<Work> = {
  number: 17,
  fields: 2,
  write(out, { offer }) {
    out.option(offer, (said) => {
      WorkOffer.write(out, said);
    });
  },
  read: (r) => ({ offer: r.option(() => WorkOffer.read(r)) }),
  check({ offer }) {
    if (offer !== null) {
      WorkOffer.check(offer);
    }
  },
};
