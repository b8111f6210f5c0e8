//! `moot bill`: an invoice, computed anew from the receipts of some blocks.
//!
//! What a receipt costs follows from the prices at its block, the bytes of both entries and the fuel; what it says itself is
//! held against that, and nothing is taken from what the node has charged.

use std::collections::BTreeMap;

use clap::Args;
use moot_record::{AccountId, Fee, FunctionName, Prices, fee};
use serde::Serialize;

use super::options::NodeOption;
use super::terminal::{self, BAD, BOLD, DIM};
use super::text;
use super::transfer::read_account;
use crate::api::{BilledView, PricesFrom};
use crate::limits::USUAL_BILL_BLOCKS;

/// Recompute an invoice from the receipts of some blocks
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  moot bill                                what all calls of the last 3600 blocks cost\n  \
                        moot bill --from 1 --account ACCOUNT     what an account pays for\n  \
                        moot bill --from 500 --to 600 --json\n\n\
                        Each receipt is priced anew and held against the fee that it states. What an account did not have was\n\
                        not charged: `moot account` says so."
)]
pub(crate) struct Bill {
    /// First height [default: 3600 blocks before the last]
    #[arg(long, value_name = "HEIGHT")]
    from: Option<u64>,
    /// Last height [default: the last block]
    #[arg(long, value_name = "HEIGHT")]
    to: Option<u64>,
    /// Only what this account pays for
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    node: NodeOption,
}

/// What calls of a function come to, of one payer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
struct Sum {
    calls: u64,
    bytes: u64,
    fuel: u64,
    /// Without what was paid for with clients' bundles.
    ordering: u128,
    execution: u128,
    /// Receipts that state another fee.
    differing: u64,
}

/// Function and payer.
type Key = (FunctionName, Option<AccountId>);

/// An invoice.
#[derive(Debug, Default)]
struct Invoice {
    sums: BTreeMap<Key, Sum>,
    /// Calls whose receipts state another fee: the first few.
    differing: Vec<String>,
}

/// Calls that are named because their receipts state another fee.
const SHOWN_DIFFERING: usize = 20;

impl Invoice {
    fn add(&mut self, call: &BilledView, prices: &Prices) {
        let whole = fee(prices, call.bytes, call.fuel);
        let paid = fee(prices, call.paid_bytes, 0);
        let stated = Fee {
            ordering: call.stated_ordering.parse().unwrap_or(u64::MAX),
            execution: call.stated_execution.parse().unwrap_or(u64::MAX),
        };
        let sum = self.sums.entry((call.function.clone(), call.payer)).or_default();
        sum.calls += 1;
        sum.bytes = sum.bytes.saturating_add(call.bytes);
        sum.fuel = sum.fuel.saturating_add(call.fuel);
        sum.ordering += u128::from(whole.ordering.saturating_sub(paid.ordering));
        sum.execution += u128::from(whole.execution);
        if stated != whole {
            sum.differing += 1;
            if self.differing.len() < SHOWN_DIFFERING {
                self.differing.push(call.call.to_string());
            }
        }
    }

    fn total(&self) -> u128 {
        self.sums.values().map(|sum| sum.ordering + sum.execution).sum()
    }
}

/// The prices of a height.
fn at(prices: &[PricesFrom], height: u64) -> Option<&Prices> {
    prices.iter().rev().find(|list| list.height <= height).map(|list| &list.prices)
}

impl Bill {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let account = self.account.as_deref().map(read_account).transpose()?;
        let client = self.node.client()?;
        let to = match self.to {
            Some(to) => to,
            None => client.status().await?.height,
        };
        let from = self.from.unwrap_or_else(|| (to + 1).saturating_sub(USUAL_BILL_BLOCKS)).max(1);
        let (mut invoice, mut next) = (Invoice::default(), Some(from.to_string()));
        while let Some(part_from) = next {
            let part = client.bill(&part_from, to, account.as_ref()).await?;
            for call in &part.calls {
                let prices = at(&part.prices, call.height).copied().unwrap_or_default();
                invoice.add(call, &prices);
            }
            next = part.next;
        }
        if self.json {
            return Ok(terminal::print_json(&as_json(&invoice, from, to))?);
        }
        Ok(terminal::print(&shown(&invoice, from, to))?)
    }
}

