/** Forgeries that the vectors do not have: every byte of a proof, and genesis files with something wrong. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { batchDigest, blockDigest, type BlockHeader } from "../src/record/block.js";
import { bundleDigest, signBundle } from "../src/record/bundle.js";
import { ZERO_DIGEST } from "../src/record/bytes.js";
import { encode } from "../src/record/codec.js";
import { Entry } from "../src/record/entry.js";
import { genesisNamespace } from "../src/record/genesis.js";
import { packPages } from "../src/record/page.js";
import { type Proof, verifyProof } from "../src/record/proof.js";
import { accountOf, signRaw } from "../src/record/signature.js";
import { concat, utf8 } from "../src/record/text.js";
import {
  Digest,
  type Genesis,
  parseGenesis,
  Signature,
  VerifyError,
  verifyProofBytes,
  verifyReceiptFile,
  verifySealedBytes,
  verifySignedBytes,
} from "../src/verify.js";

interface Vectors {
  readonly genesis: readonly { readonly file: Record<string, unknown> }[];
  readonly proofs: readonly { readonly name: string; readonly proof: string }[];
  readonly receipt_files: readonly { readonly name: string; readonly file: Record<string, string> }[];
  readonly sealed_batches: readonly { readonly sealed: string; readonly good: boolean }[];
}

const vectors = JSON.parse(
  readFileSync(new URL("../../../record/vectors.json", import.meta.url), "utf8"),
) as Vectors;
const genesisFile = vectors.genesis[0]?.file ?? {};
const genesis: Genesis = parseGenesis(JSON.stringify(genesisFile));
const unhex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));
const unbase64 = (text: string | undefined): Uint8Array =>
  new Uint8Array(Buffer.from(text ?? "", "base64url"));

/** Asserts that a check refuses with a VerifyError, and gives its field. */
function field(check: () => unknown, what: string): string {
  try {
    check();
  } catch (error) {
    assert.ok(error instanceof VerifyError, `${what}: ${String(error)}`);
    assert.ok(error.message.length > error.field.length, `${what} is refused without a reason`);
    return error.field;
  }
  return assert.fail(`${what} was accepted`);
}

/** Changes every byte of some evidence, one at a time, and cuts it everywhere. */
function everyByte(good: Uint8Array, check: (bytes: Uint8Array) => unknown): Set<string> {
  check(good);
  const fields = new Set<string>();
  for (let at = 0; at < good.length; at += 1) {
    const forged = good.slice();
    forged[at] = (forged[at] ?? 0) ^ (1 << (at % 8));
    fields.add(field(() => check(forged), `byte ${String(at)} changed`));
    if (at % 16 === 0) {
      field(() => check(good.subarray(0, at)), `cut at byte ${String(at)}`);
    }
  }
  return fields;
}

/** A certificate of a network with one validator. */
function certify(seed: Uint8Array, genesis: Genesis, block: Digest): Uint8Array {
  const proposal = concat(Uint8Array.of(0, 1, 0), Digest.bytes(block));
  const namespace = utf8(`${genesisNamespace(genesis)}_FINALIZE`);
  const vote = signRaw(seed, concat(Uint8Array.of(namespace.length), namespace, proposal));
  return concat(proposal, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1, 1, 1), Signature.bytes(vote));
}

