//! `moot verify`: a receipt checked against a genesis, with no network and no data folder.
//!
//! - Requires: a receipt file, and the genesis file of its network from somebody who is trusted.
//! - Provides: exit code 0 when every byte and every readable field fits, 1 when one does not, with its name.
//! - Does not provide: that the worker computed rightly (replay does), nor that the ledger's state accepted the entry.

mod state;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use moot_record::{Checked, Evidence, Genesis, ProofError, ReceiptFile, StateFile};
use serde_json::json;

use super::failure::{FAILED, Failure, Silent};
use super::terminal::{self, BAD, BOLD, DIM, GOOD};
use super::text;
use crate::limits::MAX_RECEIPT_FILE_BYTES;
use crate::manifest::units::{show_duration, show_size};

/// Check a receipt, or a proof of the state, offline
#[derive(Debug, Args)]
#[command(
    after_help = "Needs no network, no node and no data folder. Exit code 0: valid; 1: not, and the field that does not \
                        fit is named; 2: the command line or a file cannot be used.\n\n\
                        Without --genesis, `genesis.json` is looked for beside the receipt, here, and in ./.moot.\n\
                        `moot genesis -o genesis.json` saves a node's."
)]
pub(crate) struct Verify {
    /// The receipt file, or the file with a proof of the state
    file: PathBuf,
    /// The genesis of the network that is trusted
    #[arg(long, value_name = "FILE", env = "MOOT_GENESIS")]
    genesis: Option<PathBuf>,
    /// Print the verdict as JSON
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let text = read(&self.file)?;
        let genesis_path = self.genesis_path()?;
        let genesis_text = read(&genesis_path)?;
        if StateFile::is_one(&text) {
            return self.state(&text, &genesis_text, &genesis_path);
        }
        let verdict = Genesis::from_json(&genesis_text).map_err(ProofError::from).and_then(|genesis| {
            let file = ReceiptFile::parse(&text)?;
            Ok((file.check(&genesis)?, Voters::of(&file, &genesis), genesis))
        });
        match verdict {
            Ok((checked, voters, genesis)) => {
                if self.json {
                    return Ok(terminal::print_json(&json!({
                        "valid": true,
                        "network": genesis.network(),
                        "worker": checked.worker,
                        "receipt": checked.receipt,
                        "call": checked.call,
                        "block": checked.finality.as_ref().map(|f| json!({ "height": f.height, "time_ms": f.time_ms })),
                    }))?);
                }
                Ok(terminal::print(&summary(&checked, &voters, &genesis, &genesis_path))?)
            }
            Err(error) => self.refuse(&error, &genesis_path),
        }
    }

    /// The same for a file that proves what the state holds.
    fn state(&self, text: &str, genesis_text: &str, genesis_path: &Path) -> anyhow::Result<()> {
        let verdict = Genesis::from_json(genesis_text).map_err(ProofError::from).and_then(|genesis| {
            let file = StateFile::parse(text)?;
            Ok((file.check(&genesis)?, genesis))
        });
        match verdict {
            Ok((proven, genesis)) if self.json => Ok(terminal::print_json(&json!({
                "valid": true,
                "network": genesis.network(),
                "key": proven.key,
                "value": state::readable(&proven),
                "block": { "height": proven.height, "time_ms": proven.time_ms },
            }))?),
            Ok((proven, genesis)) => Ok(terminal::print(&state::summary(&proven, &genesis, genesis_path))?),
            Err(error) => self.refuse(&error, genesis_path),
        }
    }

    fn refuse(&self, error: &ProofError, genesis_path: &Path) -> anyhow::Result<()> {
        if self.json {
            let view = json!({ "valid": false, "field": error.field(), "error": error.to_string() });
            terminal::print_json(&view)?;
        } else {
            terminal::print(&refusal(error, &self.file, genesis_path))?;
        }
        Err(Silent(FAILED).into())
    }

    fn genesis_path(&self) -> anyhow::Result<PathBuf> {
        if let Some(path) = &self.genesis {
            return Ok(path.clone());
        }
        let beside = self.file.parent().unwrap_or(Path::new("")).join("genesis.json");
        let places = [beside, PathBuf::from("genesis.json"), PathBuf::from(".moot/genesis.json")];
        let found = places.into_iter().find(|path| path.is_file());
        Ok(found.ok_or_else(|| {
            Failure::usage("there is no genesis to check against")
                .hint("a receipt proves something only to those who know the network: --genesis FILE")
                .hint("a node gives its own with `moot genesis -o genesis.json`; compare its digest with someone you trust")
        })?)
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    let unusable = |why: String| Failure::usage(format!("cannot use {}: {why}", path.display()));
    let file = std::fs::File::open(path).map_err(|error| unusable(error.to_string()))?;
    let mut text = String::new();
    let bytes = file
        .take(MAX_RECEIPT_FILE_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|error| unusable(error.to_string()))?;
    if bytes as u64 > MAX_RECEIPT_FILE_BYTES {
        return Err(unusable(format!("it has more than {MAX_RECEIPT_FILE_BYTES} bytes")).into());
    }
    Ok(text)
}

