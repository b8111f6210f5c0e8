/** Facts about the call being served: the same that its record on the ledger states. */

import * as wit from "moot:function/context";

/** Facts about the call being served. They are constant during the call, but for `fuelLeft`. */
export const context = {
  /** The call's address on the ledger, such as `0-42-0-1-3`: unique in a network, for ever. */
  get callId(): string {
    return wit.callId();
  },
  /** The name this function is deployed under. */
  get function(): string {
    return wit.function();
  },
  /**
   * The account that the call is made by, as 64 hex digits: who signed it, the owner of the function that made it, or
   * the trigger's owner; null when nobody signed.
   */
  get caller(): string | null {
    return wit.caller() ?? null;
  },
  /** Height of the newest final block when the call is run; 0 for a deterministic function. */
  get height(): bigint {
    return BigInt(wit.height());
  },
  /** When the call was recorded, in microseconds since 1970. Stands still during the call. */
  get timeUs(): bigint {
    return BigInt(wit.timeUs());
  },
  /** What this call may still burn; one instruction is about one unit. Falls during the call. */
  get fuelLeft(): bigint {
    return BigInt(wit.fuelLeft());
  },
  /**
   * W3C trace context, to be passed on in outbound requests; null when the call is not traced, and for a deterministic
   * function.
   */
  get traceParent(): string | null {
    return wit.traceParent() ?? null;
  },
} as const;
