//! The command line.

use crate::scenario::Scenario;
use clap::{Args, Parser, Subcommand, ValueEnum};
use moot_record::PayloadMode;
use std::fmt;
use std::path::PathBuf;

/// Throughput and latency over HTTP: wasi:http, typed and event calls with durable evidence, and a plain hyper
/// hello beside them
#[derive(Debug, Parser)]
#[command(name = "load", args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    /// Print one JSON object; the table and the progress go to standard error
    #[arg(long)]
    pub(crate) json: bool,
    /// Seconds that each measurement takes
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0, value_parser = seconds)]
    pub(crate) seconds: f64,
    /// How often everything is measured; the medians are printed
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=100))]
    pub(crate) rounds: usize,
    /// Connections at once
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_values_t = [1, 64, 256], value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=4000))]
    pub(crate) connections: Vec<usize>,
    /// What is measured; a plain hyper is always, to compare with
    #[arg(long, value_enum, value_name = "LIST", value_delimiter = ',', default_values_t = [Scenario::WasiHttp, Scenario::WasiHttpPlain, Scenario::Typed, Scenario::Event])]
    pub(crate) scenarios: Vec<Scenario>,
    /// What the ledger keeps of inputs and outputs, as in moot.toml
    #[arg(long, value_enum, default_value_t = Payloads::Keep)]
    pub(crate) payloads: Payloads,
    /// Instead of all that: four replicas in processes of their own, bundles signed by clients, ordered under load
    #[arg(long)]
    pub(crate) order: bool,
    #[command(flatten)]
    pub(crate) ordering: crate::order::OrderOptions,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// What the harness starts by itself: the servers that are measured. Ends when its standard input does
    #[command(hide = true)]
    Serve(Serve),
    /// What `--order` starts by itself: a client with bundles of its own. Ends when its standard input does
    #[command(hide = true)]
    OrderClient(crate::order::OrderClient),
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The node's data folder
    #[arg(long)]
    pub(crate) data: PathBuf,
    /// Ends after so many seconds, whatever happens
    #[arg(long)]
    pub(crate) at_most: u64,
    /// As in the harness
    #[arg(long, value_enum)]
    pub(crate) payloads: Payloads,
}

/// The manifest's `payloads`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Payloads {
    /// Inputs and outputs are stored beside the ledger: the default of a manifest.
    Keep,
    /// They ride in the entries.
    Inline,
    /// Digests only.
    Digest,
}

impl Payloads {
    pub(crate) fn mode(self) -> PayloadMode {
        match self {
            Payloads::Keep => PayloadMode::default(),
            Payloads::Inline => PayloadMode::Inline,
            Payloads::Digest => PayloadMode::Digest,
        }
    }
}

impl fmt::Display for Payloads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Payloads::Keep => "keep",
            Payloads::Inline => "inline",
            Payloads::Digest => "digest",
        })
    }
}

pub(crate) fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.1..=600.0).contains(&seconds) => Ok(seconds),
        _ => Err("0.1 to 600 seconds make sense".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_holds_together() {
        Options::command().debug_assert();
        let options = Options::try_parse_from(["load", "--json", "--connections", "1,8"]).unwrap();
        assert_eq!((options.connections, options.rounds, options.json), (vec![1, 8], 3, true));
        for wrong in [["load", "--rounds=0"], ["load", "--seconds=0"], ["load", "--connections=0"]] {
            assert!(Options::try_parse_from(wrong).is_err(), "{wrong:?}");
        }
    }
}
