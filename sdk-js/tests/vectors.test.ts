/**
 * The format by example: `record/vectors.json`, made by the code that everybody else must agree with. Identical bytes,
 * ids and verdicts, for every case of every section; a section that no test knows is a failure.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { specView } from "../src/client/views/functions.js";
import { VerifyError } from "../src/errors.js";
import { AccountId, Digest, Signature } from "../src/record/bytes.js";
import { BatchHeader, batchDigest, blockDigest, BlockHeader } from "../src/record/block.js";
import {
  Bundle,
  bundleDigest,
  BundleHeader,
  bundleId,
  signBundle,
  verifyBundleHeader,
} from "../src/record/bundle.js";
import { Reader, Writer } from "../src/record/cbor.js";
import { type Codec, decode, encode } from "../src/record/codec.js";
import { verifyCertificate } from "../src/record/certificate.js";
import { Committee, committeeDigest, committeeNamespace } from "../src/record/committee.js";
import { DoubleVote, verifyDoubleVote } from "../src/record/double-vote.js";
import { Entry, entryDigest } from "../src/record/entry.js";
import {
  Genesis,
  genesisCommittee,
  genesisNamespace,
  parseGenesis,
  printGenesis,
} from "../src/record/genesis.js";
import { componentDigest, DOMAINS } from "../src/record/hash.js";
import {
  EventHead,
  HttpRequestHead,
  HttpResponseHead,
  joinPayload,
  splitPayload,
} from "../src/record/heads.js";
import { parseJson, printJson, show } from "../src/record/json.js";
import { climb, merklePath, merkleRoot } from "../src/record/merkle.js";
import { callSeed, EntryId, formatEntryId, parseEntryId, parseFunctionName } from "../src/record/names.js";
import { packPages, pageDigest, parsePage } from "../src/record/page.js";
import { payloadDigest } from "../src/record/payload.js";
import { Proof, SignedEntry, verifyProof } from "../src/record/proof.js";
import { makeReceiptFile, verifyReceiptFile } from "../src/record/receipt-file.js";
import { Batch, bundlesRoot, parseSealed, verifySealed, writeSealed } from "../src/record/sealed.js";
import { verifyRaw } from "../src/record/signature.js";
import { Spec, specDigest } from "../src/record/spec.js";
import { type ProvenState, verifyStateFile } from "../src/record/state-file.js";
import { fromBase64Url, fromHex, toHex, utf8 } from "../src/record/text.js";

type Case = Record<string, unknown>;

const FILE = new URL("../../../record/vectors.json", import.meta.url);
const text = readFileSync(FILE, "utf8");
const vectors = JSON.parse(text) as Record<string, unknown>;

/** How many cases each section has had checked. */
const checked = new Map<string, number>();

/** Runs `check` for every case of a section, each of which may have these keys and no others. */
function section(name: string, keys: readonly string[], check: (one: Case, title: string) => void): void {
  checked.set(name, 0);
  test(name, () => {
    const cases = vectors[name] as Case[];
    assert.ok(Array.isArray(cases) && cases.length > 0, `${name} has no cases`);
    cases.forEach((one, i) => {
      const title = `${name}[${String(i)}] ${JSON.stringify(one["name"] ?? one["why"] ?? one["text"] ?? "")}`;
      const unknown = Object.keys(one).filter((key) => !keys.includes(key));
      assert.deepEqual(unknown, [], `${title} has keys that this test does not know`);
      check(one, title);
      checked.set(name, (checked.get(name) ?? 0) + 1);
    });
  });
}

const string = (one: Case, key: string): string => {
  const value = one[key];
  assert.equal(typeof value, "string", `${key} is no string`);
  return value as string;
};
const bytes = (one: Case, key: string): Uint8Array => unhex(string(one, key));
const unhex = (hex: string): Uint8Array => fromHex(hex, hex.length / 2, "bytes");
/** The case's value as exact JSON text, for comparing without rounding. */
const exactText = (value: unknown): string => printJson(parseJson(JSON.stringify(value), 1 << 20));
const shown = (value: unknown): string => printJson(show(value));
const genesis = (): Genesis => parseGenesis(JSON.stringify((vectors["genesis"] as Case[])[0]?.["file"]));

