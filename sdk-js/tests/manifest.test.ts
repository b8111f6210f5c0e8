/** Manifests, units and hosts: what people write, and the one form that the ledger keeps. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseAllowedHost } from "../src/client/hosts.js";
import { parseDuration, parseSize } from "../src/client/units.js";
import { specOf } from "../src/client.js";
import { parseFunctionName } from "../src/verify.js";

const name = parseFunctionName("hello");
const refused = (manifest: unknown): string => {
  try {
    specOf(name, "event", manifest as object);
  } catch (error) {
    return (error as Error).message;
  }
  return assert.fail(`${JSON.stringify(manifest)} was taken`);
};

describe("manifests", () => {
  test("nothing is granted that is not written, and the defaults are the command line's", () => {
    assert.deepEqual(specOf(name, "http"), {
      kind: "http",
      route: "/hello",
      access: "anyone",
      payer: "owner",
      deterministic: false,
      idempotent: false,
      lifecycle: { upgradable: true, destructible: false },
      payloads: { keep: { retention_s: 604_800n } },
      grants: {
        http: null,
        env: [],
        secrets: [],
        key_value: [],
        dirs: [],
        clock: false,
        random: false,
        ledger: false,
      },
      limits: {
        fuel: 10_000_000_000n,
        deadline_ms: 10_000n,
        memory_bytes: 67_108_864n,
        request_bytes: 8_388_608n,
        response_bytes: 8_388_608n,
        log_bytes: 262_144n,
      },
    });
  });

  test("sets are sorted, each once", () => {
    const { access, grants } = specOf(name, "event", {
      access: ["b".repeat(64), "a".repeat(64), "b".repeat(64)],
      grants: {
        secrets: ["B", "A", "B"],
        http: [],
        dirs: [
          { name: "b", at: "/b" },
          { name: "a", at: "/a", write: true },
        ],
      },
    });
    assert.deepEqual(access, { accounts: ["a".repeat(64), "b".repeat(64)] });
    assert.deepEqual([grants.secrets, grants.http], [["A", "B"], []]);
    assert.deepEqual(grants.dirs, [
      { name: "a", at: "/a", write: true },
      { name: "b", at: "/b", write: false },
    ]);
  });

  test("an access by rule is kept as it is written", () => {
    const access = { rule: "auth.account != null && balance(auth.account) >= 10" };
    assert.deepEqual(specOf(name, "event", { access }).access, access);
  });

  test("what is wrong is named by its key, with what would be right", () => {
    for (const [manifest, message] of [
      [{ rout: "/x" }, /^manifest\.rout: there is no such key; known here are component, build, route/u],
      [
        { limits: { timeout: "1s" } },
        /^manifest\.limits\.timeout: there is no such key; known here are fuel, deadline/u,
      ],
      [{ grants: { kv: [] } }, /^manifest\.grants\.kv: .*keyvalue/u],
      [{ route: 7 }, /^manifest\.route: it must be a text, not 7/u],
      [{ route: "x" }, /^manifest\.route: "x" must begin with "\/"/u],
      [{ route: "/_moot/x" }, /belongs to the node itself/u],
      [{ route: "/a//b" }, /has an empty label/u],
      [
        { access: "nobody" },
        /^manifest\.access: it must be "anyone", a list of accounts or a rule, not "nobody"/u,
      ],
      [{ access: {} }, /^manifest\.access: it must name a rule/u],
      [{ access: { rule: 7 } }, /^manifest\.access\.rule: it must be a text, not 7/u],
      [{ access: { rule: "" } }, /^spec\.access: 0 bytes; a rule has 1 to 1024/u],
      [{ access: { rule: "true", rul: 1 } }, /^manifest\.access\.rul: there is no such key/u],
      [{ access: [] }, /an empty list: nobody could call/u],
      [{ access: ["me"] }, /^manifest\.access: "me" is not an account/u],
      [{ payer: "me" }, /^manifest\.payer: it must be "owner" or "caller", not the text "me"/u],
      [{ idempotent: 1 }, /^manifest\.idempotent: it must be true or false, not 1/u],
      [{ payloads: "digest", retention: "1d" }, /^manifest\.retention: it is for payloads = "keep" alone/u],
      [{ deterministic: true, grants: { clock: true } }, /^spec\.deterministic: .*clock is granted/u],
      [{ limits: { fuel: 0 } }, /^manifest\.limits\.fuel: 0; it must be between 1 and/u],
      [{ limits: { fuel: 1.5 } }, /^manifest\.limits\.fuel: it must be a whole number, not 1\.5/u],
      [{ limits: { deadline: 10 } }, /^manifest\.limits\.deadline: it must be a duration with its unit/u],
      [
        { limits: { deadline: "1h" } },
        /^manifest\.limits\.deadline: 3600000 ms; it must be between 1 and 900000 ms/u,
      ],
      [{ limits: { memory: "64M" } }, /"64MiB" \(powers of 1024\) or "64MB" \(powers of 1000\)/u],
      [{ limits: [] }, /^manifest\.limits: it must be a table, not a list/u],
      [{ grants: { http: "x" } }, /^manifest\.grants\.http: it must be a list of hosts/u],
      [{ grants: { env: { "1A": "x" } } }, /^manifest\.grants\.env\.1A: "1A" is not a name/u],
      [{ grants: { env: { A: 1 } } }, /^manifest\.grants\.env\.A: its value must be/u],
      [{ grants: { secrets: ["a-b"] } }, /^manifest\.grants\.secrets: "a-b" is not a name/u],
      [{ grants: { keyvalue: ["A"] } }, /^manifest\.grants\.keyvalue: "A" is not a name/u],
      [{ grants: { dirs: [{ name: "a" }] } }, /^manifest\.grants\.dirs\[0\]\.at: a directory needs/u],
      [{ grants: { dirs: [{ name: "a", at: "b" }] } }, /must begin with "\/"/u],
      [
        {
          grants: {
            dirs: [
              { name: "a", at: "/" },
              { name: "a", at: "/b" },
            ],
          },
        },
        /granted twice/u,
      ],
      [
        { grants: { env: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`A${String(i)}`, ""])) } },
        /65 names/u,
      ],
      [null, /^manifest: it must be a table, not null/u],
    ] as const) {
      assert.match(refused(manifest), message);
    }
  });
});

describe("units", () => {
  test("sizes are exact, and an ambiguous one is refused", () => {
    const sizes = {
      "64MiB": 67_108_864n,
      "1.5 GiB": 1_610_612_736n,
      "512": 512n,
      "8kb": 8000n,
      "1_000B": 1000n,
    };
    for (const [text, bytes] of Object.entries(sizes)) {
      assert.equal(parseSize(text), bytes, text);
    }
    for (const bad of [
      "",
      "MiB",
      "64M",
      "1.GiB",
      ".5GiB",
      "1.2.3B",
      "-1B",
      "1 2B",
      "9999999999TiB",
      "1toString",
    ]) {
      assert.throws(() => parseSize(bad), /is not a size|two numbers|too large/u, bad);
    }
  });

  test("durations need their unit", () => {
    const durations = {
      "500ms": 500n,
      "10s": 10_000n,
      "1h30m": 5_400_000n,
      "1.5s": 1500n,
      " 7d ": 604_800_000n,
      "1h 5m": 3_900_000n,
    };
    for (const [text, ms] of Object.entries(durations)) {
      assert.equal(parseDuration(text), ms, text);
    }
    for (const bad of ["", "10", "10 sec", "s", "1h30", "-1s", "99999999999999999999d"]) {
      assert.throws(() => parseDuration(bad), /is not a duration|too large/u, bad);
    }
  });
});

describe("hosts", () => {
  test("texts that mean the same have the same form", () => {
    for (const [text, canonical] of [
      ["https://api.example.com:443", "https://api.example.com:443"],
      ["HTTPS://API.example.COM./", "https://api.example.com:443"],
      ["http://example.com", "http://example.com:80"],
      ["https://*.Example.com", "https://*.example.com:443"],
      ["http://127.0.0.1:9000", "http://127.0.0.1:9000"],
      ["http://[::0001]", "http://[::1]:80"],
      ["http://[::ffff:1.2.3.4]:8080", "http://[::ffff:1.2.3.4]:8080"],
      ["http://localhost:03000", "http://localhost:3000"],
    ] as const) {
      assert.equal(parseAllowedHost(text), canonical);
    }
  });

  test("what looks like a number to some resolver is refused, with an example", () => {
    for (const bad of [
      "api.example.com",
      "ftp://a.b",
      "https://a.b/path",
      "https://u@a.b",
      "https://a.b:0",
      "https://a.b:65536",
      "https://a.b:",
      "https://*.com",
      "https://a.*.com",
      "https://*",
      "https://1.2.3",
      "https://0x7f000001",
      "https://127.0.0.01",
      "https://1.2.3.4.",
      "https://[::1",
      "https://[1.2.3.4]",
      "https://[::1]x",
      "https://-a.b",
      "https://a..b",
      "https://\u00e9.example",
      "https://",
    ]) {
      assert.throws(() => parseAllowedHost(bad), /is not an outside host: .*; write it as https:\/\//u, bad);
    }
  });
});
