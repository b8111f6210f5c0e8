//! A node in this process, on a runtime of its own, with a data folder that goes when the test ends.

use super::net::shared_code;
use super::raw::{Answer, Conn};
use moot_node::signature::{RequestToSign, sign};
use moot_node::{Node, NodeConfig};
use moot_record::{
    Bundle, BundleBuilder, Call, CallKind, Digest, Entry, FunctionKind, Genesis, Keypair, PageClass, Payload,
    Spec, Transaction, component_digest,
};
use std::net::SocketAddr;
use std::path::Path;
use tokio::runtime::Runtime;

/// The owner in these scenarios.
pub(crate) fn key() -> Keypair {
    Keypair::from_seed([11; 32])
}

/// Seeds of the keys that have something at a test's node.
const FUNDED: [u8; 4] = [11, 12, 21, 22];

/// A node somewhere, in this process or another.
pub(crate) struct Remote {
    pub(crate) address: SocketAddr,
    pub(crate) genesis: Genesis,
}

/// A node in this process.
pub(crate) struct TestNode {
    runtime: Option<Runtime>,
    node: Option<Node>,
    remote: Remote,
    pub(crate) dir: tempfile::TempDir,
}

impl std::ops::Deref for TestNode {
    type Target = Remote;

    fn deref(&self) -> &Remote {
        &self.remote
    }
}

/// What a deploy came to.
#[derive(Debug)]
pub(crate) struct Deployed {
    pub(crate) uploaded: Answer,
    pub(crate) answer: Option<Answer>,
}

impl TestNode {
    pub(crate) fn start() -> TestNode {
        TestNode::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut NodeConfig)) -> TestNode {
        TestNode::on(tempfile::tempdir().unwrap(), change)
    }

    pub(crate) fn on(dir: tempfile::TempDir, change: impl FnOnce(&mut NodeConfig)) -> TestNode {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let config = config(dir.path(), change);
        let node = runtime.block_on(Node::start(config)).unwrap();
        let remote = Remote { address: node.address(), genesis: node.genesis().clone() };
        TestNode { runtime: Some(runtime), node: Some(node), remote, dir }
    }

    /// Stops it in good order, and gives its folder back.
    pub(crate) fn stop(mut self) -> tempfile::TempDir {
        if let (Some(runtime), Some(node)) = (&self.runtime, self.node.take()) {
            runtime.block_on(node.shutdown());
        }
        self.runtime = None;
        std::mem::replace(&mut self.dir, tempfile::tempdir().unwrap())
    }

    /// Where workers join.
    pub(crate) fn workers(&self) -> SocketAddr {
        self.node.as_ref().unwrap().workers_address().unwrap()
    }

    /// Its account.
    pub(crate) fn account(&self) -> moot_record::AccountId {
        self.node.as_ref().unwrap().account()
    }

    /// Begins to stop it, on its own runtime.
    pub(crate) fn begin_stop(&mut self) -> tokio::task::JoinHandle<()> {
        let node = self.node.take().unwrap();
        self.runtime.as_ref().unwrap().spawn(node.shutdown())
    }

    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.as_ref().unwrap().block_on(future)
    }
}

impl Remote {
    pub(crate) fn at(address: SocketAddr) -> Remote {
        let mut conn = Conn::open(address);
        conn.request("GET", "/_moot/genesis", &[], b"");
        let genesis = Genesis::from_json(&conn.answer().unwrap().text()).unwrap();
        Remote { address, genesis }
    }

    pub(crate) fn conn(&self) -> Conn {
        Conn::open(self.address)
    }

