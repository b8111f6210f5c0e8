//! `moot replay`: runs a recorded call again, here, and compares.
//!
//! ```text
//! node ──call, spec, component, input──► digests checked ──► own host ──► output digest, fuel, status
//!   └────────────────────────────────────receipt──────────────────────────────► the same?
//! ```
//!
//! The node is asked for bytes only, and each is checked against the digest that the call's record names: a node
//! cannot make a wrong receipt look right by sending other bytes.

use anyhow::Context as _;
use bytes::Bytes;
use clap::Args;
use http_body_util::BodyExt as _;
use moot_host::{Grants, Host, HostConfig, Policy};
use moot_record::{
    Call, CallKind, Digest, EntryId, Payload, PayloadHasher, Spec, Status, component_digest, payload_digest,
};
use serde_json::json;

use super::failure::{FAILED, Failure, Silent};
use super::options::{KeyOption, NodeOption};
use super::terminal::{self, BAD, DIM, GOOD, Progress};
use super::text;
use crate::api::{CallView, ReceiptView};
use crate::client::Client;
use crate::worker::{Ran, Streaming, context_of, limits_of, response_head, run, status_of};

/// Run a deterministic call again and compare output and fuel
#[derive(Debug, Args)]
#[command(
    after_help = "The call's component, manifest and input come from the node and are checked by their digests; the call \
                        itself runs here. Exit code 1 when output, fuel or status differ."
)]
pub(crate) struct Replay {
    /// The call
    call: EntryId,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    node: NodeOption,
    #[command(flatten)]
    key: KeyOption,
}

/// What a run came to.
struct Came {
    status: Status,
    output: Payload,
    fuel: u64,
}

impl Replay {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let client = self.node.client_with(&self.key)?;
        let id = self.call;
        let Some(view) = client.call(&id).await? else {
            return Err(Failure::new(format!("{} has no call {id}", client.address()))
                .hint("`moot ls --calls` lists the newest")
                .into());
        };
        let Some(receipt) = &view.receipt else {
            return Err(Failure::new(format!("the call {id} has no receipt yet to compare with")).into());
        };
        let spec = spec_of(&client, &view).await?;
        check_deterministic(&view, &spec)?;
        let input = input_of(&client, &view).await?;
        let component = component_of(&client, &view.component).await?;
        let network = client.status().await?.network;
        let progress = Progress::start("Running", &format!("{id} again"));
        let came = again(&view, &spec, &component, input, &network).await?;
        drop(progress);
        self.compare(&view, receipt, &came)
    }

    fn compare(&self, view: &CallView, receipt: &ReceiptView, came: &Came) -> anyhow::Result<()> {
        let same_output =
            came.output.digest == receipt.output.digest && came.output.bytes == receipt.output.bytes;
        let same_fuel = came.fuel == receipt.fuel;
        let same_status = came.status.as_str() == receipt.status;
        let same = same_output && same_fuel && same_status;
        if self.json {
            terminal::print_json(&json!({
                "call": view.id,
                "same": same,
                "recorded": { "status": receipt.status, "output": receipt.output, "fuel": receipt.fuel },
                "replayed": {
                    "status": came.status.as_str(),
                    "output": { "digest": came.output.digest, "bytes": came.output.bytes },
                    "fuel": came.fuel,
                },
            }))?;
        } else {
            let row = |same: bool, recorded: String, replayed: String| match same {
                true => format!("{GOOD}same{GOOD:#}       {recorded}"),
                false => format!(
                    "{BAD}different{BAD:#}  {recorded} {DIM}recorded{DIM:#}\n{:21}{replayed} {DIM}here{DIM:#}",
                    ""
                ),
            };
            let rows = [
                ("status", row(same_status, text::line(&receipt.status), came.status.as_str().to_owned())),
                (
                    "output",
                    row(same_output, receipt.output.digest.to_string(), came.output.digest.to_string()),
                ),
                ("fuel", row(same_fuel, text::number(receipt.fuel), text::number(came.fuel))),
            ];
            let verdict = if same { format!("{GOOD}SAME{GOOD:#}") } else { format!("{BAD}DIFFERENT{BAD:#}") };
            let head = format!("{verdict}  call {} to {}, run again here\n\n", view.id, view.function);
            terminal::print(&format!("{head}{}", text::fields(2, &rows)))?;
        }
        if same { Ok(()) } else { Err(Silent(FAILED).into()) }
    }
}

/// The manifest that the call names by its digest.
async fn spec_of(client: &Client, view: &CallView) -> anyhow::Result<Spec> {
    let function = client.function(&view.function).await?;
    let mut versions = function.into_iter().flat_map(|function| function.versions);
    let version = versions.find(|version| version.spec.digest() == view.spec);
    Ok(version.map(|version| version.spec).ok_or_else(|| {
        Failure::new(format!(
            "the manifest that {} ran under ({}) is not on the node any more",
            view.id,
            text::short(view.spec)
        ))
    })?)
}

