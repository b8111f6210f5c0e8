//! One call: what it is told, how it runs, what it answers with, what is reported about it.

pub(crate) mod context;
pub(crate) mod event;
pub(crate) mod http;
pub(crate) mod report;
