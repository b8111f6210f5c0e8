/**
 * Keys: ed25519 accounts, the command line's key file, and signed HTTP requests as a node checks them.
 *
 * ```ts
 * import { Keypair, parseKey, signRequest } from "@folkmoot/sdk/keys";
 *
 * const key = Keypair.generate();
 * const headers = signRequest(key, { method: "POST", url: "http://127.0.0.1:8080/hello", body });
 * ```
 *
 * Files are read and written by `@folkmoot/sdk/keyfile`, which needs Node: this module runs in browsers too.
 *
 * @packageDocumentation
 */

export { MootError } from "./errors.js";
export { AccountId, type Signature } from "./record/bytes.js";
export { formatKey, Keypair, parseKey } from "./keys/keypair.js";
export {
  contentDigest,
  type RequestToSign,
  type SignedHeaders,
  type SigningMoment,
  signRequest,
} from "./keys/http-signature.js";
