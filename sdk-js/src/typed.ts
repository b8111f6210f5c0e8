/**
 * What `moot bindings --lang ts` writes stands on: a codec for each type of WIT, and a call with types.
 *
 * ```ts
 * const node = new Client("http://127.0.0.1:8080");
 * const calculator = new Calculator(node); // moot bindings calculator --lang ts
 * const [quotient, remainder] = await calculator.divide(17n, 5n);
 * ```
 *
 * @packageDocumentation
 */

export { Failed, TypedExport, type TypedOptions } from "./typed/call.js";
export {
  array,
  type Codec,
  enumeration,
  flags,
  list,
  MismatchError,
  option,
  record,
  type Result,
  result,
  type Some,
  some,
  tuple,
  unit,
  variant,
} from "./typed/codec.js";
export { bool, bytes, char, f32, f64, s16, s32, s64, s8, string, u16, u32, u64, u8 } from "./typed/plain.js";
