//! Forged proofs: each is refused, and the error names what does not fit.

use moot_record::limits::MAX_DESCENT;
use moot_record::testing::{Network, certify, descend, sign_path};
use moot_record::{
    Batch, BlockHeader, Bundle, Call, CallKind, Certificate, CertificateError, Digest, Entry, EntryId, Fee,
    FunctionName, Genesis, Keypair, Page, PageClass, Payload, Proof, ProofError, Receipt, SignedEntry,
    Status, Touch, TouchKind, Value, merkle,
};

pub(crate) fn a_call() -> Call {
    Call {
        function: FunctionName::parse("hello").unwrap(),
        component: Digest::from_bytes([1; 32]),
        spec: Digest::from_bytes([2; 32]),
        kind: CallKind::Typed { export: "math#add".into() },
        caller: Some(Keypair::from_seed([77; 32]).account()),
        input: Payload::inlined(b"[1,2]"),
        time_us: 1_700_000_000_000_001,
        fuel_limit: 10_000_000_000,
        idempotency: Some(Digest::from_bytes([3; 32])),
        parent: Some(EntryId { lane: 0, batch: 41, bundle: 0, page: 0, slot: 9 }),
    }
}

pub(crate) fn a_receipt(call: &Call, fuel: u64) -> Receipt {
    let touch = |kind, target: &str, count| Touch { kind, target: target.into(), count };
    Receipt {
        call: EntryId { lane: 0, batch: 42, bundle: 0, page: 1, slot: 3 },
        call_digest: Entry::Call(call.clone()).digest(),
        component: call.component,
        status: Status::Ok,
        output: Payload::inlined(b"3"),
        fuel,
        metered: true,
        fee: Fee { ordering: 700, execution: 2 },
        touched: Touch::gather([
            touch(TouchKind::Http, "https://api.example.com:443", 2),
            touch(TouchKind::Clock, "wall", 1),
        ]),
        time_us: 1_700_000_000_001_000,
        duration_us: 999,
    }
}

/// Three bundles of several pages each, in a block with other batches.
struct Scene {
    network: Network,
    bundles: Vec<Bundle>,
    before: Vec<Digest>,
}

const HEIGHT: u64 = 50;

impl Scene {
    fn new() -> Self {
        let network = Network::new(4);
        let call = a_call();
        let entries: Vec<_> = (0..120)
            .flat_map(|i| {
                let input = Payload::inlined(&[i as u8; 900]);
                let call = Entry::Call(Call { input, ..call.clone() });
                let receipt = Entry::Receipt(a_receipt(&a_call(), i));
                [(PageClass::Bulk, call.encode()), (PageClass::Receipt, receipt.encode())]
            })
            .collect();
        let bundles: Vec<_> = entries.chunks(80).map(|chunk| network.bundle(chunk, HEIGHT + 5)).collect();
        let pages: Vec<_> = bundles.iter().map(|b| b.pages.len()).collect();
        assert!(pages.len() == 3 && pages.iter().all(|n| *n >= 5), "{pages:?}");
        let before = (0..4u8).map(|i| Digest::from_bytes([i; 32])).collect();
        Self { network, bundles, before }
    }

    /// A good proof of the receipt at the third slot of the second page of the second bundle.
    fn proof(&self) -> Proof {
        self.proof_at(HEIGHT)
    }

    fn proof_at(&self, height: u64) -> Proof {
        self.network.prove_in(self.bundles.clone(), 1, (1, 2), &self.before, height).0
    }

    fn genesis(&self) -> &Genesis {
        &self.network.genesis
    }

    fn refuses(&self, forged: &Proof, field: &str) {
        let error = forged.verify(self.genesis()).unwrap_err();
        assert_eq!(error.field(), field, "{error}");
        assert!(error.to_string().starts_with(field), "the message names the field first: {error}");
        if let Ok(decoded) = Proof::decode(&forged.encode()) {
            assert_eq!(decoded.verify(self.genesis()), Err(error));
        }
    }
}

#[test]
fn a_good_proof_says_what_where_when_and_who() {
    let scene = Scene::new();
    let proof = scene.proof();
    let proven = Proof::decode(&proof.encode()).unwrap().verify(scene.genesis()).unwrap();
    assert_eq!(proven.id, EntryId { lane: 0, batch: HEIGHT, bundle: 1, page: 1, slot: 2 });
    assert_eq!((proven.height, proven.epoch, proven.view), (HEIGHT, 0, HEIGHT));
    assert_eq!(proven.account, scene.network.worker.account());
    assert_eq!(proven.digest, proven.entry.digest());
    let Entry::Receipt(receipt) = &proven.entry else { panic!("{:?}", proven.entry) };
    assert_eq!(receipt.call_digest, Entry::Call(a_call()).digest());
    let signed = proof.entry.verify(scene.genesis()).unwrap();
    assert_eq!((signed.entry, signed.account), (proven.entry, proven.account));
    assert!(proof.encode().len() < 6 * 1024, "{} bytes", proof.encode().len());
}

