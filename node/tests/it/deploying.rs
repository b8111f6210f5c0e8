//! Deploying: what is refused, with what words, and that nothing of it reaches the ledger.

use super::support::{TestNode, bundle, busy, deploy_bundle, guest, hostile, key, signature, until};
use moot_node::worker::Compiler;
use moot_record::{Access, Entry, FunctionKind, Keypair, Spec, Transaction, component_digest};
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant};

#[test]
fn what_is_no_component_is_told_how_to_become_one() {
    let node = TestNode::start();
    let core = wat::parse_str("(module (func (export \"run\")))").unwrap();
    for (bytes, word) in [(&b"fn main() {}"[..], "not a WebAssembly component"), (&core, "core")] {
        let answer = node.upload(bytes);
        assert_eq!((answer.status, answer.problem().as_str()), (422, "bad-component"));
        assert!(answer.json()["detail"].as_str().unwrap().contains(word), "{}", answer.text());
    }
    let other = component_digest(b"other");
    let wrong = node.put_at(&format!("/_moot/components/{other}"), Some(&key()), &[], &busy());
    assert!(wrong.json()["detail"].as_str().unwrap().contains("digest"), "{}", wrong.text());
    let wasm = busy();
    let missing = deploy_bundle(
        &node.genesis.network(),
        node.height() + 100,
        "f",
        &wasm,
        &Spec::new(FunctionKind::Typed, "/f"),
        None,
    );
    assert_eq!(node.post("/_moot/bundles", &missing.encode()).problem(), "component-missing");
}

/// A component takes room before anybody pays for it: only somebody who could pay is given that room.
#[test]
fn a_component_is_uploaded_by_somebody_who_can_pay_for_it() {
    let node = TestNode::start();
    let wasm = busy();
    let target = format!("/_moot/components/{}", component_digest(&wasm));
    let unsigned = node.put_at(&target, None, &[], &wasm);
    assert_eq!((unsigned.status, unsigned.problem().as_str()), (401, "signature-needed"));
    let altered = node.put_at(&target, Some(&key()), &[("content-digest", "sha-256=:AAAA:")], &wasm);
    assert_eq!((altered.status, altered.problem().as_str()), (401, "signature-wrong"), "{}", altered.text());
    let stranger = Keypair::from_seed([99; 32]);
    let poor = node.put_at(&target, Some(&stranger), &[], &wasm);
    assert_eq!((poor.status, poor.problem().as_str()), (402, "payment-required"), "{}", poor.text());
    assert_eq!(poor.json()["payment"]["account"], stranger.account().to_string(), "{}", poor.text());
    assert_eq!(node.get(&target).status, 404, "nothing was kept");
    assert_eq!(node.put_at(&target, Some(&key()), &[], &wasm).status, 201);
    assert_eq!(node.get(&target).body, wasm);

    // Until it is deployed it lies where it goes by itself; from then on it stays.
    let file = format!("{}.wasm", component_digest(&wasm));
    let is_in = |folder: &str| node.dir.path().join(folder).join(&file).exists();
    assert!(is_in("components/uploaded") && !is_in("components"));
    node.deploy("busy", &wasm, FunctionKind::Typed, |_| {});
    until("it is kept", || is_in("components") && !is_in("components/uploaded"));
    assert_eq!(node.get(&target).body, wasm);
}

#[test]
fn case_30_an_import_that_nothing_grants_is_refused_by_name_before_the_ledger() {
    // Found at deploy, it costs its author a minute; found at the first call, it costs its users theirs.
    let node = TestNode::start();
    let spec = Spec::new(FunctionKind::Typed, "/random");
    let answer = node.try_deploy("random", &hostile("random"), &spec).answer.unwrap();
    assert_eq!((answer.status, answer.problem().as_str()), (422, "bad-component"));
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("wasi:random/random"), "{detail}");
    assert!(node.get("/_moot/functions").json()["functions"].as_array().unwrap().is_empty());
    let deployed = node.try_deploy("counter", &guest("counter"), &Spec::new(FunctionKind::Event, "/counter"));
    assert!(deployed.answer.unwrap().text().contains("wasi:keyvalue"));
}

