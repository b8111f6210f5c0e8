/**
 * A node, seen from outside: what its API offers, as methods.
 *
 * A request is sent again only where that is safe: when it changes nothing, or when its idempotency key makes it run
 * once. It is signed when the node asks for that and there is a key, or when the caller asks for it.
 */

import { MootError, quoted } from "../errors.js";
import type { Keypair } from "../keys/keypair.js";
import type { Digest } from "../record/bytes.js";
import { componentDigest } from "../record/hash.js";
import { parseEntryId, parseFunctionName } from "../record/names.js";
import type { Transaction } from "../record/transaction.js";
import { Accounts } from "./accounts.js";
import { parseAddress } from "./address.js";
import { Api, type Limits } from "./api.js";
import { bytesOf, callHeaders, type CallOptions, type Data, exportPath, typedArguments } from "./call.js";
import {
  deploy,
  type Deployed,
  type DeployTarget,
  type FunctionToDeploy,
  retire,
  rollback,
} from "./deploy.js";
import { type LogLine, type NodeEvent, readEvent } from "./events.js";
import { LONG_TIMEOUT_MS } from "./limits.js";
import { Paths } from "./paths.js";
import { type Answer, type Ask, send } from "./send.js";
import { type StateQuestion, stateTarget } from "./state.js";
import { signed, transact } from "./transact.js";
import { Triggers } from "./triggers.js";
import { Values } from "./values.js";
import * as accountViews from "./views/accounts.js";
import * as callViews from "./views/calls.js";
import * as functionViews from "./views/functions.js";
import * as nodeViews from "./views/node.js";

/** How a client speaks to its node. */
export interface ClientOptions {
  /** The key that signs what must be signed. */
  readonly key?: Keypair;
  /** Another `fetch`: for tests, proxies, instrumentation. */
  readonly fetch?: typeof globalThis.fetch;
}

/** An HTTP request to a function. */
export interface RequestOptions extends CallOptions {
  /** `GET`, or `POST` with a body. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Data;
}

/** A client of one node. It keeps no state but its address and key. */
export class Client implements DeployTarget {
  /** The node's origin. */
  readonly origin: string;
  /** Messages written to paths: write, read, list and follow them. */
  readonly values: Values;
  /** What accounts have, paid and got, what calls cost, and units that change hands. */
  readonly accounts: Accounts;
  /** Who owns paths, and what the rules say of who writes there. */
  readonly paths: Paths;
  /** What makes functions run by itself, and what came of it. */
  readonly triggers: Triggers;
  readonly #api: Api;

