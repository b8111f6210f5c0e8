//! What is charged, through the HTTP API: who pays, who cannot, what an account's statement and an invoice say.

use crate::support::{Remote, TestNode, bundle_by, busy, key, open_path, until};
use moot_record::{AccountId, Entry, FunctionKind, Keypair, Payer, Prices, Transaction, fee};
use serde_json::Value;

/// Somebody who has nothing.
fn poor() -> Keypair {
    Keypair::from_seed([77; 32])
}

fn units(value: &Value) -> u64 {
    value.as_str().unwrap_or_else(|| panic!("{value} is no number of units")).parse().unwrap()
}

fn balance(node: &Remote, account: AccountId) -> u64 {
    units(&node.get(&format!("/_moot/accounts/{account}")).json()["balance"])
}

fn reserved(node: &Remote, account: AccountId) -> u64 {
    units(&node.get(&format!("/_moot/accounts/{account}")).json()["reserved"])
}

/// A node that serves `busy`, paid by whom it says.
fn serving(payer: Payer) -> TestNode {
    let node = TestNode::start();
    node.deploy("busy", &busy(), FunctionKind::Typed, |spec| spec.payer = payer);
    node
}

/// The fee that a call's receipt states.
fn stated(node: &Remote, id: &str) -> u64 {
    let fee = node.get(&format!("/_moot/calls/{id}")).json()["receipt"]["fee"].clone();
    fee["ordering"].as_u64().unwrap() + fee["execution"].as_u64().unwrap()
}

#[test]
fn each_call_is_charged_to_the_owner_as_its_receipt_says() {
    let node = serving(Payer::Owner);
    let owner = key().account();
    let before = balance(&node, owner);
    assert!(before < 1_000_000_000_000 - busy().len() as u64, "the deploy is paid: {before}");
    let mut due = 0;
    let mut last = String::new();
    for _ in 0..10 {
        let answer =
            node.ask("POST", "/_moot/functions/busy/call/add", &[("prefer", "moot-wait=final")], b"[2, 3]");
        assert_eq!((answer.status, answer.text().as_str()), (200, "5"));
        last = answer.header("moot-call").unwrap().to_owned();
        due += stated(&node, &last);
    }
    until("everything is charged", || before - balance(&node, owner) == due);
    until("nothing is reserved", || reserved(&node, owner) == 0);
    // Ten lines at most, all of them of the function.
    let statement = node.get(&format!("/_moot/accounts/{owner}/statement?limit=200")).json();
    let lines = statement["lines"].as_array().unwrap();
    let of = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).collect::<Vec<_>>();
    let calls: u64 = of("calls").iter().map(|line| line["calls"].as_u64().unwrap()).sum();
    let paid: u64 = of("calls").iter().map(|line| units(&line["units"])).sum();
    assert_eq!((calls, paid), (10, due));
    assert!(of("calls").iter().all(|line| line["function"] == "busy" && line["paid"] == true));
    assert_eq!((of("bundle").len(), of("storage").len()), (1, 1), "{statement}");
    // The worker is the node.
    let work = node.get(&format!("/_moot/accounts/{}/statement", node.account())).json();
    assert!(work["lines"].as_array().unwrap().iter().any(|line| line["kind"] == "work"), "{work}");
    // Anyone computes the same.
    let bill = node.get(&format!("/_moot/bill?from=1&account={owner}")).json();
    let billed = bill["calls"].as_array().unwrap();
    assert_eq!((billed.len(), billed[9]["call"].as_str()), (10, Some(last.as_str())));
    let prices: Prices = serde_json::from_value(bill["prices"][0]["prices"].clone()).unwrap();
    let sum: u64 = billed
        .iter()
        .map(|one| {
            let fee = fee(&prices, one["bytes"].as_u64().unwrap(), one["fuel"].as_u64().unwrap());
            assert_eq!(
                (units(&one["stated_ordering"]), units(&one["stated_execution"])),
                (fee.ordering, fee.execution)
            );
            fee.ordering + fee.execution
        })
        .sum();
    assert_eq!(sum, due);
    let nobody = node.get(&format!("/_moot/bill?from=1&account={}", poor().account())).json();
    assert_eq!(nobody["calls"].as_array().unwrap().len(), 0);
    for wrong in ["from=x", "from=1-x", "to=-1", "account=me"] {
        let answer = node.get(&format!("/_moot/bill?{wrong}"));
        assert_eq!((answer.status, answer.problem().as_str()), (400, "bad-request"), "{wrong}");
    }
    // After a restart all of it is as it was.
    let left = balance(&node, owner);
    let node = TestNode::on(node.stop(), |_| {});
    assert_eq!(balance(&node, owner), left);
    let again = node.get(&format!("/_moot/accounts/{owner}/statement?limit=200")).json();
    assert_eq!(again["lines"], statement["lines"]);
}

