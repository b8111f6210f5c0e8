//! Scenarios of the node: the real gateway, worker, ledger and command line.

mod between;
mod cli;
mod deploying;
mod evidence;
mod front_door;
mod going_on;
mod http2;
mod kill;
mod support;
mod ways;
