//! A replica whose state is not the network's.
//!
//! ```text
//!   its files, while it is down: one account has a unit less ──► a start finds that the root is not the stored one
//!                                and the stored root fits    ──► a start finds nothing; the next new root of the
//!                                                                others does
//! ```

use crate::support::{Answer, TestNet, bundle_by, moot, until};
use moot_record::{Account, AccountId, Digest, Entry, Keypair, StateKey, Transaction};
use redb::{Database, ReadableTable as _, TableDefinition};

const ALL: [usize; 4] = [0, 1, 2, 3];
/// The tables of the ledger's file that are altered here.
const BLOCKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("blocks");
const STATE: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("state");
/// Each of their rows ends with so many bytes of its own digest.
const CHECK_BYTES: usize = 8;

fn sealed(mut row: Vec<u8>) -> Vec<u8> {
    let check = blake3::hash(&row);
    row.extend_from_slice(&check.as_bytes()[..CHECK_BYTES]);
    row
}

fn unsealed(row: &[u8]) -> Vec<u8> {
    let (row, check) = row.split_last_chunk::<CHECK_BYTES>().unwrap();
    assert_eq!(check, &blake3::hash(row).as_bytes()[..CHECK_BYTES]);
    row.to_vec()
}

fn database(net: &TestNet, index: usize) -> Database {
    Database::open(net.folder(index).join("data/ledger.redb")).unwrap()
}

/// Takes a unit from an account, in the files of a replica that is down.
fn take_a_unit(net: &TestNet, index: usize, account: AccountId) {
    let transaction = database(net, index).begin_write().unwrap();
    {
        let mut state = transaction.open_table(STATE).unwrap();
        let key = StateKey::Account(account).encode();
        let row = unsealed(state.get(key.as_slice()).unwrap().unwrap().value());
        let less = Account::with(Account::decode(&row).unwrap().balance - 1);
        state.insert(key.as_slice(), sealed(less.encode()).as_slice()).unwrap();
    }
    transaction.commit().unwrap();
}

/// Has the last block in the files of a replica that is down say that another root came of it.
fn replace_root(net: &TestNet, index: usize, stored: Digest, root: Digest) {
    let transaction = database(net, index).begin_write().unwrap();
    {
        let mut blocks = transaction.open_table(BLOCKS).unwrap();
        let last = blocks.last().unwrap().map(|(height, row)| (height.value(), unsealed(row.value())));
        let (height, mut row) = last.unwrap();
        // Two digests are its last fields, each behind two bytes that say so: this root, and the history.
        let at = row.len() - 32 - (2 + 32);
        assert_eq!(&row[at..at + 32], stored.as_bytes());
        row[at..at + 32].copy_from_slice(root.as_bytes());
        blocks.insert(height, sealed(row).as_slice()).unwrap();
    }
    transaction.commit().unwrap();
}

/// The digest between two pieces of a text.
#[track_caller]
fn digest_between(text: &str, before: &str, after: &str) -> Digest {
    let found = text.split_once(before).and_then(|(_, rest)| rest.split_once(after));
    let (found, _) = found.unwrap_or_else(|| panic!("not between {before:?} and {after:?}: {text}"));
    found.parse().unwrap_or_else(|error| panic!("{found:?}: {error}"))
}

/// Pays somebody, by what a replica is told: that changes the state of the network.
pub(super) fn pay(net: &TestNet, at: usize, amount: u64) -> Answer {
    let from = moot_node::keyfile::load(&net.folder(0).join("replica.key")).unwrap();
    let to = Keypair::from_seed([62; 32]).account();
    let said = Entry::Transaction(Transaction::Transfer { to, amount });
    let remote = net.remote(at);
    let bundle = bundle_by(&from, &net.genesis.network(), remote.height() + 100, &[said]);
    remote.post("/_moot/bundles", &bundle.encode())
}

#[track_caller]
pub(super) fn assert_paid(answer: &Answer) {
    assert_eq!(answer.json()["entries"][0]["outcome"]["status"], "done", "{}", answer.text());
}

#[test]
fn case_62_a_replica_whose_state_differs_halts_and_names_both_roots_and_the_others_go_on() {
    // Whatever has made it so, a bad disk or a bad build: what it says of balances is wrong from then on.
    let mut net = TestNet::four();
    net.await_progress(&ALL);
    net.stop(3);
    take_a_unit(&net, 3, net.genesis.accounts[0].account);
    // What the stored root does not fit is no state to start from.
    let refused = net.refused(3);
    let ours = digest_between(&refused, "the state is damaged on disk: its root is ", ",");
    let stored = digest_between(&refused, "it was ", ";");
    assert_ne!(ours, stored);

    // With a root that fits, only the others can show that it is wrong.
    replace_root(&net, 3, stored, ours);
    net.start(3);
    assert_paid(&pay(&net, 0, 5));
    let status = || net.remote(3).get("/_moot/status").json();
    until("it halts", || status()["condition"] == "stopped");
    let why = status()["read_only"].as_str().unwrap().to_owned();
    let theirs = digest_between(&why, "carries state root ", ",");
    let had = digest_between(&why, "this replica had ", " after");
    assert_eq!(status()["state"], had.to_string(), "{why}");
    let height: u64 = why.split(' ').nth(1).unwrap().parse().unwrap_or_else(|_| panic!("{why}"));
    assert_eq!(net.block(0, height).unwrap()["state"], theirs.to_string(), "{why}");
    assert_ne!(theirs, had);

    // It takes nothing any more, stays there to be looked at, and does not hold up the others.
    let refused = pay(&net, 3, 6);
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(net.runs(3), "it is there to be looked at");
    assert_paid(&pay(&net, 1, 7));
    net.await_progress(&[0, 1, 2]);
    net.assert_no_fork(&[0, 1, 2]);
    let words = ["status", "--config", "net/replica-0/replica.toml", "--json"];
    let seen = moot(net.dir.path()).args(words).output().unwrap();
    let seen = String::from_utf8_lossy(&seen.stdout).into_owned();
    let (code, said) = net.end(3);
    assert_eq!(code, Some(1), "{said}");
    for (whose, text) in [("status", &seen), ("its own words", &said)] {
        for root in [had, theirs] {
            assert!(text.contains(&root.to_string()), "{whose} without {root}: {text}");
        }
    }
    assert!(said.contains("HALTED"), "{said}");
}
