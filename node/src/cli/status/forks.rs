//! Two histories in one network: what cannot be while fewer than a third of the committee are dishonest, or run twice.
//!
//! All that answer are asked for one block that all of them should have. If it is not the same everywhere, those who
//! voted for both are named by the certificates.

use super::Asked;
use crate::api::{BlockView, Status as NodeStatus};
use crate::cli::options::NodeOption;
use crate::cli::text;
use moot_record::AccountId;

/// For each replica, what is to be said if its history is not everybody's.
pub(super) async fn look(asked: &[Asked]) -> Vec<Option<String>> {
    let known = || asked.iter().filter_map(|asked| asked.answer.as_deref().ok());
    let Some(height) = common(known()) else { return asked.iter().map(|_| None).collect() };
    let network = known().next().map(|status| status.network);
    let questions = asked.iter().map(|asked| async move {
        let (gateway, status) = (asked.gateway.as_ref()?, asked.answer.as_ref().ok()?);
        if Some(status.network) != network {
            return None;
        }
        let block = NodeOption::at(gateway).client().ok()?.block(height).await.ok()??;
        Some((status.account, block))
    });
    let blocks: Vec<_> = futures::future::join_all(questions).await;
    blocks.iter().map(|own| compare(own.as_ref()?, blocks.iter().flatten())).collect()
}

/// A height that all of them have, and keep.
fn common<'s>(all: impl Iterator<Item = &'s NodeStatus> + Clone) -> Option<u64> {
    let lowest = all.clone().map(|status| status.height).min()?;
    let kept_from = all.map(|status| status.kept_from).max()?;
    (lowest >= kept_from.max(1)).then_some(lowest)
}

/// What is to be said of a block, if somebody has another one.
fn compare<'b>(
    (_, own): &(AccountId, BlockView),
    mut all: impl Iterator<Item = &'b (AccountId, BlockView)>,
) -> Option<String> {
    let (who, other) = all.find(|(_, other)| other.digest != own.digest)?;
    let both = own.voters.iter().filter(|voter| other.voters.contains(voter));
    let both: Vec<String> = both.map(ToString::to_string).collect();
    let guilty = match both.as_slice() {
        [] => "their certificates name nobody that voted for both".to_owned(),
        both => format!("both were voted for by {}", both.join(", ")),
    };
    Some(format!(
        "there are two histories: block {} is {} here and {} at {}; {guilty}",
        own.height,
        text::short(own.digest),
        text::short(other.digest),
        text::short(*who)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use moot_record::Digest;

    fn block(digest: u8, voters: &[u8]) -> BlockView {
        BlockView {
            height: 7,
            digest: Digest::from_bytes([digest; 32]),
            parent: Digest::ZERO,
            time_ms: 0,
            state: Digest::ZERO,
            batches: Vec::new(),
            voters: voters.iter().map(|voter| AccountId::from_bytes([*voter; 32])).collect(),
        }
    }

    #[test]
    fn who_voted_for_both_is_named() {
        let all = [(0, 1, [0, 2, 3]), (1, 9, [1, 2, 3]), (2, 1, [0, 2, 3])]
            .map(|(who, digest, voters)| (AccountId::from_bytes([who; 32]), block(digest, &voters)));
        let said = compare(&all[0], all.iter()).unwrap();
        assert!(
            said.contains("block 7") && said.contains(&"02".repeat(32)) && said.contains(&"03".repeat(32)),
            "{said}"
        );
        assert!(!said.contains(&"00".repeat(32)) && !said.contains(&"01".repeat(32)), "{said}");
        assert_eq!(compare(&all[0], all.iter().filter(|(_, block)| block.digest == all[0].1.digest)), None);
    }
}
