//! Triggers and logs, as a person meets them.

use super::sandbox::{Sandbox, Up};
use crate::support::{PATIENCE, guest, until};
use std::io::{BufRead as _, BufReader};
use std::sync::mpsc;

#[test]
fn a_function_runs_by_itself_and_its_log_is_followed() {
    let mut sandbox = Sandbox::new();
    let up = Up::start(&sandbox, &[]);
    sandbox.use_node(&up);
    sandbox.write("hello.wasm", guest("hello"));
    sandbox.write("moot.toml", "[functions.hello]\ncomponent = \"hello.wasm\"\n");
    sandbox.ok(&["deploy"]);
    let set = ["triggers", "set", "greet", "--run", "hello", "--on", "/bell/$door"];
    sandbox.fails(&set, 1, &["nothing was changed", "/bell"]);
    sandbox.ok(&["owners", "claim", "/bell"]);
    sandbox.ok(&["rules", "set", "/bell/$door", "true"]);
    sandbox.fails(&["triggers", "set", "greet", "--run", "hello"], 2, &["--on", "--at", "--after"]);
    sandbox.fails(&["triggers", "set", "greet", "--run", "nobody", "--on", "/bell/$door"], 1, &["nobody"]);
    sandbox.fails(&["triggers", "set", "tick", "--run", "hello", "--at", "61 * * * *"], 1, &["0 to 59"]);
    sandbox.ok(&set);
    let listed = sandbox.ok(&["triggers", "ls"]).out;
    assert!(["greet", "/bell/$door", "hello"].iter().all(|word| listed.contains(word)), "{listed}");

    // Somebody watches while somebody rings.
    let mut following = sandbox.command(&["logs", "hello", "--follow", "--json"]).spawn().unwrap();
    let (say, said) = mpsc::channel();
    let out = BufReader::new(following.stdout.take().unwrap());
    std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| say.send(line)));
    let line = || said.recv_timeout(PATIENCE).expect("nothing more is logged");
    let ring = |who: &str| sandbox.ok(&["values", "put", "/bell/front", "--data", who]);
    ring("ada");
    let calls = || sandbox.json(&["triggers", "calls", "--json"])["derived"].as_array().unwrap().clone();
    until("the call has ended", || calls().iter().any(|call| call["status"] == "ok"));
    let first: serde_json::Value = serde_json::from_str(&line()).unwrap();
    assert!(first["message"].as_str().unwrap().contains("ada"), "{first}");
    ring("bob");
    let second = line();
    assert!(second.contains("bob"), "{second}");
    following.kill().unwrap();
    following.wait().unwrap();
    let logged = sandbox.ok(&["logs", "hello"]).out;
    assert!(logged.contains("ada") && logged.contains("bob"), "{logged}");

    until("both have ended", || calls().iter().filter(|call| call["status"] == "ok").count() == 2);
    let id = calls()[0]["id"].as_str().unwrap().to_owned();
    let shown = sandbox.ok(&["triggers", "calls", &id]).out;
    assert!(shown.contains("greet") && shown.contains("value:/bell/front"), "{shown}");
    let shown = sandbox.ok(&["triggers", "calls", "--limit", "1"]).out;
    assert!(shown.contains(&id), "{shown}");
    sandbox.ok(&["triggers", "rm", "greet"]);
    sandbox.fails(&["triggers", "rm", "greet"], 1, &["nothing was changed"]);
    assert_eq!(up.stop(), 0);
}
