/** Codecs of WIT's types, and clients that `moot bindings` writes: checked by the compiler, and against a real node. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Client, TransportError } from "@folkmoot/sdk/client";
import { createKey } from "@folkmoot/sdk/keyfile";
import * as wit from "@folkmoot/sdk/typed";
import { guest, moot, type Node, startNode, temporaryFolder } from "./node.js";

const root = fileURLToPath(new URL("../../", import.meta.url));

interface Point {
  readonly x: number;
  readonly label: string | null;
}
type Shape =
  | { readonly tag: "dot" }
  | { readonly tag: "circle"; readonly val: number }
  | { readonly tag: "long-line"; readonly val: Point };

const point = wit.record<Point>({ x: ["x", wit.s8], label: ["the-label", wit.option(wit.string)] });
const shape = wit.variant<Shape>({ dot: null, circle: wit.f64, "long-line": point });

function same<T>(codec: wit.Codec<T>, value: T, text: string): void {
  assert.equal(codec.write(value), text);
  assert.deepEqual(codec.read(JSON.parse(text)), value);
}

describe("codecs", () => {
  test("write and read what the platform does", () => {
    same(wit.u64, 2n ** 53n - 1n, "9007199254740991");
    same(wit.u64, 2n ** 64n - 1n, '"18446744073709551615"');
    same(wit.s64, -(2n ** 63n), '"-9223372036854775808"');
    same(wit.bytes, Uint8Array.of(0, 255, 1), '"AP8B"');
    same(wit.f64, 1.5, "1.5e+0");
    same(wit.f64, Number.NEGATIVE_INFINITY, '"-Infinity"');
    assert.ok(Object.is(wit.f64.read(JSON.parse(wit.f64.write(-0))), -0));
    assert.equal(wit.f64.write(123456789012345680000), "1.2345678901234568e+20", "no integer in the text");
    same(wit.char, "☃", '"☃"');
    same(wit.char, "🦉", '"🦉"');
    same(point, { x: -128, label: null }, '{"x":-128,"the-label":null}');
    same(shape, { tag: "dot" }, '"dot"');
    same(shape, { tag: "long-line", val: { x: 1, label: "a" } }, '{"long-line":{"x":1,"the-label":"a"}}');
    same(wit.some(wit.option(wit.u8)), { some: null }, '{"some":null}');
    same(wit.some(wit.option(wit.u8)), null, "null");
    same<wit.Result<undefined, string>>(
      wit.result(wit.unit, wit.string),
      { tag: "ok", val: undefined },
      '{"ok":null}',
    );
    same<wit.Result<undefined, string>>(
      wit.result(wit.unit, wit.string),
      { tag: "err", val: "no" },
      '{"err":"no"}',
    );
    same(wit.tuple<readonly [number, string]>(wit.u8, wit.string), [1, "a"], '[1,"a"]');
    same(wit.array(wit.bool, 2), [true, false], "[true,false]");
    same(wit.flags(["a", "b-c"]), ["b-c"], '["b-c"]');
    assert.deepEqual(point.read({ x: 1, "the-label": null }), { x: 1, label: null });
  });

  test("refuse what is of no such type, and say where", () => {
    const wrong = (work: () => unknown, words: RegExp): void => {
      assert.throws(work, (error) => error instanceof wit.MismatchError && words.test(error.message));
    };
    wrong(() => wit.u8.write(256), /256.*0 to 255/u);
    wrong(() => wit.u8.write(1.5), /1\.5/u);
    wrong(() => wit.u64.write(2n ** 64n), /18446744073709551616/u);
    wrong(() => wit.u64.read(2 ** 53), /9007199254740992/u);
    wrong(() => wit.char.write("ab"), /"ab"/u);
    wrong(() => wit.string.write("\ud800"), /half a character/u);
    wrong(() => wit.f32.write(1e39), /1e\+39/u);
    wrong(
      () =>
        wit.list(point).write([
          { x: 0, label: null },
          { x: 500, label: null },
        ]),
      /^1\.x is 500/u,
    );
    wrong(() => shape.read({ square: 1 }), /dot, circle, long-line/u);
    wrong(() => shape.read("circle"), /circle/u);
    wrong(() => wit.flags(["a"]).write(["a", "a"]), /once/u);
    wrong(() => wit.enumeration(["a"]).read("b"), /one of a/u);
    wrong(() => wit.tuple(wit.u8).read([1, 2]), /array of 1/u);
  });
});

/** A program over the client that was written, in TypeScript's strictest. */
const PROGRAM = `
import { Client } from "@folkmoot/sdk/client";
import { Failed } from "@folkmoot/sdk/typed";
import { Calculator, type ArithmeticError, type Operation, type Order } from "./calculator.js";

const calls: string[] = [];
const calculator = new Calculator(new Client(process.argv[2] ?? ""));
const options = { answered: (answer: { readonly call: string }): void => void calls.push(answer.call) };
const sum: bigint = await calculator.sum([2n ** 64n - 2n, 1n], options);
const [quotient, remainder]: readonly [bigint, bigint] = await calculator.divide(17n, 5n, options);
const none: number | null = await calculator.mean([]);
const operation: Operation = "divide";
let error: ArithmeticError | undefined;
try {
  await calculator.evaluate(operation, 7n, 0n);
} catch (failed) {
  error = failed instanceof Failed ? (failed.value as ArithmeticError) : undefined;
}
const order: Order = {
  items: [
    { name: "apple", price: 30, quantity: 3, discount: { tag: "nothing" } },
    { name: "\u2603", price: 10, quantity: 7, discount: { tag: "bundle", val: [3, 2] } },
  ],
  extras: ["gift-wrap"],
  note: null,
};
const bill = await calculator.total(order);
let refused = "";
try {
  await calculator.fibonacci(300);
} catch (failed) {
  refused = failed instanceof Error ? failed.message : "";
}
const shown = (_: string, value: unknown): unknown => (typeof value === "bigint" ? String(value) : value);
const reversed = await calculator.reverse(Uint8Array.of(1, 2, 3));
await calculator.nothing();
console.log(JSON.stringify({ sum, quotient, remainder, none, error, bill, refused, reversed: [...reversed], calls: calls.length }, shown));
`;

