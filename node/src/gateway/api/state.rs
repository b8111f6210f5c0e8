//! Proofs of the state: a value, or that there is none, for a check with the genesis alone.

use super::Answered;
use crate::gateway::answer::bytes_of;
use crate::gateway::door::{Door, Visit};
use crate::gateway::prefer::Preferences;
use crate::gateway::problem::{Failure, Kind};
use crate::gateway::target;
use crate::limits::STATE_PROOF_STEP;
use http::{HeaderValue, StatusCode};
use moot_record::{ParseError, Pattern, StateFile, StateKey, check_path};
use std::time::Instant;

/// A state file (`moot-state-1`) of what the state holds: of `account`, `stake`, `conviction` or `worker`, which is an
/// account; of `function` or `trigger`, a name; of `owner`, a path; of `rule`, a pattern; of `hold`, an entry's
/// address; of `network` the `prices`, or the `pot` of what was paid and not paid out. A pattern is as it was set
/// (`chat/$room`), or as a state file names its place (`chat/$`): what its variables are called makes no difference.
/// Waits for the block that carries the root of the present state, which an idle network makes about once a second: for
/// `Prefer: wait=<s>`, at most and without it 30 s.
#[utoipa::path(get, path = "/_moot/state/{kind}/{key}", tag = "state",
    params(("kind" = String, Path), ("key" = String, Path, description = "of a path or pattern without its first slash")),
    responses((status = 200, description = "a state file", body = serde_json::Value), (status = 404, body = crate::api::Problem),
        (status = 503, description = "no block has carried the root in time", body = crate::api::Problem)))]
pub(super) async fn prove(door: &Door, visit: &Visit, kind: &str, key: &str) -> Answered {
    let key = read(kind, &target::decoded(key))?;
    let patience = Preferences::of(&visit.parts.headers).final_within();
    let ledger = &door.worker.ledger;
    let since = ledger.state_root();
    let begun = Instant::now();
    let proof = loop {
        if let Some(proof) = ledger.prove_state(&key, &since).map_err(Failure::internal)? {
            break proof;
        }
        if begun.elapsed() >= patience {
            let detail = format!(
                "within {} s no block has carried the root of the present state: ask again, with `Prefer: wait=30` for the \
                 longest wait; if none comes at all, too few replicas agree, which `moot status --all` shows",
                patience.as_secs()
            );
            return Err(Failure::new(Kind::NoBlockYet, detail));
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
            let pattern = Pattern::parse(&named(key)).map_err(invalid)?;
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

/// A pattern with a name for each variable that has none, as in a place.
fn named(key: &str) -> String {
    let mut pattern = String::with_capacity(key.len() + 16);
    for (at, label) in key.split('/').enumerate() {
        pattern.push('/');
        match label {
            "$" => pattern.push_str(&format!("$v{at}")),
            label => pattern.push_str(label),
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_as_they_stand_in_a_path() {
        assert_eq!(read("owner", "chat/lobby").unwrap(), StateKey::Owner("/chat/lobby".into()));
        for pattern in ["chat/$room/$m", "chat/$x/$y", "chat/$/$", "chat/$room/$", "chat/$/$room"] {
            assert_eq!(read("rule", pattern).unwrap(), StateKey::Rule("/chat/$/$".into()), "{pattern}");
        }
        assert!(matches!(read("function", "hello"), Ok(StateKey::Function(_))));
        for (kind, key) in [
            ("account", "ada"),
            ("function", "A"),
            ("owner", "a/"),
            ("rule", "$a"),
            ("rule", "$"),
            ("seat", "1"),
        ] {
            assert!(read(kind, key).is_err(), "{kind} {key}");
        }
    }
}
