//! What a node's process holds while it is offered more than it takes: its own count of resident memory, from the system.

use super::components::calculator;
use super::sandbox::{Sandbox, Up};
use crate::support::{Conn, Remote};
use std::net::SocketAddr;

/// What each client offers.
const OFFERED_BYTES: u64 = 1 << 30;
/// Clients at once.
const CLIENTS: usize = 4;
/// What the process may grow by beside the bodies: threads, connections, and what its allocator keeps.
const OVERHEAD_BYTES: u64 = 32 << 20;
/// What sockets on this machine take in between two processes before anybody has read it, generously.
const IN_SOCKETS_BYTES: u64 = 16 << 20;

/// Most resident memory that a process ever had, in bytes.
fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// Offers a body, as far as it is taken: how much that was, and the answer's status if one came.
fn offer(address: SocketAddr, request: &str, chunked: bool) -> (u64, Option<u16>) {
    let mut conn = Conn::open(address);
    let length = if chunked {
        "transfer-encoding: chunked".to_owned()
    } else {
        format!("content-length: {OFFERED_BYTES}")
    };
    // An upload that is not signed is refused for that.
    conn.send(format!("{request} HTTP/1.1\r\nhost: test\r\nsignature: a=:AAAA:\r\n{length}\r\n\r\n"));
    let part = vec![b' '; 1 << 20];
    let framed = [format!("{:x}\r\n", part.len()).as_bytes(), &part, b"\r\n"].concat();
    let mut sent = 0;
    while sent < OFFERED_BYTES && conn.send(if chunked { &framed } else { &part }) {
        sent += part.len() as u64;
    }
    // Closing a connection with unread bytes can cost the answer.
    (sent, conn.answer().map(|answer| answer.status))
}

#[test]
fn case_10_a_gigabyte_is_refused_without_being_held() {
    // What a stranger offers must cost the node no more than it would take from anybody.
    let mut sandbox = Sandbox::new();
    sandbox.write("calculator.wasm", calculator(0));
    sandbox.write(
        "moot.toml",
        "[functions.calculator]\ncomponent = \"calculator.wasm\"\n[functions.calculator.limits]\nrequest = \"1MiB\"\n",
    );
    let up = Up::start(&sandbox, &[]);
    sandbox.use_node(&up);
    sandbox.ok(&["deploy"]);
    assert_eq!(sandbox.ok(&["invoke", "calculator", "add", "1", "2"]).out, "3");
    let address: SocketAddr = up.address.trim_start_matches("http://").parse().unwrap();
    let component = format!("PUT /_moot/components/{}", "00".repeat(32));
    for (request, cap) in [
        ("POST /_moot/functions/calculator/call/add", 1u64 << 20),
        ("POST /calculator/add", 1 << 20),
        ("PUT /_moot/values/a/b", 1 << 20),
        ("POST /_moot/bundles", 16 << 20),
        (component.as_str(), 64 << 20),
    ] {
        for chunked in [false, true] {
            let before = peak(up.pid());
            let offers: Vec<(u64, Option<u16>)> = std::thread::scope(|scope| {
                let clients: Vec<_> =
                    (0..CLIENTS).map(|_| scope.spawn(|| offer(address, request, chunked))).collect();
                clients.into_iter().map(|client| client.join().unwrap()).collect()
            });
            // The system's count is exact to some pages.
            let grown = peak(up.pid()).saturating_sub(before);
            // What is declared is refused before anything is read.
            let held = if chunked { cap } else { 0 };
            for (sent, status) in offers {
                assert!(status.is_none_or(|status| status == 413), "{request}: {status:?}");
                assert!(sent <= held + IN_SOCKETS_BYTES, "{request}: {sent} bytes were taken");
            }
            // A buffer that grows is there twice while it is copied.
            let most = CLIENTS as u64 * held * 3 + OVERHEAD_BYTES;
            assert!(grown <= most, "{request}, chunked {chunked}: {grown} bytes more, at most {most}");
        }
    }
    let remote = Remote::at(address);
    assert_eq!(remote.calls(), 1, "nothing of it was recorded");
    assert_eq!(sandbox.ok(&["invoke", "calculator", "add", "1", "2"]).out, "3");
}
