//! Seats and committees in a ledger that is given its blocks by hand: who may change them, when that takes effect,
//! what is proven across changes, and what a replica does that must not vote.

use crate::world::{bundle, call, name};
use futures::FutureExt as _;
use moot_ledger::{Ledger, Options, OrderingChoice, PayloadBytes, Refused};
use moot_ordering::Finalized;
use moot_record::testing::{Network, certify_by};
use moot_record::{BlockHeader, Digest, Entry, EntryId, Epochs, Keypair, Role, Transaction, quorum};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Blocks in an epoch.
const BLOCKS: u64 = 12;

fn authority() -> Keypair {
    Keypair::from_seed([99; 32])
}

/// One replica, and a chain that is made for it.
struct Chain {
    network: Network,
    known: Vec<Keypair>,
    dir: tempfile::TempDir,
    me: Keypair,
    ledger: Option<Ledger>,
    parent: Digest,
    acked: Arc<AtomicU64>,
}

fn open(dir: &Path, network: &Network, me: &Keypair, lost: Option<Digest>) -> Ledger {
    let options = Options::new(dir, network.genesis.clone(), me.clone());
    Ledger::open(Options { ordering: OrderingChoice::External, journal_lost: lost, ..options }).unwrap()
}

impl Chain {
    fn new(me: impl FnOnce(&Network) -> Keypair, lost: Option<Digest>) -> Chain {
        let mut network = Network::new(4);
        let epochs = Epochs { blocks: BLOCKS, authority: authority().account() };
        network.genesis = network.genesis.with_epochs(epochs);
        let mut known = network.validators.clone();
        known.extend([50, 51].map(|seed| Keypair::from_seed([seed; 32])));
        let (dir, me) = (tempfile::tempdir().unwrap(), me(&network));
        let ledger = open(dir.path(), &network, &me, lost);
        let parent = moot_ordering::genesis_block(&network.genesis).digest();
        Chain { network, known, dir, me, ledger: Some(ledger), parent, acked: Arc::default() }
    }

    fn ledger(&self) -> &Ledger {
        self.ledger.as_ref().unwrap()
    }

    fn reopen(&mut self, lost: Option<Digest>) {
        futures::executor::block_on(self.ledger.take().unwrap().close());
        self.ledger = Some(open(self.dir.path(), &self.network, &self.me, lost));
    }

    /// The next block with these batches, certified by the committee of its epoch.
    fn block(&mut self, batches: Vec<Digest>) {
        let (ledger, seats) = (self.ledger().clone(), self.ledger().seats());
        let height = ledger.height() + 1;
        let header = BlockHeader::new(
            height,
            self.parent,
            1_700_000_000_000 + height,
            ledger.status().state,
            &batches,
        );
        let header = header.naming(seats.named_by(height).map(moot_record::Committee::digest));
        let committee = seats.committee(height / BLOCKS);
        let key = |account: &moot_record::AccountId| {
            self.known.iter().find(|key| key.account() == *account).unwrap().clone()
        };
        let voters: Vec<Keypair> =
            committee.members.iter().map(key).take(quorum(committee.members.len())).collect();
        let (network, round) = (self.network.genesis.network(), (height / BLOCKS, height));
        let certificate = certify_by(committee, &network, &voters, round, &header.digest());
        self.parent = header.digest();
        let (acked, block) =
            (self.acked.clone(), Finalized { header, batches, certificate, descent: vec![] });
        ledger.application().finalized(block, Box::new(move || acked.store(height, Ordering::SeqCst)));
        until("the block is committed", || self.acked.load(Ordering::SeqCst) == height);
    }

    /// Blocks up to a height, with whatever is to be ordered.
    fn up_to(&mut self, height: u64) {
        while self.ledger().height() < height {
            let proposal = self.ledger().application().propose(&[], 64).now_or_never();
            self.block(proposal.map_or_else(Vec::new, |proposal| proposal.batches));
        }
    }

    /// Says something in a block of its own; its address.
    async fn say(&mut self, key: &Keypair, entry: Entry) -> EntryId {
        let pending = {
            let ledger = self.ledger();
            ledger.submit(bundle(ledger, key, ledger.height() + 50, &[entry])).unwrap()
        };
        pending.durable().await.unwrap();
        let proposal = self.ledger().application().propose(&[], 64).await;
        self.block(proposal.batches);
        pending.id()
    }

    async fn seat(&mut self, key: &Keypair, who: &Keypair, role: Role) -> Result<u32, String> {
        let at = |port| Some(SocketAddr::from(([10, 0, 0, 9], port)));
        let (account, ledger, data) = (who.account(), at(9080), at(10080));
        let id = self.say(key, Entry::Transaction(Transaction::Seat { account, role, ledger, data })).await;
        let outcome = self.ledger().transaction_outcome(id).unwrap().unwrap();
        outcome.result.map_err(|refusal| refusal.to_string())
    }

