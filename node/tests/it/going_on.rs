//! What goes on whatever the client does: calls whose clients leave, retries, full queues, shutdown, restarts.

use super::support::{TestNode, busy, guest};
use moot_ledger::limits::FORMAT_VERSION;
use moot_node::{Node, NodeConfig, StartError};
use moot_record::FunctionKind;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

fn busy_node() -> TestNode {
    let node = TestNode::start();
    node.deploy("busy", &busy(), FunctionKind::Typed, |spec| {
        spec.limits.deadline_ms = 60_000;
        spec.limits.fuel = 10_000_000_000_000;
    });
    node
}

/// Loops for some tenths of a second; longer on a slow machine.
const A_WHILE: &[u8] = b"[400000000]";

/// Waits until the newest call has a receipt; its status.
fn settled(node: &TestNode) -> String {
    let began = Instant::now();
    loop {
        let call = node.get("/_moot/calls?limit=1").json()["calls"][0].clone();
        if let Some(status) = call["status"].as_str() {
            return status.to_owned();
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{call}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn case_14_a_client_that_leaves_in_mid_call_changes_nothing() {
    // Whether something was done must not depend on whether someone stayed to hear it.
    let node = busy_node();
    let mut conn = node.conn();
    conn.request("POST", "/busy/spin", &[], A_WHILE);
    std::thread::sleep(Duration::from_millis(100));
    drop(conn);
    let began = Instant::now();
    while node.calls() == 0 {
        assert!(began.elapsed() < Duration::from_secs(30));
    }
    assert_eq!(settled(&node), "ok");
    assert_eq!(node.calls(), 1, "at most one execution");
    let id = node.get("/_moot/calls?limit=1").json()["calls"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(node.get(&format!("/_moot/calls/{id}/receipt?final")).status, 200);
    assert_eq!(node.get(&format!("/_moot/calls/{id}/output")).text(), "400000000");
}

#[test]
fn case_64_the_same_key_is_one_call_and_another_body_is_refused() {
    // A client that heard nothing tries again: that must be safe, and a key must not be taken for another request.
    let node = TestNode::start();
    node.deploy("counter", &guest("counter"), FunctionKind::Event, |spec| {
        spec.grants.key_value = vec!["default".into()];
    });
    let call = |key: &str, body: &[u8]| node.ask("POST", "/counter", &[("idempotency-key", key)], body);
    let first = call("one", b"apples");
    assert_eq!((first.status, first.text().as_str()), (200, "1"), "{}", first.text());
    let again = call("one", b"apples");
    assert_eq!((again.status, again.text().as_str()), (200, "1"));
    assert_eq!(again.header("moot-replayed"), Some("true"));
    assert_eq!(again.header("moot-call"), first.header("moot-call"));
    assert_eq!(call("one", b"pears").problem(), "idempotency-key-reused");
    assert_eq!(call("two", b"apples").text(), "2");
    assert_eq!(call(&"k".repeat(300), b"apples").status, 400);
    // Durable: it is known after a restart.
    let node = TestNode::on(node.stop(), |_| {});
    let again = node.ask("POST", "/counter", &[("idempotency-key", "one")], b"apples");
    assert_eq!((again.text().as_str(), again.header("moot-replayed")), ("1", Some("true")));
    assert_eq!(node.post("/counter", b"?apples").text(), "2");
}

#[test]
fn a_key_in_flight_is_a_conflict_and_a_failure_is_replayed_as_one() {
    let node = busy_node();
    let mut slow = node.conn();
    slow.request("POST", "/busy/spin", &[("idempotency-key", "k")], b"[1500000000]");
    std::thread::sleep(Duration::from_millis(150));
    let meanwhile = node.ask("POST", "/busy/spin", &[("idempotency-key", "k")], b"[1500000000]");
    assert_eq!((meanwhile.status, meanwhile.problem().as_str()), (409, "in-flight"));
    assert_eq!(slow.answer().unwrap().text(), "1500000000");
    let trap = node.ask("POST", "/busy/trap", &[("idempotency-key", "t")], b"[]");
    let again = node.ask("POST", "/busy/trap", &[("idempotency-key", "t")], b"[]");
    assert_eq!((trap.status, trap.problem()), (again.status, again.problem()));
    assert_eq!(trap.header("moot-call"), again.header("moot-call"));
}

#[test]
fn case_13_a_full_queue_is_503_with_retry_after_and_nothing_is_lost() {
    // A node that takes more than it can do helps nobody; one that says so can be asked again.
    let node = TestNode::with(|config| {
        config.worker.max_running = 1;
        config.worker.max_waiting = 1;
    });
    node.deploy("busy", &busy(), FunctionKind::Typed, |spec| {
        spec.limits.deadline_ms = 60_000;
        spec.limits.fuel = 10_000_000_000_000;
    });
    let before = node.calls();
    let mut conns: Vec<_> = (0..6).map(|_| node.conn()).collect();
    for conn in &mut conns {
        conn.request("POST", "/busy/spin", &[], A_WHILE);
        std::thread::sleep(Duration::from_millis(10));
    }
    let answers: Vec<_> = conns.iter_mut().map(|conn| conn.answer().unwrap()).collect();
    let served = answers.iter().filter(|a| a.status == 200).count();
    let refused: Vec<_> = answers.iter().filter(|a| a.status == 503).collect();
    assert_eq!(served + refused.len(), 6);
    assert!(!refused.is_empty() && served >= 2, "{served} served");
    for answer in refused {
        assert_eq!((answer.problem().as_str(), answer.header("retry-after")), ("busy", Some("1")));
    }
    assert_eq!(
        node.calls() - before,
        served,
        "what was refused was not recorded, what was recorded was answered"
    );
    assert_eq!(node.post("/busy/spin", b"[10]").status, 200);
}

#[test]
fn case_16_stopping_answers_every_accepted_call() {
    // A deploy of the node itself must not cost anybody an answer.
    let mut node = busy_node();
    let mut conns: Vec<_> = (0..8).map(|_| node.conn()).collect();
    for conn in &mut conns {
        conn.request("POST", "/busy/spin", &[], A_WHILE);
    }
    let began = Instant::now();
    while node.get("/_moot/status").json()["running"].as_u64().unwrap() < 8 {
        assert!(began.elapsed() < Duration::from_secs(30));
    }
    let stopping = node.begin_stop();
    for conn in &mut conns {
        let answer = conn.answer().expect("an accepted call was not answered");
        assert_eq!((answer.status, answer.text().as_str()), (200, "400000000"));
    }
    node.wait(stopping).unwrap();
    let node = TestNode::on(node.stop(), |_| {});
    assert_eq!(node.calls(), 8);
    for call in node.get("/_moot/calls").json()["calls"].as_array().unwrap() {
        assert_eq!(call["status"], "ok", "{call}");
    }
}

#[test]
fn case_47_two_nodes_on_one_folder_and_on_one_port() {
    // Two writers would ruin the ledger; the second must say what is wrong.
    let node = TestNode::start();
    let start = |config: NodeConfig| node.wait(Node::start(config)).err().unwrap();
    let mut config = NodeConfig::new(node.dir.path());
    config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let said = start(config).to_string();
    assert!(said.contains("in use by"), "{said}");
    let other = tempfile::tempdir().unwrap();
    let mut config = NodeConfig::new(other.path());
    config.listen = node.address;
    let error = start(config);
    assert!(matches!(error, StartError::AddressInUse { .. }), "{error}");
    assert!(error.to_string().contains("--listen"), "{error}");
}

#[test]
fn case_48_a_folder_of_a_newer_format_is_refused() {
    // An older program must not write into what it does not understand.
    let dir = TestNode::start().stop();
    let format = dir.path().join("FORMAT");
    let known = format!("moot-ledger {FORMAT_VERSION}");
    let text = std::fs::read_to_string(&format).unwrap().replace(&known, "moot-ledger 99");
    std::fs::write(&format, text).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut config = NodeConfig::new(dir.path());
    config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let said = runtime.block_on(Node::start(config)).err().unwrap().to_string();
    assert!(said.contains("99") && said.contains("newer"), "{said}");
}

#[test]
fn case_69_a_node_key_that_others_can_read_is_refused() {
    // Whoever read it can sign receipts in this node's name.
    let dir = TestNode::start().stop();
    let key = dir.path().join("node.key");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut config = NodeConfig::new(dir.path());
    config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let said = runtime.block_on(Node::start(config)).err().unwrap().to_string();
    assert!(said.contains("chmod 600"), "{said}");
    let secret = std::fs::read_to_string(&key).unwrap();
    let seed = secret.trim().rsplit(' ').next().unwrap();
    assert!(!said.contains(seed));
}
