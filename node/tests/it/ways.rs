//! The ways of a call: by route and by name, of every kind, and how far one waits.

use super::support::{TestNode, busy, guest};
use data_encoding::BASE64URL_NOPAD;
use moot_record::{Evidence, FunctionKind, PayloadMode, ReceiptFile, SignedEntry, Status};

fn http_node() -> TestNode {
    let node = TestNode::start();
    node.deploy("hello-http", &guest("hello-http"), FunctionKind::Http, |_| {});
    node
}

fn typed_node() -> TestNode {
    let node = TestNode::start();
    node.deploy("busy", &busy(), FunctionKind::Typed, |spec| spec.deterministic = true);
    node
}

#[test]
fn an_http_call_is_answered_with_its_id_and_its_fuel() {
    let node = http_node();
    let answer = node.get("/hello-http/x?y=1");
    assert_eq!((answer.status, answer.text().as_str()), (200, "hello from /hello-http/x\n"));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert!(answer.header("moot-receipt").is_none());
    let fuel: u64 = answer.header("moot-fuel").unwrap().parse().unwrap();
    let id = answer.header("moot-call").unwrap();
    let call = node.get(&format!("/_moot/calls/{id}")).json();
    assert_eq!(call["function"], "hello-http");
    assert_eq!(call["receipt"]["status"], "ok");
    assert_eq!(call["receipt"]["fuel"].as_u64().unwrap(), fuel);
    assert!(call["receipt"]["fee"]["ordering"].as_u64().unwrap() > 0);
    assert!(fuel > 1000);
    let newest = &node.get("/_moot/calls?limit=1").json()["calls"][0];
    assert_eq!(newest["id"], id);
}

#[test]
fn the_longest_route_answers_and_the_rest_is_404() {
    let node = http_node();
    node.deploy("deeper", &guest("hello-http"), FunctionKind::Http, |spec| {
        spec.route = "/hello-http/deep".into()
    });
    let called = |path: &str| {
        let answer = node.get(path);
        assert_eq!(answer.status, 200, "{path}");
        let id = answer.header("moot-call").unwrap().to_owned();
        node.get(&format!("/_moot/calls/{id}")).json()["function"].as_str().unwrap().to_owned()
    };
    assert_eq!(called("/hello-http/deep/x"), "deeper");
    assert_eq!(called("/hello-http/deeper"), "hello-http");
    let nowhere = node.get("/nowhere");
    assert_eq!((nowhere.status, nowhere.problem().as_str()), (404, "no-route"));
    // A second function for the same route is deployed, and said to be in conflict.
    node.deploy("late", &guest("hello-http"), FunctionKind::Http, |spec| spec.route = "/hello-http".into());
    let conflicts = node.get("/_moot/status").json()["conflicts"].clone();
    assert_eq!(conflicts[0]["owner"], "hello-http", "{conflicts}");
    assert_eq!(conflicts[0]["refused"], "late");
    assert_eq!(called("/hello-http"), "hello-http");
}

#[test]
fn a_typed_call_by_name_and_by_route_in_json_and_wave() {
    let node = typed_node();
    let add = "/_moot/functions/busy/call/add";
    assert_eq!(node.post(add, b"[1, 2]").text(), "3");
    let wave = node.ask("POST", add, &[("content-type", "text/x-wave")], b"20\n22\n");
    assert_eq!((wave.text().trim(), wave.header("content-type")), ("42", Some("text/x-wave; charset=utf-8")));
    assert_eq!(node.post("/busy/add", b"[2, 3]").text(), "5");
    let wrong = node.post(add, b"[1, \"x\"]");
    assert_eq!((wrong.status, wrong.problem().as_str()), (422, "bad-arguments"));
    assert_eq!(node.post(add, b"{}").problem(), "bad-arguments");
    assert_eq!(node.post("/_moot/functions/busy/call/nothing", b"[]").problem(), "no-such-export");
    assert_eq!(node.post("/_moot/functions/nobody/call/add", b"[]").problem(), "no-such-function");
    assert_eq!(node.ask("POST", add, &[("content-type", "image/png")], b"[1,2]").status, 415);
    let exports = node.get("/_moot/functions/busy").json()["exports"].clone();
    let add = exports
        .as_array()
        .unwrap()
        .iter()
        .find(|e| e["path"] == "add")
        .unwrap_or_else(|| panic!("{exports}"));
    assert_eq!((add["parameters"][1]["type"].as_str(), add["result"].as_str()), (Some("u32"), Some("u32")));
}

