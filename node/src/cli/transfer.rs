//! `moot transfer`: units go from the account that signs to others.

use clap::Args;
use moot_record::{AccountId, Transaction};
use serde_json::json;

use super::deploy::{submit, together};
use super::failure::Failure;
use super::options::{KeyOption, NodeOption};
use super::rehearse::{DryRunOption, rehearse};
use super::terminal;
use super::text;
use crate::api::{EntryOutcome, Outcome};

/// Give units of account to others
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  moot transfer ACCOUNT 100               from the account of your key\n  \
                        moot transfer ACCOUNT 100 OTHER 5       both or neither\n  \
                        moot transfer --key .moot/node.key ACCOUNT 1000\n                                          \
                        from the node's own account, which a local network funds\n\n\
                        `moot account` shows what is left."
)]
pub(crate) struct Transfer {
    /// An account and how many units it gets; several pairs are done together or not at all
    #[arg(required = true, value_names = ["ACCOUNT", "AMOUNT"], num_args = 2..)]
    to: Vec<String>,
    /// Print what became of it as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    dry_run: DryRunOption,
    #[command(flatten)]
    node: NodeOption,
    #[command(flatten)]
    key: KeyOption,
}

impl Transfer {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let pairs = read_pairs(&self.to)?;
        let transactions = transactions(&pairs)?;
        let path = self.key.path()?;
        if !path.exists() {
            return Err(Failure::new(format!(
                "there is no key at {}, so no account to give from",
                path.display()
            ))
            .hint("`moot account --new` makes one; on a local network --key .moot/node.key is the node's own")
            .into());
        }
        let key = crate::keyfile::load(&path)?;
        let client = self.node.client()?;
        if self.dry_run.is_asked() {
            return rehearse(&client, &key, transactions, self.json).await;
        }
        let doing = ("Transferring", "ordered by the network, until it is final");
        let answer = submit(&client, &key, transactions, doing).await?;
        let done = settle(&answer)?;
        let left = client.account(&key.account()).await?.balance;
        if self.json {
            let to: Vec<_> =
                pairs.iter().map(|(to, amount)| json!({ "to": to, "amount": amount.to_string() })).collect();
            let (entry, height) = (done.id, done.height);
            let view = json!({ "from": key.account(), "transfers": to, "entry": entry, "height": height, "balance": left });
            return Ok(terminal::print_json(&view)?);
        }
        for (to, amount) in &pairs {
            terminal::done("Transferred", &format!("{} to {to}", text::number(*amount)));
        }
        terminal::done("Left", &format!("{left} in {}", text::short(key.account())));
        Ok(())
    }
}

fn read_pairs(words: &[String]) -> anyhow::Result<Vec<(AccountId, u64)>> {
    let (pairs, rest) = words.as_chunks::<2>();
    if let [account] = rest {
        return Err(Failure::usage(format!("{account} has no amount: write ACCOUNT AMOUNT, in pairs")).into());
    }
    pairs.iter().map(|[account, amount]| Ok((read_account(account)?, read_amount(amount)?))).collect()
}

/// An account as people give it.
pub(super) fn read_account(text: &str) -> anyhow::Result<AccountId> {
    let read = text.parse::<AccountId>();
    Ok(read.map_err(|error| {
        Failure::usage(error.to_string()).hint("`moot account` shows yours, 64 hexadecimal digits")
    })?)
}

/// An amount as people write it.
pub(super) fn read_amount(text: &str) -> anyhow::Result<u64> {
    let plain = text.replace(['_', ','], "");
    let digits = !plain.is_empty() && plain.bytes().all(|b| b.is_ascii_digit());
    let read = if digits { plain.parse().ok() } else { None };
    Ok(read.ok_or_else(|| {
        let most = u64::MAX;
        Failure::usage(format!("{text:?} is not an amount"))
            .hint(format!("write whole units, from 1 to {most}"))
    })?)
}

/// One transfer alone, several together.
fn transactions(pairs: &[(AccountId, u64)]) -> anyhow::Result<Vec<Transaction>> {
    let transfers = pairs.iter().map(|(to, amount)| Transaction::Transfer { to: *to, amount: *amount });
    let all = together(transfers.collect());
    for transaction in &all {
        transaction.check().map_err(|error| Failure::usage(error.to_string()))?;
    }
    Ok(all)
}

/// The outcome of the first entry, which speaks for all; an error unless it was done.
pub(super) fn settle(answer: &[EntryOutcome]) -> anyhow::Result<&EntryOutcome> {
    // Of transactions together one says what the others only repeat.
    let reasons: Vec<&String> = answer
        .iter()
        .filter_map(|entry| match &entry.outcome {
            Outcome::Refused { reason } => Some(reason),
            _ => None,
        })
        .collect();
    if let Some(first) = reasons.first() {
        let own = reasons.iter().find(|reason| **reason != *first).unwrap_or(first);
        let failure = Failure::new(format!("nothing was changed: {}", text::line(own)));
        let id = answer.first().map_or(String::new(), |entry| entry.id.to_string());
        return Err(failure.hint(format!("the refusal is on the ledger, at {id}")).into());
    }
    let first = answer.first().ok_or_else(|| Failure::new("the node said nothing of what became of it"))?;
    match first.outcome {
        Outcome::Accepted => Err(Failure::new("it is recorded, and was not final in time")
            .hint("`moot account` shows when it is")
            .into()),
        _ => Ok(first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_pairs_as_people_write_them() {
        for (text, amount) in [("1", 1), ("1_000", 1000), ("1,000,000", 1_000_000)] {
            assert_eq!(read_amount(text).unwrap(), amount);
        }
        for text in ["", "-1", "1.5", "1e3", "one", "+5", "_", "18446744073709551616"] {
            assert!(read_amount(text).unwrap_err().to_string().contains("not an amount"), "{text}");
        }
        let account = moot_record::Keypair::from_seed([3; 32]).account();
        let words = [account.to_string(), "5".into(), account.to_string()];
        assert!(read_pairs(&words).unwrap_err().to_string().contains("in pairs"));
        let two = transactions(&[(account, 5), (account, 6)]).unwrap();
        assert!(matches!(two.as_slice(), [Transaction::Together { count: 2 }, _, _]));
        assert!(transactions(&[(account, 0)]).is_err());
    }
}
