//! `moot deploy`: from a manifest to functions that answer, under the owner's signature.
//!
//! ```text
//! moot.toml ──build──► component ──PUT──► node
//!     └────────────► spec ──┐
//! owner's key ──────────────┴─► one signed bundle ──POST──► ordered, applied, final
//! ```

use std::path::PathBuf;

use clap::Args;
use moot_host::Kind;
use moot_record::{
    Bundle, BundleBuilder, Digest, Entry, FunctionKind, FunctionName, Keypair, PageClass, Spec, Transaction,
    component_digest,
};
use serde::Serialize;

use super::build::{self, Built};
use super::failure::Failure;
use super::options::{KeyOption, ManifestOption, NodeOption, select};
use super::rehearse::{DryRunOption, rehearse};
use super::terminal::{self, DIM, Progress};
use super::text;
use super::transfer::settle;
use crate::api::{EntryOutcome, FunctionView, Outcome};
use crate::client::Client;
use crate::limits::DEPLOY_VALIDITY_BLOCKS;
use crate::manifest::units::show_size;
use crate::manifest::{FunctionManifest, Manifest};

/// Build functions and deploy them to a node
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  moot deploy                      all functions of moot.toml\n  \
                        moot deploy hello                only hello\n  \
                        moot deploy hello --rollback     back to the version before\n  \
                        moot deploy hello --rollback 3   back to version 3\n  \
                        moot deploy hi --component hi.wasm   a component without a manifest\n  \
                        moot deploy hello --freeze       and give up changing or retiring it, for good\n\n\
                        A deploy is signed with the owner's key: see `moot account`.")]
pub(crate) struct Deploy {
    /// Which functions [default: all of the manifest]
    functions: Vec<String>,
    /// Make an earlier version the active one again [default version: the one before]
    #[arg(long, value_name = "VERSION", num_args = 0..=1)]
    rollback: Option<Option<u32>>,
    /// Deploy this component, with no manifest and no grants
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rollback", "manifest"])]
    component: Option<PathBuf>,
    /// Give up upgrade and destruction of these functions afterwards: nobody can ever undo it
    #[arg(long, conflicts_with = "rollback")]
    freeze: bool,
    /// Deploy what was built before
    #[arg(long)]
    no_build: bool,
    /// Print what was deployed as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    dry_run: DryRunOption,
    #[command(flatten)]
    node: NodeOption,
    #[command(flatten)]
    key: KeyOption,
    #[command(flatten)]
    manifest: ManifestOption,
}

/// What became of one function.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Deployed {
    pub(crate) function: FunctionName,
    pub(crate) version: u32,
    /// `false` when exactly this was active already.
    pub(crate) changed: bool,
    pub(crate) kind: &'static str,
    pub(crate) component: Digest,
    pub(crate) url: String,
    /// Height of the block that made it so; none when nothing changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) height: Option<u64>,
    /// The entry on the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) entry: Option<String>,
    /// Whether it was frozen by this.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) frozen: bool,
}

impl Deploy {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let client = self.node.client()?;
        if let Some(version) = self.rollback {
            let name = self.one_name()?;
            return roll_back(&client, &self.key, &name, version, (self.json, self.dry_run)).await;
        }
        let manifest = match &self.component {
            None => self.manifest.load()?,
            Some(path) => bare_manifest(self.one_name()?, path.clone()),
        };
        let names = if self.component.is_some() { &[] } else { self.functions.as_slice() };
        let functions = select(&manifest, names)?;
        // Before a build that takes minutes: is anybody there?
        client.status().await?;
        let mut built = Vec::new();
        for function in functions {
            if !self.no_build {
                build::run_build(&manifest, function)?;
            }
            built.push((function, build::read_component(function)?));
        }
        if self.dry_run.is_asked() {
            let key = self.key.load_or_create()?;
            let mut transactions = said(&client, &key, &built).await?;
            if self.freeze {
                let names = built.iter().map(|(function, _)| function.name.clone());
                transactions.extend(names.map(|name| Transaction::Freeze { name }));
            }
            if transactions.is_empty() {
                terminal::done("Unchanged", "exactly this is deployed");
                return Ok(());
            }
            return rehearse(&client, &key, transactions, self.json).await;
        }
        let key = self.key.load_or_create()?;
        let mut deployed = deploy(&client, &key, built).await?;
        if self.freeze {
            freeze(&client, &key, &mut deployed).await?;
        }
        if self.json {
            terminal::print_json(&serde_json::json!({ "deployed": deployed }))?;
        }
        Ok(())
    }

    fn one_name(&self) -> anyhow::Result<FunctionName> {
        match self.functions.as_slice() {
            [name] => Ok(FunctionName::parse(name).map_err(|error| Failure::usage(error.to_string()))?),
            _ => Err(Failure::usage("name exactly one function")
                .hint("moot deploy NAME --rollback, or moot deploy NAME --component FILE")
                .into()),
        }
    }
}

