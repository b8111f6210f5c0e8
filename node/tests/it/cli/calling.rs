//! Calls of a typed function, and the evidence they leave, from the command line.

use super::components::calculator;
use super::sandbox::{Sandbox, Up, http};

/// A node with the calculator on it, deterministic.
fn prepared() -> (Sandbox, Up) {
    let mut sandbox = Sandbox::new();
    sandbox.write("calculator.wasm", calculator(0));
    sandbox.write(
        "moot.toml",
        "[functions.calculator]\ncomponent = \"calculator.wasm\"\ndeterministic = true\n",
    );
    let up = Up::start(&sandbox, &[]);
    sandbox.use_node(&up);
    sandbox.ok(&["deploy"]);
    (sandbox, up)
}

/// The id of a call that was made with `--json`.
fn call(sandbox: &Sandbox, words: &[&str]) -> String {
    let mut arguments = vec!["invoke", "--json", "calculator"];
    arguments.extend(words);
    let view = sandbox.json(&arguments);
    view["call"].as_str().unwrap_or_else(|| panic!("{view}")).to_owned()
}

#[test]
fn arguments_in_every_way_to_write_them() {
    let (sandbox, _up) = prepared();
    for words in [
        vec!["add", "1", "2"],
        vec!["add", "[1, 2]"],
        vec!["add", r#"{"b": 2, "a": 1}"#],
        vec!["add(1, 2)"],
        vec!["add", "--data", "[1, 2]"],
    ] {
        let mut arguments = vec!["invoke", "calculator"];
        arguments.extend(&words);
        let ran = sandbox.ok(&arguments);
        assert_eq!(ran.out, "3", "{words:?}");
        assert!(ran.err.contains("Call") && ran.err.contains("fuel"), "{}", ran.err);
    }
    assert_eq!(sandbox.ok(&["invoke", "calculator", "greeting"]).out, "\"hello\"");
    sandbox.write("arguments.json", "[20, 22]");
    assert_eq!(sandbox.ok(&["invoke", "calculator", "add", "-d", "@arguments.json"]).out, "42");
}

#[test]
fn mistakes_are_explained_and_nothing_is_run() {
    let (sandbox, _up) = prepared();
    let before = sandbox.json(&["ls", "--calls", "--json"])["calls"].as_array().unwrap().len();
    for (words, said) in [
        (vec!["calculater", "add"], vec!["has no function calculater", "did you mean calculator?"]),
        (vec!["zebra"], vec!["has no function zebra", "it has: calculator"]),
        (vec!["calculator", "ad", "1", "2"], vec!["has no export \"ad\"", "did you mean add?"]),
        (vec!["calculator", "multiply"], vec!["it exports add, divide, greeting"]),
        (
            vec!["calculator", "add", "1"],
            vec!["add takes 2 arguments, 1 was given", "add(a: u32, b: u32) -> u32"],
        ),
        (vec!["calculator", "add", "1", "2", "3"], vec!["3 were given"]),
        (vec!["calculator", "add", "1", "{"], vec!["is not JSON", "b: u32"]),
    ] {
        let mut arguments = vec!["invoke"];
        arguments.extend(&words);
        sandbox.fails(&arguments, 1, &said);
    }
    sandbox.fails(&["invoke", "calculator"], 2, &["say which one", "add, divide, greeting"]);
    sandbox.fails(&["invoke", "calculator", "add", "1", "2", "-H", "no colon"], 2, &["is not a header"]);
    let after = sandbox.json(&["ls", "--calls", "--json"])["calls"].as_array().unwrap().len();
    assert_eq!(before, after);
}

#[test]
fn arguments_of_the_wrong_type_name_their_place() {
    let (sandbox, _up) = prepared();
    for (b, said) in [("-1", "u32"), ("1.5", "u32"), ("\"2\"", "u32"), ("4294967296", "u32"), ("null", "u32")]
    {
        let ran = sandbox.moot(&["invoke", "calculator", "add", "1", b]);
        assert_eq!(ran.code, 1, "{b}: {}", ran.err);
        assert!(ran.err.contains(said) && ran.err.contains("arguments[1]"), "{b}: {}", ran.err);
        assert_eq!(ran.out, "", "nothing that could be taken for an answer");
    }
}

#[test]
fn a_trap_shows_its_backtrace_and_leaves_a_receipt() {
    let (sandbox, _up) = prepared();
    let ran = sandbox.fails(&["invoke", "calculator", "divide", "1", "0"], 1, &["error:", "Call"]);
    assert!(ran.err.contains("divided an integer by zero"), "{}", ran.err);
    let calls = sandbox.json(&["ls", "--calls", "--json"]);
    assert_eq!(calls["calls"][0]["status"], "trapped", "{calls}");
    // A failed call is evidence as well: it can be proven and run again.
    let id = calls["calls"][0]["id"].as_str().unwrap();
    sandbox.ok(&["replay", id]);
}

#[test]
fn the_evidence_of_a_call_from_receipt_to_replay() {
    let (sandbox, up) = prepared();
    let ran = sandbox.ok(&[
        "invoke",
        "calculator",
        "add",
        "1",
        "2",
        "--wait",
        "final",
        "--receipt",
        "receipt.json",
    ]);
    assert!(ran.err.contains("moot verify receipt.json"), "{}", ran.err);
    let id = call(&sandbox, &["add", "2", "3"]);

    let shown = sandbox.ok(&["show", &id]).out;
    for words in [id.as_str(), "calculator", "typed add", "ok", "nothing outside", "run by", "execution"] {
        assert!(shown.contains(words), "{words}:\n{shown}");
    }
    assert_eq!(sandbox.ok(&["show", &id, "--output"]).out, "5");
    assert!(sandbox.ok(&["show", &id, "--input"]).out.contains("[2,3]"));
    sandbox.ok(&["show", &id, "--proof", "proof.json"]);
    sandbox.ok(&["genesis", "--output", "genesis.json"]);

    let view = sandbox.json(&["replay", &id, "--json"]);
    assert_eq!(view["same"], true, "{view}");
    assert_eq!(view["recorded"]["fuel"], view["replayed"]["fuel"]);
    assert!(sandbox.ok(&["replay", &id]).out.contains("SAME"));

    let height = sandbox.json(&["show", &id, "--json"])["height"].as_u64().unwrap();
    let block = sandbox.json(&["show", &height.to_string(), "--json"]);
    assert!(!block["batches"].as_array().unwrap().is_empty());

    // From here on: no node, no data folder, nothing but the two files.
    assert_eq!(up.stop(), 0);
    std::fs::remove_dir_all(sandbox.path(".moot")).unwrap();
    for file in ["receipt.json", "proof.json"] {
        let shown = sandbox.ok(&["verify", file]).out;
        assert!(shown.contains("VALID") && shown.contains("block") && shown.contains("1 replica"), "{shown}");
    }
    let text = std::fs::read_to_string(sandbox.path("proof.json")).unwrap();
    sandbox.write("tampered.json", text.replacen("\"status\": \"ok\"", "\"status\": \"failed\"", 1));
    let ran = sandbox.moot(&["verify", "tampered.json"]);
    assert!(ran.code == 1 && ran.out.contains("receipt.status"), "{}", ran.out);
}

#[test]
fn a_replay_that_differs_is_told() {
    // A node that lies about a result: everything it stores fits together, only the result is another.
    let (sandbox, up) = prepared();
    let id = call(&sandbox, &["add", "2", "3"]);
    let lying = liar(&up.address, &id);
    let mut command = sandbox.command(&["replay", &id, "--json"]);
    command.env("MOOT_NODE", &lying);
    let ran = super::sandbox::finish(command);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let view: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(view["same"], false);
    assert_ne!(view["recorded"]["output"]["digest"], view["replayed"]["output"]["digest"]);
    assert_ne!(view["recorded"]["fuel"], view["replayed"]["fuel"]);
}

/// A server in front of a node that changes the receipt of one call, and nothing else.
fn liar(node: &str, id: &str) -> String {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (node, path) = (node.to_owned(), format!("GET /_moot/calls/{id} "));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                head.push(byte[0]);
            }
            let request =
                String::from_utf8(head).unwrap().replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
            if !request.starts_with(&path) {
                // Bytes, not text: a component goes through here.
                let mut upstream = std::net::TcpStream::connect(node.trim_start_matches("http://")).unwrap();
                upstream.write_all(request.as_bytes()).unwrap();
                std::io::copy(&mut upstream, &mut stream).unwrap();
                continue;
            }
            let answer = http(&node, &request);
            let body = answer.split_once("\r\n\r\n").unwrap().1;
            let mut view: serde_json::Value = serde_json::from_str(body).unwrap();
            view["receipt"]["output"]["digest"] = serde_json::Value::from("00".repeat(32));
            view["receipt"]["fuel"] = serde_json::Value::from(1);
            let body = view.to_string();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        }
    });
    address
}