fn check_deterministic(view: &CallView, spec: &Spec) -> anyhow::Result<()> {
    if spec.deterministic {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{} is not deterministic: what it saw cannot be shown to it again",
        view.function
    ))
    .hint("`deterministic = true` in moot.toml makes the calls after the next deploy replayable")
    .into())
}

async fn input_of(client: &Client, view: &CallView) -> anyhow::Result<Bytes> {
    let input = client.payload(&view.id, "input").await?.ok_or_else(|| {
        Failure::new(format!("the input of {} is not kept, so it cannot be run again", view.id))
            .hint("`payloads` and `retention` in moot.toml say what is kept and how long")
    })?;
    let found = payload_digest(&input);
    if found != view.input.digest {
        let message =
            format!("the node sent another input than the call names: {found}, not {}", view.input.digest);
        return Err(Failure::new(message).into());
    }
    Ok(input)
}

async fn component_of(client: &Client, digest: &Digest) -> anyhow::Result<Bytes> {
    let bytes = client
        .component(digest)
        .await?
        .ok_or_else(|| Failure::new(format!("the node does not have the component {digest} any more")))?;
    let found = component_digest(&bytes);
    if found != *digest {
        return Err(Failure::new(format!(
            "the node sent another component than the call names: {found}, not {digest}"
        ))
        .into());
    }
    Ok(bytes)
}

/// Runs the call on a host of this process.
async fn again(
    view: &CallView,
    spec: &Spec,
    component: &Bytes,
    input: Bytes,
    network: &Digest,
) -> anyhow::Result<Came> {
    let host = Host::new(HostConfig { wasi_http_0_3: true, ..HostConfig::default() })?;
    let code = host.compile(component).context("the component cannot be compiled here")?;
    let path = std::env::temp_dir().join(format!(
        "moot-replay-{}-{}.cwasm",
        std::process::id(),
        text::short(view.component)
    ));
    std::fs::write(&path, &code).with_context(|| format!("cannot write {}", path.display()))?;
    let loaded = host.load(&path, blake3::hash(&code).as_bytes(), policy(spec));
    // Mapped by now; the name is not needed any more, whether it went well or not.
    let _ = std::fs::remove_file(&path);
    let function = loaded.context("the component cannot be loaded here")?;
    let call = call_of(view)?;
    match run(&function, context_of(view.id, &call, network), &call.kind, &input).await {
        Ran::Done(outcome) => Ok(Came {
            status: outcome.status(),
            output: Payload::of(&outcome.output()),
            fuel: outcome.report.fuel,
        }),
        Ran::Streaming(streaming) => drain(*streaming).await,
    }
}

/// Reads a streamed answer to its end.
async fn drain(streaming: Streaming) -> anyhow::Result<Came> {
    let Streaming { parts, begun, mut rest, report } = streaming;
    let mut hasher = PayloadHasher::new();
    hasher.update(&response_head(&parts).with_body(&begun));
    while let Some(frame) = rest.frame().await {
        // A body that breaks off is told by the report.
        let Ok(frame) = frame else { break };
        if let Some(data) = frame.data_ref() {
            hasher.update(data);
        }
    }
    let report = report.await;
    let status = report.fault.as_ref().map_or(Status::Ok, status_of);
    Ok(Came { status, output: hasher.finish(), fuel: report.fuel })
}

/// What a deterministic function may reach: what its manifest gives it, and nothing outside.
fn policy(spec: &Spec) -> Policy {
    let grants = Grants {
        http: spec.grants.http.as_ref().map(|_| Vec::new()),
        env: spec.grants.env.clone(),
        ..Grants::default()
    };
    Policy { grants, limits: limits_of(spec), deterministic: true }
}

/// The record that the node's view is of, as far as running it goes.
fn call_of(view: &CallView) -> anyhow::Result<Call> {
    let kind = match (view.kind.as_str(), &view.export) {
        ("http", _) => CallKind::Http,
        ("event", _) => CallKind::Event,
        ("typed", Some(export)) => CallKind::Typed { export: export.clone() },
        (other, _) => {
            return Err(Failure::new(format!("{other:?} is no kind of call that this version knows")).into());
        }
    };
    Ok(Call {
        function: view.function.clone(),
        component: view.component,
        spec: view.spec,
        kind,
        caller: view.caller,
        input: Payload { digest: view.input.digest, bytes: view.input.bytes, inline: None },
        time_us: view.time_us,
        fuel_limit: view.fuel_limit,
        idempotency: None,
        parent: view.parent,
    })
}
