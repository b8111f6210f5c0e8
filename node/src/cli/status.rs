//! `moot status`: how a node is doing, or all replicas of a network side by side.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::failure::{FAILED, Failure, Silent};
use super::options::NodeOption;
use super::terminal::{self, BAD, BOLD, DIM, GOOD, WARN};
use super::text;
use crate::api::{Condition, Status as NodeStatus};
use crate::limits::BEHIND_AFTER;
use crate::network::ReplicaConfig;

/// Show how a node is doing, or every replica of its network
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  moot status                          the node at MOOT_NODE, and the lanes as it sees them\n  \
                        moot status --all                    it and the replicas that it knows, side by side\n  \
                        moot status --config replica.toml    the same, when that node itself may be down\n\n\
                        Exit code 1 when something is not as it should be."
)]
pub(crate) struct Status {
    /// Ask every replica that the node knows of
    #[arg(long)]
    all: bool,
    /// Ask every replica that this configuration names (implies --all)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    node: NodeOption,
}

/// A replica, and what it answered.
struct Asked {
    account: String,
    gateway: Option<String>,
    answer: Result<Box<NodeStatus>, String>,
}

/// What to say of a replica.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    /// As it should be.
    Good,
    /// Behind, and it may mend itself.
    Behind(String),
    /// Someone must look at it.
    Bad(String),
}

impl Status {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let asked = match &self.config {
            Some(path) => ask_all(of_config(&ReplicaConfig::load(path)?)?).await,
            None => {
                let client = self.node.client()?;
                let status = client.status().await?;
                if !self.all {
                    return self.one(&client.address().to_string(), &status);
                }
                ask_all(of_status(client.address().to_string(), &status)?).await
            }
        };
        let verdicts = verdicts(&asked);
        if self.json {
            terminal::print_json(&as_json(&asked, &verdicts))?;
        } else {
            terminal::print(&table(&asked, &verdicts))?;
        }
        if verdicts.iter().all(|verdict| *verdict == Verdict::Good) {
            Ok(())
        } else {
            Err(Silent(FAILED).into())
        }
    }

    fn one(&self, address: &str, status: &NodeStatus) -> anyhow::Result<()> {
        if self.json {
            terminal::print_json(status)?;
        } else {
            terminal::print(&shown(address, status))?;
        }
        if status.condition == Condition::Running { Ok(()) } else { Err(Silent(FAILED).into()) }
    }
}

/// The replicas of a configuration, in the order of their lanes.
fn of_config(config: &ReplicaConfig) -> anyhow::Result<Vec<(String, Option<String>)>> {
    let own = crate::keyfile::load(&config.key)?.account();
    let mut all = vec![(own, Some(config.listen.gateway.to_string()))];
    let others = config.peers.iter().filter(|peer| peer.account != own);
    all.extend(others.map(|peer| (peer.account, peer.gateway.as_ref().map(ToString::to_string))));
    all.sort_unstable_by_key(|(account, _)| *account);
    Ok(all.into_iter().map(|(account, gateway)| (account.to_string(), gateway)).collect())
}

/// The replicas that a node knows.
fn of_status(address: String, status: &NodeStatus) -> anyhow::Result<Vec<(String, Option<String>)>> {
    let others = status.validators.iter().filter(|validator| validator.account != status.account);
    if others.clone().next().is_some() && others.clone().all(|validator| validator.gateway.is_none()) {
        return Err(Failure::new(format!("{address} does not tell where the other replicas are"))
            .hint("only a node on this machine does; --config replica.toml names them too")
            .into());
    }
    let all = status.validators.iter().map(|validator| {
        let own = validator.account == status.account;
        let gateway = if own { Some(address.clone()) } else { validator.gateway.clone() };
        (validator.account.to_string(), gateway)
    });
    Ok(all.collect())
}

/// Asks all of them at once.
async fn ask_all(replicas: Vec<(String, Option<String>)>) -> Vec<Asked> {
    let questions = replicas.into_iter().map(|(account, gateway)| async move {
        let answer = match &gateway {
            None => Err("its gateway is not known: add `gateway` to its [[peers]]".to_owned()),
            Some(gateway) => ask(gateway).await,
        };
        Asked { account, gateway, answer }
    });
    futures::future::join_all(questions).await
}

async fn ask(gateway: &str) -> Result<Box<NodeStatus>, String> {
    let client = NodeOption::at(gateway).client().map_err(|error| error.to_string())?;
    client.status().await.map(Box::new).map_err(|error| error.to_string())
}

/// What to say of each, in the light of what the others said.
fn verdicts(asked: &[Asked]) -> Vec<Verdict> {
    let known = || asked.iter().filter_map(|asked| asked.answer.as_ref().ok());
    let newest = known().max_by_key(|status| status.height);
    let network = newest.map(|status| status.network);
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
            "state root differs: after block {} it has {ours}, replica {} has {theirs}",
            status.height, other.lane
        ));
    }
    if let Some(why) = &status.ordering_failed {
        return Verdict::Bad(format!("halted: {why}"));
    }
    if status.evidence > 0 {
        let (times, guilty) =
            (text::count(usize::try_from(status.evidence).unwrap_or(usize::MAX), "time"), guilty(status));
        return Verdict::Bad(format!("it saw replicas say two things in one place, {times}: {guilty}"));
    }
    let Some(newest) = newest else { return Verdict::Good };
    let behind_ms = newest.time_ms.saturating_sub(status.time_ms);
    if u128::from(behind_ms) < BEHIND_AFTER.as_millis() {
        return Verdict::Good;
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
    let guilty = status.validators.iter().filter(|validator| validator.equivocations > 0);
    let named: Vec<String> =
        guilty.map(|v| format!("lane {} of {}", v.lane, text::short(v.account))).collect();
    if named.is_empty() { "see its log".to_owned() } else { named.join(", ") }
}

