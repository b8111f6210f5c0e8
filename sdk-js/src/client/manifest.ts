/**
 * A function's manifest: the `[functions.<name>]` table of `moot.toml` as an object, and the spec that it makes.
 *
 * ```text
 * table ──checked key by key, defaults──► Spec, the same that `moot deploy` signs
 * ```
 *
 * Nothing is granted that is not written. An unknown key is an error: a misspelt limit must not be a missing one.
 */

import { InvalidError, quoted } from "../errors.js";
import { AccountId } from "../record/bytes.js";
import { encode } from "../record/codec.js";
import { MAX_REPLICAS_K, MAX_SPEC_BYTES } from "../record/limits.js";
import type { FunctionName } from "../record/names.js";
import { type FunctionKind, Spec } from "../record/spec.js";
import { checkSpec } from "../record/spec-rules.js";
import { compareText, isBroken, utf8 } from "../record/text.js";
import { readGrants, type ManifestGrants } from "./grants.js";
import {
  MAX_DEADLINE_MS,
  MAX_FUEL,
  MAX_LOG_BYTES,
  MAX_MANIFEST_TEXT_BYTES,
  MAX_MEMORY_BYTES,
  MAX_PAYLOAD_BYTES,
  MAX_RETENTION_MS,
} from "./limits.js";
import { Table } from "./table.js";

/** What a function may use and do. Every field has the default of the command line. */
export interface Manifest {
  /** Where its component is: for the command line; the SDK is given the bytes. */
  readonly component?: string;
  /** How it is built: for the command line. */
  readonly build?: string;
  /** The HTTP path that leads to it and everything below; `/<name>` by default. */
  readonly route?: string;
  /** Who may call: anyone by default, these accounts, or whom a rule allows, in CEL. */
  readonly access?: "anyone" | readonly string[] | { readonly rule: string };
  /** Who pays: the owner by default. */
  readonly payer?: "owner" | "caller";
  /** Anyone can replay its calls; it has no outside access then. */
  readonly deterministic?: boolean;
  /** A call may be run again after its worker died in the middle. */
  readonly idempotent?: boolean;
  /**
   * On how many workers each call is run: what most of them say is the answer. 1 by default, up to 7 if it is
   * deterministic and neither serves nor asks HTTP.
   */
  readonly replicas_k?: number;
  /** Another version may be deployed; true by default, and given up for ever by false. */
  readonly upgradable?: boolean;
  /** It may be retired. */
  readonly destructible?: boolean;
  /** What is kept of what goes in and out; `keep` by default. */
  readonly payloads?: "keep" | "inline" | "digest";
  /** How long payloads are kept: `7d` by default. */
  readonly retention?: string;
  /** What it may reach outside. Nothing by default. */
  readonly grants?: ManifestGrants;
  /** What one call may use. */
  readonly limits?: ManifestLimits;
}

/** What one call may use. Sizes are bytes, or text with a unit; durations are text with a unit. */
export interface ManifestLimits {
  /** Units of fuel; 10 billion by default. */
  readonly fuel?: number | bigint;
  /** Wall clock; `10s` by default. */
  readonly deadline?: string;
  /** Linear memory; `64MiB` by default. */
  readonly memory?: number | bigint | string;
  /** A request; `8MiB` by default. */
  readonly request?: number | bigint | string;
  /** A response; `8MiB` by default. */
  readonly response?: number | bigint | string;
  /** Log; `256KiB` by default. */
  readonly log?: number | bigint | string;
}

/**
 * The spec that a manifest makes for a function of this name and kind. The kind is the component's own: a node says it
 * when the component is uploaded.
 *
 * @throws InvalidError naming the key, as in `manifest.limits.fuel`.
 */
