//! Values over HTTP: written when the rules allow it, read, listed, followed; and what hostile clients try.

use super::support::{Conn, TestNet, TestNode, bundle_by, key, open_path, say, until};
use moot_record::{Entry, Keypair, Payload, Transaction, Value};
use std::net::SocketAddr;

fn ada() -> Keypair {
    Keypair::from_seed([21; 32])
}

fn bob() -> Keypair {
    Keypair::from_seed([22; 32])
}

/// A reader of server-sent events.
pub(crate) struct Reader {
    conn: Conn,
    text: String,
}

impl Reader {
    pub(crate) fn open(address: SocketAddr, target: &str, headers: &[(&str, &str)]) -> Reader {
        let mut conn = Conn::open(address);
        conn.request("GET", target, headers, b"");
        let head = conn.head().unwrap();
        assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")), "{target}");
        Reader { conn, text: String::new() }
    }

    /// The next event that says more than where the reader stands: its id, name and data.
    pub(crate) fn next(&mut self) -> (String, String, serde_json::Value) {
        loop {
            let event = self.any();
            if event.1 != "at" {
                return event;
            }
        }
    }

    /// Where following begins: the id of the first event.
    pub(crate) fn began(&mut self) -> String {
        let (id, name, data) = self.any();
        assert_eq!((name.as_str(), data["at"].as_str()), ("at", Some(id.as_str())));
        id
    }

