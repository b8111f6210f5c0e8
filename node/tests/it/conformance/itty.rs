//! An unmodified application of itty-router, as its users would see it.

use super::languages::Language;
use moot_record::FunctionKind;
use serde_json::json;

#[test]
fn an_unmodified_itty_router_application_runs_as_a_function() {
    if !Language::present().contains(&Language::JavaScript) {
        return;
    }
    let component = Language::JavaScript.component("itty").unwrap();
    let node = super::node();
    node.deploy("itty", &component, FunctionKind::Http, |spec| {
        spec.grants.env = vec![("GREETING".into(), "good day".into())];
    });

    let index = node.get("/itty");
    assert_eq!((index.status, index.text().as_str()), (200, "good day from itty-router\n"));
    let books = node.get("/itty/books");
    assert_eq!(books.json(), json!([{"id": 1}, {"id": 2}]));
    assert!(books.header("content-type").unwrap().starts_with("application/json"), "{books:?}");
    assert_eq!(node.get("/itty/books/7?page=2").json(), json!({"id": "7", "page": "2"}));
    assert_eq!(node.get("/itty/files/a/b/c.txt").json(), json!({"path": "a/b/c.txt"}));

    // A body is read, and the router's own kind of error is an answer.
    let made = node.post("/itty/books", br#"{"title": "x"}"#);
    assert_eq!((made.status, made.json()), (201, json!({"made": "x"})));
    let refused = node.post("/itty/books", b"{}");
    assert_eq!(
        (refused.status, refused.json()),
        (400, json!({"status": 400, "error": "a book has a title"}))
    );
    let missing = node.get("/itty/none");
    assert_eq!((missing.status, missing.json()), (404, json!({"status": 404, "error": "no such page"})));

    // Any other error is the caller's plain 500, and the log's with its stack.
    let broken = node.get("/itty/broken");
    assert_eq!(broken.status, 500);
    assert!(!broken.text().contains("this page is broken"), "{}", broken.text());
    let log = node.get("/_moot/functions/itty/logs").text();
    assert!(log.contains("this page is broken") && log.contains("itty/src/index.ts:"), "{log}");
}
