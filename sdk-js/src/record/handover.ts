/**
 * From the genesis's committee to a later one: at each change the block that names the next, certified by the
 * committee before.
 *
 * ```text
 * handover = [bytes block_header, bytes certificate, [account, ...]]
 * ```
 */

import { InvalidError, VerifyError } from "../errors.js";
import type { AccountId } from "./bytes.js";
import { blockDigest, BlockHeader } from "./block.js";
import { type Round, verifyCertificateBy } from "./certificate.js";
import { type Codec, readNested, writeNested } from "./codec.js";
import {
  checkMembers,
  type Committee,
  committeeDigest,
  epochOf,
  type Epochs,
  isLastOfEpoch,
  readMembers,
  writeMembers,
} from "./committee.js";
import { type Genesis, genesisCommittee } from "./genesis.js";
import { MAX_CERTIFICATE_BYTES, MAX_HANDOVER_BYTES } from "./limits.js";

const n = String;

/** The end of one committee and the beginning of the next. */
export interface Handover {
  /** The last block of the last epoch in which the committee before voted. It names the next one. */
  readonly header: BlockHeader;
  /** The votes of the committee before for that block. */
  readonly certificate: Uint8Array;
  /** The next committee's members, sorted. */
  readonly members: readonly AccountId[];
}

export const Handover: Codec<Handover> = {
  maxBytes: MAX_HANDOVER_BYTES,

  write(out, handover) {
    out.array(3);
    writeNested(out, BlockHeader, handover.header);
    out.bytes(handover.certificate);
    writeMembers(out, handover.members);
  },

  read(r) {
    r.array(3);
    return {
      header: readNested(r, BlockHeader),
      certificate: r.bytes(MAX_CERTIFICATE_BYTES).slice(),
      members: readMembers(r),
    };
  },
};

/**
 * Verifies a block's certificate with the handovers that lead to its committee.
 *
 * @throws {VerifyError} Names what does not fit.
 */
export function verifyFinality(
  certificate: Uint8Array,
  genesis: Genesis,
  handovers: readonly Handover[],
  header: BlockHeader,
): Round {
  const committee = follow(genesis, handovers);
  if (genesis.epochs === null) {
    return verifyCertificateBy(certificate, committee, genesis.network, blockDigest(header));
  }
  const last = handovers.at(-1)?.header;
  if (last !== undefined && header.height <= last.height) {
    const why = `it is of block ${n(last.height)}, and the certified one is ${n(header.height)}`;
    throw refuse("height", committee.number, why);
  }
  return verifyInEpoch(certificate, genesis, genesis.epochs, committee, header);
}

/** Follows the handovers from the genesis's committee to the one that they lead to. */
function follow(genesis: Genesis, handovers: readonly Handover[]): Committee {
  let committee = genesisCommittee(genesis);
  let before: bigint | undefined;
  for (const handover of handovers) {
    committee = next(genesis, committee, before, handover);
    before = handover.header.height;
  }
  return committee;
}

function next(
  genesis: Genesis,
  committee: Committee,
  before: bigint | undefined,
  { header, certificate, members }: Handover,
): Committee {
  const { epochs } = genesis;
  const number = committee.number + 1;
  if (epochs === null) {
    throw refuse("epochs", number, "the genesis names no epochs: its committee is the only one");
  }
  const block = `block ${n(header.height)}`;
  if (!isLastOfEpoch(epochs, header.height)) {
    throw refuse("height", number, `${block} is not the last of its epoch`);
  }
  if (before !== undefined && header.height <= before) {
    const why = `${block} does not come after block ${n(before)}, the handover before`;
    throw refuse("height", number, why);
  }
  try {
    checkMembers("committee.members", members);
  } catch (error) {
    throw error instanceof InvalidError ? refuse("members", number, error.message, error) : error;
  }
  const following: Committee = { number, members };
  if (header.committee !== committeeDigest(following)) {
    throw refuse("committee", number, `${block} does not name this committee as number ${n(number)}`);
  }
  try {
    verifyInEpoch(certificate, genesis, epochs, committee, header);
  } catch (error) {
    if (error instanceof VerifyError) {
      // Its message starts with its field.
      const message = `handover.${error.message} (handover ${n(number)})`;
      throw new VerifyError(`handover.${error.field}`, message, { cause: error });
    }
    throw error;
  }
  return following;
}

/** Checks a certificate of a network with epochs: its committee's, and of the block's own epoch. */
function verifyInEpoch(
  certificate: Uint8Array,
  { network }: Genesis,
  epochs: Epochs,
  committee: Committee,
  header: BlockHeader,
): Round {
  const round = verifyCertificateBy(certificate, committee, network, blockDigest(header));
  const wanted = epochOf(epochs, header.height);
  if (round.epoch !== wanted) {
    const why = `it is of epoch ${n(round.epoch)}, and block ${n(header.height)} is of epoch ${n(wanted)}`;
    throw new VerifyError("certificate.epoch", `certificate.epoch: ${why}`);
  }
  return round;
}

function refuse(part: string, number: number, why: string, cause?: Error): VerifyError {
  const field = `handover.${part}`;
  return new VerifyError(field, `${field}: ${why} (handover ${n(number)})`, { cause });
}
