//! Two votes in one view: what convicts their signer, and every way in which it does not.

use moot_record::testing::{Network, changing, committees, vote_twice};
use moot_record::{Committee, Contradiction, Digest, DoubleVote, Equivocation, Keypair, Offence, Proposed};

/// Where the votes are cast: in the second epoch of the second committee.
const ROUND: (u64, u64) = (3, 300);

/// A committee of a network that changes it, who votes in it, and the network.
pub(crate) fn voters() -> (Committee, Vec<Keypair>, Digest) {
    let (network, keys) = changing();
    let [_, second, _] = committees(&keys);
    (second, keys[1].clone(), network.genesis.network())
}

fn honest_pair(what: Contradiction) -> DoubleVote {
    let (committee, keys, network) = voters();
    vote_twice(&committee, &network, &keys[0], what, ROUND)
}

/// Pairs with the parts by which they are refused; none: they convict.
pub(crate) fn cases() -> Vec<(&'static str, DoubleVote, Option<&'static str>)> {
    let (committee, keys, network) = voters();
    let by = |committee: &Committee, network: &Digest, key: &Keypair, what| {
        vote_twice(committee, network, key, what, ROUND)
    };
    let two_blocks = honest_pair(Contradiction::TwoBlocks);
    let skipped = honest_pair(Contradiction::SkippedAndFinal);
    let (signature, who) = (Some("double_vote.signature"), Some("double_vote.who"));
    let stranger = Keypair::from_seed([77; 32]);
    let other = Network::named("other", 4).genesis.network();
    let earlier = Committee { number: committee.number - 1, ..committee.clone() };
    let mut cases = vec![
        ("two blocks", two_blocks, None),
        ("two final", honest_pair(Contradiction::TwoFinal), None),
        ("skipped and final", skipped, None),
        ("by somebody who does not vote", by(&committee, &network, &stranger, Contradiction::TwoFinal), who),
        ("of another network", by(&committee, &other, &keys[0], Contradiction::TwoFinal), signature),
        ("of the committee before", by(&earlier, &network, &keys[0], Contradiction::TwoFinal), signature),
    ];
    let mut forge = |name, of: DoubleVote, refused, change: &dyn Fn(&mut DoubleVote)| {
        let mut forged = of;
        change(&mut forged);
        cases.push((name, forged, refused));
    };
    let block = |n: u8| Some(Proposed { parent: ROUND.1 - 1, block: Digest::from_bytes([n; 32]) });
    forge("in the name of another", two_blocks, signature, &|pair| pair.who = keys[1].account());
    forge("moved to another view", two_blocks, signature, &|pair| pair.view += 1);
    forge("moved to another epoch", two_blocks, signature, &|pair| pair.epoch += 1);
    forge("said to be final", two_blocks, signature, &|pair| pair.what = Contradiction::TwoFinal);
    forge("an invented block", two_blocks, signature, &|pair| pair.second.proposed = block(9));
    forge("another parent", two_blocks, signature, &|pair| {
        pair.second = pair.first;
        pair.second.proposed = block(1).map(|said| Proposed { parent: 0, ..said });
    });
    forge("one signature for both", two_blocks, signature, &|pair| {
        pair.second.signature = pair.first.signature;
    });
    forge("swapped signatures", skipped, signature, &|pair| {
        std::mem::swap(&mut pair.first.signature, &mut pair.second.signature);
    });
    cases
}

/// FAULTS 55: the two votes convict who signed them as a member of this committee of this network, and nobody else.
#[test]
fn two_votes_in_one_view_are_evidence_and_nothing_else_is() {
    let (committee, _, network) = voters();
    for (name, pair, refused) in cases() {
        let verdict = pair.verify(&committee, &network);
        assert_eq!(verdict.as_ref().err().map(|error| error.field()), refused, "{name}: {verdict:?}");
        assert_eq!(DoubleVote::decode(&pair.encode()), Ok(pair), "{name}");
        assert_eq!(Offence::decode(&pair.encode()), Ok(Offence::DoubleVote(pair)), "{name}");
        assert!(Equivocation::decode(&pair.encode()).is_err(), "{name}");
    }
}

/// Pairs that no encoding has: votes that agree, or are not of the kinds that are said.
pub(crate) fn misshapen() -> Vec<(&'static str, DoubleVote)> {
    let two_blocks = honest_pair(Contradiction::TwoBlocks);
    let skipped = honest_pair(Contradiction::SkippedAndFinal);
    vec![
        ("two votes for one block", DoubleVote { second: two_blocks.first, ..two_blocks }),
        ("two votes to skip a view", DoubleVote { second: skipped.first, ..skipped }),
        (
            "two votes for blocks, said to skip",
            DoubleVote { what: Contradiction::SkippedAndFinal, ..two_blocks },
        ),
        ("a vote to skip, said to be for a block", DoubleVote { what: Contradiction::TwoBlocks, ..skipped }),
    ]
}

/// A member that gives up on a view and then holds its block for sound after all breaks no rule, and signs no such pair.
#[test]
fn votes_that_agree_are_no_evidence() {
    let (committee, _, network) = voters();
    for (name, pair) in misshapen() {
        let error = pair.verify(&committee, &network).unwrap_err();
        assert_eq!(error.field(), "double_vote.votes", "{name}: {error}");
        assert!(DoubleVote::decode(&pair.encode()).is_err(), "{name}");
    }
}

/// FAULTS 50: every flipped bit and every cut is refused.
#[test]
fn no_flipped_bit_of_a_pair_is_accepted() {
    let (committee, _, network) = voters();
    let bytes = honest_pair(Contradiction::SkippedAndFinal).encode();
    let convicts =
        |bytes: &[u8]| DoubleVote::decode(bytes).is_ok_and(|pair| pair.verify(&committee, &network).is_ok());
    assert!(convicts(&bytes));
    for bit in 0..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(!convicts(&bad), "bit {bit}");
    }
    for len in 0..bytes.len() {
        assert!(DoubleVote::decode(&bytes[..len]).is_err(), "cut to {len}");
    }
}
