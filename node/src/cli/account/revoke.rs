//! `moot account revoke`: a key signs nothing any more.

use clap::Args;
use moot_record::Transaction;

use crate::cli::failure::Failure;
use crate::cli::rules::With;
use crate::cli::terminal;
use crate::keyfile;

/// Revoke your key: nothing that it signs counts any more, anywhere and for ever
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  moot account revoke --dry-run                     would it be done, and what would it cost?\n  \
                        moot account revoke --for-good                    with the key in use\n  \
                        moot account revoke --key stolen.key --for-good\n\n\
                        Hand over first what is to go on belonging to somebody: units (`moot transfer`), paths (`moot owners set`).\n\
                        What is left stays where it is: units, also staked and held ones that come back, are moved by nobody; functions\n\
                        answer as before and never change, and pay as long as there are units; rules of paths stay. Triggers of the\n\
                        account run nothing any more, a worker takes no calls, a stake bids for no seat. Nobody can send units to it.\n\
                        Whoever has the key can do this. The key of a replica that votes cannot be revoked."
)]
pub(super) struct Revoke {
    /// Yes, for ever
    #[arg(long)]
    for_good: bool,
    #[command(flatten)]
    with: With,
}

impl Revoke {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        // A key that is made now has signed nothing.
        let account = keyfile::load(&self.with.key.path()?)?.account();
        if !self.for_good && !self.with.dry_run.is_asked() {
            let failure =
                Failure::usage(format!("revoking the key of {account} cannot be undone by anybody"));
            let hint = "hand over what is to go on belonging to somebody (`moot transfer`, `moot owners set`); then, if that \
                        is what you want: --for-good";
            return Err(failure.hint(hint).into());
        }
        if let Some(entry) = self.with.said(Transaction::Revoke {}).await? {
            let height = entry.height.map_or(String::new(), |height| format!(" from block {height} on"));
            terminal::done("Revoked", &format!("nothing that {account} signs counts{height}"));
        }
        Ok(())
    }
}
