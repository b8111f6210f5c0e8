//! For tests, behind the feature `testing`: networks whose keys are known, and the replicas' votes without a
//! replica.

use crate::address::EntryId;
use crate::batch::Batch;
use crate::block::BlockHeader;
use crate::bundle::Bundle;
use crate::bundle_builder::BundleBuilder;
use crate::bytes::{AccountId, Digest, Signature};
use crate::certificate::{Certificate, FINALIZE_SUFFIX, quorum, vote_message, write_varint};
use crate::committee::{Committee, Epochs};
use crate::double_vote::{Contradiction, DoubleVote, Proposed, Vote};
use crate::entry::Entry;
use crate::fees::Prices;
use crate::genesis::Genesis;
use crate::handover::Handover;
use crate::key::{Keypair, SignatureError, verify_raw};
use crate::merkle;
use crate::page::PageClass;
use crate::proof::{Proof, SignedEntry};

/// A certificate for `block` by `voters`, byte for byte as commonware's simplex (2026.10.0) makes it.
///
/// `voters` should be validators of the genesis; others are given the place 0, so that tests can forge.
#[must_use]
pub fn certify(genesis: &Genesis, voters: &[Keypair], epoch: u64, view: u64, block: &Digest) -> Certificate {
    certify_by(&genesis.committee(), &genesis.network(), voters, (epoch, view), block)
}

/// The same by a later committee of a network.
#[must_use]
pub fn certify_by(
    committee: &Committee,
    network: &Digest,
    voters: &[Keypair],
    (epoch, view): (u64, u64),
    block: &Digest,
) -> Certificate {
    let mut proposal = Vec::new();
    write_varint(&mut proposal, epoch);
    write_varint(&mut proposal, view);
    write_varint(&mut proposal, view.saturating_sub(1));
    proposal.extend_from_slice(block.as_bytes());
    let message = vote_message(&committee.namespace(network), FINALIZE_SUFFIX, &proposal);
    let n = committee.members.len();
    let mut votes: Vec<(usize, &Keypair)> = voters
        .iter()
        .map(|key| (committee.members.binary_search(&key.account()).unwrap_or_default(), key))
        .collect();
    votes.sort_by_key(|(place, _)| *place);
    let mut bitmap = vec![0u8; n.div_ceil(8)];
    for (place, _) in &votes {
        bitmap[place / 8] |= 1 << (place % 8);
    }
    let mut out = proposal;
    out.extend_from_slice(&(n as u64).to_be_bytes());
    out.extend_from_slice(&bitmap);
    write_varint(&mut out, votes.len() as u64);
    for (_, key) in votes {
        out.extend_from_slice(key.sign_raw(&message).as_bytes());
    }
    Certificate(out)
}

/// Two votes of a key that contradict each other, as a member of a committee of a network that breaks the rules signs
/// them.
#[must_use]
pub fn vote_twice(
    committee: &Committee,
    network: &Digest,
    key: &Keypair,
    what: Contradiction,
    (epoch, view): (u64, u64),
) -> DoubleVote {
    let proposed =
        |n: u8| Some(Proposed { parent: view.saturating_sub(1), block: Digest::from_bytes([n; 32]) });
    let unsigned = |proposed| Vote { proposed, signature: Signature::from_bytes([0; Signature::LEN]) };
    let first = unsigned(proposed(1).filter(|_| what != Contradiction::SkippedAndFinal));
    let mut votes =
        DoubleVote { who: key.account(), what, epoch, view, first, second: unsigned(proposed(2)) };
    let [first, second] = votes.messages(committee, network).map(|message| key.sign_raw(&message));
    (votes.first.signature, votes.second.signature) = (first, second);
    votes
}

/// [`crate::verify`] without a domain, for vectors that fix the signed bytes.
///
/// # Errors
/// As [`crate::verify`].
pub fn verify_bytes(
    account: &AccountId,
    message: &[u8],
    signature: &Signature,
) -> Result<(), SignatureError> {
    verify_raw(account, message, signature)
}

/// A network whose validators' keys are known.
#[derive(Debug)]
pub struct Network {
    /// Its genesis.
    pub genesis: Genesis,
    /// The validators' keys, in the genesis's order.
    pub validators: Vec<Keypair>,
    /// A worker's or client's key.
    pub worker: Keypair,
}

impl Network {
    /// A network of `n` validators, the same on every run.
    #[must_use]
    pub fn new(n: u8) -> Self {
        Self::named("test", n)
    }

    /// The same validators under another name: another network.
    #[must_use]
    pub fn named(name: &str, n: u8) -> Self {
        let mut validators: Vec<Keypair> = (1..=n).map(|i| Keypair::from_seed([i; 32])).collect();
        validators.sort_by_key(Keypair::account);
        let accounts: Vec<AccountId> = validators.iter().map(Keypair::account).collect();
        let genesis = Genesis::new(name, 1_700_000_000_000, accounts, Prices::default());
        Self { genesis, validators, worker: Keypair::from_seed([200; 32]) }
    }

    /// A bundle of these entries, signed by the worker.
    ///
    /// # Panics
    /// When they do not fit one bundle.
    #[must_use]
    #[allow(clippy::expect_used, reason = "for tests")]
    pub fn bundle(&self, entries: &[(PageClass, Vec<u8>)], valid_until: u64) -> Bundle {
        let mut builder = BundleBuilder::new();
        for (class, entry) in entries {
            builder.append(*class, entry).expect("the entries of a test fit one bundle");
        }
        Bundle::sign(&self.worker, &self.genesis.network(), valid_until, builder.finish())
            .expect("a test has entries")
    }