#[test]
fn a_call_that_is_not_deterministic_cannot_be_replayed() {
    let (sandbox, _up) = prepared();
    sandbox.write("moot.toml", "[functions.calculator]\ncomponent = \"calculator.wasm\"\n");
    sandbox.ok(&["deploy"]);
    let id = call(&sandbox, &["add", "2", "3"]);
    sandbox.fails(&["replay", &id], 1, &["is not deterministic", "deterministic = true"]);
    sandbox.fails(&["replay", "0-999999-0-0-0"], 1, &["has no call 0-999999-0-0-0"]);
}

#[test]
fn a_call_that_is_only_accepted_says_where_to_look() {
    let (sandbox, _up) = prepared();
    let ran = sandbox.ok(&["invoke", "calculator", "add", "1", "2", "--wait", "accepted"]);
    let id = ran.out.trim().to_owned();
    assert!(ran.err.contains(&format!("moot show {id}")), "{}", ran.err);
    sandbox.ok(&["show", &id, "--proof", "r.json"]);
    sandbox.fails(
        &["invoke", "calculator", "add", "1", "2", "--wait", "accepted", "--receipt", "r.json"],
        2,
        &["has no receipt yet"],
    );
}

#[test]
fn case_64_the_same_key_runs_once() {
    // A retry must not run the function again, and the same key with other arguments is a mistake to be told.
    let (sandbox, _up) = prepared();
    let one = call(&sandbox, &["add", "1", "2", "--idempotency-key", "k1"]);
    let two = call(&sandbox, &["add", "1", "2", "--idempotency-key", "k1"]);
    assert_eq!(one, two);
    let words = ["invoke", "calculator", "add", "9", "9", "--idempotency-key", "k1"];
    sandbox.fails(&words, 1, &["idempotency key"]);
}