/** The field that a check refuses; undefined when it does not. */
function refused(check: () => unknown): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    assert.ok(error instanceof VerifyError, `an error of another kind: ${String(error)}`);
    return error.field;
  }
}

/** Reads one item of any kind that the subset has, and all items below it. */
function anyItem(r: Reader): unknown {
  const first = r.rest[0] ?? 0;
  switch (first >> 5) {
    case 0:
      return r.uint();
    case 2:
      return r.bytes(1 << 20);
    case 3:
      return r.text(1 << 20);
    case 4:
      return r.items(1 << 20, () => anyItem(r));
    default:
      return r.option(() => r.boolean());
  }
}

describe("vectors.json", () => {
  section("domains", ["name", "tag", "hash_of_abc"], checkDomain);

  section("cbor_refused", ["why", "bytes"], (one, title) => {
    assert.throws(
      () => {
        const r = new Reader(bytes(one, "bytes"));
        anyItem(r);
        r.end();
      },
      { name: "DecodeError" },
      title,
    );
  });

  section("names", ["name", "good"], (one, title) => {
    const parse = (): unknown => parseFunctionName(string(one, "name"));
    if (one["good"] === true) {
      assert.equal(parse(), one["name"], title);
    } else {
      assert.throws(parse, { name: "MootError" }, title);
    }
  });

  section("ids", ["text", "cbor", "network", "seed"], (one) => {
    const id = decode(EntryId, bytes(one, "cbor"));
    assert.equal(id, one["text"]);
    assert.equal(toHex(encode(EntryId, string(one, "text") as EntryId)), one["cbor"]);
    assert.equal(formatEntryId(parseEntryId(string(one, "text"))), one["text"]);
    assert.equal(toHex(callSeed(id, Digest.parse(string(one, "network")))), one["seed"]);
  });

  section("payloads", ["bytes", "payload_digest", "component_digest"], (one) => {
    assert.equal(payloadDigest(bytes(one, "bytes")), one["payload_digest"]);
    assert.equal(componentDigest(bytes(one, "bytes")), one["component_digest"]);
  });

  section("specs", ["json", "cbor", "digest"], (one) => {
    const spec = decode(Spec, bytes(one, "cbor"));
    assert.equal(shown(spec), exactText(one["json"]));
    assert.equal(toHex(encode(Spec, spec)), one["cbor"]);
    assert.equal(specDigest(spec), one["digest"]);
    // The form in which a node's API tells it.
    assert.deepEqual(specView(parseJson(JSON.stringify(one["json"]), 1 << 16), ""), spec);
  });

  section("entries", ["name", "json", "cbor", "digest"], checkEntry);

  section("entries_refused", ["why", "bytes"], (one, title) => {
    assert.throws(() => decode(Entry, bytes(one, "bytes")), /./u, title);
  });

  section("heads", ["kind", "json", "body", "payload"], (one, title) => {
    const codecs: Record<string, Codec<unknown>> = {
      request: HttpRequestHead,
      response: HttpResponseHead,
      event: EventHead,
    };
    const codec = codecs[string(one, "kind")];
    assert.ok(codec !== undefined, `${title}: no such kind of head`);
    const { head, body } = splitPayload(codec, bytes(one, "payload"));
    assert.equal(shown(head), exactText(one["json"]));
    assert.equal(toHex(body), one["body"]);
    assert.equal(toHex(joinPayload(codec, head, body)), one["payload"]);
  });

  section("trees", ["leaves", "root", "paths"], (one, title) => {
    const leaves = (one["leaves"] as string[]).map(unhex);
    const paths = one["paths"] as string[][];
    const root = merkleRoot(leaves);
    assert.equal(toHex(root), one["root"], title);
    assert.equal(paths.length, leaves.length, title);
    leaves.forEach((leaf, i) => {
      const path = merklePath(leaves, i);
      assert.deepEqual(path.map(toHex), paths[i], title);
      assert.equal(toHex(climb(leaf, i, leaves.length, path)), one["root"], title);
      assert.throws(() => climb(leaf, i, leaves.length, [...path, leaf]), { name: "PathError" });
      assert.throws(() => climb(leaf, leaves.length, leaves.length, path), { name: "PathError" });
    });
  });

  section("genesis", ["file", "cbor", "network", "namespace"], checkGenesis);

  section("double_votes", ["name", "network", "committee", "votes", "refused"], (one, title) => {
    const votes = decode(DoubleVote, bytes(one, "votes"));
    assert.equal(toHex(encode(DoubleVote, votes)), one["votes"], title);
    const committee = decode(Committee, bytes(one, "committee"));
    const field = refused(() => {
      verifyDoubleVote(votes, committee, Digest.parse(string(one, "network")));
    });
    assert.equal(field ?? null, one["refused"], title);
  });

  section("sealed_batches", ["name", "sealed", "good"], (one, title) => {
    const check = (): void => {
      const sealed = parseSealed(bytes(one, "sealed"));
      verifySealed(sealed, genesis().validators, genesis().network);
      const out = new Writer();
      writeSealed(out, sealed);
      assert.equal(toHex(out.finish()), one["sealed"], title);
    };
    if (one["good"] === true) {
      check();
    } else {
      assert.throws(check, /./u, title);
    }
  });

  section("certificates", ["name", "block", "certificate", "proven", "refused"], (one, title) => {
    const check = (): unknown =>
      verifyCertificate(bytes(one, "certificate"), genesis(), Digest.parse(string(one, "block")));
    if (one["proven"] === undefined) {
      assert.equal(refused(check), one["refused"], title);
    } else {
      assert.equal(shown(check()), exactText(one["proven"]), title);
    }
  });

  section("proofs", ["name", "proof", "proven", "refused"], (one, title) => {
    checkProof(one, title, genesis());
  });

  section("receipt_files", ["name", "file", "refused"], (one, title) => {
    const file = JSON.stringify(one["file"]);
    assert.equal(refused(() => verifyReceiptFile(file, genesis())) ?? null, one["refused"], title);
    if (one["refused"] === null) {
      const { proof, signed, call_entry: callEntry } = one["file"] as Record<string, string | undefined>;
      const evidence = fromBase64Url(proof ?? signed ?? "");
      const made = makeReceiptFile(
        proof === undefined ? { signed: decodeSigned(evidence) } : { proof: decode(Proof, evidence) },
        callEntry === undefined ? undefined : fromBase64Url(callEntry),
      );
      assert.equal(made, `${JSON.stringify(one["file"], null, 2)}\n`, title);
    }
  });

  section("state_files", ["name", "file", "refused"], (one, title) => {
    const file = one["file"] as Record<string, unknown>;
    let proven: ProvenState | undefined;
    const field = refused(() => (proven = verifyStateFile(JSON.stringify(file), genesis())));
    assert.equal(field ?? null, one["refused"], title);
    if (proven !== undefined) {
      const { key, value, height, time_ms } = proven;
      const readable = value instanceof Uint8Array ? Buffer.from(value).toString("base64url") : value;
      assert.equal(shown(key), exactText(file["key"]), title);
      assert.equal(shown(readable), exactText(file["value"]), title);
      assert.equal(shown({ height, time_ms }), exactText(file["block"]), title);
    }
  });

  section("signatures", ["name", "account", "message", "signature", "good"], (one, title) => {
    const check = (): void => {
      verifyRaw(
        AccountId.parse(string(one, "account")),
        bytes(one, "message"),
        Signature.parse(string(one, "signature")),
      );
    };
    if (one["good"] === true) {
      check();
    } else {
      // What has not the length of a signature is none, and is refused before anything is computed.
      const isSignature = bytes(one, "signature").length === 64;
      assert.throws(check, { name: isSignature ? "SignatureError" : "MootError" }, title);
    }
  });

  test("all 196 pairs of small-order points verify, as ZIP215's authors' own vectors say", () => {
    const cases = vectors["signatures"] as Case[];
    const points = cases
      .filter((one) => string(one, "name").startsWith("A of small order"))
      .map((one) => string(one, "account"));
    assert.equal(new Set(points).size, 14);
    for (const a of points) {
      for (const r of points) {
        verifyRaw(AccountId.parse(a), utf8("Zcash"), Signature.parse(r + "00".repeat(32)));
      }
    }
  });

  test("bundles", () => {
    const all = vectors["bundles"] as { bundles: Case[]; batch: Case; block: Case; heartbeat: Case };
    assert.deepEqual(Object.keys(all), ["bundles", "batch", "block", "heartbeat"]);
    const bundles = all.bundles.map(checkBundle);
    assert.ok(bundles.length > 0);

    const batch = decode(Batch, bytes(all.batch, "encoded"));
    assert.deepEqual(batch, { header: decode(BatchHeader, bytes(all.batch, "header")), bundles });
    assert.equal(bundlesRoot(bundles), batch.header.root);
    assert.equal(toHex(batchDigest(batch.header)), all.batch["digest"]);
    assert.equal(toHex(encode(Batch, batch)), all.batch["encoded"]);

    const block = decode(BlockHeader, bytes(all.block, "header"));
    assert.equal(block.root, all.batch["digest"], "one batch is its own root");
    assert.equal(toHex(encode(BlockHeader, block)), all.block["header"]);
    assert.equal(blockDigest(block), all.block["digest"]);

    const heartbeat = decode(BlockHeader, bytes(all.heartbeat, "header"));
    assert.deepEqual([heartbeat.batches, heartbeat.parent], [0, all.block["digest"]]);
    assert.equal(toHex(encode(BlockHeader, heartbeat)), all.heartbeat["header"]);
    checked.set("bundles", bundles.length + 3);
  });

  test("committees", () => {
    const all = vectors["committees"] as Committees;
    assert.deepEqual(Object.keys(all), ["domain", "genesis", "committees", "entries", "header", "proofs"]);
    checkKeys(all.domain, ["name", "tag", "hash_of_abc"]);
    checkDomain(all.domain, "committees.domain");
    checkKeys(all.genesis, ["file", "cbor", "network", "namespace"]);
    checkGenesis(all.genesis);
    const changing = parseGenesis(JSON.stringify(all.genesis["file"]));

    assert.ok(all.committees.length > 1);
    const committees = all.committees.map((one, number) => {
      checkKeys(one, ["number", "members", "cbor", "digest", "namespace"]);
      const committee = decode(Committee, bytes(one, "cbor"));
      assert.deepEqual(committee, { number, members: one["members"] });
      assert.equal(one["number"], number);
      assert.equal(toHex(encode(Committee, committee)), one["cbor"]);
      assert.equal(committeeDigest(committee), one["digest"]);
      assert.equal(committeeNamespace(committee, changing.network), one["namespace"]);
      return committee;
    });
    assert.deepEqual(committees[0], genesisCommittee(changing));

    assert.ok(all.entries.length > 0);
    for (const one of all.entries) {
      checkKeys(one, ["name", "json", "cbor", "digest"]);
      checkEntry(one, string(one, "name"));
    }

    checkKeys(all.header, ["header", "digest"]);
    const header = decode(BlockHeader, bytes(all.header, "header"));
    assert.equal(header.committee, all.committees[1]?.["digest"]);
    assert.equal(toHex(encode(BlockHeader, header)), all.header["header"]);
    assert.equal(blockDigest(header), all.header["digest"]);

    for (const one of all.proofs) {
      checkKeys(one, ["name", "proof", "proven", "refused"]);
      checkProof(one, string(one, "name"), changing);
    }
    const fields = new Set(
      all.proofs.filter((one) => one["proven"] === undefined).map((one) => string(one, "refused")),
    );
    assert.ok(fields.size >= 9, [...fields].join(" "));
    const proven = all.proofs.filter((one) => one["proven"] !== undefined);
    assert.equal(proven.length, committees.length, "a good proof of each committee");
    checked.set("committees", all.committees.length + all.entries.length + all.proofs.length + 3);
  });

  test("every section of the file was checked, and every case of it", () => {
    const known = [...checked.keys(), "format", "note"];
    assert.deepEqual(Object.keys(vectors).sort(), known.sort(), "the file has sections that no test knows");
    assert.equal(vectors["format"], "moot-vectors-1");
    for (const [name, count] of checked) {
      assert.ok(count > 0, `no case of ${name} was checked`);
    }
  });
});

