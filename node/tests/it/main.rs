//! Scenarios of the node: the real gateway, worker, ledger and command line.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]

mod access;
mod between;
mod bundles;
mod cli;
mod compiling;
mod conformance;
mod deploying;
mod evidence;
mod fees;
mod framing;
mod front_door;
mod going_on;
mod http2;
mod kill;
mod revoking;
mod several;
mod support;
mod triggers;
mod values;
mod ways;
mod workers;