#[test]
fn a_manifest_that_does_not_fit_the_component_or_the_node_is_refused() {
    let node = TestNode::start();
    let wrong = node.try_deploy("busy", &busy(), &Spec::new(FunctionKind::Http, "/busy")).answer.unwrap();
    assert!(wrong.text().contains("of kind typed"), "{}", wrong.text());
    let mut spec = Spec::new(FunctionKind::Typed, "/busy");
    spec.grants.secrets = vec!["API_KEY".into()];
    let wrong = node.try_deploy("busy", &busy(), &spec).answer.unwrap();
    assert_eq!(wrong.problem(), "not-provided");
    assert!(wrong.text().contains("--secrets"), "{}", wrong.text());
}

#[test]
fn versions_are_kept_and_can_be_rolled_back_to() {
    let node = TestNode::start();
    node.deploy("f", &busy(), FunctionKind::Typed, |_| {});
    node.deploy("f", &guest("hello-http"), FunctionKind::Http, |spec| spec.lifecycle.destructible = false);
    assert_eq!(node.get("/f/x").text(), "hello from /f/x\n");
    let view = node.get("/_moot/functions/f").json();
    assert_eq!((view["version"].as_u64(), view["versions"].as_array().unwrap().len()), (Some(2), 2));
    let back = Transaction::Rollback { name: "f".parse().unwrap(), version: 1 };
    let bundle = bundle(&node.genesis.network(), node.height() + 100, &[Entry::Transaction(back)]);
    let answer = node.post("/_moot/bundles", &bundle.encode()).json();
    assert_eq!(answer["entries"][0]["outcome"]["version"], 1, "{answer}");
    assert_eq!(node.post("/f/add", b"[1, 2]").text(), "3", "callable at once");
    // The same bundle again is a replay.
    let again = node.post("/_moot/bundles", &bundle.encode());
    assert_eq!((again.status, again.problem().as_str()), (422, "bundle-refused"));
}

#[test]
fn case_66_a_bundle_for_another_network_or_changed_on_the_way_is_refused() {
    // A signature is worth something on one network, for one content, for a while.
    let node = TestNode::start();
    let wasm = busy();
    node.upload(&wasm);
    let spec = Spec::new(FunctionKind::Typed, "/f");
    let other = component_digest(b"another network");
    let foreign = deploy_bundle(&other, node.height() + 100, "f", &wasm, &spec, None);
    assert_eq!(node.post("/_moot/bundles", &foreign.encode()).problem(), "bundle-refused");
    let mut changed = deploy_bundle(&node.genesis.network(), node.height() + 100, "f", &wasm, &spec, None);
    changed.header.valid_until += 1;
    assert_eq!(node.post("/_moot/bundles", &changed.encode()).problem(), "bad-bundle");
    assert_eq!(node.post("/_moot/bundles", b"not a bundle").problem(), "bad-bundle");
}

#[test]
fn accounts_on_the_list_may_call_when_they_sign() {
    let node = TestNode::start();
    node.deploy("closed", &busy(), FunctionKind::Typed, |spec| {
        spec.access = Access::Accounts(vec![key().account()])
    });
    let target = "/_moot/functions/closed/call/add";
    let unsigned = node.post(target, b"[1, 2]");
    assert_eq!((unsigned.status, unsigned.problem().as_str()), (401, "signature-needed"));
    assert!(unsigned.header("www-authenticate").is_some());
    let signed = |key: &moot_record::Keypair| {
        let fields = signature(key, "POST", target, b"[1, 2]");
        let headers = fields.each_ref().map(|(name, field)| (*name, field.as_str()));
        (node.ask("POST", target, &headers, b"[1, 2]"), node.ask("POST", target, &headers, b"[1, 2]"))
    };
    let (first, again) = signed(&key());
    assert_eq!((first.status, first.text().as_str()), (200, "3"), "{}", first.text());
    let id = first.header("moot-call").unwrap();
    assert_eq!(node.get(&format!("/_moot/calls/{id}")).json()["caller"], key().account().to_string());
    assert_eq!((again.status, again.problem().as_str()), (401, "signature-wrong"), "a copy is not served");
    let stranger = moot_record::Keypair::from_seed([12; 32]);
    assert_eq!(signed(&stranger).0.problem(), "not-allowed");
}

