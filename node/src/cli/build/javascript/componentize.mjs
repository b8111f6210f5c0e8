// Makes a component of a JavaScript or TypeScript module. Run by `moot build`, which writes what it is asked for into
// order.json beside this file.
//
//   source ──rolldown──► its exports ──entry by the world's exports──rolldown──► bundle ──engine──► component
//
// rolldown, the engines and the reader of WIT are jco's own dependencies: the project's lock file says which.

import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { asGenerators, Unfit } from "./generators.mjs";
import { runsOf } from "./lines.mjs";

const order = JSON.parse(await readFile(process.argv[2], "utf8"));
const QUICKJS = order.engine === "quickjs";
const WORLD = "component";
const BUNDLE = "function.js";
const ENTRY = "\0moot:entry";
const SDK = "@folkmoot/sdk/guest";
/** What the entry leaves there is run last, when stacks can be read. */
const WARM_UP = 'Symbol.for("folkmoot.warm-up")';
/** Modules of the SDK that are imported for what they leave in the globals. */
const FOR_GLOBALS = ["quickjs.ts", "quickjs-waiting.ts", "quickjs-web.ts", "quickjs-fetch.ts", "quickjs-crypto.ts"];
/** QuickJS goes on with no promise of its own; below this version of the language the bundler has no async functions either. */
const WITHOUT_ASYNC = "es2016";
/** What that version lacks too, and is left as it is: this engine has it. */
const LEFT_AS_IT_IS = "TOLERATED_TRANSFORM";
/** What a function in QuickJS has in it that may wait. What waiting takes is brought along for those alone. */
const MAY_WAIT =
  /\b(?:async|await|Promise|fromAsync|AsyncDisposableStack|queueMicrotask|fetch|(?:set|clear)(?:Timeout|Interval))\b|\bimport\s*\(/;
const SPECIFIER = /^([a-z][a-z0-9-]*:[a-z][a-z0-9-]*\/[a-z][a-z0-9-]*)(@.*)?$/;

class Wrong extends Error {
  constructor(message, hint) {
    super(message);
    this.hint = hint;
  }
}

/** A package that jco depends on, found as Node would from there. */
async function dependency(name, part = ".") {
  for (let folder = order.jco; ; folder = dirname(folder)) {
    const path = join(folder, "node_modules", name);
    if (existsSync(join(path, "package.json"))) {
      const { exports, main } = JSON.parse(await readFile(join(path, "package.json"), "utf8"));
      const root = typeof exports === "object" ? (exports[part] ?? exports) : exports;
      const entry = typeof root === "object" ? (root.import ?? root.default) : root;
      return import(pathToFileURL(join(path, entry ?? main ?? "index.js")));
    }
    if (folder === dirname(folder)) {
      throw new Wrong(`${name}, which jco needs, is not installed`, "npm install");
    }
  }
}

const name = ({ namespace, package: packageName, interface: face }) => `${namespace}:${packageName}/${face}`;
/** The name that modules know an interface by: others may stand in for packages of WASI while the component is made. */
const called = (face) => name(face.namespace === "moot" && order.standIns.includes(face.package) ? { ...face, namespace: "wasi" } : face);
const camel = (text) => text.replace(/-([a-z0-9])/g, (_, letter) => letter.toUpperCase());

/** `wasi:http/types` to the same with the version that the world has. */
async function readWorld() {
  const { componentWitMetadataForWorld } = await dependency("@bytecodealliance/jco-transpile");
  const { imports, exports } = await componentWitMetadataForWorld(
    { tag: "path", val: join(order.cache, "wit") },
    WORLD,
  );
  const versioned = imports.map((face) => {
    const { major, minor, patch, pre } = face.version ?? {};
    const version = face.version ? `@${major}.${minor}.${patch}${pre ? `-${pre}` : ""}` : "";
    return [called(face), name(face) + version];
  });
  return { imports: new Map(versioned), exports: exports.map(called) };
}

/** The declarations of the world's interfaces, for editors and the type checker. What the world exports besides. */
async function writeTypes() {
  const { generateGuestTypes } = await dependency("@bytecodealliance/jco-transpile");
  const files = await generateGuestTypes(join(order.cache, "wit-types"), { worldName: WORLD });
  const folder = join(order.cache, "types");
  await rm(folder, { recursive: true, force: true });
  let functions = [];
  for (const [path, content] of Object.entries(files)) {
    const place = join(folder, path);
    await mkdir(dirname(place), { recursive: true });
    await writeFile(place, content);
    const text = Buffer.from(content).toString("utf8");
    if (text.includes("declare module 'moot:build/component")) {
      functions = [...text.matchAll(/^ {2}export function ([\w$]+)\(/gm)].map(([, found]) => found);
    }
  }
  return functions;
}

/** Bundles `input` into one module, in an older version of the language where one is named. */
async function bundle(input, entryText, world, target) {
  const { rolldown } = await dependency("rolldown");
  const sdk = join(order.cache, "sdk");
  const warnings = [];
  const kept = (id) => FOR_GLOBALS.some((file) => id === join(sdk, "guest", file));
  const plugin = {
    name: "moot",
    resolveId(id) {
      if (id === ENTRY) {
        return id;
      }
      if (id === SDK || id.startsWith(`${SDK}/`)) {
        return join(sdk, `${id.slice("@folkmoot/sdk/".length)}.ts`);
      }
      const [, face] = SPECIFIER.exec(id) ?? [];
      if (face !== undefined) {
        return { id: world.imports.get(face) ?? id, external: true };
      }
      return null;
    },
    load: (id) => (id === ENTRY ? { code: entryText, moduleType: "js" } : null),
  };
  // What is not used of the SDK and of interfaces is not imported: an import may need a grant.
  const build = await rolldown({
    input,
    cwd: order.folder,
    platform: "neutral",
    plugins: [plugin],
    resolve: { mainFields: ["module", "main"], conditionNames: ["worker", "browser", "import", "module", "default"] },
    treeshake: { moduleSideEffects: (id, external) => !external && (!id.startsWith(sdk) || kept(id)) },
    ...(target === undefined ? {} : { transform: { target } }),
    onLog: (level, log) => {
      if (level === "warn" && log.code !== LEFT_AS_IT_IS) {
        warnings.push(log);
      }
    },
  });
  try {
    const { output } = await build.generate({ format: "esm", codeSplitting: false, sourcemap: "hidden" });
    const [chunk, more] = output.filter((item) => item.type === "chunk");
    if (more !== undefined) {
      throw new Wrong("the bundle has several parts", "`import()` of another module cannot be in a component");
    }
    const { code, map, imports, exports } = chunk;
    return { chunk: { code, map, imports, exports }, warnings };
  } finally {
    await build.close();
  }
}

/** What is put into QuickJS before anything else: the engine is a language and nothing around it. */
function globals(http, waits) {
  const fetches = waits && order.outbound;
  const parts = [
    ["quickjs", true],
    ["quickjs-waiting", waits],
    ["quickjs-web", http || fetches],
    ["quickjs-fetch", fetches],
    ["quickjs-crypto", order.random],
  ];
  return parts.filter(([, wanted]) => wanted).map(([part]) => `import "${SDK}/${part}";`);
}

/** A bundle for QuickJS whose async functions are generators over a `Promise` that goes on. */
async function bundleWithoutAsync(text, world) {
  const made = await bundle(ENTRY, text, world);
  const { parseAst } = await dependency("rolldown", "./parseAst");
  try {
    made.chunk.code = asGenerators(made.chunk.code, parseAst(made.chunk.code));
    return made;
  } catch (error) {
    if (error instanceof Unfit) {
      return bundle(ENTRY, text, world, WITHOUT_ASYNC);
    }
    throw error;
  }
}

/** What the entry exports, by what the world exports and the module has. */
function entry(world, functions, has, http, waits) {
  const from = JSON.stringify(order.source);
  const lines = [];
  if (QUICKJS) {
    lines.push(...globals(http, waits));
  } else {
    lines.push(`import { readableErrors } from "${SDK}/console";`, "readableErrors();");
  }
  lines.push(`import { seedFromCall, refuseSecrets } from "${SDK}/random";`, "seedFromCall();");
  if (!order.random) {
    lines.push("refuseSecrets();");
  }
  // Under another name, so that the guest's own functions keep theirs in stacks.
  const guarded = (own) =>
    `import { ${own} as own_${own} } from ${from};\nimport { guard as guard_${own} } from "${SDK}/typed";\n` +
    `const made_${own} = guard_${own}(own_${own});\nexport { made_${own} as ${own} };`;
  // Imports run first, whatever their place: the module's own top level is evaluated when the component is made.
  const missing = (what, remedy) => new Wrong(`${relative(order.folder, order.source)} exports no ${what}`, remedy);
  for (const face of world.exports) {
    const own = camel(face.split("/")[1]);
    if (has.includes(own)) {
      lines.push(guarded(own));
    } else if (face === "moot:function/handler") {
      if (!has.includes("default")) {
        throw missing("default", `export default defineFunction((event) => ...), of "${SDK}"`);
      }
      lines.push(`import main from ${from};`, `import { exportHandler } from "${SDK}/event";`);
      lines.push("export const handler = exportHandler(main);");
    } else if (face === "wasi:http/incoming-handler") {
      if (!has.includes("default")) {
        throw missing("default", "export default { fetch(request) { ... } }");
      }
      lines.push(`import main from ${from};`);
      if (QUICKJS) {
        lines.push(`import { exportHttp } from "${SDK}/quickjs-http";`, "export const incomingHandler = exportHttp(main);");
      } else {
        lines.push(`import { serve } from "${SDK}/http";`, "serve(main);");
      }
      if (order.warmUp.length > 0) {
        lines.push(`import { warmUp } from "${SDK}/http";`);
        lines.push(`globalThis[${WARM_UP}] = () => warmUp(main, ${JSON.stringify(order.warmUp)});`);
      }
    } else {
      throw missing(own, `the world exports the interface ${face}: export const ${own} = { ... }`);
    }
  }
  for (const own of functions) {
    if (!has.includes(own)) {
      throw missing(own, `the world exports a function of that name: export function ${own}(...) { ... }`);
    }
    lines.push(guarded(own));
  }
  if (world.exports.length === 0 && functions.length === 0) {
    throw new Wrong("the world exports nothing", "include moot:function/event-function@0.1.0, or export a function");
  }
  return lines.join("\n");
}

/** Refuses imports that the world does not have: the engines' own messages name neither file nor remedy. */
function checkImports(chunk, world) {
  const known = new Set(world.imports.values());
  for (const id of chunk.imports.filter((found) => !known.has(found))) {
    if (!SPECIFIER.test(id)) {
      const remedy = id.startsWith("node:") ? "modules of Node itself are not there in a component" : `npm install ${id}`;
      throw new Wrong(`${id} cannot be found`, remedy);
    }
    const remedy = id.startsWith("wasi:keyvalue/")
      ? "add `include wasi:keyvalue/imports@0.2.0-draft;` to the world, and the grant `keyvalue` to moot.toml"
      : `add \`import ${id};\` to the world`;
    throw new Wrong(`${id} is imported, and the world does not import it`, remedy);
  }
}

/** The table that stacks are read with, as the bundle's last line: it moves no other. */
function lineTable(chunk) {
  const { sources, mappings } = chunk.map;
  // rolldown counts paths from the folder that it would write to.
  const paths = sources.map((source) => relative(order.folder, join(order.folder, "dist", source)).split(sep).join("/"));
  const own = (path) => !/(^|\/)(\.moot|node_modules)\//.test(path) && !path.includes("\0");
  const files = ["", ...paths.filter(own)];
  const index = paths.map((path) => Math.max(files.indexOf(path), 0));
  const mapped = runsOf(mappings).map(([at, file, there]) => [at, index[file], index[file] === 0 ? 0 : there]);
  // The bundler's own modules are in no map, so that their lines would count as those of the file before them.
  const helpers = chunk.code.split("\n").flatMap((line, at) => (line.startsWith("// \0") ? [[at + 1, 0, 0]] : []));
  const runs = [...mapped, ...helpers].sort(([a], [b]) => a - b);
  // Of what is not the project's own it is enough to know where it begins.
  const kept = runs.filter(([, file], at) => file !== 0 || at === 0 || runs[at - 1][1] !== 0);
  const table = JSON.stringify({ bundle: BUNDLE, files, runs: kept });
  return `globalThis[Symbol.for("folkmoot.lines")] = ${table};\n`;
}

async function componentize(source, world, http) {
  const wit = join(order.cache, "wit");
  if (QUICKJS) {
    const engine = await dependency("componentize-qjs");
    const jsPath = join(order.cache, BUNDLE);
    const { component } = await engine.componentize({ witPath: wit, world: WORLD, jsSource: source, jsPath, sync: true });
    return component;
  }
  const engine = await dependency("@bytecodealliance/componentize-js");
  // The engine imports what a feature needs whether it is used or not, and what is not granted cannot be imported.
  const disableFeatures = [];
  if (!order.outbound) {
    disableFeatures.push("http");
  }
  if (!order.random) {
    disableFeatures.push("random");
  }
  if (!http) {
    disableFeatures.push("fetch-event");
  }
  const sourcePath = join(order.cache, BUNDLE);
  const { component } = await engine.componentize({ sourcePath, witPath: wit, worldName: WORLD, disableFeatures });
  return component;
}

try {
  const world = await readWorld();
  const functions = await writeTypes();
  const { chunk: alone } = await bundle(order.source, "", world);
  const http = world.exports.includes("wasi:http/incoming-handler") && !alone.exports.includes("incomingHandler");
  const waits = QUICKJS && (http || MAY_WAIT.test(alone.code));
  const text = entry(world, functions, alone.exports, http, waits);
  const made = await (waits ? bundleWithoutAsync(text, world) : bundle(ENTRY, text, world));
  checkImports(made.chunk, world);
  const warmUp = order.warmUp.length === 0 ? "" : `await globalThis[${WARM_UP}]();\n`;
  const source = `${made.chunk.code.trimEnd()}\n${lineTable(made.chunk)}${warmUp}`;
  await writeFile(join(order.cache, BUNDLE), source);
  for (const warning of made.warnings) {
    console.error(warning.message);
  }
  await writeFile(order.component, await componentize(source, world, http));
} catch (error) {
  if (error instanceof Wrong) {
    console.error(`${error.message}\n  -> ${error.hint}`);
  } else {
    console.error(error?.message ?? error);
  }
  process.exitCode = 1;
}
