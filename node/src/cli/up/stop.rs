//! When a node is to stop: Ctrl-C, a service manager, or the end of the process that started it.

use std::io::Read as _;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::limits::REPLICA_GRACE;

/// What asks a node to stop.
pub(crate) struct Stop {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    left_alone: watch::Receiver<bool>,
    /// Another process started this one.
    pub(crate) attached: bool,
}

impl Stop {
    /// `attached`: standard input is a pipe from the process that started this one, and its end means that that
    /// process asks to stop, or is gone.
    pub(crate) fn new(attached: bool) -> std::io::Result<Stop> {
        let (say, left_alone) = watch::channel(false);
        if attached {
            std::thread::Builder::new().name("moot-attached".into()).spawn(move || until_the_end(&say))?;
        }
        Ok(Stop {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            left_alone,
            attached,
        })
    }

    /// Resolves each time that somebody asks.
    pub(crate) async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            () = ended(&mut self.left_alone) => {}
        }
    }
}

/// Resolves once when standard input has ended; never when nobody watches it.
async fn ended(left_alone: &mut watch::Receiver<bool>) {
    loop {
        if left_alone.changed().await.is_err() {
            return std::future::pending().await;
        }
        if *left_alone.borrow_and_update() {
            return;
        }
    }
}

/// Waits for the end of standard input, says so, and sees to it that the process does not linger: nobody is left
/// who would end it.
fn until_the_end(say: &watch::Sender<bool>) {
    let mut input = std::io::stdin().lock();
    let mut buffer = [0; 256];
    while input.read(&mut buffer).is_ok_and(|bytes| bytes > 0) {}
    say.send_replace(true);
    std::thread::sleep(REPLICA_GRACE);
    tracing::error!("this replica was asked to stop {REPLICA_GRACE:?} ago and has not; it ends now");
    std::process::exit(i32::from(super::super::failure::FAILED));
}
