/** The package in a real browser: the same verdicts as everywhere, and the example page as a person uses it. */

import { ed25519 } from "@noble/curves/ed25519.js";
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { BrowserContext, Page } from "playwright-core";
import { Keypair, signRequest } from "../src/keys.js";
import { openBrowser, serve, withoutBrowser } from "./browser.js";

interface Case {
  readonly name: string;
  readonly refused?: string | null;
}
interface Vectors {
  readonly genesis: readonly { readonly file: unknown; readonly network: string }[];
  readonly proofs: readonly (Case & { readonly proof: string; readonly proven?: { readonly id: string } })[];
  readonly receipt_files: readonly (Case & { readonly file: Record<string, unknown> })[];
}

const vectors = JSON.parse(
  readFileSync(new URL("../../../record/vectors.json", import.meta.url), "utf8"),
) as Vectors;
const genesisText = JSON.stringify(vectors.genesis[0]?.file);
const MOMENT = { created: 1_800_000_000, nonce: "nonce" };
const seed = Array.from({ length: 32 }, (_, i) => i);

const missing = withoutBrowser();
if (missing !== false) {
  // One test, so that it is counted as skipped; a skipped suite is not.
  test("in Chromium", { skip: missing });
}

(missing === false ? describe : describe.skip)("in Chromium", () => {
  let browser: { context: BrowserContext; close: () => Promise<void> };
  let server: { origin: string; close: () => Promise<void> };
  let page: Page;
  const signed: { method: string; target: string; headers: IncomingHttpHeaders }[] = [];

  before(async () => {
    server = await serve((request, response) => {
      if (request.url?.startsWith("/_moot/") !== true) {
        return false;
      }
      signed.push({ method: request.method ?? "", target: request.url, headers: request.headers });
      request.resume().on("end", () => {
        response.writeHead(200, { "moot-call": "0-7-0-0-0", "moot-fuel": "42" }).end("hello, ada\n");
      });
      return true;
    });
    browser = await openBrowser();
    page = await browser.context.newPage();
    await page.goto(server.origin);
  });

  after(async () => {
    await (browser as typeof browser | undefined)?.close();
    await (server as typeof server | undefined)?.close();
  });

  test("verify gives the verdicts of the vectors", async () => {
    const given = {
      genesis: genesisText,
      proofs: vectors.proofs.map(({ proof }) => proof),
      files: vectors.receipt_files.map(({ file }) => JSON.stringify(file)),
    };
    const found = await page.evaluate(async ({ genesis: text, proofs, files }) => {
      const { parseGenesis, verifyProofBytes, verifyReceiptFile, VerifyError } =
        await import("@folkmoot/sdk/verify");
      const genesis = parseGenesis(text);
      const verdict = (check: () => string): string => {
        try {
          return check();
        } catch (error) {
          return error instanceof VerifyError ? `refused ${error.field}` : `failed ${String(error)}`;
        }
      };
      const bytes = (hex: string): Uint8Array =>
        Uint8Array.from({ length: hex.length / 2 }, (_, i) =>
          Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16),
        );
      return {
        network: genesis.network,
        proofs: proofs.map((hex) => verdict(() => verifyProofBytes(bytes(hex), genesis).id)),
        files: files.map((file) => verdict(() => verifyReceiptFile(file, genesis).receipt.call)),
      };
    }, given);
    assert.equal(found.network, vectors.genesis[0]?.network);
    const proofs = vectors.proofs.map(({ proven, refused }) => proven?.id ?? `refused ${String(refused)}`);
    assert.deepEqual(found.proofs, proofs);
    const files = vectors.receipt_files.map(({ file, refused }) => {
      const { call } = file["receipt"] as { call: string };
      return refused === null ? call : `refused ${String(refused)}`;
    });
    assert.deepEqual(found.files, files);
    assert.ok(proofs.length > 20 && files.length >= 10);
  });

  test("keys sign the same as elsewhere", async () => {
    const url = "http://example.com/call?a=1";
    const found = await page.evaluate(
      async ({ seed, moment, url }) => {
        const { formatKey, Keypair, parseKey, signRequest } = await import("@folkmoot/sdk/keys");
        const key = Keypair.fromSeed(Uint8Array.from(seed));
        const fresh = Keypair.generate();
        return {
          account: key.account,
          file: formatKey(key),
          again: parseKey(formatKey(fresh)).account === fresh.account,
          signed: { ...signRequest(key, { method: "POST", url, body: Uint8Array.of(1, 2) }, moment) },
        };
      },
      { seed, moment: MOMENT, url },
    );
    const key = Keypair.fromSeed(Uint8Array.from(seed));
    assert.equal(found.account, key.account);
    assert.equal(found.file, `moot-key-1 ${Buffer.from(seed).toString("hex")}\n`);
    assert.ok(found.again);
    assert.deepEqual(found.signed, {
      ...signRequest(key, { method: "POST", url, body: Uint8Array.of(1, 2) }, MOMENT),
    });
  });

  test("the client's signed requests leave the browser as they were signed", async () => {
    const found = await page.evaluate(
      async ({ seed, origin }) => {
        const { Client } = await import("@folkmoot/sdk/client");
        const { Keypair } = await import("@folkmoot/sdk/keys");
        const client = new Client(origin, { key: Keypair.fromSeed(Uint8Array.from(seed)) });
        const answer = await client.invoke("hello", "ada", { sign: true });
        return { call: answer.call, fuel: String(answer.fuel), text: answer.text() };
      },
      { seed, origin: server.origin },
    );
    assert.deepEqual(found, { call: "0-7-0-0-0", fuel: "42", text: "hello, ada\n" });
    const { method, target, headers } = signed[0] ?? assert.fail("no request came");
    const parameters = /^moot=(.*)$/u.exec(String(headers["signature-input"]))?.[1] ?? "";
    const base = [
      `"@method": ${method}`,
      `"@authority": ${String(headers.host)}`,
      `"@path": ${target}`,
      '"@query": ?',
      `"content-digest": ${String(headers["content-digest"])}`,
      `"@signature-params": ${parameters}`,
    ].join("\n");
    const signature = Buffer.from(/:(.*):/u.exec(String(headers["signature"]))?.[1] ?? "", "base64");
    const account = Buffer.from(Keypair.fromSeed(Uint8Array.from(seed)).account, "hex");
    assert.ok(ed25519.verify(signature, new TextEncoder().encode(base), account));
  });

  describe("the example page", () => {
    const GENESIS = { name: "genesis.json", mimeType: "application/json", buffer: Buffer.from(genesisText) };
    const receipt = (index: number, name: string): typeof GENESIS => {
      const text = JSON.stringify(vectors.receipt_files[index]?.file);
      return { name, mimeType: "application/json", buffer: Buffer.from(text) };
    };
    let complaints: string[];

    /** The page, from the disk as a person opens it. */
    async function opened(): Promise<Page> {
      const file = new URL("../../examples/verifier/verify.html", import.meta.url);
      const example = await browser.context.newPage();
      complaints = [];
      example.on("console", (message) => complaints.push(message.text()));
      example.on("pageerror", (error) => complaints.push(String(error)));
      await example.goto(file.href);
      return example;
    }

    async function screenshot(example: Page, name: string): Promise<void> {
      const folder = fileURLToPath(new URL("../screenshots/", import.meta.url));
      mkdirSync(folder, { recursive: true });
      await example.screenshot({ path: `${folder}${name}.png`, fullPage: true });
    }

    test("shows what a good receipt proves, and what it does not", async () => {
      const example = await opened();
      await screenshot(example, "empty");
      await example.setInputFiles("#genesis-input", GENESIS);
      await example.setInputFiles("#receipt-input", receipt(0, "receipt.json"));
      const verdict = example.locator("#verdict.valid");
      await verdict.waitFor();
      const said = await verdict.innerText();
      for (const part of [
        "VALID",
        "0-42-0-1-3",
        "9,007,199,254,740,993",
        "in block 7",
        "by a quorum of 4 replicas",
      ]) {
        assert.ok(said.includes(part), `${part} is not in\n${said}`);
      }
      assert.match(said, /not proven\s+That the output is what the component computes/iu);
      assert.ok(
        (await example.locator("#genesis-hint").innerText()).includes(vectors.genesis[0]?.network ?? "?"),
      );
      await screenshot(example, "valid");
      await example.emulateMedia({ colorScheme: "dark" });
      await screenshot(example, "valid-dark");
      await example.setViewportSize({ width: 390, height: 800 });
      await screenshot(example, "valid-narrow");
      assert.deepEqual(complaints, []);
      await example.close();
    });

    test("names the field of a tampered one, also when both files are dropped at once", async () => {
      const example = await opened();
      const dropped = { genesis: genesisText, receipt: receipt(2, "tampered.json").buffer.toString() };
      await example.evaluate(({ genesis, receipt }) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([receipt], "tampered.json"));
        transfer.items.add(new File([genesis], "genesis.json"));
        document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true }));
      }, dropped);
      const verdict = example.locator("#verdict.invalid");
      await verdict.waitFor();
      const said = await verdict.innerText();
      assert.match(said, /INVALID\s+receipt\.fuel does not fit/u);
      assert.match(said, /what was signed says "9007199254740993"/u);
      await screenshot(example, "invalid");
      // The next file is judged anew.
      await example.setInputFiles("#receipt-input", receipt(1, "signed.json"));
      await example.locator("#verdict.valid").waitFor();
      assert.match(await example.locator("#verdict").innerText(), /worker's signature alone/u);
      // What is no genesis is said so, and takes nothing else with it.
      await example.setInputFiles("#genesis-input", { ...GENESIS, buffer: Buffer.from("<b>no</b>") });
      await example.locator("#verdict.invalid").waitFor();
      assert.match(await example.locator("#verdict").innerText(), /the genesis file cannot be read/u);
      assert.equal(await example.locator("#verdict b b").count(), 0);
      assert.deepEqual(complaints, []);
      await example.close();
    });

    test("can reach no network", async () => {
      const example = await opened();
      const refused = await example.evaluate(async (origin) => {
        return fetch(origin).then(
          () => "reached",
          (error: unknown) => String(error),
        );
      }, server.origin);
      assert.match(refused, /TypeError/u);
      assert.ok(
        complaints.some((said) => said.includes("Content Security Policy")),
        complaints.join("\n"),
      );
      await example.close();
    });
  });
});