    /// A call, final at the next block; its address.
    async fn call(&mut self, number: u64) -> EntryId {
        let pending = self.ledger().append_call(call(number), PayloadBytes::None).unwrap();
        pending.durable().await.unwrap();
        let proposal = self.ledger().application().propose(&[], 64).await;
        self.block(proposal.batches);
        pending.id()
    }

    #[track_caller]
    fn proves(&self, id: EntryId, handovers: usize) {
        let proof = self.ledger().prove(id).unwrap();
        assert_eq!(proof.handovers.len(), handovers);
        let proof = moot_record::Proof::decode(&proof.encode()).unwrap();
        assert_eq!(proof.verify(&self.network.genesis).unwrap().id, id);
    }
}

#[track_caller]
fn until(what: &str, so: impl Fn() -> bool) {
    let since = Instant::now();
    while !so() {
        assert!(since.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The committee of the blocks is the state's; what was said before and after is proven with the genesis alone, also
/// after a restart, and a replica whose committee differs stops.
#[tokio::test]
async fn committees_follow_the_authority_and_proofs_follow_them() {
    let mut chain = Chain::new(|network| network.validators[0].clone(), None);
    let joins = chain.known[4].clone();
    let before = chain.call(1).await;
    let stranger = chain.known[0].clone();
    let refused = chain.seat(&stranger, &joins, Role::Votes).await.unwrap_err();
    assert!(
        refused.contains("authority") && refused.contains(&authority().account().to_string()),
        "{refused}"
    );
    assert_eq!(chain.seat(&authority(), &joins, Role::Votes).await, Ok(4));
    let second = chain.known[5].clone();
    let refused = chain.seat(&authority(), &second, Role::Votes).await.unwrap_err();
    assert!(refused.contains("2 would join") && refused.contains("4 stay"), "{refused}");
    assert_eq!(chain.seat(&authority(), &second, Role::Follows).await, Ok(5));
    let leaves = chain.network.validators[2..].to_vec();
    assert_eq!(chain.seat(&authority(), &leaves[0], Role::Out).await, Ok(2));
    let refused = chain.seat(&authority(), &leaves[1], Role::Out).await.unwrap_err();
    assert!(refused.contains("at most 1 may"), "{refused}");

    let plan = chain.ledger().application().epoch(1);
    assert!(plan.is_none(), "the block before epoch 1 is not there yet");
    chain.up_to(BLOCKS);
    let app = chain.ledger().application();
    let plan = app.epoch(1).unwrap();
    assert_eq!((plan.committee.number, plan.next.number, plan.votes), (0, 1, true));
    assert!(app.epoch(2).is_none());
    let block = chain.ledger().block(BLOCKS - 1).unwrap().unwrap();
    assert_eq!((plan.start, block.header.committee), (block.header.digest(), None));
    drop(app);
    chain.up_to(2 * BLOCKS);
    let plan = chain.ledger().application().epoch(2).unwrap();
    assert_eq!((plan.committee.number, plan.next.number), (1, 1));
    assert!(plan.committee.contains(&joins.account()) && !plan.committee.contains(&leaves[0].account()));
    let handover = chain.ledger().block(2 * BLOCKS - 1).unwrap().unwrap();
    assert_eq!(handover.header.committee, Some(plan.committee.digest()));

    let after = chain.call(2).await;
    assert_eq!(chain.seat(&authority(), &leaves[1], Role::Follows).await, Ok(3));
    chain.up_to(4 * BLOCKS);
    let last = chain.call(3).await;
    for _ in 0..2 {
        chain.proves(before, 0);
        chain.proves(after, 1);
        chain.proves(last, 2);
        let state = chain.ledger().status().state;
        chain.reopen(None);
        assert_eq!(chain.ledger().status().state, state);
        assert_eq!(chain.ledger().application().epoch(4).unwrap().committee.number, 2);
        assert_eq!(chain.ledger().application().epoch(1).unwrap().start, block.header.digest());
    }
    // A block that names another committee than this replica's state does.
    chain.up_to(5 * BLOCKS - 2);
    let height = chain.ledger().height() + 1;
    let state = chain.ledger().status().state;
    let header = BlockHeader::new(height, chain.parent, 1_700_000_000_000 + height, state, &[]);
    let header = header.naming(Some(Digest::from_bytes([7; 32])));
    let certificate = handover.certificate.clone();
    let block = Finalized { header, batches: vec![], certificate, descent: vec![] };
    chain.ledger().application().finalized(block, Box::new(|| {}));
    until("it stops", || matches!(chain.ledger().status().condition, moot_ledger::Condition::Stopped(_)));
}

/// Who leaves takes nothing new, votes to the end, and then follows.
#[tokio::test]
async fn who_leaves_takes_nothing_new_and_follows() {
    let mut chain = Chain::new(|network| network.validators[3].clone(), None);
    let me = chain.me.clone();
    chain.call(1).await;
    assert_eq!(chain.seat(&authority(), &me, Role::Follows).await, Ok(3));
    let refused = chain.ledger().append_call(call(2), PayloadBytes::None).unwrap_err();
    assert!(matches!(&refused, Refused::Follows(why) if why.contains("leaves")), "{refused}");
    assert!(chain.ledger().status().standing.votes);
    chain.up_to(2 * BLOCKS - 1);
    let standing = chain.ledger().status().standing;
    assert!(!standing.votes && !standing.records && standing.why.is_some(), "{standing:?}");
    assert_eq!(chain.ledger().function(&name("hello")), None);
    chain.up_to(2 * BLOCKS + 3);
}

/// A replica without a seat has no lane and records nothing, until it gets one.
#[tokio::test]
async fn who_has_no_seat_follows_and_takes_its_lane_when_it_gets_one() {
    let mut other = Chain::new(|network| network.validators[0].clone(), None);
    let mut chain = Chain::new(|_| Keypair::from_seed([50; 32]), None);
    assert_eq!((chain.ledger().lane(), chain.ledger().status().standing.votes), (None, false));
    assert!(matches!(chain.ledger().append_call(call(1), PayloadBytes::None), Err(Refused::Follows(_))));
    let me = chain.me.clone();
    assert_eq!(other.seat(&authority(), &me, Role::Votes).await, Ok(4));
    // What the other recorded, as the data plane would bring it.
    let block = other.ledger().block(1).unwrap().unwrap();
    let wanted = moot_ordering::Wanted { kind: moot_ledger::KIND_BATCH, digest: block.batches[0], part: 0 };
    let bytes = other.ledger().application().supply(&wanted).await.unwrap();
    assert!(chain.ledger().application().accept(&wanted, bytes).await);
    let app = chain.ledger().application();
    let holds = app.available(&block.header, &block.batches);
    assert!(tokio::time::timeout(Duration::from_secs(10), holds).await.unwrap());
    drop(app);
    chain.block(block.batches);
    until("it has a lane", || chain.ledger().lane() == Some(4));
    chain.call(2).await;
    let plan = |chain: &Chain, epoch| chain.ledger().application().epoch(epoch).unwrap();
    chain.up_to(2 * BLOCKS);
    assert!(plan(&chain, 2).committee.contains(&me.account()) && plan(&chain, 2).votes);
    assert!(chain.ledger().status().standing.votes);
}

/// A key whose journal is lost votes again in the epoch after the one that orders what it made since.
#[tokio::test]
async fn who_lost_its_journal_votes_again_in_an_epoch_that_began_later() {
    let number = Digest::from_bytes([8; 32]);
    let mut chain = Chain::new(|network| network.validators[1].clone(), Some(number));
    assert!(!chain.ledger().application().epoch(0).unwrap().votes);
    assert!(matches!(chain.ledger().append_call(call(1), PayloadBytes::None), Err(Refused::Follows(_))));
    // Blocks that say nothing of it change nothing, however many epochs pass.
    for height in 1..=BLOCKS + 1 {
        chain.block(vec![]);
        assert!(!chain.ledger().application().epoch(height / BLOCKS).unwrap().votes);
    }
    until("it has sealed something", || chain.ledger().status().unordered_batches == 1);
    let lane = chain.ledger().status().lanes[1];
    assert!(lane.last_held.unwrap() > 1_000_000, "far beyond what it can have sealed before: {lane:?}");
    chain.reopen(Some(number));
    let proposal = chain.ledger().application().propose(&[], 64).await;
    chain.block(proposal.batches);
    assert!(!chain.ledger().application().epoch(1).unwrap().votes, "this epoch may have begun before");
    chain.reopen(Some(number));
    chain.up_to(2 * BLOCKS - 1);
    assert!(chain.ledger().application().epoch(2).unwrap().votes);
    assert!(!chain.ledger().application().epoch(1).unwrap().votes);
    chain.call(1).await;
    // Another loss begins anew.
    chain.reopen(Some(Digest::from_bytes([9; 32])));
    assert!(!chain.ledger().application().epoch(2).unwrap().votes);
    chain.reopen(None);
    assert!(chain.ledger().application().epoch(2).unwrap().votes, "its journal was put back");
}
