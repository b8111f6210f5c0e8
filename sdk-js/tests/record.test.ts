/** Reading is strict: one encoding for each value, and nothing that a length or a nesting could blow up. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DecodeError } from "../src/errors.js";
import { Reader, Writer } from "../src/record/cbor.js";
import { type Codec, decode, encode } from "../src/record/codec.js";
import { Entry } from "../src/record/entry.js";
import { firstDifference, parseJson, printJson } from "../src/record/json.js";
import { MAX_U64 } from "../src/record/limits.js";
import { EntryId, parseEntryId } from "../src/record/names.js";
import { packPages, parsePage } from "../src/record/page.js";
import { readStateValue } from "../src/record/state-value.js";
import { compareText, fromBase64Url, fromHex, toBase64, toBase64Url } from "../src/record/text.js";

const hex = (text: string): Uint8Array => fromHex(text, text.length / 2, "bytes");
const uint: Codec<bigint> = {
  maxBytes: 9,
  write: (out, value) => {
    out.uint(value);
  },
  read: (r) => r.uint(),
};

describe("cbor", () => {
  test("integers have one form at every width", () => {
    const widths = [0n, 23n, 24n, 255n, 256n, 65_535n, 65_536n, 2n ** 32n - 1n, 2n ** 32n, MAX_U64];
    assert.deepEqual(
      widths.map((value) => encode(uint, value).length),
      [1, 1, 2, 2, 3, 3, 5, 5, 9, 9],
    );
    for (const value of widths) {
      assert.equal(decode(uint, encode(uint, value)), value);
    }
    assert.throws(() => encode(uint, -1n), /0 to 2\^64-1/u);
    assert.throws(() => encode(uint, 2n ** 64n), /0 to 2\^64-1/u);
  });

  test("a refusal says where, and what would be right", () => {
    const refused = (bytes: string, read: (r: Reader) => unknown): string => {
      try {
        read(new Reader(hex(bytes)));
      } catch (error) {
        assert.ok(error instanceof DecodeError);
        return error.message;
      }
      return assert.fail(`${bytes} was read`);
    };
    assert.match(
      refused("1800", (r) => r.uint()),
      /0 at byte 0 is not written in its shortest form/u,
    );
    assert.match(
      refused("01", (r) => r.text(9)),
      /byte 0 starts an unsigned integer; the format has text here/u,
    );
    assert.match(
      refused("5bffffffffffffffff", (r) => r.bytes(99)),
      /length 18446744073709551615; at most 99/u,
    );
    assert.match(
      refused("9affffffff", (r) => r.list(2 ** 32)),
      /4294967295 more bytes are announced, 0 are left/u,
    );
    assert.match(
      refused("820102", (r) => {
        r.array(2);
        r.uint();
        r.end();
      }),
      /1 bytes follow the end/u,
    );
    assert.match(
      refused("19ffff", (r) => [r.u16(), r.u16()]),
      /truncated at byte 3/u,
    );
    assert.match(
      refused("1a00010000", (r) => r.u16()),
      /65536 at byte 0 does not fit 16 bits/u,
    );
    assert.match(
      refused("f7", (r) => r.boolean()),
      /a float or another simple value; the format has a boolean/u,
    );
  });

  test("text keeps its byte order mark, and half a character is no text", () => {
    const r = new Reader(hex("63efbbbf"));
    assert.equal(r.text(3), "\ufeff");
    assert.throws(() => {
      new Writer().text("\ud800");
    }, /half a character/u);
  });

  test("whatever bytes come, reading ends in an entry or a format error", () => {
    let state = 1;
    const random = (below: number): number => {
      state = (state * 48_271) % 2_147_483_647;
      return state % below;
    };
    for (let i = 0; i < 20_000; i += 1) {
      const bytes = Uint8Array.from({ length: random(60) }, () => random(256));
      bytes.set([0x80 + random(16), random(5)].slice(0, bytes.length));
      try {
        assert.deepEqual(encode(Entry, decode(Entry, bytes)), bytes);
      } catch (error) {
        assert.match((error as Error).name, /^(?:DecodeError|InvalidError)$/u);
      }
    }
  });
});

describe("pages", () => {
  test("entries come back in order, and no page is larger than it may be", () => {
    const entries = Array.from({ length: 400 }, (_, i) => new Uint8Array(1 + (i % 97)).fill(i));
    const pages = packPages([...entries, new Uint8Array(12 * 1024)]);
    assert.deepEqual(pages.flatMap(parsePage).slice(0, -1), entries);
    assert.ok(pages.length > 1 && pages.every((page) => page.length <= 16 * 1024));
    assert.throws(() => packPages([new Uint8Array()]), /1 to 12288/u);
    assert.throws(() => packPages([new Uint8Array(12 * 1024 + 1)]), /1 to 12288/u);
  });

  test("only pages parse", () => {
    // No entry; an empty entry; text; trailing; truncated; length bombs.
    for (const bad of ["80", "8140", "816161", "814101ff", "8142", "9affffffff", "5b7fffffffffffffff", ""]) {
      assert.throws(() => parsePage(hex(bad)), /./u, bad);
    }
  });
});

describe("text forms", () => {
  test("base64url has one form for each byte string", () => {
    for (let length = 0; length < 9; length += 1) {
      const bytes = Uint8Array.from({ length }, (_, i) => 251 - 37 * i);
      assert.deepEqual(fromBase64Url(toBase64Url(bytes)), bytes);
      assert.equal(toBase64(bytes), Buffer.from(bytes).toString("base64"));
      assert.equal(toBase64Url(bytes), Buffer.from(bytes).toString("base64url"));
    }
    for (const bad of ["A", "AB", "ABD", "AA==", "A+", "A/", "AA AA", "AAAAA"]) {
      assert.throws(() => fromBase64Url(bad), /not base64url without padding/u, bad);
    }
  });

  test("hexadecimal is lowercase and exact, and the error says which character", () => {
    assert.throws(() => fromHex("0G", 1, "a byte"), /character 2 is not one of 0-9 a-f/u);
    assert.throws(() => fromHex("AB", 1, "a byte"), /character 1/u);
    assert.throws(() => fromHex("abc", 1, "a byte"), /3 characters instead of 2/u);
  });

  test("texts sort as their UTF-8 does", () => {
    const sorted = ["a", "b", "\u00e9", "\ue000", "\u{1f600}"];
    assert.deepEqual([...sorted].reverse().sort(compareText), sorted);
  });

  test("an address has one text", () => {
    for (const bad of [
      "",
      "0-1-2-3",
      "0-1-2-3-4-5",
      "00-1-2-3-4",
      "+0-1-2-3-4",
      "0-1-2-3-65536",
      "a-1-2-3-4",
    ]) {
      assert.throws(() => parseEntryId(bad), /five decimal numbers/u, bad);
    }
    assert.equal(parseEntryId("0-18446744073709551615-65535-1-3").batch, MAX_U64);
    assert.throws(() => parseEntryId("0-18446744073709551616-0-0-0"), /five decimal numbers/u);
  });
});

describe("json as evidence", () => {
  const parse = (text: string): unknown => parseJson(text, 10_000);

  test("what JSON.parse forgives or rounds is refused", () => {
    const refused: readonly (readonly [string, RegExp])[] = [
      ['{"a":1,"a":2}', /key "a" stands twice at line 1 column 8/u],
      ['{"a":1,\n"\\u0061":2}', /key "a" stands twice at line 2 column 1/u],
      ["1.5", /not an integer/u],
      ["1.0", /not an integer/u],
      ["1e2", /not an integer/u],
      ["-0", /not an integer/u],
      ["18446744073709551616", /not an integer of 64 bits/u],
      ["01", /trailing characters/u],
      ['"\\ud800"', /half a character/u],
      ['"\u0001"', /without control characters/u],
      ['"\\x"', /expected a string/u],
      ["[1,]", /expected a value/u],
      ["{a:1}", /expected a string/u],
      ["nul", /expected a value/u],
      ["", /the text ends/u],
      ["[1] 2", /trailing characters/u],
      ["\ufeff1", /expected a value/u],
      ["[".repeat(5000), /levels of nesting/u],
      [`"${"x".repeat(10_000)}"`, /at most 10000/u],
    ];
    for (const [text, why] of refused) {
      assert.throws(() => parse(text), why, text.slice(0, 40));
    }
  });

  test("integers are exact, and print as they came", () => {
    const text = '{"a":[18446744073709551615,-1,true,null,"\\n\u00e9"],"__proto__":{"b":0}}';
    assert.equal(printJson(parseJson(text, 1000)), text);
    assert.equal(({} as Record<string, unknown>)["b"], undefined);
  });

  test("the first difference is named by its path, inherited names included", () => {
    const difference = (found: string, proven: string): unknown =>
      firstDifference(parseJson(found, 1000), parseJson(proven, 1000));
    assert.equal(difference('{"a":[1,{"b":2}]}', '{"a":[1,{"b":2}]}'), undefined);
    assert.deepEqual(difference('{"a":[1,{"b":3}]}', '{"a":[1,{"b":2}]}'), {
      field: "a[1].b",
      found: "3",
      proven: "2",
    });
    assert.deepEqual(difference('{"toString":1}', "{}"), { field: "toString", found: "1", proven: "absent" });
    assert.deepEqual(difference("{}", '{"a":null}'), { field: "a", found: "absent", proven: "null" });
    assert.deepEqual(difference('"1"', "1"), { field: "", found: '"1"', proven: "1" });
  });
});

describe("state", () => {
  test("a conviction by votes says which", () => {
    const conviction = (voted?: number): Uint8Array => {
      const out = new Writer();
      out.array(voted === undefined ? 2 : 3);
      EntryId.write(out, "1-2-3-4-5" as EntryId);
      out.uint(7);
      if (voted !== undefined) {
        out.uint(voted);
      }
      return out.finish();
    };
    const sealed = { said: "1-2-3-4-5", burned: 7n };
    assert.deepEqual(readStateValue("conviction", conviction()), sealed);
    assert.deepEqual(readStateValue("conviction", conviction(2)), { ...sealed, voted: "skipped-and-final" });
    assert.throws(() => readStateValue("conviction", conviction(3)), DecodeError);
  });
});
