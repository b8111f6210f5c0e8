//! What to say of each replica, in the light of what all of them said of themselves.

use super::Asked;
use crate::api::{Condition, Status as NodeStatus};
use crate::cli::text;
use crate::limits::BEHIND_AFTER;

/// What to say of a replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As it should be.
    Good,
    /// It does not vote, for this reason, and is well otherwise.
    Follows(String),
    /// Behind, and it may mend itself.
    Behind(String),
    /// Someone must look at it.
    Bad(String),
}

/// What to say of each, in the light of what the others said.
pub(super) fn verdicts(asked: &[Asked]) -> Vec<Verdict> {
    // Who answers in another's place says nothing about the network.
    let own = || {
        let answered = asked.iter().filter_map(|asked| Some((asked, asked.answer.as_ref().ok()?)));
        answered
            .filter(|(asked, status)| status.account.to_string() == asked.account)
            .map(|(_, status)| status)
    };
    // The one that most belong to; of as many, the one that was asked first.
    let members = |network| own().filter(|status| status.network == network).count();
    let most = own().map(|status| members(status.network)).max();
    let network = own().map(|status| status.network).find(|network| Some(members(*network)) == most);
    let known = || own().filter(|status| Some(status.network) == network);
    let newest = known().max_by_key(|status| status.height);
    asked
        .iter()
        .map(|asked| match &asked.answer {
            Err(why) => Verdict::Bad(format!("cannot be reached: {why}")),
            Ok(status) if status.account.to_string() != asked.account => {
                Verdict::Bad(format!("another replica answers there: {}", status.account))
            }
            Ok(status) if Some(status.network) != network => {
                Verdict::Bad(format!("it belongs to another network, {}", status.network))
            }
            Ok(status) => verdict(status, newest.map(AsRef::as_ref), known().map(AsRef::as_ref)),
        })
        .collect()
}

fn verdict<'s>(
    status: &NodeStatus,
    newest: Option<&NodeStatus>,
    mut all: impl Iterator<Item = &'s NodeStatus>,
) -> Verdict {
    let why = status.read_only.as_deref().unwrap_or_default();
    match status.condition {
        Condition::Stopped => return Verdict::Bad(format!("halted: {why}")),
        Condition::ReadOnly => return Verdict::Bad(format!("read-only: {why}")),
        Condition::Closing => return Verdict::Behind("it is closing".to_owned()),
        Condition::Running => {}
    }
    if let Some(other) = all.find(|other| other.height == status.height && other.state != status.state) {
        let (ours, theirs) = (text::short(status.state), text::short(other.state));
        return Verdict::Bad(format!(
            "state root differs: after block {} it has {ours}, {} has {theirs}",
            status.height,
            text::short(other.account)
        ));
    }
    if let Some(why) = &status.ordering_failed {
        return Verdict::Bad(format!("halted: {why}"));
    }
    if let Some(why) = &status.lost {
        return Verdict::Bad(why.clone());
    }
    if status.evidence > 0 {
        let (times, guilty) =
            (text::count(usize::try_from(status.evidence).unwrap_or(usize::MAX), "time"), guilty(status));
        return Verdict::Bad(format!("it saw replicas say two things in one place, {times}: {guilty}"));
    }
    let voters = || status.validators.iter().filter(|validator| validator.votes);
    let all = voters().count();
    let out = voters().filter(|validator| validator.reachable == Some(false)).count();
    if all > 0 && all - out < all - all.saturating_sub(1) / 3 {
        return Verdict::Bad(format!("it cannot reach {out} of the others: nothing becomes final here"));
    }
    let well = || status.follows.clone().map_or(Verdict::Good, Verdict::Follows);
    let Some(newest) = newest else { return well() };
    let behind_ms = newest.time_ms.saturating_sub(status.time_ms);
    if u128::from(behind_ms) < BEHIND_AFTER.as_millis() {
        return well();
    }
    let count = |n: u64, what: &str| text::count(usize::try_from(n).unwrap_or(usize::MAX), what);
    let blocks = newest.height - status.height;
    let mut why = format!("catching up from height {}, {}", status.height, count(blocks, "block"));
    if status.missing_batches > 0 {
        why.push_str(&format!("; batches asked for: {}", status.missing_batches));
    }
    Verdict::Behind(why)
}

