//! A key that was revoked, over HTTP: what it signs is refused with the height, and what it owns goes on for others.

use crate::support::{Answer, Remote, TestNode, bundle, busy, deploy_bundle, key, open_path, say};
use moot_node::signature::{RequestToSign, sign};
use moot_record::{Entry, FunctionKind, Keypair, Spec, Transaction};

/// Somebody else.
fn other() -> Keypair {
    Keypair::from_seed([21; 32])
}

/// A call of the function busy, in a request that somebody signs.
pub(crate) fn call(node: &Remote, by: &Keypair) -> Answer {
    let (target, body) = ("/_moot/functions/busy/call/add", b"[2, 3]");
    let uri: http::Uri = target.parse().unwrap();
    let signed = sign(by, &RequestToSign { method: &http::Method::POST, authority: "test", uri: &uri, body });
    let headers = [
        ("signature-input", signed.signature_input.as_str()),
        ("signature", signed.signature.as_str()),
        ("content-digest", signed.content_digest.as_str()),
    ];
    node.ask("POST", target, &headers, body)
}

/// What is refused because the key that signed it was revoked at a height.
#[track_caller]
pub(crate) fn assert_revoked(answer: &Answer, height: u64) {
    assert_eq!((answer.status, answer.problem().as_str()), (403, "key-revoked"), "{}", answer.text());
    assert!(answer.text().contains(&format!("revoked at height {height}")), "{}", answer.text());
}

/// The height at which an account's key was revoked, as far as a node knows.
pub(crate) fn revoked(node: &Remote, by: &Keypair) -> Option<u64> {
    node.get(&format!("/_moot/accounts/{}", by.account())).json()["revoked"].as_u64()
}

/// Whoever has a stolen key must get nothing done with it once its owner has revoked it, whichever way it is handed in; and
/// those who rely on what the owner has deployed must not suffer.
#[test]
fn case_70_whatever_a_revoked_key_signs_is_refused_and_what_it_owns_goes_on() {
    let node = TestNode::start();
    node.deploy("busy", &busy(), FunctionKind::Typed, |_| {});
    open_path(&node, "/a", "/a/$x", "true");
    assert_eq!(call(&node, &key()).text(), "5");
    assert_eq!(node.put("/a/1", b"x", Some(&key())).status, 201);
    assert_eq!(revoked(&node, &key()), None);
    say(&node, &key(), vec![Transaction::Revoke {}]);
    let height = revoked(&node, &key()).unwrap();

    let signs = |node: &Remote| {
        let transfer = Transaction::Transfer { to: other().account(), amount: 1 };
        let said = [Entry::Transaction(transfer), Entry::Transaction(Transaction::Revoke {})];
        for entry in said {
            let signed = bundle(&node.genesis.network(), node.height() + 100, &[entry]).encode();
            assert_revoked(&node.post("/_moot/bundles", &signed), height);
            assert_revoked(&node.post("/_moot/bundles?dry-run", &signed), height);
        }
        let like = node.call("busy", "add", "[2, 3]", 0);
        let calls = bundle(&node.genesis.network(), node.height() + 100, &[Entry::Call(like)]);
        assert_revoked(&node.post("/_moot/bundles", &calls.encode()), height);
        assert_revoked(&call(node, &key()), height);
        assert_revoked(&node.put("/a/1", b"y", Some(&key())), height);
        assert_revoked(&node.upload(&busy()), height);
        let (network, until) = (node.genesis.network(), node.height() + 100);
        let spec = Spec::new(FunctionKind::Typed, "/idle");
        let upgrade = deploy_bundle(&network, until, "busy", &busy(), &spec, Some(1));
        assert_revoked(&node.post("/_moot/bundles", &upgrade.encode()), height);
        assert_eq!(node.get("/_moot/values/a/1").text(), "x");
        // For everybody else nothing has changed: the function answers, its owner pays, the rule lets them write.
        assert_eq!(
            (call(node, &other()).text(), node.post("/busy/add", b"[1, 2]").text()),
            ("5".into(), "3".into())
        );
        assert_eq!(node.put("/a/2", b"x", Some(&other())).status, 201);
        // Nobody gives it anything by mistake.
        let gift = Entry::Transaction(Transaction::Transfer { to: key().account(), amount: 1 });
        let gift = crate::support::bundle_by(&other(), &node.genesis.network(), node.height() + 100, &[gift]);
        let answer = node.post("/_moot/bundles", &gift.encode()).json();
        let outcome = &answer["entries"][0]["outcome"];
        assert!(
            outcome["status"] == "refused" && outcome["reason"].as_str().unwrap().contains("nobody can use")
        );
    };
    signs(&node);
    let dir = node.stop();
    let node = TestNode::on(dir, |_| {});
    assert_eq!(revoked(&node, &key()), Some(height));
    signs(&node);
    // The node's own key is a replica's: its lane would be void.
    let own = moot_node::keyfile::load(&node.dir.path().join("node.key")).unwrap();
    let said = Entry::Transaction(Transaction::Revoke {});
    let said = crate::support::bundle_by(&own, &node.genesis.network(), node.height() + 100, &[said]);
    let answer = node.post("/_moot/bundles", &said.encode());
    assert!(answer.text().contains("leave the committee"), "{}", answer.text());
    assert_eq!(call(&node, &other()).text(), "5");
}