  /**
   * @param address - Where the node is: `http://127.0.0.1:8080`. Nothing is connected yet.
   * @throws MootError when it is no address.
   */
  constructor(address: string, options: ClientOptions = {}) {
    this.origin = parseAddress(address);
    const fetch = options.fetch ?? (async (...request) => globalThis.fetch(...request));
    this.#api = new Api({ origin: this.origin, key: options.key, fetch });
    this.values = new Values(this.#api);
    this.paths = new Paths(this.#api);
    this.triggers = new Triggers(this.#api);
    this.accounts = new Accounts(this.#api, async (transaction) => this.transact(transaction));
  }

  // ---- Calls -------------------------------------------------------------------------------------------------------

  /** Calls a function of kind event with a payload. */
  async invoke(name: string, payload: Data = "", options: CallOptions = {}): Promise<Answer> {
    const target = `/_moot/functions/${parseFunctionName(name)}/call`;
    return this.#call({ method: "POST", target, body: bytesOf(payload) }, options);
  }

  /**
   * Calls an export of a function of kind typed.
   *
   * @param path - `name`, or `interface#name`.
   * @param args - One value a parameter, as the platform's JSON has it. A `bigint` becomes a number or, beyond 2^53-1, a
   * decimal string; a `Uint8Array` becomes base64: what `u64` and `list<u8>` take.
   */
  async invokeTyped(
    name: string,
    path: string,
    args: readonly unknown[],
    options: CallOptions = {},
  ): Promise<Answer> {
    return this.invokeJson(name, path, typedArguments(args), options);
  }

  /** The same with the arguments as JSON text: an array with one element a parameter. */
  async invokeJson(name: string, path: string, args: string, options: CallOptions = {}): Promise<Answer> {
    const target = `/_moot/functions/${parseFunctionName(name)}/call/${exportPath(path)}`;
    const headers = { "content-type": "application/json" };
    return this.#call({ method: "POST", target, headers, body: bytesOf(args) }, options);
  }

  /**
   * Sends an HTTP request to a function by its route. What the function answers is the answer, whatever its status; what
   * the node refuses is thrown.
   *
   * @param target - Path and query, beginning with `/`.
   */
  async request(target: string, options: RequestOptions = {}): Promise<Answer> {
    if (!target.startsWith("/")) {
      throw new MootError(`${quoted(target)} is not a path; it begins with a slash, as in /hello?lang=en`);
    }
    const { headers = {}, body } = options;
    const method = (options.method ?? (body === undefined ? "GET" : "POST")).toUpperCase();
    if (!/^[A-Z-]{1,32}$/u.test(method) || ["CONNECT", "TRACE", "TRACK"].includes(method)) {
      throw new MootError(`${quoted(method)} is not a method that can be sent`);
    }
    if (body !== undefined && (method === "GET" || method === "HEAD")) {
      throw new MootError(`${method} takes no body; send one with POST or PUT`);
    }
    return this.#call({ method, target, headers, body: bytesOf(body ?? "") }, options);
  }

  async #call(
    ask: Pick<Ask, "method" | "target" | "headers" | "body">,
    options: CallOptions,
  ): Promise<Answer> {
    return send(this.#api.connection, {
      ...ask,
      headers: { ...ask.headers, ...callHeaders(options) },
      timeoutMs: options.timeoutMs ?? LONG_TIMEOUT_MS,
      repeatable: options.idempotencyKey !== undefined,
      sign: options.sign ?? false,
      signal: options.signal,
    });
  }

  // ---- Evidence ----------------------------------------------------------------------------------------------------

  /**
   * The receipt file of a call, as `verifyReceiptFile` checks it: the exact text, to be kept.
   *
   * @param options - `final` waits, up to half a minute, for the certificate of the block that ordered it.
   * @throws ProblemError of kind `not-final` when that did not come in time, `not-found` when there is no such call.
   */
  async receipt(call: string, options: Limits & { readonly final?: boolean } = {}): Promise<string> {
    const query = options.final === true ? "?final" : "";
    const answer = await this.#api.get(`${callPath(call)}/receipt${query}`, options, LONG_TIMEOUT_MS);
    return answer.text();
  }

  /** What went into a call: exactly the recorded bytes, whose digest its record has. */
  async input(call: string, options: Limits = {}): Promise<Uint8Array> {
    return (await this.#api.get(`${callPath(call)}/input`, options, LONG_TIMEOUT_MS)).bytes;
  }

  /** What came out of a call: exactly the recorded bytes, whose digest its receipt has. */
  async output(call: string, options: Limits = {}): Promise<Uint8Array> {
    return (await this.#api.get(`${callPath(call)}/output`, options, LONG_TIMEOUT_MS)).bytes;
  }

  /**
   * A state file of what the network agreed on about an account, a function, a rule and so on, as `verifyStateFile`
   * checks it: the exact text, to be kept. It waits for a block that carries the root of the present state, which an idle
   * network makes about once a second.
   *
   * @throws ProblemError of kind `no-block-yet` when none came in time.
   */
  async stateProof(question: StateQuestion, options: Limits = {}): Promise<string> {
    const target = stateTarget(question);
    const { signal } = options;
    const ask = { method: "GET", target, timeoutMs: LONG_TIMEOUT_MS, repeatable: true, signal };
    return (await this.#api.expect(ask)).text();
  }

  /**
   * The network's genesis, as the text of its file. It proves nothing about the node that gives it: compare its digest
   * with somebody you trust before you verify with it.
   */
  async genesis(options: Limits = {}): Promise<string> {
    return (await this.#api.get("/_moot/genesis", options)).text();
  }

  // ---- What there is -----------------------------------------------------------------------------------------------

  /** What the node says about itself. */
  async status(options: Limits = {}): Promise<nodeViews.NodeStatus> {
    return this.#api.read(nodeViews.nodeStatus, "/_moot/status", options);
  }

  /** Every function. */
  async functions(options: Limits = {}): Promise<functionViews.FunctionSummary[]> {
    return (await this.#api.read(functionViews.functions, "/_moot/functions", options)).functions;
  }

  /** One function; null when there is none of that name. */
  async function(name: string, options: Limits = {}): Promise<functionViews.FunctionView | null> {
    return this.#api.find(functionViews.functionView, `/_moot/functions/${parseFunctionName(name)}`, options);
  }

  /** The newest calls, newest first; 50 unless told otherwise, at most 1000. */
  async calls(options: Limits & { readonly limit?: number } = {}): Promise<callViews.CallSummary[]> {
    const target = `/_moot/calls?limit=${String(options.limit ?? 50)}`;
    return (await this.#api.read(callViews.calls, target, options)).calls;
  }

  /** One call; null when there is none of that id. */
  async call(id: string, options: Limits = {}): Promise<callViews.CallView | null> {
    return this.#api.find(callViews.callView, callPath(id), options);
  }

  /** A block; null when there is none of that height yet. */
  async block(height: bigint | number, options: Limits = {}): Promise<nodeViews.BlockView | null> {
    return this.#api.find(nodeViews.blockView, `/_moot/blocks/${String(height)}`, options);
  }

  /** Blocks, receipts and changes of functions as they become durable, until the reader stops or the signal aborts. */
  events(options: Limits = {}): AsyncGenerator<NodeEvent, void> {
    return this.#api.stream("/_moot/events", readEvent, options) as AsyncGenerator<NodeEvent, void>;
  }

  /** What a function wrote: the last lines, and with `follow` what comes after them. */
  logs(
    name: string,
    options: Limits & { readonly follow?: boolean } = {},
  ): AsyncGenerator<LogLine | (NodeEvent & { type: "missed" }), void> {
    const query = options.follow === true ? "?follow" : "";
    const lines = this.#api.stream(
      `/_moot/functions/${parseFunctionName(name)}/logs${query}`,
      readEvent,
      options,
    );
    return lines as AsyncGenerator<LogLine | (NodeEvent & { type: "missed" }), void>;
  }

  // ---- Changing functions ------------------------------------------------------------------------------------------

  /** Deploys a function, signed by the client's key, as `moot deploy` does; waits until it is final. */
  async deploy(one: FunctionToDeploy): Promise<Deployed> {
    const [deployed] = await this.deployAll([one]);
    if (deployed === undefined) {
      throw new MootError("the node left an outcome out");
    }
    return deployed;
  }

  /** Deploys several functions under one signature. */
  async deployAll(functions: readonly FunctionToDeploy[]): Promise<Deployed[]> {
    return deploy(this, this.#api.key(), functions);
  }

  /** Makes an earlier version of a function the active one; the one before by default. Gives its number. */
  async rollback(name: string, version?: number): Promise<number> {
    return rollback(this, this.#api.key(), name, version);
  }

  /** Retires a function for ever, when its manifest lets it be destroyed. */
  async retire(name: string): Promise<void> {
    return retire(this, this.#api.key(), name);
  }

  // ---- Transactions ------------------------------------------------------------------------------------------------

  /**
   * Signs transactions with the client's key and waits until they are final: one outcome for each. Several are applied
   * together, or none of them is.
   *
   * @throws MootError saying why they were refused; ProblemError when the node did not take them.
   */
  async transact(...transactions: Transaction[]): Promise<readonly functionViews.EntryOutcome[]> {
    return transact(this, this.#api.key(), transactions);
  }

  /** What would come of transactions said together, and what they would cost. Nothing is recorded. */
  async dryRun(...transactions: Transaction[]): Promise<accountViews.DryRun> {
    const body = await signed(this, this.#api.key(), transactions);
    const headers = { "content-type": "application/cbor" };
    const target = "/_moot/bundles?dry-run";
    const ask = { method: "POST", target, headers, body, timeoutMs: LONG_TIMEOUT_MS, repeatable: true };
    const { transactions: all, ...answer } = this.#api.json(accountViews.dryRun, await this.#api.expect(ask));
    // Of several the first one only says that they are said together.
    return { ...answer, transactions: all.slice(all.length - transactions.length) };
  }

  /** Uploads a component, signed by the client's key. The node inspects it and says its kind; deploying compiles it. */
  async putComponent(
    bytes: Uint8Array,
    digest: Digest = componentDigest(bytes),
  ): Promise<functionViews.ComponentView> {
    const headers = { "content-type": "application/wasm" };
    const target = `/_moot/components/${digest}`;
    const limits = { timeoutMs: LONG_TIMEOUT_MS, repeatable: true, sign: true };
    const ask = { method: "PUT", target, headers, body: bytes, ...limits };
    return this.#api.json(functionViews.componentView, await this.#api.expect(ask));
  }

  /** Submits an encoded, signed bundle and waits until it is final. Sent once: the ledger takes a bundle once. */
  async submit(bundle: Uint8Array): Promise<functionViews.EntryOutcome[]> {
    const headers = { "content-type": "application/cbor" };
    const ask = { method: "POST", target: "/_moot/bundles", headers, body: bundle, repeatable: false };
    return this.#api.json(
      functionViews.bundleAnswer,
      await this.#api.expect({ ...ask, timeoutMs: LONG_TIMEOUT_MS }),
    ).entries;
  }
}

/** Where a call is in the API; the id is checked, so that nothing else can get into the path. */
function callPath(id: string): string {
  parseEntryId(id);
  return `/_moot/calls/${id}`;
}