fn as_json(invoice: &Invoice, from: u64, to: u64) -> serde_json::Value {
    let functions = invoice.sums.iter().map(|((function, payer), sum)| {
        serde_json::json!({
            "function": function,
            "payer": payer,
            "calls": sum.calls,
            "bytes": sum.bytes,
            "fuel": sum.fuel.to_string(),
            "ordering": sum.ordering.to_string(),
            "execution": sum.execution.to_string(),
            "total": (sum.ordering + sum.execution).to_string(),
            "differing": sum.differing,
        })
    });
    serde_json::json!({
        "from": from,
        "to": to,
        "functions": functions.collect::<Vec<_>>(),
        "total": invoice.total().to_string(),
        "differing": invoice.differing,
    })
}

fn units(units: u128) -> String {
    u64::try_from(units).map_or_else(|_| units.to_string(), text::number)
}

fn shown(invoice: &Invoice, from: u64, to: u64) -> String {
    if invoice.sums.is_empty() {
        return format!("no receipts in the blocks from {from} to {to}\n");
    }
    let rows: Vec<Vec<String>> = invoice
        .sums
        .iter()
        .map(|((function, payer), sum)| {
            vec![
                function.to_string(),
                payer.map_or_else(|| "nobody".to_owned(), text::short),
                text::number(sum.calls),
                text::number(sum.bytes),
                text::number(sum.fuel),
                units(sum.ordering),
                units(sum.execution),
                units(sum.ordering + sum.execution),
            ]
        })
        .collect();
    let head = ["FUNCTION", "PAYER", "CALLS", "BYTES", "FUEL", "ORDERING", "EXECUTION", "UNITS"];
    let mut shown = text::table(&head, &rows);
    let total = units(invoice.total());
    shown.push_str(&format!("\n{BOLD}{total}{BOLD:#} units {DIM}in the blocks from {from} to {to}{DIM:#}\n"));
    if !invoice.differing.is_empty() {
        let count: u64 = invoice.sums.values().map(|sum| sum.differing).sum();
        let few = invoice.differing.join(", ");
        shown.push_str(&format!(
            "{BAD}{count} receipts state another fee{BAD:#} than prices, bytes and fuel give, among them {few}\n"
        ));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn billed(bytes: u64, paid_bytes: u64, fuel: u64, stated: (u64, u64)) -> BilledView {
        BilledView {
            height: 7,
            call: "0-1-0-0-0".parse().unwrap(),
            receipt: "0-1-0-1-0".parse().unwrap(),
            function: "hello".parse().unwrap(),
            payer: None,
            worker: AccountId::from_bytes([1; 32]),
            bytes,
            paid_bytes,
            fuel,
            stated_ordering: stated.0.to_string(),
            stated_execution: stated.1.to_string(),
        }
    }

    #[test]
    fn a_receipt_that_states_another_fee_is_named() {
        let prices = Prices { per_byte: 2, per_mega_fuel: 3, per_stored_byte: 0 };
        let mut invoice = Invoice::default();
        invoice.add(&billed(100, 0, 1_000_001, (200, 4)), &prices);
        invoice.add(&billed(100, 60, 0, (200, 0)), &prices);
        assert!(invoice.differing.is_empty());
        assert_eq!(invoice.total(), 204 + 80, "what a client's bundle paid for is not paid again");
        invoice.add(&billed(100, 0, 0, (199, 0)), &prices);
        assert_eq!(invoice.differing, ["0-1-0-0-0"]);
    }

    #[test]
    fn each_height_has_its_prices() {
        let list = |height, per_byte| PricesFrom { height, prices: Prices { per_byte, ..Prices::default() } };
        let lists = [list(1, 5), list(10, 6)];
        assert_eq!([1, 9, 10, 99].map(|height| at(&lists, height).unwrap().per_byte), [5, 5, 6, 6]);
        assert!(at(&lists, 0).is_none());
    }
}
