//! The engine's archives, with what the application keeps beyond them.
//!
//! ```text
//!   a peer asks for block 7 ──► marshal ──► archive (the last some thousand) ──► application (all that it kept)
//! ```
//!
//! A busy network leaves the archives' window within minutes. Who joins, or has lost its disk, begins at block 1: it
//! can catch up because every replica's application answers for the archive. Nothing is ever written there from here.

use crate::{
    Application, Finalized, OldBlock,
    block::{Block, EngineDigest, from_engine},
};
use commonware_codec::Decode as _;
use commonware_consensus::{
    marshal::store,
    simplex::{scheme::ed25519::Scheme, types::Finalization},
    types::Height,
};
use commonware_cryptography::certificate::Verifier as _;
use commonware_runtime::Handle;
use commonware_storage::archive::Identifier;
use std::sync::Arc;
use tracing::error;

/// An archive, and whom to ask for what it has no more.
pub(crate) struct Beyond<A> {
    kept: A,
    app: Arc<dyn Application>,
}

impl<A> Beyond<A> {
    pub(crate) fn new(kept: A, app: Arc<dyn Application>) -> Beyond<A> {
        Beyond { kept, app }
    }

    fn old(&self, id: &Identifier<'_, EngineDigest>) -> Option<Finalized> {
        let which = match id {
            // The block that every chain starts from is nobody's to keep.
            Identifier::Index(0) => return None,
            Identifier::Index(height) => OldBlock::At(*height),
            Identifier::Key(digest) => OldBlock::Named(from_engine(digest)),
        };
        let found = self.app.old_block(which)?;
        let right = match which {
            OldBlock::At(height) => found.header.height == height,
            OldBlock::Named(digest) => found.header.digest() == digest,
        };
        right.then_some(found)
    }
}

type Votes = Finalization<Scheme, EngineDigest>;

fn votes(found: &Finalized) -> Option<Votes> {
    if !found.descent.is_empty() {
        // They are for a later block.
        return None;
    }
    let config = Scheme::certificate_codec_config_unbounded();
    match Votes::decode_cfg(found.certificate.0.as_slice().to_vec(), &config) {
        Ok(votes) => Some(votes),
        Err(error) => {
            error!(height = found.header.height, %error, "the application's certificate of a block is damaged");
            None
        }
    }
}

impl<A> store::Certificates for Beyond<A>
where
    A: store::Certificates<BlockDigest = EngineDigest, Commitment = EngineDigest, Scheme = Scheme>,
{
    type BlockDigest = EngineDigest;
    type Commitment = EngineDigest;
    type Scheme = Scheme;
    type Error = A::Error;

    async fn put(self, height: Height, digest: EngineDigest, votes: &Votes) -> Result<Self, A::Error> {
        Ok(Beyond { kept: self.kept.put(height, digest, votes).await?, app: self.app })
    }

    async fn sync(self) -> Result<Self, A::Error> {
        Ok(Beyond { kept: self.kept.sync().await?, app: self.app })
    }

    async fn start_sync(self) -> Result<(Self, Handle<()>), A::Error> {
        let (kept, handle) = self.kept.start_sync().await?;
        Ok((Beyond { kept, app: self.app }, handle))
    }

    async fn get(&self, id: Identifier<'_, EngineDigest>) -> Result<Option<Votes>, A::Error> {
        let old = match &id {
            Identifier::Index(height) => Identifier::Index(*height),
            Identifier::Key(digest) => Identifier::Key(*digest),
        };
        match self.kept.get(id).await? {
            Some(votes) => Ok(Some(votes)),
            None => Ok(self.old(&old).as_ref().and_then(votes)),
        }
    }

    async fn has(&self, height: Height) -> Result<bool, A::Error> {
        self.kept.has(height).await
    }

    async fn prune(self, min: Height) -> Result<Self, A::Error> {
        Ok(Beyond { kept: self.kept.prune(min).await?, app: self.app })
    }

    fn last_index(&self) -> Option<Height> {
        self.kept.last_index()
    }

    fn ranges_from(&self, from: Height) -> impl Iterator<Item = (Height, Height)> {
        self.kept.ranges_from(from)
    }
}

