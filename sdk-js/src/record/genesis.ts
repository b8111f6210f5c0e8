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
import { type Reader, wrongLength } from "./cbor.js";
import { type Codec, encode } from "./codec.js";
import {
  checkKey,
  checkMembers,
  type Committee,
  committeeNamespace,
  Epochs,
  readMembers,
  writeMembers,
} from "./committee.js";
import { DOMAINS } from "./hash.js";
import { exact, isObject, type Json, type JsonObject, parseJson, printJson, show } from "./json.js";
import {
  MAX_ALLOCATIONS,
  MAX_GENESIS_BYTES,
  MAX_JSON_INTEGER,
  MAX_NETWORK_NAME_BYTES,
  MAX_U32,
  MAX_U64,
} from "./limits.js";
import { hasControl, utf8 } from "./text.js";

const n = String;

/** The version of a genesis whose committee never changes. */
export const GENESIS_VERSION = 1;
/** The version of a genesis with {@link Epochs}. */
export const GENESIS_VERSION_EPOCHS = 2;
/** The version of a genesis with {@link Allocation}s. */
export const GENESIS_VERSION_ACCOUNTS = 3;
/** The fields of a genesis with neither epochs nor accounts; the two follow them in this order. */
const FIELDS = 5;

/** Prices, in the network's smallest unit of account. */
export interface Prices {
  /** For ordering one byte of an entry. */
  readonly per_byte: bigint;
  /** For burning one million units of fuel. */
  readonly per_mega_fuel: bigint;
}

/** What an account has from the start. */
export interface Allocation {
  readonly account: AccountId;
  /** In the network's smallest unit of account; at least one. */
  readonly balance: bigint;
}

/** The start of a network, checked. */
export interface Genesis {
  /** The network's digest: what every bundle names. */
  readonly network: Digest;
  /** {@link GENESIS_VERSION}, {@link GENESIS_VERSION_EPOCHS} with `epochs`, {@link GENESIS_VERSION_ACCOUNTS} with `accounts`. */
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
  /** Who has what from the start, sorted by account. */
  readonly accounts: readonly Allocation[];
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
    const funded = genesis.accounts.length > 0;
    out.array(FIELDS + (funded ? 2 : genesis.epochs === null ? 0 : 1));
    out.uint(genesis.version);
    out.text(genesis.name);
    out.uint(genesis.time_ms);
    writeMembers(out, genesis.validators);
    out.array(2);
    out.uint(genesis.prices.per_byte);
    out.uint(genesis.prices.per_mega_fuel);
    if (funded || genesis.epochs !== null) {
      out.option(genesis.epochs, (epochs) => {
        Epochs.write(out, epochs);
      });
    }
    if (funded) {
      out.array(genesis.accounts.length);
      for (const { account, balance } of genesis.accounts) {
        out.array(2);
        AccountId.write(out, account);
        out.uint(balance);
      }
    }
  },

  read(r) {
    const at = r.position;
    const length = r.list(FIELDS + 2);
    if (length < FIELDS) {
      throw wrongLength("the genesis", at, length, FIELDS);
    }
    const fields: Fields = {
      version: r.u32(),
      name: r.text(MAX_NETWORK_NAME_BYTES),
      time_ms: r.uint(),
      validators: readMembers(r),
      prices: (r.array(2), { per_byte: r.uint(), per_mega_fuel: r.uint() }),
      epochs:
        length === FIELDS ? null : length === FIELDS + 1 ? Epochs.read(r) : r.option(() => Epochs.read(r)),
      accounts: length > FIELDS + 1 ? readAllocations(r) : [],
    };
    check(fields);
    return fields;
  },
};

function readAllocations(r: Reader): Allocation[] {
  const at = r.position;
  const count = r.list(MAX_ALLOCATIONS);
  if (count === 0) {
    // Without any the genesis is of another version: each has one encoding.
    throw wrongLength("the list of accounts", at, 0, 1);
  }
  return Array.from({ length: count }, () => {
    r.array(2);
    return { account: AccountId.read(r), balance: r.uint() };
  });
}

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