fn table(asked: &[Asked], verdicts: &[Verdict]) -> String {
    let unknown = || "-".to_owned();
    let rows: Vec<Vec<String>> = asked
        .iter()
        .zip(verdicts)
        .enumerate()
        .map(|(lane, (asked, verdict))| {
            let status = asked.answer.as_ref().ok();
            let own = status.and_then(|status| status.validators.get(usize::try_from(status.lane).ok()?));
            vec![
                lane.to_string(),
                text::line(asked.gateway.as_deref().unwrap_or("?")).trim_start_matches("http://").to_owned(),
                text::short(text::line(&asked.account)),
                status.map_or_else(unknown, |status| text::number(status.height)),
                status.map_or_else(unknown, |status| text::short(status.state)),
                own.map_or_else(unknown, |own| lane_shown(own.held, own.ordered, own.waiting)),
                match verdict {
                    Verdict::Good => format!("{GOOD}ok{GOOD:#}"),
                    Verdict::Behind(why) => format!("{WARN}{}{WARN:#}", text::line(why)),
                    Verdict::Bad(why) => format!("{BAD}{}{BAD:#}", text::line(why)),
                },
            ]
        })
        .collect();
    let mut out =
        text::table(&["LANE", "GATEWAY", "ACCOUNT", "HEIGHT", "STATE", "HELD/ORDERED/WAITING", ""], &rows);
    let here = asked.iter().filter(|asked| asked.answer.is_ok()).count();
    let needed = asked.len() - asked.len().saturating_sub(1) / 3;
    if here < needed {
        out.push_str(&format!(
            "\n{BAD}{here} of {} replicas answer, {needed} are needed to agree{BAD:#}: nothing becomes final until more are back\n",
            asked.len()
        ));
    }
    out
}

fn lane_shown(held: Option<u64>, ordered: Option<u64>, waiting: u64) -> String {
    let number = |n: Option<u64>| n.map_or_else(|| "-".to_owned(), |n| n.to_string());
    format!("{}/{}/{waiting}", number(held), number(ordered))
}

fn as_json(asked: &[Asked], verdicts: &[Verdict]) -> serde_json::Value {
    let replicas = asked.iter().zip(verdicts).enumerate().map(|(lane, (asked, verdict))| {
        let (state, why) = match verdict {
            Verdict::Good => ("ok", None),
            Verdict::Behind(why) => ("behind", Some(why)),
            Verdict::Bad(why) => ("bad", Some(why)),
        };
        json!({
            "lane": lane,
            "account": asked.account,
            "gateway": asked.gateway,
            "verdict": state,
            "why": why,
            "status": asked.answer.as_ref().ok(),
        })
    });
    json!({ "replicas": replicas.collect::<Vec<_>>() })
}

fn shown(address: &str, status: &NodeStatus) -> String {
    let condition = match (status.condition, &status.read_only) {
        (Condition::Running, _) => format!("{GOOD}running{GOOD:#}"),
        (condition, why) => {
            let name = match condition {
                Condition::ReadOnly => "read-only",
                Condition::Closing => "closing",
                Condition::Running | Condition::Stopped => "halted",
            };
            format!("{BAD}{name}{BAD:#} {}", text::line(why.as_deref().unwrap_or_default()))
        }
    };
    let rows = [
        (
            "node",
            format!(
                "{BOLD}{address}{BOLD:#} {DIM}{}, up {} s{DIM:#}",
                text::line(&status.version),
                status.uptime_s
            ),
        ),
        ("network", format!("{} {DIM}{}{DIM:#}", text::line(&status.network_name), status.network)),
        ("account", status.account.to_string()),
        ("ledger", condition),
        (
            "height",
            format!(
                "{} {DIM}{}{DIM:#}",
                text::number(status.height),
                text::ago(status.time_ms.saturating_mul(1000))
            ),
        ),
        ("state", status.state.to_string()),
        ("functions", status.functions.to_string()),
        ("running", text::count(status.running, "call")),
    ];
    let lanes: Vec<Vec<String>> = status
        .validators
        .iter()
        .map(|validator| {
            vec![
                validator.lane.to_string(),
                text::short(validator.account),
                lane_shown(validator.held, validator.ordered, validator.waiting),
                match validator.reachable {
                    None => format!("{DIM}this node{DIM:#}"),
                    Some(true) => format!("{GOOD}reachable{GOOD:#}"),
                    Some(false) => format!("{BAD}cannot be reached from here{BAD:#}"),
                },
            ]
        })
        .collect();
    let lanes = text::table(&["LANE", "ACCOUNT", "HELD/ORDERED/WAITING", ""], &lanes);
    format!("{}\n{lanes}", text::fields(0, &rows))
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
            lane,
            height,
            time_ms,
            state: Digest::from_bytes([state; 32]),
            condition: Condition::Running,
            functions: 0,
            running: 0,
            read_only: None,
            ordering_failed: None,
            waiting_blocks: 0,
            missing_batches: 0,
            evidence: 0,
            uptime_s: 0,
            validators: Vec::new(),
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
    fn somebody_else_at_the_address_is_named() {
        let mut other = asked(status(1, 100, 100_000, 2));
        other.account = AccountId::from_bytes([9; 32]).to_string();
        let mut elsewhere = status(2, 5, 100_000, 2);
        elsewhere.network = Digest::from_bytes([2; 32]);
        let all = [asked(status(0, 100, 100_000, 2)), other, asked(elsewhere)];
        let said = verdicts(&all);
        assert!(matches!(&said[1], Verdict::Bad(why) if why.contains("another replica answers")));
        assert!(matches!(&said[2], Verdict::Bad(why) if why.contains("another network")));
    }
}
