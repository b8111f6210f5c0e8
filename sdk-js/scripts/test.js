// Builds the package, its example page and its tests, and runs the tests: all of them, or those that are named.
import { readdirSync, rmSync } from "node:fs";
import { folder, run } from "./run.js";

const wanted = process.argv.slice(2);

run("node", ["scripts/build.js"]);
run("node", ["scripts/page.js"]);
rmSync(folder("build"), { recursive: true, force: true });
run("tsc", ["-p", "tests"]);
const files = readdirSync(folder("build/tests")).filter((name) => name.endsWith(".test.js"));
const chosen = files.filter((name) => wanted.length === 0 || wanted.some((word) => name.startsWith(word)));
if (chosen.length === 0) {
  console.error(`there is no test called ${wanted.join(", ")}; there are ${files.join(", ")}`);
  process.exit(2);
}
run("node", ["--test", "--test-reporter=spec", ...chosen.map((name) => folder(`build/tests/${name}`))]);
