//! The cases. Each says what was not as it must be.

use super::super::support::{Answer, TestNode};
use super::languages::{LITTLE_FUEL, Language, MUCH_BYTES};
use data_encoding::BASE64;
use std::net::SocketAddr;

/// One feature, and how it shows.
pub(super) struct Case {
    pub(super) feature: &'static str,
    pub(super) run: fn(&TestNode, &Language, SocketAddr) -> Result<(), String>,
}

/// All of them, as the table lists them.
pub(super) const CASES: [Case; 15] = [
    Case { feature: "event: payload in, answer out", run: event },
    Case { feature: "environment variables", run: environment },
    Case { feature: "log, and facts about the call", run: log },
    Case { feature: "failures with their kind and text", run: failure },
    Case { feature: "HTTP: path, status, headers", run: http },
    Case { feature: "HTTP: bodies streamed both ways", run: streams },
    Case { feature: "typed: integers, lists, bytes, results", run: typed_plain },
    Case { feature: "typed: enums, variants, options, tuples", run: typed_arithmetic },
    Case { feature: "typed: records, flags, characters", run: typed_orders },
    Case { feature: "key-value store", run: key_value },
    Case { feature: "outbound HTTP, granted", run: outbound_granted },
    Case { feature: "outbound HTTP, refused", run: outbound_refused },
    Case { feature: "panic or exception: trace in the log, not in the answer", run: exception },
    Case { feature: "endless loop: stopped by fuel and by deadline", run: endless },
    Case { feature: "too much memory: stopped by the limit", run: memory },
];

/// Fails with what there was and what there should have been.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: T, wanted: T) -> Result<(), String> {
    if found == wanted { Ok(()) } else { Err(format!("{what}: {found:?}, and not {wanted:?}")) }
}

fn holds(what: &str, text: &str, part: &str) -> Result<(), String> {
    if text.contains(part) { Ok(()) } else { Err(format!("{what} has no {part:?}: {text}")) }
}

fn lacks(what: &str, text: &str, part: &str) -> Result<(), String> {
    if text.contains(part) { Err(format!("{what} has {part:?}: {text}")) } else { Ok(()) }
}

fn event_call(node: &TestNode, language: &Language, name: &str, payload: &[u8]) -> Answer {
    node.post(&format!("/_moot/functions/{}-{name}/call", language.key()), payload)
}

fn event(node: &TestNode, language: &Language, _: SocketAddr) -> Result<(), String> {
    for (payload, wanted) in [("ada", "ada"), ("", "world"), (" grace\n", "grace"), ("zoë ☃", "zoë ☃")]
    {
        let answer = event_call(node, language, "hello", payload.as_bytes());
        same("status", answer.status, 200)?;
        same("answer", answer.text(), format!("good day, {wanted}\n"))?;
    }
    Ok(())
}

fn environment(node: &TestNode, language: &Language, _: SocketAddr) -> Result<(), String> {
    holds("the answer", &event_call(node, language, "hello", b"x").text(), "good day, x")
}

fn log(node: &TestNode, language: &Language, _: SocketAddr) -> Result<(), String> {
    let answer = event_call(node, language, "hello", b"lovelace");
    let call = answer.header("moot-call").unwrap_or_default().to_owned();
    let log = node.get(&format!("/_moot/functions/{}-hello/logs", language.key())).text();
    let line = log.lines().find(|line| line.contains("greets lovelace")).unwrap_or_default();
    holds("the line", line, &format!("call {call} greets lovelace"))?;
    holds("the line", line, "\"level\":\"info\"")?;
    holds("the line", line, "\"context\":\"hello\"")
}

