//! Balances among four replicas: one history, the same state everywhere, a proof from any of them.

use crate::support::{TestNet, bundle_by, moot, until};
use moot_record::{Account, Entry, Keypair, StateFile, Transaction};

pub(super) fn balance(net: &TestNet, at: usize, account: &str) -> String {
    let view = net.remote(at).get(&format!("/_moot/accounts/{account}")).json();
    view["balance"].as_str().unwrap().to_owned()
}

#[test]
fn a_transfer_at_one_is_the_same_at_all_and_counts_once() {
    let net = TestNet::four();
    let funded = net.genesis.accounts[0];
    let (to, bob) = (Keypair::from_seed([33; 32]).account().to_string(), Keypair::from_seed([33; 32]));
    // Folders have the numbers of lanes, and lanes the order of accounts.
    let gateway = format!("http://{}", net.remote(1).address);
    let words = ["transfer", "--key", "net/replica-0/replica.key", "--node", &gateway, &to, "1000", "--json"];
    let done = moot(net.dir.path()).args(words).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    for at in 0..4 {
        until(&format!("replica {at} has the transfer"), || balance(&net, at, &to) == "1000");
        let left = (funded.balance - 1000).to_string();
        assert_eq!(balance(&net, at, &funded.account.to_string()), left);
    }
    // One bundle at two replicas at once: paid once.
    let back = Entry::Transaction(Transaction::Transfer { to: funded.account, amount: 600 });
    let valid_until = net.remote(0).height() + 500;
    let said = bundle_by(&bob, &net.genesis.network(), valid_until, &[back]).encode();
    let (one, two) = (net.remote(0), net.remote(2));
    let statuses = std::thread::scope(|threads| {
        let sent = [&one, &two].map(|at| threads.spawn(|| at.post("/_moot/bundles", &said).status));
        sent.map(|sent| sent.join().unwrap())
    });
    assert!(statuses.contains(&200), "{statuses:?}");
    for at in 0..4 {
        until(&format!("replica {at} has the other"), || balance(&net, at, &to) == "400");
    }
    // Any replica proves it, and the genesis alone checks that.
    for at in 0..4 {
        let mut proven = None;
        until(&format!("replica {at} proves it"), || {
            let answer = net.remote(at).get(&format!("/_moot/state/account/{to}"));
            proven = (answer.status == 200).then(|| answer.text());
            proven.is_some()
        });
        let file = StateFile::parse(&proven.unwrap()).unwrap();
        let value = file.check(&net.genesis).unwrap().value.unwrap();
        assert_eq!(Account::decode(&value), Ok(Account::with(400)));
    }
}

#[test]
fn a_hold_made_at_one_is_released_at_another_and_gone_at_all() {
    let net = TestNet::four();
    let node = |at: usize| format!("http://{}", net.remote(at).address);
    // From the first replica's own account, which a new network funds, said at whichever replica.
    let say = |at: usize, words: &[&str]| {
        let key = ["--key", "net/replica-0/replica.key", "--node", &node(at), "--json"];
        let done = moot(net.dir.path()).args(words).args(key).output().unwrap();
        assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
        serde_json::from_slice::<serde_json::Value>(&done.stdout).unwrap()
    };
    let (from, to) = (net.genesis.accounts[0].account.to_string(), Keypair::from_seed([34; 32]).account());
    let to = to.to_string();
    let had: u64 = balance(&net, 0, &from).parse().unwrap();
    let held = say(1, &["escrow", "hold", &to, "900", "--for", "100000"])["entry"].clone();
    let held = held.as_str().unwrap();
    let is_held = |at: usize| net.remote(at).get(&format!("/_moot/holds/{held}")).status == 200;
    for at in 0..4 {
        until(&format!("replica {at} holds it"), || is_held(at));
        assert_eq!(balance(&net, at, &from), (had - 900).to_string());
    }
    say(3, &["escrow", "release", held, "--pay", "2/3"]);
    for at in 0..4 {
        until(&format!("replica {at} has paid it"), || balance(&net, at, &to) == "600");
        assert!(!is_held(at));
        assert_eq!(balance(&net, at, &from), (had - 600).to_string());
    }
    net.assert_no_fork(&[0, 1, 2, 3]);
}
