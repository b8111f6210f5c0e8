//! `moot logs`: what a function wrote.

use clap::Args;
use moot_record::FunctionName;

use super::deploy::unknown_function;
use super::failure::Failure;
use super::options::{KeyOption, NodeOption};
use super::terminal::{self, BAD, DIM, HINT, WARN};
use super::text;
use crate::api::LogLine;
use crate::client::{Client, ClientError, Event};

/// Show what a function wrote to its log, standard output and standard error
#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// The function
    name: String,
    /// Go on as lines come in, until interrupted
    #[arg(long, short)]
    follow: bool,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    node: NodeOption,
    #[command(flatten)]
    key: KeyOption,
}

impl Logs {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let name = FunctionName::parse(&self.name).map_err(|error| Failure::usage(error.to_string()))?;
        let client = self.node.client_with(&self.key)?;
        let query = if self.follow { "?follow" } else { "" };
        let mut events = match client.events(&format!("/_moot/functions/{name}/logs{query}")).await {
            Ok(events) => events,
            Err(error) => return Err(explain(&client, &name, error).await),
        };
        let mut lines = 0_usize;
        while let Some(event) = events.next().await {
            if self.show(&event?)? {
                lines += 1;
            }
        }
        if lines == 0 && !self.json {
            terminal::hint(&format!("{name} has written nothing lately; -f waits for more"));
        }
        Ok(())
    }

    fn show(&self, event: &Event) -> anyhow::Result<bool> {
        let Ok(line) = serde_json::from_str::<LogLine>(&event.data) else {
            // `missed` and whatever a later node adds: said, not hidden.
            terminal::warn(&format!("{}: {}", text::line(&event.name), text::line(&event.data)));
            return Ok(false);
        };
        if self.json {
            terminal::print_json_line(&line)?;
        } else {
            terminal::print(&shown(&line))?;
        }
        Ok(true)
    }
}

/// One line for people: time, level, call, text. Further lines of the text are indented under it.
fn shown(line: &LogLine) -> String {
    let style = match line.level.as_str() {
        "error" | "critical" => BAD,
        "warn" => WARN,
        "info" => HINT,
        _ => DIM,
    };
    let level = text::line(&line.level);
    let context =
        if line.context.is_empty() { String::new() } else { format!("{}: ", text::line(&line.context)) };
    let message = text::block(line.message.trim_end()).replace('\n', "\n    ");
    let (time, call) = (text::time(line.time_us), text::line(&line.call));
    format!("{DIM}{time}{DIM:#} {style}{level:<6}{style:#} {DIM}{call}{DIM:#} {context}{message}\n")
}

async fn explain(client: &Client, name: &FunctionName, error: ClientError) -> anyhow::Error {
    match error.refusal() {
        Some(refusal) if refusal.problem.slug() == "no-such-function" => unknown_function(client, name).await,
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_75_a_log_line_cannot_command_the_terminal() {
        // A guest writes its log: escape codes in it must not clear the screen of whoever reads it.
        let line = LogLine {
            time_us: 0,
            call: "0-1-0-0-0\x1b[2J".into(),
            level: "in\x07fo".into(),
            context: "a\x1bc".into(),
            message: "first\nsecond\x1b]0;owned\x07".into(),
        };
        let plain = anstream::adapter::strip_str(&shown(&line)).to_string();
        assert!(!plain.chars().any(|c| c.is_control() && c != '\n'), "{plain:?}");
        assert!(plain.ends_with("first\n    second\\u{1b}]0;owned\\u{7}\n"), "{plain:?}");
        // What was stripped was ours alone: the escapes of the line are still there to be seen.
        assert!(plain.contains("\\u{1b}[2J") && plain.contains("in\\u{7}fo"), "{plain:?}");
    }
}
