//! `moot ls`: what is deployed, or what was called lately.

use std::time::Duration;

use clap::Args;

use super::options::NodeOption;
use super::{terminal, text};
use crate::limits::MAX_LISTED_CALLS;
use crate::manifest::units::show_duration;

/// List functions, or calls
#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// List the newest calls
    #[arg(long)]
    calls: bool,
    /// Only calls of this function
    #[arg(long, value_name = "NAME", requires = "calls")]
    function: Option<String>,
    /// How many calls to look at
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 20, requires = "calls",
          value_parser = clap::value_parser!(u64).range(1..=MAX_LISTED_CALLS as u64))]
    limit: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    node: NodeOption,
}

impl Ls {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        if self.calls { self.calls().await } else { self.functions().await }
    }

    async fn functions(self) -> anyhow::Result<()> {
        let client = self.node.client()?;
        let answer = client.functions().await?;
        if self.json {
            return Ok(terminal::print_json(&answer)?);
        }
        if answer.functions.is_empty() {
            terminal::hint(&format!(
                "nothing is deployed at {} yet: `moot new`, `moot deploy`",
                client.address()
            ));
            return Ok(());
        }
        let rows: Vec<Vec<String>> = answer
            .functions
            .iter()
            .map(|function| {
                vec![
                    function.name.to_string(),
                    text::line(&function.kind),
                    match (function.retired, function.frozen) {
                        (true, _) => "retired".to_owned(),
                        (false, true) => format!("v{} frozen", function.version),
                        (false, false) => format!("v{}", function.version),
                    },
                    text::line(&function.route),
                    text::short(function.component),
                    text::short(function.owner),
                ]
            })
            .collect();
        let head = ["NAME", "KIND", "VERSION", "ROUTE", "COMPONENT", "OWNER"];
        Ok(terminal::print(&text::table(&head, &rows))?)
    }

    async fn calls(self) -> anyhow::Result<()> {
        let client = self.node.client()?;
        let limit = usize::try_from(self.limit).unwrap_or(MAX_LISTED_CALLS);
        let mut answer = client.calls(limit).await?;
        if let Some(name) = &self.function {
            answer.calls.retain(|call| call.function.as_str() == name);
        }
        if self.json {
            return Ok(terminal::print_json(&answer)?);
        }
        if answer.calls.is_empty() {
            terminal::hint("no calls: `moot invoke NAME` makes one");
            return Ok(());
        }
        let unknown = || "-".to_owned();
        let rows: Vec<Vec<String>> = answer
            .calls
            .iter()
            .map(|call| {
                vec![
                    call.id.to_string(),
                    call.function.to_string(),
                    call.status.as_deref().map_or_else(|| "no receipt".to_owned(), text::line),
                    call.fuel.map_or_else(unknown, text::number),
                    call.duration_us.map_or_else(unknown, |us| show_duration(Duration::from_micros(us))),
                    text::ago(call.time_us),
                ]
            })
            .collect();
        Ok(terminal::print(&text::table(&["CALL", "FUNCTION", "STATUS", "FUEL", "TOOK", "WHEN"], &rows))?)
    }
}
