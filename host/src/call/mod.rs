//! One call: what it is told, how it runs, what it answers with, what is reported about it.

pub(crate) mod body;
pub(crate) mod context;
mod diagnose;
pub(crate) mod event;
pub(crate) mod http;
mod http_0_3;
mod pace;
pub(crate) mod report;
pub(crate) mod run;
