//! Triggers over HTTP: what makes a function run, once, with a receipt; loops, storms, crashes, several replicas.

use super::kill::Process;
use super::support::{Answer, Remote, TestNet, TestNode, guest, key, open_path, relay, say, until};
use moot_record::{Access, FunctionKind, Transaction, Trigger, TriggerAccess, TriggerOn};
use serde_json::Value;
use std::collections::BTreeSet;

fn set(called: &str, on: TriggerOn, function: &str) -> Transaction {
    let trigger = Trigger { on, function: function.parse().unwrap(), access: TriggerAccess::Anyone };
    Transaction::Trigger { name: called.parse().unwrap(), trigger: Some(trigger) }
}

fn on(pattern: &str) -> TriggerOn {
    TriggerOn::Value(pattern.into())
}

/// A node with the relay, which answers with its payload, or writes it to `/test/relay` after a `!`.
fn relay_node() -> TestNode {
    let node = TestNode::start();
    node.deploy("relay", &relay(), FunctionKind::Event, |spec| spec.grants.ledger = true);
    open_path(&node, "/test", "/test", "true");
    node
}

/// The derived calls, oldest first.
fn derived(node: &Remote) -> Vec<Value> {
    let mut list = node.get("/_moot/derived?limit=1000").json()["derived"].as_array().unwrap().clone();
    list.reverse();
    list
}

/// Waits until so many derived calls have ended, and none is open.
fn ended(node: &Remote, count: usize) -> Vec<Value> {
    let mut found = Vec::new();
    until(&format!("{count} derived calls have ended"), || {
        found = derived(node);
        found.len() >= count && found.iter().all(|one| one["state"] != "open")
    });
    assert_eq!(found.len(), count, "{found:#?}");
    found
}

