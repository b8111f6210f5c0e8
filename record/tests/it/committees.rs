//! Proofs from after the committee has changed: they need the genesis alone, and forged ones are refused by name.

use moot_record::limits::{MAX_HANDOVERS, MAX_PROOF_BYTES};
use moot_record::testing::{CHANGING_BLOCKS, Network, certify_by, changing, committees, prove_later};
use moot_record::{BlockHeader, Entry, Genesis, Handover, Keypair, PageClass, Payload, Proof, Value};

pub(crate) fn said() -> Entry {
    Entry::Value(Value::new("/chat/lobby", Payload::inlined(b"hello")))
}

/// Heights of epochs 0, 2 and 4, whose committees are numbers 0, 1 and 2.
pub(crate) const HEIGHTS: [u64; 3] = [3, 2 * CHANGING_BLOCKS + 5, 4 * CHANGING_BLOCKS];

struct Scene {
    network: Network,
    keys: [Vec<Keypair>; 3],
}

impl Scene {
    fn new() -> Scene {
        let (network, keys) = changing();
        Scene { network, keys }
    }

    fn proof(&self, height: u64) -> Proof {
        prove_later(&self.network, &self.keys, &said(), height)
    }

    #[track_caller]
    fn refuses(&self, proof: &Proof, field: &str) {
        let error = proof.verify(&self.network.genesis).unwrap_err();
        assert_eq!(error.field(), field, "{error}");
        if let Ok(again) = Proof::decode(&proof.encode()) {
            assert_eq!(again.verify(&self.network.genesis).unwrap_err().field(), field);
        }
    }

    /// A certificate for a header by a committee, of an epoch.
    fn votes(&self, number: usize, epoch: u64, header: &BlockHeader) -> moot_record::Certificate {
        let (committee, keys) = (&committees(&self.keys)[number], &self.keys[number]);
        certify_by(committee, &self.network.genesis.network(), keys, (epoch, 7), &header.digest())
    }
}

#[test]
fn proofs_from_before_and_after_changes_need_the_genesis_alone() {
    let scene = Scene::new();
    for (handovers, height) in HEIGHTS.into_iter().enumerate() {
        let proof = scene.proof(height);
        assert_eq!(proof.handovers.len(), handovers);
        let proven = Proof::decode(&proof.encode()).unwrap().verify(&scene.network.genesis).unwrap();
        assert_eq!((proven.height, proven.epoch), (height, height / CHANGING_BLOCKS));
    }
    // Without a change the encoding is what it was before there were any.
    assert_eq!(scene.proof(3).encode()[..2], [0x8f, 1]);
    assert_eq!(scene.proof(25).encode()[..2], [0x90, 2]);
}

#[test]
fn gaps_swaps_and_handovers_too_many_are_refused() {
    let scene = Scene::new();
    let good = scene.proof(HEIGHTS[2]);
    let with = |change: &dyn Fn(&mut Vec<Handover>)| {
        let mut forged = good.clone();
        change(&mut forged.handovers);
        forged
    };
    // The first left out: the second does not name committee 1.
    scene.refuses(&with(&|h| drop(h.remove(0))), "handover.committee");
    scene.refuses(&with(&|h| h.swap(0, 1)), "handover.committee");
    scene.refuses(&with(&|h| h.push(h[1].clone())), "handover.height");
    // The last left out: four of committee 2 are in committee 1 as well, and their votes are not its votes.
    scene.refuses(&with(&|h| h.truncate(1)), "certificate.committee");
    scene.refuses(&with(&|h| h.clear()), "certificate.vote");
    // An old block with a later committee's handover.
    let old = Proof { handovers: good.handovers[..1].to_vec(), ..scene.proof(HEIGHTS[0]) };
    scene.refuses(&old, "handover.height");
    // A network whose committee never changes has none.
    let fixed = Genesis::new("fixed", 0, scene.network.genesis.validators.clone(), Default::default());
    let network =
        Network { genesis: fixed, validators: scene.keys[0].clone(), worker: Keypair::from_seed([1; 32]) };
    let mut forged = network.prove(&said(), PageClass::Bulk, 30).0;
    forged.handovers = good.handovers.clone();
    assert_eq!(forged.verify(&network.genesis).unwrap_err().field(), "handover.epochs");
}

