//! `moot rules`: who may write what below a path.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use moot_record::{AccountId, FunctionName, Pattern, Transaction, check_path};

use super::deploy::submit;
use super::failure::{FAILED, Failure, Silent};
use super::options::{KeyOption, NodeOption};
use super::rehearse::{DryRunOption, rehearse};
use super::terminal::{self, BAD, BOLD, DIM, GOOD};
use super::text;
use super::transfer::{read_account, settle};
use crate::api::{EntryOutcome, Question, VerdictView};
use crate::keyfile;

/// Say who may write below a path, and ask what would be allowed
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  moot rules set '/chat/$room' 'value_size < 1000'\n  \
                        moot rules set '/chat/$room' 'balance(auth.account) > 10 && path.room != \"closed\"'\n  \
                        moot rules eval /chat/lobby --value hello\n  \
                        moot rules ls\n  \
                        moot rules rm '/chat/$room'\n\n\
                        A rule is an expression in CEL (cel.dev) that comes to true or false. It knows auth.account,\n\
                        auth.function (of a value that a function wrote), path.NAME for each $NAME of its pattern, value (JSON\n\
                        when it is), value_size, now (ms), height and balance(ACCOUNT). Whole numbers only; an error\n\
                        denies. A literal label comes before a variable, the deepest rule applies, and what no rule allows is\n\
                        denied. `moot owners claim /chat` comes first.")]
pub(crate) struct Rules {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Set the rule of a pattern
    Set {
        /// A path in which labels may be variables: /chat/$room
        pattern: String,
        /// The rule
        rule: String,
        #[command(flatten)]
        with: With,
    },
    /// Take the rule of a pattern back
    Rm {
        /// The pattern
        pattern: String,
        #[command(flatten)]
        with: With,
    },
    /// Ask whether a value would be allowed, and which rule says so; nothing is written
    Eval {
        /// Where it would be written
        path: String,
        /// Who would write it [default: the account of your key, else the node's]
        #[arg(long, value_name = "ACCOUNT")]
        account: Option<String>,
        /// The function that would write it, in its owner's name
        #[arg(long, value_name = "NAME", value_parser = str::parse::<FunctionName>)]
        function: Option<FunctionName>,
        /// The value
        #[arg(long, value_name = "TEXT", default_value = "", conflicts_with = "value_file")]
        value: String,
        /// A file with the value
        #[arg(long, value_name = "FILE")]
        value_file: Option<PathBuf>,
        #[command(flatten)]
        with: With,
    },
    /// List all rules
    Ls {
        #[command(flatten)]
        with: With,
    },
}

/// What every verb takes.
#[derive(Debug, Args)]
pub(super) struct With {
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) dry_run: DryRunOption,
    #[command(flatten)]
    pub(super) node: NodeOption,
    #[command(flatten)]
    pub(super) key: KeyOption,
}

impl With {
    /// Signs one transaction and waits until it was applied; says so as `done`.
    pub(super) async fn say(&self, transaction: Transaction, done: (&str, &str)) -> anyhow::Result<()> {
        if self.said(transaction).await?.is_some() {
            terminal::done(done.0, done.1);
        }
        Ok(())
    }

    /// The same, and leaves it to the caller to say what was done; none when everything is said already, in JSON or
    /// because it was only asked what would come of it.
    pub(super) async fn said(&self, transaction: Transaction) -> anyhow::Result<Option<EntryOutcome>> {
        transaction.check().map_err(|error| Failure::usage(error.to_string()))?;
        let kind = transaction.kind();
        let key = self.key.load_or_create()?;
        let client = self.node.client()?;
        if self.dry_run.is_asked() {
            rehearse(&client, &key, vec![transaction], self.json).await?;
            return Ok(None);
        }
        let doing = ("Asking", "ordered by the network, until it is final");
        let answer = submit(&client, &key, vec![transaction], doing).await?;
        let entry = settle(&answer)?;
        if self.json {
            let view = serde_json::json!({ "kind": kind, "entry": entry.id, "height": entry.height, "by": key.account() });
            terminal::print_json(&view)?;
            return Ok(None);
        }
        Ok(Some(entry.clone()))
    }
}

impl Rules {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self.verb {
            Verb::Set { pattern, rule, with } => {
                let shown = text::line(&pattern);
                check_pattern(&pattern)?;
                with.say(Transaction::Rule { pattern, rule: Some(rule) }, ("Set", &shown)).await
            }
            Verb::Rm { pattern, with } => {
                let shown = text::line(&pattern);
                check_pattern(&pattern)?;
                with.say(Transaction::Rule { pattern, rule: None }, ("Removed", &shown)).await
            }
            Verb::Eval { path, account, function, value, value_file, with } => {
                check_path(&path).map_err(|error| Failure::usage(error.why))?;
                let value = match value_file {
                    None => value,
                    Some(file) => std::fs::read_to_string(&file)
                        .with_context(|| format!("cannot read {} as text", file.display()))?,
                };
                let account = match (&account, &function) {
                    // The node knows whose it is.
                    (None, Some(_)) => None,
                    _ => asked(account.as_deref(), &with.key)?,
                };
                let question = Question { path, account, function, value };
                let verdict = with.node.client()?.judge(&question).await?;
                if with.json {
                    terminal::print_json(&verdict)?;
                } else {
                    terminal::print(&shown(&verdict))?;
                }
                if verdict.allowed { Ok(()) } else { Err(Silent(FAILED).into()) }
            }
            Verb::Ls { with } => {
                let found = with.node.client()?.rules().await?;
                if with.json {
                    return Ok(terminal::print_json(&found)?);
                }
                let rows: Vec<Vec<String>> = found
                    .rules
                    .iter()
                    .map(|rule| vec![text::line(&rule.pattern), text::line(&rule.rule)])
                    .collect();
                Ok(terminal::print(&text::table(&["PATTERN", "RULE"], &rows))?)
            }
        }
    }
}

fn check_pattern(pattern: &str) -> anyhow::Result<()> {
    match Pattern::parse(pattern) {
        Ok(_) => Ok(()),
        Err(error) => {
            Err(Failure::usage(error.why).hint("write it like '/chat/$room', in single quotes").into())
        }
    }
}

/// Who is asked about: the account given, else that of the key, if there is one.
fn asked(given: Option<&str>, key: &KeyOption) -> anyhow::Result<Option<AccountId>> {
    if let Some(text) = given {
        return Ok(Some(read_account(text)?));
    }
    let path = key.path()?;
    if path.exists() { Ok(Some(keyfile::load(&path)?.account())) } else { Ok(None) }
}

fn shown(verdict: &VerdictView) -> String {
    let mut out = match verdict.allowed {
        true => format!("{GOOD}ALLOWED{GOOD:#}\n"),
        false => format!("{BAD}DENIED{BAD:#}\n"),
    };
    let mut rows = Vec::new();
    if let Some(rule) = &verdict.rule {
        rows.push((
            "by",
            format!("{BOLD}{}{BOLD:#} {DIM}{}{DIM:#}", text::line(&rule.pattern), text::line(&rule.rule)),
        ));
    }
    if let Some(why) = &verdict.why {
        rows.push(("because", text::line(why)));
    }
    out.push_str(&text::fields(2, &rows));
    out
}
