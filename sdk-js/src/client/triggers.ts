/**
 * Triggers, which make functions run by themselves, and what came of it. They are set by the transaction `trigger`.
 */

import { MootError, quoted } from "../errors.js";
import type { Api, Limits } from "./api.js";
import {
  derivedCalls,
  type DerivedView,
  derivedView,
  triggersView,
  type TriggerView,
} from "./views/triggers.js";

/** The triggers of a network, as a node knows them. */
export class Triggers {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** Every trigger that is set, by name. */
  async list(options: Limits = {}): Promise<TriggerView[]> {
    return (await this.#api.read(triggersView, "/_moot/triggers", options)).triggers;
  }

  /** The newest calls that triggers derived, newest first; 50 unless told otherwise, at most 1000. */
  async derived(options: Limits & { readonly limit?: number } = {}): Promise<DerivedView[]> {
    const target = `/_moot/derived?limit=${String(options.limit ?? 50)}`;
    return (await this.#api.read(derivedCalls, target, options)).derived;
  }

  /** A derived call such as `d-17-0`, with its receipt; null when there is none, or it is forgotten. */
  async find(id: string, options: Limits = {}): Promise<DerivedView | null> {
    if (!/^d-[0-9]{1,20}-[0-9]{1,10}$/u.test(id)) {
      throw new MootError(`${quoted(id)} is not the name of a derived call, such as d-17-0`);
    }
    return this.#api.find(derivedView, `/_moot/derived/${id}`, options);
  }
}
