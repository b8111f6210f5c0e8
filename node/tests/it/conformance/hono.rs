//! An unmodified Hono application, as its users would see it.

use super::languages::Language;
use moot_record::FunctionKind;

#[test]
fn an_unmodified_hono_application_runs_as_a_function() {
    if Language::present().contains(&Language::JavaScript) {
        answers_as_hono_does("hono", 5_000_000);
    }
}

#[test]
fn the_same_hono_application_runs_in_quickjs() {
    if Language::present().contains(&Language::JavaScript) {
        answers_as_hono_does("hono-quickjs", 2_500_000);
    }
}

fn answers_as_hono_does(component: &str, most_fuel: u64) {
    let component = Language::JavaScript.component(component).unwrap();
    let node = super::node();
    node.deploy("hono", &component, FunctionKind::Http, |spec| {
        spec.grants.env = vec![("GREETING".into(), "good day".into())];
    });

    let index = node.get("/hono");
    assert_eq!((index.status, index.text().as_str()), (200, "good day from Hono\n"));
    let book = node.get("/hono/api/books/7?page=2");
    assert_eq!(book.json(), serde_json::json!({"id": 7, "page": "2"}));
    assert_eq!(book.header("access-control-allow-origin"), Some("*"), "the middleware ran");
    // It was warmed up with this route: much more without, when each call is the router's first.
    let fuel: u64 = book.header("moot-fuel").unwrap().parse().unwrap();
    assert!(fuel < most_fuel, "{fuel}");
    assert_eq!(node.get("/hono/api/books/seven").status, 404);
    let made = node.post("/hono/api/books", br#"{"title": "x"}"#);
    assert_eq!((made.status, made.json()["made"].as_str()), (201, Some("x")));
    assert_eq!(node.get("/hono/count").text(), "1\n2\n3\n", "a streamed body");
    let teapot = node.get("/hono/teapot");
    assert_eq!((teapot.status, teapot.text().as_str()), (418, "short and stout"));
    let missing = node.get("/hono/none");
    assert_eq!((missing.status, missing.text().as_str()), (404, "no such page\n"));

    // Hono catches what its handlers throw, and writes it to the console.
    let broken = node.get("/hono/broken");
    assert_eq!(broken.status, 500);
    assert!(!broken.text().contains("this page is broken"), "{}", broken.text());
    let log = node.get("/_moot/functions/hono/logs").text();
    assert!(log.contains("this page is broken") && log.contains("hono/src/index.ts:"), "{log}");
}
