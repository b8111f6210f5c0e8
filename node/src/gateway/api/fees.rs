//! Prices, statements, invoices.

use super::{Answered, value};
use crate::api::{BillView, BilledView, LineView, PricesFrom, PricesView, StatementView};
use crate::gateway::answer::json;
use crate::gateway::door::Door;
use crate::gateway::problem::{Failure, Kind};
use crate::limits::{BILL_BATCHES, BILL_RECEIPTS, MAX_STATEMENT_BLOCKS};
use http::StatusCode;
use moot_ledger::{BillFrom, BilledCall, Posting};
use moot_record::{AccountId, ParseError, quorum};
use std::str::FromStr;
use std::sync::Arc;

/// What things cost, and what members of the committee would have instead.
#[utoipa::path(get, path = "/_moot/prices", tag = "accounts", responses((status = 200, body = PricesView)))]
pub(super) async fn prices(door: &Door) -> Answered {
    let ledger = &door.worker.ledger;
    let height = ledger.height();
    let seats = ledger.seats();
    let members = seats.committee(seats.epoch_of(height)).members.clone();
    let list = ledger.price_list();
    let view = PricesView {
        charged: ledger.charges(),
        prices: door.worker.prices(),
        votes: list.map_or(Vec::new(), |list| list.votes.clone()),
        quorum: quorum(members.len()),
        members,
        height,
    };
    Ok(json(StatusCode::OK, &view))
}

/// What an account paid and got lately, by block, newest first. Kept for 100,000 blocks.
#[utoipa::path(get, path = "/_moot/accounts/{account}/statement", tag = "accounts",
    params(("account" = String, Path), ("below" = Option<u64>, Query), ("limit" = Option<usize>, Query)),
    responses((status = 200, body = StatementView), (status = 404, body = crate::api::Problem)))]
pub(super) async fn statement(door: &Door, account: &str, query: Option<&str>) -> Answered {
    let account: AccountId =
        account.parse().map_err(|e: ParseError| Failure::new(Kind::NotFound, e.to_string()))?;
    let below = number(query, "below")?.unwrap_or(u64::MAX);
    let limit = number(query, "limit")?.unwrap_or(20usize).clamp(1, MAX_STATEMENT_BLOCKS);
    let found = door.worker.ledger.statement(&account, below, limit).map_err(Failure::internal)?;
    let next = found.last().filter(|_| found.len() == limit).map(|(height, _)| *height);
    let lines = found.iter().flat_map(|(height, lines)| lines.iter().map(|line| line_view(*height, line)));
    Ok(json(StatusCode::OK, &StatementView { account, lines: lines.collect(), next }))
}

fn line_view(height: u64, posting: &Posting) -> LineView {
    LineView {
        height,
        kind: posting.kind.as_str().to_owned(),
        paid: posting.kind.is_paid(),
        function: posting.function.clone(),
        units: posting.units.to_string(),
        calls: posting.calls,
        unpaid: Some(posting.unpaid).filter(|unpaid| *unpaid > 0).map(|unpaid| unpaid.to_string()),
    }
}

/// The receipts of the blocks from `from` to `to` (heights, both included), with what decides what each costs; with
/// `account` those only that it pays for. Long answers come in parts.
#[utoipa::path(get, path = "/_moot/bill", tag = "accounts",
    params(("from" = String, Query), ("to" = Option<u64>, Query), ("account" = Option<String>, Query)),
    responses((status = 200, body = BillView), (status = 400, body = crate::api::Problem)))]
pub(super) async fn bill(door: &Arc<Door>, query: Option<&str>) -> Answered {
    let from = value(query, "from").unwrap_or("1");
    let from = read_from(from).ok_or_else(|| {
        let detail = format!("from is {from:?}; it is a height, or what `next` said before");
        Failure::new(Kind::BadRequest, detail)
    })?;
    let ledger = door.worker.ledger.clone();
    let to = number(query, "to")?.unwrap_or_else(|| ledger.height());
    let account: Option<AccountId> = number(query, "account")?;
    // Reads whole batches.
    let found = tokio::task::spawn_blocking(move || {
        ledger.bill(from, to, account.as_ref(), (BILL_RECEIPTS, BILL_BATCHES))
    });
    let found = found.await.map_err(Failure::internal)?.map_err(Failure::internal)?;
    let prices = found.prices.into_iter().map(|(height, prices)| PricesFrom { height, prices });
    let view = BillView {
        calls: found.calls.into_iter().map(billed).collect(),
        prices: prices.collect(),
        next: found.next.map(|next| format!("{}-{}", next.height, next.batch)),
    };
    Ok(json(StatusCode::OK, &view))
}

fn billed(call: BilledCall) -> BilledView {
    let BilledCall { height, call, receipt, function, payer, worker, bytes, paid_bytes, fuel, stated } = call;
    BilledView {
        height,
        call,
        receipt,
        function,
        payer,
        worker,
        bytes,
        paid_bytes,
        fuel,
        stated_ordering: stated.ordering.to_string(),
        stated_execution: stated.execution.to_string(),
    }
}

fn read_from(text: &str) -> Option<BillFrom> {
    let (height, batch) = text.split_once('-').unwrap_or((text, "0"));
    Some(BillFrom { height: height.parse().ok()?, batch: batch.parse().ok()? })
}

/// A parameter of the query that has to read as something.
fn number<T: FromStr>(query: Option<&str>, name: &str) -> Result<Option<T>, Failure> {
    let Some(text) = value(query, name) else { return Ok(None) };
    let read = text.parse().map_err(|_| {
        let shown: String = text.chars().take(80).collect();
        Failure::new(Kind::BadRequest, format!("{name} is {shown:?}, which does not read"))
    });
    read.map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_goes_on_where_it_ended() {
        assert_eq!(read_from("7"), Some(BillFrom { height: 7, batch: 0 }));
        assert_eq!(read_from("7-3"), Some(BillFrom { height: 7, batch: 3 }));
        assert!(["", "-", "7-", "a-1", "7-1-2"].iter().all(|text| read_from(text).is_none()));
    }
}
