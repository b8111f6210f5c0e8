/** Triggers, and the calls that they derive, as the API tells them. Names are the API's own. */

import type { AccountId } from "../../record/bytes.js";
import type { EntryId, FunctionName } from "../../record/names.js";
import type { Trigger, TriggerOn } from "../../record/trigger.js";
import {
  account,
  type Decoder,
  entryId,
  formOf,
  functionName,
  list,
  object,
  optional,
  text,
  u32,
  u64,
} from "../decode.js";
import { type CallView, callView } from "./calls.js";
import { access } from "./functions.js";

/** A trigger. */
export interface TriggerView {
  readonly name: FunctionName;
  /** Who set it, and is the caller of what it makes run. */
  readonly owner: AccountId;
  /** What it waits for, which function runs, and who may make it. */
  readonly trigger: Trigger;
  /** Of a schedule: when it fires next, milliseconds since 1970. */
  readonly next_ms: bigint | null;
}

const on = formOf<TriggerOn>({
  value: object({ value: text }),
  schedule: object({ schedule: text }),
  completion: object({ completion: functionName }),
});

const triggerView = object<TriggerView>({
  name: functionName,
  owner: account,
  trigger: object<Trigger>({ on, function: functionName, access }),
  next_ms: optional(u64),
});

export const triggersView: Decoder<{ triggers: TriggerView[] }> = object({ triggers: list(triggerView) });

/** A call that a trigger derived. */
export interface DerivedView {
  /** Its name: `d-17-0`, for the first of block 17. */
  readonly id: string;
  readonly trigger: FunctionName;
  readonly function: FunctionName;
  /** The trigger's owner, who is the caller. */
  readonly owner: AccountId;
  /** What happened: `value:/chat/lobby/42`, `schedule:digest`, `completion:0-7-0-0-1`. */
  readonly source: string;
  /** The value, or the call that ended. */
  readonly at: EntryId | null;
  /** Who wrote the value, or made the call that ended. */
  readonly by: AccountId | null;
  /** When, milliseconds since 1970. */
  readonly time_ms: bigint;
  /** How many triggers in a row led to it. */
  readonly depth: number;
  /** The lane whose replica runs it. */
  readonly lane: number;
  /** `open`, `answered` or `dropped`. */
  readonly state: string;
  /** Why it is not run, or was dropped. */
  readonly why: string | null;
  /** Status of its receipt. */
  readonly status: string | null;
  /** Its call's address, once a block has it. */
  readonly call: EntryId | null;
  /** The call with its receipt; in the list left out. */
  readonly view: CallView | null;
}

export const derivedView: Decoder<DerivedView> = object<DerivedView>({
  id: text,
  trigger: functionName,
  function: functionName,
  owner: account,
  source: text,
  at: optional(entryId),
  by: optional(account),
  time_ms: u64,
  depth: u32,
  lane: u32,
  state: text,
  why: optional(text),
  status: optional(text),
  call: optional(entryId),
  view: optional(callView),
});

export const derivedCalls: Decoder<{ derived: DerivedView[] }> = object({ derived: list(derivedView) });
