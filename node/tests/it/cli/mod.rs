//! The command line, as a person meets it: the real binary, in a folder of its own, with nothing of this machine's
//! settings.

mod calling;
mod components;
mod deploying;
mod javascript;
mod keys;
mod languages;
mod offline;
pub(crate) mod sandbox;
mod tour;
mod verify;
