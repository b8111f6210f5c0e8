//! For tests, behind the feature `testing`: networks whose keys are known, and the replicas' votes without a
//! replica.

use crate::address::EntryId;
use crate::batch::Batch;
use crate::block::BlockHeader;
use crate::bundle::Bundle;
use crate::bundle_builder::BundleBuilder;
use crate::bytes::{AccountId, Digest, Signature};
use crate::certificate::{Certificate, quorum, vote_message, write_varint};
use crate::entry::Entry;
use crate::fees::Prices;
use crate::genesis::Genesis;
use crate::key::{Keypair, SignatureError, verify_raw};
use crate::merkle;
use crate::page::PageClass;
use crate::proof::{Proof, SignedEntry};

/// A certificate for `block` by `voters`, byte for byte as commonware's simplex (2026.10.0) makes it.
///
/// `voters` should be validators of the genesis; others are given the place 0, so that tests can forge.
#[must_use]
pub fn certify(genesis: &Genesis, voters: &[Keypair], epoch: u64, view: u64, block: &Digest) -> Certificate {
    let mut proposal = Vec::new();
    write_varint(&mut proposal, epoch);
    write_varint(&mut proposal, view);
    write_varint(&mut proposal, view.saturating_sub(1));
    proposal.extend_from_slice(block.as_bytes());
    let message = vote_message(&genesis.namespace(), &proposal);
    let n = genesis.validators.len();
    let mut votes: Vec<(usize, &Keypair)> = voters
        .iter()
        .map(|key| (genesis.validators.binary_search(&key.account()).unwrap_or_default(), key))
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
        };
        let id = proof.id();
        (proof, id)
    }
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
