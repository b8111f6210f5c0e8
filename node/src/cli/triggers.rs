//! `moot triggers`: what makes functions run without anybody calling them.

use clap::{ArgGroup, Args, Subcommand};
use moot_record::{FunctionName, Transaction, Trigger, TriggerAccess, TriggerOn};

use super::failure::Failure;
use super::options::NodeOption;
use super::rules::With;
use super::terminal::{self, BAD, DIM, GOOD};
use super::text;
use super::transfer::read_account;
use crate::api::{DerivedView, TriggerView};

/// Say what makes a function run: values at a path, a schedule, the end of another function's calls
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  moot triggers set moderate --run moderator --on '/chat/$room/$message'\n  \
                        moot triggers set digest --run digest --at '0 6 * * *'\n  \
                        moot triggers set audit --run auditor --after payments --only ACCOUNT\n  \
                        moot triggers ls\n  \
                        moot triggers calls\n  \
                        moot triggers rm moderate\n\n\
                        The owner of a pattern's first labels sets triggers on it, the owner of a function those by schedule and\n\
                        after calls. A schedule has five fields (minute hour day month weekday), UTC, by the time of blocks. What\n\
                        runs is of kind event, its caller is the trigger's owner, and it has a receipt whatever happens."
)]
pub(crate) struct Triggers {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Set a trigger, or change one of yours
    #[command(group(ArgGroup::new("event").required(true)))]
    Set {
        /// Its name
        name: String,
        /// The function that runs
        #[arg(long, value_name = "FUNCTION")]
        run: String,
        /// When a value is written: '/chat/$room/$message', as deep as that
        #[arg(long, value_name = "PATTERN", group = "event")]
        on: Option<String>,
        /// When a time comes: '0 6 * * *'
        #[arg(long, value_name = "CRON", group = "event")]
        at: Option<String>,
        /// When a call of this function has ended
        #[arg(long, value_name = "FUNCTION", group = "event")]
        after: Option<String>,
        /// Only what this account wrote or called makes it fire; can be repeated [default: anyone]
        #[arg(long, value_name = "ACCOUNT", conflicts_with_all = ["only_if", "at"])]
        only: Vec<String>,
        /// Only what a rule allows makes it fire, in the language of `moot rules`
        #[arg(long, value_name = "RULE", conflicts_with = "at")]
        only_if: Option<String>,
        #[command(flatten)]
        with: With,
    },
    /// Take a trigger back
    Rm {
        /// Its name
        name: String,
        #[command(flatten)]
        with: With,
    },
    /// List all triggers
    Ls {
        #[command(flatten)]
        with: With,
    },
    /// List the calls that triggers derived, or show one
    Calls {
        /// One of them, like d-17-0
        id: Option<String>,
        /// How many at most
        #[arg(long, default_value_t = 20)]
        limit: usize,
        #[command(flatten)]
        with: With,
    },
}

impl Triggers {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self.verb {
            Verb::Set { name, run, on, at, after, only, only_if, with } => {
                let (name, function) = (read_name(&name)?, read_name(&run)?);
                let on = match (on, at, after) {
                    (Some(pattern), _, _) => TriggerOn::Value(pattern),
                    (_, Some(cron), _) => TriggerOn::Schedule(cron),
                    (_, _, Some(after)) => TriggerOn::Completion(read_name(&after)?),
                    (None, None, None) => return Err(Failure::usage("say --on, --at or --after").into()),
                };
                let access = match only_if {
                    Some(rule) => TriggerAccess::Rule(rule),
                    None if only.is_empty() => TriggerAccess::Anyone,
                    None => {
                        let accounts = only.iter().map(|text| read_account(text));
                        let mut accounts = accounts.collect::<anyhow::Result<Vec<_>>>()?;
                        accounts.sort();
                        accounts.dedup();
                        TriggerAccess::Accounts(accounts)
                    }
                };
                let shown = name.to_string();
                let trigger = Some(Trigger { on, function, access });
                with.say(Transaction::Trigger { name, trigger }, ("Set", &shown)).await
            }
            Verb::Rm { name, with } => {
                let name = read_name(&name)?;
                let shown = name.to_string();
                with.say(Transaction::Trigger { name, trigger: None }, ("Removed", &shown)).await
            }
            Verb::Ls { with } => {
                let found = with.node.client()?.triggers().await?;
                if with.json {
                    return Ok(terminal::print_json(&found)?);
                }
                let rows: Vec<Vec<String>> = found.triggers.iter().map(row).collect();
                Ok(terminal::print(&text::table(&["TRIGGER", "FIRES", "RUNS", "FOR", "OWNER"], &rows))?)
            }
            Verb::Calls { id: Some(id), with, .. } => show(&with.node, &id, with.json).await,
            Verb::Calls { id: None, limit, with } => {
                let found = with.node.client()?.derived_calls(limit).await?;
                if with.json {
                    return Ok(terminal::print_json(&found)?);
                }
                let rows: Vec<Vec<String>> = found.derived.iter().map(derived_row).collect();
                Ok(terminal::print(&text::table(
                    &["DERIVED", "TIME", "TRIGGER", "RAN", "EVENT", "CALL", ""],
                    &rows,
                ))?)
            }
        }
    }
}

