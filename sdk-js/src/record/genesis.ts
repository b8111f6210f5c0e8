/**
 * The genesis: what a network is, and all that a verifier has to trust.
 *
 * - Requires: that the file came from someone who is believed.
 * - Provides: the network's digest, which every bundle names; the first committee, whose votes certify blocks and
 *   later committees.
 * - Does not provide: a defence against members of an old committee who all sell their keys: together they could
 *   certify another history from their time on. Who fears that keeps a later proof.
 */

import { InvalidError, MootError, quoted, VerifyError } from "../errors.js";
import { AccountId, Digest } from "./bytes.js";
import { wrongLength } from "./cbor.js";
import { type Codec, encode } from "./codec.js";
import {
  checkMembers,
  type Committee,
  committeeNamespace,
  Epochs,
  readMembers,
  writeMembers,
} from "./committee.js";
import { DOMAINS } from "./hash.js";
import { exact, isObject, type Json, type JsonObject, parseJson, printJson, show } from "./json.js";
import { MAX_GENESIS_BYTES, MAX_JSON_INTEGER, MAX_NETWORK_NAME_BYTES, MAX_U32, MAX_U64 } from "./limits.js";
import { hasControl, utf8 } from "./text.js";

const n = String;

/** The version of a genesis whose committee never changes. */
export const GENESIS_VERSION = 1;
/** The version of a genesis with {@link Epochs}. */
export const GENESIS_VERSION_EPOCHS = 2;
/** The fields of a genesis without epochs. */
const FIELDS = 5;

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
  /** {@link GENESIS_VERSION}, or {@link GENESIS_VERSION_EPOCHS} with `epochs`. */
  readonly version: number;
  /** A name for people. */
  readonly name: string;
  /** When it was made, in milliseconds since 1970. */
  readonly time_ms: bigint;
  /** The replicas that vote, or that vote first; sorted. */
  readonly validators: readonly AccountId[];
  /** What things cost. */
  readonly prices: Prices;
  /** How the committee may change; null: it never does. */
  readonly epochs: Epochs | null;
}

type Fields = Omit<Genesis, "network">;

/** The first committee: the validators. */
export function genesisCommittee(genesis: Genesis): Committee {
  return { number: 0, members: genesis.validators };
}

/** The namespace of the first committee's votes. */
export function genesisNamespace(genesis: Genesis): string {
  return committeeNamespace(genesisCommittee(genesis), genesis.network);
}

const Fields: Codec<Fields> = {
  maxBytes: MAX_GENESIS_BYTES,

  write(out, genesis) {
    out.array(FIELDS + (genesis.epochs === null ? 0 : 1));
    out.uint(genesis.version);
    out.text(genesis.name);
    out.uint(genesis.time_ms);
    writeMembers(out, genesis.validators);
    out.array(2);
    out.uint(genesis.prices.per_byte);
    out.uint(genesis.prices.per_mega_fuel);
    if (genesis.epochs !== null) {
      Epochs.write(out, genesis.epochs);
    }
  },

  read(r) {
    const at = r.position;
    const length = r.list(FIELDS + 1);
    if (length < FIELDS) {
      throw wrongLength("the genesis", at, length, FIELDS);
    }
    const fields: Fields = {
      version: r.u32(),
      name: r.text(MAX_NETWORK_NAME_BYTES),
      time_ms: r.uint(),
      validators: readMembers(r),
      prices: (r.array(2), { per_byte: r.uint(), per_mega_fuel: r.uint() }),
      epochs: length > FIELDS ? Epochs.read(r) : null,
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

function check({ version, name, validators, epochs }: Fields): void {
  if (version !== (epochs === null ? GENESIS_VERSION : GENESIS_VERSION_EPOCHS)) {
    const both = `${n(GENESIS_VERSION)}, and ${n(GENESIS_VERSION_EPOCHS)} with epochs`;
    const known = `this version of the SDK knows ${both}`;
    throw new InvalidError("genesis.version", `${n(version)}; ${known}`);
  }
  const length = utf8(name).length;
  if (hasControl(name) || length < 1 || length > MAX_NETWORK_NAME_BYTES) {
    const rule = `1 to ${n(MAX_NETWORK_NAME_BYTES)} bytes without control characters`;
    throw new InvalidError("genesis.name", `${quoted(name)} is not ${rule}`);
  }
  checkMembers("genesis.validators", validators);
  if (epochs !== null) {
    Epochs.check(epochs);
  }
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
  const { epochs, ...fields } = genesis;
  return `${printJson(show(epochs === null ? fields : genesis), "  ")}\n`;
}

function readFile(text: string): { said: Digest; fields: Fields } {
  try {
    const keys = ["network", "version", "name", "time_ms", "validators", "prices"];
    const file = object(parseJson(text, MAX_GENESIS_BYTES), "the file", keys, "epochs");
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
      epochs: epochs(file["epochs"]),
    };
    return { said: Digest.parse(string(file["network"], "network")), fields };
  } catch (error) {
    if (error instanceof MootError) {
      throw new VerifyError("genesis", `the genesis file cannot be read: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

/** How the committee may change; absent and null both mean that it never does. */
function epochs(value: Json | undefined): Epochs | null {
  if (value === undefined || value === null) {
    return null;
  }
  const { blocks, authority } = object(value, "epochs", ["blocks", "authority"]);
  return {
    blocks: integer(blocks, "epochs.blocks"),
    authority: AccountId.parse(string(authority, "epochs.authority")),
  };
}

/** An object with all of `keys`, and perhaps `more`. */
function object(value: Json | undefined, what: string, keys: readonly string[], more?: string): JsonObject {
  if (!isObject(value)) {
    throw new MootError(`${what} is not an object`);
  }
  const missing = keys.find((key) => !Object.hasOwn(value, key));
  const unknown = Object.keys(value).find((key) => key !== more && !keys.includes(key));
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
