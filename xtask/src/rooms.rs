//! Who may know whom. The rooms' dependencies as cargo sees them, against the directions of ARCHITECTURE.md:
//! someone who embeds `host` must not compile a consensus engine, and `record` must stay pure.

use crate::step::{cargo, output};
use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Each room, and the rooms it may use.
const ALLOWED: &[(&str, &[&str])] = &[
    ("moot-record", &[]),
    ("moot-ordering", &["moot-record"]),
    ("moot-ledger", &["moot-record", "moot-ordering"]),
    ("moot-host", &[]),
    ("moot-node", &["moot-record", "moot-ledger", "moot-host"]),
    ("moot-benches", &["moot-record", "moot-ordering", "moot-ledger", "moot-host", "moot-node"]),
    ("xtask", &[]),
];

/// Packages that a room must not reach at all, however indirectly.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("moot-host", &["commonware-consensus", "redb"]),
    ("moot-ledger", &["wasmtime"]),
    ("moot-record", &["tokio", "redb", "wasmtime"]),
];

/// Checks both tables.
pub(crate) fn check() -> Result<()> {
    let text = output(&mut cargo(&["metadata", "--format-version", "1", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&text).context("cargo metadata")?;
    let graph = Graph::new(&metadata);
    for (room, allowed) in ALLOWED {
        let used = graph.direct(room).with_context(|| format!("the workspace has no package '{room}'"))?;
        let stranger = |name: &&String| {
            ALLOWED.iter().any(|(other, _)| other == name) && !allowed.contains(&name.as_str())
        };
        if let Some(other) = used.iter().find(stranger) {
            bail!("{room} depends on {other}, which ARCHITECTURE.md does not allow");
        }
    }
    for (room, forbidden) in FORBIDDEN {
        let reached = graph.reached(room);
        if let Some(name) = forbidden.iter().find(|name| reached.contains(**name)) {
            bail!("{room} reaches {name}; `cargo tree -p {room} -i {name} -e normal` shows how");
        }
    }
    println!("    {} rooms know only whom they may", ALLOWED.len());
    Ok(())
}

/// Normal dependencies (not of tests, not of build scripts) between packages, by name.
struct Graph(BTreeMap<String, BTreeSet<String>>);

impl Graph {
    fn new(metadata: &Value) -> Graph {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let names: BTreeMap<String, String> =
            list(&metadata["packages"]).iter().map(|p| (text(&p["id"]), text(&p["name"]))).collect();
        let name = |id: &Value| names.get(&text(id)).cloned().unwrap_or_default();
        let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for node in list(&metadata["resolve"]["nodes"]) {
            let to = edges.entry(name(&node["id"])).or_default();
            for dependency in list(&node["deps"]) {
                if list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null()) {
                    to.insert(name(&dependency["pkg"]));
                }
            }
        }
        Graph(edges)
    }

    fn direct(&self, room: &str) -> Option<&BTreeSet<String>> {
        self.0.get(room)
    }

    fn reached(&self, room: &str) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        let mut todo = vec![room.to_owned()];
        while let Some(name) = todo.pop() {
            for next in self.0.get(&name).into_iter().flatten() {
                if seen.insert(next.clone()) {
                    todo.push(next.clone());
                }
            }
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::Graph;
    use serde_json::json;

    #[test]
    fn follows_normal_dependencies_only() {
        let graph = Graph::new(&json!({
            "packages": [{"id": "1", "name": "a"}, {"id": "2", "name": "b"}, {"id": "3", "name": "c"}],
            "resolve": {"nodes": [
                {"id": "1", "deps": [{"pkg": "2", "dep_kinds": [{"kind": null}]}]},
                {"id": "2", "deps": [{"pkg": "3", "dep_kinds": [{"kind": "dev"}]}]},
                {"id": "3", "deps": []},
            ]},
        }));
        assert!(graph.reached("a").contains("b"));
        assert!(!graph.reached("a").contains("c"));
    }
}
