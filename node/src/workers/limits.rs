//! Every bound of joined workers, each with why it is what it is.

use std::time::Duration;

/// Workers that are joined at a time: each costs a connection, a task and a look at each call of a function that several
/// serve.
pub(crate) const MAX_JOINED: usize = 64;
/// Connections that are still proving who they are: strangers can hold no more than this many sockets.
pub(crate) const MAX_HANDSHAKES: usize = 32;
/// How long proving and the first question may take together: many times round the earth.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long dialling may take: longer than a lost packet's first repetitions.
pub(crate) const DIAL_TIMEOUT: Duration = Duration::from_secs(5);
/// A silent peer is asked whether it lives this often, also while a call runs.
pub(crate) const PING_INTERVAL: Duration = Duration::from_secs(3);
/// A peer that has not answered a ping by then is gone, and its calls with it. A machine that swaps may be silent for
/// some seconds, and a call that is interrupted wrongly cannot be taken back.
pub(crate) const PING_TIMEOUT: Duration = Duration::from_secs(7);
/// What a call at a worker may take beyond its function's deadline: its way there and back, and waiting for a core.
pub(crate) const CALL_SLACK: Duration = Duration::from_secs(5);
/// Longest deadline of a function that runs at a worker. Its receipt's bundle is signed for a height that was said before
/// it ran: at 240 blocks a second five minutes use up three quarters of a bundle's validity, and the rest is for having
/// it ordered.
pub(crate) const MAX_DEADLINE_ELSEWHERE: Duration = Duration::from_secs(5 * 60);
/// How long a worker may take to make a function ready: the compilation's own limit, and 64 MiB on a slow link.
pub(crate) const PREPARE_TIMEOUT: Duration = Duration::from_secs(180);
/// Calls at a worker at a time, at most, whatever it offers: as many as a replica runs itself by default.
pub(crate) const MAX_PLACES: usize = 1000;
/// The same when nobody says otherwise: enough to keep the cores of a small machine busy with short calls.
pub(crate) const DEFAULT_PLACES: usize = 64;
/// Functions that a worker names: as many as it keeps loaded.
pub(crate) const MAX_NAMED: usize = 1024;
/// Longest answer to a question that is not a call: a list of [`MAX_NAMED`] names.
pub(crate) const MAX_WELCOME_BYTES: usize = 128 * 1024;
/// Longest reason that a worker gives for not doing something.
pub(crate) const MAX_REASON_BYTES: usize = 2 * 1024;
/// What an answer may have beyond its body: status and headers as they are recorded, or the text of a fault.
pub(crate) const MAX_OUTPUT_HEAD_BYTES: u64 = 256 * 1024;
/// Log lines of a call that come with its answer: what a function keeps of its last lines on the replica.
pub(crate) const MAX_LOG_LINES: usize = crate::limits::KEPT_LOG_LINES;
/// And their bytes: some hundred lines of ordinary length.
pub(crate) const MAX_LOG_BYTES: usize = 64 * 1024;
/// Bytes of answers that are being received from all workers: as much as a gateway's clients may hold back of bodies.
/// Who waits for room has its call's deadline.
pub(crate) const MAX_ANSWERS_BYTES: usize = 256 * 1024 * 1024;
/// Bytes that one stream may have on the way: an ordinary answer comes without waiting for leave.
pub(crate) const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
/// The same for a connection's streams together.
pub(crate) const CONNECTION_WINDOW_BYTES: u32 = 8 * 1024 * 1024;
/// Workers that a call is offered to, one after the other, before it is run here or given up.
pub(crate) const MAX_TRIES: usize = 3;
/// First pause before a worker dials again; doubled each time.
pub(crate) const REDIAL_FIRST: Duration = Duration::from_millis(100);
/// Longest pause: a replica that comes back has its workers within seconds.
pub(crate) const REDIAL_MOST: Duration = Duration::from_secs(10);
/// A session that lasted this long was a good one: the next pause is the first again.
pub(crate) const GOOD_SESSION: Duration = Duration::from_secs(10);
/// How long a worker that is told to stop waits for its calls.
pub(crate) const LEAVE_TIMEOUT: Duration = Duration::from_secs(30);

const _: () =
    assert!(MAX_DEADLINE_ELSEWHERE.as_secs() * 240 * 4 <= moot_ledger::limits::MAX_VALIDITY_BLOCKS * 3);
const _: () = assert!(DEFAULT_PLACES <= MAX_PLACES);
// A call is given up for a silent connection first, and for being slow only when the connection lives.
const _: () = assert!(PING_TIMEOUT.as_millis() > 2 * PING_INTERVAL.as_millis());

/// Longest answer of an external process: what Lambda allows for one that is not streamed.
pub(crate) const MAX_EXTERNAL_RESPONSE_BYTES: usize = 6 * 1024 * 1024;
/// Connections of one external process: a runtime client uses one, and some a second to report.
pub(crate) const MAX_EXTERNAL_CONNECTIONS: usize = 16;
/// Longest line of an external process that is passed on in one piece.
pub(crate) const MAX_EXTERNAL_LINE_BYTES: usize = 16 * 1024;
/// How long a call waits for a process that asks for one: those of interpreters take a second or two to begin.
pub(crate) const EXTERNAL_PATIENCE: Duration = Duration::from_secs(5);
/// First pause before an external process is started again; doubled each time.
pub(crate) const EXTERNAL_PAUSE_FIRST: Duration = Duration::from_millis(100);
/// Longest pause: what was mended is back within half a minute.
pub(crate) const EXTERNAL_PAUSE_MOST: Duration = Duration::from_secs(30);
/// A process that ran this long was a good one: the next pause is the first again.
pub(crate) const EXTERNAL_GOOD_RUN: Duration = Duration::from_secs(30);
/// How long an external process may take to end when it is asked to.
pub(crate) const EXTERNAL_GRACE: Duration = Duration::from_secs(2);
/// How long an answer of an external process waits for the lines that it wrote before.
pub(crate) const EXTERNAL_LATE_LINES: Duration = Duration::from_millis(100);
/// How long a call of an external function waits for a place at a worker, before it is recorded: a worker that restarts is
/// back by then, and a caller is told rather than kept.
pub(crate) const PLACE_WAIT: Duration = Duration::from_secs(5);
/// The same for a call that a restart of the replica found open: its workers have to join again first.
pub(crate) const PLACE_WAIT_AT_START: Duration = Duration::from_secs(30);
