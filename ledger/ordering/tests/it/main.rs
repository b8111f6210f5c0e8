//! Scenarios of the ordering engine in real files, real time and over real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic where it stands")]

mod four;
mod full;
mod killed;
mod measure;
mod one;
mod pool;
