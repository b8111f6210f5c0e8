/** Paths, as the API tells them: their rules and their owners. Names are the API's own. */

import type { AccountId } from "../../record/bytes.js";
import { account, type Decoder, flag, list, object, optional, text, u64 } from "../decode.js";

/** A rule. */
export interface RuleView {
  /** What it is about: `/chat/$room`. */
  readonly pattern: string;
  /** The expression, in CEL. */
  readonly rule: string;
}

const ruleView = object<RuleView>({ pattern: text, rule: text });

export const rulesView: Decoder<{ rules: RuleView[] }> = object({ rules: list(ruleView) });

/** What the rules would say about a value. Nothing was written. */
export interface Verdict {
  readonly allowed: boolean;
  /** The rule that says so; null when none applies. */
  readonly rule: RuleView | null;
  /** Why it would not be allowed. */
  readonly why: string | null;
  /** Height of the block after which that was so. */
  readonly height: bigint;
}

export const verdict: Decoder<Verdict> = object<Verdict>({
  allowed: flag,
  rule: optional(ruleView),
  why: optional(text),
  height: u64,
});

/** Who owns a path. */
export interface OwnerView {
  /** The path that was asked about. */
  readonly path: string;
  /** The closest path at or above it that has an owner, or had; null: nobody ever owned one. */
  readonly at: string | null;
  /** Its owner; null when nobody has it. */
  readonly owner: AccountId | null;
  /** It was given up for good. */
  readonly given_up: boolean;
}

export const ownerView: Decoder<OwnerView> = object<OwnerView>({
  path: text,
  at: optional(text),
  owner: optional(account),
  given_up: flag,
});
