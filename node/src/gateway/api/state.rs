//! Proofs of the state: a value, or that there is none, for a check with the genesis alone.

use super::Answered;
use crate::gateway::answer::bytes_of;
use crate::gateway::door::Door;
use crate::gateway::problem::{Failure, Kind};
use crate::limits::{STATE_PROOF_PATIENCE, STATE_PROOF_STEP};
use http::{HeaderValue, StatusCode};
use moot_record::{ParseError, Pattern, StateFile, StateKey, check_path};
use std::time::Instant;

/// A state file (`moot-state-1`) of what the state holds: of `account`, `stake` or `conviction`, which is an account; of
/// `function` or `trigger`, a name; of `owner`, a path; of `rule`, a pattern; of `hold`, an entry's address; of `network` the `prices`,
/// or the `pot` of what was paid and not paid out. Waits for the block that carries the root of the present state, which
/// an idle network makes about once a second.
#[utoipa::path(get, path = "/_moot/state/{kind}/{key}", tag = "state",
    params(("kind" = String, Path), ("key" = String, Path, description = "of a path or pattern without its first slash")),
    responses((status = 200, description = "a state file", body = serde_json::Value), (status = 409, body = crate::api::Problem)))]
pub(super) async fn prove(door: &Door, kind: &str, key: &str) -> Answered {
    let key = read(kind, key)?;
    let ledger = &door.worker.ledger;
    let since = ledger.state_root();
    let begun = Instant::now();
    let proof = loop {
        if let Some(proof) = ledger.prove_state(&key, &since).map_err(Failure::internal)? {
            break proof;
        }
        if begun.elapsed() > STATE_PROOF_PATIENCE {
            let detail = "no block has carried the root of the present state yet; ask again in a second";
            return Err(Failure::new(Kind::NotFinal, detail));
        }
        tokio::time::sleep(STATE_PROOF_STEP).await;
    };
    let file = StateFile::new(proof, ledger.genesis()).map_err(Failure::internal)?;
    const MEDIA: HeaderValue = HeaderValue::from_static("application/json");
    Ok(bytes_of(StatusCode::OK, MEDIA, file.to_json().into()))
}

fn read(kind: &str, key: &str) -> Result<StateKey, Failure> {
    let wrong = |e: ParseError| Failure::new(Kind::NotFound, e.to_string());
    let invalid = |e: moot_record::Invalid| Failure::new(Kind::BadRequest, e.to_string());
    match kind {
        "account" => key.parse().map(StateKey::Account).map_err(wrong),
        "stake" => key.parse().map(StateKey::Stake).map_err(wrong),
        "conviction" => key.parse().map(StateKey::Conviction).map_err(wrong),
        "worker" => key.parse().map(StateKey::Worker).map_err(wrong),
        "hold" => key.parse().map(StateKey::Hold).map_err(wrong),
        "function" => key.parse().map(StateKey::Function).map_err(wrong),
        "owner" => {
            let path = format!("/{key}");
            check_path(&path).map_err(invalid)?;
            Ok(StateKey::Owner(path))
        }
        "rule" => {
            let pattern = Pattern::parse(&format!("/{key}")).map_err(invalid)?;
            Ok(StateKey::Rule(pattern.place().to_owned()))
        }
        "network" => match key {
            "prices" => Ok(StateKey::Prices),
            "pot" => Ok(StateKey::Pot),
            other => Err(Failure::new(Kind::NotFound, format!("{other:?} is not one of prices, pot"))),
        },
        "trigger" => key.parse().map(StateKey::Trigger).map_err(wrong),
        other => {
            let detail = format!(
                "{other:?} is not one of account, stake, conviction, worker, hold, function, owner, rule, trigger, network"
            );
            Err(Failure::new(Kind::NotFound, detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_as_they_stand_in_a_path() {
        assert_eq!(read("owner", "chat/lobby").unwrap(), StateKey::Owner("/chat/lobby".into()));
        assert_eq!(read("rule", "chat/$room").unwrap(), StateKey::Rule("/chat/$".into()));
        assert!(matches!(read("function", "hello"), Ok(StateKey::Function(_))));
        for (kind, key) in
            [("account", "ada"), ("function", "A"), ("owner", "a/"), ("rule", "$a"), ("seat", "1")]
        {
            assert!(read(kind, key).is_err(), "{kind} {key}");
        }
    }
}
