//! `moot escrow`: units are held for somebody, and paid or given back.

use clap::{Args, Subcommand};
use moot_record::{EntryId, Transaction};

use super::failure::Failure;
use super::rules::With;
use super::terminal::{self, BOLD, DIM};
use super::text;
use super::transfer::{read_account, read_amount};
use crate::api::HoldView;

/// Hold units for somebody, then pay them, in part, or give them back
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  moot escrow hold ACCOUNT 900 --for 5000      held for 5000 blocks, then yours again\n  \
                        moot escrow show 0-42-0-0-0\n  \
                        moot escrow release 0-42-0-0-0               all of it is paid\n  \
                        moot escrow release 0-42-0-0-0 --pay 2/3     two thirds, rounded down; the rest is yours again\n  \
                        moot escrow give-back 0-42-0-0-0             by either side: all goes back\n\n\
                        A hold is named by the entry that made it. Whose units they were says how much is paid."
)]
pub(crate) struct Escrow {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Hold units for another account
    Hold {
        /// Whom they are held for
        account: String,
        /// How many
        amount: String,
        /// The height at which what is still held goes back
        #[arg(long, value_name = "HEIGHT", required_unless_present = "blocks", conflicts_with = "blocks")]
        until: Option<u64>,
        /// The same, in blocks from now
        #[arg(long = "for", value_name = "BLOCKS")]
        blocks: Option<u64>,
        #[command(flatten)]
        with: With,
    },
    /// Pay what is held, or a part of it
    Release {
        /// The entry that made the hold
        hold: String,
        /// How much of it: 2/3, or 600/900 for exactly 600 of 900
        #[arg(long, value_name = "PART/WHOLE", default_value = "1/1", value_parser = read_share)]
        pay: (u64, u64),
        #[command(flatten)]
        with: With,
    },
    /// Give all of it back to whose units they were
    GiveBack {
        /// The entry that made the hold
        hold: String,
        #[command(flatten)]
        with: With,
    },
    /// Show what is held
    Show {
        /// The entry that made the hold
        hold: String,
        #[command(flatten)]
        with: With,
    },
}

impl Escrow {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self.verb {
            Verb::Hold { account, amount, until, blocks, with } => {
                let (to, amount) = (read_account(&account)?, read_amount(&amount)?);
                let until = match (until, blocks) {
                    (Some(until), _) => until,
                    (None, blocks) => {
                        with.node.client()?.status().await?.height.saturating_add(blocks.unwrap_or(0))
                    }
                };
                let transaction = Transaction::Hold { to, amount, until };
                let Some(done) = with.said(transaction).await? else { return Ok(()) };
                let (amount, to) = (text::number(amount), text::short(to));
                terminal::done("Held", &format!("{amount} for {to} until height {until}, as {}", done.id));
                Ok(())
            }
            Verb::Release { hold, pay: (part, whole), with } => {
                let hold = read_hold(&hold)?;
                let shown = format!("{part}/{whole} of {hold}");
                with.say(Transaction::Release { hold, part, whole }, ("Paid", &shown)).await
            }
            Verb::GiveBack { hold, with } => {
                let hold = read_hold(&hold)?;
                let shown = hold.to_string();
                with.say(Transaction::Release { hold, part: 0, whole: 1 }, ("Given back", &shown)).await
            }
            Verb::Show { hold, with } => {
                let id = read_hold(&hold)?;
                let found = with.node.client()?.hold(&id).await?.ok_or_else(|| {
                    Failure::new(format!("nothing is held under {id}"))
                        .hint("it was released, it went back at its height, or it never was")
                })?;
                if with.json {
                    return Ok(terminal::print_json(&found)?);
                }
                Ok(terminal::print(&shown(&found))?)
            }
        }
    }
}

fn shown(hold: &HoldView) -> String {
    let amount = hold.amount.parse().map_or_else(|_| text::line(&hold.amount), text::number);
    let left = hold.until.saturating_sub(hold.height);
    text::fields(
        0,
        &[
            ("hold", format!("{BOLD}{}{BOLD:#}", hold.id)),
            ("amount", amount),
            ("from", hold.from.to_string()),
            ("for", hold.to.to_string()),
            ("until", format!("height {} {DIM}{left} blocks from now{DIM:#}", hold.until)),
        ],
    )
}

fn read_hold(text: &str) -> anyhow::Result<EntryId> {
    let read = text.parse::<EntryId>();
    Ok(read.map_err(|error| {
        Failure::usage(error.to_string()).hint("`moot escrow hold` says it when the hold is made")
    })?)
}

fn read_share(text: &str) -> Result<(u64, u64), String> {
    let read = text.split_once('/').and_then(|(part, whole)| {
        let (part, whole) = (part.parse::<u64>().ok()?, whole.parse::<u64>().ok()?);
        (whole > 0 && part <= whole).then_some((part, whole))
    });
    read.ok_or_else(|| "write it as PART/WHOLE, from 0/1 to 1/1: 2/3".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_as_people_write_them() {
        assert_eq!(read_share("2/3"), Ok((2, 3)));
        assert_eq!(read_share("0/1"), Ok((0, 1)));
        for wrong in ["", "1", "2/1", "0/0", "1/-2", "a/b", "1/2/3", "50%"] {
            assert!(read_share(wrong).is_err(), "{wrong}");
        }
        assert!(read_hold("0-42-0-0-0").is_ok() && read_hold("42").is_err());
    }
}
