//! Scenarios against real components. The cases of hostile guests are named after the project's list of faults.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]

mod admission;
mod determinism;
mod event;
mod exhaustion;
mod http;
mod http_0_3;
mod keyvalue;
mod outbound;
mod policy;
mod sockets;
mod support;
mod typed;
