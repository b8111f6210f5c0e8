//! What a replica that breaks the rules says to the ledgers of the others, and what they keep of it.

use crate::lanes::{MOMENT, assert_everywhere, convicted, give, record, say, sealed, staked, value};
use crate::town::Town;
use crate::world::eventually;
use bytes::Bytes;
use futures::executor::block_on;
use moot_ledger::limits::{MAX_ACCUSATIONS_EACH, RIVAL_BLOCKS};
use moot_ledger::{Contradiction, KIND_BATCH, Misconduct, Refusal};
use moot_ordering::Wanted;
use moot_record::testing::{Network, vote_twice};
use moot_record::{Batch, Digest, DoubleVote, Keypair, PageClass, Role, Transaction, Vote, seal};
use std::time::Duration;

/// FAULTS 60: a block that names what nobody may order, or carries a state that nobody had, gets no votes; a batch whose
/// seal, signature or size is wrong is not even held, so that no block can name it.
#[tokio::test]
async fn case_60_a_block_of_broken_batches_or_another_state_gets_no_votes() {
    let mut town = Town::new(4, 60);
    (0..3).for_each(|me| town.start(me));
    let said = record(&town.ledger(0), 1).await.1;
    town.settle().await;
    let state = town.ledger(0).status().state;
    let (good, digest) = sealed(&town, 3, 0, &[value(1)]);
    // Somebody else's seal; a changed byte of an entry; its end cut off; more than a batch may have.
    let foreign = {
        let bundle = town.network.bundle(&[(PageClass::Bulk, value(2).encode())], 1000);
        let batch = Batch::seal(3, 1, vec![bundle]).unwrap();
        let thief = &town.network.validators[2];
        (batch.encode_sealed(&seal(thief, &town.network.genesis.network(), &batch.digest())), batch.digest())
    };
    let mut changed = sealed(&town, 3, 2, &[value(3)]);
    let mut bytes = changed.0.to_vec();
    let at = bytes.len() - 20;
    bytes[at] ^= 1;
    changed.0 = bytes.into();
    let mut cut = sealed(&town, 3, 3, &[value(4)]);
    cut.0.truncate(cut.0.len() - 1);
    let huge = Bytes::from(vec![0x82; moot_record::limits::MAX_SEALED_BATCH_BYTES + 1]);
    for bytes in [&Bytes::from(foreign.0), &changed.0, &cut.0, &huge] {
        give(&town, &[0, 1, 2], bytes);
    }
    give(&town, &[0, 1, 2], &good);
    for me in 0..3 {
        eventually("the sound one is held", || town.ledger(me).status().lanes[3].unordered == 1);
        assert_eq!(town.ledger(me).status().lanes[3].last_held, Some(0), "a broken one is held at {me}");
    }
    for broken in [foreign.1, changed.1, cut.1] {
        assert!(!town.agree(vec![broken], state, MOMENT).await, "a block that names a broken batch");
    }
    assert!(!town.agree(vec![digest, digest], state, MOMENT).await, "a block that names one twice");
    assert!(!town.agree(vec![digest], Digest::from_bytes([9; 32]), MOMENT).await, "another state");
    assert!(town.agree(vec![digest], state, Duration::from_secs(10)).await, "the sound one");
    town.settle().await;
    town.assert_equal();
    assert_everywhere(&town, &[said]);
}

/// FAULTS 53, 55: who votes for two things is told to the ledger: the proof is kept, counted, and there after a restart;
/// of one account a few at most.
#[tokio::test]
async fn case_55_proofs_of_contradicting_votes_are_kept_and_bounded() {
    let mut town = Town::started(4, 55);
    let guilty = town.ledger(3).account();
    let caught = |view: u64| Misconduct {
        who: guilty,
        epoch: 0,
        view,
        what: Contradiction::TwoBlocks,
        votes: vec![view as u8; 200].into(),
    };
    for view in 1..=3 {
        // It may come twice.
        town.ledger(0).application().caught(caught(view));
        town.ledger(0).application().caught(caught(view));
    }
    eventually("they are kept", || town.ledger(0).misconduct().unwrap().len() == 3);
    let status = town.ledger(0).status();
    assert_eq!((status.evidence, status.lanes[3].contradictions, status.lanes[0].contradictions), (3, 3, 0));
    town.stop(0);
    town.start(0);
    assert_eq!(town.ledger(0).misconduct().unwrap(), [1, 2, 3].map(caught));
    assert_eq!(town.ledger(0).status().evidence, 3);
    for view in 1..200 {
        town.ledger(0).application().caught(caught(view));
        std::thread::sleep(Duration::from_millis(1));
    }
    eventually("no more than a few of each", || {
        town.ledger(0).misconduct().unwrap().len() == MAX_ACCUSATIONS_EACH
    });
    assert_eq!(town.ledger(1).status().evidence, 0, "what one replica saw is no matter of the blocks");
}

/// Two votes as the engine keeps them: views below 128 have one byte.
fn kept(town: &Town, pair: &DoubleVote) -> Misconduct {
    let DoubleVote { who, what, epoch, view, first, second } = *pair;
    let place = town.network.genesis.validators.binary_search(&who).unwrap();
    let vote = |vote: &Vote| {
        let mut bytes = vec![epoch as u8, view as u8];
        if let Some(proposed) = &vote.proposed {
            bytes.push(proposed.parent as u8);
            bytes.extend_from_slice(proposed.block.as_bytes());
        }
        bytes.push(place as u8);
        [bytes.as_slice(), vote.signature.as_bytes()].concat()
    };
    Misconduct { who, epoch, view, what, votes: [vote(&first), vote(&second)].concat().into() }
}

