//! Ordering without an engine: proposes, certifies with the network's known keys, delivers, and repeats after
//! a restart what was not acknowledged, as the engine promises.

use futures::FutureExt;
use moot_ledger::Ledger;
use moot_ordering::Finalized;
use moot_record::testing::Network;
use moot_record::{BlockHeader, Digest};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The chain of one network of one validator.
pub(crate) struct Sequencer {
    network: Network,
    blocks: Vec<Finalized>,
    acked: Arc<AtomicU64>,
}

impl Sequencer {
    pub(crate) fn new() -> Sequencer {
        Sequencer { network: Network::new(1), blocks: Vec::new(), acked: Arc::default() }
    }

    /// Height up to which the ledger said that it has committed.
    pub(crate) fn acked(&self) -> u64 {
        self.acked.load(Ordering::SeqCst)
    }

    /// Height of the last block made.
    pub(crate) fn height(&self) -> u64 {
        self.blocks.len() as u64
    }

    fn deliver(&self, ledger: &Ledger, block: Finalized) {
        let (acked, height) = (self.acked.clone(), block.header.height);
        ledger.application().finalized(
            block,
            Box::new(move || {
                acked.fetch_max(height, Ordering::SeqCst);
            }),
        );
    }

    /// After a restart: everything from one block before the last acknowledged one on.
    pub(crate) fn repeat(&self, ledger: &Ledger) {
        let from = usize::try_from(self.acked()).unwrap().saturating_sub(1);
        for block in &self.blocks[from..] {
            self.deliver(ledger, block.clone());
        }
    }

    /// Makes and delivers the next block: whatever is ready, or a heartbeat.
    pub(crate) fn step(&mut self, ledger: &Ledger) {
        let app = ledger.application();
        let acked = usize::try_from(self.acked()).unwrap();
        let taken: Vec<Digest> =
            self.blocks[acked..].iter().flat_map(|block| block.batches.clone()).collect();
        let proposal = app.propose(&taken, 256).now_or_never();
        let (batches, state) = proposal.map_or_else(|| (vec![], app.state()), |p| (p.batches, p.state));
        self.push(ledger, batches, state);
    }

    /// Delivers a block of the given content.
    pub(crate) fn push(&mut self, ledger: &Ledger, batches: Vec<Digest>, state: Digest) {
        let height = self.blocks.len() as u64 + 1;
        let parent = self.blocks.last().map_or(Digest::ZERO, |block| block.header.digest());
        let header = BlockHeader::new(height, parent, 1_700_000_000_000 + height, state, &batches);
        let certificate = self.network.certify(&header);
        let block = Finalized { header, batches, certificate, descent: Vec::new() };
        self.blocks.push(block.clone());
        self.deliver(ledger, block);
    }
}
