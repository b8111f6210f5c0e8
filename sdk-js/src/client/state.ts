/** Asking for proofs of the state: which key is which path of the API. */

import { MootError, quoted } from "../errors.js";
import { AccountId } from "../record/bytes.js";
import { checkPath, checkPattern, parseEntryId, parseFunctionName } from "../record/names.js";

/** What a proof is asked of. */
export type StateQuestion =
  | { readonly account: string }
  | { readonly stake: string }
  | { readonly conviction: string }
  | { readonly worker: string }
  | { readonly hold: string }
  | { readonly function: string }
  | { readonly trigger: string }
  /** A path. */
  | { readonly owner: string }
  /** A pattern: the rule that stands at exactly this one. */
  | { readonly rule: string }
  | "prices"
  | "pot";

const CHECKS: Readonly<Record<string, (key: string) => unknown>> = {
  account: AccountId.parse,
  stake: AccountId.parse,
  conviction: AccountId.parse,
  worker: AccountId.parse,
  hold: parseEntryId,
  function: parseFunctionName,
  trigger: parseFunctionName,
  owner: checkPath,
  rule: checkPattern,
};

/** Where the proof is in the API. */
export function stateTarget(question: StateQuestion): string {
  if (typeof question === "string") {
    return `/_moot/state/network/${question}`;
  }
  const [kind = "", key = ""] = (Object.entries(question)[0] ?? []) as string[];
  const check = Object.hasOwn(CHECKS, kind) ? CHECKS[kind] : undefined;
  if (check === undefined) {
    throw new MootError(
      `${quoted(kind)} is nothing that can be proven; ${Object.keys(CHECKS).join(" ")} are`,
    );
  }
  check(key);
  // Of a path or a pattern without its first slash.
  return `/_moot/state/${kind}/${key.replace(/^\//u, "")}`;
}