/// A verifier that looked for an entry in the raw bytes would find one here.
#[test]
fn an_entry_inside_a_payload_is_no_entry() {
    let network = Network::new(1);
    let inner = Entry::Receipt(a_receipt(&a_call(), 1_000_000)).encode();
    // The payload is a whole page with the forged receipt in it, as a client may well send.
    let mut inner_page = vec![0x81];
    moot_record::cbor::bytes(&mut inner_page, &inner);
    assert!(Page::parse(&inner_page).is_ok());
    let said = Entry::Value(Value::new("/chat", Payload::inlined(&inner_page)));
    let (proof, _) = network.prove(&said, PageClass::Bulk, 1);
    assert_eq!(proof.verify(&network.genesis).unwrap().entry, said);
    // Claiming the inner page instead of the real one.
    let mut forged = proof.clone();
    forged.entry.page = inner_page.clone();
    assert_eq!(forged.verify(&network.genesis).unwrap_err().field(), "page");
    // Claiming a slot that the real page does not have.
    let mut forged = proof.clone();
    forged.entry.slot = 1;
    assert_eq!(forged.verify(&network.genesis).unwrap_err().field(), "slot");
    // A page that ends in what looks like a page is still one page: bytes after its end are refused.
    let mut forged = proof;
    forged.entry.page.extend_from_slice(&inner_page);
    assert_eq!(forged.verify(&network.genesis).unwrap_err().field(), "page");
}

#[test]
fn a_node_does_not_pass_for_a_leaf() {
    let scene = Scene::new();
    let bundle = &scene.bundles[1];
    let leaves = bundle.leaves().unwrap();
    let good = scene.proof();
    // The bytes of the node above the first two pages, offered as a page, with the rest of the path.
    let mut forged = good.clone();
    forged.entry.page = [leaves[0].as_bytes().as_slice(), leaves[1].as_bytes()].concat();
    forged.entry.page_index = 0;
    forged.entry.page_path = merkle::path(&leaves, 0)[1..].to_vec();
    scene.refuses(&forged, "page_path");
    forged.entry.page_path = merkle::path(&leaves, 0);
    scene.refuses(&forged, "page");
    // The same with a page count that fits: then it is not what was signed.
    forged.entry.bundle_header.pages = bundle.header.pages.div_ceil(2);
    forged.entry.page_path = merkle::path(&leaves, 0)[1..].to_vec();
    assert!(matches!(
        forged.entry.verify(scene.genesis()),
        Err(ProofError::Root { .. } | ProofError::Path { .. })
    ));
    // A bundle offered as a batch: the block has only batches.
    let mut forged = good.clone();
    forged.batch_path.pop();
    scene.refuses(&forged, "batch_path");
    let mut forged = good;
    forged.batch_header.bundles = 1;
    forged.bundle_index = 0;
    forged.bundle_path = vec![];
    scene.refuses(&forged, "bundle");
}