/// Whose lanes hold contradictions.
fn guilty(status: &NodeStatus) -> String {
    let said_two = |v: &&crate::api::Validator| v.equivocations > 0 || v.contradictions > 0;
    let guilty = status.validators.iter().filter(said_two);
    let named: Vec<String> =
        guilty.map(|v| format!("lane {} of {}", v.lane, text::short(v.account))).collect();
    if named.is_empty() { "see its log".to_owned() } else { named.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use moot_record::{AccountId, Digest};

    fn status(lane: u32, height: u64, time_ms: u64, state: u8) -> NodeStatus {
        NodeStatus {
            version: String::new(),
            network_name: "test".into(),
            network: Digest::from_bytes([1; 32]),
            account: AccountId::from_bytes([lane as u8; 32]),
            lane: Some(lane),
            votes: true,
            follows: None,
            epoch: None,
            height,
            kept_from: 1,
            time_ms,
            state: Digest::from_bytes([state; 32]),
            condition: Condition::Running,
            functions: 0,
            running: 0,
            open_calls: 0,
            read_only: None,
            ordering_failed: None,
            lost: None,
            waiting_blocks: 0,
            missing_batches: 0,
            evidence: 0,
            uptime_s: 0,
            validators: Vec::new(),
            workers: Vec::new(),
            conflicts: Vec::new(),
        }
    }

    fn asked(status: NodeStatus) -> Asked {
        Asked { account: status.account.to_string(), gateway: None, answer: Ok(Box::new(status)) }
    }

    #[test]
    fn who_is_behind_and_why() {
        let mut full = status(2, 90, 99_000, 1);
        (full.condition, full.read_only) = (Condition::ReadOnly, Some("no room".into()));
        let mut gone = asked(status(3, 1, 1, 1));
        gone.answer = Err("nobody there".into());
        let all = [asked(status(0, 100, 100_000, 2)), asked(status(1, 40, 40_000, 3)), asked(full), gone];
        let said = verdicts(&all);
        assert_eq!(said[0], Verdict::Good);
        assert_eq!(said[1], Verdict::Behind("catching up from height 40, 60 blocks".into()));
        assert_eq!(said[2], Verdict::Bad("read-only: no room".into()));
        assert_eq!(said[3], Verdict::Bad("cannot be reached: nobody there".into()));
    }

    #[test]
    fn a_few_blocks_within_a_moment_are_not_behind() {
        let all = [asked(status(0, 100, 100_000, 2)), asked(status(1, 60, 99_800, 3))];
        assert_eq!(verdicts(&all), [Verdict::Good, Verdict::Good]);
    }

    #[test]
    fn two_states_after_one_block_are_seen() {
        let all = [asked(status(0, 100, 100_000, 2)), asked(status(1, 100, 100_000, 3))];
        assert!(matches!(&verdicts(&all)[1], Verdict::Bad(why) if why.contains("state root differs")));
    }

    #[test]
    fn who_cannot_reach_a_quorum_is_not_well() {
        let one = |lane: u32, reachable| crate::api::Validator {
            lane,
            account: AccountId::from_bytes([lane as u8; 32]),
            role: "votes".into(),
            votes: true,
            reachable,
            gateway: None,
            held: None,
            ordered: None,
            waiting: 0,
            equivocations: 0,
            contradictions: 0,
        };
        let mut alone = status(0, 100, 100_000, 2);
        alone.validators = vec![one(0, None), one(1, Some(false)), one(2, Some(false)), one(3, Some(true))];
        assert!(matches!(&verdicts(&[asked(alone)])[0], Verdict::Bad(why) if why.contains("cannot reach 2")));
    }

    #[test]
    fn somebody_else_at_the_address_is_named() {
        let mut other = asked(status(1, 100, 100_000, 2));
        other.account = AccountId::from_bytes([9; 32]).to_string();
        let mut elsewhere = status(2, 500, 100_000, 2);
        elsewhere.network = Digest::from_bytes([2; 32]);
        let all = [asked(status(0, 100, 100_000, 2)), other, asked(elsewhere)];
        let said = verdicts(&all);
        assert!(matches!(&said[1], Verdict::Bad(why) if why.contains("another replica answers")));
        assert!(matches!(&said[2], Verdict::Bad(why) if why.contains("another network")));
    }
}