/// The owner gives all it has away: the next call is told what is missing, before anything is recorded.
#[test]
fn who_cannot_pay_is_told_what_is_missing() {
    let node = serving(Payer::Owner);
    let owner = key().account();
    // What is left suffices for the bundle that gives the rest away, and for nothing after it.
    let network = node.genesis.network();
    let give = |amount| {
        let to = AccountId::from_bytes(*poor().account().as_bytes());
        let entry = Entry::Transaction(Transaction::Transfer { to, amount });
        bundle_by(&key(), &network, node.height() + 100, &[entry])
    };
    let has = balance(&node, owner);
    let costs = give(has - 1000).paid_bytes();
    let answer = node.post("/_moot/bundles", &give(has - costs - 5).encode());
    assert_eq!(answer.json()["entries"][0]["outcome"]["status"], "done", "{}", answer.text());
    assert_eq!(balance(&node, owner), 5);
    let calls = node.calls();
    let answer = node.post("/_moot/functions/busy/call/add", b"[2, 3]");
    assert_eq!((answer.status, answer.problem().as_str()), (402, "payment-required"));
    let problem = answer.json();
    let payment = &problem["payment"];
    let (needed, missing) = (units(&payment["needed"]), units(&payment["missing"]));
    assert_eq!((units(&payment["balance"]), missing), (5, needed - 5));
    assert!(needed > 10_000, "all fuel that the call may burn: {needed}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(&format!("moot transfer {owner} {missing}")), "{detail}");
    assert_eq!(node.calls(), calls, "nothing was recorded");
    // Nor is a bundle taken that could not pay for its bytes.
    let answer = node.post("/_moot/bundles", &give(1).encode());
    assert_eq!((answer.status, answer.problem().as_str()), (402, "payment-required"));
    // With what was missing it goes.
    let back = Transaction::Transfer { to: owner, amount: missing };
    let back = bundle_by(&poor(), &network, node.height() + 100, &[Entry::Transaction(back)]);
    assert_eq!(node.post("/_moot/bundles", &back.encode()).status, 200);
    assert_eq!(node.post("/_moot/functions/busy/call/add", b"[2, 3]").status, 200);
}

/// Values: who signed one pays for it, for one of nobody the replica, and who has too little is told so.
#[test]
fn a_value_is_paid_by_who_signed_it_or_by_the_replica() {
    let node = serving(Payer::Owner);
    open_path(&node, "/chat", "/chat/$room/$message", "true");
    let (owner, replica) = (key().account(), node.account());
    let before = (balance(&node, owner), balance(&node, replica));
    assert_eq!(node.put("/chat/lobby/1", b"hi", Some(&key())).status, 201);
    let paid = before.0 - balance(&node, owner);
    assert!(paid > 32, "its bytes, an account's key among them: {paid}");
    assert_eq!(node.put("/chat/lobby/1", b"hi", None).status, 201);
    assert_eq!(before.1 - balance(&node, replica), paid - 36, "without the key and two nulls");
    until("nothing is reserved", || reserved(&node, owner) + reserved(&node, replica) == 0);
    let answer = node.put("/chat/lobby/1", b"hi", Some(&poor()));
    assert_eq!((answer.status, answer.problem().as_str()), (402, "payment-required"));
    assert_eq!(units(&answer.json()["payment"]["missing"]), paid);
    let statement = node.get(&format!("/_moot/accounts/{owner}/statement?limit=200")).json();
    let lines = statement["lines"].as_array().unwrap();
    assert!(lines.iter().any(|line| line["kind"] == "values" && line["paid"] == true), "{statement}");
}

/// Calls that the caller pays: an unknown one is asked who it is, in a bundle who signed it pays.
#[test]
fn a_caller_who_pays_has_to_be_known() {
    let node = serving(Payer::Caller);
    let answer = node.post("/_moot/functions/busy/call/add", b"[2, 3]");
    assert_eq!((answer.status, answer.problem().as_str()), (401, "signature-needed"));
    let (owner, client) = (key().account(), Keypair::from_seed([21; 32]));
    let (before, clients) = (balance(&node, owner), balance(&node, client.account()));
    let mut call = node.call("busy", "add", "[2, 3]", 0);
    call.caller = Some(client.account());
    let signed =
        bundle_by(&client, &node.genesis.network(), node.height() + 100, &[Entry::Call(call.clone())]);
    let (bytes, entry) = (signed.paid_bytes(), Entry::Call(call).encode().len() as u64);
    let answer = node.post("/_moot/bundles", &signed.encode());
    let said = answer.json();
    assert_eq!(said["calls"]["run"], 1, "{said}");
    let id = said["calls"]["at"][0]["first"].as_str().unwrap().to_owned();
    until("it is run", || node.get(&format!("/_moot/calls/{id}")).json()["receipt"]["status"] == "ok");
    // The bundle's bytes, and of what the receipt states all but the call's.
    let due = bytes + stated(&node, &id) - entry;
    until("it is charged", || clients - balance(&node, client.account()) == due);
    assert_eq!(balance(&node, owner), before);
    // A bundle of somebody who has nothing is not taken.
    let mut call = node.call("busy", "add", "[2, 3]", 1);
    call.caller = Some(poor().account());
    let signed = bundle_by(&poor(), &node.genesis.network(), node.height() + 100, &[Entry::Call(call)]);
    assert_eq!(node.post("/_moot/bundles", &signed.encode()).status, 402);
}

#[test]
fn prices_are_voted_for_and_a_function_is_frozen() {
    let node = serving(Payer::Owner);
    let found = node.get("/_moot/prices").json();
    assert_eq!(
        (&found["charged"], &found["prices"]["per_byte"], &found["quorum"]),
        (&true.into(), &1.into(), &1.into())
    );
    let network = node.genesis.network();
    let say = |signer: &Keypair, transaction| {
        let bundle = bundle_by(signer, &network, node.height() + 100, &[Entry::Transaction(transaction)]);
        node.post("/_moot/bundles", &bundle.encode()).json()["entries"][0]["outcome"].clone()
    };
    let dear = Prices { per_byte: 7, per_mega_fuel: 2, per_stored_byte: 1 };
    let refused = say(&key(), Transaction::Prices { prices: dear });
    assert!(refused["reason"].as_str().unwrap().contains("committee"), "{refused}");
    let member = moot_node_key(&node);
    assert_eq!(say(&member, Transaction::Prices { prices: dear })["status"], "done");
    until("the prices are others", || node.get("/_moot/prices").json()["prices"]["per_byte"] == 7);
    let answer = node.post("/_moot/functions/busy/call/add", b"[2, 3]");
    let id = answer.header("moot-call").unwrap().to_owned();
    assert!(stated(&node, &id) > 7 * 200, "receipts state the new prices");
    let before = balance(&node, key().account());
    until("it is charged", || {
        balance(&node, key().account()) < before || reserved(&node, key().account()) == 0
    });

    assert_eq!(say(&key(), Transaction::Freeze { name: "busy".parse().unwrap() })["status"], "applied");
    assert_eq!(node.get("/_moot/functions/busy").json()["frozen"], true);
    let refused = say(&key(), Transaction::Retire { name: "busy".parse().unwrap() });
    assert!(refused["reason"].as_str().unwrap().contains("frozen"), "{refused}");
    assert_eq!(node.post("/_moot/functions/busy/call/add", b"[2, 3]").status, 200, "it answers on");
}

/// The node's own key, which votes.
fn moot_node_key(node: &TestNode) -> Keypair {
    let text = std::fs::read_to_string(node.dir.path().join("node.key")).unwrap();
    let seed = text.trim().rsplit(' ').next().unwrap();
    let seed = data_encoding::HEXLOWER.decode(seed.as_bytes()).unwrap();
    Keypair::from_seed(seed.try_into().unwrap())
}
