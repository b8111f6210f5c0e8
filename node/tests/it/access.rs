//! Who may call a function by its rule: over HTTP, by its name and by its route, from another function, in a client's
//! bundle, and by a trigger. What a rule says is asked of the state as it is when the call comes in.

use crate::bundles::{addresses, status};
use crate::support::{Answer, TestNode, bundle_by, busy, key, open_path, relay, say, until};
use moot_record::{
    Access, Call, Entry, FunctionKind, Keypair, Payer, Spec, Transaction, Trigger, TriggerAccess, TriggerOn,
};

/// Somebody who has nothing, at first.
fn stranger() -> Keypair {
    Keypair::from_seed([78; 32])
}

/// Deploys what anyone can call whom the rule allows.
fn deploy(node: &TestNode, name: &str, wasm: &[u8], kind: FunctionKind, rule: &str) {
    node.deploy(name, wasm, kind, |spec| {
        spec.access = Access::Rule(rule.to_owned());
        // The relay's, which is of kind event.
        spec.grants.ledger = kind == FunctionKind::Event;
    });
}

fn detail(answer: &Answer) -> String {
    answer.json()["detail"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_rule_admits_by_account_and_balance_as_they_are_now() {
    let node = TestNode::start();
    let rule = "auth.account != null && balance(auth.account) >= 100000";
    deploy(&node, "members", &relay(), FunctionKind::Event, rule);
    deploy(&node, "sums", &busy(), FunctionKind::Typed, rule);
    let ask = |by: &Keypair| {
        [
            node.signed(by, "POST", "/members/x", b"hello"),
            node.signed(by, "POST", "/sums/add", b"[1, 2]"),
            node.signed(by, "POST", "/_moot/functions/sums/call/add", b"[1, 2]"),
        ]
    };
    let calls = node.calls();
    for unsigned in
        [node.post("/members/x", b"hello"), node.post("/_moot/functions/sums/call/add", b"[1, 2]")]
    {
        assert_eq!((unsigned.status, unsigned.problem().as_str()), (401, "signature-needed"));
        assert!(detail(&unsigned).contains(rule), "{}", unsigned.text());
    }
    for poor in ask(&stranger()) {
        assert_eq!((poor.status, poor.problem().as_str()), (403, "not-allowed"), "{}", poor.text());
        assert!(detail(&poor).contains(rule) && detail(&poor).contains("says no"), "{}", poor.text());
    }
    assert_eq!(node.calls(), calls, "nothing of it is recorded");
    say(&node, &key(), vec![Transaction::Transfer { to: stranger().account(), amount: 100_000 }]);
    assert_eq!(ask(&stranger()).map(|answer| answer.text()), ["hello", "3", "3"]);
    say(&node, &stranger(), vec![Transaction::Transfer { to: key().account(), amount: 500 }]);
    assert!(ask(&stranger()).iter().all(|answer| answer.status == 403), "what it has now counts");
    // What was admitted once is paid for, whatever the rule would say later.
    until("every call is charged", || node.get("/_moot/status").json()["open_calls"] == 0);
    let bill = node.get(&format!("/_moot/bill?from=1&account={}", key().account())).json();
    assert_eq!(bill["calls"].as_array().unwrap().len(), 3, "{bill}");
}

#[test]
fn where_no_signature_could_help_none_is_asked_for_and_an_error_denies() {
    let node = TestNode::start();
    deploy(&node, "later", &busy(), FunctionKind::Typed, "now < 5 || height > 1000000000");
    let unsigned = node.post("/later/add", b"[1, 2]");
    assert_eq!((unsigned.status, unsigned.problem().as_str()), (403, "not-allowed"));
    assert!(detail(&unsigned).contains("now < 5"), "{}", unsigned.text());
    deploy(&node, "open", &busy(), FunctionKind::Typed, "now > 5 && height >= 0");
    assert_eq!(node.post("/open/add", b"[1, 2]").text(), "3", "who asks is not asked");
    deploy(
        &node,
        "broken",
        &busy(),
        FunctionKind::Typed,
        "balance(auth.account) >= 0 || 1 / (height - height) == 1",
    );
    let unsigned = node.post("/broken/add", b"[1, 2]");
    assert_eq!((unsigned.status, unsigned.problem().as_str()), (401, "signature-needed"));
    assert!(detail(&unsigned).contains("because it fails"), "{}", unsigned.text());
    // Whom a rule admits without a name cannot pay.
    node.deploy("paid", &busy(), FunctionKind::Typed, |spec| {
        spec.access = Access::Rule("auth.account == null || now > 5".into());
        spec.payer = Payer::Caller;
    });
    assert_eq!(node.post("/paid/add", b"[1, 2]").problem(), "signature-needed");
    assert_eq!(node.signed(&key(), "POST", "/paid/add", b"[1, 2]").text(), "3");
}

#[test]
fn a_rule_that_cannot_be_judged_by_is_refused_at_deploy() {
    let node = TestNode::start();
    for (rule, why) in [
        ("auth.account ==", "the rule cannot be read"),
        ("value == 1", "is not known here; there are auth, now, height"),
        ("now < 'x'", "`now` is an int, and `\\\"x\\\"` is a string"),
        ("height", "a rule comes to true or false"),
    ] {
        let mut spec = Spec::new(FunctionKind::Typed, "/busy");
        spec.access = Access::Rule(rule.to_owned());
        let answer = node.try_deploy("busy", &busy(), &spec).answer.unwrap();
        let outcome = &answer.json()["entries"][0]["outcome"];
        assert_eq!(outcome["status"], "refused", "{rule}: {}", answer.text());
        assert!(answer.text().contains(why), "{rule}: {}", answer.text());
    }
    assert_eq!(node.get("/_moot/functions/busy").status, 404);
}

#[test]
fn a_rule_tells_a_function_that_calls_from_its_owner() {
    let node = TestNode::start();
    node.deploy("relay", &relay(), FunctionKind::Event, |spec| spec.grants.ledger = true);
    deploy(&node, "inner", &relay(), FunctionKind::Event, "auth.function == 'relay'");
    deploy(&node, "none", &relay(), FunctionKind::Event, "auth.function == 'clerk'");
    assert_eq!(node.post("/relay", b"inner>ada").text(), "ada");
    assert_eq!(node.post("/relay", b"none>ada").text(), "E0", "denied");
    let direct = node.signed(&key(), "POST", "/_moot/functions/inner/call", b"ada");
    assert_eq!(direct.problem(), "not-allowed", "its owner is no function");
}

#[test]
fn calls_of_a_bundle_run_for_whom_the_rule_allows() {
    let node = TestNode::start();
    let client = Keypair::from_seed([21; 32]);
    let rule = format!("auth.account == '{}'", client.account());
    deploy(&node, "busy", &busy(), FunctionKind::Typed, &rule);
    let like = node.call("busy", "add", "[2, 3]", 0);
    let send = |by: &Keypair, caller| {
        let calls: Vec<Entry> = (0..50)
            .map(|n| Entry::Call(Call { caller, time_us: like.time_us + n, ..like.clone() }))
            .collect();
        let signed = bundle_by(by, &node.genesis.network(), node.height() + 100, &calls);
        node.post("/_moot/bundles", &signed.encode()).json()["calls"].clone()
    };
    let said = send(&client, Some(client.account()));
    assert_eq!(said["run"].as_u64(), Some(50), "{said}");
    assert!(addresses(&said).into_iter().all(|id| status(&node, id) == "ok"));
    let nameless = send(&client, None);
    let other = send(&key(), Some(key().account()));
    for said in [nameless, other] {
        assert!(said["run"].as_u64().unwrap_or_default() == 0, "{said}");
        assert!(said["recorded_only"].to_string().contains("does not admit"), "{said}");
    }
}

#[test]
fn a_trigger_runs_only_what_its_owner_may_call() {
    let node = TestNode::start();
    open_path(&node, "/test", "/test/$x", "true");
    for (name, rule) in
        [("mine", format!("auth.account == '{}'", key().account())), ("theirs", "now < 5".into())]
    {
        deploy(&node, name, &relay(), FunctionKind::Event, &rule);
        let trigger = Trigger {
            on: TriggerOn::Value("/test/$x".into()),
            function: name.parse().unwrap(),
            access: TriggerAccess::Anyone,
        };
        say(
            &node,
            &key(),
            vec![Transaction::Trigger { name: name.parse().unwrap(), trigger: Some(trigger) }],
        );
    }
    assert_eq!(node.put("/test/x", b"hello", Some(&key())).status, 201, "the write is none the worse");
    let mut of = Vec::new();
    until("one has run, and the other is said not to", || {
        let list = node.get("/_moot/derived").json()["derived"].as_array().unwrap().clone();
        of = ["mine", "theirs"]
            .map(|name| list.iter().find(|one| one["function"] == name).cloned().unwrap_or_default())
            .to_vec();
        of[0]["status"] == "ok" && of[1].is_object()
    });
    assert_eq!(of[1]["state"], "dropped", "{}", of[1]);
    assert!(of[1]["why"].as_str().unwrap().contains("does not admit the trigger's owner"), "{}", of[1]);
}