impl<A> store::Blocks for Beyond<A>
where
    A: store::Blocks<Block = Arc<Block>>,
{
    type Block = Arc<Block>;
    type Error = A::Error;

    async fn put(self, digest: EngineDigest, block: &Arc<Block>) -> Result<Self, A::Error> {
        Ok(Beyond { kept: self.kept.put(digest, block).await?, app: self.app })
    }

    async fn sync(self) -> Result<Self, A::Error> {
        Ok(Beyond { kept: self.kept.sync().await?, app: self.app })
    }

    async fn start_sync(self) -> Result<(Self, Handle<()>), A::Error> {
        let (kept, handle) = self.kept.start_sync().await?;
        Ok((Beyond { kept, app: self.app }, handle))
    }

    async fn get(&self, id: Identifier<'_, EngineDigest>) -> Result<Option<Arc<Block>>, A::Error> {
        let old = match &id {
            Identifier::Index(height) => Identifier::Index(*height),
            Identifier::Key(digest) => Identifier::Key(*digest),
        };
        match self.kept.get(id).await? {
            Some(block) => Ok(Some(block)),
            None => Ok(self.old(&old).map(|found| Arc::new(Block::of(found)))),
        }
    }

    async fn prune(self, min: Height) -> Result<Self, A::Error> {
        Ok(Beyond { kept: self.kept.prune(min).await?, app: self.app })
    }

    fn missing_items(&self, start: Height, max: usize) -> Vec<Height> {
        self.kept.missing_items(start, max)
    }

    fn next_gap(&self, value: Height) -> (Option<Height>, Option<Height>) {
        self.kept.next_gap(value)
    }

    fn last_index(&self) -> Option<Height> {
        self.kept.last_index()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        limits::MAX_BATCHES_PER_BLOCK,
        pool::{self, Acks, Pool},
        settings,
    };
    use commonware_consensus::marshal::store::Blocks as _;
    use commonware_cryptography::Digestible as _;
    use commonware_runtime::{Runner as _, Supervisor as _, deterministic};
    use commonware_storage::{archive::prunable, translator::EightCap};
    use moot_record::Certificate;

    #[test]
    fn what_the_archive_let_go_the_application_has() {
        deterministic::Runner::default().start(|context| async move {
            let genesis = pool::genesis(&pool::keys(1));
            let app = Arc::new(Pool::new(&genesis, Acks::All));
            let first = Block::new(1, Block::genesis(&genesis).header().digest(), 5, pool::batch(0), vec![]);
            let header = *first.header();
            let kept =
                Finalized { header, batches: vec![], certificate: Certificate(vec![1]), descent: vec![] };
            app.finalized(kept.clone(), Box::new(|| {}));
            let config = settings::archive("t", "blocks", &settings::page_cache(), MAX_BATCHES_PER_BLOCK);
            let archive: prunable::Archive<EightCap, _, EngineDigest, Arc<Block>> =
                prunable::Archive::init(context.child("blocks"), config).await.unwrap();
            let blocks = Beyond::new(archive, app as Arc<dyn Application>);
            let digest = first.digest();
            assert_eq!(blocks.get(Identifier::Index(1)).await.unwrap().as_deref(), Some(&first));
            assert_eq!(blocks.get(Identifier::Key(&digest)).await.unwrap().as_deref(), Some(&first));
            assert_eq!(blocks.get(Identifier::Index(2)).await.unwrap(), None);
            assert_eq!(blocks.get(Identifier::Index(0)).await.unwrap(), None);
            assert_eq!(blocks.last_index(), None, "the archive itself has nothing");
            let second = Arc::new(Block::new(2, header.digest(), 6, pool::batch(0), vec![]));
            let blocks = blocks.put(second.digest(), &second).await.unwrap();
            assert_eq!(blocks.get(Identifier::Index(2)).await.unwrap(), Some(second));
            // Damaged votes, and votes for a later block, are none.
            assert_eq!(votes(&kept), None);
            assert_eq!(votes(&Finalized { descent: vec![header], ..kept }), None);
        });
    }
}
