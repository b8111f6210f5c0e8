//! An ordinary axum router, as its users would see it.

use super::super::support::guest;
use moot_record::FunctionKind;

#[test]
fn an_unmodified_axum_router_runs_as_a_function() {
    let node = super::node();
    node.deploy("axum", &guest("axum-router"), FunctionKind::Http, |_| {});
    let index = node.get("/axum");
    assert_eq!((index.status, index.text().as_str()), (200, "hello from axum\n"), "{}", index.text());
    assert_eq!(index.header("x-served-by"), Some("axum"), "the middleware ran");
    let book = node.get("/axum/api/books/7?page=2");
    assert_eq!(book.json(), serde_json::json!({ "id": 7, "page": "2" }));
    assert_eq!(node.get("/axum/api/books/seven").status, 400);
    let json = [("content-type", "application/json")];
    let made = node.ask("POST", "/axum/api/books", &json, br#"{"title": "x"}"#);
    assert_eq!((made.status, made.json()["made"].as_str()), (201, Some("x")), "{}", made.text());
    assert_eq!(node.ask("POST", "/axum/api/books", &json, b"{").status, 400);
    assert_eq!(node.ask("DELETE", "/axum/api/books/7", &[], b"").status, 405);
    let missing = node.get("/axum/none");
    assert_eq!((missing.status, missing.text().as_str()), (404, "no such page\n"));
}
