//! Functions in JavaScript from a template, and such as go wrong: what is JavaScript's own. What every language has to do
//! alike is the conformance suite's.
//!
//! These need Node and what `cargo xtask guests js` installs. They are left out where that was not done, unless
//! `MOOT_CONFORMANCE` names `js`, as `cargo xtask test` does.

use std::path::{Path, PathBuf};

use super::sandbox::{Sandbox, Up};

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Whether what these tests need is there.
pub(super) fn ready() -> bool {
    let there = checkout().join("guests/js/node_modules/@bytecodealliance/jco").is_dir();
    let wanted = std::env::var("MOOT_CONFORMANCE").is_ok_and(|list| list.split(',').any(|name| name == "js"));
    assert!(there || !wanted, "the tools of guests/js are not installed: cargo xtask guests js");
    if !there {
        eprintln!("left out: `cargo xtask guests js` has not run");
    }
    there
}

/// A folder with the tools that the checkout's own guests are built with.
pub(super) fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    std::os::unix::fs::symlink(checkout().join("guests/js/node_modules"), sandbox.path("node_modules"))
        .unwrap();
    sandbox
}

/// The manifest of an event function in QuickJS, which builds and compiles in seconds.
pub(super) fn event(name: &str, limits: &str) -> String {
    format!(
        "[functions.{name}]\ncomponent = \"{name}.wasm\"\nidempotent = true\n\
         [functions.{name}.build]\nlanguage = \"javascript\"\nsource = \"src/{name}.ts\"\nengine = \"quickjs\"\n\
         wit = \"wit\"\nworld = \"function\"\n[functions.{name}.limits]\n{limits}\n"
    )
}

pub(super) const WORLD: &str =
    "package local:broken;\nworld function { include moot:function/event-function@0.1.0; }\n";

#[test]
fn from_a_template_to_an_answer_that_can_be_replayed() {
    if !ready() {
        return;
    }
    let mut sandbox = sandbox();
    for (name, template, language) in [("greeter", "hello", "ts"), ("numbers", "counter", "js")] {
        sandbox.ok(&["new", name, "--template", template, "--lang", language]);
    }
    let up = Up::start(&sandbox, &[]);
    sandbox.use_node(&up);
    for name in ["greeter", "numbers"] {
        sandbox.ok(&["deploy", "--manifest", &format!("{name}/moot.toml")]);
    }
    assert_eq!(sandbox.ok(&["invoke", "greeter", "--data", " ada "]).out, "hello, ada\n");
    assert!(sandbox.ok(&["logs", "greeter"]).out.contains("greets ada"));
    let calls = sandbox.json(&["ls", "--calls", "--json"]);
    let id = calls["calls"][0]["id"].as_str().unwrap();
    assert!(sandbox.ok(&["replay", id]).out.contains("SAME"));
    for count in ["1\n", "2\n"] {
        assert_eq!(sandbox.ok(&["invoke", "numbers", "--data", "ada"]).out, count);
    }
    // Types for editors, and nothing of QuickJS's own among the exports.
    assert!(sandbox.path("greeter/.moot/build/greeter/types/component.d.ts").is_file());
    let built = sandbox.json(&["build", "--json", "--manifest", "greeter/moot.toml"]);
    let exports = built["built"][0]["exports"].to_string();
    assert!(exports.contains("handler") && !exports.contains("init"), "{exports}");
    assert_eq!(up.stop(), 0);
}

#[test]
fn what_goes_wrong_in_a_function_is_in_its_log_and_not_in_its_answer() {
    if !ready() {
        return;
    }
    let mut sandbox = sandbox();
    sandbox.write("wit/world.wit", WORLD);
    let manifest = [
        event("throws", ""),
        event("endless", "fuel = 50_000_000"),
        event("hungry", "memory = \"16MiB\"\nfuel = 2_000_000_000"),
        event("confused", ""),
    ];
    sandbox.write("moot.toml", manifest.concat());
    sandbox.write(
        "src/throws.ts",
        r#"import { defineFunction, Failure } from "@folkmoot/sdk/guest";

interface Account { secret: string }

function open(account: Account): string {
  throw new Error(`cannot open ${account.secret}`, { cause: new TypeError("the door is closed") });
}

export default defineFunction((event) => {
  if (event.text() === "refuse") {
    throw Failure.notFound("no such account");
  }
  return open({ secret: "hunter2" });
});
"#,
    );
    sandbox.write(
        "src/endless.ts",
        "import { defineFunction } from \"@folkmoot/sdk/guest\";\nexport default defineFunction(() => { for (;;); });\n",
    );
    sandbox.write(
        "src/hungry.ts",
        "import { defineFunction } from \"@folkmoot/sdk/guest\";\nexport default defineFunction(() => {\n  const held: \
         Uint8Array[] = [];\n  for (;;) held.push(new Uint8Array(1 << 20).fill(1));\n});\n",
    );
    sandbox.write(
        "src/confused.ts",
        "import { defineFunction } from \"@folkmoot/sdk/guest\";\nexport default defineFunction(() => 42 as unknown as \
         string);\n",
    );
    let up = Up::start(&sandbox, &[]);
    sandbox.use_node(&up);
    sandbox.ok(&["deploy"]);

    // An error that nobody expected: a plain 500 for the caller, everything for the log, in the guest's own lines.
    let ran = sandbox.fails(&["invoke", "throws", "--data", "x"], 1, &["its log says why", "HTTP 500"]);
    assert!(!ran.err.contains("hunter2") && !ran.err.contains(".ts"), "{}", ran.err);
    let log = sandbox.ok(&["logs", "throws"]).out;
    for words in
        ["cannot open hunter2", "at open (src/throws.ts:6)", "src/throws.ts:13", "the door is closed"]
    {
        assert!(log.contains(words), "{words}:\n{log}");
    }
    assert!(!log.contains(".moot") && !log.contains("function.js"), "only the project's own lines:\n{log}");
    // A refusal is an answer.
    sandbox.fails(&["invoke", "throws", "--data", "refuse"], 1, &["no such account", "HTTP 404"]);

    sandbox.fails(&["invoke", "endless"], 1, &["fuel"]);
    let ran = sandbox.fails(&["invoke", "hungry"], 1, &["HTTP 5"]);
    assert!(!ran.err.contains("hungry.ts"), "{}", ran.err);

    sandbox.fails(&["invoke", "confused"], 1, &["its log says why", "HTTP 500"]);
    let log = sandbox.ok(&["logs", "confused"]).out;
    assert!(log.contains("a string, a Uint8Array, an ArrayBuffer or nothing, not with 42"), "{log}");
    assert_eq!(up.stop(), 0);
}

