/** What stands in for the web's globals in QuickJS, against Node's own. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import "./interfaces.js";
import { QuickTextDecoder, QuickTextEncoder } from "../src/guest/quickjs-text.js";
import { QuickUrl, QuickUrlSearchParams } from "../src/guest/quickjs-url.js";

/** Numbers that look random and are the same in every run. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state >>> 8;
  }
}

describe("text", () => {
  const odd = [
    "",
    "ascii",
    "é",
    "€",
    "😀",
    "\ud800",
    "\udc00x",
    "a\ud83d",
    "\ufeffbom",
    "\0",
    "x".repeat(9000),
  ];

  test("is encoded as Node encodes it", () => {
    for (const text of odd) {
      assert.deepEqual(
        new QuickTextEncoder().encode(text),
        new TextEncoder().encode(text),
        JSON.stringify(text),
      );
    }
  });

  test("is decoded as Node decodes it, and refused where Node refuses it", () => {
    const random = numbers(7);
    // Bytes that begin, continue and break sequences.
    const likely = [
      0x00, 0x41, 0x7f, 0x80, 0xbf, 0xc0, 0xc2, 0xdf, 0xe0, 0xa0, 0x9f, 0xed, 0xef, 0xbb, 0xf0, 0x90, 0xf4,
      0x8f, 0xf5, 0xff,
    ];
    for (let round = 0; round < 20_000; round += 1) {
      const bytes = Uint8Array.from(
        { length: random.next().value % 7 },
        () => likely[random.next().value % likely.length] ?? 0,
      );
      for (const ignoreBOM of [false, true]) {
        const decoded = new QuickTextDecoder("utf-8", { ignoreBOM }).decode(bytes);
        assert.equal(decoded, new TextDecoder("utf-8", { ignoreBOM }).decode(bytes), String(bytes));
        const attempt = (decoder: { decode(bytes: Uint8Array): string }): string | null => {
          try {
            return decoder.decode(bytes);
          } catch (error) {
            assert.ok(error instanceof TypeError);
            return null;
          }
        };
        const strict = { fatal: true, ignoreBOM };
        assert.equal(
          attempt(new QuickTextDecoder("utf-8", strict)),
          attempt(new TextDecoder("utf-8", strict)),
          String(bytes),
        );
      }
    }
  });

  test("is read out of any view, and in no other encoding", () => {
    const bytes = new TextEncoder().encode("xhellox");
    assert.equal(new QuickTextDecoder().decode(bytes.subarray(1, 6)), "hello");
    assert.equal(new QuickTextDecoder().decode(new DataView(bytes.buffer, 1, 5)), "hello");
    assert.equal(new QuickTextDecoder().decode(bytes.buffer), "xhellox");
    assert.throws(() => new QuickTextDecoder("latin1"), RangeError);
  });
});

describe("a URL", () => {
  const PARTS = [
    "href",
    "origin",
    "protocol",
    "username",
    "password",
    "host",
    "hostname",
    "port",
    "pathname",
    "search",
    "hash",
  ] as const;

  test("has the parts that Node gives it", () => {
    for (const text of [
      "http://example.com",
      "HTTP://EXAMPLE.com:80/A/../b/./c?x=1&y=%20#h",
      "https://user:pass@example.com:8443/a%2fb?q=a b#c d",
      "http://127.0.0.1:8080/hello?name=ada",
      "http://[::1]:3000/",
      "http:\\\\example.com\\a",
      "http:example.com/x",
      "  https://example.com/é?ü=ö#ß  ",
      "https://example.com?x#y?z#w",
      "https://example.com/a/..",
      "https://example.com/a/%2e%2E/b/.",
      "https://example.com//a//b",
      'https://example.com/"<>`{}|^',
      "https://example.com/?'\"<>",
      "file:///etc/passwd",
      "mailto:someone@example.com",
      "moot:function/handler@0.1.0",
    ]) {
      const [own, node] = [new QuickUrl(text), new URL(text)];
      for (const part of PARTS) {
        assert.equal(own[part], node[part], `${text}: ${part}`);
      }
    }
  });

  test("resolves against another", () => {
    for (const reference of [
      "",
      "x",
      "./x",
      "../x",
      "../../../x",
      "/x",
      "//other.example/x",
      "?q",
      "#h",
      "x?q#h",
      "http://y/",
    ]) {
      const base = "https://example.com:444/a/b/c?d#e";
      assert.equal(new QuickUrl(reference, base).href, new URL(reference, base).href, reference);
    }
  });

  test("is refused where Node refuses it", () => {
    for (const text of [
      "",
      "x",
      "/x",
      "http://",
      "http://a b/",
      "http://a:b/",
      "http://a:70000/",
      "http://[x]/",
      "://x",
    ]) {
      assert.equal(QuickUrl.canParse(text), URL.canParse(text), text);
    }
    assert.throws(() => new QuickUrl("nonsense"), TypeError);
  });

  test("changes with its parameters", () => {
    const [own, node] = [new QuickUrl("http://h/p?a=1&b=2&a=3#x"), new URL("http://h/p?a=1&b=2&a=3#x")];
    for (const url of [own, node]) {
      url.searchParams.append("c", "d e&f");
      url.searchParams.set("a", "é");
      url.searchParams.delete("b");
      url.searchParams.sort();
    }
    assert.equal(own.href, node.href);
    for (const url of [own, node]) {
      url.search = "?n=1 2";
      url.hash = "z z";
    }
    assert.equal(own.href, node.href);
    assert.equal(own.searchParams.get("n"), node.searchParams.get("n"));
    own.search = "";
    assert.equal(own.href, "http://h/p#z%20z");
  });

  test("has parameters as Node reads them", () => {
    for (const text of ["", "?", "a", "a=", "=a", "a=1&&b=2", "a+b=c+d", "%zz=%", "%e9=1", "a=1=2"]) {
      const [own, node] = [new QuickUrlSearchParams(text), new URLSearchParams(text)];
      assert.deepEqual([...own], [...node], text);
      assert.equal(own.toString(), node.toString(), text);
      assert.deepEqual(own.getAll("a"), node.getAll("a"));
      assert.equal(own.size, [...node].length);
    }
    assert.equal(
      new QuickUrlSearchParams({ a: "1", b: "*-._~ é" }).toString(),
      new URLSearchParams({ a: "1", b: "*-._~ é" }).toString(),
    );
  });
});
