//! The command line, as a person meets it: the real binary, in a folder of its own, with nothing of this machine's
//! settings.

mod accounts;
mod bindings;
mod bonds;
mod calling;
mod components;
mod deploying;
mod fees;
mod javascript;
mod keys;
mod languages;
mod memory;
mod offline;
mod quickjs;
mod rules;
pub(crate) mod sandbox;
mod secrets;
mod tour;
mod traces;
mod triggers;
mod values;
mod verify;
