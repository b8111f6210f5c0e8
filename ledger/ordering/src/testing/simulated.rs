//! For tests: a network of validators whose time, links, clocks, disks and trouble follow from a seed, each of which runs
//! the very [`engine::run`](crate::engine::run) that a real validator runs.
//!
//! ```text
//!   seed ──► networks (delay, loss) ──► n x engine::run ──► n x Simulated (outlives crashes)
//!                   ▲                        │
//!              partitions          crash, restart from the same storage
//!
//!   wire: what the engines are connected by     byzantine: validators that break the rules
//!   skew: clocks that are wrong                 disk: disks that are slow, or fail
//!   world: all of it, and what can be done      mischief: what goes wrong next, by throws of dice
//! ```
//!
//! Whoever has an application to try gives one to each validator. Everything happens in one thread: the same seed gives
//! the same run, as long as the applications do nothing by a clock or a thread of their own.

mod byzantine;
mod disk;
mod mischief;
mod skew;
mod wire;
mod world;

pub use byzantine::Puppet;
pub use mischief::{DRIFT_MS, Evil};
pub use wire::Dice;
pub use world::{Quality, World};

use crate::Application;
use commonware_runtime::{Runner as _, deterministic};
use moot_record::{Genesis, Keypair};
use std::{
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

/// An application to be simulated. It outlives the engines that run on it, as a ledger's file does.
pub trait Simulated: Application {
    /// An engine is about to start on it. Answers with the height that it has committed, nought before the first.
    fn start(&self) -> u64;

    /// Its engine was taken from it, as by a power cut: it has now what its disk has.
    fn crash(&self);
}

/// What a simulation begins with.
pub struct Setting {
    /// What everything that happens by chance follows from.
    pub seed: u64,
    /// The validators' keys, in the genesis's order.
    pub keys: Vec<Keypair>,
    /// The genesis.
    pub genesis: Genesis,
    /// The validators' applications, in the same order.
    pub apps: Vec<Arc<dyn Simulated>>,
    /// How good the links are.
    pub quality: Quality,
    /// Whether one that is caught at breaking the rules of consensus is cut off.
    pub disconnect: bool,
}

/// Runs a scenario in a world of which no validator runs yet. A panic of an engine, whose disk may fail, ends that engine
/// and nothing else; a panic of the scenario ends all.
pub fn simulate<T>(setting: Setting, scenario: impl AsyncFnOnce(World) -> T) -> T {
    let config = runtime(setting.seed, setting.genesis.time_ms).with_catch_panics(true);
    deterministic::Runner::new(config).start(|context| async move {
        let Setting { seed, keys, genesis, apps, quality, disconnect } = setting;
        scenario(World::of(&context, seed, (keys, genesis), apps, quality, disconnect).await).await
    })
}

/// A runtime of this seed that begins when the network does: before that, all blocks would have the time of the genesis,
/// whatever a clock says.
pub(crate) fn runtime(seed: u64, began_ms: u64) -> deterministic::Config {
    let began = UNIX_EPOCH + Duration::from_millis(began_ms);
    deterministic::Config::new().with_seed(seed).with_start_time(began)
}
