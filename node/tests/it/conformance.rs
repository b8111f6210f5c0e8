//! One list of cases for the functions of every language: whoever calls a function cannot tell what it is written in.
//!
//! ```text
//! guests/<name> (Rust) ─┐
//! guests/js/<name> ─────┼─► one node ──► every case of `cases` for each language ──► table: feature by language
//! guests/python/<name> ─┤
//! guests/go/<name> ─────┘
//! ```
//!
//! Rust's guests are built by the tests themselves; the others lie in `target/guests/<language>/` when
//! `cargo xtask guests` has built them. A language whose folder is missing is left out, unless `MOOT_CONFORMANCE` (a list
//! with commas, set by `cargo xtask test`) names it: then whatever is missing is a failure.
//!
//! `MOOT_CONFORMANCE_TABLE` names a file for the table, as Markdown.

mod axum;
mod cases;
mod flask;
mod hono;
mod itty;
mod languages;
pub(crate) mod server;

use super::support::TestNode;
use cases::CASES;
use languages::Language;

/// A node that has time: an interpreter takes this build of the compiler half a minute, and other tests run beside it.
fn node() -> TestNode {
    TestNode::with(|config| config.worker.compile_timeout = std::time::Duration::from_secs(600))
}

#[test]
fn a_function_answers_alike_in_every_language() {
    let server = server::start();
    let node = node();
    let languages = Language::present();
    let mut table: Vec<(&str, Vec<String>)> = CASES.iter().map(|case| (case.feature, Vec::new())).collect();
    let mut failures = Vec::new();
    for language in &languages {
        let began = std::time::Instant::now();
        let deployed = language.deploy(&node, server);
        for (case, (_, row)) in CASES.iter().zip(&mut table) {
            // Each case says what was wrong by itself; one failure must not hide another.
            let outcome = match &deployed {
                Ok(()) => (case.run)(&node, language, server),
                Err(missing) => Err(missing.clone()),
            };
            row.push(if outcome.is_ok() { "yes".to_owned() } else { "**no**".to_owned() });
            if let Err(why) = outcome {
                failures.push(format!("{} in {}: {why}", case.feature, language.title()));
            }
        }
        println!("{}: {} cases in {:.1} s", language.title(), CASES.len(), began.elapsed().as_secs_f64());
    }
    if let Some(path) = std::env::var_os("MOOT_CONFORMANCE_TABLE") {
        std::fs::write(path, markdown(&languages, &table)).unwrap();
    }
    assert!(failures.is_empty(), "{} of the cases failed:\n{}", failures.len(), failures.join("\n"));
}

fn markdown(languages: &[Language], table: &[(&str, Vec<String>)]) -> String {
    let titles: Vec<&str> = languages.iter().map(|language| language.title()).collect();
    let mut text = format!("| | {} |\n|---|{}\n", titles.join(" | "), "---|".repeat(titles.len()));
    for (feature, row) in table {
        text += &format!("| {feature} | {} |\n", row.join(" | "));
    }
    text
}