interface Committees {
  readonly domain: Case;
  readonly genesis: Case;
  readonly committees: readonly Case[];
  readonly entries: readonly Case[];
  readonly header: Case;
  readonly proofs: readonly Case[];
}

/** A case of a section within a section: it has these keys and no others. */
function checkKeys(one: Case, keys: readonly string[]): void {
  assert.deepEqual(
    Object.keys(one).filter((key) => !keys.includes(key)),
    [],
    "keys that this test does not know",
  );
}

function checkDomain(one: Case, title: string): void {
  const domain = DOMAINS[string(one, "name") as keyof typeof DOMAINS] as (typeof DOMAINS)["page"] | undefined;
  assert.ok(domain !== undefined, `${title}: no such domain`);
  assert.equal(toHex(domain.tag), one["tag"]);
  assert.equal(domain.digest(utf8("abc")), one["hash_of_abc"]);
}

function checkEntry(one: Case, title: string): void {
  const encoded = bytes(one, "cbor");
  const entry = decode(Entry, encoded);
  assert.equal(shown(entry), exactText(one["json"]), title);
  assert.equal(toHex(encode(Entry, entry)), one["cbor"], title);
  assert.equal(entryDigest(encoded), one["digest"], title);
}

function checkGenesis(one: Case): void {
  const found = parseGenesis(JSON.stringify(one["file"]));
  assert.equal(found.network, one["network"]);
  assert.equal(genesisNamespace(found), one["namespace"]);
  assert.equal(toHex(encode(Genesis, found)), one["cbor"]);
  assert.deepEqual(decode(Genesis, bytes(one, "cbor")), found);
  assert.deepEqual(parseGenesis(printGenesis(found)), found);
  assert.equal(exactText(JSON.parse(printGenesis(found))), exactText(one["file"]));
}

