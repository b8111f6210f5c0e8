//! A worker of one replica among four: its word is found and proven at every other.

use super::process::WorkerProcess;
use super::{await_ready, checked};
use crate::support::{TestNet, busy, free_base};
use moot_record::{FunctionKind, Status};
use std::net::SocketAddr;

#[test]
fn a_call_at_one_replicas_worker_is_proven_at_every_replica() {
    let dir = tempfile::tempdir().unwrap();
    let account = WorkerProcess::account_in(dir.path());
    let mut net = TestNet::new(4);
    let door = SocketAddr::from(([127, 0, 0, 1], free_base(1)));
    net.edit(2, |text| {
        text.replacen(
            "[[peers]]",
            &format!("[workers]\nlisten = \"{door}\"\nallow = [\"{account}\"]\n\n[[peers]]"),
            1,
        )
    });
    net.start_all();
    let (first, third) = (net.remote(0), net.remote(2));
    first.deploy("busy", &busy(), FunctionKind::Typed, |spec| spec.deterministic = true);
    let replica = third.get("/_moot/status").json()["account"].as_str().unwrap().parse().unwrap();
    let worker = WorkerProcess::start(dir.path(), door, replica, &[]);
    worker.await_joined();
    // Deployed at another replica: its bytes come to this one, and from there to the worker.
    await_ready(&third, 1);
    let answer = third.post("/busy/add", b"[40, 2]");
    assert_eq!((answer.status, answer.text().as_str()), (200, "42"), "{}", answer.text());
    let call = answer.header("moot-call").unwrap().to_owned();
    for remote in net.remotes() {
        let proven = checked(&remote, &call);
        assert_eq!((proven.worker, proven.receipt.status), (account, Status::Ok));
    }
    // The replica goes and comes back: the call stays answered, by its worker.
    net.kill(2);
    net.start(2);
    worker.await_joined();
    let status = net.remote(2).get("/_moot/status").json();
    assert_eq!(status["open_calls"], 0, "{status}");
    assert_eq!(checked(&net.remote(2), &call).worker, account);
    net.assert_no_fork(&[0, 1, 2, 3]);
}
