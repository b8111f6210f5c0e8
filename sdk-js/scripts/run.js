// Runs the tools of node_modules, and says where things are.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** A file or folder of the package. */
export function folder(name) {
  return fileURLToPath(new URL(`../${name}`, import.meta.url));
}

/** Runs a tool to its end; its failure ends this process with its exit code. */
export function run(tool, words) {
  const program = tool === "node" ? process.execPath : folder(`node_modules/.bin/${tool}`);
  const { status, error } = spawnSync(program, words, { cwd: folder("."), stdio: "inherit" });
  if (error !== undefined) {
    console.error(`cannot run ${tool}: ${error.message}; \`npm ci\` installs it`);
  }
  if (status !== 0) {
    process.exit(status ?? 1);
  }
}
