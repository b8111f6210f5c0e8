//! Partitions, loss and delay made by the kernel: each replica in a network namespace of its own.
//!
//! ```text
//!   test ──unshare──► itself again, in a namespace of its own ── bridge ──┬── replica 0, 10.77.0.1
//!                                                                        ├── replica 1, 10.77.0.2
//!                                                                        └── ...
//! ```
//!
//! Nothing of it can be seen from outside, and all of it goes with the process. A machine that lets nobody make
//! namespaces, or has no `ip`, leaves this out and says so; the same faults between sockets are in `split`.

use super::deploying::{call, deploy};
use crate::support::{TestNet, busy, until};
use moot_record::FunctionKind;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::time::Duration;

const ALL: [usize; 4] = [0, 1, 2, 3];
const FINAL: [(&str, &str); 1] = [("prefer", "moot-wait=final, wait=90")];
/// Says that the process is in a namespace of its own.
const INSIDE: &str = "MOOT_TEST_IN_NAMESPACE";

/// Runs a script, which must go well.
#[track_caller]
fn shell(script: &str) {
    let done = Command::new("sh").args(["-ec", script]).output().unwrap();
    assert!(done.status.success(), "{script}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Whether a script goes well.
fn try_shell(script: &str) -> bool {
    let tried = Command::new("sh").args(["-ec", script]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    tried.is_ok_and(|status| status.success())
}

#[test]
fn case_56_and_57_partitions_loss_and_delay_between_network_namespaces() {
    const PROBE: &str = "mount -t tmpfs tmpfs /run && ip link add probe type bridge && ip netns add probe \
                         && ip link add v type veth peer name eth0 netns probe && nsenter --net=/run/netns/probe true";
    let tries = ["unshare --net --mount", "unshare --user --map-root-user --net --mount"];
    let Some(words) = tries.iter().find(|words| try_shell(&format!("{words} sh -ec '{PROBE}'"))) else {
        eprintln!("SKIPPED: this machine lets nobody make network namespaces (`unshare --net`, `ip netns`)");
        return;
    };
    let words: Vec<&str> = words.split(' ').collect();
    let done = Command::new(words[0])
        .args(&words[1..])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "several::namespaces::inside", "--ignored", "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let said = [done.stdout, done.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    println!("{said}");
    assert!(done.status.success() && said.contains("1 passed"), "it failed inside: see above");
}

fn ip(index: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 0, index as u8 + 1)
}

/// Drops everything that the first of each pair sends to the second.
fn drop_between(pairs: &[(usize, usize)]) {
    for (from, to) in pairs {
        shell(&format!("ip -n r{from} route add blackhole {}/32", ip(*to)));
    }
}

fn heal() {
    ALL.iter().for_each(|index| shell(&format!("ip -n r{index} route flush type blackhole")));
}

#[test]
#[ignore = "run by case_56_and_57 in a namespace of its own"]
fn inside() {
    if std::env::var_os(INSIDE).is_none() {
        return;
    }
    shell("mount -t tmpfs tmpfs /run; ip link set lo up; ip link add br0 type bridge; ip link set br0 up");
    shell("ip addr add 10.77.0.254/24 dev br0");
    let mut net = TestNet::new(4);
    for index in ALL {
        shell(&format!(
            "ip netns add r{index}; ip link add v{index} type veth peer name eth0 netns r{index}; \
             ip link set v{index} master br0 up; ip -n r{index} addr add {}/24 dev eth0; \
             ip -n r{index} link set eth0 up; ip -n r{index} link set lo up",
            ip(index)
        ));
        net.move_to(index, ip(index).into());
    }
    for index in ALL {
        net.start_by(index, vec!["nsenter".into(), format!("--net=/run/netns/r{index}")]);
    }
    deploy(&net, 0, &ALL, "busy", &busy(), FunctionKind::Typed);
    for index in ALL {
        assert_eq!(call(&net.remote(index), "/busy/add", &FINAL, b"[1, 2]").text(), "3");
    }

    // Two against two: neither half is a quorum.
    drop_between(&[(0, 2), (0, 3), (1, 2), (1, 3), (2, 0), (2, 1), (3, 0), (3, 1)]);
    std::thread::sleep(Duration::from_secs(1));
    let before: Vec<u64> = ALL.iter().map(|index| net.remote(*index).height()).collect();
    let taken: Vec<String> = ALL
        .iter()
        .map(|index| {
            let answer = net.remote(*index).post("/busy/add", b"[5, 5]");
            assert_eq!(answer.text(), "10", "what is asked for is done, and becomes final later");
            answer.header("moot-call").unwrap().to_owned()
        })
        .collect();
    std::thread::sleep(Duration::from_secs(4));
    for (index, before) in before.iter().enumerate() {
        assert!(net.remote(index).height() <= before + 1, "replica {index} made blocks without a quorum");
    }
    heal();
    net.await_progress(&ALL);
    for id in &taken {
        until("what was taken meanwhile is final everywhere", || {
            net.remotes()
                .iter()
                .all(|remote| remote.get(&format!("/_moot/calls/{id}")).json()["height"].is_u64())
        });
    }
    net.assert_no_fork(&ALL);
    println!("two against two: halted, no fork, healed");

    // One way: what the last one says reaches nobody.
    drop_between(&[(3, 0), (3, 1), (3, 2)]);
    net.await_progress(&[0, 1, 2]);
    heal();
    net.await_progress(&ALL);
    net.assert_no_fork(&ALL);
    println!("one way: the others went on, and it came back");

    // Loss, jitter, reordering and duplication below TCP.
    const BAD: &str = "delay 20ms 10ms loss 3% duplicate 2% reorder 10%";
    if try_shell(&format!(
        "ip netns list && nsenter --net=/run/netns/r0 tc qdisc add dev eth0 root netem {BAD}"
    )) {
        for index in 1..4 {
            shell(&format!("nsenter --net=/run/netns/r{index} tc qdisc add dev eth0 root netem {BAD}"));
        }
        for round in 0..8 {
            let answer = call(&net.remote(round % 4), "/busy/add", &FINAL, b"[4, 4]");
            assert_eq!((answer.status, answer.text().as_str()), (200, "8"));
        }
        net.await_progress(&ALL);
        net.assert_no_fork(&ALL);
        println!("loss, jitter, reordering and duplication: progress");
    } else {
        println!("SKIPPED: the kernel has no netem, so nothing was lost or repeated below TCP");
    }
    // And a kill in the middle of it.
    net.kill(2);
    net.await_progress(&[0, 1, 3]);
    net.start_by(2, vec!["nsenter".into(), "--net=/run/netns/r2".into()]);
    net.await_progress(&ALL);
    net.assert_no_fork(&ALL);
}
