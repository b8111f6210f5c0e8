/** What a call touched outside its sandbox. */

import { InvalidError, quoted } from "../errors.js";
import type { Reader, Writer } from "./cbor.js";
import { numbered } from "./codec.js";
import { MAX_TOUCHED_BYTES, MAX_TOUCHES, MAX_TOUCH_TARGET_BYTES } from "./limits.js";
import { compareText, hasControl, utf8 } from "./text.js";

/** What kind of thing was touched. */
export type TouchKind = "http" | "key-value" | "directory" | "function" | "value" | "clock" | "random";

const KINDS = numbered<TouchKind>("kind of touch", [
  "http",
  "key-value",
  "directory",
  "function",
  "value",
  "clock",
  "random",
]);

/** A kind of target and the target, with how often it was touched. */
export interface Touch {
  /** What kind of thing. */
  readonly kind: TouchKind;
  /** Which; `*` stands for targets that had no room in the receipt. */
  readonly target: string;
  /** How often, at least once; 2^32-1 means that often or more. */
  readonly count: number;
}

const n = String;

export const Touch = {
  write(out: Writer, touch: Touch): void {
    out.array(3);
    KINDS.write(out, touch.kind);
    out.text(touch.target);
    out.uint(touch.count);
  },

  read(r: Reader): Touch {
    r.array(3);
    return { kind: KINDS.read(r), target: r.text(MAX_TOUCH_TARGET_BYTES), count: r.u32() };
  },
};

function compare(a: Touch, b: Touch): number {
  return KINDS.number(a.kind) - KINDS.number(b.kind) || compareText(a.target, b.target);
}

/** Checks a receipt's list: bounded, sorted by kind and target, each once. */
export function checkTouches(touches: readonly Touch[]): void {
  const field = "receipt.touched";
  if (touches.length > MAX_TOUCHES) {
    throw new InvalidError(field, `${n(touches.length)} touches; at most ${n(MAX_TOUCHES)}`);
  }
  let bytes = 0;
  for (const { target, count } of touches) {
    const length = utf8(target).length;
    if (hasControl(target) || length < 1 || length > MAX_TOUCH_TARGET_BYTES) {
      const rule = `1 to ${n(MAX_TOUCH_TARGET_BYTES)} bytes of text without control characters`;
      throw new InvalidError(`${field}.target`, `${quoted(target)} is not ${rule}`);
    }
    if (count === 0) {
      throw new InvalidError(`${field}.count`, "0; what was not touched is not listed");
    }
    bytes += length;
  }
  if (bytes > MAX_TOUCHED_BYTES) {
    throw new InvalidError(field, `${n(bytes)} bytes of targets; at most ${n(MAX_TOUCHED_BYTES)}`);
  }
  const sorted = touches.every((touch, i) => {
    const before = touches[i - 1];
    return before === undefined || compare(before, touch) < 0;
  });
  if (!sorted) {
    throw new InvalidError(field, "not sorted by kind and target, each once");
  }
}