/// The manifest of somebody who has only a component.
fn bare_manifest(name: FunctionName, component: PathBuf) -> Manifest {
    let spec = Spec::new(FunctionKind::Event, format!("/{name}"));
    let function = FunctionManifest { name, component, external: None, build: None, spec };
    Manifest { path: PathBuf::from(crate::manifest::FILE_NAME), functions: vec![function] }
}

/// The spec of a function whose component has been looked at.
pub(crate) fn spec_of(function: &FunctionManifest, kind: Kind) -> Spec {
    let kind = match kind {
        Kind::Http => FunctionKind::Http,
        Kind::Event => FunctionKind::Event,
        Kind::Typed => FunctionKind::Typed,
    };
    Spec { kind, ..function.spec.clone() }
}

/// One function on its way.
struct Step {
    name: FunctionName,
    spec: Spec,
    kind: &'static str,
    component: Digest,
    bytes: Vec<u8>,
    /// The version that is active now; none for a new function.
    active: Option<u32>,
    /// Exactly this is active now.
    same: bool,
}

/// What a deploy would say. Nothing is uploaded.
async fn said(
    client: &Client,
    key: &Keypair,
    built: &[(&FunctionManifest, Built)],
) -> anyhow::Result<Vec<Transaction>> {
    let mut said = Vec::new();
    for (function, Built { bytes, inspection }) in built {
        let spec = spec_of(function, inspection.kind);
        let step = step(client, key, function, spec, inspection.kind.as_str(), bytes.clone()).await?;
        if !step.same {
            let length = step.bytes.len() as u64;
            said.push(Transaction::deploy(step.name, step.component, length, &step.spec, step.active));
        }
    }
    Ok(said)
}

/// Uploads what is new, signs one bundle for all of it, and waits until it is final.
pub(crate) async fn deploy(
    client: &Client,
    key: &Keypair,
    built: Vec<(&FunctionManifest, Built)>,
) -> anyhow::Result<Vec<Deployed>> {
    let mut steps = Vec::new();
    for (function, Built { bytes, inspection }) in built {
        let spec = spec_of(function, inspection.kind);
        steps.push(step(client, key, function, spec, inspection.kind.as_str(), bytes).await?);
    }
    let mut transactions = Vec::new();
    for step in steps.iter_mut().filter(|step| !step.same) {
        let size = show_size(step.bytes.len() as u64);
        let progress = Progress::start("Uploading", &format!("{} {size}", step.name));
        let bytes = std::mem::take(&mut step.bytes);
        let length = bytes.len() as u64;
        client.put_component(key, &step.component, bytes.into()).await?;
        progress
            .done("Uploaded", &format!("{} {size} {DIM}{}{DIM:#}", step.name, text::short(step.component)));
        transactions.push(Transaction::deploy(
            step.name.clone(),
            step.component,
            length,
            &step.spec,
            step.active,
        ));
    }
    let outcomes = if transactions.is_empty() {
        Vec::new()
    } else {
        submit(client, key, transactions, DEPLOYING).await?
    };
    let mut outcomes = outcomes.into_iter();
    let mut deployed = Vec::new();
    for step in steps {
        let url = format!("{}{}", client.address(), step.spec.route);
        let mut result = Deployed {
            function: step.name,
            version: step.active.unwrap_or(0),
            changed: false,
            kind: step.kind,
            component: step.component,
            url,
            height: None,
            entry: None,
            frozen: false,
        };
        if step.same {
            terminal::done("Unchanged", &format!("{} v{} is exactly this", result.function, result.version));
        } else {
            let outcome = outcomes.next().ok_or_else(|| Failure::new("the node left an outcome out"))?;
            apply(&mut result, outcome)?;
            let at = result.height.map_or(String::new(), |height| format!("{DIM}block {height}{DIM:#}"));
            terminal::done(
                "Deployed",
                &format!("{} v{} {} {at}", result.function, result.version, where_to(&result)),
            );
        }
        deployed.push(result);
    }
    Ok(deployed)
}

