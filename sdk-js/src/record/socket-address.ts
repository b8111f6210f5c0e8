/**
 * Where a replica listens: an IP address and a port, as text `10.0.0.5:9080` or `[2001:db8::5]:9080` and as 6 or 18
 * bytes, big-endian. The text is the one of RFC 5952, so that one address has one text.
 */

import { MootError, quoted } from "../errors.js";
import { type Reader, type Writer, wrongLength } from "./cbor.js";
import { concat } from "./text.js";

declare const kind: unique symbol;

/** An IP address and a port: `10.0.0.5:9080`, `[2001:db8::5]:9080`. */
export type SocketAddress = string & { readonly [kind]: "socket address" };

const PORT_BYTES = 2;
const V4_BYTES = 4;
const V6_BYTES = 16;

/**
 * Checks a text form.
 *
 * @throws {MootError} When it is none, or not the one that its address has.
 */
export function parseSocketAddress(text: string): SocketAddress {
  addressBytes(text);
  return text as SocketAddress;
}

export const SocketAddress = {
  write(out: Writer, address: SocketAddress): void {
    out.bytes(addressBytes(address));
  },

  read(r: Reader): SocketAddress {
    const at = r.position;
    const bytes = r.bytes(V6_BYTES + PORT_BYTES);
    if (bytes.length !== V4_BYTES + PORT_BYTES && bytes.length !== V6_BYTES + PORT_BYTES) {
      throw wrongLength("the address", at, bytes.length, V4_BYTES + PORT_BYTES);
    }
    return print(bytes);
  },

  /** Whether others can be told to go there: it names a host and a port. */
  isReachable(address: SocketAddress): boolean {
    const bytes = addressBytes(address);
    const [host, port] = [bytes.subarray(0, -PORT_BYTES), bytes.subarray(-PORT_BYTES)];
    return host.some((byte) => byte !== 0) && port.some((byte) => byte !== 0);
  },
};

function addressBytes(text: string): Uint8Array {
  const [, v6, v4, port] = /^(?:\[([0-9a-f:.]{2,45})\]|([0-9.]{7,15})):([0-9]{1,5})$/u.exec(text) ?? [];
  const host = v6 === undefined ? readV4(v4 ?? "") : readV6(v6);
  const number = Number(port);
  const bytes = host && concat(host, Uint8Array.of(number >> 8, number & 0xff));
  // What does not print as it was written is out of range, or one of the other spellings.
  if (bytes === undefined || print(bytes) !== text) {
    const wanted = "an IP address and a port, as in 10.0.0.5:9080 or [2001:db8::5]:9080";
    throw new MootError(`${quoted(text)} is not ${wanted}`);
  }
  return bytes;
}

function readV4(text: string): Uint8Array | undefined {
  const parts = text.split(".").map(Number);
  return parts.length === V4_BYTES ? Uint8Array.from(parts) : undefined;
}

function readV6(text: string): Uint8Array | undefined {
  const [head = "", tail, more] = text.split("::");
  const first = groups(head);
  const last = groups(tail ?? "");
  const gap = V6_BYTES - first.length - last.length;
  if (more !== undefined || gap < 0 || (tail === undefined && gap > 0)) {
    return undefined;
  }
  return Uint8Array.from([...first, ...new Array<number>(gap).fill(0), ...last]);
}

/** The bytes of groups of four hexadecimal digits; the last may be an IPv4 address. */
function groups(text: string): number[] {
  return text === ""
    ? []
    : text.split(":").flatMap((group) => {
        const number = Number.parseInt(group, 16);
        return group.includes(".") ? group.split(".").map(Number) : [number >> 8, number & 0xff];
      });
}

function print(bytes: Uint8Array): SocketAddress {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const host = bytes.subarray(0, -PORT_BYTES);
  const port = String(view.getUint16(host.length));
  if (host.length === V4_BYTES) {
    return `${host.join(".")}:${port}` as SocketAddress;
  }
  const words = Array.from({ length: V6_BYTES / 2 }, (_, i) => view.getUint16(2 * i));
  return `[${printV6(words, host)}]:${port}` as SocketAddress;
}

function printV6(words: readonly number[], host: Uint8Array): string {
  if (words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff) {
    return `::ffff:${host.subarray(V6_BYTES - V4_BYTES).join(".")}`;
  }
  // The first of the longest runs of zeros, if it is longer than one, is written as `::`.
  let [start, length] = [0, 1];
  for (let i = 0; i < words.length; i += 1) {
    const end = words.findIndex((word, at) => at >= i && word !== 0);
    const run = (end < 0 ? words.length : end) - i;
    if (run > length) {
      [start, length] = [i, run];
    }
  }
  const hex = (part: readonly number[]): string => part.map((word) => word.toString(16)).join(":");
  return length === 1 ? hex(words) : `${hex(words.slice(0, start))}::${hex(words.slice(start + length))}`;
}
