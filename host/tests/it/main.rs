//! Scenarios against real components. The cases of hostile guests are named after the project's list of faults.

mod admission;
mod determinism;
mod event;
mod exhaustion;
mod http;
mod http_0_3;
mod keyvalue;
mod outbound;
mod policy;
mod support;
mod typed;