/// FAULTS 66, 74: a receipt proves itself only where it was said and ordered.
#[test]
fn case_66_a_receipt_moved_elsewhere_is_refused() {
    let scene = Scene::new();
    let good = scene.proof();
    // To another bundle of the same batch.
    let leaves = Batch::seal(0, HEIGHT, scene.bundles.clone()).unwrap().leaves();
    let mut forged = good.clone();
    forged.bundle_index = 0;
    forged.bundle_path = merkle::path(&leaves, 0);
    scene.refuses(&forged, "bundle");
    // Under another bundle's header and signature.
    let mut forged = good.clone();
    forged.entry.bundle_header = scene.bundles[2].header;
    forged.entry.signature = scene.bundles[2].signature;
    scene.refuses(&forged, "page");
    // Under another account's name.
    let mut forged = good.clone();
    forged.entry.bundle_header.account = Keypair::from_seed([9; 32]).account();
    scene.refuses(&forged, "bundle.signature");
    // To another place.
    let mut forged = good.clone();
    forged.entry.page_index = 2;
    scene.refuses(&forged, "page");
    let mut forged = good.clone();
    forged.batch_index = 0;
    scene.refuses(&forged, "batch_path");
    for lane in [1, u32::MAX] {
        let mut forged = good.clone();
        forged.batch_header.lane = lane;
        scene.refuses(&forged, "batch");
    }
    let mut forged = good.clone();
    forged.batch_header.seq += 1;
    scene.refuses(&forged, "batch");
    // To another height or time: not what was voted on.
    for change in [
        |b: &mut BlockHeader| b.height -= 1,
        |b: &mut BlockHeader| b.time_ms += 1,
        |b: &mut BlockHeader| b.parent = Digest::from_bytes([5; 32]),
        |b: &mut BlockHeader| b.state = Digest::from_bytes([5; 32]),
    ] {
        let mut forged = good.clone();
        change(&mut forged.block_header);
        scene.refuses(&forged, "certificate.block");
    }
    // With another block's certificate.
    let mut forged = good.clone();
    forged.certificate = scene.proof_at(HEIGHT + 1).certificate;
    scene.refuses(&forged, "certificate.block");
    // To another network, in its bytes and by its genesis.
    let mut forged = good.clone();
    forged.entry.bundle_header.network = Network::named("other", 4).genesis.network();
    scene.refuses(&forged, "bundle.network");
    let other = Network::named("other", 4);
    assert_eq!(good.verify(&other.genesis).unwrap_err().field(), "bundle.network");
}

/// FAULTS 66: a bundle is worth nothing after its last height, even when a block has it.
#[test]
fn case_66_an_expired_bundle_is_refused() {
    let scene = Scene::new();
    assert!(scene.proof_at(HEIGHT + 5).verify(scene.genesis()).is_ok(), "its last height");
    scene.refuses(&scene.proof_at(HEIGHT + 6), "bundle.valid_until");
    // Stretching the validity breaks the signature.
    let mut forged = scene.proof_at(HEIGHT + 6);
    forged.entry.bundle_header.valid_until += 1;
    scene.refuses(&forged, "bundle.signature");
}

#[test]
fn a_certificate_of_another_committee_or_too_few_is_refused() {
    let scene = Scene::new();
    let good = scene.proof();
    let block = good.block_header.digest();
    let with = |certificate: Certificate, field: &str| {
        let forged = Proof { certificate, ..good.clone() };
        scene.refuses(&forged, field);
    };
    // Seven validators' certificate; four strangers' votes in the validators' places.
    with(Network::new(7).certify(&good.block_header), "certificate.committee");
    let strangers: Vec<Keypair> = (100..104).map(|i| Keypair::from_seed([i; 32])).collect();
    let mut forged = good.certificate.0.clone();
    let votes = forged.len() - 3 * 64;
    let impostor = certify(scene.genesis(), &strangers[..1], 0, HEIGHT, &block).0;
    let vote = &impostor[impostor.len() - 64..];
    for place in 0..3 {
        forged[votes + 64 * place..][..64].copy_from_slice(vote);
        with(Certificate(forged.clone()), "certificate.vote");
    }
    // The same validators' votes for another network's block of the same digest.
    let other = Network::named("other", 4);
    with(certify(&other.genesis, &other.validators[..3], 0, HEIGHT, &block), "certificate.vote");
    // Two of four votes; a vote counted twice.
    with(certify(scene.genesis(), &scene.network.validators[..2], 0, HEIGHT, &block), "certificate.quorum");
    let twice = [0, 1, 1].map(|i| scene.network.validators[i].clone());
    with(certify(scene.genesis(), &twice, 0, HEIGHT, &block), "certificate.quorum");
    // Nobody's votes, for a genesis that names nobody.
    let nobody = Genesis { validators: vec![], ..scene.genesis().clone() };
    let error = certify(&nobody, &[], 0, HEIGHT, &block).verify(&nobody, &block).unwrap_err();
    assert_eq!(error.field(), "certificate.quorum");
    // All four, and any three, are fine.
    for skip in 0..5 {
        let voters: Vec<Keypair> =
            (0..4).filter(|i| *i != skip).map(|i| scene.network.validators[i].clone()).collect();
        let certificate = certify(scene.genesis(), &voters, 300, 70_000_000_000, &block);
        let proof = Proof { certificate, ..good.clone() };
        let proven = proof.verify(scene.genesis()).unwrap();
        assert_eq!((proven.epoch, proven.view), (300, 70_000_000_000));
    }
}

