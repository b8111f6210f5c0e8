//! An unmodified Flask application, as its users would see it.

use super::super::support::Answer;
use super::languages::Language;
use moot_record::FunctionKind;

#[test]
fn an_unmodified_flask_application_runs_as_a_function() {
    if !Language::present().contains(&Language::Python) {
        return;
    }
    let component = Language::Python.component("flask").unwrap();
    let node = super::node();
    node.deploy("flask", &component, FunctionKind::Http, |spec| spec.grants.random = true);

    let index = node.get("/flask/");
    assert_eq!((index.status, index.text().as_str()), (200, "<h1>Shop</h1><p>apple</p><p>pear</p>"));
    assert_eq!(index.header("content-type"), Some("text/html; charset=utf-8"));
    let item = node.get("/flask/items/apple");
    assert_eq!(
        item.json(),
        serde_json::json!({"name": "apple", "price": 30, "url": "/flask/items/apple"}),
        "it knows its own root"
    );
    let missing = node.get("/flask/items/plum");
    assert_eq!((missing.status, missing.json()["error"].as_str()), (404, Some("there is no plum")));
    assert_eq!(node.get("/flask/nowhere").status, 404);
    assert_eq!(node.ask("DELETE", "/flask/orders", &[], b"").status, 405);

    let json = [("content-type", "application/json")];
    let order = node.ask("POST", "/flask/orders", &json, br#"{"apple": 2, "pear": 1}"#);
    assert_eq!((order.status, order.json()["total"].as_u64()), (201, Some(105)));
    assert_eq!(node.ask("POST", "/flask/orders", &json, b"{").status, 400);

    // A session lives in a signed cookie: nothing is remembered here.
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let put = node.ask("POST", "/flask/basket", &form, b"item=pear");
    assert_eq!((put.status, put.header("location")), (302, Some("/flask/basket")));
    let session = put.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    assert_eq!(
        node.ask("GET", "/flask/basket", &[("cookie", &session)], b"").json(),
        serde_json::json!(["pear"])
    );
    assert_eq!(node.get("/flask/basket").json(), serde_json::json!([]));

    let broken: Answer = node.get("/flask/broken");
    assert_eq!(broken.status, 500);
    assert!(!broken.text().contains("this page is broken"), "{}", broken.text());
    let log = node.get("/_moot/functions/flask/logs").text();
    assert!(log.contains("this page is broken") && log.contains("shop.py"), "{log}");
    assert!(log.contains("ordered {'apple': 2, 'pear': 1}"), "{log}");
}