describe("moot bindings --lang ts", () => {
  let node: Node;
  let folder: string;
  const scripts = join(root, "build/bindings");

  before(async () => {
    folder = await temporaryFolder();
    const key = await createKey(join(folder, "key"));
    node = await startNode(join(folder, "key"));
    const client = new Client(node.address, { key });
    await client.deploy({ name: "calculator", component: await guest("calculator") });
    await client.deploy({ name: "hello", component: await guest("hello") });
    await rm(scripts, { recursive: true, force: true });
    await mkdir(scripts, { recursive: true });
  });

  after(async () => {
    await (node as Node | undefined)?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const write = async (name: string, ...more: string[]): Promise<{ stdout: string; code: number }> =>
    moot(["bindings", name, "--lang", "ts", "--node", node.address, ...more]);

  test("writes a client that compiles, is formatted, and calls", async () => {
    const wits = join(root, "../guests/calculator/wit");
    const written = await write("calculator", "--wit", wits);
    assert.equal(written.code, 0, written.stdout);
    assert.equal((await write("calculator", "--wit", wits)).stdout, written.stdout, "the same again");
    assert.match(written.stdout, /\/\*\* The divisor was zero\. \*\//u);
    await writeFile(join(scripts, "calculator.ts"), written.stdout);
    await writeFile(join(scripts, "program.ts"), PROGRAM);
    const config = {
      extends: "../../tsconfig.json",
      compilerOptions: { types: ["node"], noEmit: false },
      include: ["."],
    };
    await writeFile(join(scripts, "tsconfig.json"), JSON.stringify(config));
    const run = promisify(execFile);
    const tool = (name: string): string => join(root, "node_modules/.bin", name);
    await run(tool("tsc"), ["-p", scripts], { cwd: root });
    const checked = await run(tool("prettier"), [
      "--no-config",
      "--ignore-path",
      "/dev/null",
      "--check",
      join(scripts, "calculator.ts"),
    ]);
    assert.match(checked.stdout, /All matched files/u);
    const { stdout } = await run(process.execPath, [join(scripts, "program.js"), node.address]);
    assert.deepEqual(JSON.parse(stdout), {
      sum: "18446744073709551615",
      quotient: "3",
      remainder: "2",
      none: null,
      error: { tag: "division-by-zero" },
      bill: {
        lines: [
          { name: "apple", cents: "90" },
          { name: "\u2603", cents: "50" },
        ],
        extras: "250",
        total: "390",
        initials: ["a", "\u2603"],
      },
      refused: "argument 1 is 300, and must be u8, an integer from 0 to 255",
      reversed: [3, 2, 1],
      calls: 2,
    });
  });

  test("says what there is of a function without types", async () => {
    const written = await write("hello");
    assert.equal(written.code, 1);
    assert.match(written.stdout, /of kind event, and has no types[^]*\/_moot\/functions\/hello\/call/u);
    assert.match((await write("nobody")).stdout, /no function nobody/u);
  });

  test("an answer of another type is not taken for one", async () => {
    const add = new wit.TypedExport("add", [wit.u32, wit.u32], wit.string);
    const client = new Client(node.address);
    await assert.rejects(add.call(client, "calculator", [1, 2]), (error) => {
      assert.ok(error instanceof TransportError);
      assert.match(error.message, /has the function changed/u);
      return true;
    });
    assert.match(await readFile(join(scripts, "calculator.ts"), "utf8"), /export class Calculator/u);
  });
});
