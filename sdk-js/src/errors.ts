/**
 * What can go wrong with bytes, values and evidence. Each says what was wrong, what would be right, and where.
 */

/** The root of every error that this package throws on purpose. */
export class MootError extends Error {
  override name = "MootError";
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
  const shown = Array.from(text.slice(0, 200)).slice(0, 80).join("");
  return JSON.stringify(shown.length < text.length ? `${shown}…` : text);
}