fn refusal(error: &ProofError, file: &Path, genesis: &Path) -> String {
    let field = text::line(error.field());
    let said = text::line(&error.to_string());
    let mut shown = format!("{BAD}INVALID{BAD:#}  {BOLD}{field}{BOLD:#} does not fit\n\n");
    let rows =
        [("reason", said), ("file", file.display().to_string()), ("genesis", genesis.display().to_string())];
    shown.push_str(&text::fields(2, &rows));
    shown
}

/// Who voted, for people.
struct Voters {
    members: usize,
    /// How often the committee had changed by then.
    changes: usize,
}

impl Voters {
    fn of(file: &ReceiptFile, genesis: &Genesis) -> Voters {
        let handovers = match file.evidence() {
            Evidence::Final(proof) => proof.handovers.as_slice(),
            Evidence::Signed(_) => &[],
        };
        let members = handovers.last().map_or(genesis.validators.len(), |handover| handover.members.len());
        Voters { members, changes: handovers.len() }
    }
}

fn summary(checked: &Checked, voters: &Voters, genesis: &Genesis, genesis_path: &Path) -> String {
    let receipt = &checked.receipt;
    let function =
        checked.call.as_ref().map_or(String::new(), |call| format!(" to {BOLD}{}{BOLD:#}", call.function));
    let mut shown =
        format!("{GOOD}VALID{GOOD:#}  receipt of call {BOLD}{}{BOLD:#}{function}\n\n", receipt.call);
    shown.push_str("  proven\n");
    let took = show_duration(Duration::from_micros(receipt.duration_us));
    let mut rows =
        vec![("status", format!("{} {DIM}in {took}, as the worker says{DIM:#}", receipt.status.as_str()))];
    rows.push(("component", receipt.component.to_string()));
    if let Some(call) = &checked.call {
        let caller = call.caller.map_or_else(|| "nobody who signed".to_owned(), |caller| caller.to_string());
        rows.push(("called by", format!("{caller} {DIM}at {}{DIM:#}", text::time(call.time_us))));
        rows.push(("input", format!("{} {DIM}{}{DIM:#}", show_size(call.input.bytes), call.input.digest)));
    }
    rows.push((
        "output",
        format!("{} {DIM}{}{DIM:#}", show_size(receipt.output.bytes), receipt.output.digest),
    ));
    let fuel = if receipt.metered { text::number(receipt.fuel) } else { "not measured".to_owned() };
    rows.push(("fuel", fuel));
    rows.push(("fee", text::number(receipt.fee.ordering.saturating_add(receipt.fee.execution))));
    let touched: Vec<String> = receipt
        .touched
        .iter()
        .map(|t| format!("{} {} x{}", t.kind.as_str(), text::line(&t.target), t.count))
        .collect();
    rows.push((
        "touched",
        match (touched.is_empty(), receipt.metered) {
            (false, _) => touched.join(", "),
            (true, true) => "nothing outside".to_owned(),
            // Who does not meter does not see either.
            (true, false) => "not seen".to_owned(),
        },
    ));
    rows.push(("signed by", format!("{} {DIM}the worker{DIM:#}", checked.worker)));
    let mut replicas = text::count(voters.members, "replica");
    if voters.changes > 0 {
        let changes = text::count(voters.changes, "change");
        replicas.push_str(&format!(", after {changes} of the genesis's committee"));
    }
    rows.push(match &checked.finality {
        Some(f) => {
            let time = text::time(f.time_ms.saturating_mul(1000));
            ("ordered", format!("in block {} at {time} {DIM}by a quorum of {replicas}{DIM:#}", f.height))
        }
        None => ("ordered", "not shown: this receipt has the worker's signature alone".to_owned()),
    });
    shown.push_str(&text::fields(4, &rows));
    shown.push_str("\n  not proven\n");
    for line in not_proven(checked, genesis, genesis_path) {
        shown.push_str(&format!("    {DIM}-{DIM:#} {line}\n"));
    }
    shown
}

/// The gap in the evidence, stated.
fn not_proven(checked: &Checked, genesis: &Genesis, genesis_path: &Path) -> Vec<String> {
    let call = checked.receipt.call;
    let mut lines = vec![
        match checked.receipt.metered {
            true => format!(
                "that the output is what the component computes: one worker says so; `moot replay {call}` computes it again"
            ),
            false => "what ran, if anything did: one worker says so, and measured nothing".to_owned(),
        },
        format!(
            "that {} is the network you mean: its digest is\n      {}",
            genesis_path.display(),
            genesis.network()
        ),
    ];
    if checked.call.is_none() {
        lines.push("what was asked: the file does not carry the call".to_owned());
    }
    if checked.finality.is_none() {
        lines.push(format!("that the ledger has it: `moot show {call} --proof FILE` adds that"));
    }
    lines
}