    /// The next event that is no comment.
    fn any(&mut self) -> (String, String, serde_json::Value) {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let event = event.to_owned();
                self.text = rest.to_owned();
                let field = |name: &str| {
                    event
                        .lines()
                        .find_map(|line| line.strip_prefix(&format!("{name}: ")))
                        .unwrap_or_default()
                        .to_owned()
                };
                if !event.starts_with(':') {
                    return (field("id"), field("event"), serde_json::from_str(&field("data")).unwrap());
                }
                continue;
            }
            self.text += &String::from_utf8(self.conn.chunk().expect("the stream goes on")).unwrap();
        }
    }

    /// The texts of the next values.
    pub(crate) fn texts(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.next().2["text"].as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn what_the_rules_allow_is_written_read_and_listed() {
    let node = TestNode::start();
    let denied = node.put("/chat/lobby/1", b"hi", Some(&ada()));
    assert_eq!((denied.status, denied.problem().as_str()), (403, "denied-by-rule"));
    assert!(denied.text().contains("no rule applies"), "{}", denied.text());
    let rule = format!("auth.account == '{}' || value == 'public'", ada().account());
    open_path(&node, "/chat", "/chat/$room/$message", &rule);

    let written = node.put("/chat/lobby/1", b"hi", Some(&ada()));
    assert_eq!(written.status, 201, "{}", written.text());
    assert_eq!(written.header("location"), Some("/_moot/values/chat/lobby/1"));
    let said = written.json();
    assert!(said["height"].as_u64().unwrap() > 0 && said["path"] == "/chat/lobby/1");
    // Found as soon as it was answered.
    let found = node.get("/_moot/values/chat/lobby/1");
    assert_eq!((found.status, found.body.as_slice()), (200, &b"hi"[..]));
    assert_eq!(found.header("moot-value"), said["id"].as_str());
    assert_eq!(found.header("moot-height").unwrap(), said["height"].as_u64().unwrap().to_string());
    assert_eq!(found.header("moot-account"), Some(ada().account().to_string().as_str()));
    assert_eq!(found.header("content-type"), Some("application/octet-stream"));

    // Somebody else, and nobody: by what the rule says of them.
    for by in [Some(&bob()), None] {
        let denied = node.put("/chat/lobby/2", b"private", by);
        assert_eq!(denied.status, 403);
        assert!(denied.text().contains("/chat/$room/$message"), "{}", denied.text());
    }
    assert_eq!(node.put("/chat/lobby/2", b"public", None).status, 201);
    assert_eq!(node.get("/_moot/values/chat/lobby/2").header("moot-account"), None);
    // Nothing denied is recorded or delivered.
    assert_eq!(node.get("/_moot/values/chat/lobby/3").status, 404);

    // Large ones lie beside the ledger, a rule sees only their size.
    let large = vec![7; 100_000];
    assert_eq!(node.put("/chat/lobby/large", &large, Some(&ada())).status, 201);
    assert_eq!(node.get("/_moot/values/chat/lobby/large").body, large);
    let too_large = node.put("/chat/lobby/large", &vec![7; (1 << 20) + 1], Some(&ada()));
    assert_eq!((too_large.status, too_large.problem().as_str()), (413, "body-too-large"));
    assert_eq!(node.put("/chat/lobby/most", &vec![7; 1 << 20], Some(&ada())).status, 201);

    let list = node.get("/_moot/values/chat?below&limit=2").json();
    let paths = |list: &serde_json::Value| -> Vec<String> {
        list["values"].as_array().unwrap().iter().map(|v| v["path"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(paths(&list), ["/chat/lobby/1", "/chat/lobby/2"]);
    assert_eq!(
        (list["values"][0]["text"].as_str(), list["next"].as_str()),
        (Some("hi"), Some("/chat/lobby/2"))
    );
    let rest = node.get("/_moot/values/chat/lobby?below&after=/chat/lobby/2").json();
    assert_eq!(paths(&rest), ["/chat/lobby/large", "/chat/lobby/most"]);
    assert_eq!(
        (rest["values"][0]["bytes"].as_u64(), rest["values"][0]["text"].as_str()),
        (Some(100_000), None)
    );
    assert_eq!(paths(&node.get("/_moot/values/cha?below").json()), Vec::<String>::new());
}

#[test]
fn a_key_writes_once_and_async_is_answered_when_durable() {
    let node = TestNode::start();
    open_path(&node, "/a", "/a", "true");
    let put =
        |key: &str, value: &[u8]| node.put_with("/a/x", value, Some(&ada()), &[("idempotency-key", key)]);
    let (first, second) = (put("k1", b"one"), put("k1", b"one"));
    assert_eq!((first.status, second.status), (201, 201));
    assert_eq!((first.json(), second.header("moot-replayed")), (second.json(), Some("true")));
    assert_eq!(put("k1", b"other").problem(), "idempotency-key-reused");
    assert_ne!(put("k2", b"one").json()["id"], first.json()["id"]);
    // The key belongs to the path and to who writes.
    let elsewhere = node.put_with("/a/y", b"one", Some(&ada()), &[("idempotency-key", "k1")]);
    assert_eq!((elsewhere.status, elsewhere.header("moot-replayed")), (201, None));

    let soon = node.put_with("/a/z", b"soon", Some(&ada()), &[("prefer", "respond-async")]);
    assert_eq!((soon.status, soon.header("preference-applied")), (202, Some("respond-async")));
    assert!(soon.json()["height"].is_null());
    until("it is judged", || node.get("/_moot/values/a/z").status == 200);
}

#[test]
fn readers_get_what_is_written_once_and_in_order() {
    let node = TestNode::start();
    open_path(&node, "/chat", "/chat/$room/$m", "value != 'no'");
    let put = |path: &str, text: &str| node.put(path, text.as_bytes(), Some(&ada()));
    assert_eq!(put("/chat/lobby/0", "before").status, 201);
    let mut lobby = Reader::open(node.address, "/_moot/values/chat/lobby/$m?follow", &[]);
    let mut rooms = Reader::open(node.address, "/_moot/values/chat/%24room/%24m?follow", &[]);
    let mut one = Reader::open(node.address, "/_moot/values/chat/lobby/2?follow", &[]);
    for n in 1..=3 {
        assert_eq!(put(&format!("/chat/lobby/{n}"), &format!("lobby {n}")).status, 201);
        assert_eq!(put("/chat/lobby/4", "no").status, 403);
        assert_eq!(put(&format!("/chat/attic/{n}"), &format!("attic {n}")).status, 201);
    }
    assert_eq!(one.texts(1), ["lobby 2"]);
    assert_eq!(rooms.texts(6), ["lobby 1", "attic 1", "lobby 2", "attic 2", "lobby 3", "attic 3"]);
    let (first, name, data) = lobby.next();
    assert_eq!(
        (name.as_str(), data["text"].as_str(), data["id"].as_str()),
        ("value", Some("lobby 1"), Some(first.as_str()))
    );
    assert_eq!(data["account"].as_str(), Some(ada().account().to_string().as_str()));
    assert_eq!(lobby.texts(2), ["lobby 2", "lobby 3"]);
    // Who comes back gets what came after the last it saw, and nothing twice.
    let mut back =
        Reader::open(node.address, &format!("/_moot/values/chat/lobby/$m?follow&from={first}"), &[]);
    assert_eq!(back.texts(2), ["lobby 2", "lobby 3"]);
    let mut browser =
        Reader::open(node.address, "/_moot/values/chat/lobby/$m?follow", &[("last-event-id", &first)]);
    assert_eq!(browser.texts(2), ["lobby 2", "lobby 3"]);
    put("/chat/lobby/9", "after");
    for reader in [&mut lobby, &mut back, &mut browser] {
        assert_eq!(reader.texts(1), ["after"]);
    }
    // An address that nothing is known of: told so, and then everything there is.
    let mut lost = Reader::open(node.address, "/_moot/values/chat/lobby/$m?follow&from=0-9999-0-0-0", &[]);
    let (_, name, data) = lost.next();
    assert_eq!((name.as_str(), data["from"].as_str()), ("missed", Some("0-9999-0-0-0")));
    let began = lost.began();
    assert_eq!(lost.texts(2), ["before", "lobby 1"]);
    // Also then it can come back before it has seen the first of them.
    let mut again =
        Reader::open(node.address, "/_moot/values/chat/lobby/$m?follow", &[("last-event-id", &began)]);
    assert_eq!(again.texts(2), ["before", "lobby 1"]);
}

/// A reader that loses the connection before anything is written misses nothing, nor does one that comes back with the
/// end of a block that this replica does not have yet.
#[test]
fn a_reader_knows_where_it_stands_before_the_first_value() {
    let node = TestNode::start();
    open_path(&node, "/a", "/a/$n", "true");
    let put = |n: u32| assert_eq!(node.put(&format!("/a/{n}"), b"x", Some(&ada())).status, 201);
    put(1);
    let follow =
        |from: &str| Reader::open(node.address, "/_moot/values/a/$n?follow", &[("last-event-id", from)]);
    let mut first = Reader::open(node.address, "/_moot/values/a/$n?follow", &[]);
    let began = first.began();
    assert!(began.starts_with("block-"), "{began}");
    drop(first);
    put(2);
    put(3);
    let mut back = follow(&began);
    assert_eq!(back.began(), began);
    let paths: Vec<_> = (0..2).map(|_| back.next().2["path"].as_str().unwrap().to_owned()).collect();
    assert_eq!(paths, ["/a/2", "/a/3"], "and not what was there before");
    let mut ahead = follow("block-1000000");
    assert_eq!(ahead.began(), "block-1000000");
    put(4);
    assert_eq!(back.next().2["path"], "/a/4");
    for wrong in ["block-", "block--1", "block-1x", "block-99999999999999999999"] {
        let answer = node.get(&format!("/_moot/values/a/$n?follow&from={wrong}"));
        assert_eq!((answer.status, answer.problem().as_str()), (400, "bad-request"), "{wrong}");
        assert!(answer.text().contains("block-17"), "{}", answer.text());
    }
}

/// Whoever can reach a gateway could spend what its replica has: unless the operator wants that, nobody's values are
/// refused where they are charged.
#[test]
fn a_replica_pays_for_strangers_only_if_its_operator_wants_it() {
    let node = TestNode::with(|config| config.pays_for_unsigned = false);
    open_path(&node, "/a", "/a", "true");
    let account = || node.get(&format!("/_moot/accounts/{}", node.account())).json()["balance"].clone();
    let before = account();
    let refused = node.put("/a", b"x", None);
    assert_eq!((refused.status, refused.problem().as_str()), (401, "signature-needed"));
    assert_eq!(refused.header("www-authenticate"), Some("Signature"));
    for word in ["sign the request", "pays-for-unsigned", "replica.toml"] {
        assert!(refused.text().contains(word), "{}", refused.text());
    }
    assert_eq!(account(), before);
    assert_eq!(node.put("/a", b"x", Some(&ada())).status, 201);
}

#[test]
fn hostile_paths_and_bundles_come_to_nothing() {
    let node = TestNode::start();
    open_path(&node, "/a", "/a", "auth.account != null");
    let deep = "/a".repeat(33);
    let long = format!("/a/{}", "x".repeat(129));
    let wide = "/abcdefg".repeat(65);
    for path in
        ["/a/../b", "/a//b", "/a/", "/a/%00", "/a/%2fb", "/a/b%20c", "/a/$x", deep.as_str(), &long, &wide]
    {
        let answer = node.put(path, b"x", Some(&ada()));
        assert_eq!(answer.status, 400, "{path}: {}", answer.text());
        let answer = node.get(&format!("/_moot/values{path}"));
        assert_eq!(answer.status, 400, "GET {path}: {}", answer.text());
    }
    for query in ["?follow&from=here", "?below&limit=none", "?below&limit=0"] {
        assert_eq!(node.get(&format!("/_moot/values/a{query}")).status, 400, "{query}");
    }
    assert_eq!(node.get("/_moot/values/$any/x?follow").status, 400);
    // In somebody else's name, in a function's name, and with a signature for another path.
    let send = |value: Value| {
        let network = node.genesis.network();
        let signed = bundle_by(&bob(), &network, node.height() + 100, &[Entry::Value(value)]);
        node.post("/_moot/bundles", &signed.encode())
    };
    let value = Value::new("/a/x", Payload::inlined(b"x"));
    let by_function = Value {
        function: "relay".parse().ok(),
        parent: "0-1-0-0-0".parse().ok(),
        ..value.clone().by(bob().account())
    };
    assert_eq!(send(value.clone().by(ada().account())).problem(), "bad-bundle");
    assert_eq!(send(by_function).problem(), "bad-bundle");
    let own = send(value.clone().by(bob().account())).json();
    assert_eq!(own["entries"][0]["outcome"]["status"], "recorded", "{own}");
    let nobody = send(value).json();
    let outcome = &nobody["entries"][0]["outcome"];
    assert_eq!(
        (outcome["status"].as_str(), nobody["entries"][0]["kind"].as_str()),
        (Some("refused"), Some("value"))
    );
    assert!(outcome["reason"].as_str().unwrap().contains("/a does not allow it"), "{outcome}");
}

/// A proof of the state waits for a block as long as the client says, and says what to do when none has come.
#[test]
fn a_proof_of_the_state_waits_as_long_as_it_is_asked_to() {
    let node = TestNode::start();
    open_path(&node, "/a", "/a/$n", "true");
    let ask = |wait: &str| node.ask("GET", "/_moot/state/rule/a/%24", &[("prefer", wait)], b"");
    // A rule that was set a moment ago: the root with it is in no block yet, or just now.
    let early = (0..50).find_map(|n| {
        let pattern = format!("/a/$n{n}");
        say(&node, &key(), vec![Transaction::Rule { pattern, rule: Some("true".into()) }]);
        Some(ask("wait=0")).filter(|answer| answer.status != 200)
    });
    let early = early.expect("a block does not come at once fifty times");
    assert_eq!((early.status, early.problem().as_str()), (503, "no-block-yet"));
    assert!(early.header("retry-after").is_some());
    for word in ["Prefer: wait=30", "moot status --all"] {
        assert!(early.text().contains(word), "{}", early.text());
    }
    let found = ask("wait=30");
    assert_eq!(found.status, 200, "{}", found.text());
    assert_eq!(found.json()["key"]["rule"], "/a/$", "whatever its variable is called");
    assert_eq!(node.get("/_moot/state/rule/a/$n").json()["value"], found.json()["value"]);
}

/// Four replicas: what is written at one is allowed, delivered and denied at all; large bytes stay where they were taken.
#[test]
fn values_of_one_replica_are_delivered_by_all() {
    let net = TestNet::four();
    let at = |n: usize| net.remote(n);
    let own = Transaction::Own { path: "/a".into(), owner: Some(key().account()) };
    let rule = Transaction::Rule {
        pattern: "/a/$n".into(),
        rule: Some("value_size > 4096 || value != 'no'".into()),
    };
    say(&at(0), &key(), vec![own, rule]);
    let mut readers: Vec<Reader> =
        (0..4).map(|n| Reader::open(at(n).address, "/_moot/values/a/$n?follow", &[])).collect();
    for n in 0..12usize {
        until("every replica knows the rule", || {
            let answer = at(n % 4).put(&format!("/a/{n}"), format!("value {n}").as_bytes(), Some(&ada()));
            answer.status == 201
        });
    }
    let first = readers[0].texts(12);
    for reader in &mut readers[1..] {
        assert_eq!(reader.texts(12), first, "the same order everywhere");
    }
    let large = vec![9; 20_000];
    assert_eq!(at(2).put("/a/large", &large, Some(&ada())).status, 201);
    assert_eq!(at(2).get("/_moot/values/a/large").body, large);
    until("another replica knows it", || at(1).get("/_moot/values/a/large").status != 404);
    let elsewhere = at(1).get("/_moot/values/a/large");
    assert_eq!(
        (elsewhere.status, elsewhere.problem().as_str()),
        (421, "kept-elsewhere"),
        "{}",
        elsewhere.text()
    );
}
