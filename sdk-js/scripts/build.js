// Builds dist/: the package's modules and their types.
import { rmSync } from "node:fs";
import { folder, run } from "./run.js";

rmSync(folder("dist"), { recursive: true, force: true });
run("tsc", ["-p", "tsconfig.build.json"]);
