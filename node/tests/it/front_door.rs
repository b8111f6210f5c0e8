//! What a client can do wrong, or to harm, before any function is reached. Every case ends with a normal request
//! that is served: the node is as well as before.

use super::support::{Answer, Conn, TestNode, busy};
use moot_record::FunctionKind;
use std::time::Duration;

/// A node with a typed function, and short patience with its clients.
fn node() -> TestNode {
    let node = TestNode::with(|config| {
        config.gateway.header_timeout = Duration::from_millis(600);
        config.gateway.body_timeout = Duration::from_millis(600);
        config.gateway.write_timeout = Duration::from_millis(800);
    });
    node.deploy("busy", &busy(), FunctionKind::Typed, |spec| spec.limits.request_bytes = 1000);
    node
}

fn well(node: &TestNode) {
    let answer = node.post("/_moot/functions/busy/call/add", b"[1, 2]");
    assert_eq!((answer.status, answer.text().as_str()), (200, "3"));
}

/// Sends bytes on a connection of their own; the first answer, if there is one.
fn raw(node: &TestNode, bytes: impl AsRef<[u8]>) -> (Option<Answer>, Conn) {
    let mut conn = node.conn();
    conn.send(bytes);
    (conn.answer(), conn)
}

fn refused(node: &TestNode, bytes: impl AsRef<[u8]>, status: u16) -> Answer {
    let (answer, _) = raw(node, &bytes);
    let answer = answer.unwrap_or_else(|| panic!("closed: {:?}", String::from_utf8_lossy(bytes.as_ref())));
    assert_eq!(answer.status, status, "{:?}: {}", String::from_utf8_lossy(bytes.as_ref()), answer.text());
    answer
}

