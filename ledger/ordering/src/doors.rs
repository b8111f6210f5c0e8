//! The channels of each epoch's engine, and votes that come before it.
//!
//! ```text
//!   votes         ◄─► sorted by epoch ─► engine of epoch 4
//!   certificates  ◄─►      │        ─► engine of epoch 4
//!   resolver      ◄─►      │        ─► engine of epoch 4
//!                          └─ votes of epoch 5: kept for its engine; who sent them is ahead
//! ```

use crate::{engine::Runtime, limits::MAX_EARLY_VOTES};
use commonware_cryptography::ed25519::PublicKey;
use commonware_macros::select;
use commonware_p2p::{
    Message, Receiver, Sender,
    utils::mux::{self, Builder as _, MuxHandle, Muxer, SubReceiver, SubSender},
};
use commonware_runtime::Handle;
use commonware_utils::channel::mpsc;
use futures::future::{pending, select_all};
use std::{collections::VecDeque, fmt, num::NonZeroUsize};

/// The votes of an epoch: first those that came before its engine began. Without them the first leader's proposal
/// would be missed by everybody who is a moment later than it, and the first view lost at every change.
pub(crate) struct Early {
    waiting: VecDeque<Message<PublicKey>>,
    then: SubReceiver<PublicKey>,
}

impl fmt::Debug for Early {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Early").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

impl Receiver for Early {
    type Error = mux::Error;
    type PublicKey = PublicKey;

    async fn recv(&mut self) -> Result<Message<PublicKey>, mux::Error> {
        match self.waiting.pop_front() {
            Some(message) => Ok(message),
            None => self.then.recv().await,
        }
    }

    fn capacity(&self) -> NonZeroUsize {
        self.then.capacity()
    }
}

type Channel<S> = (SubSender<S>, SubReceiver<PublicKey>);
type Opened<S> = ((SubSender<S>, Early), Channel<S>, Channel<S>);

/// Opens the channels of an epoch's engine.
pub(crate) struct Doors<S: Sender> {
    votes: MuxHandle<S>,
    certificates: MuxHandle<S>,
    resolver: MuxHandle<S>,
    /// Votes of epochs that have no engine here.
    strangers: mpsc::Receiver<(u64, Message<PublicKey>)>,
    /// Those of the next epoch, in the order in which they came.
    early: VecDeque<Message<PublicKey>>,
    /// The tasks that sort messages by epoch; none ends in health.
    sorting: Vec<Handle<()>>,
}

impl<S: Sender<PublicKey = PublicKey>> Doors<S> {
    /// Sorts the messages of three channels by epoch.
    pub(crate) fn new<E, R>(context: &E, votes: (S, R), certificates: (S, R), resolver: (S, R)) -> Doors<S>
    where
        E: Runtime,
        R: Receiver<PublicKey = PublicKey>,
    {
        let sort = |name: &'static str, muxer: Muxer<E, S, R>| {
            context.child(name).spawn(move |_| async move {
                // Its network has ended, and whoever watches that says why.
                let _ = muxer.run().await;
                pending::<()>().await;
            })
        };
        let builder = Muxer::builder(context.child("votes"), votes.0, votes.1);
        let (votes_muxer, votes, strangers) = builder.with_backup().build();
        let (certificates_muxer, certificates) =
            Muxer::new(context.child("certificates"), certificates.0, certificates.1);
        let (resolver_muxer, resolver) = Muxer::new(context.child("resolver"), resolver.0, resolver.1);
        let sorting = vec![
            sort("sort_votes", votes_muxer),
            sort("sort_certificates", certificates_muxer),
            sort("sort_resolver", resolver_muxer),
        ];
        Doors { votes, certificates, resolver, strangers, early: VecDeque::new(), sorting }
    }

    /// A vote of an epoch that has no engine here; or why there will be none any more.
    pub(crate) async fn stranger(&mut self) -> Result<(u64, Message<PublicKey>), String> {
        select! {
            stranger = self.strangers.recv() => match stranger {
                Some(stranger) => Ok(stranger),
                None => pending().await,
            },
            (ended, ..) = select_all(&mut self.sorting) => Err(format!("a channel ended ({ended:?})")),
        }
    }

    /// Opens the channels of an epoch that begins now: votes, certificates, and requests for these.
    pub(crate) async fn open(&mut self, epoch: u64) -> Result<Opened<S>, mux::Error> {
        let (sender, then) = self.votes.register(epoch).await?;
        while let Ok((of, message)) = self.strangers.try_recv() {
            self.keep(of, epoch, message);
        }
        let votes = (sender, Early { waiting: std::mem::take(&mut self.early), then });
        Ok((votes, self.certificates.register(epoch).await?, self.resolver.register(epoch).await?))
    }

    /// Keeps a vote of the next epoch until that begins.
    pub(crate) fn keep(&mut self, of: u64, next: u64, message: Message<PublicKey>) {
        if of == next && self.early.len() < MAX_EARLY_VOTES {
            self.early.push_back(message);
        }
    }
}
