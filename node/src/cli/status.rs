//! `moot status`: how a node is doing, or all replicas of a network side by side.

mod forks;
mod verdict;

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::failure::{FAILED, Failure, Silent};
use super::options::NodeOption;
use super::terminal::{self, BAD, BOLD, DIM, GOOD, WARN};
use super::text;
use crate::api::{Condition, Status as NodeStatus};
use crate::network::ReplicaConfig;
use verdict::{Verdict, verdicts};

/// Show how a node is doing, or every replica of its network
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  moot status                          the node at MOOT_NODE, and the lanes as it sees them\n  \
                        moot status --all                    it and the replicas that it knows, side by side\n  \
                        moot status --config replica.toml    the same, when that node itself may be down\n\n\
                        Exit code 1 when the node's ledger does not run; with --all or --config when anything is not as it\n\
                        should be."
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
        let mut verdicts = verdicts(&asked);
        for (verdict, fork) in verdicts.iter_mut().zip(forks::look(&asked).await) {
            if let Some(why) = fork {
                *verdict = Verdict::Bad(why);
            }
        }
        if self.json {
            terminal::print_json(&as_json(&asked, &verdicts))?;
        } else {
            terminal::print(&table(&asked, &verdicts))?;
        }
        if verdicts.iter().all(|verdict| matches!(verdict, Verdict::Good | Verdict::Follows(_))) {
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
            None => {
                Err("its gateway is not known: ask on its machine, or add `gateway` to its [[peers]]"
                    .to_owned())
            }
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

fn table(asked: &[Asked], verdicts: &[Verdict]) -> String {
    let unknown = || "-".to_owned();
    let rows: Vec<Vec<String>> = asked
        .iter()
        .zip(verdicts)
        .enumerate()
        .map(|(place, (asked, verdict))| {
            let status = asked.answer.as_ref().ok();
            let lane = status.map_or_else(|| u32::try_from(place).ok(), |status| status.lane);
            let own = status.and_then(|status| status.validators.get(usize::try_from(lane?).ok()?));
            vec![
                lane.map_or_else(unknown, |lane| lane.to_string()),
                text::line(asked.gateway.as_deref().unwrap_or("?")).trim_start_matches("http://").to_owned(),
                text::short(text::line(&asked.account)),
                status.map_or_else(unknown, |status| text::number(status.height)),
                status.map_or_else(unknown, |status| text::short(status.state)),
                own.map_or_else(unknown, |own| lane_shown(own.held, own.ordered, own.waiting)),
                match verdict {
                    Verdict::Good => format!("{GOOD}ok{GOOD:#}"),
                    Verdict::Follows(why) => format!("{GOOD}follows{GOOD:#}: {}", text::line(why)),
                    Verdict::Behind(why) => format!("{WARN}{}{WARN:#}", text::line(why)),
                    Verdict::Bad(why) => format!("{BAD}{}{BAD:#}", text::line(why)),
                },
            ]
        })
        .collect();
    let mut out =
        text::table(&["LANE", "GATEWAY", "ACCOUNT", "HEIGHT", "STATE", "HELD/ORDERED/WAITING", ""], &rows);
    // One whose gateway nobody knows may well be there.
    let newest = asked.iter().filter_map(|asked| asked.answer.as_ref().ok()).max_by_key(|s| s.height);
    let votes = |asked: &&Asked| {
        let known = newest.and_then(|newest| {
            newest.validators.iter().find(|known| known.account.to_string() == asked.account)
        });
        known.is_none_or(|known| known.votes)
    };
    let voters: Vec<&Asked> = asked.iter().filter(votes).collect();
    let here = voters.iter().filter(|asked| asked.answer.is_ok() || asked.gateway.is_none()).count();
    let needed = voters.len() - voters.len().saturating_sub(1) / 3;
    if here < needed {
        out.push_str(&format!(
            "\n{BAD}{here} of {} replicas answer, {needed} are needed to agree{BAD:#}: nothing becomes final until more are back\n",
            voters.len()
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
            Verdict::Follows(why) => ("follows", Some(why)),
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
            "votes",
            match (&status.follows, status.epoch) {
                (Some(why), _) if status.votes => format!("yes {DIM}{}{DIM:#}", text::line(why)),
                (Some(why), _) => format!("{WARN}no, it follows{WARN:#} {}", text::line(why)),
                (None, Some(epoch)) => format!("yes {DIM}in epoch {epoch}{DIM:#}"),
                (None, None) => "yes".to_owned(),
            },
        ),
        (
            "height",
            format!(
                "{} {DIM}{}{DIM:#}",
                text::number(status.height),
                text::ago(status.time_ms.saturating_mul(1000))
            ),
        ),
        (
            "history",
            match (status.kept_from, &status.lost) {
                (_, Some(why)) => format!("{BAD}{}{BAD:#}", text::line(why)),
                (0 | 1, None) => "kept from the first block".to_owned(),
                (from, None) => {
                    format!("kept from height {} {DIM}older blocks are pruned{DIM:#}", text::number(from))
                }
            },
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
                    _ if validator.role == "out" => format!("{DIM}has left{DIM:#}"),
                    None if validator.account != status.account => {
                        format!("{DIM}its address is not in this node's configuration{DIM:#}")
                    }
                    None => format!("{DIM}this node{DIM:#}"),
                    Some(true) => format!("{GOOD}reachable{GOOD:#}"),
                    Some(false) => format!("{BAD}cannot be reached from here{BAD:#}"),
                },
            ]
        })
        .collect();
    let lanes = text::table(&["LANE", "ACCOUNT", "HELD/ORDERED/WAITING", ""], &lanes);
    format!("{}\n{lanes}{}", text::fields(0, &rows), workers(status))
}

/// The workers that have joined; nothing where there are none.
fn workers(status: &NodeStatus) -> String {
    if status.workers.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<String>> = status
        .workers
        .iter()
        .map(|worker| {
            vec![
                text::short(worker.account),
                text::line(worker.address.as_deref().unwrap_or("-")),
                text::line(&worker.kinds.join(", ")),
                text::line(&worker.engine),
                worker.functions.to_string(),
                format!("{}/{}", worker.running, worker.places),
                text::number(worker.answered),
                match worker.lost {
                    0 => "0".to_owned(),
                    lost => format!("{WARN}{}{WARN:#}", text::number(lost)),
                },
                match worker.refused.as_slice() {
                    [] => String::new(),
                    refused => format!("{WARN}does not serve{WARN:#} {}", text::line(&refused.join("; "))),
                },
            ]
        })
        .collect();
    let head = ["WORKER", "ADDRESS", "KINDS", "ENGINE", "FUNCTIONS", "RUNNING", "ANSWERED", "LOST", ""];
    format!("\n{}", text::table(&head, &rows))
}
