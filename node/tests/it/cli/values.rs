//! Values, as a person meets them.

use super::sandbox::{Sandbox, Up};
use std::io::{BufRead as _, BufReader};

#[test]
fn a_value_is_written_read_listed_and_followed() {
    let mut sandbox = Sandbox::new();
    sandbox.ok(&["account", "--new"]);
    let up = Up::start(&sandbox, &[]);
    sandbox.use_node(&up);
    sandbox.fails(&["values", "put", "/chat/lobby/1", "--data", "hi"], 1, &["no rule applies"]);
    sandbox.ok(&["owners", "claim", "/chat"]);
    sandbox.ok(&["rules", "set", "/chat/$room", "auth.account != null && value_size < 200000"]);
    let mut following =
        sandbox.command(&["values", "follow", "/chat/$room/$message", "--json"]).spawn().unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    // It may be following, or not yet: what comes until it does is written again and again.
    let first = std::thread::spawn(move || (lines.next().unwrap().unwrap(), lines));
    while !first.is_finished() {
        sandbox.ok(&["values", "put", "/chat/lobby/0", "--data", "is anybody there?"]);
    }
    let (line, _lines) = first.join().unwrap();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (line["path"].as_str(), line["text"].as_str()),
        (Some("/chat/lobby/0"), Some("is anybody there?"))
    );
    following.kill().unwrap();
    following.wait().unwrap();

    let written = sandbox.json(&["values", "put", "/chat/lobby/1", "--data", "hi", "--json"]);
    assert!(written["height"].as_u64().unwrap() > 0);
    assert_eq!(sandbox.ok(&["values", "get", "/chat/lobby/1"]).out, "hi");
    let got = sandbox.json(&["values", "get", "/chat/lobby/1", "--json"]);
    assert_eq!((got["id"].clone(), got["text"].as_str()), (written["id"].clone(), Some("hi")));
    sandbox.write("photo", vec![0xff; 100_000]);
    sandbox.ok(&["values", "put", "/chat/lobby/2", "--file", "photo"]);
    assert_eq!(sandbox.json(&["values", "get", "/chat/lobby/2", "--json"])["bytes"], 100_000);
    sandbox.fails(
        &["values", "put", "/chat/lobby/3", "--data", "hi", "--unsigned"],
        1,
        &["/chat/$room does not allow"],
    );
    let list = sandbox.ok(&["values", "ls", "/chat"]).out;
    assert!(list.contains("/chat/lobby/1") && list.contains("100,000"), "{list}");
    sandbox.fails(&["values", "get", "/chat/lobby/9"], 1, &["nothing was written to /chat/lobby/9"]);
    sandbox.fails(&["values", "get", "chat"], 2, &["does not start with a slash"]);
    sandbox.fails(&["values", "follow", "/$chat"], 2, &["begins with a variable"]);
    let once = ["values", "put", "/chat/a", "--data", "x", "--idempotency-key", "k", "--json"];
    assert_eq!(sandbox.json(&once)["id"], sandbox.json(&once)["id"]);
    assert_eq!(up.stop(), 0);
}
