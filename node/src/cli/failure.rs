//! How a command fails: what was wrong, what to do next, and with which exit code.

use std::fmt;
use std::io;
use std::process::ExitCode;

use super::terminal::{BAD, DIM, HINT};
use super::text;
use crate::client::ClientError;

/// Exit code of a command that was understood and did not succeed.
pub(crate) const FAILED: u8 = 1;
/// Exit code of a command that was not understood; the same that clap uses.
pub(crate) const USAGE: u8 = 2;

/// A failure with its advice.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    hints: Vec<String>,
    code: u8,
}

impl Failure {
    /// A failure; `message` says what was wrong, with the value in it.
    pub(crate) fn new(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), hints: Vec::new(), code: FAILED }
    }

    /// A command line that makes no sense.
    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure { code: USAGE, ..Failure::new(message) }
    }

    /// Adds what to do next.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// The command has said everything itself; only the exit code is left.
#[derive(Debug)]
pub(crate) struct Silent(pub(crate) u8);

impl fmt::Display for Silent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit code {}", self.0)
    }
}

impl std::error::Error for Silent {}

/// Shows an error on standard error and gives the exit code.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if let Some(Silent(code)) = error.downcast_ref() {
        return ExitCode::from(*code);
    }
    // The reader of a pipe went away (`moot ls | head -1`): it has what it wanted.
    if error.chain().any(|cause| cause.downcast_ref().is_some_and(broken_pipe)) {
        return ExitCode::SUCCESS;
    }
    let mut code = FAILED;
    let mut hints = Vec::new();
    let mut shown = String::new();
    for (depth, cause) in error.chain().enumerate() {
        let message = text::block(&cause.to_string());
        if depth == 0 {
            shown = format!("{BAD}error:{BAD:#} {message}\n");
        } else if !shown.contains(&message) {
            shown.push_str(&format!("  {DIM}because{DIM:#} {message}\n"));
        }
        if let Some(failure) = cause.downcast_ref::<Failure>() {
            code = failure.code;
            hints.extend(failure.hints.iter().cloned());
        }
        if let Some(error) = cause.downcast_ref::<ClientError>() {
            hints.extend(client_hints(error));
        }
    }
    for hint in hints {
        shown.push_str(&format!("{HINT} hint:{HINT:#} {}\n", text::block(&hint)));
    }
    anstream::eprint!("{shown}");
    ExitCode::from(code)
}

fn broken_pipe(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}

fn client_hints(error: &ClientError) -> Vec<String> {
    let hint = match error {
        ClientError::Unreachable { .. } => {
            "start a node with `moot up`, or name another with --node URL or MOOT_NODE"
        }
        ClientError::Timeout { .. } => "the node may be busy or hung: look at what `moot up` printed",
        ClientError::Foreign { .. } => {
            "is another program on that port? --node URL or MOOT_NODE name the node"
        }
        _ => return Vec::new(),
    };
    vec![hint.to_owned()]
}
