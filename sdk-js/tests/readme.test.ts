/** The README's examples, run as they stand there, one after the other in one folder. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { guest, type Node, startNode, temporaryFolder } from "./node.js";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
/** Each example's heading, code, and what it prints. */
const examples = [
  ...readme.matchAll(/## ([^\n]*)\n(?:(?!\n## )[^])*?```js\n([^]*?)```\n\n```text\n([^]*?)```/gu),
];

describe("README.md", () => {
  let node: Node;
  let folder: string;

  before(async () => {
    folder = await temporaryFolder();
    node = await startNode(join(folder, "key"));
    for (const name of ["hello", "calculator"]) {
      await writeFile(join(folder, `${name}.wasm`), await guest(name));
    }
  });

  after(async () => {
    await (node as Node | undefined)?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test("has four examples, each with its output", () => {
    assert.equal(examples.length, 4);
    assert.equal(examples.length, readme.split("```js\n").length - 1, "an example has no output");
  });

  for (const [, heading = "", code = "", printed = ""] of examples) {
    test(heading, async () => {
      // Below the package, so that it is found by its name; run in a folder of its own.
      const scripts = fileURLToPath(new URL("../readme/", import.meta.url));
      await mkdir(scripts, { recursive: true });
      const script = join(scripts, `${heading.replaceAll(/[^a-z]+/giu, "-")}.js`);
      await writeFile(script, code);
      const env = { ...process.env, MOOT_NODE: node.address, MOOT_KEY: join(folder, "key") };
      const { stdout } = await promisify(execFile)(process.execPath, [script], { cwd: folder, env });
      assert.equal(stdout, printed);
    });
  }
});
