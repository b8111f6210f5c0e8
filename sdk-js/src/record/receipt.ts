/** A receipt: a worker's statement of what came of a call. */

import { Digest } from "./bytes.js";
import type { Reader, Writer } from "./cbor.js";
import { numbered } from "./codec.js";
import { MAX_TOUCHES } from "./limits.js";
import { EntryId } from "./names.js";
import { Payload } from "./payload.js";
import { checkTouches, Touch } from "./touch.js";

/** How a call ended. */
export type Status =
  | "ok"
  | "failed"
  | "trapped"
  | "out-of-fuel"
  | "deadline"
  | "limit-exceeded"
  | "denied"
  | "interrupted"
  | "unavailable";

const STATUS = numbered<Status>("status", [
  "ok",
  "failed",
  "trapped",
  "out-of-fuel",
  "deadline",
  "limit-exceeded",
  "denied",
  "interrupted",
  "unavailable",
]);

/** What a call costs, in the network's smallest unit of account. */
export interface Fee {
  /** For having its entries ordered. */
  readonly ordering: bigint;
  /** For the fuel it burnt. */
  readonly execution: bigint;
}

/** What came of a call, as the worker says. Whose word it is, the bundle's signature says. */
export interface Receipt {
  /** The call's address. */
  readonly call: EntryId;
  /** The digest of the call's entry: binds this receipt to what was asked. */
  readonly call_digest: Digest;
  /** The component that ran. */
  readonly component: Digest;
  /** How it ended. */
  readonly status: Status;
  /** What came out. */
  readonly output: Payload;
  /** The fuel burnt. */
  readonly fuel: bigint;
  /** Whether fuel was counted at all. */
  readonly metered: boolean;
  /** What it costs. */
  readonly fee: Fee;
  /** What it touched outside, sorted, each once. */
  readonly touched: readonly Touch[];
  /** When it ended, in microseconds since 1970 by the worker's clock. */
  readonly time_us: bigint;
  /** How long it ran, in microseconds. */
  readonly duration_us: bigint;
}

/** Fields of a receipt in its array, after the entry's kind. */
export const RECEIPT_FIELDS = 11;

export const Receipt = {
  write(out: Writer, receipt: Receipt): void {
    EntryId.write(out, receipt.call);
    Digest.write(out, receipt.call_digest);
    Digest.write(out, receipt.component);
    STATUS.write(out, receipt.status);
    Payload.write(out, receipt.output);
    out.uint(receipt.fuel);
    out.boolean(receipt.metered);
    out.array(2);
    out.uint(receipt.fee.ordering);
    out.uint(receipt.fee.execution);
    out.array(receipt.touched.length);
    for (const touch of receipt.touched) {
      Touch.write(out, touch);
    }
    out.uint(receipt.time_us);
    out.uint(receipt.duration_us);
  },

  read(r: Reader): Receipt {
    const receipt: Receipt = {
      call: EntryId.read(r),
      call_digest: Digest.read(r),
      component: Digest.read(r),
      status: STATUS.read(r),
      output: Payload.read(r),
      fuel: r.uint(),
      metered: r.boolean(),
      fee: readFee(r),
      touched: r.items(MAX_TOUCHES, () => Touch.read(r)),
      time_us: r.uint(),
      duration_us: r.uint(),
    };
    checkTouches(receipt.touched);
    Payload.check(receipt.output);
    return receipt;
  },
};

function readFee(r: Reader): Fee {
  r.array(2);
  return { ordering: r.uint(), execution: r.uint() };
}
