/**
 * The genesis: what a network is, and all that a verifier has to trust.
 *
 * - Requires: that the file came from someone who is believed.
 * - Provides: the network's digest, which every bundle names; the committee whose votes certify blocks.
 * - Does not provide: later committees. While the validators never change, one genesis verifies every height.
 */

import { InvalidError, MootError, quoted, VerifyError } from "../errors.js";
import { AccountId, Digest } from "./bytes.js";
import { type Codec, encode } from "./codec.js";
import { DOMAINS } from "./hash.js";
import { exact, isObject, type Json, type JsonObject, parseJson, printJson, show } from "./json.js";
import {
  MAX_GENESIS_BYTES,
  MAX_JSON_INTEGER,
  MAX_NETWORK_NAME_BYTES,
  MAX_U32,
  MAX_U64,
  MAX_VALIDATORS,
} from "./limits.js";
import { isReliableKey } from "./signature.js";
import { hasControl, utf8 } from "./text.js";

const n = String;

/** The version of the genesis format that this code knows. */
export const GENESIS_VERSION = 1;

/** Prices, in the network's smallest unit of account. */
export interface Prices {
  /** For ordering one byte of an entry. */
  readonly per_byte: bigint;
  /** For burning one million units of fuel. */
  readonly per_mega_fuel: bigint;
}

/** The start of a network, checked. */
export interface Genesis {
  /** The network's digest: what every bundle names. */
  readonly network: Digest;
  readonly version: number;
  /** A name for people. */
  readonly name: string;
  /** When it was made, in milliseconds since 1970. */
  readonly time_ms: bigint;
  /** The replicas that vote, sorted. */
  readonly validators: readonly AccountId[];
  /** What things cost. */
  readonly prices: Prices;
}

type Fields = Omit<Genesis, "network">;

/** The namespace of the replicas' votes: `moot:` and the first 16 digits of the network. */
export function genesisNamespace(genesis: Genesis): string {
  return `moot:${genesis.network.slice(0, 16)}`;
}

const Fields: Codec<Fields> = {
  maxBytes: MAX_GENESIS_BYTES,

  write(out, genesis) {
    out.array(5);
    out.uint(genesis.version);
    out.text(genesis.name);
    out.uint(genesis.time_ms);
    out.array(genesis.validators.length);
    for (const validator of genesis.validators) {
      AccountId.write(out, validator);
    }
    out.array(2);
    out.uint(genesis.prices.per_byte);
    out.uint(genesis.prices.per_mega_fuel);
  },

  read(r) {
    r.array(5);
    const fields: Fields = {
      version: r.u32(),
      name: r.text(MAX_NETWORK_NAME_BYTES),
      time_ms: r.uint(),
      validators: r.items(MAX_VALIDATORS, () => AccountId.read(r)),
      prices: (r.array(2), { per_byte: r.uint(), per_mega_fuel: r.uint() }),
    };
    check(fields);
    return fields;
  },
};

/** The encoding of a genesis: what the network's digest is of. */
export const Genesis: Codec<Genesis> = {
  maxBytes: MAX_GENESIS_BYTES,
  write: (out, genesis) => {
    Fields.write(out, genesis);
  },
  read: (r) => named(Fields.read(r)),
};

function named(fields: Fields): Genesis {
  return { network: DOMAINS.genesis.digest(encode(Fields, fields)), ...fields };
}

function check({ version, name, validators }: Fields): void {
  if (version !== GENESIS_VERSION) {
    const known = `this version of the SDK knows ${n(GENESIS_VERSION)}`;
    throw new InvalidError("genesis.version", `${n(version)}; ${known}`);
  }
  const length = utf8(name).length;
  if (hasControl(name) || length < 1 || length > MAX_NETWORK_NAME_BYTES) {
    const rule = `1 to ${n(MAX_NETWORK_NAME_BYTES)} bytes without control characters`;
    throw new InvalidError("genesis.name", `${quoted(name)} is not ${rule}`);
  }
  if (validators.length < 1 || validators.length > MAX_VALIDATORS) {
    const why = `${n(validators.length)} of them; a network has 1 to ${n(MAX_VALIDATORS)}`;
    throw new InvalidError("genesis.validators", why);
  }
  validators.forEach((validator, i) => {
    const before = validators[i - 1];
    if (before !== undefined && before >= validator) {
      throw new InvalidError("genesis.validators", "not sorted, each once");
    }
    // With a key of small order anybody could make this validator's votes.
    if (!isReliableKey(validator)) {
      const why = `${validator} is no ed25519 public key that can be relied on`;
      throw new InvalidError("genesis.validators", why);
    }
  });
}

