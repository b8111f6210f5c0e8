/** Calls and their receipts, as the API tells them. Names are the API's own. */

import type { AccountId, Digest } from "../../record/bytes.js";
import type { EntryId, FunctionName } from "../../record/names.js";
import {
  type Decoder,
  account,
  digest,
  entryId,
  flag,
  functionName,
  list,
  object,
  optional,
  text,
  u32,
  u64,
} from "../decode.js";

/** A payload by its digest. */
export interface PayloadView {
  readonly digest: Digest;
  /** Its length. */
  readonly bytes: bigint;
}

const payload = object<PayloadView>({ digest, bytes: u64 });

/** One line of the list of calls. */
export interface CallSummary {
  readonly id: EntryId;
  readonly function: FunctionName;
  readonly kind: string;
  /** When it came in, microseconds since 1970. */
  readonly time_us: bigint;
  /** Status of its receipt; null while it runs, and of a call that is only recorded. */
  readonly status: string | null;
  readonly fuel: bigint | null;
  readonly duration_us: bigint | null;
}

export const calls: Decoder<{ calls: CallSummary[] }> = object({
  calls: list(
    object<CallSummary>({
      id: entryId,
      function: functionName,
      kind: text,
      time_us: u64,
      status: optional(text),
      fuel: optional(u64),
      duration_us: optional(u64),
    }),
  ),
});

/** A receipt as the node tells it. It proves nothing: `Client.receipt` gives the one that does. */
export interface ReceiptView {
  /** Where the receipt itself is on the ledger. */
  readonly id: EntryId;
  /** Who ran the call, and signed. */
  readonly worker: AccountId;
  readonly status: string;
  readonly output: PayloadView;
  readonly fuel: bigint;
  /** Whether the fuel was measured. */
  readonly metered: boolean;
  readonly fee: { readonly ordering: bigint; readonly execution: bigint };
  readonly touched: readonly { readonly kind: string; readonly target: string; readonly count: number }[];
  readonly time_us: bigint;
  readonly duration_us: bigint;
}

/** What another worker said of a call. */
export interface OtherReceiptView {
  /** Where its receipt is on the ledger. */
  readonly id: EntryId;
  readonly worker: AccountId;
  readonly status: string;
  /** Whether it says the same of the function as the first receipt; null when one of them says nothing of it. */
  readonly agrees: boolean | null;
}

/** A call as the node tells it. */
export interface CallView {
  readonly id: EntryId;
  readonly function: FunctionName;
  readonly component: Digest;
  readonly spec: Digest;
  readonly kind: string;
  /** The export, for typed calls. */
  readonly export: string | null;
  /** Who called, when the request was signed. */
  readonly caller: AccountId | null;
  /** The call that made this one. */
  readonly parent: EntryId | null;
  readonly input: PayloadView;
  readonly time_us: bigint;
  readonly fuel_limit: bigint;
  /** Height of the block that ordered it, once there is one. */
  readonly height: bigint | null;
  /** What became of it; null while it runs, and of a call that is only recorded. */
  readonly receipt: ReceiptView | null;
  /** Of a call that several workers run and contradict each other about: that nobody is believed. */
  readonly disputed: string | null;
  /** Of a call that several workers run: what the others said, beside `receipt`. */
  readonly others: readonly OtherReceiptView[];
}

export const callView: Decoder<CallView> = object<CallView>({
  id: entryId,
  function: functionName,
  component: digest,
  spec: digest,
  kind: text,
  export: optional(text),
  caller: optional(account),
  parent: optional(entryId),
  input: payload,
  time_us: u64,
  fuel_limit: u64,
  height: optional(u64),
  receipt: optional(
    object<ReceiptView>({
      id: entryId,
      worker: account,
      status: text,
      output: payload,
      fuel: u64,
      metered: flag,
      fee: object({ ordering: u64, execution: u64 }),
      touched: list(object({ kind: text, target: text, count: u32 })),
      time_us: u64,
      duration_us: u64,
    }),
  ),
  disputed: optional(text),
  others: list(
    object<OtherReceiptView>({ id: entryId, worker: account, status: text, agrees: optional(flag) }),
  ),
});
