//! What cannot be deployed, and what the person is told.

use super::components::{calculator, core_module, wants_randomness};
use super::sandbox::{Sandbox, Up};
use crate::support::until;
use moot_ledger::limits::FORMAT_VERSION;

fn manifest(component: &str, more: &str) -> String {
    format!("[functions.calculator]\ncomponent = \"{component}\"\n{more}")
}

#[test]
fn what_is_no_component_is_refused_with_the_way_to_one() {
    let mut sandbox = Sandbox::new();
    sandbox.write("text.wasm", "fn main() {}\n");
    sandbox.write("module.wasm", core_module());
    sandbox.write("empty.wasm", "");
    sandbox.write("broken.wasm", &calculator(0)[..200]);
    let cases = [
        ("text.wasm", "not a WebAssembly component"),
        ("module.wasm", "a core WebAssembly module, not a component"),
        ("empty.wasm", "not a WebAssembly component"),
        ("broken.wasm", "not a valid component"),
    ];
    // Without a node: `build` looks at what was built.
    for (file, words) in cases {
        sandbox.write("moot.toml", manifest(file, ""));
        let ran = sandbox.fails(&["build"], 1, &[file, words]);
        assert!(file == "broken.wasm" || ran.err.contains("wasm32-wasip2"), "how to make one:\n{}", ran.err);
    }
    let up = Up::start(&sandbox, &[]);
    sandbox.use_node(&up);
    for (file, words) in cases {
        sandbox.fails(&["deploy", "calculator", "--component", file], 1, &[file, words]);
    }
    sandbox.fails(
        &["deploy", "calculator", "--component", "nowhere.wasm"],
        1,
        &["there is no component at nowhere.wasm"],
    );
    assert_eq!(sandbox.json(&["ls", "--json"])["functions"], serde_json::json!([]), "nothing came of it");
    assert_eq!(up.stop(), 0);
}

#[test]
fn an_import_that_is_not_granted_is_refused_by_name() {
    let mut sandbox = Sandbox::new();
    let up = Up::start(&sandbox, &[]);
    sandbox.use_node(&up);
    sandbox.write("random.wasm", wants_randomness());
    sandbox.write("moot.toml", manifest("random.wasm", ""));
    sandbox.fails(&["deploy"], 1, &["wasi:random/random", "random = true"]);
    sandbox.write("moot.toml", manifest("random.wasm", "[functions.calculator.grants]\nrandom = true\n"));
    sandbox.ok(&["deploy"]);
    sandbox.ok(&["invoke", "calculator", "draw"]);
}

#[test]
fn somebody_elses_function_is_left_alone() {
    let mut sandbox = Sandbox::new();
    let up = Up::start(&sandbox, &[]);
    sandbox.use_node(&up);
    sandbox.write("one.wasm", calculator(0));
    sandbox.write("two.wasm", calculator(1));
    sandbox.ok(&["deploy", "calculator", "--component", "one.wasm"]);
    let other = ["deploy", "calculator", "--component", "two.wasm", "--key", "other.key"];
    sandbox.fails(&other, 1, &["belongs to another account", "MOOT_KEY"]);
    sandbox.fails(
        &["deploy", "calculator", "--rollback", "--key", "other.key"],
        1,
        &["belongs to another account"],
    );
    assert_eq!(sandbox.ok(&["invoke", "calculator", "add", "1", "2"]).out, "3");
}