/**
 * Reads a genesis file.
 *
 * @throws {VerifyError} When it is not one, or when its fields do not hash to the network that it names.
 */
export function parseGenesis(text: string): Genesis {
  const { said, fields } = readFile(text);
  try {
    check(fields);
  } catch (error) {
    throw error instanceof InvalidError
      ? new VerifyError(error.field, `genesis ${error.message}`, { cause: error })
      : error;
  }
  const genesis = named(fields);
  if (genesis.network !== said) {
    const found = `the file says ${said}, its other fields hash to ${genesis.network}`;
    const next = "something in it was changed, get the file again from its source";
    throw new VerifyError("genesis.network", `genesis network: ${found}; ${next}`);
  }
  return genesis;
}

/** The file form of a genesis. */
export function printGenesis(genesis: Genesis): string {
  return `${printJson(show(genesis), "  ")}\n`;
}

function readFile(text: string): { said: Digest; fields: Fields } {
  try {
    const file = object(parseJson(text, MAX_GENESIS_BYTES), "the file", [
      "network",
      "version",
      "name",
      "time_ms",
      "validators",
      "prices",
    ]);
    const prices = object(file["prices"], "prices", ["per_byte", "per_mega_fuel"]);
    const fields = {
      version: version(file["version"]),
      name: string(file["name"], "name"),
      time_ms: integer(file["time_ms"], "time_ms"),
      validators: list(file["validators"]).map((item) => AccountId.parse(string(item, "validators"))),
      prices: {
        per_byte: integer(prices["per_byte"], "prices.per_byte"),
        per_mega_fuel: integer(prices["per_mega_fuel"], "prices.per_mega_fuel"),
      },
    };
    return { said: Digest.parse(string(file["network"], "network")), fields };
  } catch (error) {
    if (error instanceof MootError) {
      throw new VerifyError("genesis", `the genesis file cannot be read: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

function object(value: Json | undefined, what: string, keys: readonly string[]): JsonObject {
  if (!isObject(value)) {
    throw new MootError(`${what} is not an object`);
  }
  const missing = keys.find((key) => !Object.hasOwn(value, key));
  const unknown = Object.keys(value).find((key) => !keys.includes(key));
  if (missing !== undefined || unknown !== undefined) {
    const wrong =
      missing === undefined ? `has an unknown field ${quoted(unknown ?? "")}` : `has no field ${missing}`;
    throw new MootError(`${what} ${wrong}; it has ${keys.join(", ")}`);
  }
  return value;
}

function string(value: Json | undefined, what: string): string {
  if (typeof value !== "string") {
    throw new MootError(`${what} is not a string`);
  }
  return value;
}

function list(value: Json | undefined): Json[] {
  if (!Array.isArray(value)) {
    throw new MootError("validators is not a list");
  }
  return value;
}

function version(value: Json | undefined): number {
  if (typeof value !== "bigint" || value < 0n || value > BigInt(MAX_U32)) {
    throw new MootError("version is not a number of 32 bits");
  }
  return Number(value);
}

/** An integer in its one form: a number up to 2^53-1, a decimal string above. */
function integer(value: Json | undefined, what: string): bigint {
  const read = typeof value === "string" && /^[1-9][0-9]{15,19}$/u.test(value) ? BigInt(value) : value;
  if (typeof read !== "bigint" || read < 0n || read > MAX_U64 || exact(read) !== value) {
    const rule = `an integer (above ${n(MAX_JSON_INTEGER)} a decimal string)`;
    throw new MootError(`${what} is not ${rule}`);
  }
  return read;
}
