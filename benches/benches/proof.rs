//! What it costs to check a receipt, and how large the evidence is. Making a proof from a ledger on disk is in
//! `ledger.rs`.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on panics")]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use moot_benches::sample;
use moot_record::testing::{Network, sign_path};
use moot_record::{Bundle, Evidence, Genesis, PageClass, Proof, ReceiptFile, SignedEntry};
use std::hint::black_box;

/// A bundle of `calls` calls and receipts, and the place of the receipt in the middle.
fn bundle(network: &Network, calls: u64) -> (Bundle, (u16, u16)) {
    let mut entries = Vec::new();
    for n in 0..calls {
        let (call, receipt) = sample::pair(n);
        entries.extend([(PageClass::Bulk, call), (PageClass::Receipt, receipt)]);
    }
    let bundle = network.bundle(&entries, 9_000);
    let middle = sample::pair(calls / 2).1;
    let place = bundle.entries().find(|(_, _, bytes)| *bytes == middle).map(|(page, slot, _)| (page, slot));
    (bundle, place.unwrap())
}

fn proof(c: &mut Criterion) {
    let mut group = c.benchmark_group("proof");
    for validators in [1, 4] {
        let network = Network::new(validators);
        for calls in [1, 17, 118, 1_000] {
            let (bundle, (page, slot)) = bundle(&network, calls);
            let signed = sign_path(&bundle, page, slot);
            let (proof, _) = network.prove_in(vec![bundle], 0, (page, slot), &[], 7);
            let (proof_bytes, signed_bytes) = (proof.encode(), signed.encode());
            println!(
                "{validators} validators, {calls} calls in the batch: signed entry {} bytes (certificate {}), proof {} bytes",
                signed_bytes.len(),
                proof.certificate.0.len(),
                proof_bytes.len()
            );
            if calls != 118 {
                continue;
            }
            if validators == 1 {
                let network = &network.genesis;
                group.bench_function("signed entry: decode and verify", |b| {
                    b.iter(|| check_signed(&signed_bytes, network))
                });
            }
            let genesis = &network.genesis;
            let id = BenchmarkId::new("proof: decode and verify, validators", validators);
            group.bench_function(id, |b| b.iter(|| check_proof(&proof_bytes, genesis)));
            let file = ReceiptFile::new(Evidence::Final(proof), Some(sample::pair(calls / 2).0)).unwrap();
            let text = serde_json::to_string_pretty(&file).unwrap();
            println!("{validators} validators: receipt file {} bytes", text.len());
            let id = BenchmarkId::new("receipt file: parse and check, validators", validators);
            group.bench_function(id, |b| {
                b.iter(|| ReceiptFile::parse(black_box(&text)).unwrap().check(genesis).unwrap())
            });
        }
    }
    group.finish();
}

fn check_signed(bytes: &[u8], genesis: &Genesis) {
    black_box(SignedEntry::decode(black_box(bytes)).unwrap().verify(genesis).unwrap());
}

fn check_proof(bytes: &[u8], genesis: &Genesis) {
    black_box(Proof::decode(black_box(bytes)).unwrap().verify(genesis).unwrap());
}

criterion_group!(benches, proof);
criterion_main!(benches);
