//! What it costs to write a call and its receipt down: encode, pack into pages, hash, sign; and to read them back.
//!
//! 17 and 118 calls are what one commit holds at 64 and 256 connections; 1,000 is a heavy client's bundle.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on panics")]

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use moot_benches::sample;
use moot_record::{
    Batch, Bundle, BundleBuilder, Digest, Entry, Keypair, PageClass, entry_digest, page_digest,
};
use std::hint::black_box;

const CALLS: [u64; 3] = [17, 118, 1_000];

fn codec(c: &mut Criterion) {
    let (call, receipt) = sample::pair(1);
    println!(
        "a call has {} bytes, its receipt {}, both {}",
        call.len(),
        receipt.len(),
        call.len() + receipt.len()
    );
    let mut group = c.benchmark_group("codec");
    for (name, bytes) in [("call", call), ("receipt", receipt)] {
        let entry = Entry::decode(&bytes).unwrap();
        let mut buffer = Vec::with_capacity(1024);
        group.bench_function(BenchmarkId::new("encode", name), |b| {
            b.iter(|| {
                buffer.clear();
                black_box(&entry).encode_into(&mut buffer);
                black_box(buffer.len())
            });
        });
        group.bench_function(BenchmarkId::new("decode", name), |b| {
            b.iter(|| Entry::decode(black_box(&bytes)).unwrap())
        });
        group
            .bench_function(BenchmarkId::new("digest", name), |b| b.iter(|| entry_digest(black_box(&bytes))));
    }
    group.finish();
}

/// A bundle with `calls` calls and their receipts.
fn filled(calls: u64) -> BundleBuilder {
    let mut builder = BundleBuilder::new();
    for n in 0..calls {
        let (call, receipt) = sample::pair(n);
        builder.append(PageClass::Bulk, &call).unwrap();
        builder.append(PageClass::Receipt, &receipt).unwrap();
    }
    builder
}

fn pages(c: &mut Criterion) {
    let mut group = c.benchmark_group("pages");
    let pairs: Vec<_> = (0..CALLS[1]).map(sample::pair).collect();
    group.throughput(Throughput::Elements(CALLS[1]));
    group.bench_function("append 118 calls and receipts", |b| {
        b.iter_batched_ref(
            BundleBuilder::new,
            |builder| {
                for (call, receipt) in &pairs {
                    builder.append(PageClass::Bulk, call).unwrap();
                    builder.append(PageClass::Receipt, receipt).unwrap();
                }
            },
            BatchSize::SmallInput,
        );
    });
    for kib in [4usize, 16] {
        let page = vec![7; kib << 10];
        group.throughput(Throughput::Bytes(page.len() as u64));
        group.bench_function(BenchmarkId::new("digest KiB", kib), |b| {
            b.iter(|| page_digest(black_box(&page)).unwrap())
        });
    }
    group.finish();
}

fn sealed(key: &Keypair, pages: Vec<Vec<u8>>) -> Batch {
    let bundle = Bundle::sign(key, &Digest::ZERO, 9_000, pages).unwrap();
    Batch::seal(0, 1_000, vec![bundle]).unwrap()
}

fn seal(c: &mut Criterion) {
    let key = Keypair::from_seed([3; 32]);
    let mut group = c.benchmark_group("seal");
    for calls in CALLS {
        let pages = filled(calls).finish();
        group.throughput(Throughput::Elements(calls));
        group.bench_with_input(BenchmarkId::new("sign and seal", calls), &pages, |b, pages| {
            b.iter_batched(|| pages.clone(), |pages| sealed(&key, pages), BatchSize::SmallInput);
        });
        let batch = sealed(&key, pages);
        let bytes = batch.encode();
        println!(
            "{calls} calls: a batch of {} bytes, {:.0} a call",
            bytes.len(),
            bytes.len() as f64 / calls as f64
        );
        group.bench_function(BenchmarkId::new("encode", calls), |b| b.iter(|| black_box(&batch).encode()));
        group.bench_function(BenchmarkId::new("decode and verify", calls), |b| {
            b.iter(|| Batch::decode(black_box(&bytes)).unwrap().verify().unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, codec, pages, seal);
criterion_main!(benches);
