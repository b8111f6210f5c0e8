//! Scenarios of the ledger: real files, real threads, and a disk that fails on purpose.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on panics")]

mod accounts;
mod agreed;
mod appenders;
mod attested;
mod bonds;
mod charges;
mod charging;
mod compared;
mod crash;
mod epochs;
mod faulty_disk;
mod finality;
mod four;
mod lanes;
mod misconduct;
mod ordered;
mod out_of_turn;
mod paths;
mod payloads;
mod purse;
mod rehearsals;
mod sequencer;
mod silent;
mod simulated;
mod state_machine;
mod state_proofs;
mod storage;
mod submit;
mod toil;
mod town;
mod triggered;
mod triggers;
mod trouble;
mod values;
mod working;
mod world;