function checkProof(one: Case, title: string, genesis: Genesis): void {
  let proof: Proof;
  try {
    proof = decode(Proof, bytes(one, "proof"));
  } catch {
    assert.equal("proof", one["refused"], title);
    return;
  }
  assert.equal(toHex(encode(Proof, proof)), one["proof"], title);
  if (one["proven"] === undefined) {
    assert.equal(
      refused(() => verifyProof(proof, genesis)),
      one["refused"],
      title,
    );
  } else {
    const { entry, digest, account, id, height, time_ms, epoch, view } = verifyProof(proof, genesis);
    const proven = { entry, digest, account, id, height, time_ms, epoch, view };
    assert.equal(shown(proven), exactText(one["proven"]), title);
  }
}

function checkBundle(one: Case): Bundle {
  assert.deepEqual(Object.keys(one), ["seed", "header", "signature", "id", "digest", "pages", "encoded"]);
  const bundle = decode(Bundle, bytes(one, "encoded"));
  assert.equal(toHex(encode(BundleHeader, bundle.header)), one["header"]);
  assert.equal(bundle.signature, one["signature"]);
  assert.equal(bundleId(bundle.header), one["id"]);
  assert.equal(toHex(bundleDigest(bundle.header, bundle.signature)), one["digest"]);
  assert.equal(toHex(encode(Bundle, bundle)), one["encoded"]);
  verifyBundleHeader(bundle.header, bundle.signature);
  const pages = (one["pages"] as Case[]).map((page) => bytes(page, "bytes"));
  assert.deepEqual(bundle.pages, pages);
  pages.forEach((page, i) => {
    assert.equal(toHex(pageDigest(page)), (one["pages"] as Case[])[i]?.["digest"]);
    // Entries of one class are packed as Rust packs them.
    assert.deepEqual(packPages(parsePage(page)), [page]);
  });
  const { network, valid_until: validUntil } = bundle.header;
  assert.deepEqual(signBundle(bytes(one, "seed"), network, validUntil, pages), bundle);
  return bundle;
}

function decodeSigned(encoded: Uint8Array): SignedEntry {
  return decode(SignedEntry, encoded);
}
