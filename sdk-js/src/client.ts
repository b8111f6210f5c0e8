/**
 * A node over HTTP, with nothing but `fetch`: deploy, call, follow, and fetch the evidence.
 *
 * ```ts
 * import { Client } from "@folkmoot/sdk/client";
 *
 * const node = new Client("http://127.0.0.1:8080", { key });
 * await node.deploy({ name: "hello", component });
 * const answer = await node.invoke("hello", "ada");
 * const receipt = await node.receipt(answer.call, { final: true });
 * ```
 *
 * @packageDocumentation
 */

export { MootError, InvalidError } from "./errors.js";
export { type Accounts, type Behind, type BillOptions, consentTo } from "./client/accounts.js";
export type { CallOptions, Data } from "./client/call.js";
export { Client, type ClientOptions, type RequestOptions } from "./client/client.js";
export type { Deployed, FunctionToDeploy } from "./client/deploy.js";
export {
  type Payment,
  type Problem,
  ProblemError,
  TransportError,
  type TransportReason,
} from "./client/errors.js";
export type { LogLine, NodeEvent } from "./client/events.js";
export type { ManifestGrants } from "./client/grants.js";
export { type Manifest, type ManifestLimits, specOf } from "./client/manifest.js";
export type { Answer } from "./client/send.js";
export type { StateQuestion } from "./client/state.js";
export type {
  AccountView,
  BilledCall,
  DryOutcome,
  DryRun,
  HoldView,
  PricesView,
  StakesView,
  StakeView,
  StatementLine,
} from "./client/views/accounts.js";
export type { OwnerView, RuleView, Verdict } from "./client/views/paths.js";
export type { DerivedView, TriggerView } from "./client/views/triggers.js";
export type { CallSummary, CallView, OtherReceiptView, ReceiptView } from "./client/views/calls.js";
export type {
  ComponentView,
  EntryOutcome,
  ExportView,
  FunctionSummary,
  FunctionView,
  Outcome,
  VersionView,
} from "./client/views/functions.js";
export type { BlockView, NodeStatus } from "./client/views/node.js";
export type { StoredValue, ValueEvent, ValueView, ValueWritten } from "./client/views/values.js";
export type { Paths } from "./client/paths.js";
export type { Triggers } from "./client/triggers.js";
export type { PutOptions, Values } from "./client/values.js";
export { type Transaction } from "./record/transaction.js";
