//! A validator that breaks the rules: real replicas in processes of their own, and its key in this one.
//!
//! ```text
//!   replicas 0, 1, 2 ◄── TCP: votes, blocks ── batches ──► Rogue: the key of replica 3, and no engine
//! ```

use super::accounts::balance;
use super::diverged::{assert_paid, pay};
use crate::support::{TestNet, bundle_by, moot, until};
use moot_node::keyfile;
use moot_node::network::{ReplicaConfig, Seat};
use moot_ordering::Config;
use moot_ordering::testing::{KINDS, Misrule, Rogue};
use moot_record::limits::MAX_SEALED_BATCH_BYTES;
use moot_record::{AccountId, Batch, Digest, Entry, Keypair, Transaction, seal};
use std::collections::{BTreeSet, HashSet};

const HONEST: [usize; 3] = [0, 1, 2];
/// Whose key the rogue has.
const BAD: usize = 3;

/// Three replicas that run, and the fourth one's key in bad hands.
fn beside_a_rogue(misrule: Misrule) -> (TestNet, Rogue) {
    let mut net = TestNet::new(4);
    let file = ReplicaConfig::load(net.config(BAD)).unwrap();
    let seat = Seat::take(&file).unwrap();
    let mut config = Config::new(net.folder(BAD).join("rogue"), seat.key, seat.genesis);
    (config.listen, config.listen_data) = (Some(seat.listen), Some(seat.listen_data));
    (config.peers, config.heartbeat) = (seat.peers, seat.heartbeat);
    let rogue = Rogue::start(config, misrule).unwrap();
    net.start_these(&HONEST);
    (net, rogue)
}

/// What a replica says of the one of a lane.
fn validator(net: &TestNet, at: usize, lane: usize) -> serde_json::Value {
    net.remote(at).get("/_moot/status").json()["validators"][lane].clone()
}

/// Digests of all blocks that are final anywhere.
fn finals(net: &TestNet) -> HashSet<String> {
    let blocks = HONEST.into_iter().flat_map(|at| {
        (1..=net.remote(at).height()).map(move |height| net.block(at, height).unwrap()["digest"].clone())
    });
    blocks.map(|digest| digest.as_str().unwrap().to_owned()).collect()
}

#[test]
fn case_53_of_an_equivocating_leader_s_blocks_one_is_final_and_its_votes_convict_it() {
    // Whoever proposes two blocks for one view hopes that each becomes final somewhere. It is heard once, and may be too
    // late: a leader that has said nothing yet is passed over at once. Then nobody has to choose: another try.
    assert!((0..8).any(|_| blocks_that_won() == 1), "nobody ever fell for any of them");
}

/// Lets a leader propose two blocks for one view, and says how many of them became final.
fn blocks_that_won() -> usize {
    let (net, rogue) = beside_a_rogue(Misrule::TwoBlocks);
    let votes_twice = |at: usize, who: usize| validator(&net, at, who)["contradictions"] != 0;
    // The one that was told otherwise than the two before it.
    until("it has two votes of one view", || votes_twice(2, BAD));
    assert_paid(&pay(&net, 0, 5));
    net.await_progress(&HONEST);
    net.assert_no_fork(&HONEST);
    let finals = finals(&net);
    let won = |pair: &[Digest]| pair.iter().filter(|block| finals.contains(&block.to_string())).count();
    let won: Vec<usize> = rogue.proposed().iter().map(|(pair, _)| won(pair)).collect();
    assert!(won.iter().all(|won| *won < 2), "both blocks of a view are final: {won:?}");
    println!("final of the two blocks of each view: {won:?}");

    // Nobody hears it any more, it is named, and nobody else is.
    let guilty = net.genesis.validators[BAD].to_string();
    let shut_out = |line: &str| {
        let why = ["conflicting notarize", "conflicting finalize", "blocking equivocator"];
        line.contains(&guilty) && why.iter().any(|why| line.contains(why))
    };
    until("each has shut it out", || HONEST.iter().all(|at| net.log(*at).lines().any(shut_out)));
    for at in HONEST {
        assert!(HONEST.iter().all(|who| !votes_twice(at, *who)), "somebody honest is accused at {at}");
    }
    let words = ["status", "--config", "net/replica-0/replica.toml"];
    let done = moot(net.dir.path()).args(words).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(!done.status.success() && said.contains("say two things in one place"), "{said}");
    assert!(said.contains(&format!("lane {BAD} of")), "{said}");
    won.into_iter().max().unwrap()
}

/// Batches of the rogue's lane, in which the account that the genesis funds pays somebody.
struct Batches {
    network: Digest,
    payer: Keypair,
}

