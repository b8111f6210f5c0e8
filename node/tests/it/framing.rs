//! What an HTTP function says about the framing of its own response, over a raw socket.
//!
//! FAULTS 33: framing belongs to the server. A function that could set it could say one thing to a proxy and another to
//! the client behind it, or put a second response into the first one's body (response splitting).

use super::support::{Conn, TestNode, framing};
use moot_record::FunctionKind;

fn node() -> TestNode {
    let node = TestNode::start();
    // Real time, so that a pause is one.
    node.deploy("framing", &framing(), FunctionKind::Http, |spec| spec.grants.clock = true);
    node
}

/// Two requests at once on one connection: what the first function call does must not be seen in the second answer.
fn pipelined(node: &TestNode, fields: &str) -> Conn {
    let mut conn = node.conn();
    conn.send(format!(
        "GET /framing/{fields} HTTP/1.1\r\nhost: test\r\n\r\nGET /framing/x-next=1 HTTP/1.1\r\nhost: test\r\n\r\n"
    ));
    conn
}

/// The second answer, as it must always be.
#[track_caller]
fn next_is_well(conn: &mut Conn) {
    let next = conn.answer().expect("the next request was not answered");
    assert_eq!((next.status, next.text().as_str(), next.header("x-next")), (200, "12345", Some("1")));
}

/// The next call, on a connection of its own.
#[track_caller]
fn well(node: &TestNode) {
    let mut conn = node.conn();
    conn.request("GET", "/framing/x-next=1", &[], b"");
    next_is_well(&mut conn);
}

/// What a call's receipt says, and the words that it stands for.
fn recorded(node: &TestNode, call: &str) -> (String, String) {
    let view = node.get(&format!("/_moot/calls/{call}")).json();
    let status = view["receipt"]["status"].as_str().unwrap_or_else(|| panic!("{view}"));
    (status.to_owned(), node.get(&format!("/_moot/calls/{call}/output")).text())
}

#[test]
fn case_33_fields_of_the_connection_and_split_headers_are_refused() {
    // The function is told, and goes on: nothing of what it wanted reaches the client.
    let node = node();
    for fields in [
        "transfer-encoding=chunked",
        "Transfer-Encoding=identity",
        "connection=close",
        "keep-alive=timeout=1",
        "upgrade=h2c",
        "proxy-connection=close",
        "x-split=a!*set-cookie:stolen",
        "x-split=a*set-cookie:stolen",
        "x-split=a!*!*HTTP/1.1",
        "x(bad=1",
        "content-length=nonsense",
        "content-length=+5",
        "content-length=5;content-length=5",
        "content-length=5;content-length=50",
    ] {
        let mut conn = pipelined(&node, fields);
        let answer = conn.answer().unwrap_or_else(|| panic!("{fields}: closed"));
        assert_eq!((answer.status, answer.text().as_str()), (409, "12345"), "{fields}");
        for absent in ["connection", "keep-alive", "upgrade", "proxy-connection", "x-split", "set-cookie"] {
            assert_eq!(answer.header(absent), None, "{fields}");
        }
        let lengths = answer.headers.iter().filter(|(name, _)| name == "content-length").count();
        assert_eq!(
            (lengths, answer.header("transfer-encoding")),
            (1, None),
            "{fields}: {:?}",
            answer.headers
        );
        next_is_well(&mut conn);
    }
}

#[test]
fn case_33_a_length_that_is_not_the_body_s_is_no_answer() {
    // With too long a length the client would take the next answer for this one's end; with too short a one, the rest of
    // this one for the next.
    let node = node();
    for fields in ["content-length=9", "content-length=2", "content-length=3", "content-length=0"] {
        let mut conn = pipelined(&node, fields);
        let answer = conn.answer().unwrap_or_else(|| panic!("{fields}: closed"));
        assert_eq!((answer.status, answer.problem().as_str()), (502, "function-trapped"), "{fields}");
        let (status, why) = recorded(&node, answer.header("moot-call").unwrap());
        assert_eq!(status, "failed", "{fields}: {why}");
        assert!(why.contains("content-length says"), "{fields}: {why}");
        assert_eq!(answer.json()["detail"].as_str(), Some(why.as_str()), "{fields}");
        next_is_well(&mut conn);
    }
    // One that is right is taken, and said once.
    let mut conn = pipelined(&node, "content-length=5");
    let answer = conn.answer().unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, "12345"));
    assert_eq!(answer.headers.iter().filter(|(name, _)| name == "content-length").count(), 1);
    next_is_well(&mut conn);
}

#[test]
fn case_33_a_wrong_length_that_has_left_already_ends_the_connection() {
    // The head is on its way when the body turns out to be another: the client must see that it broke off.
    let node = node();
    for fields in ["~content-length=9", "~content-length=4"] {
        let mut conn = pipelined(&node, fields);
        let head = conn.head().unwrap();
        assert_eq!(head.status, 200, "{fields}");
        let said: usize = head.header("content-length").unwrap().parse().unwrap();
        let body = conn.rest();
        assert!(body.len() < said, "{fields}: {} bytes came", body.len());
        assert!(b"12345".starts_with(&body), "{fields}: {:?}", String::from_utf8_lossy(&body));
        let call = head.header("moot-call").unwrap();
        assert_eq!(recorded(&node, call).0, "failed", "{fields}");
        // What is recorded is what there was of the answer; why it broke off, its author finds in the log.
        let logs = node.get("/_moot/functions/framing/logs").text();
        let line =
            logs.lines().find(|line| line.contains(call)).unwrap_or_else(|| panic!("{fields}: {logs}"));
        assert!(line.contains("content-length says"), "{fields}: {line}");
        well(&node);
    }
    let mut conn = pipelined(&node, "~content-length=5");
    let answer = conn.answer().unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, "12345"));
    next_is_well(&mut conn);
}
