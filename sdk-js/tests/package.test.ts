/** The package as others get it: what it exports, what it brings along, and where that comes from. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import "./interfaces.js";

const root = new URL("../../", import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, root), "utf8");

interface Package {
  readonly name: string;
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}
const manifest = JSON.parse(read("package.json")) as Package;

interface Locked {
  readonly integrity?: string;
  readonly resolved?: string;
  readonly dev?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
}

describe("the package", () => {
  test("every entry point is there, with its types", async () => {
    for (const [entry, target] of Object.entries(manifest.exports)) {
      if (typeof target === "object") {
        assert.match(read(target.types), /export/u);
        const module = (await import(new URL(target.default, root).href)) as object;
        assert.ok(Object.keys(module).length > 0, `${entry} exports nothing`);
      }
    }
  });

  test("what runs in browsers imports nothing but its own modules and the cryptography", () => {
    const files = readdirSync(new URL("dist/", root), { recursive: true }).map(String);
    // The guest's modules run inside components, with the platform's interfaces.
    const elsewhere = (name: string): boolean => name === "keyfile.js" || name.startsWith("guest");
    const modules = files.filter((name) => name.endsWith(".js") && !elsewhere(name));
    assert.ok(modules.length > 30);
    for (const name of modules) {
      const statements = read(`dist/${name}`).matchAll(/^(?:import|export)\s(?:[^";]*\sfrom\s)?"([^"]+)"/gmu);
      const imports = [...statements].map(([, path]) => path ?? "");
      const strange = imports.filter((path) => !/^(?:\.{1,2}\/|@noble\/(?:curves|hashes)\/)/u.test(path));
      assert.deepEqual(strange, [], name);
    }
  });

  test("versions are exact, every file has a checksum, and no download host is named", () => {
    const lock = JSON.parse(read("package-lock.json")) as { packages: Record<string, Locked> };
    for (const version of Object.values({ ...manifest.dependencies, ...manifest.devDependencies })) {
      assert.match(version, /^[0-9]+\.[0-9]+\.[0-9]+$/u);
    }
    for (const [name, locked] of Object.entries(lock.packages)) {
      if (name !== "") {
        assert.equal(locked.resolved, undefined, name);
        assert.match(locked.integrity ?? "", /^sha512-/u, name);
      }
    }
    const shipped = Object.entries(lock.packages).filter(
      ([name, locked]) => name !== "" && locked.dev !== true,
    );
    assert.deepEqual(
      shipped.map(([name]) => name),
      ["node_modules/@noble/curves", "node_modules/@noble/hashes"],
    );
  });
});
