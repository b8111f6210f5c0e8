//! One validator's disk: slow, or failing, while everybody else's works.
//!
//! ```text
//!   engine ──► Blob ──(sleeps? fails?)──► the deterministic runtime's storage, which forgets what was not synced
//! ```
//!
//! A disk that begins to fail fails every write and every sync from then on, as one does that breaks or is full. The
//! engine on it must end by itself; what it goes on from after a repair is what was synced before.

use commonware_runtime::{
    Blob as RuntimeBlob, Clock as _, Error, Handle, IoBufs, IoBufsMut, ReadOptions, Storage, WriteOptions,
    deterministic::Context,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

/// What is wrong with a disk.
#[derive(Debug)]
pub(crate) struct Disk {
    /// How long every write and every sync takes, in milliseconds.
    slow_ms: AtomicU64,
    /// Writes and syncs that still work; from nought on none does. Negative: all do.
    left: AtomicI64,
}

impl Default for Disk {
    fn default() -> Disk {
        Disk { slow_ms: 0.into(), left: (-1).into() }
    }
}

impl Disk {
    /// Every write and every sync takes so long from now on.
    pub(crate) fn slow(&self, ms: u64) {
        self.slow_ms.store(ms, Ordering::SeqCst);
    }

    /// After so many more writes and syncs none works any more.
    pub(crate) fn fail_after(&self, operations: u64) {
        self.left.store(operations as i64, Ordering::SeqCst);
    }

    /// Whether something has failed, or is going to.
    pub(crate) fn fails(&self) -> bool {
        self.left.load(Ordering::SeqCst) >= 0
    }

    /// Another disk with the same content.
    pub(crate) fn mend(&self) {
        self.slow(0);
        self.left.store(-1, Ordering::SeqCst);
    }

    /// Counts an operation, and says whether it works.
    fn works(&self) -> bool {
        let count = |left: i64| match left {
            1.. => Some(left - 1),
            _ => None,
        };
        // One left is the last that works.
        self.left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, count)
            .map_or_else(|left| left < 0, |_| true)
    }
}

/// A file on such a disk.
pub(crate) struct Blob {
    inner: <Context as Storage>::Blob,
    disk: Arc<Disk>,
    clock: Arc<Context>,
}

impl Blob {
    pub(crate) fn new(inner: <Context as Storage>::Blob, disk: Arc<Disk>, clock: Arc<Context>) -> Blob {
        Blob { inner, disk, clock }
    }

    /// Takes its time.
    async fn turn(&self) -> Result<(), Error> {
        let slow_ms = self.disk.slow_ms.load(Ordering::SeqCst);
        if slow_ms > 0 {
            self.clock.sleep(Duration::from_millis(slow_ms)).await;
        }
        if self.disk.works() { Ok(()) } else { Err(Error::WriteFailed) }
    }
}

impl RuntimeBlob for Blob {
    async fn read_at_buf(
        &self,
        offset: u64,
        len: usize,
        bufs: impl Into<IoBufsMut> + Send,
        options: ReadOptions,
    ) -> Result<IoBufsMut, Error> {
        self.inner.read_at_buf(offset, len, bufs, options).await
    }

    async fn read_at(&self, offset: u64, len: usize, options: ReadOptions) -> Result<IoBufsMut, Error> {
        self.inner.read_at(offset, len, options).await
    }

    async fn write_at(
        &self,
        offset: u64,
        bufs: impl Into<IoBufs> + Send,
        options: WriteOptions,
    ) -> Result<(), Error> {
        let bufs = bufs.into();
        self.turn().await?;
        self.inner.write_at(offset, bufs, options).await
    }

    async fn resize(&self, len: u64) -> Result<(), Error> {
        self.turn().await?;
        self.inner.resize(len).await
    }

    async fn sync(&self) -> Result<(), Error> {
        self.turn().await?;
        self.inner.sync().await
    }

    async fn start_sync(&self) -> Handle<()> {
        match self.turn().await {
            Ok(()) => self.inner.start_sync().await,
            Err(error) => Handle::ready(Err(error)),
        }
    }
}
