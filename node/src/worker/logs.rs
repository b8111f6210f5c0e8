//! What functions write: the last lines of each are kept, and whoever follows gets the next ones.
//!
//! ```text
//!  guest ──line──► FunctionLogs ──► ring of the last lines
//!                       └─────────► followers (SSE); a slow one is told how many it missed
//! ```

use crate::api::LogLine;
use crate::limits::{EVENT_BACKLOG, KEPT_LOG_LINES};
use moot_host::{LogSink, LogSource};
use moot_record::EntryId;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::broadcast;

/// The log of one function.
#[derive(Default)]
pub(crate) struct FunctionLogs(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    kept: VecDeque<Arc<LogLine>>,
    /// Made by the first follower: most functions never have one, and the channel is not small.
    followers: Option<broadcast::Sender<Arc<LogLine>>>,
}

impl FunctionLogs {
    /// The kept lines, oldest first, and what comes after them.
    pub(crate) fn follow(&self) -> (Vec<Arc<LogLine>>, broadcast::Receiver<Arc<LogLine>>) {
        let mut inner = self.0.lock();
        let receiver =
            inner.followers.get_or_insert_with(|| broadcast::Sender::new(EVENT_BACKLOG)).subscribe();
        (inner.kept.iter().cloned().collect(), receiver)
    }

    pub(crate) fn push(&self, line: LogLine) {
        let line = Arc::new(line);
        let mut inner = self.0.lock();
        if inner.kept.len() == KEPT_LOG_LINES {
            inner.kept.pop_front();
        }
        inner.kept.push_back(line.clone());
        if inner.followers.as_ref().is_some_and(|followers| followers.send(line).is_err()) {
            inner.followers = None;
        }
    }
}

/// The log of one call.
pub(crate) struct CallLogs {
    pub(crate) function: Arc<FunctionLogs>,
    pub(crate) call: EntryId,
}

impl LogSink for CallLogs {
    fn line(&self, line: moot_host::LogLine<'_>) {
        self.function.push(log_line(self.call, &line));
    }
}

/// A line as people read it, of now.
pub(crate) fn log_line(call: EntryId, line: &moot_host::LogLine<'_>) -> LogLine {
    let (level, context) = match &line.source {
        LogSource::Stdout => ("stdout", ""),
        LogSource::Stderr => ("stderr", ""),
        LogSource::Log { level, context } => (level.as_str(), *context),
        LogSource::Host => ("warn", "moot"),
    };
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    LogLine {
        time_us: since.as_micros() as u64,
        call: call.to_string(),
        level: level.to_owned(),
        context: context.to_owned(),
        message: line.text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(logs: &Arc<FunctionLogs>, text: &str) {
        let call = CallLogs { function: logs.clone(), call: "0-1-0-0-0".parse().unwrap() };
        call.line(moot_host::LogLine { source: LogSource::Stdout, text });
    }

    #[tokio::test]
    async fn the_last_lines_are_kept_and_the_next_are_sent() {
        let logs = Arc::new(FunctionLogs::default());
        for i in 0..KEPT_LOG_LINES + 3 {
            log(&logs, &i.to_string());
        }
        let (kept, mut next) = logs.follow();
        assert_eq!((kept.len(), kept[0].message.as_str()), (KEPT_LOG_LINES, "3"));
        log(&logs, "next");
        assert_eq!(next.recv().await.unwrap().message, "next");
        drop(next);
        log(&logs, "nobody listens");
        assert!(logs.0.lock().followers.is_none(), "the channel goes with the last follower");
    }
}