fn failure(node: &TestNode, language: &Language, _: SocketAddr) -> Result<(), String> {
    let cases: [(&[u8], &str); 2] = [
        (&[0xff], "the payload must be a name in UTF-8"),
        (&[b'x'; 300], "the name has 300 bytes; at most 256 are greeted"),
    ];
    for (payload, detail) in cases {
        let answer = event_call(node, language, "hello", payload);
        same("status", answer.status, 422)?;
        same("problem", answer.problem(), "function-failed".to_owned())?;
        same("detail", answer.json()["detail"].as_str(), Some(detail))?;
        same("call status", answer.json()["call-status"].as_str(), Some("failed"))?;
    }
    Ok(())
}

fn http(node: &TestNode, language: &Language, _: SocketAddr) -> Result<(), String> {
    let root = format!("/{}-http", language.key());
    for path in [root.clone(), format!("{root}/x"), format!("{root}/a/b?c=d")] {
        let answer = node.get(&path);
        same("status", answer.status, 200)?;
        same("body", answer.text(), format!("hello from {}\n", path.split('?').next().unwrap_or_default()))?;
        same("content type", answer.header("content-type"), Some("text/plain; charset=utf-8"))?;
    }
    Ok(())
}

fn streams(node: &TestNode, language: &Language, _: SocketAddr) -> Result<(), String> {
    let path = format!("/{}-http/echo", language.key());
    for size in [0, 1, 70_000, 3_000_000] {
        let body: Vec<u8> = (0..size).map(|i: u32| (i % 251) as u8).collect();
        let mut conn = node.conn();
        conn.request("POST", &path, &[("te", "trailers")], &body);
        let answer = conn.answer().ok_or(format!("{size} bytes: the connection was closed"))?;
        same(&format!("status of {size} bytes"), answer.status, 200)?;
        same(&format!("{size} bytes come back"), answer.body == body, true)?;
        same("content type", answer.header("content-type"), None)?;
    }
    Ok(())
}