fn written(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_value_makes_a_function_run_and_everybody_sees_why() {
    let node = relay_node();
    say(&node, &key(), vec![set("moderate", on("/test/$room/$m"), "relay")]);
    let list = node.get("/_moot/triggers").json();
    assert_eq!(list["triggers"][0]["name"], "moderate");
    assert_eq!(list["triggers"][0]["trigger"]["on"]["value"], "/test/$room/$m");
    let id = written(&node.put("/test/lobby/1", b"hello", Some(&key())));
    written(&node.put("/test/lobby", b"not as deep", Some(&key())));
    let one = ended(&node, 1).remove(0);
    assert_eq!((one["trigger"].as_str(), one["status"].as_str()), (Some("moderate"), Some("ok")), "{one}");
    assert_eq!(
        (one["source"].as_str(), one["at"].as_str()),
        (Some("value:/test/lobby/1"), Some(id.as_str()))
    );
    let shown = node.get(&format!("/_moot/derived/{}", one["id"].as_str().unwrap())).json();
    let call = &shown["view"];
    // Called by the trigger's owner, and the value is its parent.
    assert_eq!(
        (call["caller"].as_str(), call["parent"].as_str()),
        (Some(key().account().to_string().as_str()), Some(id.as_str()))
    );
    assert_eq!((call["receipt"]["status"].as_str(), call["id"].clone()), (Some("ok"), one["call"].clone()));
    let output = node.get(&format!("/_moot/calls/{}/output", call["id"].as_str().unwrap()));
    assert_eq!(output.text(), "hello");
    let input = node.get(&format!("/_moot/calls/{}/input", call["id"].as_str().unwrap())).text();
    for word in ["value:/test/lobby/1", "moderate", &id, one["id"].as_str().unwrap()] {
        assert!(input.contains(word), "{word} in {input}");
    }
    // The receipt's proof is like any other's.
    let file = node.get(&format!("/_moot/calls/{}/receipt?final", call["id"].as_str().unwrap()));
    moot_record::ReceiptFile::parse(&file.text()).unwrap().check(&node.genesis).unwrap();
    // It is in the state, and can be proven.
    let proof = node.get("/_moot/state/trigger/moderate");
    assert_eq!(proof.status, 200, "{}", proof.text());
    say(&node, &key(), vec![Transaction::Trigger { name: "moderate".parse().unwrap(), trigger: None }]);
    written(&node.put("/test/lobby/2", b"quiet", Some(&key())));
    assert_eq!(ended(&node, 1).len(), 1);
    for (id, status) in [("d-1-999", 404), ("d-01-0", 404), ("nonsense", 404)] {
        assert_eq!(node.get(&format!("/_moot/derived/{id}")).status, status, "{id}");
    }
}

#[test]
fn what_cannot_be_a_trigger_is_refused_with_a_reason() {
    let node = relay_node();
    node.deploy("site", &super::support::busy(), FunctionKind::Typed, |_| {});
    let refusal = |transaction: Transaction| {
        let entries = [moot_record::Entry::Transaction(transaction)];
        let signed = super::support::bundle(&node.genesis.network(), node.height() + 100, &entries);
        let answer = node.post("/_moot/bundles", &signed.encode());
        match answer.status {
            200 => answer.json()["entries"][0]["outcome"]["reason"].as_str().unwrap_or_default().to_owned(),
            _ => answer.text(),
        }
    };
    for (on, function, why) in [
        (on("/test/$x"), "site", "is not of kind event"),
        (on("/test/$x"), "nobody", "no function nobody"),
        (on("/nobodys/$x"), "relay", "nobody owns /nobodys"),
        (TriggerOn::Schedule("99 * * * *".into()), "relay", "0 to 59"),
        (TriggerOn::Schedule("0 0 30 2 *".into()), "relay", "ever comes"),
        (TriggerOn::Completion("nobody".parse().unwrap()), "relay", "no function nobody"),
    ] {
        let found = refusal(set("t", on, function));
        assert!(found.contains(why), "{why}: {found}");
    }
    let bomb = TriggerAccess::Rule("(".repeat(400));
    let trigger = Trigger { on: on("/test/$x"), function: "relay".parse().unwrap(), access: bomb };
    let found = refusal(Transaction::Trigger { name: "t".parse().unwrap(), trigger: Some(trigger) });
    assert!(found.contains("cannot be read"), "{found}");
    assert!(node.get("/_moot/triggers").json()["triggers"].as_array().unwrap().is_empty());
}

#[test]
fn a_loop_of_triggers_ends_with_a_receipt_that_says_so() {
    let node = relay_node();
    say(&node, &key(), vec![set("loop", on("/test/relay"), "relay")]);
    // Each round takes one `!` away and writes the rest.
    written(&node.put("/test/relay", b"!!!!!!!!!!!!!!!!end", Some(&key())));
    let rounds = ended(&node, 9);
    let depths: Vec<u64> = rounds.iter().map(|one| one["depth"].as_u64().unwrap()).collect();
    assert_eq!(depths, (0..9).collect::<Vec<_>>());
    assert!(rounds[..8].iter().all(|one| one["status"] == "ok"), "{rounds:#?}");
    let last = &rounds[8];
    assert_eq!(last["status"], "denied");
    assert!(last["why"].as_str().unwrap().contains("loop of triggers ends here"), "{last}");
    let output = node.get(&format!("/_moot/calls/{}/output", last["call"].as_str().unwrap()));
    assert!(output.text().contains("loop of triggers ends here"), "{}", output.text());
    assert_eq!(node.get("/_moot/values/test/relay").text(), "!!!!!!!!end");
}

#[test]
fn what_must_not_or_cannot_run_has_a_receipt_too() {
    let node = relay_node();
    node.deploy("closed", &relay(), FunctionKind::Event, |spec| {
        spec.grants.ledger = true;
        spec.access = Access::Accounts(vec![]);
    });
    node.deploy("gone", &relay(), FunctionKind::Event, |spec| {
        spec.grants.ledger = true;
        spec.lifecycle.destructible = true;
    });
    say(&node, &key(), vec![set("one", on("/test/$x"), "closed"), set("two", on("/test/$x"), "gone")]);
    say(&node, &key(), vec![Transaction::Retire { name: "gone".parse().unwrap() }]);
    // The write that fires them is none the worse.
    written(&node.put("/test/x", b"hello", Some(&key())));
    let both = ended(&node, 2);
    for (one, why) in both.iter().zip(["does not admit", "was retired"]) {
        assert_eq!(one["status"], "denied", "{one}");
        assert!(one["why"].as_str().unwrap().contains(why), "{one}");
        let output = node.get(&format!("/_moot/calls/{}/output", one["call"].as_str().unwrap()));
        assert!(output.text().contains(why), "{}", output.text());
    }
}

#[test]
fn the_end_of_a_call_and_a_schedule_make_functions_run() {
    let node = relay_node();
    node.deploy("hello", &guest("hello"), FunctionKind::Event, |_| {});
    let tick = TriggerOn::Schedule("* * * * *".into());
    say(
        &node,
        &key(),
        vec![
            set("after", TriggerOn::Completion("hello".parse().unwrap()), "relay"),
            set("tick", tick, "relay"),
        ],
    );
    let next_ms = node.get("/_moot/triggers").json()["triggers"][1]["next_ms"].as_u64().unwrap();
    let call = node.post("/hello", b"ada").header("moot-call").unwrap().to_owned();
    until("its end has fired", || {
        derived(&node).iter().any(|one| one["trigger"] == "after" && one["status"] == "ok")
    });
    let after = derived(&node).into_iter().find(|one| one["trigger"] == "after").unwrap();
    assert_eq!(
        (after["source"].as_str(), after["at"].as_str()),
        (Some(format!("completion:{call}").as_str()), Some(call.as_str()))
    );
    let output = node.get(&format!("/_moot/calls/{}/output", after["call"].as_str().unwrap())).json();
    assert_eq!(output, serde_json::json!({ "call": call, "function": "hello", "status": "ok" }));
    // Within a minute, by the time of the blocks that an idle node makes.
    until("the minute has come", || {
        derived(&node).iter().any(|one| one["trigger"] == "tick" && one["status"] == "ok")
    });
    let ticks: Vec<Value> = derived(&node).into_iter().filter(|one| one["trigger"] == "tick").collect();
    assert_eq!(
        (ticks[0]["source"].as_str(), ticks[0]["time_ms"].as_u64()),
        (Some("schedule:tick"), Some(next_ms))
    );
    let times: BTreeSet<u64> = ticks.iter().map(|tick| tick["time_ms"].as_u64().unwrap()).collect();
    assert_eq!(times.len(), ticks.len(), "once a time");
}

/// Many values at once, from many sides: one derived call each.
#[test]
fn a_storm_of_values_loses_and_doubles_nothing() {
    let node = relay_node();
    say(&node, &key(), vec![set("one", on("/test/$x"), "relay"), set("two", on("/test/$x"), "relay")]);
    std::thread::scope(|threads| {
        for thread in 0..4 {
            let node = &node;
            threads.spawn(move || {
                for n in 0..30 {
                    written(&node.put(&format!("/test/{thread}-{n}"), b"x", Some(&key())));
                }
            });
        }
    });
    let all = ended(&node, 240);
    let distinct: BTreeSet<(String, String)> = all
        .iter()
        .map(|one| (one["trigger"].as_str().unwrap().to_owned(), one["source"].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(distinct.len(), 240);
    assert!(all.iter().all(|one| one["status"] == "ok"));
    let calls: BTreeSet<&str> = all.iter().map(|one| one["call"].as_str().unwrap()).collect();
    assert_eq!(calls.len(), 240);
}

/// `kill -9` between values and what they make run: each has one call in the end, and no name is counted twice.
#[test]
fn a_crash_between_a_value_and_its_call_loses_and_doubles_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut process = Process::start(dir.path());
    process.remote.deploy("counter", &guest("counter"), FunctionKind::Event, |spec| {
        spec.grants.key_value = vec!["default".into()];
    });
    open_path(&process.remote, "/names", "/names", "true");
    say(&process.remote, &key(), vec![set("count", on("/names/$n"), "counter")]);
    let mut sent = 0;
    for cycle in 0..6u64 {
        // The answer comes as soon as the value is durable: the node dies with all of it on the way.
        for _ in 0..20 {
            let name = format!("n{sent}");
            let answer = process.remote.put_with(
                &format!("/names/{name}"),
                name.as_bytes(),
                None,
                &[("prefer", "respond-async")],
            );
            assert_eq!(answer.status, 202, "{}", answer.text());
            sent += 1;
        }
        std::thread::sleep(std::time::Duration::from_millis(cycle * 7));
        process.kill();
        process = Process::start(dir.path());
    }
    let all = ended(&process.remote, sent);
    let sources: BTreeSet<&str> = all.iter().map(|one| one["source"].as_str().unwrap()).collect();
    assert_eq!(sources.len(), sent, "each value has one derived call");
    let statuses: BTreeSet<&str> = all.iter().map(|one| one["status"].as_str().unwrap()).collect();
    assert!(statuses.is_subset(&BTreeSet::from(["ok", "interrupted"])), "{statuses:?}");
    for one in &all {
        let name = one["source"].as_str().unwrap().rsplit('/').next().unwrap();
        let count = process.remote.post("/counter", format!("?{name}").as_bytes()).text();
        match one["status"].as_str().unwrap() {
            "ok" => assert_eq!(count, "1", "{one}"),
            // It may have been counted before the crash, or not: nobody knows, and nobody tries again.
            _ => assert!(count == "0" || count == "1", "{one}: {count}"),
        }
    }
}

/// Four replicas: every derived call has one lane, one call and one receipt, and all say the same.
#[test]
fn derived_calls_are_spread_over_replicas_and_run_once() {
    let net = TestNet::four();
    net.remote(0).deploy("relay", &relay(), FunctionKind::Event, |spec| spec.grants.ledger = true);
    open_path(&net.remote(0), "/test", "/test", "true");
    say(&net.remote(0), &key(), vec![set("one", on("/test/$x"), "relay")]);
    for n in 0..16usize {
        until("every replica knows the rule", || {
            net.remote(n % 4).put(&format!("/test/{n}"), format!("v{n}").as_bytes(), Some(&key())).status
                == 201
        });
    }
    let first = ended(&net.remote(0), 16);
    let lanes: BTreeSet<u64> = first.iter().map(|one| one["lane"].as_u64().unwrap()).collect();
    assert!(lanes.len() >= 2, "{lanes:?}");
    for at in 1..4 {
        let there = ended(&net.remote(at), 16);
        for (one, other) in first.iter().zip(&there) {
            assert_eq!(
                (&one["id"], &one["call"], &one["status"]),
                (&other["id"], &other["call"], &other["status"])
            );
            assert_eq!(one["status"], "ok");
            let lane = one["call"].as_str().unwrap().split('-').next().unwrap();
            assert_eq!(one["lane"].as_u64().unwrap().to_string(), lane);
        }
    }
}

/// The chat of `guests/chat`: members speak, the moderator warns, the digest counts, and the page is served.
#[test]
fn the_chat_warns_counts_and_shows() {
    let node = TestNode::start();
    let bot = |spec: &mut moot_record::Spec| {
        spec.grants.ledger = true;
        spec.grants.key_value = vec!["chat".into()];
    };
    node.deploy("chat", &guest("chat-page"), FunctionKind::Http, |_| {});
    node.deploy("chat-moderator", &guest("chat-moderator"), FunctionKind::Event, bot);
    node.deploy("chat-digest", &guest("chat-digest"), FunctionKind::Event, bot);
    let member = format!("auth.account == '{}' && value_size <= 400", key().account());
    open_path(&node, "/chat", "/chat/$room/$message", &member);
    open_path(&node, "/chat-moderation", "/chat-moderation/$room/$m", "auth.function == 'chat-moderator'");
    open_path(&node, "/chat-digest", "/chat-digest/$day", "auth.function == 'chat-digest'");
    let every_minute = TriggerOn::Schedule("* * * * *".into());
    say(
        &node,
        &key(),
        vec![
            set("moderate", on("/chat/$room/$message"), "chat-moderator"),
            set("daily", every_minute, "chat-digest"),
        ],
    );
    written(&node.put("/chat/lobby/1", b"hello", Some(&key())));
    written(&node.put("/chat/lobby/2", b"Oh, HECK!", Some(&key())));
    assert_eq!(node.put("/chat/lobby/3", b"hi", None).status, 403);
    until("the warning", || node.get("/_moot/values/chat-moderation/lobby/2").status == 200);
    let warning = node.get("/_moot/values/chat-moderation/lobby/2");
    assert!(warning.text().contains("\"heck\": please keep it friendly"), "{}", warning.text());
    assert_eq!(warning.header("moot-function"), Some("chat-moderator"));
    assert_eq!(node.get("/_moot/values/chat-moderation/lobby/1").status, 404);
    until("the digest", || {
        let failed =
            |one: &Value| one["trigger"] == "daily" && one["state"] != "open" && one["status"] != "ok";
        assert!(!derived(&node).iter().any(failed), "{:#?}", derived(&node));
        let list = node.get("/_moot/values/chat-digest?below").json();
        list["values"].as_array().unwrap().iter().any(|digest| digest["text"] == "lobby: 2 messages")
    });
    let page = node.get("/chat");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.text().contains("EventSource"));
}