#[test]
fn versions_go_forward_and_back() {
    let mut sandbox = Sandbox::new();
    let up = Up::start(&sandbox, &[]);
    sandbox.use_node(&up);
    let add = |sandbox: &Sandbox| sandbox.ok(&["invoke", "calculator", "add", "1", "2"]).out;
    for (version, extra, sum) in [(1, 0, "3"), (2, 10, "13"), (3, 20, "23")] {
        sandbox.write("c.wasm", calculator(extra));
        let view = sandbox.json(&["deploy", "calculator", "--component", "c.wasm", "--json"]);
        assert_eq!(view["deployed"][0]["version"], version, "{view}");
        assert_eq!(view["deployed"][0]["changed"], true);
        assert_eq!(add(&sandbox), sum);
    }
    let ran = sandbox.ok(&["deploy", "calculator", "--component", "c.wasm"]);
    assert!(ran.err.contains("Unchanged"), "the same again changes nothing:\n{}", ran.err);

    let ran = sandbox.ok(&["deploy", "calculator", "--rollback"]);
    assert!(ran.err.contains("from v3 to v2"), "{}", ran.err);
    assert_eq!(add(&sandbox), "13");
    sandbox.ok(&["deploy", "calculator", "--rollback", "1"]);
    assert_eq!(add(&sandbox), "3");
    sandbox.ok(&["deploy", "calculator", "--rollback", "3"]);
    assert_eq!(add(&sandbox), "23");
    sandbox.fails(&["deploy", "calculator", "--rollback", "9"], 1, &["has no version 9", "v1, v2, v3"]);
    sandbox.fails(&["deploy", "--rollback"], 2, &["name exactly one function"]);
    sandbox.fails(
        &["deploy", "calculater", "--rollback"],
        1,
        &["has no function calculater", "did you mean calculator?"],
    );
    sandbox.ok(&["deploy", "calculator", "--rollback", "1"]);
    sandbox.fails(&["deploy", "calculator", "--rollback"], 1, &["no version before v1"]);
    let shown = sandbox.ok(&["show", "calculator"]).out;
    assert!(
        shown.contains("v1 *") && shown.contains("v3") && shown.contains("add(a: u32, b: u32) -> u32"),
        "{shown}"
    );
}

