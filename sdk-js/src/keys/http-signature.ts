/**
 * Signed HTTP requests: HTTP Message Signatures (RFC 9421) with ed25519, content digests (RFC 9530).
 *
 * ```text
 * Signature-Input: moot=("@method" "@authority" "@path" "@query" "content-digest");created=..;keyid="<account>";..
 * Signature:       moot=:<ed25519 over the signature base>:
 * Content-Digest:  sha-256=:<hash of the body>:
 * ```
 *
 * - Requires: a clock within five minutes of the node's.
 * - Provides: the node knows that this account made this very request, for this host, just now. It serves it once: a
 *   request that is sent again must be signed again.
 * - Does not provide: secrecy, nor a word about headers, which are not covered.
 */

import { sha256 } from "@noble/hashes/sha2.js";
import { MootError, quoted } from "../errors.js";
import { Signature } from "../record/bytes.js";
import { toBase64, toHex, utf8 } from "../record/text.js";
import type { Keypair } from "./keypair.js";

/** A request before it is sent. */
export interface RequestToSign {
  /** The method: `POST`. */
  readonly method: string;
  /** The whole URL. A fragment is not sent and not signed. */
  readonly url: string | URL;
  /** The body's bytes; none is an empty body. */
  readonly body?: Uint8Array;
}

/** What is fixed when signing must be repeatable: in tests. */
export interface SigningMoment {
  /** Seconds since 1970; now by default. */
  readonly created?: number;
  /** Printable ASCII that no other request has; 16 random bytes by default. */
  readonly nonce?: string;
}

/** The headers to be added to a request. */
export interface SignedHeaders {
  readonly "signature-input": string;
  readonly signature: string;
  readonly "content-digest": string;
}

const LABEL = "moot";
const COVERED = '("@method" "@authority" "@path" "@query" "content-digest")';

/** `Content-Digest` of a body (RFC 9530). */
export function contentDigest(body: Uint8Array): string {
  return `sha-256=:${toBase64(sha256(body))}:`;
}

/**
 * Signs a request, now and with a fresh nonce.
 *
 * @throws MootError when the URL is none of http or https, or names a user.
 */
export function signRequest(key: Keypair, request: RequestToSign, moment: SigningMoment = {}): SignedHeaders {
  const digest = contentDigest(request.body ?? new Uint8Array());
  const created = moment.created ?? Math.floor(Date.now() / 1000);
  const nonce = moment.nonce ?? toHex(crypto.getRandomValues(new Uint8Array(16)));
  if (!Number.isSafeInteger(created) || created < 0 || !/^[ !#-[\]-~]+$/u.test(nonce)) {
    throw new MootError(
      `created=${String(created)} and nonce ${quoted(nonce)} must be whole seconds and plain ASCII`,
    );
  }
  const parameters = `${COVERED};created=${String(created)};keyid="${key.account}";alg="ed25519";nonce="${nonce}"`;
  const base = signatureBase(request, digest, parameters);
  return {
    "signature-input": `${LABEL}=${parameters}`,
    signature: `${LABEL}=:${toBase64(Signature.bytes(key.signRaw(utf8(base))))}:`,
    "content-digest": digest,
  };
}

/** The text that is signed (RFC 9421, section 2.5). */
function signatureBase(request: RequestToSign, digest: string, parameters: string): string {
  const url = new URL(request.url);
  if ((url.protocol !== "http:" && url.protocol !== "https:") || url.username !== "" || url.password !== "") {
    throw new MootError(
      `${quoted(String(request.url))} cannot be signed for: only http and https URLs without a user can`,
    );
  }
  // `URL` has the authority in its normal form already: lowercase, without the scheme's own port.
  return [
    `"@method": ${request.method.toUpperCase()}`,
    `"@authority": ${url.host}`,
    `"@path": ${url.pathname}`,
    `"@query": ${url.search === "" ? "?" : url.search}`,
    `"content-digest": ${digest}`,
    `"@signature-params": ${parameters}`,
  ].join("\n");
}
