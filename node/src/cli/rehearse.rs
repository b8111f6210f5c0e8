//! `--dry-run`: what would come of transactions, and what they would cost. Nothing is recorded.

use clap::Args;
use moot_record::{Keypair, Transaction};

use super::deploy::signed;
use super::failure::{FAILED, Silent};
use super::terminal::{self, BAD, BOLD, DIM, GOOD, Progress};
use super::text;
use crate::api::{DryOutcome, DryRun};
use crate::client::Client;

/// Of every verb that says a transaction.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct DryRunOption {
    /// Only say what would come of it and what it would cost; nothing is recorded
    #[arg(long)]
    dry_run: bool,
}

impl DryRunOption {
    /// Whether it was asked for.
    pub(crate) fn is_asked(self) -> bool {
        self.dry_run
    }
}

/// Asks what would come of transactions, and says it. Fails when one of them would be refused.
pub(crate) async fn rehearse(
    client: &Client,
    key: &Keypair,
    transactions: Vec<Transaction>,
    json: bool,
) -> anyhow::Result<()> {
    let progress = Progress::start("Asking", "what would come of it");
    let bundle = signed(client, key, transactions).await?;
    let answer = client.rehearse(bundle.encode()).await?;
    drop(progress);
    if json {
        terminal::print_json(&answer)?;
    } else {
        terminal::print(&shown(&answer))?;
    }
    if answer.accepted { Ok(()) } else { Err(Silent(FAILED).into()) }
}

fn shown(answer: &DryRun) -> String {
    let mut out = match answer.accepted {
        true => format!("{GOOD}WOULD BE DONE{GOOD:#}  {DIM}nothing was recorded{DIM:#}\n"),
        false => format!("{BAD}WOULD BE REFUSED{BAD:#}  {DIM}nothing was recorded{DIM:#}\n"),
    };
    let rows = answer.transactions.iter().map(|one| ("", line(one)));
    // One that is beyond 64 bits nobody can pay.
    let fee = answer.fee.parse().map_or_else(|_| text::line(&answer.fee), text::number);
    let rows: Vec<(&str, String)> = rows
        .chain([("fee", format!("{BOLD}{fee}{BOLD:#}")), ("as of", format!("block {}", answer.height))])
        .collect();
    out.push_str(&text::fields(2, &rows));
    out
}

fn line(one: &DryOutcome) -> String {
    let kind = text::line(&one.kind);
    match (&one.refused, &one.unchecked, one.version) {
        (Some(reason), _, _) => format!("{kind}: {}", text::line(reason)),
        (None, Some(unchecked), _) => format!("{kind} {DIM}not looked at: {}{DIM:#}", text::line(unchecked)),
        (None, None, Some(version)) => format!("{kind} {DIM}v{version} afterwards{DIM:#}"),
        (None, None, None) => kind,
    }
}