/// A block whose view timed out after it was agreed on is proven by its certified descendant.
#[test]
fn a_block_without_votes_is_proven_by_its_descent() {
    let scene = Scene::new();
    for blocks in [1, 3, MAX_DESCENT as u64] {
        let good = descend(&scene.network, scene.proof(), blocks);
        let proven = Proof::decode(&good.encode()).unwrap().verify(scene.genesis()).unwrap();
        assert_eq!(
            (proven.height, proven.view),
            (HEIGHT, HEIGHT + blocks),
            "its height, the descendant's view"
        );
    }
    let good = descend(&scene.network, scene.proof(), 3);
    // A link left out, another block in a link's place, another order, the descendant alone.
    for at in 0..2 {
        let mut forged = good.clone();
        forged.descent.remove(at);
        scene.refuses(&forged, "descent");
    }
    let mut forged = good.clone();
    forged.descent.pop();
    scene.refuses(&forged, "certificate.block");
    let mut forged = good.clone();
    forged.descent.swap(0, 1);
    scene.refuses(&forged, "descent");
    let mut forged = good.clone();
    forged.descent[1].height += 1;
    scene.refuses(&forged, "descent");
    let mut forged = good.clone();
    forged.descent[2].time_ms += 1;
    scene.refuses(&forged, "certificate.block");
    // An entry of another block cannot borrow the descent.
    let mut forged = good.clone();
    forged.block_header.time_ms += 1;
    scene.refuses(&forged, "descent");
    // Votes for a block say nothing of the blocks after it.
    let mut forged = good.clone();
    forged.certificate = scene.proof().certificate;
    scene.refuses(&forged, "certificate.block");
    // A descendant's height does not stretch a bundle's validity.
    let late = descend(&scene.network, scene.proof_at(HEIGHT + 6), 1);
    scene.refuses(&late, "bundle.valid_until");
    let long = descend(&scene.network, scene.proof(), MAX_DESCENT as u64 + 1);
    scene.refuses(&long, "descent");
    assert!(Proof::decode(&long.encode()).is_err(), "what cannot be read back does not verify either");
}

/// FAULTS 50, 74: the certificate's bytes have one form.
#[test]
fn case_74_a_certificate_cut_stretched_or_rewritten_is_refused() {
    let scene = Scene::new();
    let good = scene.proof();
    let (bytes, block) = (good.certificate.0.clone(), good.block_header.digest());
    let refused = |bytes: Vec<u8>| Certificate(bytes).verify(scene.genesis(), &block).unwrap_err();
    for len in 0..bytes.len() {
        refused(bytes[..len].to_vec());
    }
    for extra in [&[0u8][..], &[0; 64], &bytes[bytes.len() - 64..]] {
        refused([&bytes, extra].concat());
    }
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut forged = bytes.clone();
            forged[at] ^= 1 << bit;
            refused(forged);
        }
    }
    // epoch 0 in two bytes; a voter beyond the committee; a vote more than announced.
    let mut forged = bytes.clone();
    forged.splice(0..1, [0x80, 0x00]);
    assert_eq!(refused(forged).field(), "certificate");
    let bitmap = bytes.len() - 3 * 64 - 2;
    assert_eq!(bytes[bitmap..][..2], [0b0111, 3]);
    let mut forged = bytes.clone();
    forged[bitmap] |= 0b1_0000;
    assert_eq!(refused(forged), CertificateError::Bitmap(4));
    let mut forged = bytes.clone();
    forged[bitmap] |= 0b1000;
    assert_eq!(refused(forged), CertificateError::Count { voters: 4, signatures: 3 });
    let mut forged = bytes;
    forged[bitmap] = 0b1011;
    let absent = scene.genesis().validators[3];
    assert_eq!(refused(forged), CertificateError::Vote { validator: absent });
    assert_eq!(refused(vec![0; 10 * 1024]).field(), "certificate");
}

/// FAULTS 74: no bit of a proof can change and still prove the same.
#[test]
fn case_74_every_byte_of_a_proof_counts() {
    let scene = Scene::new();
    let good = scene.proof();
    let (bytes, proven) = (good.encode(), good.verify(scene.genesis()).unwrap());
    for at in 0..bytes.len() {
        let mut forged = bytes.clone();
        forged[at] ^= 1 << (at % 8);
        let Ok(proof) = Proof::decode(&forged) else { continue };
        match proof.verify(scene.genesis()) {
            Err(_) => {}
            // Another slot of the same page is a proof of another entry.
            Ok(other) => {
                assert_ne!((other.id, &other.entry), (proven.id, &proven.entry), "byte {at}");
                assert_eq!(proof.entry.page, good.entry.page, "byte {at}");
            }
        }
    }
}

