//! The person's side: what is printed where, and in which colour.
//!
//! Results go to standard output, so that they can be piped; what is being done goes to standard error, so that it never
//! gets into the pipe. Colour and movement are for terminals only (and not with `NO_COLOR`).

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

/// What was done.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// What was not.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// What wants attention.
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default().bold();
/// What helps.
pub(crate) const HINT: Style = AnsiColor::Cyan.on_default().bold();
/// What can be overlooked.
pub(crate) const DIM: Style = Style::new().dimmed();
/// What should not be.
pub(crate) const BOLD: Style = Style::new().bold();

/// Writes text to standard output.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes bytes to standard output as they are.
pub(crate) fn print_bytes(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// Writes a value to standard output as JSON, indented.
pub(crate) fn print_json(value: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(io::Error::other)?;
    print_bytes(format!("{text}\n").as_bytes())
}

/// Writes a value to standard output as one line of JSON.
pub(crate) fn print_json_line(value: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_string(value).map_err(io::Error::other)?;
    print_bytes(format!("{text}\n").as_bytes())
}

/// Whether a person reads standard output directly.
pub(crate) fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Says on standard error what was done: `    Deployed hello v2`.
pub(crate) fn done(verb: &str, text: &str) {
    say(GOOD, verb, text);
}

/// Says on standard error what wants attention.
pub(crate) fn warn(text: &str) {
    say(WARN, "Warning", text);
}

/// Says on standard error what could be done next.
pub(crate) fn hint(text: &str) {
    say(HINT, "Hint", text);
}

fn say(style: Style, verb: &str, text: &str) {
    // Nothing is lost when nobody listens: a closed standard error is the caller's choice.
    let _ = writeln!(anstream::stderr().lock(), "{style}{verb:>12}{style:#} {text}");
}

/// Something that may take its time: a line with a moving mark on a terminal, once it has taken a moment; nothing
/// elsewhere.
pub(crate) struct Progress {
    bar: ProgressBar,
    began: Instant,
    over: Arc<AtomicBool>,
}

/// What is over sooner than this is not announced: a line that flashes up says nothing.
const ANNOUNCED_AFTER: Duration = Duration::from_millis(400);

impl Progress {
    /// Begins; what is being done is shown when it is not over at once.
    pub(crate) fn start(verb: &str, text: &str) -> Progress {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        // The template is a constant; the default style is the worst that could happen.
        let style = ProgressStyle::with_template("{prefix:>12.cyan.bold} {msg} {spinner} {elapsed:.dim}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.set_prefix(verb.to_owned());
        bar.set_message(text.to_owned());
        let over = Arc::new(AtomicBool::new(false));
        if colour() {
            let (bar, over) = (bar.clone(), over.clone());
            std::thread::spawn(move || {
                std::thread::sleep(ANNOUNCED_AFTER);
                if !over.load(Ordering::Relaxed) {
                    bar.set_draw_target(ProgressDrawTarget::stderr());
                    bar.enable_steady_tick(Duration::from_millis(100));
                }
            });
        }
        Progress { bar, began: Instant::now(), over }
    }

    /// Ends, leaving one line that says what was done.
    pub(crate) fn done(self, verb: &str, text: &str) {
        let took = self.began.elapsed();
        drop(self);
        let dim = DIM;
        if took >= Duration::from_millis(500) {
            done(verb, &format!("{text} {dim}in {}{dim:#}", crate::manifest::units::show_duration(took)));
        } else {
            done(verb, text);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.bar.finish_and_clear();
    }
}

/// Whether standard error may move and be coloured.
fn colour() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