    /// The certificate of a smallest quorum for `block`.
    #[must_use]
    pub fn certify(&self, block: &BlockHeader) -> Certificate {
        let voters = &self.validators[..quorum(self.validators.len())];
        certify(&self.genesis, voters, 0, block.height, &block.digest())
    }

    /// A whole proof of one entry, alone in its bundle, batch and block of the given height.
    #[must_use]
    pub fn prove(&self, entry: &Entry, class: PageClass, height: u64) -> (Proof, EntryId) {
        let bundle = self.bundle(&[(class, entry.encode())], height);
        self.prove_in(vec![bundle], 0, (0, 0), &[], height)
    }

    /// A whole proof of the entry at `(page, slot)` of bundle `index`, in a batch of `bundles`, in a block that
    /// has the batches `before` too.
    ///
    /// # Panics
    /// When there is no such bundle.
    #[must_use]
    #[allow(clippy::expect_used, reason = "for tests")]
    pub fn prove_in(
        &self,
        bundles: Vec<Bundle>,
        index: u16,
        (page, slot): (u16, u16),
        before: &[Digest],
        height: u64,
    ) -> (Proof, EntryId) {
        let batch = Batch::seal(0, height, bundles).expect("a test has bundles");
        let digests = [before, &[batch.digest()]].concat();
        let block =
            BlockHeader::new(height, Digest::ZERO, 1_700_000_000_000 + height, Digest::ZERO, &digests);
        let bundle = &batch.bundles[usize::from(index)];
        let proof = Proof {
            entry: sign_path(bundle, page, slot),
            bundle_index: index,
            bundle_path: merkle::path(&batch.leaves(), index.into()),
            batch_header: batch.header,
            batch_index: before.len() as u16,
            batch_path: merkle::path(&digests, before.len()),
            block_header: block,
            descent: Vec::new(),
            certificate: self.certify(&block),
            handovers: Vec::new(),
        };
        let id = proof.id();
        (proof, id)
    }
}

/// A network of 4 validators whose committee changes twice, in epochs of [`CHANGING_BLOCKS`] blocks: in epoch 2 a fifth
/// joins, in epoch 4 the first leaves.
#[must_use]
pub fn changing() -> (Network, [Vec<Keypair>; 3]) {
    let mut network = Network::named("changing", 4);
    let authority = Keypair::from_seed([99; 32]).account();
    network.genesis = network.genesis.with_epochs(Epochs { blocks: CHANGING_BLOCKS, authority });
    let first = network.validators.clone();
    let mut second = [first.as_slice(), &[Keypair::from_seed([5; 32])]].concat();
    second.sort_by_key(Keypair::account);
    let third = second.iter().filter(|key| key.account() != first[0].account()).cloned().collect();
    (network, [first, second, third])
}

/// Blocks in an epoch of [`changing`].
pub const CHANGING_BLOCKS: u64 = 10;

/// The committees of [`changing`].
#[must_use]
pub fn committees(keys: &[Vec<Keypair>; 3]) -> [Committee; 3] {
    let mut number = 0;
    keys.each_ref().map(|keys| {
        let members = keys.iter().map(Keypair::account).collect();
        number += 1;
        Committee { number: number - 1, members }
    })
}

/// A proof of `entry` in a network as of [`changing`], in a block of the given height, with the handovers that lead to
/// the committee of its epoch.
///
/// # Panics
/// When a committee has no quorum.
#[must_use]
pub fn prove_later(network: &Network, keys: &[Vec<Keypair>; 3], entry: &Entry, height: u64) -> Proof {
    let id = network.genesis.network();
    let committees = committees(keys);
    let votes = |number: usize, header: &BlockHeader| {
        let voters = &keys[number][..quorum(keys[number].len())];
        let round = (header.height / CHANGING_BLOCKS, header.height);
        certify_by(&committees[number], &id, voters, round, &header.digest())
    };
    let handover = |number: usize, height: u64| {
        let header = BlockHeader::new(height, Digest::ZERO, 1_700_000_000_000 + height, Digest::ZERO, &[]);
        let header = header.naming(Some(committees[number].digest()));
        let certificate = votes(number - 1, &header);
        Handover { header, certificate, members: committees[number].members.clone() }
    };
    let mut proof = network.prove(entry, PageClass::Bulk, height).0;
    // The last blocks of epochs 1 and 3.
    let changes = [(1, 2 * CHANGING_BLOCKS - 1), (2, 4 * CHANGING_BLOCKS - 1)];
    let passed = changes.iter().filter(|(_, last)| *last < height);
    proof.handovers = passed.map(|(number, last)| handover(*number, *last)).collect();
    proof.certificate = votes(proof.handovers.len(), &proof.block_header);
    proof
}

/// The same proof for a block without votes of its own, `blocks` before the certified one.
#[must_use]
pub fn descend(network: &Network, mut proof: Proof, blocks: u64) -> Proof {
    let mut certified = proof.block_header;
    for _ in 0..blocks {
        let time_ms = certified.time_ms + 1000;
        certified = BlockHeader::new(certified.height + 1, certified.digest(), time_ms, Digest::ZERO, &[]);
        proof.descent.push(certified);
    }
    proof.certificate = network.certify(&certified);
    proof
}

/// The signed entry at `(page, slot)` of a bundle.
///
/// # Panics
/// When there is no such page.
#[must_use]
#[allow(clippy::expect_used, reason = "for tests")]
pub fn sign_path(bundle: &Bundle, page: u16, slot: u16) -> SignedEntry {
    SignedEntry {
        page: bundle.pages[usize::from(page)].clone(),
        slot,
        page_index: page,
        page_path: merkle::path(&bundle.leaves().expect("signed bundles have good pages"), page.into()),
        bundle_header: bundle.header,
        signature: bundle.signature,
    }
}