describe("evidence", () => {
  test("a descent goes up by one at a time, whatever its validators sign", () => {
    const seed = new Uint8Array(32).fill(9);
    const account = accountOf(seed);
    const alone = { ...genesis, validators: [account], network: Digest.parse("ab".repeat(32)) };
    const entry = encode(Entry, { value: { path: "/a", payload: { digest: ZERO_DIGEST, bytes: 0n } } });
    const [page = entry] = packPages([entry]);
    const { header, signature } = signBundle(seed, alone.network, 9n, [page]);
    const batch = { lane: 0, seq: 0n, bundles: 1, root: Digest.of(bundleDigest(header, signature)) };
    const block = (height: bigint, parent: Digest): BlockHeader => {
      const root = Digest.of(batchDigest(batch));
      return { height, parent, time_ms: 0n, state: ZERO_DIGEST, batches: 1, root, committee: null };
    };
    const ancestor = block(5n, ZERO_DIGEST);
    const proof = (child: BlockHeader): Proof => ({
      slot: 0,
      page,
      page_index: 0,
      page_path: [],
      bundle_header: header,
      signature,
      bundle_index: 0,
      bundle_path: [],
      batch_header: batch,
      batch_index: 0,
      batch_path: [],
      block_header: ancestor,
      descent: [child],
      certificate: certify(seed, alone, blockDigest(child)),
      handovers: [],
    });
    assert.equal(verifyProof(proof(block(6n, blockDigest(ancestor))), alone).height, 5n);
    for (const child of [block(7n, blockDigest(ancestor)), block(6n, ZERO_DIGEST)]) {
      assert.equal(
        field(() => verifyProof(proof(child), alone), "a gap"),
        "descent",
      );
    }
  });

  test("no byte of a proof can be changed", () => {
    const file = vectors.receipt_files.find(({ name }) => name === "final")?.file;
    const fields = everyByte(unbase64(file?.["proof"]), (bytes) => verifyProofBytes(bytes, genesis));
    for (const part of ["proof", "page", "bundle.network", "bundle.signature", "batch", "certificate.vote"]) {
      assert.ok(fields.has(part), `no change was found in ${part}: ${[...fields].join(" ")}`);
    }
  });

  test("no byte of a proof by a certified descendant can be changed", () => {
    const below = vectors.proofs.find(({ name }) => name === "of a block whose descendant is certified");
    const fields = everyByte(unhex(below?.proof ?? ""), (bytes) => verifyProofBytes(bytes, genesis));
    assert.ok(fields.has("descent"), "another block in place of the ancestor must be refused");
  });

  test("no byte of a signed receipt can be changed", () => {
    const file = vectors.receipt_files.find(({ name }) => name === "signed")?.file;
    everyByte(unbase64(file?.["signed"]), (bytes) => verifySignedBytes(bytes, genesis));
  });

  test("no byte of a sealed batch can be changed", () => {
    const good = unhex(vectors.sealed_batches.find((one) => one.good)?.sealed ?? "");
    verifySealedBytes(good, genesis);
    for (let at = 0; at < good.length; at += 7) {
      const forged = good.slice();
      forged[at] = (forged[at] ?? 0) ^ 0x10;
      assert.throws(() => verifySealedBytes(forged, genesis), { name: /^(?:Seal|Decode|Invalid)Error$/u });
    }
  });

  test("a receipt file is refused by the field that is wrong, and only files are read", () => {
    const good = vectors.receipt_files[0]?.file ?? {};
    const refused = (change: (file: Record<string, unknown>) => void): string => {
      const file = structuredClone(good) as Record<string, unknown>;
      change(file);
      return field(() => verifyReceiptFile(JSON.stringify(file), genesis), "the file");
    };
    assert.equal(
      refused((file) => (file["more"] = 1)),
      "more",
    );
    assert.equal(
      refused((file) => delete file["worker"]),
      "worker",
    );
    assert.equal(
      refused((file) => delete file["call"]),
      "call",
    );
    assert.equal(
      refused((file) => delete file["call_entry"]),
      "call",
    );
    assert.equal(
      refused((file) => (file["signed"] = file["proof"])),
      "signed",
    );
    assert.equal(
      refused((file) => delete file["proof"]),
      "proof",
    );
    assert.equal(
      refused((file) => (file["proof"] = 1)),
      "proof",
    );
    assert.equal(
      refused((file) => (file["proof"] = `${String(file["proof"])}=`)),
      "proof",
    );
    assert.equal(
      refused((file) => (file["call_entry"] = "AAAA")),
      "call_entry",
    );
    assert.equal(
      refused((file) => (file["block"] = [])),
      "block",
    );
    for (const text of ["", "[]", "{}", "null", "x".repeat(400_000), '{"format":"moot-receipt-1"}']) {
      const found = field(() => verifyReceiptFile(text, genesis), text.slice(0, 20));
      assert.ok(["file", "format", "proof"].includes(found), found);
    }
    const twice = JSON.stringify(good).replace("{", '{"network":"",');
    assert.equal(
      field(() => verifyReceiptFile(twice, genesis), "a repeated key"),
      "file",
    );
  });

  test("a genesis with something wrong in it is refused by the field", () => {
    const refused = (change: Record<string, unknown>): string =>
      field(() => parseGenesis(JSON.stringify({ ...genesisFile, ...change })), JSON.stringify(change));
    const validators = genesisFile["validators"] as string[];
    // The neutral element: with this key anybody could make the validator's votes.
    const weak = `01${"0".repeat(62)}`;
    assert.equal(refused({ name: "other" }), "genesis.network");
    assert.equal(refused({ time_ms: 1 }), "genesis.network");
    assert.equal(refused({ version: 2 }), "genesis.version");
    assert.equal(refused({ name: "" }), "genesis.name");
    assert.equal(refused({ validators: [] }), "genesis.validators");
    assert.equal(refused({ validators: [...validators].reverse() }), "genesis.validators");
    assert.equal(refused({ validators: [weak] }), "genesis.validators");
    assert.equal(refused({ validators: ["00"] }), "genesis");
    assert.equal(refused({ more: 1 }), "genesis");
    assert.equal(refused({ time_ms: "1700000000000" }), "genesis");
    assert.equal(refused({ time_ms: 1.5 }), "genesis");
    assert.equal(refused({ prices: { per_byte: 1 } }), "genesis");
    assert.equal(
      field(() => parseGenesis("x".repeat(40_000)), "a long file"),
      "genesis",
    );
  });

  test("a genesis that names nobody certifies nothing", () => {
    const proof = unhex(vectors.proofs[0]?.proof ?? "");
    const nobody = { ...genesis, validators: [] };
    assert.equal(
      field(() => verifyProofBytes(proof, nobody), "nobody"),
      "certificate.committee",
    );
  });
});
