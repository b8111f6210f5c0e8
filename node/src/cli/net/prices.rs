//! `moot net prices`: what things cost, and a member's word for other prices.

use clap::Args;
use moot_record::{PriceVote, Prices, Transaction};

use crate::api::PricesView;
use crate::cli::rules::With;
use crate::cli::terminal::{self, DIM};
use crate::cli::text;

/// Show what things cost, or vote for other prices
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  moot net prices\n  \
                        moot net prices --per-byte 2 --key replica-0/replica.key\n\n\
                        Once a quorum of the present committee says the same it is so from the next block on. What is left out\n\
                        stays as it is.")]
pub(super) struct NetPrices {
    /// For ordering a byte
    #[arg(long, value_name = "UNITS")]
    per_byte: Option<u64>,
    /// For burning a million units of fuel
    #[arg(long, value_name = "UNITS")]
    per_mega_fuel: Option<u64>,
    /// For storing a byte of a component, once
    #[arg(long, value_name = "UNITS")]
    per_stored_byte: Option<u64>,
    #[command(flatten)]
    with: With,
}

impl NetPrices {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let Self { per_byte, per_mega_fuel, per_stored_byte, with } = self;
        let found = with.node.client()?.prices().await?;
        if [per_byte, per_mega_fuel, per_stored_byte].iter().all(Option::is_none) {
            if with.json {
                return Ok(terminal::print_json(&found)?);
            }
            return Ok(terminal::print(&shown(&found))?);
        }
        let now = found.prices;
        let prices = Prices {
            per_byte: per_byte.unwrap_or(now.per_byte),
            per_mega_fuel: per_mega_fuel.unwrap_or(now.per_mega_fuel),
            per_stored_byte: per_stored_byte.unwrap_or(now.per_stored_byte),
        };
        let said = format!("for {}", text::prices(&prices));
        with.say(Transaction::Prices { prices }, ("Voted", &said)).await
    }
}

fn shown(found: &PricesView) -> String {
    let charged = if found.charged { "" } else { "  nobody pays them here" };
    let mut rows = vec![("prices", format!("{}{DIM}{charged}{DIM:#}", text::prices(&found.prices)))];
    for (index, PriceVote { account, prices }) in found.votes.iter().enumerate() {
        let vote = format!("{} {DIM}{}{DIM:#}", text::prices(prices), text::short(account));
        rows.push((if index == 0 { "votes" } else { "" }, vote));
    }
    let (quorum, members) = (found.quorum, found.members.len());
    rows.push(("quorum", format!("{quorum} of {members} say what is so")));
    text::fields(0, &rows)
}
