/**
 * Paths: who owns them, which rules say who may write there, and what these would say.
 *
 * They are changed by transactions: `own` and `rule`.
 */

import { AccountId } from "../record/bytes.js";
import { checkPath, parseFunctionName } from "../record/names.js";
import { utf8 } from "../record/text.js";
import type { Api, Limits } from "./api.js";
import { type OwnerView, ownerView, type RuleView, rulesView, type Verdict, verdict } from "./views/paths.js";

/** The paths of a network, as a node knows them. */
export class Paths {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** Every rule, by pattern. */
  async rules(options: Limits = {}): Promise<RuleView[]> {
    return (await this.#api.read(rulesView, "/_moot/rules", options)).rules;
  }

  /**
   * What the rules would say of a value that somebody writes to a path, as `moot rules eval` asks. Nothing is written.
   *
   * @param value - What would be written, as text.
   * @param options - `account` is who writes, and `function` the function that does; without an account its owner is meant,
   *   and without both the node's own account.
   */
  async judge(
    path: string,
    value = "",
    options: Limits & { readonly account?: string; readonly function?: string } = {},
  ): Promise<Verdict> {
    checkPath(path);
    const account = options.account === undefined ? {} : { account: AccountId.parse(options.account) };
    const writer = options.function === undefined ? {} : { function: parseFunctionName(options.function) };
    const answer = await this.#api.expect({
      method: "POST",
      target: "/_moot/rules/eval",
      headers: { "content-type": "application/json" },
      body: utf8(JSON.stringify({ path, value, ...account, ...writer })),
      repeatable: true,
      signal: options.signal,
    });
    return this.#api.json(verdict, answer);
  }

  /** Who owns a path: the owner of the closest one at or above it. */
  async owner(path: string, options: Limits = {}): Promise<OwnerView> {
    checkPath(path);
    return this.#api.read(ownerView, `/_moot/owners${path}`, options);
  }
}
