//! Four replicas with the real engine over TCP on the loopback address.

use crate::world::{answer, bundle, call, deploy, eventually, name, spec};
use moot_ledger::{Ledger, Options, OrderingChoice, OrderingStatus, PayloadBytes, Pending};
use moot_ordering::Peer;
use moot_record::testing::Network;
use moot_record::{Entry, EntryId, Keypair};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

/// Addresses that were free a moment ago.
fn addresses(n: usize) -> Vec<SocketAddr> {
    let listeners: Vec<TcpListener> = (0..n).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    listeners.iter().map(|listener| listener.local_addr().unwrap()).collect()
}

/// Replica `me`; the first half of the addresses are for votes, the second for data.
fn start(dir: &Path, network: &Network, me: usize, addresses: &[SocketAddr]) -> Ledger {
    let (votes, data) = addresses.split_at(addresses.len() / 2);
    let peer = |n: usize| Peer { account: network.genesis.validators[n], address: votes[n], data: data[n] };
    let ordering = OrderingChoice::Engine {
        order_within: Duration::ZERO,
        heartbeat: Duration::from_millis(200),
        max_batches_per_block: 256,
        listen: Some(votes[me]),
        listen_data: Some(data[me]),
        peers: (0..votes.len()).map(peer).collect(),
    };
    let key = network.validators[me].clone();
    Ledger::open(Options { ordering, ..Options::new(dir.join(me.to_string()), network.genesis.clone(), key) })
        .unwrap()
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(Duration::from_secs(90), future).await;
    done.unwrap_or_else(|_| panic!("{what}: not within a minute and a half"))
}

fn assert_proven(ledgers: &[&Ledger], network: &Network, said: &[(EntryId, Entry)]) {
    for ledger in ledgers {
        for (id, entry) in said {
            let proof = ledger.prove(*id).unwrap().encode();
            let proven = moot_record::Proof::decode(&proof).unwrap().verify(&network.genesis).unwrap();
            assert_eq!((proven.id, &proven.entry), (*id, entry));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_at_one_is_final_at_all_four_and_a_lost_one_catches_up() {
    let (dir, network, addresses) = (tempfile::tempdir().unwrap(), Network::new(4), addresses(8));
    let mut ledgers: Vec<Option<Ledger>> =
        (0..4).map(|me| Some(start(dir.path(), &network, me, &addresses))).collect();
    let mut said = Vec::new();
    let record = |ledger: &Ledger, number: u64| -> (Pending, (EntryId, Entry)) {
        let pending = ledger.append_call(call(number), PayloadBytes::None).unwrap();
        let entry = (pending.id(), Entry::Call(call(number)));
        (pending, entry)
    };

    for number in 0..20 {
        let ledger = ledgers[number % 4].as_ref().unwrap();
        let (pending, entry) = record(ledger, number as u64);
        let begun = Instant::now();
        within("a call is final", pending.finalized()).await.unwrap();
        println!("call {number} is final after {:?}", begun.elapsed());
        within("its receipt is final", answer(ledger, &pending).unwrap().finalized()).await.unwrap();
        said.push(entry);
    }
    let client = Keypair::from_seed([77; 32]);
    let code = vec![7; 2_500_000];
    let component = ledgers[1].as_ref().unwrap().put_component(&code).unwrap();
    let entry = deploy("everywhere", &code, &spec("/everywhere", true, true), None);
    let signed = bundle(ledgers[1].as_ref().unwrap(), &client, 10_000, &[entry]);
    within("a deploy is final", ledgers[1].as_ref().unwrap().submit(signed).unwrap().finalized())
        .await
        .unwrap();
    let all: Vec<&Ledger> = ledgers.iter().flatten().collect();
    let level = |ledgers: &[&Ledger], said: &[(EntryId, Entry)]| {
        ledgers.iter().all(|ledger| said.iter().all(|(id, _)| ledger.prove(*id).is_ok()))
    };
    eventually("all have all", || level(&all, &said));
    assert_proven(&all, &network, &said);
    for ledger in &all {
        within("the component has come", ledger.component_arrived(&component)).await;
        eventually("the deploy is applied", || ledger.function(&name("everywhere")).is_some());
        assert_eq!(ledger.status().ordering, OrderingStatus::Running);
    }

    // One goes; the others go on.
    ledgers[2] = None;
    for number in 20..40 {
        let (pending, entry) = record(ledgers[[0, 1, 3][number % 3]].as_ref().unwrap(), number as u64);
        within("a call is final without one", pending.finalized()).await.unwrap();
        said.push(entry);
    }
    ledgers[2] = Some(start(dir.path(), &network, 2, &addresses));
    let (pending, entry) = record(ledgers[2].as_ref().unwrap(), 40);
    within("the one that came back says something", pending.finalized()).await.unwrap();
    said.push(entry);
    let all: Vec<&Ledger> = ledgers.iter().flatten().collect();
    eventually("all have all again", || level(&all, &said));
    assert_proven(&all, &network, &said);
    let height = all.iter().map(|ledger| ledger.height()).min().unwrap();
    for height in 1..=height {
        let headers: Vec<_> = all.iter().map(|ledger| ledger.block(height).unwrap().unwrap()).collect();
        assert!(headers.iter().all(|one| one.header == headers[0].header), "fork at {height}");
        assert!(
            headers.iter().all(|one| one.state_after == headers[0].state_after),
            "divergence at {height}"
        );
    }
    for ledger in ledgers.into_iter().flatten() {
        assert_eq!(ledger.status().evidence, 0);
        ledger.close().await;
    }
}

/// What four replicas of this process carry on this machine: printed, not judged.
/// `cargo test -p moot-ledger -- --ignored --nocapture four_under_load`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn four_under_load() {
    let (dir, network, addresses) = (tempfile::tempdir().unwrap(), Network::new(4), addresses(8));
    let ledgers: Vec<Ledger> = (0..4).map(|me| start(dir.path(), &network, me, &addresses)).collect();
    within("the engine runs", ledgers[0].append_call(call(0), PayloadBytes::None).unwrap().finalized())
        .await
        .unwrap();
    let begun = Instant::now();
    let mut entries = 0u64;
    let mut last = Vec::new();
    while begun.elapsed() < Duration::from_secs(5) {
        for ledger in &ledgers {
            let mut builder = moot_record::BundleBuilder::new();
            let one = Entry::Value(moot_record::Value::new(
                "/load",
                moot_record::Payload::inlined(&[entries as u8; 64]),
            ));
            let encoded = one.encode();
            for _ in 0..1000 {
                builder.append(moot_record::PageClass::Bulk, &encoded).unwrap();
            }
            let client = Keypair::from_seed([(entries % 200) as u8; 32]);
            let until = ledger.height() + 1000 + entries % 50_000;
            let bundle =
                moot_record::Bundle::sign(&client, &ledger.network(), until, builder.finish()).unwrap();
            match ledger.submit(bundle) {
                Ok(pending) => {
                    entries += 1000;
                    last.push(pending);
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
        if last.len() > 64 {
            within("it is final", last.swap_remove(0).finalized()).await.unwrap();
        }
    }
    for pending in last {
        within("it is final", pending.finalized()).await.unwrap();
    }
    println!("{entries} entries final in {:?}", begun.elapsed());
    for ledger in ledgers {
        println!("{:?}", ledger.status());
    }
}