#[test]
fn case_01_slow_headers_are_closed_at_the_deadline() {
    // A client that never ends its head would hold a connection for ever.
    let node = node();
    let mut silent = node.conn();
    let mut slow = node.conn();
    slow.send("GET /_moot/health HTTP/1.1\r\nhost: test\r\n");
    let mut dripping = node.conn();
    for _ in 0..20 {
        dripping.send("x");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(slow.closes() && silent.closes() && dripping.closes());
    well(&node);
}

#[test]
fn case_02_a_slow_body_is_408_or_closed() {
    // The same with a body: it may be long, but it has to come.
    let node = node();
    let before = node.calls();
    let (answer, mut conn) = raw(
        &node,
        "POST /_moot/functions/busy/call/add HTTP/1.1\r\nhost: test\r\ncontent-length: 6\r\n\r\n[1,",
    );
    if let Some(answer) = answer {
        assert_eq!((answer.status, answer.problem().as_str()), (408, "body-too-slow"));
    }
    assert!(conn.closes());
    assert_eq!(node.calls(), before, "nothing was recorded");
    well(&node);
}

#[test]
fn case_03_a_client_that_never_reads_is_cut_off() {
    // What is written for it would fill memory, and its connection would never end.
    let node = node();
    let mut conn = node.conn();
    let request = "GET /_moot/openapi.json HTTP/1.1\r\nhost: test\r\n\r\n";
    // Answers far beyond what the sockets' buffers hold.
    let began = std::time::Instant::now();
    let mut cut = false;
    for _ in 0..20_000 {
        if !conn.send(request) {
            cut = true;
            break;
        }
    }
    // The requests themselves fit; then the answers stick, and the write timeout closes.
    while !cut && began.elapsed() < Duration::from_secs(50) {
        std::thread::sleep(Duration::from_millis(100));
        cut = !conn.send(request);
    }
    assert!(cut, "the connection is still open");
    well(&node);
}

#[test]
fn case_04_two_ways_to_say_a_length_never_make_two_requests() {
    // A proxy that believes one of them and a server that believes the other see different requests (smuggling).
    let node = node();
    let smuggled = "POST /_moot/functions/busy/call/add HTTP/1.1\r\nhost: test\r\ncontent-length: 6\r\n\
                    transfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /_moot/health HTTP/1.1\r\nhost: test\r\n\r\n";
    let (_, mut conn) = raw(&node, smuggled);
    assert!(conn.answer().is_none(), "the second request was served");
    well(&node);
}

#[test]
fn case_05_two_lengths_that_differ() {
    // As case 4.
    let node = node();
    refused(&node, "POST /x HTTP/1.1\r\nhost: test\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab", 400);
    well(&node);
}

#[test]
fn case_06_codings_that_are_not_known() {
    // A body whose end cannot be told must not be guessed at.
    let node = node();
    refused(&node, "POST /x HTTP/1.1\r\nhost: test\r\ntransfer-encoding: gzip\r\n\r\n", 400);
    refused(&node, "POST /x HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked, gzip\r\n\r\n", 400);
    refused(&node, "POST /x HTTP/1.0\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400);
    well(&node);
}

#[test]
fn case_07_chunks_that_are_not_chunks() {
    // Lenient parsing of chunk sizes has been a way to smuggle.
    let node = node();
    let before = node.calls();
    for chunk in ["zz\r\nab\r\n0\r\n\r\n", "-1\r\n\r\n", "2\nab\n0\n\n", "fffffffffffffffff\r\nab\r\n"] {
        let head = "POST /_moot/functions/busy/call/add HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n";
        let (answer, mut conn) = raw(&node, format!("{head}{chunk}"));
        assert!(answer.is_none_or(|a| a.status == 400), "{chunk:?}");
        assert!(conn.closes());
    }
    assert_eq!(node.calls(), before, "nothing was recorded");
    well(&node);
}

#[test]
fn case_08_too_many_headers_or_too_long() {
    // Heads are held in memory before anything is known about the client.
    let node = node();
    let many: String = (0..120).map(|i| format!("x-{i}: 1\r\n")).collect();
    refused(&node, format!("GET /_moot/health HTTP/1.1\r\nhost: test\r\n{many}\r\n"), 431);
    let long = "x".repeat(64 * 1024);
    let (answer, mut conn) =
        raw(&node, format!("GET /_moot/health HTTP/1.1\r\nhost: test\r\nx: {long}\r\n\r\n"));
    assert!(answer.is_none_or(|a| a.status == 431));
    assert!(conn.closes());
    let target = "/x".repeat(5000);
    refused(&node, format!("GET {target} HTTP/1.1\r\nhost: test\r\n\r\n"), 414);
    well(&node);
}

#[test]
fn case_09_a_request_names_one_host() {
    // With none or two, whoever stands in front may have routed by another one.
    let node = node();
    let refuse = |head: &str| assert_eq!(refused(&node, head, 400).problem(), "bad-host");
    refuse("GET /_moot/health HTTP/1.1\r\n\r\n");
    refuse("GET /_moot/health HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n");
    refuse("GET /_moot/health HTTP/1.1\r\nhost: a@b\r\n\r\n");
    refuse("GET http://a/_moot/health HTTP/1.1\r\nhost: b\r\n\r\n");
    assert_eq!(raw(&node, "GET http://a/_moot/health HTTP/1.1\r\nhost: a\r\n\r\n").0.unwrap().status, 200);
    well(&node);
}

#[test]
fn case_10_a_body_over_the_cap_is_413_before_the_ledger_sees_it() {
    // What is refused must not cost a record, and must not be read to its end first.
    let node = node();
    let before = node.calls();
    let head = "POST /_moot/functions/busy/call/add HTTP/1.1\r\nhost: test\r\n";
    let declared = refused(&node, format!("{head}content-length: 1001\r\n\r\n"), 413);
    assert_eq!(declared.problem(), "body-too-large");
    let chunk = format!("1f4\r\n{}\r\n", " ".repeat(500));
    let streamed = format!("{head}transfer-encoding: chunked\r\n\r\n{chunk}{chunk}{chunk}0\r\n\r\n");
    refused(&node, streamed, 413);
    assert_eq!(node.calls(), before);
    // At the cap it is served.
    let body = format!("[1, 2{}]", " ".repeat(994));
    assert_eq!(node.post("/_moot/functions/busy/call/add", body.as_bytes()).status, 200);
    well(&node);
}

#[test]
fn case_12_connections_beyond_the_cap_wait_and_the_others_are_served() {
    // Without a cap, file descriptors run out and nobody is served.
    let node = TestNode::with(|config| config.gateway.max_connections = 4);
    let mut held: Vec<Conn> = (0..4).map(|_| node.conn()).collect();
    for conn in &mut held {
        conn.request("GET", "/_moot/health", &[], b"");
        assert_eq!(conn.answer().unwrap().status, 200);
    }
    let mut waiting = node.conn();
    waiting.request("GET", "/_moot/health", &[], b"");
    held[0].request("GET", "/_moot/ready", &[], b"");
    assert_eq!(held[0].answer().unwrap().status, 200, "those who have a place are served");
    drop(held);
    assert_eq!(waiting.answer().unwrap().status, 200, "and the one who waited, when there is room");
}

#[test]
fn case_15_paths_that_could_be_read_in_two_ways() {
    // A filter in front that decodes less, or more, would be passed by them.
    let node = node();
    for path in ["/busy/../_moot/health", "/%2e%2e/x", "/a%2fb", "/a%00b", "/a%5cb", "/a%zz"] {
        let answer = refused(&node, format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n"), 400);
        assert_eq!(answer.problem(), "bad-path", "{path}");
    }
    let (answer, _) = raw(&node, "GET /a b HTTP/1.1\r\nhost: test\r\n\r\n");
    assert!(answer.is_none_or(|a| a.status == 400));
    well(&node);
}