/** The version of a genesis with these fields: each has one encoding. */
function fittingVersion({ epochs, accounts }: Fields): number {
  if (accounts.length > 0) {
    return GENESIS_VERSION_ACCOUNTS;
  }
  return epochs === null ? GENESIS_VERSION : GENESIS_VERSION_EPOCHS;
}

function check(fields: Fields): void {
  const { version, name, validators, epochs } = fields;
  if (version !== fittingVersion(fields)) {
    const two = `${n(GENESIS_VERSION)}, ${n(GENESIS_VERSION_EPOCHS)} with epochs`;
    const known = `this version of the SDK knows ${two}, and ${n(GENESIS_VERSION_ACCOUNTS)} with accounts`;
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
  checkAllocations(fields.accounts);
}

function checkAllocations(accounts: readonly Allocation[]): void {
  const wrong = (why: string): InvalidError => new InvalidError("genesis.accounts", why);
  if (accounts.length > MAX_ALLOCATIONS) {
    throw wrong(`${n(accounts.length)} of them; at most ${n(MAX_ALLOCATIONS)} are allowed`);
  }
  if (accounts.some(({ account }, i) => i > 0 && account <= (accounts[i - 1]?.account ?? ""))) {
    throw wrong("not sorted, each once");
  }
  let supply = 0n;
  for (const { account, balance } of accounts) {
    checkKey("genesis.accounts", account);
    if (balance === 0n) {
      throw wrong(`${account} has 0; leave it out, or give it one unit at least`);
    }
    supply += balance;
    if (supply > MAX_U64) {
      throw wrong(`together they have more than ${n(MAX_U64)}, the largest balance`);
    }
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
  const { epochs, accounts, ...fields } = genesis;
  const more = { ...(epochs === null ? {} : { epochs }), ...(accounts.length === 0 ? {} : { accounts }) };
  return `${printJson(show({ ...fields, ...more }), "  ")}\n`;
}

function readFile(text: string): { said: Digest; fields: Fields } {
  try {
    const keys = ["network", "version", "name", "time_ms", "validators", "prices"];
    const file = object(parseJson(text, MAX_GENESIS_BYTES), "the file", keys, "epochs", "accounts");
    const prices = object(file["prices"], "prices", ["per_byte", "per_mega_fuel"]);
    const fields = {
      version: version(file["version"]),
      name: string(file["name"], "name"),
      time_ms: integer(file["time_ms"], "time_ms"),
      validators: list(file["validators"], "validators").map((item) =>
        AccountId.parse(string(item, "validators")),
      ),
      prices: {
        per_byte: integer(prices["per_byte"], "prices.per_byte"),
        per_mega_fuel: integer(prices["per_mega_fuel"], "prices.per_mega_fuel"),
      },
      epochs: epochs(file["epochs"]),
      accounts: file["accounts"] === undefined ? [] : list(file["accounts"], "accounts").map(allocation),
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

function allocation(value: Json): Allocation {
  const { account, balance } = object(value, "accounts", ["account", "balance"]);
  return {
    account: AccountId.parse(string(account, "accounts.account")),
    balance: integer(balance, "accounts.balance"),
  };
}

/** An object with all of `keys`, and perhaps some of `more`. */
function object(
  value: Json | undefined,
  what: string,
  keys: readonly string[],
  ...more: string[]
): JsonObject {
  if (!isObject(value)) {
    throw new MootError(`${what} is not an object`);
  }
  const missing = keys.find((key) => !Object.hasOwn(value, key));
  const unknown = Object.keys(value).find((key) => !more.includes(key) && !keys.includes(key));
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

function list(value: Json | undefined, what: string): Json[] {
  if (!Array.isArray(value)) {
    throw new MootError(`${what} is not a list`);
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
