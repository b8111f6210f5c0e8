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
  MAX_EPOCH_BLOCKS,
  MAX_GENESIS_BYTES,
  MAX_JSON_INTEGER,
  MAX_NETWORK_NAME_BYTES,
  MAX_U8,
  MAX_U32,
  MAX_U64,
  MAX_VALIDATORS,
} from "./limits.js";
import { Prices, prices } from "./prices.js";
import { hasControl, utf8 } from "./text.js";

const n = String;

/** The version of a genesis whose committee never changes. */
export const GENESIS_VERSION = 1;
/** The version of a genesis with {@link Epochs}. */
export const GENESIS_VERSION_EPOCHS = 2;
/** The version of a genesis with {@link Allocation}s. */
export const GENESIS_VERSION_ACCOUNTS = 3;
/** The version of a genesis with an {@link Economy}. */
export const GENESIS_VERSION_ECONOMY = 4;
/** The fields of a genesis with neither epochs, accounts nor an economy; the three follow them in this order. */
const FIELDS = 5;

/** What an account has from the start. */
export interface Allocation {
  readonly account: AccountId;
  /** In the network's smallest unit of account; at least one. */
  readonly balance: bigint;
}

/** How what is paid and staked is dealt with, where what is ordered, run and stored is charged. */
export interface Economy {
  /** How many blocks units that were staked wait before they can be spent again. */
  readonly lockup_blocks: bigint;
  /** How many validators stake seats at most. */
  readonly seats: number;
  /** The worker's share of what running a call costs, in percent; the rest is the committee's. */
  readonly worker_percent: number;
}

/** The start of a network, checked. */
export interface Genesis {
  /** The network's digest: what every bundle names. */
  readonly network: Digest;
  /**
   * {@link GENESIS_VERSION}, {@link GENESIS_VERSION_EPOCHS} with `epochs`, {@link GENESIS_VERSION_ACCOUNTS} with
   * `accounts`, {@link GENESIS_VERSION_ECONOMY} with `economy`.
   */
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
  /** Where what is paid goes; null: nothing is charged. */
  readonly economy: Economy | null;
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
    const { version, epochs, accounts, economy } = genesis;
    out.array(FIELDS + more(version));
    out.uint(version);
    out.text(genesis.name);
    out.uint(genesis.time_ms);
    writeMembers(out, genesis.validators);
    if (economy === null) {
      Prices.writeWithoutStorage(out, genesis.prices);
    } else {
      Prices.write(out, genesis.prices);
    }
    if (version > GENESIS_VERSION) {
      out.option(epochs, (each) => {
        Epochs.write(out, each);
      });
    }
    if (version > GENESIS_VERSION_EPOCHS) {
      out.array(accounts.length);
      for (const { account, balance } of accounts) {
        out.array(2);
        AccountId.write(out, account);
        out.uint(balance);
      }
    }
    if (economy !== null) {
      out.array(3);
      out.uint(economy.lockup_blocks);
      out.uint(economy.seats);
      out.uint(economy.worker_percent);
    }
  },

  read(r) {
    const at = r.position;
    const length = r.list(FIELDS + more(GENESIS_VERSION_ECONOMY));
    if (length < FIELDS) {
      throw wrongLength("the genesis", at, length, FIELDS);
    }
    const charging = length === FIELDS + more(GENESIS_VERSION_ECONOMY);
    const fields: Fields = {
      version: r.u32(),
      name: r.text(MAX_NETWORK_NAME_BYTES),
      time_ms: r.uint(),
      validators: readMembers(r),
      prices: charging ? Prices.read(r) : Prices.readWithoutStorage(r),
      epochs:
        length === FIELDS ? null : length === FIELDS + 1 ? Epochs.read(r) : r.option(() => Epochs.read(r)),
      accounts: length > FIELDS + 1 ? readAllocations(r, charging) : [],
      economy: charging ? readEconomy(r) : null,
    };
    check(fields);
    return fields;
  },
};

/** How many fields a version has after the first {@link FIELDS}: each has those of the one before, and one more. */
function more(version: number): number {
  return version - GENESIS_VERSION;
}

function readAllocations(r: Reader, charging: boolean): Allocation[] {
  const at = r.position;
  const count = r.list(MAX_ALLOCATIONS);
  if (count === 0 && !charging) {
    // Without any the genesis is of another version: each has one encoding.
    throw wrongLength("the list of accounts", at, 0, 1);
  }
  return Array.from({ length: count }, () => {
    r.array(2);
    return { account: AccountId.read(r), balance: r.uint() };
  });
}