#[test]
fn wasi_0_3_is_behind_a_switch_of_the_node() {
    let spec = Spec::new(FunctionKind::Http, "/late");
    let wasm = guest("hello-http-0-3");
    let refused = TestNode::start().try_deploy("late", &wasm, &spec).answer.unwrap();
    assert_eq!((refused.status, refused.problem().as_str()), (422, "bad-component"), "{}", refused.text());
    assert!(refused.text().contains("switch"), "{}", refused.text());
    let node = TestNode::with(|config| {
        config.wasi_http_0_3 = true;
        config.compiler = Compiler::ChildProcess(env!("CARGO_BIN_EXE_moot").into());
    });
    let deployed = node.try_deploy("late", &wasm, &spec);
    assert_eq!(deployed.answer.unwrap().status, 200);
    let answer = node.get("/late/there");
    assert_eq!((answer.status, answer.text().as_str()), (200, "hello from /late/there\nand goodbye\n"));
    let call = answer.header("moot-call").unwrap();
    assert_eq!(node.get(&format!("/_moot/calls/{call}")).json()["receipt"]["status"], "ok");
}

#[test]
fn machine_code_that_was_damaged_is_made_again() {
    let node = TestNode::with(|config| config.code = None);
    let wasm = busy();
    node.deploy("busy", &wasm, FunctionKind::Typed, |_| {});
    let dir = node.stop();
    let code = dir.path().join("components").join(format!("{}.cwasm", component_digest(&wasm)));
    let mut bytes = std::fs::read(&code).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    std::fs::write(&code, &bytes).unwrap();
    let node = TestNode::on(dir, |config| config.code = None);
    assert_eq!(node.post("/busy/add", b"[1, 2]").text(), "3");
    let dir = node.stop();
    std::fs::remove_file(&code).unwrap();
    let node = TestNode::on(dir, |config| config.code = None);
    assert_eq!(node.post("/busy/add", b"[1, 2]").text(), "3");
}

#[test]
fn nodes_that_share_machine_code_compile_each_component_once() {
    let code = tempfile::tempdir().unwrap();
    let wasm = busy();
    let file = code.path().join(format!("{}.cwasm", component_digest(&wasm)));
    let sharing = || TestNode::with(|config| config.code = Some(code.path().to_owned()));
    let nodes = [sharing(), sharing()];
    // Both at once; that one waits for the other has a test of its own.
    std::thread::scope(|scope| {
        for node in &nodes {
            scope.spawn(|| node.deploy("busy", &wasm, FunctionKind::Typed, |_| {}));
        }
    });
    let made = std::fs::metadata(&file).unwrap();
    let later = sharing();
    later.deploy("busy", &wasm, FunctionKind::Typed, |_| {});
    for node in nodes.iter().chain([&later]) {
        assert_eq!(node.post("/busy/add", b"[1, 2]").text(), "3");
        assert!(!node.dir.path().join("components").join(file.file_name().unwrap()).exists());
    }
    let now = std::fs::metadata(&file).unwrap();
    assert_eq!((made.ino(), made.ctime_nsec()), (now.ino(), now.ctime_nsec()), "it was compiled again");
}

#[test]
fn a_node_in_an_empty_folder_is_ready_soon() {
    let began = Instant::now();
    let node = TestNode::start();
    assert_eq!(node.get("/_moot/ready").status, 200);
    // A second is the goal on an idle machine; a busy one is given more.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}