fn read_name(text: &str) -> anyhow::Result<FunctionName> {
    Ok(FunctionName::parse(text).map_err(|error| Failure::usage(error.to_string()))?)
}

fn row(view: &TriggerView) -> Vec<String> {
    let fires = match &view.trigger.on {
        TriggerOn::Value(pattern) => format!("on {}", text::line(pattern)),
        TriggerOn::Schedule(cron) => {
            let next = view.next_ms.map_or_else(String::new, |ms| text::time(ms.saturating_mul(1000)));
            format!("at {} {DIM}next {next}{DIM:#}", text::line(cron))
        }
        TriggerOn::Completion(function) => format!("after {function}"),
    };
    let who = match &view.trigger.access {
        TriggerAccess::Anyone => "anyone".to_owned(),
        TriggerAccess::Accounts(accounts) => text::count(accounts.len(), "account"),
        TriggerAccess::Rule(rule) => text::line(rule),
    };
    vec![view.name.to_string(), fires, view.trigger.function.to_string(), who, text::short(view.owner)]
}

fn derived_row(view: &DerivedView) -> Vec<String> {
    let call = view.call.map_or_else(String::new, |call| call.to_string());
    vec![
        text::line(&view.id),
        text::time(view.time_ms.saturating_mul(1000)),
        view.trigger.to_string(),
        view.function.to_string(),
        text::line(&view.source),
        call,
        became(view),
    ]
}

fn became(view: &DerivedView) -> String {
    match (&view.status, view.state.as_str()) {
        (Some(status), _) if status == "ok" => format!("{GOOD}ok{GOOD:#}"),
        (Some(status), _) => format!("{BAD}{}{BAD:#}", text::line(status)),
        (None, "dropped") => format!("{BAD}dropped{BAD:#}"),
        (None, state) => text::line(state),
    }
}

async fn show(node: &NodeOption, id: &str, json: bool) -> anyhow::Result<()> {
    let Some(view) = node.client()?.derived(id).await? else {
        return Err(Failure::new(format!("there is no derived call {}", text::line(id)))
            .hint("`moot triggers calls` lists them; what ended a week ago is forgotten")
            .into());
    };
    if json {
        return Ok(terminal::print_json(&view)?);
    }
    let mut rows = vec![
        ("derived", text::line(&view.id)),
        ("by", format!("{} {DIM}of {}{DIM:#}", view.trigger, text::short(view.owner))),
        ("event", text::line(&view.source)),
        ("time", text::time(view.time_ms.saturating_mul(1000))),
        (
            "runs",
            format!("{} {DIM}in lane {}, after {} in a row{DIM:#}", view.function, view.lane, view.depth),
        ),
        ("became", became(&view)),
    ];
    if let Some(why) = &view.why {
        rows.push(("because", text::line(why)));
    }
    if let Some(call) = view.call {
        rows.push(("call", format!("{call} {DIM}`moot show {call}`{DIM:#}")));
    }
    Ok(terminal::print(&text::fields(0, &rows))?)
}
