/** A payload by digest: what went into a function or came out of it. */

import { InvalidError } from "../errors.js";
import { Digest } from "./bytes.js";
import type { Reader, Writer } from "./cbor.js";
import { DOMAINS } from "./hash.js";
import { MAX_INLINE_BYTES } from "./limits.js";

/** The digest and length of some bytes, and the bytes themselves when they are few and public. */
export interface Payload {
  /** Their digest: {@link payloadDigest}. */
  readonly digest: Digest;
  /** How many bytes. */
  readonly bytes: bigint;
  /** The bytes, at most 4 KiB. */
  readonly inline?: Uint8Array;
}

/** The digest of a payload. */
export function payloadDigest(bytes: Uint8Array): Digest {
  return DOMAINS.payload.digest(bytes);
}

/** Whether these are the bytes of a payload. */
export function isPayloadOf(payload: Payload, bytes: Uint8Array): boolean {
  return payload.bytes === BigInt(bytes.length) && payload.digest === payloadDigest(bytes);
}

export const Payload = {
  write(out: Writer, payload: Payload): void {
    out.array(3);
    Digest.write(out, payload.digest);
    out.uint(payload.bytes);
    out.option(payload.inline, (inline) => {
      out.bytes(inline);
    });
  },

  read(r: Reader): Payload {
    r.array(3);
    const digest = Digest.read(r);
    const bytes = r.uint();
    const inline = r.option(() => r.bytes(MAX_INLINE_BYTES).slice());
    return inline === null ? { digest, bytes } : { digest, bytes, inline };
  },

  check({ digest, bytes, inline }: Payload): void {
    if (inline === undefined) {
      return;
    }
    if (inline.length > MAX_INLINE_BYTES) {
      const why = `${String(inline.length)} bytes; at most ${String(MAX_INLINE_BYTES)} ride in an entry`;
      throw new InvalidError("payload.inline", why);
    }
    if (BigInt(inline.length) !== bytes) {
      throw new InvalidError(
        "payload.bytes",
        `${String(inline.length)} bytes are inline, ${String(bytes)} are announced`,
      );
    }
    const found = payloadDigest(inline);
    if (found !== digest) {
      throw new InvalidError("payload.digest", `the inline bytes have digest ${found}, not ${digest}`);
    }
  },
};
