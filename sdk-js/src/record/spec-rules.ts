/** What a spec must obey beyond its types. */

import { InvalidError, quoted } from "../errors.js";
import { MAX_REPLICAS_K, MAX_SPEC_LIST, MAX_SPEC_TEXT_BYTES } from "./limits.js";
import { checkPath, checkRuleText } from "./names.js";
import type { Spec, SpecGrants } from "./spec.js";
import { compareText, hasControl, utf8 } from "./text.js";

const n = String;

/**
 * Checks what the types alone cannot; reading an encoded spec does it too. Its length is checked where it is encoded.
 *
 * @throws {InvalidError} Names the field and says what would be right.
 */
export function checkSpec(spec: Spec): void {
  checkRoute(spec.route);
  checkAccess(spec);
  checkGrants(spec.grants);
  if (spec.deterministic) {
    checkDeterministic(spec.grants);
  }
  checkReplicas(spec);
  for (const name of ["fuel", "deadline_ms", "memory_bytes"] as const) {
    if (spec.limits[name] === 0n) {
      throw new InvalidError(`spec.limits.${name}`, "0; no call could run");
    }
  }
}

function checkAccess({ access, payer }: Spec): void {
  if (access === "anyone") {
    return;
  }
  if ("rule" in access) {
    checkRuleText(access.rule, "spec.access");
    return;
  }
  checkSet("spec.access", access.accounts);
  if (payer === "caller" && access.accounts.length === 0) {
    throw new InvalidError("spec.access", "nobody may call, so nobody can pay");
  }
}

function checkRoute(route: string): void {
  if (route === "/") {
    return;
  }
  checkPath(route, "spec.route");
  if (route === "/_moot" || route.startsWith("/_moot/")) {
    throw new InvalidError("spec.route", "/_moot is the node's own; choose another");
  }
}

function checkReplicas({ replicas_k: k = 1, deterministic, kind, grants }: Spec): void {
  if (k < 1 || k > MAX_REPLICAS_K) {
    throw new InvalidError("spec.replicas_k", `${n(k)}; a call is run on 1 to ${n(MAX_REPLICAS_K)} workers`);
  }
  if (k > 1 && !deterministic) {
    const why = "and the function is not deterministic: its receipts would differ by right";
    throw new InvalidError("spec.replicas_k", `${n(k)}, ${why}`);
  }
  if (k > 1 && (kind === "http" || grants.http !== null)) {
    const why =
      "and the function has streams of HTTP, whose timing differs by machine: it must be of kind event or typed, " +
      "without the grant http";
    throw new InvalidError("spec.replicas_k", `${n(k)}, ${why}`);
  }
}

function checkDeterministic(grants: SpecGrants): void {
  const outside = {
    http: grants.http !== null && grants.http.length > 0,
    secrets: grants.secrets.length > 0,
    keyvalue: grants.key_value.length > 0,
    dirs: grants.dirs.length > 0,
    clock: grants.clock,
    random: grants.random,
    ledger: grants.ledger,
  };
  const granted = Object.entries(outside).find(([, yes]) => yes);
  if (granted !== undefined) {
    const why = `a deterministic function has no outside access, and ${granted[0]} is granted`;
    throw new InvalidError("spec.deterministic", why);
  }
}

function checkGrants(grants: SpecGrants): void {
  const lists = { http: grants.http ?? [], secrets: grants.secrets, keyvalue: grants.key_value };
  for (const [name, texts] of Object.entries(lists)) {
    const field = `spec.grants.${name}`;
    checkSet(field, texts);
    for (const text of texts) {
      checkText(field, text);
    }
  }
  const names = grants.env.map(([name]) => name);
  checkSet("spec.grants.env", names);
  for (const [name, value] of grants.env) {
    checkText("spec.grants.env", name);
    if (name.includes("=")) {
      throw new InvalidError("spec.grants.env", `${quoted(name)} contains =`);
    }
    // A value may have line breaks, as certificates do.
    if (value.includes("\0") || utf8(value).length > MAX_SPEC_TEXT_BYTES) {
      const why = `the value of ${name} has a zero byte or over ${n(MAX_SPEC_TEXT_BYTES)} bytes`;
      throw new InvalidError("spec.grants.env", why);
    }
  }
  checkDirs(grants.dirs);
}

function checkDirs(dirs: SpecGrants["dirs"]): void {
  const field = "spec.grants.dirs";
  checkSet(
    field,
    dirs.map((dir) => dir.name),
  );
  for (const dir of dirs) {
    checkText(field, dir.name);
    checkText(field, dir.at);
    if (!dir.at.startsWith("/")) {
      throw new InvalidError(field, `${quoted(dir.at)} does not start with a slash; write it like /assets`);
    }
  }
}

/** Checks that a list is a set: bounded, sorted, each once. Accounts sort as their hexadecimal text does. */
function checkSet(field: string, list: readonly string[]): void {
  if (list.length > MAX_SPEC_LIST) {
    throw new InvalidError(field, `${n(list.length)} members; at most ${n(MAX_SPEC_LIST)}`);
  }
  const sorted = list.every((text, i) => {
    const before = list[i - 1];
    return before === undefined || compareText(before, text) < 0;
  });
  if (!sorted) {
    throw new InvalidError(field, "not sorted, each once");
  }
}

function checkText(field: string, text: string): void {
  const length = utf8(text).length;
  if (hasControl(text) || length < 1 || length > MAX_SPEC_TEXT_BYTES) {
    const rule = `1 to ${n(MAX_SPEC_TEXT_BYTES)} bytes without control characters`;
    throw new InvalidError(field, `${quoted(text)} is not ${rule}`);
  }
}
