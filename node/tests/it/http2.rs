//! HTTP/2 on the same listener, and its own ways to do harm.

use super::support::{Conn, TestNode, busy};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use moot_record::FunctionKind;
use std::io::{ErrorKind, Read};
use std::time::Duration;

fn node() -> TestNode {
    let node = TestNode::start();
    node.deploy("busy", &busy(), FunctionKind::Typed, |_| {});
    node
}

fn well(node: &TestNode) {
    assert_eq!(node.post("/busy/add", b"[1, 2]").text(), "3");
}

#[test]
fn http_2_by_prior_knowledge_serves_many_calls_at_once() {
    let node = node();
    let answers = node.wait(async {
        let stream = tokio::net::TcpStream::connect(node.address).await.unwrap();
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (sender, connection) = handshake.await.unwrap();
        tokio::spawn(connection);
        let calls = (0..50u32).map(|i| {
            let mut sender = sender.clone();
            async move {
                let request = http::Request::post("http://test/busy/add")
                    .body(Full::new(Bytes::from(format!("[{i}, 1]"))));
                let answer = sender.send_request(request.unwrap()).await.unwrap();
                assert_eq!(answer.status(), 200);
                assert!(answer.headers().contains_key("moot-call"));
                (i, answer.into_body().collect().await.unwrap().to_bytes())
            }
        });
        futures::future::join_all(calls).await
    });
    for (i, body) in answers {
        assert_eq!(body, (i + 1).to_string());
    }
    well(&node);
}

/// One frame.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

/// `GET / http test`, from HPACK's static table.
const REQUEST: &[u8] = &[0x82, 0x86, 0x84, 0x01, 4, b't', b'e', b's', b't'];

fn opened(node: &TestNode) -> Conn {
    let mut conn = node.conn();
    conn.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    conn.send(frame(SETTINGS, 0, 0, &[]));
    conn
}

/// Whether the node ends the connection: with GOAWAY, or by closing it.
fn ended(conn: &Conn) -> bool {
    let mut stream = conn.stream();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut bytes = Vec::new();
    let mut buffer = [0u8; 4096];
    loop {
        let mut at = 0;
        while let Some(head) = bytes.get(at..at + 9) {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            if head[3] == GOAWAY {
                return true;
            }
            at += 9 + length;
        }
        match stream.read(&mut buffer) {
            Ok(0) => return true,
            Ok(n) => bytes.extend_from_slice(&buffer[..n]),
            Err(e) if e.kind() == ErrorKind::ConnectionReset => return true,
            // A child that ends elsewhere interrupts a read that has a timeout (signal(7)).
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn case_11_rapid_reset_ends_the_connection() {
    // Opened and reset at once, a stream costs its sender nothing and the server its work (CVE-2023-44487).
    let node = node();
    let before = resident_kib();
    let mut conn = opened(&node);
    let mut stream = 1;
    for _ in 0..200 {
        let mut burst = Vec::new();
        for _ in 0..100 {
            burst.extend(frame(HEADERS, 0x5, stream, REQUEST));
            burst.extend(frame(RST_STREAM, 0, stream, &8u32.to_be_bytes()));
            stream += 2;
        }
        if !conn.send(burst) {
            break;
        }
    }
    assert!(ended(&conn));
    // Other tests run in this process: a flood that was kept would be far more than this.
    assert!(resident_kib() < before + 200 * 1024, "{before} KiB before, {} after", resident_kib());
    well(&node);
}

#[test]
fn case_11_a_flood_of_continuations_ends_the_connection() {
    // A head that never ends, in frames of their own, used to be collected without bound (CVE-2024-27316).
    let node = node();
    let mut conn = opened(&node);
    // No END_HEADERS.
    conn.send(frame(HEADERS, 0x1, 1, REQUEST));
    let mut field = vec![0x00, 1, b'x', 0x7f];
    // A value of 127 + 3873 bytes.
    field.extend([0xa1, 0x1e]);
    field.extend(std::iter::repeat_n(b'y', 4000));
    for _ in 0..20_000 {
        if !conn.send(frame(CONTINUATION, 0, 1, &field)) {
            break;
        }
    }
    assert!(ended(&conn));
    well(&node);
}