fn pair(town: &Town, key: &Keypair, what: Contradiction) -> DoubleVote {
    let genesis = &town.network.genesis;
    vote_twice(&genesis.committee(), &genesis.network(), key, what, (0, 7))
}

/// FAULTS 53, 55: who votes for two things loses a part of the stake behind its key, and the seat. Whoever saw both
/// votes says so by itself, and what is no proof costs nobody anything.
#[tokio::test]
async fn case_55_contradicting_votes_cost_a_part_of_the_stake_and_the_seat() {
    for (seed, what) in (0..).zip(Contradiction::ALL.iter().copied()) {
        let (mut town, voter) = staked(4, 550 + seed).await;
        let proof = pair(&town, &voter, what);
        let forged = DoubleVote { who: town.network.validators[1].account(), ..proof };
        for (me, _) in town.running() {
            // One that proves nothing is kept, as before, and never said.
            town.ledger(me).application().caught(kept(&town, &forged));
        }
        for me in [0, 2] {
            town.ledger(me).application().caught(kept(&town, &proof));
        }
        convicted(&mut town, &voter).await;
        for (me, ledger) in town.running() {
            let conviction = *ledger.stakes().conviction(&voter.account()).unwrap();
            assert_eq!(conviction.voted, Some(what), "at {me}");
            assert!(ledger.stakes().conviction(&forged.who).is_none(), "at {me}");
            let seats = ledger.seats();
            assert_eq!(seats.of(&voter.account()).unwrap().1.role, Role::Out, "at {me}");
        }
        // What one saw is on its disk, and known to be settled after a restart.
        let before = town.ledger(2).status();
        town.stop(2);
        town.start(2);
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!((before.evidence, town.ledger(2).status().unordered_batches), (2, 0));
        // Who comes late learns it from the blocks alone.
        town.wipe(0);
        town.start(0);
        town.settle().await;
        town.assert_equal();
        assert_eq!(town.ledger(0).stakes().conviction(&voter.account()).unwrap().burned, 40);
    }
}

/// The same where there is one replica, and somebody else has the votes: anybody may say it, forged proofs are refused
/// by name, and a key is convicted once.
#[tokio::test]
async fn case_55_anybody_may_say_who_voted_twice() {
    let (mut town, voter) = staked(1, 551).await;
    let said = |pair: DoubleVote| Transaction::Convict { evidence: pair.encode() };
    let proof = pair(&town, &voter, Contradiction::TwoFinal);
    let genesis = Network::named("another", 1).genesis;
    let foreign =
        vote_twice(&genesis.committee(), &genesis.network(), &voter, Contradiction::TwoFinal, (0, 7));
    let stranger = Keypair::from_seed([99; 32]);
    for (forged, why) in [
        (foreign, "signature"),
        (DoubleVote { view: 8, ..proof }, "signature"),
        (DoubleVote { epoch: 1, ..proof }, "epoch 1, which has not begun"),
        (pair(&town, &stranger, Contradiction::TwoFinal), "was not in committee 0"),
    ] {
        let refused = say(&mut town, said(forged)).await;
        assert!(
            matches!(&refused, Err(Refusal::BadEvidence(text)) if text.contains(why)),
            "{why}: {refused:?}"
        );
    }
    assert_eq!(town.ledger(0).stakes().get(&crate::lanes::client().account()).unwrap().staked, 400);
    assert_eq!(say(&mut town, said(proof)).await, Ok(0), "the lane");
    convicted(&mut town, &voter).await;
    let again = pair(&town, &voter, Contradiction::SkippedAndFinal);
    assert_eq!(say(&mut town, said(again)).await, Err(Refusal::Convicted { account: voter.account() }));
}

/// Second versions that no block has named for long are let go, in memory and on disk: an owner who seals twice again
/// and again takes room for a while only.
#[tokio::test]
async fn second_versions_are_held_for_a_while_only() {
    let mut town = Town::new(4, 53);
    (0..3).for_each(|me| town.start(me));
    let (one, first) = sealed(&town, 3, 0, &[value(1)]);
    let (two, second) = sealed(&town, 3, 0, &[value(2)]);
    give(&town, &[0, 1], &one);
    give(&town, &[2], &two);
    for me in 0..3 {
        eventually("it is held", || town.ledger(me).status().lanes[3].unordered == 1);
    }
    let state = town.ledger(0).status().state;
    // Replica 2 is asked to vote for the other version, and holds both then.
    assert!(town.agree(vec![first], state, Duration::from_secs(10)).await);
    town.settle().await;
    let ledger = town.ledger(2);
    let has = |digest: Digest| {
        let wanted = Wanted { kind: KIND_BATCH, digest, part: 0 };
        block_on(ledger.application().supply(&wanted)).is_some()
    };
    assert!(has(second) && has(first), "both versions are there");
    assert_eq!(ledger.status().evidence, 1);
    // What no rule allows was denied: that changed the state.
    let state = ledger.status().state;
    for _ in 0..3 * RIVAL_BLOCKS {
        town.force(vec![], state);
        let height = town.chain.len() as u64;
        eventually("it is committed", || town.running().iter().all(|(_, ledger)| ledger.height() == height));
    }
    eventually("the other version is gone", || !has(second));
    assert!(has(first), "the one that counts stays");
    assert_eq!(ledger.status().evidence, 1, "and so does the evidence");
}
