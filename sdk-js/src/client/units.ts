/**
 * Sizes and durations as people write them: `64MiB`, `10s`, `1h30m`.
 *
 * A size without a unit is bytes. A duration always needs its unit: `10` could be seconds or milliseconds, and a guess
 * would be wrong for somebody. `64M` is refused for the same reason: it means two different numbers.
 */

import { MootError, quoted } from "../errors.js";
import { MAX_U64 } from "../record/limits.js";

const SIZES: Readonly<Record<string, bigint>> = {
  "": 1n,
  b: 1n,
  kib: 1n << 10n,
  mib: 1n << 20n,
  gib: 1n << 30n,
  tib: 1n << 40n,
  kb: 10n ** 3n,
  mb: 10n ** 6n,
  gb: 10n ** 9n,
  tb: 10n ** 12n,
};

const DURATIONS_MS: Readonly<Record<string, bigint>> = {
  ms: 1n,
  s: 1_000n,
  m: 60_000n,
  h: 3_600_000n,
  d: 86_400_000n,
};

/**
 * `number` (digits with at most one point) times `scale`, exactly: `1.1GiB` must be the same number on every machine.
 * Undefined when it is no number.
 */
function scaled(number: string, scale: bigint, text: string): bigint | undefined {
  const [, whole, fraction = ""] = /^([0-9]+)(?:\.([0-9]{1,9}))?$/u.exec(number.replaceAll("_", "")) ?? [];
  if (whole === undefined) {
    return undefined;
  }
  const value = BigInt(whole) * scale + (BigInt(`0${fraction}`) * scale) / 10n ** BigInt(fraction.length);
  if (whole.length > 20 || value > MAX_U64) {
    throw new MootError(`${quoted(text)} is too large to be meant`);
  }
  return value;
}

/** Reads a size in bytes: `64MiB`, `1.5 GiB`, `512B`, `512`. */
export function parseSize(text: string): bigint {
  const [, number = "", unit = ""] = /^\s*([0-9._]*)\s*([A-Za-z]*)\s*$/u.exec(text) ?? [];
  if (/^[kmgt]$/iu.test(unit)) {
    const written = number.replaceAll("_", "") + unit.toUpperCase();
    const both = `write "${written}iB" (powers of 1024) or "${written}B" (powers of 1000)`;
    throw new MootError(`${quoted(text)} can mean two numbers: ${both}`);
  }
  const key = unit.toLowerCase();
  const scale = Object.hasOwn(SIZES, key) ? SIZES[key] : undefined;
  const bytes = scale === undefined ? undefined : scaled(number, scale, text);
  if (bytes === undefined) {
    throw new MootError(
      `${quoted(text)} is not a size: write a number and a unit, such as "64MiB", "8KiB" or "512B"`,
    );
  }
  return bytes;
}

/** Reads a duration in milliseconds: `500ms`, `10s`, `1h30m`, `7d`. */
export function parseDuration(text: string): bigint {
  const PART = /^\s*([0-9._]+)\s*(ms|[smhd])(?![A-Za-z])/u;
  let rest = text.trimEnd();
  let total = 0n;
  do {
    const [part, number = "", unit = ""] = PART.exec(rest) ?? [];
    const ms = part === undefined ? undefined : scaled(number, DURATIONS_MS[unit] ?? 0n, text);
    if (ms === undefined) {
      const examples = 'such as "500ms", "10s", "1h30m" or "7d"';
      throw new MootError(`${quoted(text)} is not a duration: write numbers with units, ${examples}`);
    }
    total += ms;
    rest = rest.slice(part?.length ?? 0);
  } while (rest !== "");
  if (total > MAX_U64) {
    throw new MootError(`${quoted(text)} is too large to be meant`);
  }
  return total;
}