export function specOf(name: FunctionName, kind: FunctionKind, manifest: Manifest = {}): Spec {
  const table = new Table("manifest", manifest);
  table.text("component");
  table.text("build");
  const spec: Spec = {
    kind,
    route: readRoute(table) ?? `/${name}`,
    access: readAccess(table),
    payer: table.oneOf("payer", ["owner", "caller"]) ?? "owner",
    deterministic: table.flag("deterministic") ?? false,
    idempotent: table.flag("idempotent") ?? false,
    lifecycle: {
      upgradable: table.flag("upgradable") ?? true,
      destructible: table.flag("destructible") ?? false,
    },
    payloads: readPayloads(table),
    grants: readGrants(table.below("grants")),
    limits: readLimits(table.below("limits")),
    ...readReplicas(table),
  };
  table.finish();
  checkSpec(spec);
  const bytes = encode(Spec, spec).length;
  if (bytes > MAX_SPEC_BYTES) {
    const why = `${String(bytes)} bytes in its encoding; at most ${String(MAX_SPEC_BYTES)}: shorten its lists`;
    throw new InvalidError("manifest", why);
  }
  return spec;
}

/** One worker is left out: each meaning has one form. */
function readReplicas(table: Table): { readonly replicas_k?: number } {
  const replicas = Number(table.count("replicas_k", BigInt(MAX_REPLICAS_K)) ?? 1n);
  return replicas === 1 ? {} : { replicas_k: replicas };
}

function readRoute(table: Table): string | undefined {
  const route = table.text("route");
  if (route === undefined || route === "/") {
    return route;
  }
  const wrong = (why: string): InvalidError => table.wrong("route", `${quoted(route)} ${why}`);
  if (!route.startsWith("/")) {
    throw wrong('must begin with "/"');
  }
  if (route === "/_moot" || route.startsWith("/_moot/")) {
    throw wrong("belongs to the node itself: choose one that does not begin with /_moot");
  }
  if (isBroken(route) || utf8(route).length > MAX_MANIFEST_TEXT_BYTES) {
    throw wrong(`is longer than ${String(MAX_MANIFEST_TEXT_BYTES)} bytes, or no text`);
  }
  if (!/^[A-Za-z0-9/._~-]*$/u.test(route)) {
    throw wrong("may hold letters, digits and - _ . ~ / only");
  }
  const trimmed = route.replace(/\/+$/u, "");
  if (
    trimmed
      .slice(1)
      .split("/")
      .some((label) => label === "" || label === "." || label === "..")
  ) {
    throw wrong('has an empty label, "." or ".." in it');
  }
  return trimmed;
}

function readAccess(table: Table): Spec["access"] {
  if (table.isTable("access")) {
    const below = table.below("access");
    const rule = below.text("rule");
    below.finish();
    if (rule === undefined) {
      throw table.wrong("access", 'it must name a rule, such as { rule: "auth.account != null" }');
    }
    return { rule };
  }
  const access = table.textOrTexts("access", '"anyone", a list of accounts (64 hex digits each) or a rule');
  if (access === undefined || access === "anyone") {
    return "anyone";
  }
  if (typeof access === "string") {
    throw table.wrong("access", `it must be "anyone", a list of accounts or a rule, not ${quoted(access)}`);
  }
  if (access.length === 0) {
    throw table.wrong("access", 'an empty list: nobody could call; name an account, or write "anyone"');
  }
  const accounts = access.map((text) => table.read("access", () => AccountId.parse(text)));
  return { accounts: [...new Set(accounts)].sort(compareText) };
}

function readPayloads(table: Table): Spec["payloads"] {
  const mode = table.oneOf("payloads", ["keep", "inline", "digest"]) ?? "keep";
  const retention = table.duration("retention", MAX_RETENTION_MS);
  if (mode === "keep") {
    const ms = retention ?? 7n * 86_400_000n;
    return { keep: { retention_s: ms < 1000n ? 1n : ms / 1000n } };
  }
  if (retention !== undefined) {
    throw table.wrong("retention", `it is for payloads = "keep" alone, and this function has "${mode}"`);
  }
  return mode;
}

function readLimits(table: Table): Spec["limits"] {
  const limits = {
    fuel: table.count("fuel", MAX_FUEL) ?? 10_000_000_000n,
    deadline_ms: table.duration("deadline", MAX_DEADLINE_MS) ?? 10_000n,
    memory_bytes: table.size("memory", MAX_MEMORY_BYTES) ?? 64n << 20n,
    request_bytes: table.size("request", MAX_PAYLOAD_BYTES) ?? 8n << 20n,
    response_bytes: table.size("response", MAX_PAYLOAD_BYTES) ?? 8n << 20n,
    log_bytes: table.size("log", MAX_LOG_BYTES) ?? 256n << 10n,
  };
  table.finish();
  return limits;
}
