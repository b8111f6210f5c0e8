//! `moot net init`: what it writes, what it refuses, and what a changed configuration is told.

use crate::cli::sandbox::Sandbox;
use crate::support::{TestNet, free_base};
use moot_record::Genesis;
use std::os::unix::fs::PermissionsExt as _;

#[test]
fn everything_that_a_replica_needs_is_in_its_folder() {
    let sandbox = Sandbox::new();
    let made = sandbox.json(&["net", "init", "--replicas", "4", "--name", "demo", "net", "--json"]);
    let genesis = std::fs::read_to_string(sandbox.path("net/genesis.json")).unwrap();
    let read = Genesis::from_json(&genesis).unwrap();
    assert_eq!(
        (read.name.as_str(), made["network"].as_str().unwrap()),
        ("demo", read.network().to_string().as_str())
    );
    assert_eq!(made["faults"], 1);
    for (index, replica) in made["replicas"].as_array().unwrap().iter().enumerate() {
        let folder = sandbox.path(replica["folder"].as_str().unwrap());
        assert_eq!(replica["account"], read.validators[index].to_string());
        assert_eq!(std::fs::read_to_string(folder.join("genesis.json")).unwrap(), genesis);
        let mode = folder.join("replica.key").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "nobody else may read the key");
        assert!(folder.join("fresh").exists() && folder.join("replica.toml").exists());
    }
    assert_eq!(made["replicas"][3]["ledger"], "127.0.0.1:9083");
    let shown = sandbox.ok(&[
        "net",
        "init",
        "--replicas",
        "4",
        "other",
        "--host",
        "10.0.0.1,10.0.0.2,10.0.0.3,two.example",
    ]);
    for word in ["other/replica-3/replica.toml", "# on two.example", "of which 1 may fail", "genesis.json"] {
        assert!(shown.out.contains(word), "{word}\n{}", shown.out);
    }
    let toml = std::fs::read_to_string(sandbox.path("other/replica-0/replica.toml")).unwrap();
    assert!(
        toml.contains("gateway = \"127.0.0.1:8080\"") && toml.contains("ledger = \"two.example:9080\""),
        "{toml}"
    );
}

#[test]
fn what_makes_no_network_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("full/file", "");
    sandbox.fails(&["net", "init", "--replicas", "4", "full"], 1, &["is not empty", "another folder"]);
    assert_eq!(std::fs::read_dir(sandbox.path("full")).unwrap().count(), 1);
    sandbox.fails(&["net", "init", "--replicas", "1", "one"], 2, &["1 replicas", "2 to"]);
    sandbox.fails(
        &["net", "init", "--replicas", "4", "--host", "a,b", "two"],
        2,
        &["2 hosts for 4 replicas"],
    );
    sandbox.fails(&["net", "init", "--replicas", "4", "--host", "a:80", "p"], 2, &["\"a:80\" is not a host"]);
    sandbox.fails(&["net", "init", "--replicas", "4", "--port", "65000", "q"], 2, &["leaves no room"]);
    sandbox.fails(&["net", "init", "--replicas", "4", "--heartbeat", "1ms", "r"], 2, &["between 20 ms"]);
    for folder in ["one", "two", "p", "q", "r"] {
        assert!(!sandbox.path(folder).exists());
    }
}

#[test]
fn a_configuration_that_does_not_fit_is_told_by_file_key_and_value() {
    let mut net = TestNet::new(4);
    let original = std::fs::read_to_string(net.config(0)).unwrap();
    let (first, strange) =
        (net.genesis.validators[1].to_string(), moot_record::Keypair::from_seed([3; 32]).account());
    let busy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("ledger = \"{}\"", busy.local_addr().unwrap());
    let ledger = original.lines().find(|line| line.starts_with("ledger")).unwrap().to_owned();
    for (from, to, words) in [
        ("heartbeat", "hart_beat", vec!["unknown key `hart_beat`", "replica.toml:"]),
        ("genesis.json", "genesis.jsn", vec!["`genesis`", "cannot read", "genesis.jsn"]),
        ("replica.key", "other.key", vec!["`key`", "other.key"]),
        (first.as_str(), &strange.to_string(), vec!["`peers.account`", &strange.to_string(), "no validator"]),
        (ledger.as_str(), &taken, vec!["`listen.ledger`", "in use by another program"]),
        (
            ledger.as_str(),
            "ledger = \"no-such-host.invalid:9080\"",
            vec!["`listen.ledger`", "no-such-host.invalid", "resolved"],
        ),
    ] {
        assert!(original.contains(from), "{from}");
        net.edit(0, |_| original.replace(from, to));
        let said = net.refused(0);
        for word in words {
            assert!(said.contains(word), "{to}: {word}\n{said}");
        }
    }
    let without = original.split("[[peers]]").take(3).collect::<Vec<_>>().join("[[peers]]");
    net.edit(0, |_| without);
    assert!(net.refused(0).contains("has no [[peers]] with its account"));
    // None of it has used up the first start.
    assert!(net.folder(0).join("fresh").exists());
}

#[test]
fn a_replica_is_started_by_its_configuration_alone() {
    let sandbox = Sandbox::new();
    let port = free_base(2).to_string();
    sandbox.ok(&["net", "init", "--replicas", "2", "--port", &port, "net"]);
    let config = ["up", "--config", "net/replica-0/replica.toml"];
    for more in [["--data", "elsewhere"], ["--replicas", "4"], ["--network", "other"]] {
        let words: Vec<&str> = config.iter().copied().chain(more).collect();
        sandbox.fails(&words, 2, &["cannot be used with", more[0]]);
    }
    sandbox.fails(&["up", "--config", "no/replica.toml"], 1, &["cannot read no/replica.toml"]);
    sandbox.fails(&["up", "--replicas", "1"], 2, &["--replicas"]);
}