#[test]
fn what_cannot_be_built_says_why() {
    if !ready() {
        return;
    }
    let sandbox = sandbox();
    sandbox.write("wit/world.wit", WORLD);
    sandbox.write("moot.toml", event("broken", ""));
    sandbox.fails(&["build"], 1, &["there is no file", "src/broken.ts", "`source` in the manifest"]);
    for (source, words) in [
        // A missing export.
        ("export const other = 1;", ["src/broken.ts exports no default", "export default defineFunction"]),
        // An interface that the world does not have.
        (
            "import { openStore, defineFunction } from \"@folkmoot/sdk/guest\";\n\
             export default defineFunction(() => String(openStore().increment(\"x\")));",
            ["the world does not import it", "include wasi:keyvalue/imports"],
        ),
        // A module of Node, and one that nobody installed.
        (
            "import { readFileSync } from \"node:fs\";\nexport default () => readFileSync(\"x\");",
            ["node:fs", "cannot be found"],
        ),
        // Not even JavaScript.
        ("export default {{{", ["building broken failed", "broken.ts"]),
    ] {
        sandbox.write("src/broken.ts", source);
        sandbox.fails(&["build"], 1, &words);
    }
    let typed = "package local:broken;\nworld function { export add: func(a: u32, b: u32) -> u32; }\n";
    sandbox.write("wit/world.wit", typed);
    sandbox.write("src/broken.ts", "export function sub(a: number) { return a; }");
    sandbox.fails(&["build"], 1, &["exports no add", "export function add("]);
    // What a warm-up throws would be the first thing that its callers see.
    sandbox
        .write("src/broken.ts", "export default { fetch() { throw new Error(\"the door is closed\"); } };");
    for engine in ["starlingmonkey", "quickjs"] {
        let warmed = format!(
            "[functions.broken]\ncomponent = \"broken.wasm\"\n[functions.broken.build]\n\
             language = \"javascript\"\nsource = \"src/broken.ts\"\nengine = \"{engine}\"\nwarm_up = [\"/\"]\n"
        );
        sandbox.write("moot.toml", &warmed);
        sandbox.fails(&["build"], 1, &["the door is closed", "src/broken.ts:1"]);
    }
    // The tools themselves.
    std::fs::remove_file(sandbox.path("node_modules")).unwrap();
    sandbox.fails(
        &["build"],
        1,
        &["@bytecodealliance/jco 1.34.0 is not installed here", "npm install --save-dev"],
    );
}

#[test]
fn a_typed_function_in_quickjs_refuses_what_is_no_value_of_its_type() {
    if !ready() {
        return;
    }
    let mut sandbox = sandbox();
    sandbox.write(
        "wit/world.wit",
        "package local:sums;\nworld function {\n  export add: func(a: u32, b: u32) -> u32;\n  \
         export half: func(n: u32) -> result<u32, string>;\n}\n",
    );
    sandbox.write("moot.toml", event("sums", ""));
    sandbox.write(
        "src/sums.ts",
        "import { ComponentError } from \"@folkmoot/sdk/guest\";\n\
         export function add(a: number, b: number): number {\n  if (b === 0) return \"none\" as unknown as number;\n  \
         if (b === 1) throw new RangeError(\"one is too few\");\n  return a + b;\n}\n\
         export async function half(n: number): Promise<number> {\n  await null;\n  if (n % 2) throw new ComponentError(`${n} is odd`);\n  return n / 2;\n}\n",
    );
    let up = Up::start(&sandbox, &[]);
    sandbox.use_node(&up);
    sandbox.ok(&["deploy"]);
    assert_eq!(sandbox.ok(&["invoke", "sums", "add", "2", "3"]).out, "5");
    // QuickJS leaves an export that would run anybody's text with this function's grants.
    sandbox.fails(&["invoke", "sums", "init", "a", "b", "null", "false"], 1, &["has no export \"init\""]);
    assert_eq!(sandbox.ok(&["invoke", "sums", "half", "4"]).out, "2");
    sandbox.fails(&["invoke", "sums", "half", "3"], 1, &["3 is odd", "HTTP 422"]);
    sandbox.fails(&["invoke", "sums", "add", "2", "0"], 1, &["HTTP 502"]);
    let ran = sandbox.fails(&["invoke", "sums", "add", "2", "1"], 1, &["HTTP 502"]);
    assert!(!ran.err.contains("one is too few"), "{}", ran.err);
    let log = sandbox.ok(&["logs", "sums"]).out;
    assert!(log.contains("RangeError: one is too few") && log.contains("at add (src/sums.ts:4)"), "{log}");
    assert_eq!(up.stop(), 0);
}
