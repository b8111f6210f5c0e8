//! Was the evidence really there? The ids that the load generator was given lead to receipts, and these verify
//! offline, against nothing but the genesis.

use crate::child::Child;
use crate::report::Row;
use anyhow::{Context as _, Result, ensure};
use moot_node::client::{Client, NodeAddress};
use moot_record::{EntryId, Genesis, ReceiptFile, Status};

/// Receipts looked at for each row: the last calls of so many connections.
const SAMPLE: usize = 8;

/// Verifies a sample of every row's calls, and that the node recorded as many calls as were answered. Says what
/// was found.
pub(crate) fn check(child: &Child, rows: &[Row], answers: u64) -> Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let genesis = Genesis::from_json(child.genesis())?;
    runtime.block_on(async {
        let client = Client::new(NodeAddress::parse(&child.node().to_string())?);
        let mut verified = 0;
        for row in rows {
            let Some(function) = row.scenario.function() else { continue };
            let calls: Vec<&String> = row.calls().collect();
            ensure!(!calls.is_empty(), "the answers of {function} named no call");
            for call in calls.iter().rev().take(SAMPLE) {
                let id: EntryId = call.parse()?;
                verify(&client, &genesis, &id, function).await.with_context(|| format!("the receipt of {id}"))?;
                verified += 1;
            }
        }
        let metrics = Client::ask(http::Method::GET, "/_moot/metrics");
        let metrics = client.expect(&metrics).await?;
        let recorded = recorded(&String::from_utf8_lossy(&metrics.body));
        ensure!(
            recorded.ok == answers && recorded.other == 0,
            "{answers} calls were answered, but receipts say ok {} times and something else {} times",
            recorded.ok,
            recorded.other
        );
        Ok(format!("evidence: {answers} calls answered and recorded; {verified} receipts taken as a sample, all final, all verify"))
    })
}

async fn verify(client: &Client, genesis: &Genesis, id: &EntryId, function: &str) -> Result<()> {
    let file = client.receipt(id, true).await?.context("there is none")?;
    let checked = ReceiptFile::parse(std::str::from_utf8(&file)?)?.check(genesis)?;
    ensure!(checked.receipt.call == *id, "it is the receipt of {}", checked.receipt.call);
    ensure!(checked.receipt.status == Status::Ok, "its status is {}", checked.receipt.status.as_str());
    ensure!(checked.finality.is_some(), "it is not final");
    let call = checked.call.context("it does not hold the call")?;
    ensure!(call.function.as_str() == function, "it is of a call of {}", call.function);
    Ok(())
}

/// Receipts by status.
#[derive(Debug, PartialEq, Eq, Default)]
struct Recorded {
    ok: u64,
    other: u64,
}

/// Reads `moot_calls_total{status="ok"} 12` and its siblings.
fn recorded(metrics: &str) -> Recorded {
    let mut recorded = Recorded::default();
    for line in metrics.lines() {
        let Some(rest) = line.strip_prefix("moot_calls_total{status=\"") else { continue };
        let Some((status, count)) = rest.split_once("\"} ") else { continue };
        let count = count.trim().parse().unwrap_or(0);
        if status == Status::Ok.as_str() { recorded.ok += count } else { recorded.other += count }
    }
    recorded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_are_counted_by_status() {
        let text =
            "# HELP moot_calls\nmoot_calls_total{status=\"ok\"} 12\nmoot_calls_total{status=\"trapped\"} 3\n";
        assert_eq!(recorded(text), Recorded { ok: 12, other: 3 });
    }
}