#[test]
fn an_event_goes_to_its_handler_and_its_words_to_the_log() {
    let node = TestNode::start();
    node.deploy("hello", &guest("hello"), FunctionKind::Event, |spec| {
        spec.grants.env = vec![("GREETING".into(), "good day".into())];
    });
    let answer = node.post("/_moot/functions/hello/call", b"ada");
    assert_eq!((answer.status, answer.text().as_str()), (200, "good day, ada\n"));
    assert_eq!(node.post("/hello", b"bob").text(), "good day, bob\n");
    let failed = node.post("/hello", &[0xff]);
    assert_eq!((failed.status, failed.problem().as_str()), (422, "function-failed"));
    assert!(failed.json()["detail"].as_str().unwrap().contains("UTF-8"), "{}", failed.text());
    assert_eq!(failed.json()["call-status"], Status::Failed.as_str());
    let log = node.get("/_moot/functions/hello/logs").text();
    assert!(
        log.contains("event: log\n") && log.contains("greets ada") && log.contains("\"level\":\"info\""),
        "{log}"
    );
}

#[test]
fn what_goes_wrong_in_a_function_is_a_problem_with_the_calls_id() {
    let node = TestNode::start();
    node.deploy("busy", &busy(), FunctionKind::Typed, |spec| {
        spec.limits.fuel = 50_000_000;
        spec.limits.deadline_ms = 60_000;
    });
    let trap = node.post("/_moot/functions/busy/call/trap", b"[]");
    assert_eq!((trap.status, trap.problem().as_str()), (502, "function-trapped"));
    assert_eq!(trap.json()["call"].as_str(), trap.header("moot-call"));
    assert!(trap.json()["detail"].as_str().unwrap().contains("unreachable"), "{}", trap.text());
    let burned = node.post("/_moot/functions/busy/call/forever", b"[]");
    assert_eq!((burned.status, burned.problem().as_str()), (504, "out-of-fuel"));
    assert_eq!(burned.json()["fuel"], 50_000_000);
    node.deploy("late", &busy(), FunctionKind::Typed, |spec| {
        spec.limits.fuel = 10_000_000_000_000;
        spec.limits.deadline_ms = 300;
    });
    let late = node.post("/_moot/functions/late/call/forever", b"[]");
    assert_eq!((late.status, late.problem().as_str()), (504, "deadline-exceeded"));
    for answer in [trap, burned, late] {
        let id = answer.header("moot-call").unwrap().to_owned();
        let call = node.get(&format!("/_moot/calls/{id}")).json();
        assert_eq!(call["receipt"]["status"], answer.json()["call-status"]);
    }
}

#[test]
fn one_waits_as_far_as_one_prefers() {
    let node = typed_node();
    let spin = "/_moot/functions/busy/call/spin";
    let accepted = node.ask("POST", spin, &[("prefer", "respond-async")], b"[100000000]");
    assert_eq!((accepted.status, accepted.header("preference-applied")), (202, Some("respond-async")));
    let location = accepted.header("location").unwrap().to_owned();
    let id = accepted.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(location, format!("/_moot/calls/{id}"));
    assert_eq!(node.get(&location).status, 200, "it can be looked up at once");
    let receipt = node.get(&format!("{location}/receipt?final"));
    assert_eq!(receipt.status, 200, "{}", receipt.text());

    let soon = node.ask("POST", spin, &[("prefer", "respond-async, wait=30")], b"[10]");
    assert_eq!((soon.status, soon.text().as_str()), (200, "10"));

    let last = node.ask("POST", spin, &[("prefer", "moot-wait=final, moot-receipt")], b"[10]");
    assert_eq!(
        (last.status, last.header("preference-applied")),
        (200, Some("moot-wait=final, moot-receipt"))
    );
    let signed = BASE64URL_NOPAD.decode(last.header("moot-receipt").unwrap().as_bytes()).unwrap();
    SignedEntry::decode(&signed).unwrap().verify(&node.genesis).unwrap();
    let id = last.header("moot-call").unwrap();
    let call = node.get(&format!("/_moot/calls/{id}")).json();
    assert!(call["height"].as_u64().unwrap() > 0, "it is final, so it has a height: {call}");
}

