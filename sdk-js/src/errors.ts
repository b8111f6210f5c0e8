/**
 * What can go wrong with bytes, values and evidence. Each says what was wrong, what would be right, and where.
 */

/** Longest message, before escapes: a screen or two. A server may write megabytes. */
const MAX_MESSAGE_CHARACTERS = 4096;
/** A value in a message is there to be recognised, not to be read. */
const MAX_QUOTED_CHARACTERS = 80;

/**
 * The root of every error that this package throws on purpose.
 *
 * Its message can be printed, whatever a server or a guest wrote into it: it is one line of bounded length, and every
 * character in it that could drive a terminal is shown as an escape.
 */
export class MootError extends Error {
  override name = "MootError";

  constructor(message = "", options?: ErrorOptions) {
    super(line(shortened(message, MAX_MESSAGE_CHARACTERS)), options);
  }
}

/** Bytes that are not the one encoding of a record. */
export class DecodeError extends MootError {
  override name = "DecodeError";

  constructor(
    message: string,
    /** Where, counted in bytes from the start of the record. */
    readonly at: number,
  ) {
    super(message);
  }
}

/** A value against the rules of its field. */
export class InvalidError extends MootError {
  override name = "InvalidError";

  constructor(
    /** The field, dotted: `spec.limits.fuel`. */
    readonly field: string,
    /** What is wrong with which value, and what would be right. */
    readonly why: string,
  ) {
    super(`${field}: ${why}`);
  }
}

/** Evidence that does not hold: a receipt, a file, a proof or a genesis. */
export class VerifyError extends MootError {
  override name = "VerifyError";

  constructor(
    /** The part that does not fit, dotted: `bundle.signature`, `certificate.quorum`, `receipt.fuel`. */
    readonly field: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Whether an error says that bytes or a value are not what the format has. */
export function isFormatError(error: unknown): error is DecodeError | InvalidError {
  return error instanceof DecodeError || error instanceof InvalidError;
}

/** Runs `read`; bytes that it cannot read become a {@link VerifyError} of `field`. */
export function within<T>(field: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (isFormatError(error)) {
      throw new VerifyError(field, `${field}: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

/** A text in a message: quoted, and shortened when it is long. */
export function quoted(text: string): string {
  return JSON.stringify(shortened(text, MAX_QUOTED_CHARACTERS));
}

/** The first `most` characters of a text that has more. */
function shortened(text: string, most: number): string {
  // A character has one or two code units.
  const short = Array.from(text.slice(0, 2 * most))
    .slice(0, most)
    .join("");
  return short.length < text.length ? `${short}…` : text;
}

// Besides the controls, what changes how its neighbours are read: the invisible characters, line separators and
// bidirectional overrides. The command line has the same list.
const DRIVES = /[\p{Control}\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/gu;
const NAMED: ReadonlyMap<string, string> = new Map([
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
]);

/** Text of others in one line: what could drive a terminal is shown as an escape. */
function line(text: string): string {
  const escape = (character: string): string =>
    NAMED.get(character) ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return text.replace(DRIVES, escape);
}