#[test]
fn wrong_committees_are_refused() {
    let scene = Scene::new();
    let good = scene.proof(HEIGHTS[1]);
    let stranger = Keypair::from_seed([66; 32]).account();
    // Members that the block does not name.
    let mut forged = good.clone();
    forged.handovers[0].members[0] = stranger;
    forged.handovers[0].members.sort_unstable();
    scene.refuses(&forged, "handover.committee");
    let mut forged = good.clone();
    forged.handovers[0].members.swap(0, 1);
    scene.refuses(&forged, "handover.members");
    // A block that names nobody, or names them without being the last of its epoch.
    let mut forged = good.clone();
    forged.handovers[0].header.committee = None;
    forged.handovers[0].certificate = scene.votes(0, 1, &forged.handovers[0].header);
    scene.refuses(&forged, "handover.committee");
    let mut forged = good.clone();
    forged.handovers[0].header.height -= 1;
    forged.handovers[0].certificate = scene.votes(0, 1, &forged.handovers[0].header);
    scene.refuses(&forged, "handover.height");
    // The committee that a block of the same members under another number would have.
    let mut forged = good.clone();
    let other = moot_record::Committee { number: 2, members: forged.handovers[0].members.clone() };
    forged.handovers[0].header.committee = Some(other.digest());
    forged.handovers[0].certificate = scene.votes(0, 1, &forged.handovers[0].header);
    scene.refuses(&forged, "handover.committee");
}

#[test]
fn forged_certificates_and_other_epochs_are_refused() {
    let scene = Scene::new();
    let good = scene.proof(HEIGHTS[1]);
    // Committee 1 lets itself in.
    let mut forged = good.clone();
    forged.handovers[0].certificate = scene.votes(1, 1, &forged.handovers[0].header);
    scene.refuses(&forged, "handover.certificate.committee");
    let mut forged = good.clone();
    *forged.handovers[0].certificate.0.last_mut().unwrap() ^= 1;
    scene.refuses(&forged, "handover.certificate.vote");
    let mut forged = good.clone();
    forged.handovers[0].header.time_ms += 1;
    scene.refuses(&forged, "handover.certificate.block");
    // Votes of an earlier epoch, or of one to come.
    for epoch in [0, 2] {
        let mut forged = good.clone();
        forged.handovers[0].certificate = scene.votes(0, epoch, &forged.handovers[0].header);
        scene.refuses(&forged, "handover.certificate.epoch");
    }
    for epoch in [1, 3] {
        let mut forged = good.clone();
        forged.certificate = scene.votes(1, epoch, &forged.block_header);
        scene.refuses(&forged, "certificate.epoch");
    }
    // The committee of before, voting on.
    let mut forged = good.clone();
    forged.certificate = scene.votes(0, 2, &forged.block_header);
    scene.refuses(&forged, "certificate.committee");
    // Three of the third committee are a quorum of the first; their votes name their committee.
    let later = scene.proof(HEIGHTS[2]);
    let mut forged = later.clone();
    forged.handovers.clear();
    forged.certificate = scene.votes(2, 4, &forged.block_header);
    scene.refuses(&forged, "certificate.vote");
    forged.certificate = scene.votes(0, 4, &forged.block_header);
    assert!(
        forged.verify(&scene.network.genesis).is_ok(),
        "had the first committee stayed, it would be true"
    );
}

#[test]
fn a_proof_has_one_encoding_and_a_bound() {
    let scene = Scene::new();
    let good = scene.proof(HEIGHTS[1]);
    let bytes = good.encode();
    for cut in 0..bytes.len() {
        assert!(Proof::decode(&bytes[..cut]).is_err());
    }
    // The version of the other form; a list of handovers that is empty.
    let mut other = bytes.clone();
    other[1] = 1;
    assert!(Proof::decode(&other).is_err());
    let none = scene.proof(HEIGHTS[0]).encode();
    let empty = [&[none[0] + 1, 2], &none[2..], &[0x80]].concat();
    assert!(Proof::decode(&empty).is_err(), "no handovers in the form that has some");
    let many = Proof { handovers: vec![good.handovers[0].clone(); MAX_HANDOVERS + 1], ..good.clone() };
    assert!(Proof::decode(&many.encode()).is_err());
    let most = Proof { handovers: vec![good.handovers[0].clone(); MAX_HANDOVERS], ..good };
    assert!(most.encode().len() <= MAX_PROOF_BYTES, "{}", most.encode().len());
    assert!(Proof::decode(&most.encode()).is_ok());
}