impl Batches {
    fn sealed(&self, seq: u64, (to, amount): (AccountId, u64), by: &Keypair) -> (Vec<u8>, Digest) {
        let paid = Entry::Transaction(Transaction::Transfer { to, amount });
        let bundle = bundle_by(&self.payer, &self.network, 1000, &[paid]);
        let batch = Batch::seal(BAD as u32, seq, vec![bundle]).unwrap();
        (batch.encode_sealed(&seal(by, &self.network, &batch.digest())), batch.digest())
    }
}

#[test]
fn case_60_unsound_blocks_and_batches_of_a_validator_are_refused_by_every_process() {
    // A leader's word alone: wrong height, parent, time, committee; a batch twice; too many; a block that nobody has.
    let (net, rogue) = beside_a_rogue(Misrule::Unsound);
    let key = |index: usize| keyfile::load(&net.folder(index).join("replica.key")).unwrap();
    let (payer, own) = (key(0), key(BAD));
    let [bob, eve] = [60, 61].map(|seed| Keypair::from_seed([seed; 32]).account());
    let batches = Batches { network: net.genesis.network(), payer: key(0) };
    let ordered = |at: usize| validator(&net, at, BAD)["ordered"].as_u64();

    // What is sound is ordered, whoever sealed it.
    let (first, _) = batches.sealed(0, (bob, 5), &own);
    until("its sound batch is ordered", || {
        rogue.push(first.clone().into());
        HONEST.iter().all(|at| ordered(*at) == Some(0))
    });
    // Somebody else's seal; a changed byte of an entry; its end cut off; more than a batch may have.
    let (foreign, one) = batches.sealed(1, (eve, 7), &payer);
    let (mut changed, two) = batches.sealed(2, (eve, 8), &own);
    let at = changed.len() - 20;
    changed[at] ^= 1;
    let (mut cut, _) = batches.sealed(3, (eve, 9), &own);
    cut.truncate(cut.len() - 1);
    rogue.push(vec![0x82; MAX_SEALED_BATCH_BYTES + 1].into());
    // Of what is not even a sealed batch nothing is said: it could fill the log.
    until("the broken ones are refused", || {
        [&foreign, &changed, &cut].into_iter().for_each(|broken| rogue.push(broken.clone().into()));
        let refused = |log: &str, batch: &Digest| {
            log.lines().any(|line| line.contains("is refused") && line.contains(&batch.to_string()))
        };
        HONEST.iter().map(|at| net.log(*at)).all(|log| refused(&log, &one) && refused(&log, &two))
    });
    let (last, _) = batches.sealed(1, (bob, 6), &own);
    until("its next sound batch is ordered", || {
        rogue.push(last.clone().into());
        HONEST.iter().all(|at| ordered(*at) == Some(1))
    });

    until("it has tried everything", || {
        let tried: BTreeSet<&str> = rogue.proposed().into_iter().map(|(_, kind)| kind).collect();
        KINDS.iter().all(|kind| tried.contains(kind))
    });
    assert_paid(&pay(&net, 1, 5));
    net.await_progress(&HONEST);
    net.assert_no_fork(&HONEST);
    let finals = finals(&net);
    // Under a forged vote comes a block that is sound in itself: three who find it so are a quorum without its leader.
    for (digests, kind) in rogue.proposed().iter().filter(|(_, kind)| *kind != "forged vote") {
        assert!(!finals.contains(&digests[0].to_string()), "a block with a wrong {kind:?} is final");
    }
    // Five kinds are to be seen in the block itself, each in a view of its own; the first two the engine finds by itself.
    let logs: String = HONEST.iter().map(|at| net.log(*at)).collect();
    let failed = logs.lines().filter_map(|line| line.split_once("proposal failed verification round="));
    let failed: HashSet<&str> = failed.map(|(_, round)| round).collect();
    assert!(failed.len() >= 5, "{failed:?}: {logs}");
    for reason in ["lies before its parent's", "twice", "as the next committee"] {
        let said = |line: &str| line.contains("block refused") && line.contains(reason);
        assert!(logs.lines().any(said), "no block was refused for {reason:?}: {logs}");
    }
    for at in HONEST {
        assert_eq!(balance(&net, at, &bob.to_string()), "11");
        assert_eq!(balance(&net, at, &eve.to_string()), "0");
        // To be wrong is not to say two things.
        let seen = validator(&net, at, BAD);
        for (what, number) in [("held", 1), ("contradictions", 0), ("equivocations", 0)] {
            assert_eq!(seen[what], number, "{what} at {at}: {seen}");
        }
    }
}
