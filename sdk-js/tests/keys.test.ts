/** Keys, the command line's key file, and signed requests. */

import { ed25519 } from "@noble/curves/ed25519.js";
import assert from "node:assert/strict";
import { chmod, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { inspect } from "node:util";
import { createKey, defaultKeyPath, loadKey } from "../src/keyfile.js";
import { contentDigest, formatKey, Keypair, parseKey, signRequest } from "../src/keys.js";
import { temporaryFolder } from "./node.js";

const key = Keypair.fromSeed(new Uint8Array(32).fill(3));

describe("keys", () => {
  test("a key is its seed, and never shows it", () => {
    assert.equal(key.account, Buffer.from(ed25519.getPublicKey(new Uint8Array(32).fill(3))).toString("hex"));
    const seed = "03".repeat(32);
    for (const shown of [
      String(key),
      JSON.stringify({ key }),
      inspect(key, { showHidden: true, depth: 9 }),
    ]) {
      assert.ok(!shown.includes(seed) && !shown.includes("Uint8Array"), shown);
    }
    assert.notEqual(Keypair.generate().account, Keypair.generate().account);
    assert.throws(() => Keypair.fromSeed(new Uint8Array(31)), /31 bytes; an ed25519 seed has 32/u);
  });

  test("the key file's text is the command line's, and what is none is never quoted", () => {
    assert.equal(formatKey(key), `moot-key-1 ${"03".repeat(32)}\n`);
    assert.equal(parseKey(formatKey(key)).account, key.account);
    for (const bad of [
      "",
      "moot-key-1",
      "moot-key-1 0011",
      `moot-key-1 ${"AB".repeat(32)}`,
      "hunter2",
      " moot-key-1",
    ]) {
      assert.throws(
        () => parseKey(bad),
        (error: Error) => {
          return (
            error.message.includes("64 hex digits") && (bad === "" || !error.message.includes("hunter2"))
          );
        },
      );
    }
  });

  describe("on disk", () => {
    let folder: string;
    before(async () => {
      folder = await temporaryFolder();
    });
    after(async () => {
      await rm(folder, { recursive: true, force: true });
    });

    test("a file is made once, private, and read again", async () => {
      const path = join(folder, "below", "key");
      const made = await createKey(path);
      assert.equal((await loadKey(path)).account, made.account);
      await assert.rejects(createKey(path), /EEXIST/u);
      await chmod(path, 0o644);
      await assert.rejects(loadKey(path), /mode 0644: others can read or change it; .*chmod 600/u);
    });

    test("a file that is no key is named", async () => {
      const path = join(folder, "other");
      await writeFile(path, "secretsecret", { mode: 0o600 });
      await assert.rejects(loadKey(path), (error: Error) => {
        return error.message.includes(path) && !error.message.includes("secretsecret");
      });
      await writeFile(path, "x".repeat(100_000));
      await assert.rejects(loadKey(path), /Is it the right file/u);
    });

    test("the usual place is the command line's", () => {
      const { MOOT_KEY: named, XDG_CONFIG_HOME: config } = process.env;
      try {
        delete process.env["MOOT_KEY"];
        process.env["XDG_CONFIG_HOME"] = "/config";
        assert.equal(defaultKeyPath(), join("/config", "moot", "key"));
        process.env["MOOT_KEY"] = "/elsewhere";
        assert.equal(defaultKeyPath(), "/elsewhere");
      } finally {
        Object.assign(process.env, named === undefined ? {} : { MOOT_KEY: named });
        Object.assign(process.env, config === undefined ? {} : { XDG_CONFIG_HOME: config });
        if (named === undefined) delete process.env["MOOT_KEY"];
        if (config === undefined) delete process.env["XDG_CONFIG_HOME"];
      }
    });
  });
});

describe("signed requests", () => {
  const body = new TextEncoder().encode('{"hello": "world"}\n');

  test("a content digest is the example of RFC 9530, section 2", () => {
    assert.equal(contentDigest(body), "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:");
  });

  test("the signature is over the base of RFC 9421, in the node's normal form", () => {
    const request = { method: "post", url: "http://Example.COM:80/call?a=1#not-sent", body };
    const signed = signRequest(key, request, { created: 1_800_000_000, nonce: "nonce" });
    const parameters =
      '("@method" "@authority" "@path" "@query" "content-digest")' +
      `;created=1800000000;keyid="${key.account}";alg="ed25519";nonce="nonce"`;
    assert.equal(signed["signature-input"], `moot=${parameters}`);
    const base = [
      '"@method": POST',
      '"@authority": example.com',
      '"@path": /call',
      '"@query": ?a=1',
      `"content-digest": ${contentDigest(body)}`,
      `"@signature-params": ${parameters}`,
    ].join("\n");
    const [, signature = ""] = /^moot=:(.*):$/u.exec(signed.signature) ?? [];
    const account = new Uint8Array(Buffer.from(key.account, "hex"));
    assert.ok(
      ed25519.verify(
        new Uint8Array(Buffer.from(signature, "base64")),
        new TextEncoder().encode(base),
        account,
      ),
    );
  });

  test("each signature has its own nonce, and what cannot be signed for is refused", () => {
    const request = { method: "GET", url: "http://127.0.0.1:8080/" };
    assert.notEqual(signRequest(key, request).signature, signRequest(key, request).signature);
    assert.throws(() => signRequest(key, { method: "GET", url: "http://me:pw@host/" }), /without a user/u);
    assert.throws(() => signRequest(key, { method: "GET", url: "ftp://host/" }), /only http and https/u);
    assert.throws(() => signRequest(key, request, { nonce: 'a"b' }), /plain ASCII/u);
  });
});
