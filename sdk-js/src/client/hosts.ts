/**
 * Outside hosts that a manifest grants, in the one form that the ledger keeps: `https://api.example.com:443`.
 *
 * The rule is the host's (`host/src/outbound/allow.rs`): what looks like a number to some resolver must not look like a
 * name here, and two texts that mean the same have the same form.
 */

import { MootError, quoted } from "../errors.js";

/**
 * The canonical form of an allowed host.
 *
 * @throws MootError saying what is wrong and how it is written.
 */
export function parseAllowedHost(text: string): string {
  const why = (reason: string, example = "https://api.example.com:443"): MootError =>
    new MootError(`${quoted(text)} is not an outside host: ${reason}; write it as ${example}`);
  const [, scheme, rest] = /^([^:]*):\/\/(.*)$/su.exec(text) ?? [];
  if (scheme === undefined || rest === undefined) {
    throw why("it has no scheme");
  }
  const lower = scheme.toLowerCase();
  if (lower !== "https" && lower !== "http") {
    throw why("its scheme is neither https nor http");
  }
  const authority = rest.replace(/\/$/u, "");
  if (/[/?#]/u.test(authority)) {
    throw why("it has a path, and a grant is for a whole host");
  }
  if (authority.includes("@")) {
    throw why("it has a user name");
  }
  // The last colon, unless it lies within the brackets of an IPv6 address.
  const [, host = authority, port] = /^(.*):([^\]:]*)$/su.exec(authority) ?? [];
  const number =
    port === undefined ? (lower === "https" ? 443 : 80) : /^[0-9]+$/u.test(port) ? Number(port) : 0;
  if (number < 1 || number > 65_535) {
    throw why("its port is not a number from 1 to 65535");
  }
  return `${lower}://${canonicalHost(host, why)}:${String(number)}`;
}

type Why = (reason: string, example?: string) => MootError;

function canonicalHost(host: string, why: Why): string {
  const below = "https://*.example.com:443";
  if (host.startsWith("*.")) {
    const parent = hostName(host.slice(2), (reason) => why(reason, below));
    if (!parent.includes(".")) {
      throw why("a star right below a top-level domain would allow nearly everyone", below);
    }
    return `*.${parent}`;
  }
  if (host.includes("*")) {
    throw why("a star stands for one whole label, at the front, of a name with at least two more", below);
  }
  if (host.startsWith("[")) {
    return ipv6(host, why);
  }
  return isIpv4(host) ? host : hostName(host, why);
}

function isIpv4(host: string): boolean {
  return /^(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\.(?!$)|$)){4}$/u.test(host);
}

function ipv6(host: string, why: Why): string {
  if (!/^\[[0-9A-Fa-f:.]+\]$/u.test(host) || !URL.canParse(`http://${host}`)) {
    throw why(
      host.endsWith("]")
        ? "what is in brackets is not an IPv6 address"
        : "the bracket around the IPv6 address is not closed",
    );
  }
  const canonical = new URL(`http://${host}`).hostname;
  // An IPv4 address in IPv6 clothes is shown as one (RFC 5952, section 5); `URL` shows it in hexadecimal.
  const [, high, low] = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/u.exec(canonical) ?? [];
  if (high === undefined || low === undefined) {
    return canonical;
  }
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return `[::ffff:${[a >> 8, a & 255, b >> 8, b & 255].join(".")}]`;
}

/** A name: dot-separated labels, the last of them no number. */
function hostName(text: string, why: Why): string {
  const name = text.replace(/\.$/u, "");
  if (name === "") {
    throw why("it has no host");
  }
  if (!/^\p{ASCII}*$/u.test(name)) {
    throw why("the host is not ASCII: write an international name as xn--...");
  }
  if (name.length > 253) {
    throw why("the host is longer than the 253 bytes a name may have");
  }
  const labels = name.split(".");
  if (
    !labels.every(
      (label) => label.length <= 63 && /^[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?$/u.test(label),
    )
  ) {
    throw why("the host is not a name (labels of 1 to 63 letters, digits, - and _)");
  }
  if (/^(?:[0-9]+|0x[0-9a-f]*)$/iu.test(labels.at(-1) ?? "")) {
    throw why("the host is a number but not an IPv4 address in its plain form, like 192.0.2.1");
  }
  return name.toLowerCase();
}
