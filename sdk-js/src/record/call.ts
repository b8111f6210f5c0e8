/** A call: what a function was asked, by whom, when, under which version. */

import { InvalidError, quoted } from "../errors.js";
import { AccountId, Digest } from "./bytes.js";
import { type Reader, unknownNumber, type Writer } from "./cbor.js";
import { MAX_EXPORT_NAME_BYTES } from "./limits.js";
import { EntryId, FunctionName } from "./names.js";
import { Payload } from "./payload.js";

/** How a function is called: by HTTP, by an event, or by one of its own exports. */
export type CallKind = "http" | "event" | { readonly typed: { readonly export: string } };

/** A call. Its id is the address of its entry. */
export interface Call {
  /** The function. */
  readonly function: FunctionName;
  /** The component that runs. */
  readonly component: Digest;
  /** The spec that it runs under. */
  readonly spec: Digest;
  /** How it is called. */
  readonly kind: CallKind;
  /** Who called, when they proved it. */
  readonly caller: AccountId | null;
  /** What goes in. */
  readonly input: Payload;
  /** When the gateway took it, in microseconds since 1970 by its own clock. */
  readonly time_us: bigint;
  /** The fuel it may burn. */
  readonly fuel_limit: bigint;
  /** The digest of an idempotency key, when the client sent one. */
  readonly idempotency: Digest | null;
  /** The call that made this call, when a function did. */
  readonly parent: EntryId | null;
}

/** Fields of a call in its array, after the entry's kind. */
export const CALL_FIELDS = 11;

function checkExport(name: string): void {
  if (!/^[!-~]+$/u.test(name) || name.length > MAX_EXPORT_NAME_BYTES) {
    const why = `${quoted(name)} is not 1 to ${String(MAX_EXPORT_NAME_BYTES)} printable ASCII characters`;
    throw new InvalidError("call.kind.export", why);
  }
}

function readKind(r: Reader): CallKind {
  const at = r.position;
  const number = r.uint();
  const name = r.option(() => r.text(MAX_EXPORT_NAME_BYTES));
  if (number > 2n) {
    throw unknownNumber("kind of call", at, number);
  }
  if ((number === 2n) !== (name !== null)) {
    throw new InvalidError("call.kind.export", "a typed call, and no other, names an export");
  }
  return name !== null ? { typed: { export: name } } : number === 0n ? "http" : "event";
}

export const Call = {
  write(out: Writer, call: Call): void {
    FunctionName.write(out, call.function);
    Digest.write(out, call.component);
    Digest.write(out, call.spec);
    const { kind } = call;
    out.uint(kind === "http" ? 0 : kind === "event" ? 1 : 2);
    out.option(typeof kind === "object" ? kind.typed.export : null, (name) => {
      out.text(name);
    });
    out.option(call.caller, (caller) => {
      AccountId.write(out, caller);
    });
    Payload.write(out, call.input);
    out.uint(call.time_us);
    out.uint(call.fuel_limit);
    out.option(call.idempotency, (key) => {
      Digest.write(out, key);
    });
    out.option(call.parent, (parent) => {
      EntryId.write(out, parent);
    });
  },

  read(r: Reader): Call {
    const call: Call = {
      function: FunctionName.read(r),
      component: Digest.read(r),
      spec: Digest.read(r),
      kind: readKind(r),
      caller: r.option(() => AccountId.read(r)),
      input: Payload.read(r),
      time_us: r.uint(),
      fuel_limit: r.uint(),
      idempotency: r.option(() => Digest.read(r)),
      parent: r.option(() => EntryId.read(r)),
    };
    if (typeof call.kind === "object") {
      checkExport(call.kind.typed.export);
    }
    Payload.check(call.input);
    return call;
  },
};