#[test]
fn a_receipt_file_is_checked_with_the_genesis_alone() {
    let node = typed_node();
    let id = node.post("/_moot/functions/busy/call/add", b"[1, 2]").header("moot-call").unwrap().to_owned();
    let file = node.get(&format!("/_moot/calls/{id}/receipt?final")).text();
    let parsed = ReceiptFile::parse(&file).unwrap();
    let checked = parsed.check(&node.genesis).unwrap();
    assert!(matches!(parsed.evidence(), Evidence::Final(_)));
    assert_eq!((checked.receipt.call.to_string(), checked.receipt.status), (id.clone(), Status::Ok));
    assert_eq!(checked.worker, node.genesis.validators[0]);
    let tampered = file.replace("\"ok\"", "\"failed\"");
    assert_ne!(tampered, file);
    assert!(ReceiptFile::parse(&tampered).and_then(|f| f.check(&node.genesis)).is_err());
    // And its output is what the digest says.
    let output = node.get(&format!("/_moot/calls/{id}/output"));
    assert!(checked.receipt.output.is_of(&output.body));
    assert_eq!(output.text(), "3");
}

#[test]
fn a_long_answer_streams_and_ends_with_its_fuel() {
    let node = http_node();
    let body: Vec<u8> = (0..3_000_000u32).map(|i| (i % 251) as u8).collect();
    let mut conn = node.conn();
    conn.request("POST", "/hello-http/echo", &[("te", "trailers")], &body);
    let answer = conn.answer().unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.body == body, "{} bytes came", answer.body.len());
    assert!(
        answer.trailers.iter().any(|(n, v)| n == "moot-fuel" && v.parse::<u64>().unwrap() > 0),
        "{:?}",
        answer.trailers
    );
    let id = answer.header("moot-call").unwrap().to_owned();
    // The end came after the receipt, so it is there.
    let call = node.get(&format!("/_moot/calls/{id}")).json();
    assert_eq!(call["receipt"]["status"], "ok", "{call}");
    let output = node.get(&format!("/_moot/calls/{id}/output"));
    assert!(output.body.ends_with(&body) && output.body.len() as u64 == call["receipt"]["output"]["bytes"]);
    // The connection is as good as before.
    conn.request("GET", "/hello-http/again", &[], b"");
    assert_eq!(conn.answer().unwrap().text(), "hello from /hello-http/again\n");
}

#[test]
fn payloads_are_kept_as_the_manifest_says() {
    let node = TestNode::start();
    node.deploy("kept", &busy(), FunctionKind::Typed, |_| {});
    node.deploy("inline", &busy(), FunctionKind::Typed, |spec| spec.payloads = PayloadMode::Inline);
    node.deploy("digest", &busy(), FunctionKind::Typed, |spec| spec.payloads = PayloadMode::Digest);
    for (name, status) in [("kept", 200), ("inline", 200), ("digest", 410)] {
        let answer = node.post(&format!("/_moot/functions/{name}/call/add"), b"[4, 5]");
        let id = answer.header("moot-call").unwrap().to_owned();
        let input = node.get(&format!("/_moot/calls/{id}/input"));
        assert_eq!(input.status, status, "{name}");
        assert_eq!(node.get(&format!("/_moot/calls/{id}/output")).status, status, "{name}");
        if status == 200 {
            assert_eq!(input.text(), "[4, 5]");
        }
    }
}

#[test]
fn traces_are_continued() {
    let node = typed_node();
    let sent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let answer = node.ask("POST", "/_moot/functions/busy/call/add", &[("traceparent", sent)], b"[1, 2]");
    let back = answer.header("traceparent").unwrap();
    assert_eq!(back[..36], sent[..36]);
    assert_ne!(back, sent);
    let fresh = node.post("/_moot/functions/busy/call/add", b"[1, 2]");
    assert_ne!(fresh.header("traceparent").unwrap()[..36], sent[..36]);
}

#[test]
fn the_api_describes_itself() {
    let node = typed_node();
    let document = node.get("/_moot/openapi.json").json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    assert!(document["paths"]["/_moot/calls/{id}"]["get"].is_object());
    assert_eq!(node.get("/_moot/health").json()["status"], "ok");
    assert_eq!(node.get("/_moot/ready").status, 200);
    node.post("/_moot/functions/busy/call/add", b"[1, 2]");
    let metrics = node.get("/_moot/metrics").text();
    assert!(metrics.contains("moot_calls_total{status=\"ok\"} 1"), "{metrics}");
    assert_eq!(node.ask("DELETE", "/_moot/status", &[], b"").status, 405);
    assert_eq!(node.get("/_moot/nothing").status, 404);
    let block = node.get(&format!("/_moot/blocks/{}", node.height())).json();
    assert!(block["height"].as_u64().unwrap() > 0);
}
