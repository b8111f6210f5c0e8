//! A runtime whose clock is wrong and whose disk is bad, and which is the deterministic one in everything else.

use super::disk::{Blob, Disk};
use commonware_runtime::{
    BlobVersion, Clock, Error, Handle, Metrics, Name, Spawner, Storage, Supervisor,
    deterministic::Context,
    signal::Signal,
    telemetry::metrics::{Metric, Registered},
};
use governor::clock::{Clock as GovernorClock, ReasonablyRealtime};
use rand::{TryCryptoRng, TryRng};
use std::{
    convert::Infallible,
    fmt,
    ops::RangeInclusive,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime},
};

/// How a clock is wrong, in milliseconds: ahead, or behind if negative.
pub(crate) type Skew = i64;

/// See the module.
pub(crate) struct Skewed {
    inner: Context,
    by: Skew,
    /// By how much all clocks were put forward.
    forward: Arc<AtomicI64>,
    disk: Arc<Disk>,
    /// What the disk takes its time by.
    ticks: Arc<Context>,
}

impl Skewed {
    pub(crate) fn new(inner: Context, by: Skew, forward: Arc<AtomicI64>, disk: Arc<Disk>) -> Skewed {
        let ticks = Arc::new(inner.child("disk"));
        Skewed { inner, by, forward, disk, ticks }
    }

    /// How wrong the clock is now.
    fn by(&self) -> Skew {
        self.by + self.forward.load(Ordering::SeqCst)
    }

    /// The same with another runtime below.
    fn over(&self, inner: Context) -> Skewed {
        let (forward, disk, ticks) =
            (Arc::clone(&self.forward), Arc::clone(&self.disk), Arc::clone(&self.ticks));
        Skewed { inner, by: self.by, forward, disk, ticks }
    }
}

/// `time`, moved by so many milliseconds.
fn moved(time: SystemTime, by: Skew) -> SystemTime {
    let distance = Duration::from_millis(by.unsigned_abs());
    let moved = if by < 0 { time.checked_sub(distance) } else { time.checked_add(distance) };
    // Only the end of time is that far away.
    moved.unwrap_or(time)
}

impl Clock for Skewed {
    fn current(&self) -> SystemTime {
        moved(self.inner.current(), self.by())
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.inner.sleep(duration)
    }

    fn sleep_until(&self, deadline: SystemTime) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.inner.sleep_until(moved(deadline, -self.by()))
    }
}

impl GovernorClock for Skewed {
    type Instant = SystemTime;

    fn now(&self) -> SystemTime {
        self.current()
    }
}

impl ReasonablyRealtime for Skewed {}

impl Supervisor for Skewed {
    fn name(&self) -> Name {
        self.inner.name()
    }

    fn child(&self, label: &'static str) -> Self {
        self.over(self.inner.child(label))
    }

    fn with_attribute(self, key: &'static str, value: impl fmt::Display) -> Self {
        Skewed { inner: self.inner.with_attribute(key, value), ..self }
    }
}

impl Spawner for Skewed {
    fn shared(self, blocking: bool) -> Self {
        Skewed { inner: self.inner.shared(blocking), ..self }
    }

    fn dedicated(self) -> Self {
        Skewed { inner: self.inner.dedicated(), ..self }
    }

    fn spawn<F, Fut, T>(self, f: F) -> Handle<T>
    where
        F: FnOnce(Self) -> Fut + Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let Skewed { inner, by, forward, disk, ticks } = self;
        inner.spawn(move |inner| f(Skewed { inner, by, forward, disk, ticks }))
    }

    async fn stop(self, value: i32, timeout: Option<Duration>) -> Result<(), Error> {
        self.inner.stop(value, timeout).await
    }

    fn stopped(&self) -> Signal {
        self.inner.stopped()
    }
}

impl Metrics for Skewed {
    fn register<N: Into<String>, H: Into<String>, M: Metric>(
        &self,
        name: N,
        help: H,
        metric: M,
    ) -> Registered<M> {
        self.inner.register(name, help, metric)
    }

    fn encode(&self) -> String {
        self.inner.encode()
    }
}

impl Storage for Skewed {
    type Blob = Blob;

    async fn open_versioned(
        &self,
        partition: &str,
        name: &[u8],
        versions: RangeInclusive<BlobVersion>,
    ) -> Result<(Self::Blob, u64, BlobVersion), Error> {
        let (blob, length, version) = self.inner.open_versioned(partition, name, versions).await?;
        Ok((Blob::new(blob, Arc::clone(&self.disk), Arc::clone(&self.ticks)), length, version))
    }

    async fn remove(&self, partition: &str, name: Option<&[u8]>) -> Result<(), Error> {
        self.inner.remove(partition, name).await
    }

    async fn scan(&self, partition: &str) -> Result<Vec<Vec<u8>>, Error> {
        self.inner.scan(partition).await
    }
}

impl TryRng for Skewed {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.inner.try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.inner.try_next_u64()
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Infallible> {
        self.inner.try_fill_bytes(dest)
    }
}

impl TryCryptoRng for Skewed {}