#[test]
fn a_worker_s_word_stands_without_the_ledger_but_not_without_its_signature() {
    let network = Network::new(1);
    let entry = Entry::Receipt(a_receipt(&a_call(), 5));
    let bundle = network.bundle(&[(PageClass::Receipt, entry.encode())], 9);
    let good = sign_path(&bundle, 0, 0);
    assert_eq!(SignedEntry::decode(&good.encode()).unwrap().verify(&network.genesis).unwrap().entry, entry);
    let stranger = Keypair::from_seed([8; 32]);
    let stolen = Bundle::sign(&stranger, &network.genesis.network(), 9, bundle.pages.clone()).unwrap();
    let forged = SignedEntry { signature: stolen.signature, ..good.clone() };
    assert_eq!(forged.verify(&network.genesis).unwrap_err().field(), "bundle.signature");
    // Bytes that are a page but hold no entry.
    let junk =
        Bundle::sign(&network.worker, &network.genesis.network(), 9, vec![vec![0x81, 0x41, 0x05]]).unwrap();
    assert_eq!(sign_path(&junk, 0, 0).verify(&network.genesis).unwrap_err().field(), "entry");
    assert!(junk.verify().is_err());
}

/// FAULTS 64: what is remembered against replay does not depend on the signature, which a signer can vary.
#[test]
fn case_64_a_bundle_s_id_leaves_the_signature_out() {
    let network = Network::new(1);
    let entry = (PageClass::Bulk, Entry::Call(a_call()).encode());
    let bundle = network.bundle(&[entry], 9);
    let mut again = bundle.clone();
    again.signature = moot_record::Signature::from_bytes([1; 64]);
    assert_ne!(bundle.digest(), again.digest());
    assert_eq!(bundle.header.id(), again.header.id());
    let later = Bundle::sign(&network.worker, &network.genesis.network(), 10, bundle.pages.clone()).unwrap();
    assert_ne!(bundle.header.id(), later.header.id());
}

/// FAULTS 66: a batch with one bad bundle names it.
#[test]
fn case_66_a_batch_names_its_bad_bundle() {
    let scene = Scene::new();
    let batch = Batch::seal(0, 1, scene.bundles.clone()).unwrap();
    assert_eq!(batch.verify(), Ok(()));
    let mut bundles = scene.bundles.clone();
    bundles[2].signature = bundles[1].signature;
    let error = Batch::seal(0, 1, bundles).unwrap().verify().unwrap_err().to_string();
    assert!(error.starts_with("bundle 2: the signature"), "{error}");
    let mut tampered = batch.clone();
    tampered.bundles[1].pages[0][5] ^= 1;
    let error = tampered.verify().unwrap_err().to_string();
    assert!(error.starts_with("bundle 1: the pages hash to"), "{error}");
    let mut reordered = batch.clone();
    reordered.bundles.swap(0, 1);
    assert!(reordered.verify().unwrap_err().to_string().starts_with("the bundles hash to"));
    let mut missing = batch;
    missing.bundles.pop();
    assert!(missing.verify().unwrap_err().to_string().starts_with("the header announces 3"));
}

/// FAULTS 63: two certificates for one height name whoever voted for both.
#[test]
fn case_63_a_certificate_names_its_voters() {
    let scene = Scene::new();
    let block = scene.proof().block_header.digest();
    let committee = scene.genesis().committee();
    let by = |places: [usize; 3]| {
        let voters = places.map(|place| scene.network.validators[place].clone());
        certify(scene.genesis(), &voters, 0, HEIGHT, &block).voters(&committee).unwrap()
    };
    let (one, other) = (by([0, 2, 3]), by([1, 2, 3]));
    assert_eq!(one, [0, 2, 3].map(|place: usize| committee.members[place]));
    let both: Vec<_> = one.into_iter().filter(|voter| other.contains(voter)).collect();
    assert_eq!(both, [2, 3].map(|place: usize| committee.members[place]), "a third at the least");
    // Too few, or of another committee.
    let two = certify(scene.genesis(), &scene.network.validators[..2], 0, HEIGHT, &block);
    assert_eq!(two.voters(&committee).unwrap_err().field(), "certificate.quorum");
    let larger = Network::new(5).genesis.committee();
    let four = certify(scene.genesis(), &scene.network.validators, 0, HEIGHT, &block);
    assert_eq!(four.voters(&larger).unwrap_err().field(), "certificate.committee");
}
