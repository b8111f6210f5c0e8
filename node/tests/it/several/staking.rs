//! A network that seats by stake, in real processes: a fresh machine joins with a funded account, votes, and leaves.

use crate::support::{TestNet, moot, until};
use moot_record::Conviction;

/// What the joining account has.
const FUNDS: u64 = 1_000_000_000;
/// What it stakes.
const STAKE: u64 = 500_000_000;

#[track_caller]
fn run(net: &TestNet, words: &[&str]) -> (bool, String) {
    let done = moot(net.dir.path()).args(words).output().unwrap();
    (
        done.status.success(),
        [done.stdout, done.stderr].map(|b| String::from_utf8_lossy(&b).into_owned()).concat(),
    )
}

#[track_caller]
fn json(net: &TestNet, words: &[&str]) -> serde_json::Value {
    let done = moot(net.dir.path()).args(words).arg("--json").output().unwrap();
    assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap()
}

fn votes(net: &TestNet, at: usize) -> bool {
    net.remote(at).get("/_moot/status").json()["votes"] == true
}

/// Asked where ada's commands are said: another replica may be a block behind.
fn balance(net: &TestNet, account: &str) -> u64 {
    let view = net.remote(1).get(&format!("/_moot/accounts/{account}")).json();
    view["balance"].as_str().unwrap().parse().unwrap()
}

fn staked(net: &TestNet, account: &str) -> serde_json::Value {
    net.remote(1).get(&format!("/_moot/stakes/{account}")).json()
}

#[test]
fn a_fresh_machine_joins_by_stake_votes_and_leaves() {
    let (mut net, ada) = TestNet::by_stake(4, 16, FUNDS);
    net.start_all();
    let node = format!("http://{}", net.remote(1).address);
    let by_ada = ["--key", "ada", "--node", &node];

    // Nobody is let in by the authority's word here, and nobody joins without the units.
    let (done, said) =
        run(&net, &["net", "add", "net/replica-0", "--authority", "net/authority.key", "--node", &node]);
    assert!(!done && said.contains("stake says who votes"), "{said}");
    let port = (net.remote(0).address.port() + 4).to_string();
    let too_much = (FUNDS + 1).to_string();
    let join = ["join", "fresh", "--genesis", "net/genesis.json", "--port", &port, "--stake"];
    let (done, said) = run(&net, &[&join[..], &[&too_much], &by_ada].concat());
    assert!(!done && said.contains("were to be staked"), "{said}");

    // What would come of it leaves nothing behind, here or there.
    let amount = STAKE.to_string();
    let asked = json(&net, &[&join[..], &[&amount, "--dry-run"], &by_ada].concat());
    assert!(asked["accepted"] == true && asked["transactions"][0]["kind"] == "stake", "{asked}");
    assert!(!net.dir.path().join("fresh").exists());
    assert_eq!(balance(&net, &ada), FUNDS);

    // A fresh machine needs the genesis, a node's address, and a funded key.
    let joined = json(&net, &[&join[..], &[&amount], &by_ada].concat());
    let replica = joined["account"].as_str().unwrap().to_owned();
    assert_eq!(staked(&net, &ada)["staked"], amount);
    assert!(balance(&net, &ada) <= FUNDS - STAKE);
    let new = net.adopt("fresh");
    net.start(new);
    until("it votes", || votes(&net, new));
    until("a founder has made room", || !votes(&net, 3));
    let bids = json(&net, &["stake", "ls", "--node", &node]);
    assert!(bids["bids"][0]["replica"] == replica && bids["bids"][0]["seated"] == true, "{bids}");

    // It records in a lane of its own, and what it records is final and proven with the genesis alone.
    let at_new = format!("http://{}", net.remote(new).address);
    let founder = net.genesis.validators[0].to_string();
    let paid = json(&net, &["transfer", &founder, "5", "--key", "ada", "--node", &at_new]);
    assert!(paid["entry"].as_str().unwrap().starts_with("4-"), "{paid}");
    let (done, said) = run(&net, &["show", "stake", &ada, "--proof", "stake.json", "--node", &at_new]);
    assert!(done, "{said}");
    let (valid, said) = run(&net, &["verify", "stake.json", "--genesis", "net/genesis.json"]);
    assert!(valid && said.contains("500,000,000"), "{said}");
    let none = net.remote(0).get(&format!("/_moot/state/conviction/{replica}")).json();
    assert!(none["value"].is_null(), "{none}");
    assert!(Conviction::decode(&[]).is_err());

    // It leaves: it votes to the end of the next epoch, and the units come back after the lock-up.
    let before = balance(&net, &ada);
    let (done, said) = run(&net, &[&["stake", "take", &amount], &by_ada[..]].concat());
    assert!(done && said.contains("back by height"), "{said}");
    // On a busy machine the lock-up may be over before anybody asks again: what it said then is what counts.
    let until_height = said.trim().rsplit(' ').next().unwrap().replace(',', "").parse::<u64>().unwrap();
    until("it votes no more", || !votes(&net, new));
    until("the founder has its seat back", || votes(&net, 3));
    until("the stake is back", || balance(&net, &ada) > before + STAKE / 2);
    assert!(net.remote(1).height() >= until_height);
    assert_eq!(staked(&net, &ada)["waiting"].as_array().unwrap().len(), 0);
    net.await_progress(&[0, 1, 2, 3, new]);
    net.assert_no_fork(&[0, 1, 2, 3, new]);
}
