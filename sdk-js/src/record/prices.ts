/** What things cost, and how it is written: with the price of storage, or as networks without an economy have it. */

import { InvalidError } from "../errors.js";
import type { Reader, Writer } from "./cbor.js";
import { MAX_VOTED_PRICE } from "./limits.js";

/** Prices, in the network's smallest unit of account. */
export interface Prices {
  /** For ordering one byte of an entry. */
  readonly per_byte: bigint;
  /** For burning one million units of fuel. */
  readonly per_mega_fuel: bigint;
  /** For storing one byte of a component, once, when it is deployed; left out when it is nothing. */
  readonly per_stored_byte?: bigint;
}

/** Prices of which the last is left out when it is nothing: the same prices are always the same object. */
export function prices(perByte: bigint, perMegaFuel: bigint, perStoredByte: bigint): Prices {
  const two = { per_byte: perByte, per_mega_fuel: perMegaFuel };
  return perStoredByte === 0n ? two : { ...two, per_stored_byte: perStoredByte };
}

export const Prices = {
  write(out: Writer, prices: Prices): void {
    out.array(3);
    out.uint(prices.per_byte);
    out.uint(prices.per_mega_fuel);
    out.uint(prices.per_stored_byte ?? 0n);
  },

  read(r: Reader): Prices {
    r.array(3);
    return prices(r.uint(), r.uint(), r.uint());
  },

  /** The two fields of a list in which storage has no price. */
  writeWithoutStorage(out: Writer, prices: Prices): void {
    out.array(2);
    out.uint(prices.per_byte);
    out.uint(prices.per_mega_fuel);
  },

  readWithoutStorage(r: Reader): Prices {
    r.array(2);
    return prices(r.uint(), r.uint(), 0n);
  },

  /** Checks prices that are voted for. */
  checkVote(prices: Prices): void {
    const { per_byte, per_mega_fuel, per_stored_byte = 0n } = prices;
    for (const [name, price] of Object.entries({ per_byte, per_mega_fuel, per_stored_byte })) {
      if (price > MAX_VOTED_PRICE) {
        const why = `${name} is ${String(price)}; at most ${String(MAX_VOTED_PRICE)} can be voted for`;
        throw new InvalidError("transaction.prices", why);
      }
    }
  },
};
