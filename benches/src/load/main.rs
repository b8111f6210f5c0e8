//! Throughput and latency over HTTP, with every call and receipt durable.
//!
//! ```text
//!  load ──starts──► load serve: one process, one tokio runtime
//!    │                ├─ a plain hyper hello                   the baseline
//!    │                └─ a moot_node::Node, functions deployed by a signed bundle, ledger on a disk
//!    ├─ round 1: hyper, wasi-http, typed, event at 1, 64, 256 connections
//!    ├─ round 2: the same, in another order ...
//!    ├─ asks for the receipts of a sample of the calls, and verifies them
//!    └─ medians ──► table, or JSON
//!
//!  load --order: four replicas, ordering under load; see [`order`]
//! ```
//!
//! Load generator and server share the machine's cores: trust the ratios, not the absolute figures.

#![forbid(unsafe_code)]

mod child;
mod client;
mod counters;
mod deploy;
mod evidence;
mod options;
mod order;
mod report;
mod scenario;
mod server;

use crate::child::Child;
use crate::client::Plan;
use crate::counters::Usage;
use crate::options::{Command, Options};
use crate::report::Row;
use crate::scenario::Scenario;
use anyhow::Result;
use clap::Parser as _;
use moot_benches::machine::{Machine, load_average};
use std::time::Duration;

/// As the `moot` program has it, for both sides.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Before each measurement: connections are made, code and pages become warm.
const WARM_UP: Duration = Duration::from_millis(500);

fn main() -> Result<()> {
    let options = Options::parse();
    match &options.command {
        Some(Command::Serve(serve)) => server::run(serve),
        Some(Command::OrderClient(client)) => order::client(client),
        None if options.order => order::run(&options),
        None => measure(&options),
    }
}

fn measure(options: &Options) -> Result<()> {
    let began = load_average();
    eprintln!("{}", Machine::look());
    let data = moot_benches::place::fresh()?;
    let mut child = Child::start(data.path(), options)?;
    let mut rows: Vec<Row> = Vec::new();
    for &connections in &options.connections {
        let scenarios = Scenario::chosen(&options.scenarios);
        rows.extend(scenarios.into_iter().map(|scenario| Row::new(scenario, connections)));
    }
    let mut answers = 0;
    for round in 0..options.rounds {
        eprintln!("round {} of {}", round + 1, options.rounds);
        for index in order(rows.len(), round) {
            let row = &mut rows[index];
            answers += measure_one(&child, row, options)?;
        }
    }
    let checked = evidence::check(&child, &rows, answers)?;
    child.stop()?;
    let table = report::table(&rows)?;
    if options.json {
        eprint!("{table}");
        println!("{}", report::json(&rows)?);
    } else {
        print!("{table}");
    }
    eprintln!("{checked}");
    eprintln!(
        "load average at the start {began}, at the end {}; payloads: {}",
        load_average(),
        options.payloads
    );
    Ok(())
}

/// Every row once, each round beginning elsewhere, so that no row always follows the same other.
fn order(rows: usize, round: usize) -> impl Iterator<Item = usize> {
    (0..rows).map(move |index| (index + round * 5) % rows)
}

/// One round of one row; says how many calls the node answered.
fn measure_one(child: &Child, row: &mut Row, options: &Options) -> Result<u64> {
    let time = Duration::from_secs_f64(options.seconds);
    let plan = Plan { connections: row.connections, warm_up: WARM_UP, time };
    let before = Usage::of(child.id())?;
    let measured = client::run(child.address(row.scenario), &row.scenario.request(), plan)?;
    let used = Usage::of(child.id())?.since(&before);
    eprintln!(
        "  {:<15} {:>4} connections {:>8.0}/s",
        row.scenario.name(),
        row.connections,
        measured.requests_per_s
    );
    let answers = if row.scenario == Scenario::Hyper { 0 } else { measured.answers };
    row.add(measured, used);
    Ok(answers)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_round_has_every_row_once_in_another_order() {
        let orders: Vec<Vec<usize>> = (0..3).map(|round| super::order(12, round).collect()).collect();
        for order in &orders {
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..12).collect::<Vec<_>>());
        }
        assert!(orders[0][0] != orders[1][0] && orders[1][0] != orders[2][0]);
    }
}
