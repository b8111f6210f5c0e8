//! `moot retire`: functions that their owner takes out of service, for good.

use clap::Args;
use moot_record::{FunctionName, Transaction};
use serde_json::json;

use super::deploy::{check_owner, submit, together, unknown_function};
use super::options::{KeyOption, NodeOption};
use super::rehearse::{DryRunOption, rehearse};
use super::terminal;
use super::transfer::settle;
use crate::keyfile;

/// Take functions out of service, for good
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  moot retire hello                nobody can call hello any more\n  \
                        moot retire hello --dry-run      would it be allowed, and what would it cost?\n\n\
                        Only what was deployed with `destructible = true` in its moot.toml can be retired, by its owner. It cannot \
                        be undone, and the name is not free again. Calls and receipts stay on the ledger.")]
pub(crate) struct Retire {
    /// Which functions; several are retired together or not at all
    #[arg(required = true, value_name = "FUNCTION", value_parser = str::parse::<FunctionName>)]
    functions: Vec<FunctionName>,
    /// Print what became of it as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    dry_run: DryRunOption,
    #[command(flatten)]
    node: NodeOption,
    #[command(flatten)]
    key: KeyOption,
}

impl Retire {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let client = self.node.client()?;
        // A key that is made now owns nothing.
        let key = keyfile::load(&self.key.path()?)?;
        for name in &self.functions {
            let Some(present) = client.function(name).await? else {
                return Err(unknown_function(&client, name).await);
            };
            check_owner(&present, &key)?;
        }
        let all = self.functions.iter().map(|name| Transaction::Retire { name: name.clone() });
        let transactions = together(all.collect());
        if self.dry_run.is_asked() {
            return rehearse(&client, &key, transactions, self.json).await;
        }
        let doing = ("Retiring", "ordered by the network, until it is final");
        let answer = submit(&client, &key, transactions, doing).await?;
        let done = settle(&answer)?;
        if self.json {
            let view = json!({ "retired": self.functions, "entry": done.id, "height": done.height });
            return Ok(terminal::print_json(&view)?);
        }
        for name in &self.functions {
            terminal::done("Retired", &format!("{name}: nobody can call it any more"));
        }
        Ok(())
    }
}
