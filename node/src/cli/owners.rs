//! `moot owners`: who may change rules and owners at a path and below.

use clap::{Args, Subcommand};
use moot_record::{Transaction, check_path};

use super::failure::Failure;
use super::rules::With;
use super::terminal::{self, BOLD, DIM};
use super::text;
use super::transfer::read_account;
use crate::api::OwnerView;
use crate::keyfile;

/// Own a path, hand it over, or give it up for good
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  moot owners claim /chat                  who comes first to a first label owns it\n  \
                        moot owners set /chat/lobby ACCOUNT      another account decides there and below\n  \
                        moot owners give-up /chat --for-good     nobody ever changes its rules again\n  \
                        moot owners show /chat/lobby\n\n\
                        The closest owner at or above a path decides about its owners and rules."
)]
pub(crate) struct Owners {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Become the owner of a path: of a first label that nobody owns, or below one of yours
    Claim {
        /// The path
        path: String,
        #[command(flatten)]
        with: With,
    },
    /// Make another account the owner of a path of yours
    Set {
        /// The path
        path: String,
        /// The account
        account: String,
        #[command(flatten)]
        with: With,
    },
    /// Leave a path without an owner for ever: its rules stay as they are
    GiveUp {
        /// The path
        path: String,
        /// Yes, for ever
        #[arg(long)]
        for_good: bool,
        #[command(flatten)]
        with: With,
    },
    /// Show who owns a path
    Show {
        /// The path
        path: String,
        #[command(flatten)]
        with: With,
    },
}

impl Owners {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self.verb {
            Verb::Claim { path, with } => {
                let owner = Some(with.key.load_or_create()?.account());
                let shown = checked(&path)?;
                with.say(Transaction::Own { path, owner }, ("Claimed", &shown)).await
            }
            Verb::Set { path, account, with } => {
                let owner = Some(read_account(&account)?);
                let shown = format!("{} belongs to {account}", checked(&path)?);
                with.say(Transaction::Own { path, owner }, ("Handed over", &shown)).await
            }
            Verb::GiveUp { path, for_good, with } => {
                let shown = checked(&path)?;
                if !for_good {
                    return Err(Failure::usage(format!("giving {shown} up cannot be undone by anybody"))
                        .hint("if that is what you want: --for-good")
                        .into());
                }
                with.say(Transaction::Own { path, owner: None }, ("Given up", &shown)).await
            }
            Verb::Show { path, with } => {
                checked(&path)?;
                let found = with.node.client()?.owner(&path).await?;
                if with.json {
                    return Ok(terminal::print_json(&found)?);
                }
                let own = with.key.path().ok().and_then(|path| keyfile::load(&path).ok());
                let own = own.is_some_and(|key| Some(key.account()) == found.owner);
                Ok(terminal::print(&text::fields(0, &[("owner", owner(&found, own))]))?)
            }
        }
    }
}

/// The path as it is shown.
fn checked(path: &str) -> anyhow::Result<String> {
    check_path(path).map_err(|error| Failure::usage(error.why))?;
    Ok(text::line(path))
}

fn owner(found: &OwnerView, own: bool) -> String {
    let at = found.at.as_deref().map_or(String::new(), |at| format!(" {DIM}of {}{DIM:#}", text::line(at)));
    match (&found.owner, found.given_up) {
        (Some(owner), _) if own => format!("{BOLD}{owner}{BOLD:#}, which is you{at}"),
        (Some(owner), _) => format!("{BOLD}{owner}{BOLD:#}{at}"),
        (None, true) => format!("nobody, for ever{at}"),
        (None, false) => "nobody yet: `moot owners claim` on its first label".to_owned(),
    }
}
