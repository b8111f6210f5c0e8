//! `load --order`: what four replicas order, and how soon.
//!
//! ```text
//!  load ──moot net init──► four folders ──moot up --config──► four processes, loopback TCP, redb on a disk
//!    ├─ sweep    four client processes, each with its gateway: pre-signed bundles at an offered rate (open loop)
//!    ├─ singles  HTTP calls that wait until they are final: one at a time, and 64 connections
//!    ├─ idle     nobody asks: processor time and growth on the disk
//!    └─ table, JSON, SVG
//! ```
//!
//! Each measurement has a network of its own, erased when it is over: the disk never holds more than one step.
//! Everything shares the machine's cores: replicas, clients, and whoever else is at work.

mod bundles;
mod client;
mod drawing;
mod idle;
mod network;
mod options;
mod plot;
mod report;
mod singles;
mod sweep;

pub(crate) use client::run as client;
pub(crate) use options::{OrderClient, OrderOptions};

use crate::options::Options;
use anyhow::Result;
use moot_benches::machine::{Machine, load_average};
use network::Net;
use options::Part;
use report::Findings;

/// Runs the parts that were asked for.
pub(crate) fn run(options: &Options) -> Result<()> {
    let began = load_average();
    let machine = Machine::look().to_string();
    eprintln!("{machine}");
    let data = moot_benches::place::fresh()?;
    let mut findings = Findings::default();
    for part in [Part::Idle, Part::Sweep, Part::Singles] {
        if !options.ordering.parts.contains(&part) {
            continue;
        }
        match part {
            Part::Idle => {
                let watch = |net: &Net| idle::measure(net, options.ordering.idle_seconds);
                findings.idle = Some(network::with(data.path(), watch)?);
            }
            Part::Sweep => findings.steps = sweep::measure(data.path(), options)?,
            Part::Singles => {
                findings.singles = network::with(data.path(), |net| singles::measure(net, options.seconds))?;
            }
        }
    }
    let table = report::table(&findings);
    if options.json {
        eprint!("{table}");
        println!("{}", report::json(&findings, &machine));
    } else {
        print!("{table}");
    }
    if let Some(path) = &options.ordering.plot
        && !findings.steps.is_empty()
    {
        std::fs::write(path, plot::svg(&findings.steps, &machine))?;
        eprintln!("plot: {}", path.display());
    }
    eprintln!("load average at the start {began}, at the end {}", load_average());
    Ok(())
}
