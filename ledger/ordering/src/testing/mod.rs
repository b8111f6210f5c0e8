//! For tests, behind the feature `testing`: validators that break the rules, and [a network](simulated) that is
//! simulated.
//!
//! ```text
//!   Rogue ── thread "rogue" ──► Link (votes, data) ──┬── leader: misuses the views of its key
//!                                                    └── pushes what it is given, whatever it is
//! ```
//!
//! A [`Rogue`] has a real key, and the very connections that a validator has; so to those whom it talks to it is one.
//! It has no engine and no disk.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "for tests: one that cannot go on should stop")]

mod leader;
pub mod simulated;

pub use leader::{KINDS, Misrule};
pub(crate) use leader::{Leader, Proposed};

use crate::{
    config::{Config, Error},
    keys,
    network::{Channels, Link},
};
use bytes::Bytes;
use commonware_codec::{Encode as _, varint::UInt};
use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::{Receiver, Recipients, Sender as _};
use commonware_runtime::{IoBufs, Runner as _, Supervisor as _, tokio as runtime};
use futures::future::{join_all, pending};
use moot_record::{Digest, Genesis, Keypair};
use std::{
    thread::{self, JoinHandle},
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};

/// How long those who got one of two blocks have it before the rest follows: time enough for a busy machine to agree
/// on it, and less than a view may take.
const HEAD_START: Duration = Duration::from_millis(400);

/// The scheme by which validator `key` of a genesis votes.
pub(crate) fn scheme(genesis: &Genesis, key: &Keypair) -> Scheme {
    let committee = keys::set(&genesis.validators).unwrap();
    Scheme::signer(&genesis.namespace(), committee, keys::private_key(key).unwrap()).unwrap()
}

/// A vote as it travels: in the channel of its epoch.
pub(crate) fn of_epoch(epoch: u64, message: impl Into<IoBufs>) -> IoBufs {
    let mut message: IoBufs = message.into();
    message.prepend(UInt(epoch).encode().into());
    message
}

/// A validator that breaks the rules over real TCP, in a thread of this process, until it is dropped.
#[derive(Debug)]
pub struct Rogue {
    proposed: Proposed,
    pushes: mpsc::UnboundedSender<Bytes>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Rogue {
    /// Takes the place of the validator that `config` describes. In views that are another's it says nothing.
    ///
    /// # Errors
    /// As for a validator that keeps the rules, as far as it can be known before anything is opened.
    pub fn start(config: Config, misrule: Misrule) -> Result<Rogue, Error> {
        config.check()?;
        let proposed = Proposed::default();
        let (pushes, pushed) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        let dir = config.dir.clone();
        let noted = proposed.clone();
        let work = move || {
            let settings = runtime::Config::new()
                .with_worker_threads(2)
                .with_storage_directory(config.dir.clone())
                .with_tcp_nodelay(Some(true));
            let play = |context| play(context, config, (misrule, noted), pushed, stopped);
            runtime::Runner::new(settings).start(play);
        };
        let thread = thread::Builder::new().name("rogue".to_string()).spawn(work);
        let thread = thread.map_err(|source| Error::Io { dir, source })?;
        Ok(Rogue { proposed, pushes, stop: Some(stop), thread: Some(thread) })
    }

    /// What it has proposed: for each view that was its own the digests of its blocks, and what is wrong with them.
    #[must_use]
    pub fn proposed(&self) -> Vec<(Vec<Digest>, &'static str)> {
        self.proposed.lock().clone()
    }

    /// Pushes bytes to every other validator that it is connected to, as if they were a batch.
    pub fn push(&self, bytes: Bytes) {
        // Its thread ends only when this is dropped, or with a panic that was seen.
        let _ = self.pushes.send(bytes);
    }
}

impl Drop for Rogue {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // What went wrong there has been said there.
            let _ = thread.join();
        }
    }
}

/// Is on both networks, and breaks the rules, until it is told to stop.
async fn play(
    context: runtime::Context,
    config: Config,
    (misrule, proposed): (Misrule, Proposed),
    mut pushed: mpsc::UnboundedReceiver<Bytes>,
    stopped: oneshot::Receiver<()>,
) {
    let key = keys::private_key(&config.key).unwrap();
    let link = Link::open(&context, &config, &key).expect("the keys were checked");
    let Channels { votes, certificates, resolver, backfill, blocks } = link.channels;
    let (mut push, pushes) = link.data.push;
    let clock = context.child("clock");
    let how = (misrule, HEAD_START, proposed);
    let leader = Leader::new((&config.genesis, &config.key), how, (votes.0, blocks.0), clock);
    let unheard = [votes.1, resolver.1, backfill.1, pushes, link.data.fetch.1];
    let pushing = async {
        while let Some(bytes) = pushed.recv().await {
            push.send(Recipients::All, bytes, false);
        }
        pending::<()>().await
    };
    commonware_macros::select! {
        () = leader.run(blocks.1, certificates.1) => {},
        _ = join_all(unheard.map(drain)) => {},
        () = pushing => {},
        _ = stopped => {},
    }
}

/// Hears everything and minds nothing: a channel that nobody reads would hold up those beside it.
async fn drain(mut receiver: impl Receiver<PublicKey = PublicKey>) {
    while receiver.recv().await.is_ok() {}
}
