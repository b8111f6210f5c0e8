/** What can go wrong between a client and a node. */

import { MootError } from "../errors.js";
import type { AccountId } from "../record/bytes.js";
import { isObject, type Json, type JsonObject, parseJson } from "../record/json.js";
import { fromUtf8 } from "../record/text.js";
import { account, object, units } from "./decode.js";

/** Why there is no answer that can be used. */
export type TransportReason =
  /** Nobody answers there, or the connection broke. */
  | "unreachable"
  /** No answer in time. */
  | "timeout"
  /** An answer larger than the client is willing to hold. */
  | "too-large"
  /** An answer that is not of a Folkmoot node's API. */
  | "foreign";

/** There is no answer, or not one of a node. */
export class TransportError extends MootError {
  override name = "TransportError";

  constructor(
    readonly reason: TransportReason,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The members of a node's problem document, for programs: texts are as they came, and not made safe to print. */
export interface Problem {
  /** Names the kind of problem: `/_moot/problems#<kind>`. */
  readonly type: string;
  /** The kind of problem in words. */
  readonly title: string;
  /** The HTTP status. */
  readonly status: number;
  /** What was wrong this time, with the value, and what to do next. */
  readonly detail: string;
  /** The call that failed, when one was recorded: it has a receipt too. */
  readonly call: string | null;
  /** The status of the call's receipt, when there is one. */
  readonly callStatus: string | null;
  /** Fuel that the failed call used. */
  readonly fuel: bigint | null;
  /** The guest's stack when it trapped, innermost first. */
  readonly backtrace: readonly string[];
  /** What is missing, when an account cannot pay (kind `payment-required`). */
  readonly payment: Payment | null;
}

/** What an account that has to pay lacks, in the network's smallest unit of account. */
export interface Payment {
  /** Who has to pay. */
  readonly account: AccountId;
  /** What it has. */
  readonly balance: bigint;
  /** What of that is reserved for calls that are under way. */
  readonly reserved: bigint;
  readonly needed: bigint;
  /** What is missing: give the account as much, and try again. */
  readonly missing: bigint;
}

/**
 * The node refused, or the function failed: problem details (RFC 9457) as an error.
 *
 * The message is the detail, made safe to print; `problem` has it as it came.
 */
export class ProblemError extends MootError {
  override name = "ProblemError";
  /** The last part of the type, for comparing: `no-such-function`, `function-failed`, `out-of-fuel`. */
  readonly kind: string;

  constructor(
    readonly problem: Problem,
    /** How long the node asked to wait before the next try, in milliseconds. */
    readonly retryAfterMs: number | null,
  ) {
    const { detail, title, status } = problem;
    super(detail || title || `the node answered ${String(status)}`);
    this.kind = problem.type.slice(problem.type.lastIndexOf("#") + 1);
  }

  /** The HTTP status. */
  get status(): number {
    return this.problem.status;
  }

  /** The id of the call that failed, when one was recorded. */
  get call(): string | null {
    return this.problem.call;
  }
}

const MEDIA_TYPE = "application/problem+json";
const TYPE_PREFIX = "/_moot/problems#";
/** A problem has a line or two, and a stack of 32 frames. */
const MAX_PROBLEM_BYTES = 256 * 1024;

/** The problem that an answer is; undefined when it is none of a node. */
export function problemOf(status: number, headers: Headers, body: Uint8Array): ProblemError | undefined {
  if (status < 400 || !(headers.get("content-type") ?? "").startsWith(MEDIA_TYPE)) {
    return undefined;
  }
  const document = parsed(body);
  const type = document?.["type"];
  if (document === undefined || typeof type !== "string" || !type.startsWith(TYPE_PREFIX)) {
    return undefined;
  }
  const text = (key: string): string | null => {
    const value = document[key];
    return typeof value === "string" ? value : null;
  };
  const { fuel, backtrace } = document;
  const frames = Array.isArray(backtrace) ? backtrace : [];
  const problem: Problem = {
    type,
    title: text("title") ?? "",
    status,
    detail: text("detail") ?? "",
    call: text("call"),
    callStatus: text("call-status"),
    fuel: typeof fuel === "bigint" ? fuel : null,
    backtrace: frames.filter((frame) => typeof frame === "string"),
    payment: paymentOf(document["payment"]),
  };
  return new ProblemError(problem, retryAfterMs(headers));
}

const payment = object<Payment>({ account, balance: units, reserved: units, needed: units, missing: units });

/** What is missing; the problem stands also without it. */
function paymentOf(found: Json | undefined): Payment | null {
  try {
    return payment(found, "payment");
  } catch {
    return null;
  }
}

function parsed(body: Uint8Array): JsonObject | undefined {
  try {
    const document = parseJson(fromUtf8(body) ?? "", MAX_PROBLEM_BYTES);
    return isObject(document) ? document : undefined;
  } catch {
    return undefined;
  }
}

/** `Retry-After` in its form of seconds. */
export function retryAfterMs(headers: Headers): number | null {
  const seconds = headers.get("retry-after") ?? "";
  return /^[0-9]{1,9}$/u.test(seconds) ? 1000 * Number(seconds) : null;
}