    /// One request on a connection of its own.
    pub(crate) fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut conn = self.conn();
        conn.request(method, target, headers, body);
        conn.answer().unwrap_or_else(|| panic!("{method} {target} was not answered"))
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, &[], b"")
    }

    pub(crate) fn post(&self, target: &str, body: &[u8]) -> Answer {
        self.ask("POST", target, &[], body)
    }

    /// Writes a value, signed or not.
    pub(crate) fn put(&self, path: &str, value: &[u8], by: Option<&Keypair>) -> Answer {
        self.put_with(path, value, by, &[])
    }

    /// The same with further headers.
    pub(crate) fn put_with(
        &self,
        path: &str,
        value: &[u8],
        by: Option<&Keypair>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let target = format!("/_moot/values{path}");
        self.put_at(&target, by, headers, value)
    }

    /// A PUT, signed by somebody or by nobody.
    pub(crate) fn put_at(
        &self,
        target: &str,
        by: Option<&Keypair>,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let signature = by.map(|key| signature(key, "PUT", target, body));
        let signed = signature.iter().flatten().map(|(name, field)| (*name, field.as_str()));
        let fields: Vec<(&str, &str)> = headers.iter().copied().chain(signed).collect();
        self.ask("PUT", target, &fields, body)
    }

    /// A request that somebody signed.
    pub(crate) fn signed(&self, by: &Keypair, method: &str, target: &str, body: &[u8]) -> Answer {
        let fields = signature(by, method, target, body);
        self.ask(method, target, &fields.each_ref().map(|(name, field)| (*name, field.as_str())), body)
    }

    pub(crate) fn height(&self) -> u64 {
        self.get("/_moot/status").json()["height"].as_u64().unwrap()
    }

    /// How many calls are recorded.
    pub(crate) fn calls(&self) -> usize {
        self.get("/_moot/calls?limit=1000").json()["calls"].as_array().unwrap().len()
    }

    /// A typed call of a function's active version, as a client writes it into its own bundle. `number` makes it unlike
    /// every other.
    pub(crate) fn call(&self, name: &str, export: &str, arguments: &str, number: u64) -> Call {
        let view = self.get(&format!("/_moot/functions/{name}")).json();
        let version = view["versions"].as_array().unwrap().last().unwrap();
        let now_us = std::time::UNIX_EPOCH.elapsed().unwrap().as_micros() as u64;
        Call {
            function: name.parse().unwrap(),
            component: version["component"].as_str().unwrap().parse().unwrap(),
            spec: version["spec_digest"].as_str().unwrap().parse().unwrap(),
            kind: CallKind::Typed { export: export.to_owned() },
            caller: None,
            input: Payload::inlined(arguments.as_bytes()),
            time_us: now_us + number,
            fuel_limit: 1_000_000,
            idempotency: None,
            parent: None,
        }
    }

    pub(crate) fn upload(&self, wasm: &[u8]) -> Answer {
        self.put_at(&format!("/_moot/components/{}", component_digest(wasm)), Some(&key()), &[], wasm)
    }

    /// Uploads and deploys; says what came of it.
    pub(crate) fn try_deploy(&self, name: &str, wasm: &[u8], spec: &Spec) -> Deployed {
        let uploaded = self.upload(wasm);
        let previous =
            self.get(&format!("/_moot/functions/{name}")).json()["version"].as_u64().map(|v| v as u32);
        let bundle = deploy_bundle(&self.genesis.network(), self.height() + 100, name, wasm, spec, previous);
        let answer = (uploaded.status == 201).then(|| self.post("/_moot/bundles", &bundle.encode()));
        Deployed { uploaded, answer }
    }

    /// Uploads and deploys what must be taken.
    pub(crate) fn deploy(&self, name: &str, wasm: &[u8], kind: FunctionKind, change: impl FnOnce(&mut Spec)) {
        let mut spec = Spec::new(kind, format!("/{name}"));
        change(&mut spec);
        let deployed = self.try_deploy(name, wasm, &spec);
        let answer = deployed.answer.unwrap_or_else(|| panic!("{}", deployed.uploaded.text()));
        assert_eq!(answer.json()["entries"][0]["outcome"]["status"], "applied", "{}", answer.text());
    }
}

impl Drop for TestNode {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            if let Some(node) = self.node.take() {
                runtime.block_on(node.shutdown());
            }
            runtime.shutdown_background();
        }
    }
}

pub(crate) fn config(dir: &Path, change: impl FnOnce(&mut NodeConfig)) -> NodeConfig {
    let mut config = NodeConfig::new(dir);
    config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.code = Some(shared_code());
    // Everything is charged: those who sign in these scenarios have something.
    config.pays_for_unsigned = true;
    config.fund = FUNDED.map(|seed| Keypair::from_seed([seed; 32]).account()).to_vec();
    change(&mut config);
    config
}

/// The fields that sign a request.
pub(crate) fn signature(
    by: &Keypair,
    method: &str,
    target: &str,
    body: &[u8],
) -> [(&'static str, String); 3] {
    let (method, uri) = (method.parse().unwrap(), target.parse().unwrap());
    let signed = sign(by, &RequestToSign { method: &method, authority: "test", uri: &uri, body });
    [
        ("signature-input", signed.signature_input),
        ("signature", signed.signature),
        ("content-digest", signed.content_digest),
    ]
}

/// Says transactions in one bundle, each of which must be applied.
pub(crate) fn say(node: &Remote, by: &Keypair, transactions: Vec<Transaction>) {
    let entries: Vec<Entry> = transactions.into_iter().map(Entry::Transaction).collect();
    let signed = bundle_by(by, &node.genesis.network(), node.height() + 100, &entries);
    let answer = node.post("/_moot/bundles", &signed.encode());
    for entry in answer.json()["entries"].as_array().unwrap_or_else(|| panic!("{}", answer.text())) {
        assert_ne!(entry["outcome"]["status"], "refused", "{}", answer.text());
    }
}

/// Lets the owner of these scenarios own a path and set one rule there.
pub(crate) fn open_path(node: &Remote, path: &str, pattern: &str, rule: &str) {
    let own = Transaction::Own { path: path.into(), owner: Some(key().account()) };
    let rule = Transaction::Rule { pattern: pattern.into(), rule: Some(rule.into()) };
    say(node, &key(), vec![own, rule]);
}

/// A bundle of entries, signed by the owner.
pub(crate) fn bundle(network: &Digest, valid_until: u64, entries: &[Entry]) -> Bundle {
    bundle_by(&key(), network, valid_until, entries)
}

/// A bundle of entries, signed by somebody.
pub(crate) fn bundle_by(signer: &Keypair, network: &Digest, valid_until: u64, entries: &[Entry]) -> Bundle {
    let mut builder = BundleBuilder::new();
    for entry in entries {
        builder.append(PageClass::Bulk, &entry.encode()).unwrap();
    }
    Bundle::sign(signer, network, valid_until, builder.finish()).unwrap()
}

/// A bundle that deploys one function.
pub(crate) fn deploy_bundle(
    network: &Digest,
    valid_until: u64,
    name: &str,
    wasm: &[u8],
    spec: &Spec,
    previous: Option<u32>,
) -> Bundle {
    let name = name.parse().unwrap();
    let deploy = Transaction::deploy(name, component_digest(wasm), wasm.len() as u64, spec, previous);
    bundle(network, valid_until, &[Entry::Transaction(deploy)])
}
