/**
 * Triggers: what makes a function run without anybody calling it.
 *
 * ```text
 * trigger  [on, function, access]
 * on       [0, pattern] | [1, cron] | [2, function]
 * access   [0] | [1, [account, ...]] | [2, text]
 * ```
 */

import { InvalidError, quoted } from "../errors.js";
import { AccountId } from "./bytes.js";
import { type Reader, unknownNumber, type Writer, wrongLength } from "./cbor.js";
import { MAX_CRON_BYTES, MAX_PATH_BYTES, MAX_RULE_BYTES, MAX_TRIGGER_ACCOUNTS } from "./limits.js";
import { checkPattern, checkRuleText, FunctionName } from "./names.js";

/** What a trigger waits for. */
export type TriggerOn =
  /** A value written to one of a pattern's paths. */
  | { readonly value: string }
  /** A time: five fields of cron, in UTC, by the time of blocks. */
  | { readonly schedule: string }
  /** The end of a call of another function. */
  | { readonly completion: FunctionName };

/** Who may make a trigger fire: anyone, these accounts (sorted), or whom a rule allows. */
export type TriggerAccess =
  "anyone" | { readonly accounts: readonly AccountId[] } | { readonly rule: string };

/** What makes a function run, and who may make it. */
export interface Trigger {
  readonly on: TriggerOn;
  /** The function that runs: one of kind event. */
  readonly function: FunctionName;
  /** Of a schedule, anyone. */
  readonly access: TriggerAccess;
}

export const Trigger = {
  write(out: Writer, trigger: Trigger): void {
    out.array(3);
    writeOn(out, trigger.on);
    FunctionName.write(out, trigger.function);
    writeAccess(out, trigger.access);
  },

  read(r: Reader): Trigger {
    r.array(3);
    const trigger = { on: readOn(r), function: FunctionName.read(r), access: readAccess(r) };
    Trigger.check(trigger);
    return trigger;
  },

  /** Checks what the types alone cannot. Whether a schedule or a rule can be read is the ledger's to say. */
  check({ on, access }: Trigger): void {
    if ("value" in on) {
      checkPattern(on.value);
    } else if ("schedule" in on) {
      checkSchedule(on.schedule);
      if (access !== "anyone") {
        throw new InvalidError("trigger.access", "time is nobody's: a schedule has access for anyone");
      }
    }
    checkAccess(access);
  },
};

function writeOn(out: Writer, on: TriggerOn): void {
  out.array(2);
  if ("value" in on) {
    out.uint(0);
    out.text(on.value);
  } else if ("schedule" in on) {
    out.uint(1);
    out.text(on.schedule);
  } else {
    out.uint(2);
    FunctionName.write(out, on.completion);
  }
}

function readOn(r: Reader): TriggerOn {
  r.array(2);
  const at = r.position;
  const number = r.uint();
  switch (number) {
    case 0n:
      return { value: r.text(MAX_PATH_BYTES) };
    case 1n:
      return { schedule: r.text(MAX_CRON_BYTES) };
    case 2n:
      return { completion: FunctionName.read(r) };
    default:
      throw unknownNumber("what a trigger is on", at, number);
  }
}

function writeAccess(out: Writer, access: TriggerAccess): void {
  if (access === "anyone") {
    out.array(1);
    out.uint(0);
  } else if ("accounts" in access) {
    out.array(2);
    out.uint(1);
    out.array(access.accounts.length);
    for (const account of access.accounts) {
      AccountId.write(out, account);
    }
  } else {
    out.array(2);
    out.uint(2);
    out.text(access.rule);
  }
}

function readAccess(r: Reader): TriggerAccess {
  const at = r.position;
  const fields = r.list(2);
  const numberAt = r.position;
  const number = r.uint();
  if (number > 2n) {
    throw unknownNumber("access", numberAt, number);
  }
  const wanted = number === 0n ? 1 : 2;
  if (fields !== wanted) {
    throw wrongLength("a trigger's access", at, fields, wanted);
  }
  if (number === 0n) {
    return "anyone";
  }
  return number === 1n
    ? { accounts: r.items(MAX_TRIGGER_ACCOUNTS, () => AccountId.read(r)) }
    : { rule: r.text(MAX_RULE_BYTES) };
}

function checkSchedule(cron: string): void {
  if (!/^[0-9 *,/-]+$/u.test(cron) || cron.length > MAX_CRON_BYTES) {
    const rule = `1 to ${String(MAX_CRON_BYTES)} of digits, spaces and \`*,-/\``;
    throw new InvalidError(
      "trigger.on",
      `${quoted(cron)} is not ${rule}: five fields, as in \`0 6 * * 1-5\``,
    );
  }
}

function checkAccess(access: TriggerAccess): void {
  if (access === "anyone") {
    return;
  }
  if ("accounts" in access) {
    const { accounts } = access;
    if (accounts.length === 0) {
      const why = "an empty list lets nobody make it fire: take the trigger back";
      throw new InvalidError("trigger.access", why);
    }
    if (accounts.some((account, i) => i > 0 && account <= (accounts[i - 1] ?? ""))) {
      throw new InvalidError("trigger.access", "the accounts are not sorted, or one is there twice");
    }
    return;
  }
  checkRuleText(access.rule, "trigger.access");
}
