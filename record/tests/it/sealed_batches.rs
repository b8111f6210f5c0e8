//! Sealed batches: nobody puts a batch into another's lane, and no seal can be moved.

use moot_record::testing::Network;
use moot_record::{
    Batch, Bundle, DecodeError, Digest, Domain, Entry, Equivocation, PageClass, Payload, SealError,
    SealedHeader, SealedView, Signature, Value, seal,
};

const LANE: u32 = 2;

fn a_bundle(network: &Network, said: &[u8]) -> Bundle {
    let entry = Entry::Value(Value::new("/chat/lobby/42", Payload::inlined(said)));
    network.bundle(&[(PageClass::Bulk, entry.encode())], 100)
}

fn a_batch(network: &Network, seq: u64) -> Batch {
    let bundles = [&b"one"[..], b"two", b"three"].map(|said| a_bundle(network, said));
    Batch::seal(LANE, seq, bundles.to_vec()).unwrap()
}

fn owner_seal(network: &Network, batch: &Batch) -> Signature {
    let owner = &network.validators[usize::try_from(batch.header.lane).unwrap()];
    seal(owner, &network.genesis.network(), &batch.digest())
}

fn sealed(network: &Network, batch: &Batch) -> Vec<u8> {
    batch.encode_sealed(&owner_seal(network, batch))
}

fn check(network: &Network, bytes: &[u8]) -> Result<(), SealError> {
    SealedView::parse(bytes)?.verify(&network.genesis.validators, &network.genesis.network())
}

pub(crate) fn accepted(network: &Network, bytes: &[u8]) -> bool {
    check(network, bytes).is_ok()
}

/// One good batch and every way to forge it.
pub(crate) fn cases(network: &Network) -> Vec<(&'static str, Vec<u8>)> {
    let good = a_batch(network, 7);
    let theirs = owner_seal(network, &good);
    let other = Network::named("other", 4);
    let bytes = sealed(network, &good);
    let resealed = |change: &dyn Fn(&mut Batch)| {
        let mut batch = good.clone();
        change(&mut batch);
        batch
    };
    let moved = resealed(&|batch| batch.header.lane = 1);
    let nobodys = resealed(&|batch| batch.header.lane = 4);
    let strange = Batch::seal(LANE, 7, vec![a_bundle(&other, b"one")]).unwrap();
    let mut unsigned = good.bundles.clone();
    unsigned[1].signature = unsigned[0].signature;
    let unsigned = Batch::seal(LANE, 7, unsigned).unwrap();
    let broken_page = {
        // A page that is none, under a root and a signature that fit it.
        let key = &network.worker;
        let bundle = Bundle::sign(key, &network.genesis.network(), 9, vec![vec![0x80]]).unwrap();
        Batch::seal(LANE, 7, vec![bundle]).unwrap()
    };
    let digest = good.digest();
    let id = network.genesis.network();
    vec![
        ("three bundles", bytes.clone()),
        ("of another owner", good.encode_sealed(&seal(&network.validators[1], &id, &digest))),
        ("moved to another lane", moved.encode_sealed(&theirs)),
        ("in a lane that nobody owns", nobodys.encode_sealed(&theirs)),
        (
            "with the seal of another sequence number",
            good.encode_sealed(&owner_seal(network, &a_batch(network, 8))),
        ),
        (
            "sealed for another network",
            good.encode_sealed(&seal(&network.validators[2], &other.genesis.network(), &digest)),
        ),
        (
            "sealed in another domain",
            good.encode_sealed(&network.validators[2].sign(Domain::BATCH, digest.as_bytes())),
        ),
        (
            "with a bundle changed",
            resealed(&|batch| batch.bundles[1] = a_bundle(network, b"2")).encode_sealed(&theirs),
        ),
        ("with a page changed", resealed(&|batch| batch.bundles[1].pages[0][20] ^= 1).encode_sealed(&theirs)),
        (
            "with a bundle's signature changed",
            resealed(&|batch| batch.bundles[0].signature = batch.bundles[1].signature).encode_sealed(&theirs),
        ),
        ("with a bundle for another network", sealed(network, &strange)),
        ("with a bundle that its account did not sign", sealed(network, &unsigned)),
        ("with a page that is none", sealed(network, &broken_page)),
        ("cut", bytes[..bytes.len() - 1].to_vec()),
        ("a byte after the end", [bytes.as_slice(), &[0]].concat()),
        ("nothing", Vec::new()),
    ]
}

#[test]
fn only_the_owners_seal_over_the_whole_batch_is_accepted() {
    let network = Network::new(4);
    for (place, (name, bytes)) in cases(&network).iter().enumerate() {
        assert_eq!(accepted(&network, bytes), place == 0, "{name}: {:?}", check(&network, bytes));
    }
}

#[test]
fn refusals_say_what_is_wrong() {
    let network = Network::new(4);
    let cases = cases(&network);
    let verdict = |name: &str| {
        let (_, bytes) = cases.iter().find(|(found, _)| *found == name).unwrap();
        check(&network, bytes).unwrap_err()
    };
    assert!(matches!(verdict("of another owner"), SealError::Seal { lane: LANE, seq: 7, .. }));
    assert!(matches!(verdict("in a lane that nobody owns"), SealError::Lane { lane: 4, lanes: 4 }));
    assert!(matches!(verdict("with a bundle changed"), SealError::Root { .. }));
    assert!(matches!(verdict("with a page changed"), SealError::Bundle { bundle: 1, .. }));
    assert!(matches!(verdict("with a bundle for another network"), SealError::Network { bundle: 0, .. }));
    assert!(matches!(
        verdict("with a bundle that its account did not sign"),
        SealError::Signature { bundle: 1, .. }
    ));
    assert!(matches!(verdict("a byte after the end"), SealError::Decode(DecodeError::TrailingBytes { .. })));
}

/// FAULTS 50: every flipped bit of the first kilobyte and every cut is refused or changes the verdict's subject.
#[test]
fn no_flipped_bit_is_accepted() {
    let network = Network::new(4);
    let bytes = sealed(&network, &a_batch(&network, 7));
    for bit in 0..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(!accepted(&network, &bad), "bit {bit}");
    }
    for len in 0..bytes.len() {
        assert!(SealedView::parse(&bytes[..len]).is_err(), "cut to {len}");
    }
}

#[test]
fn two_seals_of_one_place_are_evidence_and_nothing_else_is() {
    let network = Network::new(4);
    let id = network.genesis.network();
    let header = |batch: &Batch| SealedHeader { header: batch.header, seal: owner_seal(&network, batch) };
    let first = header(&a_batch(&network, 7));
    let second = header(&Batch::seal(LANE, 7, vec![a_bundle(&network, b"other")]).unwrap());
    let evidence = Equivocation { first, second };
    evidence.verify(&network.genesis.validators, &id).unwrap();
    assert_eq!(Equivocation::decode(&evidence.encode()), Ok(evidence));
    assert!(Equivocation { first, second: first }.verify(&network.genesis.validators, &id).is_err());
    let later = header(&a_batch(&network, 8));
    assert!(Equivocation { first, second: later }.verify(&network.genesis.validators, &id).is_err());
    let forged = SealedHeader { seal: first.seal, ..second };
    assert!(Equivocation { first, second: forged }.verify(&network.genesis.validators, &id).is_err());
    assert!(evidence.verify(&network.genesis.validators, &Digest::ZERO).is_err());
}