function readEconomy(r: Reader): Economy {
  r.array(3);
  return { lockup_blocks: r.uint(), seats: r.u32(), worker_percent: r.u8() };
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
function fittingVersion({ epochs, accounts, economy }: Fields): number {
  if (economy !== null) {
    return GENESIS_VERSION_ECONOMY;
  }
  if (accounts.length > 0) {
    return GENESIS_VERSION_ACCOUNTS;
  }
  return epochs === null ? GENESIS_VERSION : GENESIS_VERSION_EPOCHS;
}

function check(fields: Fields): void {
  const { version, name, validators, epochs } = fields;
  if (version !== fittingVersion(fields)) {
    const two = `${n(GENESIS_VERSION)}, ${n(GENESIS_VERSION_EPOCHS)} with epochs`;
    const three = `${two}, ${n(GENESIS_VERSION_ACCOUNTS)} with accounts`;
    const known = `this version of the SDK knows ${three}, and ${n(GENESIS_VERSION_ECONOMY)} with an economy`;
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
  if (fields.economy !== null) {
    checkEconomy(fields.economy);
  } else if (fields.prices.per_stored_byte !== undefined) {
    const why = "per_stored_byte belongs to a genesis with an economy: leave it out, or add one";
    throw new InvalidError("genesis.prices", why);
  }
}

function checkEconomy({ lockup_blocks: lockup, seats, worker_percent: percent }: Economy): void {
  const wrong = (why: string): InvalidError => new InvalidError("genesis.economy", why);
  if (lockup > MAX_EPOCH_BLOCKS) {
    throw wrong(`lockup_blocks is ${n(lockup)}; at most ${n(MAX_EPOCH_BLOCKS)} are allowed`);
  }
  if (seats < 1 || seats > MAX_VALIDATORS) {
    throw wrong(`seats is ${n(seats)}; a network has 1 to ${n(MAX_VALIDATORS)}`);
  }
  if (percent > 100) {
    throw wrong(`worker_percent is ${n(percent)}; it is 0 to 100`);
  }
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
  const { epochs, accounts, economy, ...fields } = genesis;
  const rest = {
    ...(epochs === null ? {} : { epochs }),
    ...(accounts.length === 0 ? {} : { accounts }),
    ...(economy === null ? {} : { economy }),
  };
  return `${printJson(show({ ...fields, ...rest }), "  ")}\n`;
}

function readFile(text: string): { said: Digest; fields: Fields } {
  try {
    const keys = ["network", "version", "name", "time_ms", "validators", "prices"];
    const file = object(
      parseJson(text, MAX_GENESIS_BYTES),
      "the file",
      keys,
      "epochs",
      "accounts",
      "economy",
    );
    const fields = {
      version: small(file["version"], "version", MAX_U32),
      name: string(file["name"], "name"),
      time_ms: integer(file["time_ms"], "time_ms"),
      validators: list(file["validators"], "validators").map((item) =>
        AccountId.parse(string(item, "validators")),
      ),
      prices: priced(file["prices"]),
      epochs: epochs(file["epochs"]),
      accounts: file["accounts"] === undefined ? [] : list(file["accounts"], "accounts").map(allocation),
      economy: economy(file["economy"]),
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

function priced(value: Json | undefined): Prices {
  const found = object(value, "prices", ["per_byte", "per_mega_fuel"], "per_stored_byte");
  const price = (key: string): bigint => integer(found[key], `prices.${key}`);
  const stored = found["per_stored_byte"] === undefined ? 0n : price("per_stored_byte");
  return prices(price("per_byte"), price("per_mega_fuel"), stored);
}

/** Where what is paid goes; absent and null both mean that nothing is charged. */
function economy(value: Json | undefined): Economy | null {
  if (value === undefined || value === null) {
    return null;
  }
  const found = object(value, "economy", ["lockup_blocks", "seats", "worker_percent"]);
  return {
    lockup_blocks: integer(found["lockup_blocks"], "economy.lockup_blocks"),
    seats: small(found["seats"], "economy.seats", MAX_U32),
    worker_percent: small(found["worker_percent"], "economy.worker_percent", MAX_U8),
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

function small(value: Json | undefined, what: string, most: number): number {
  if (typeof value !== "bigint" || value < 0n || value > BigInt(most)) {
    throw new MootError(`${what} is not a number of 0 to ${n(most)}`);
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
