// Builds examples/verifier/verify.html: one file with everything in it, that works from a disk, a server or a mail.
// Needs dist/ (scripts/build.js).
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { buildSync } from "esbuild";
import { folder } from "./run.js";

const read = (name) => readFileSync(folder(`examples/verifier/${name}`), "utf8");
const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

const { outputFiles } = buildSync({
  entryPoints: [folder("examples/verifier/page.ts")],
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  write: false,
});
const script = outputFiles[0].text.trim();
const style = `\n${read("page.css")}`;
if (script.includes("</script")) {
  throw new Error("the script would end its own element: esbuild should have escaped it");
}
// Nothing but this very script and this very style: no network, no frames, no forms.
const policy = `default-src 'none'; script-src ${hash(script)}; style-src ${hash(style)}; base-uri 'none'; form-action 'none'`;
const page = read("page.html")
  .replace("<!--policy-->", () => `<meta http-equiv="Content-Security-Policy" content="${policy}" />`)
  .replace("<!--style-->", () => `<style>${style}</style>`)
  .replace("<!--script-->", () => `<script>${script}</script>`);
writeFileSync(folder("examples/verifier/verify.html"), page);
console.log(`examples/verifier/verify.html: ${Math.ceil(page.length / 1024)} KiB`);
