/** The `grants` table of a manifest: what a function may reach outside its sandbox. */

import { MootError, quoted } from "../errors.js";
import type { SpecDir, SpecGrants } from "../record/spec.js";
import { compareText, hasControl, isBroken, utf8 } from "../record/text.js";
import { parseAllowedHost } from "./hosts.js";
import { MAX_GRANTS, MAX_MANIFEST_TEXT_BYTES } from "./limits.js";
import type { Table } from "./table.js";

const n = String;

/** What a function may reach. Nothing by default. */
export interface ManifestGrants {
  /** Hosts, as in `https://api.example.com:443`. An empty list admits the import and refuses every request. */
  readonly http?: readonly string[];
  /** Environment variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** Names of secrets; the operator gives their values. */
  readonly secrets?: readonly string[];
  /** Names of key-value stores. */
  readonly keyvalue?: readonly string[];
  /** Directories that the operator maps. */
  readonly dirs?: readonly { readonly name: string; readonly at: string; readonly write?: boolean }[];
  /** The real clock. */
  readonly clock?: boolean;
  /** Real randomness. */
  readonly random?: boolean;
  /** Writing values and calling other functions. */
  readonly ledger?: boolean;
}

/** Reads the table. */
export function readGrants(table: Table): SpecGrants {
  const hosts = table.texts("http", 'a list of hosts, such as ["https://api.example.com:443"]');
  const grants: SpecGrants = {
    http: hosts === undefined ? null : set(bounded(table, "http", hosts), table, "http", parseAllowedHost),
    env: readEnv(table.below("env")),
    secrets: names(table, "secrets", 'a list of names, such as ["API_KEY"]', checkVariable),
    key_value: names(table, "keyvalue", 'a list of stores, such as ["default"]', checkLabel),
    dirs: readDirs(table),
    clock: table.flag("clock") ?? false,
    random: table.flag("random") ?? false,
    ledger: table.flag("ledger") ?? false,
  };
  table.finish();
  return grants;
}

function bounded<T>(table: Table, key: string, list: T[]): T[] {
  if (list.length > MAX_GRANTS) {
    throw table.wrong(key, `${n(list.length)} names, at most ${n(MAX_GRANTS)} are possible`);
  }
  return list;
}

function set(list: string[], table: Table, key: string, read: (text: string) => string): string[] {
  const texts = list.map((text) => table.read(key, () => read(text)));
  return [...new Set(texts)].sort(compareText);
}

function names(table: Table, key: string, wanted: string, check: (name: string) => string): string[] {
  return set(bounded(table, key, table.texts(key, wanted) ?? []), table, key, check);
}

/** The name of an environment variable or secret, as every shell takes it. */
function checkVariable(name: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/u.test(name)) {
    const rule = "letters, digits and _, not beginning with a digit, at most 128";
    throw new MootError(`${quoted(name)} is not a name: ${rule}`);
  }
  return name;
}

/** The name of a store or directory. */
function checkLabel(name: string): string {
  if (!/^[a-z0-9_-]{1,63}$/u.test(name)) {
    throw new MootError(`${quoted(name)} is not a name: 1 to 63 of a-z, 0-9, - and _`);
  }
  return name;
}

function readEnv(table: Table): [string, string][] {
  const rows = bounded(table, "", table.entries()).map(([name, value]): [string, string] => {
    table.read(name, () => checkVariable(name));
    const fits = typeof value === "string" && !value.includes("\0") && !isBroken(value);
    if (!fits || utf8(value).length > MAX_MANIFEST_TEXT_BYTES) {
      throw table.wrong(name, `its value must be at most ${n(MAX_MANIFEST_TEXT_BYTES)} bytes of text`);
    }
    return [name, value];
  });
  return rows.sort(([a], [b]) => compareText(a, b));
}

function readDirs(table: Table): SpecDir[] {
  const dirs: SpecDir[] = [];
  for (const below of table.tables(
    "dirs",
    'a list of tables, such as [{ name = "assets", at = "/assets" }]',
  )) {
    const [name, at] = [below.text("name"), below.text("at")];
    const write = below.flag("write") ?? false;
    below.finish();
    if (name === undefined || at === undefined) {
      const needs =
        "a directory needs a `name`, which the operator maps to a folder, and `at`, where it is seen";
      throw below.wrong(name === undefined ? "name" : "at", needs);
    }
    below.read("name", () => checkLabel(name));
    below.read("at", () => {
      checkMount(at);
    });
    if (dirs.some((dir) => dir.name === name)) {
      throw below.wrong("name", `the directory ${quoted(name)} is granted twice`);
    }
    if (dirs.some((dir) => dir.at === at)) {
      throw below.wrong("at", `two directories are to be seen at ${quoted(at)}`);
    }
    dirs.push({ name, at, write });
  }
  return dirs.sort((a, b) => compareText(a.name, b.name));
}

/** Where a guest sees a directory. */
function checkMount(at: string): void {
  if (!at.startsWith("/")) {
    throw new MootError(`${quoted(at)} must begin with "/"`);
  }
  if (isBroken(at) || utf8(at).length > MAX_MANIFEST_TEXT_BYTES || hasControl(at)) {
    throw new MootError(`${quoted(at)} must be at most ${n(MAX_MANIFEST_TEXT_BYTES)} bytes of plain text`);
  }
  const labels = at.slice(1).split("/");
  if (at !== "/" && labels.some((label) => label === "" || label === "." || label === "..")) {
    throw new MootError(`${quoted(at)} has an empty label, "." or ".." in it`);
  }
}