#[test]
fn a_node_keeps_what_was_deployed_when_it_is_started_again() {
    let mut sandbox = Sandbox::new();
    sandbox.write("calculator.wasm", calculator(0));
    sandbox.write("moot.toml", manifest("calculator.wasm", "deterministic = true\n"));
    let up = Up::start(&sandbox, &["--deploy"]);
    sandbox.use_node(&up);
    assert_eq!(up.ready["functions"], serde_json::json!(["calculator"]));
    assert_eq!(sandbox.ok(&["invoke", "calculator", "add", "1", "2"]).out, "3");
    assert_eq!(up.stop(), 0);
    let up = Up::start(&sandbox, &[]);
    sandbox.use_node(&up);
    assert_eq!(up.ready["functions"], serde_json::json!(["calculator"]));
    // By name: the interface is known before the first call.
    assert_eq!(sandbox.ok(&["invoke", "calculator", "divide", r#"{"divisor": 2, "dividend": 8}"#]).out, "4");
}

#[test]
fn a_second_node_in_the_same_folder_is_refused() {
    let sandbox = Sandbox::new();
    let _up = Up::start(&sandbox, &[]);
    sandbox.fails(&["up", "--listen", "127.0.0.1:0"], 1, &[".moot"]);
}

#[test]
fn a_change_is_built_and_deployed_while_watched() {
    let mut sandbox = Sandbox::new();
    let up = Up::start(&sandbox, &[]);
    sandbox.use_node(&up);
    sandbox.write("project/next.wasm", calculator(0));
    sandbox.write(
        "project/moot.toml",
        manifest(
            "out/calculator.wasm",
            // The slow one has read its source when it says that it began.
            "build = \"mkdir -p out && cp next.wasm out/calculator.wasm && if [ -e .slow ]; then echo > .began; \
             sleep 1; fi\"\n",
        ),
    );
    let mut command = sandbox.command(&["watch"]);
    command.current_dir(sandbox.path("project"));
    let mut watch = command.spawn().unwrap();
    let sum = |wanted: &str| {
        for _ in 0..1200 {
            let ran = sandbox.moot(&["invoke", "calculator", "add", "1", "2"]);
            if ran.code == 0 && ran.out == wanted {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        panic!("1 + 2 never became {wanted}");
    };
    sum("3");
    sandbox.write("project/next.wasm", calculator(10));
    sum("13");
    // A build that fails is shown, and the next change is waited for.
    sandbox.write("project/next.wasm", "not a component");
    std::thread::sleep(std::time::Duration::from_millis(500));
    sandbox.write("project/next.wasm", calculator(20));
    sum("23");
    // What is saved while a build runs is not in it, and is not missed.
    sandbox.write("project/.slow", "");
    sandbox.write("project/next.wasm", calculator(30));
    until("the slow build has read its source", || sandbox.path("project/.began").exists());
    sandbox.write("project/next.wasm", calculator(40));
    sum("43");
    watch.kill().unwrap();
    let output = watch.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("Watching") && said.contains("Changed next.wasm"), "{said}");
    let versions = sandbox.json(&["show", "calculator", "--json"])["versions"].as_array().unwrap().len();
    assert_eq!(versions, 5, "each source once, whatever the build writes:\n{said}");
}

#[test]
fn a_data_folder_of_a_newer_format_is_refused_and_left_as_it_is() {
    let sandbox = Sandbox::new();
    assert_eq!(Up::start(&sandbox, &[]).stop(), 0);
    let marker = sandbox.path(".moot/FORMAT");
    let text = std::fs::read_to_string(&marker).unwrap();
    std::fs::write(&marker, text.replacen(&format!("moot-ledger {FORMAT_VERSION}"), "moot-ledger 99", 1))
        .unwrap();
    sandbox.fails(&["up", "--listen", "127.0.0.1:0"], 1, &[".moot", "99"]);
    std::fs::write(&marker, &text).unwrap();
    assert_eq!(Up::start(&sandbox, &[]).stop(), 0, "nothing was lost by the attempt");
}

#[test]
fn a_function_is_retired_by_its_owner_where_its_manifest_allows_it() {
    let mut sandbox = Sandbox::new();
    let up = Up::start(&sandbox, &[]);
    sandbox.use_node(&up);
    sandbox.write("calculator.wasm", calculator(0));
    sandbox.write("moot.toml", manifest("calculator.wasm", ""));
    sandbox.ok(&["deploy"]);
    sandbox.fails(&["retire", "calculator"], 1, &["destructible = false", "cannot be retired"]);
    sandbox.fails(&["retire", "calculater"], 1, &["has no function calculater", "calculator"]);
    // What may be destroyed is said when it is deployed first, and never later.
    sandbox.write("brief.wasm", calculator(1));
    let brief = "[functions.brief]\ncomponent = \"brief.wasm\"\ndestructible = true\n";
    sandbox.write("moot.toml", brief);
    sandbox.ok(&["deploy"]);
    assert!(sandbox.ok(&["retire", "brief", "--dry-run"]).out.contains("WOULD BE DONE"));
    sandbox.ok(&["invoke", "brief", "add", "1", "2"]);
    sandbox.fails(&["retire", "brief", "--key", "none"], 1, &["none"]);
    sandbox.ok(&["account", "--new", "--key", "other"]);
    sandbox.fails(&["retire", "brief", "--key", "other"], 1, &["belongs to another account"]);
    sandbox.fails(&["retire", "brief", "calculator"], 1, &["nothing was changed", "calculator"]);
    sandbox.ok(&["invoke", "brief", "add", "1", "2"]);
    let done = sandbox.json(&["retire", "brief", "--json"]);
    assert_eq!(done["retired"], serde_json::json!(["brief"]), "{done}");
    sandbox.fails(&["invoke", "brief", "add", "1", "2"], 1, &["retired"]);
    assert!(sandbox.ok(&["show", "brief"]).out.contains("retired"));
    sandbox.fails(&["deploy"], 1, &["retired"]);
    assert_eq!(up.stop(), 0);
}