#[test]
fn what_is_shown_of_nothing() {
    let (sandbox, _up) = prepared();
    sandbox.fails(&["show", "zebra"], 1, &["has no function zebra"]);
    sandbox.fails(&["show", "0-999999-0-0-0"], 1, &["has no call 0-999999-0-0-0", "moot ls --calls"]);
    sandbox.fails(&["show", "999999999"], 1, &["there is no block 999999999", "the newest is"]);
    sandbox.fails(&["show", "What?"], 2, &["no call, block or function"]);
    sandbox.fails(&["show", "calculator", "--proof", "r.json"], 2, &["is not the id of a call"]);
    sandbox.fails(&["logs", "zebra"], 1, &["has no function zebra"]);
    let ran = sandbox.ok(&["logs", "calculator"]);
    assert!(ran.err.contains("has written nothing"), "{}", ran.err);
}

#[test]
fn a_function_for_certain_accounts_is_called_signed() {
    let (sandbox, _up) = prepared();
    let account = sandbox.ok(&["account", "--export-public"]).out.trim().to_owned();
    let manifest =
        format!("[functions.private]\ncomponent = \"calculator.wasm\"\naccess = [\"{account}\"]\n");
    sandbox.write("moot.toml", manifest);
    sandbox.ok(&["deploy"]);
    assert_eq!(sandbox.ok(&["invoke", "private", "add", "1", "2"]).out, "3");
    let view = sandbox.json(&["ls", "--calls", "--json"]);
    let id = view["calls"][0]["id"].as_str().unwrap();
    assert_eq!(sandbox.json(&["show", id, "--json"])["caller"], account);
    // Another account may not, and no account at all is told what is missing.
    sandbox.ok(&["account", "--new", "--key", "other.key"]);
    sandbox.fails(
        &["invoke", "private", "add", "1", "2", "--key", "other.key"],
        1,
        &["does not admit account"],
    );
    sandbox.fails(
        &["invoke", "private", "add", "1", "2", "--key", "none.key"],
        1,
        &["must be signed", "account --new"],
    );
}