/// What a typed call must answer.
enum Typed {
    /// This.
    Gives(&'static str),
    /// The error of its result.
    Fails(&'static str),
}

fn typed(node: &TestNode, language: &Language, cases: &[(&str, &str, Typed)]) -> Result<(), String> {
    for (export, arguments, wanted) in cases {
        let path =
            format!("/_moot/functions/{}-calculator/call/{}", language.key(), export.replace('#', "%23"));
        let answer = node.post(&path, arguments.as_bytes());
        let what = format!("{export}({arguments})");
        match wanted {
            Typed::Gives(json) => {
                same(&format!("{what}: status of {}", answer.text()), answer.status, 200)?;
                let wanted: serde_json::Value =
                    serde_json::from_str(json).map_err(|error| error.to_string())?;
                same(&what, answer.json(), wanted)?;
            }
            Typed::Fails(detail) => {
                same(&format!("{what}: status of {}", answer.text()), answer.status, 422)?;
                holds(&what, &answer.text(), "function-failed")?;
                holds(&what, answer.json()["detail"].as_str().unwrap_or_default(), detail)?;
            }
        }
    }
    Ok(())
}

use Typed::{Fails, Gives};

fn typed_plain(node: &TestNode, language: &Language, _: SocketAddr) -> Result<(), String> {
    typed(
        node,
        language,
        &[
            ("add", "[2, 3]", Gives("5")),
            ("add", "[4294967295, 2]", Gives("1")),
            ("fibonacci", "[15]", Gives("610")),
            ("fibonacci", "[41]", Fails("n is 41; at most 40 is computed")),
            ("sum", "[[]]", Gives("0")),
            ("sum", "[[\"18446744073709551614\", 1]]", Gives("\"18446744073709551615\"")),
            ("reverse", "[\"AQID\"]", Gives("\"AwIB\"")),
            ("reverse", "[\"\"]", Gives("\"\"")),
            ("mask", "[\"AQID\", 255]", Gives("\"/v38\"")),
            ("mask", "[\"AQID\", 0]", Fails("the key 0 masks nothing")),
            ("uppercase", "[\"c3RyYXNzZQ==\"]", Gives("\"U1RSQVNTRQ==\"")),
            ("uppercase", "[\"YWL/\"]", Fails("invalid utf-8 sequence of 1 bytes from index 2")),
            ("uppercase", "[\"4pg=\"]", Fails("incomplete utf-8 byte sequence from index 0")),
            ("nothing", "[]", Gives("null")),
        ],
    )
}

fn typed_arithmetic(node: &TestNode, language: &Language, _: SocketAddr) -> Result<(), String> {
    const EVALUATE: &str = "folkmoot:calculator/arithmetic@0.1.0#evaluate";
    const DIVIDE: &str = "folkmoot:calculator/arithmetic@0.1.0#divide";
    const MEAN: &str = "folkmoot:calculator/arithmetic@0.1.0#mean";
    typed(
        node,
        language,
        &[
            (EVALUATE, r#"["add", 2, -3]"#, Gives("-1")),
            (EVALUATE, r#"["subtract", 2, -3]"#, Gives("5")),
            (EVALUATE, r#"["multiply", -4, 5]"#, Gives("-20")),
            (EVALUATE, r#"["divide", -7, 2]"#, Gives("-3")),
            (EVALUATE, r#"["divide", 7, 0]"#, Fails("division-by-zero")),
            (EVALUATE, r#"["add", "9223372036854775807", 1]"#, Fails("9223372036854775807 + 1")),
            (EVALUATE, r#"["multiply", "-9223372036854775808", -1]"#, Fails("-9223372036854775808 * -1")),
            (EVALUATE, r#"["divide", "-9223372036854775808", -1]"#, Fails("-9223372036854775808 / -1")),
            (DIVIDE, "[17, 5]", Gives(r#"[3, 2]"#)),
            (DIVIDE, "[17, 0]", Fails("division-by-zero")),
            (MEAN, "[[1, 2.5]]", Gives("1.75")),
            (MEAN, "[[]]", Gives("null")),
        ],
    )
}

fn typed_orders(node: &TestNode, language: &Language, _: SocketAddr) -> Result<(), String> {
    const TOTAL: &str = "folkmoot:calculator/orders@0.1.0#total";
    typed(
        node,
        language,
        &[
            (
                TOTAL,
                r#"[{"items": [
                    {"name": "apple", "price": 30, "quantity": 3, "discount": "nothing"},
                    {"name": "été", "price": 100, "quantity": 2, "discount": {"amount": 50}},
                    {"name": "☃", "price": 1000, "quantity": 1, "discount": {"percent": 25}},
                    {"name": "zebra", "price": 10, "quantity": 7, "discount": {"bundle": [3, 2]}}
                ], "extras": ["gift-wrap", "insured"], "note": "soon"}]"#,
                Gives(
                    r#"{"lines": [{"name": "apple", "cents": 90}, {"name": "été", "cents": 150},
                        {"name": "☃", "cents": 750}, {"name": "zebra", "cents": 50}],
                        "extras": 370, "total": 1410, "initials": ["a", "é", "☃", "z"]}"#,
                ),
            ),
            (
                TOTAL,
                r#"[{"items": [], "extras": [], "note": null}]"#,
                Gives(r#"{"lines": [], "extras": 0, "total": 0, "initials": []}"#),
            ),
            (
                TOTAL,
                r#"[{"items": [{"name": "x", "price": 1, "quantity": 1, "discount": {"bundle": [0, 1]}}],
                    "extras": [], "note": null}]"#,
                Fails("division-by-zero"),
            ),
        ],
    )
}

fn key_value(node: &TestNode, language: &Language, _: SocketAddr) -> Result<(), String> {
    for (payload, wanted) in
        [("?pears", "0"), ("pears", "1"), ("pears", "2"), ("?pears", "2"), ("-pears", "0"), ("?pears", "0")]
    {
        let answer = event_call(node, language, "counter", payload.as_bytes());
        same(&format!("status of {payload}: {}", answer.text()), answer.status, 200)?;
        same(payload, answer.text(), wanted.to_owned())?;
    }
    let refused = event_call(node, language, "counter", b" ");
    same("status of nothing", refused.status, 422)?;
    same("detail", refused.json()["detail"].as_str(), Some("the payload must name what to count"))
}

fn fetched(node: &TestNode, language: &Language, url: &str) -> Answer {
    let url = url.replace(':', "%3A").replace('/', "%2F");
    node.get(&format!("/{}-fetch/?url={url}", language.key()))
}

fn outbound_granted(node: &TestNode, language: &Language, server: SocketAddr) -> Result<(), String> {
    let plain = fetched(node, language, &format!("http://{server}/some/where"));
    same("answer", (plain.status, plain.text()), (200, "GET /some/where".to_owned()))?;
    let teapot = fetched(node, language, &format!("http://{server}/teapot"));
    same("answer", (teapot.status, teapot.text()), (418, "short and stout".to_owned()))?;
    let long = fetched(node, language, &format!("http://{server}/long"));
    same("a long body", long.text() == "0123456789".repeat(30_000), true)?;
    let missing = node.get(&format!("/{}-fetch/", language.key()));
    let wanted = "say what to fetch: ?url=https%3A%2F%2Fexample.com%2F\n";
    same("without a URL", (missing.status, missing.text()), (400, wanted.to_owned()))
}

fn outbound_refused(node: &TestNode, language: &Language, server: SocketAddr) -> Result<(), String> {
    let other = SocketAddr::from(([127, 0, 0, 1], server.port() ^ 1));
    let url = format!("http://{other}/");
    let answer = fetched(node, language, &url);
    same("status", answer.status, 502)?;
    holds("the answer", &answer.text(), &format!("{url} could not be fetched: "))
}

fn exception(node: &TestNode, language: &Language, _: SocketAddr) -> Result<(), String> {
    let function = format!("{}-calculator", language.key());
    let answer =
        node.post(&format!("/_moot/functions/{function}/call/sum"), b"[[\"18446744073709551615\", 1]]");
    same("status", answer.status, 502)?;
    same("problem", answer.problem(), "function-trapped".to_owned())?;
    same("call status", answer.json()["call-status"].as_str(), Some("trapped"))?;
    let detail = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
    lacks("the answer", &detail, "does not fit")?;
    lacks("the answer", &detail, language.source_of_calculator())?;
    let log = node.get(&format!("/_moot/functions/{function}/logs")).text();
    holds("the log", &log, "the sum does not fit 64 bits")?;
    holds("the log", &log, language.source_of_calculator())?;
    // And the next call knows nothing of it.
    same(
        "the next call",
        node.post(&format!("/_moot/functions/{function}/call/add"), b"[1, 2]").text(),
        "3".into(),
    )
}

fn endless(node: &TestNode, language: &Language, _: SocketAddr) -> Result<(), String> {
    let call = |name: &str, n: u8| {
        let path = format!("/_moot/functions/{}-{name}/call/fibonacci", language.key());
        node.post(&path, format!("[{n}]").as_bytes())
    };
    same("a short one", call("little-fuel", 15).text(), "610".to_owned())?;
    let burned = call("little-fuel", 40);
    same("by fuel", (burned.status, burned.problem()), (504, "out-of-fuel".to_owned()))?;
    same("fuel", burned.json()["fuel"].as_u64(), Some(LITTLE_FUEL))?;
    let late = call("short-time", 40);
    same("by deadline", (late.status, late.problem()), (504, "deadline-exceeded".to_owned()))
}

fn memory(node: &TestNode, language: &Language, _: SocketAddr) -> Result<(), String> {
    let path = format!("/_moot/functions/{}-little-memory/call/reverse", language.key());
    same("a little", node.post(&path, b"[\"AQID\"]").text(), "\"AwIB\"".to_owned())?;
    let much = format!("[\"{}\"]", BASE64.encode(&vec![7; MUCH_BYTES]));
    let answer = node.post(&path, much.as_bytes());
    same(&format!("status of {}", answer.text()), answer.status, 502)?;
    same("problem", answer.problem(), "limit-exceeded".to_owned())
}