/// Gives up changing what was deployed, for good: all of it together.
async fn freeze(client: &Client, key: &Keypair, deployed: &mut [Deployed]) -> anyhow::Result<()> {
    let all = deployed.iter().map(|done| Transaction::Freeze { name: done.function.clone() });
    let transactions = together(all.collect());
    let doing = ("Freezing", "ordered by the network, until it is final");
    settle(&submit(client, key, transactions, doing).await?)?;
    for done in deployed {
        done.frozen = true;
        let name = &done.function;
        terminal::done("Frozen", &format!("{name} v{}: nobody can ever change or retire it", done.version));
    }
    Ok(())
}

/// How a function is called, in few words.
fn where_to(deployed: &Deployed) -> String {
    match deployed.kind {
        "typed" => format!("moot invoke {} EXPORT ARGUMENTS", deployed.function),
        _ => deployed.url.clone(),
    }
}

async fn step(
    client: &Client,
    key: &Keypair,
    function: &FunctionManifest,
    spec: Spec,
    kind: &'static str,
    bytes: Vec<u8>,
) -> anyhow::Result<Step> {
    let name = function.name.clone();
    let component = component_digest(&bytes);
    let present = client.function(&name).await?;
    if let Some(present) = &present {
        check_owner(present, key)?;
        if present.summary.retired {
            let failure = Failure::new(format!("{name} was retired, for good: its name is not free again"));
            return Err(failure.hint("deploy it under another name").into());
        }
    }
    let active = present.as_ref().map(|present| present.summary.version);
    let version = present.iter().flat_map(|p| &p.versions).find(|version| Some(version.number) == active);
    let same =
        version.is_some_and(|version| version.component == component && version.spec_digest == spec.digest());
    Ok(Step { name, spec, kind, component, bytes, active, same })
}

pub(super) fn check_owner(present: &FunctionView, key: &Keypair) -> anyhow::Result<()> {
    let owner = present.summary.owner;
    if owner == key.account() {
        return Ok(());
    }
    let message = format!("{} belongs to another account: {owner}", present.summary.name);
    Err(Failure::new(message)
        .hint(format!("your account is {}; sign with the owner's key: --key FILE or MOOT_KEY", key.account()))
        .hint("or deploy under another name")
        .into())
}

/// What people are told meanwhile: the node compiles what is new before it lets it in.
const DEPLOYING: (&str, &str) = ("Deploying", "compiled and ordered by the node, until it is final");

/// Transactions that are done all or none of them.
pub(super) fn together(all: Vec<Transaction>) -> Vec<Transaction> {
    let head = match all.len() {
        0 | 1 => None,
        count => Some(Transaction::Together { count: u16::try_from(count).unwrap_or(u16::MAX) }),
    };
    head.into_iter().chain(all).collect()
}

/// Signs transactions as one bundle, submits it and waits until it is final; meanwhile says what it is `doing`.
pub(super) async fn submit(
    client: &Client,
    key: &Keypair,
    transactions: Vec<Transaction>,
    (doing, how): (&str, &str),
) -> anyhow::Result<Vec<EntryOutcome>> {
    let progress = Progress::start(doing, how);
    let bundle = signed(client, key, transactions).await?;
    let answer = client.submit(bundle.encode()).await?;
    drop(progress);
    Ok(answer.entries)
}

/// Transactions as one bundle for the node's network.
pub(super) async fn signed(
    client: &Client,
    key: &Keypair,
    transactions: Vec<Transaction>,
) -> anyhow::Result<Bundle> {
    let status = client.status().await?;
    let mut builder = BundleBuilder::new();
    for transaction in transactions {
        builder.append(PageClass::Bulk, &Entry::Transaction(transaction).encode())?;
    }
    let valid_until = status.height + DEPLOY_VALIDITY_BLOCKS;
    Ok(Bundle::sign(key, &status.network, valid_until, builder.finish())?)
}

fn apply(result: &mut Deployed, outcome: EntryOutcome) -> anyhow::Result<()> {
    result.entry = Some(outcome.id.to_string());
    result.height = outcome.height;
    result.changed = true;
    match outcome.outcome {
        Outcome::Applied { version, .. } => {
            result.version = version.unwrap_or(result.version + 1);
            Ok(())
        }
        Outcome::Accepted | Outcome::Recorded | Outcome::Done => {
            Err(Failure::new(format!("{} is recorded, and was not final in time", result.function))
                .hint(format!("`moot show {}` says when it is", result.function))
                .into())
        }
        Outcome::Refused { reason } => {
            Err(Failure::new(format!("{} was not deployed: {reason}", result.function))
                .hint(format!("the refusal is on the ledger: moot show {}", outcome.id))
                .into())
        }
    }
}

async fn roll_back(
    client: &Client,
    key: &KeyOption,
    name: &FunctionName,
    version: Option<u32>,
    (json, dry_run): (bool, DryRunOption),
) -> anyhow::Result<()> {
    let Some(present) = client.function(name).await? else {
        return Err(unknown_function(client, name).await);
    };
    let key = key.load_or_create()?;
    check_owner(&present, &key)?;
    let active = present.summary.version;
    let numbers: Vec<u32> = present.versions.iter().map(|version| version.number).collect();
    let target = match version {
        Some(version) => version,
        None => numbers.iter().copied().filter(|number| *number < active).max().ok_or_else(|| {
            Failure::new(format!("{name} has no version before v{active}"))
                .hint("`moot show NAME` lists its versions")
        })?,
    };
    if !numbers.contains(&target) {
        let list: Vec<String> = numbers.iter().map(|number| format!("v{number}")).collect();
        return Err(Failure::new(format!("{name} has no version {target}"))
            .hint(format!("it has {}", list.join(", ")))
            .into());
    }
    if target == active {
        terminal::done("Unchanged", &format!("{name} v{active} is the active version already"));
    } else {
        let transaction = Transaction::Rollback { name: name.clone(), version: target };
        if dry_run.is_asked() {
            return rehearse(client, &key, vec![transaction], json).await;
        }
        let outcome = submit(client, &key, vec![transaction], DEPLOYING).await?.into_iter().next();
        if let Some(Outcome::Refused { reason }) = outcome.map(|outcome| outcome.outcome) {
            return Err(Failure::new(format!("{name} was not rolled back: {reason}")).into());
        }
        terminal::done("Rolled back", &format!("{name} from v{active} to v{target}"));
    }
    if json {
        let view = serde_json::json!({ "function": name, "version": target, "previous": active });
        terminal::print_json(&view)?;
    }
    Ok(())
}

/// The error for a function that the node does not have, with the nearest that it has.
pub(crate) async fn unknown_function(client: &Client, name: &FunctionName) -> anyhow::Error {
    let failure = Failure::new(format!("{} has no function {name}", client.address()));
    let Ok(all) = client.functions().await else { return failure.into() };
    let names: Vec<&str> = all.functions.iter().map(|function| function.name.as_str()).collect();
    let hint = match crate::manifest::nearest(name.as_str(), names.iter().copied()) {
        Some(near) => format!("did you mean {near}?"),
        None if names.is_empty() => "nothing is deployed there yet: `moot deploy`".to_owned(),
        None => format!("it has: {}", names.join(", ")),
    };
    failure.hint(hint).into()
}
