//! Typed calls: a Rust guest with every shape of type, and a component nobody prepared for us.

use crate::support::{cx, guest, host, load};
use moot_host::{Arguments, FailureKind, Fault, Function, LimitKind, Limits, Policy};
use std::sync::LazyLock;
use std::time::Instant;

static CALCULATOR: LazyLock<Function> =
    LazyLock::new(|| load(host(), &guest("calculator"), Policy::default()));

async fn json(export: &str, args: &str) -> Result<String, Fault> {
    CALCULATOR.call_typed(cx(), export, Arguments::Json(args)).await.result
}

async fn wave(export: &str, args: &[&str]) -> Result<String, Fault> {
    let args = args.iter().map(|arg| (*arg).to_owned()).collect();
    CALCULATOR.call_typed(cx(), export, Arguments::Wave(args)).await.result
}

const ORDER: &str = r#"[{
    "items": [
        {"name": "Ähre", "price": 250, "quantity": 4, "discount": {"bundle": [2, 1]}},
        {"name": "bolt", "price": 99, "quantity": 100, "discount": {"percent": 10}},
        {"name": "🦀", "price": 1, "quantity": 1, "discount": "nothing"}
    ],
    "extras": ["express", "gift-wrap"]
}]"#;

#[tokio::test]
async fn calculator_by_json() {
    for (export, args, expected) in [
        ("add", "[2, 3]", "5"),
        ("sum", r#"[[1, 2, "3"]]"#, "6"),
        ("nothing", "", "null"),
        ("arithmetic#mean", "[[1, 2.5]]", "1.75"),
        ("arithmetic#mean", "[[]]", "null"),
        ("arithmetic#evaluate", r#"["divide", -7, 2]"#, "-3"),
        ("folkmoot:calculator/arithmetic@0.1.0#divide", "[7, 2]", "[3,1]"),
        ("reverse", r#"["AQID"]"#, r#""AwIB""#),
        ("reverse", "[[1, 2, 3]]", r#""AwIB""#),
        ("mask", r#"["AQID", 255]"#, r#""/v38""#),
        ("uppercase", r#"["w6Ro"]"#, r#""w4RI""#),
        (
            "total",
            ORDER,
            r#"{"lines":[{"name":"Ähre","cents":500},{"name":"bolt","cents":8910},{"name":"🦀","cents":1}],"extras":1240,"total":10651,"initials":["Ä","b","🦀"]}"#,
        ),
    ] {
        assert_eq!(json(export, args).await.unwrap(), expected, "{export}({args})");
    }
}

#[tokio::test]
async fn calculator_by_wave() {
    for (export, args, expected) in [
        ("add", &["2", "3"][..], "5"),
        ("nothing", &[], ""),
        ("mean", &["[1, 2.5]"], "some(1.75)"),
        ("mean", &["[]"], "none"),
        ("evaluate", &["divide", "-7", "2"], "-3"),
        ("divide", &["7", "2"], "(3, 1)"),
        ("reverse", &["[1, 2, 3]"], "[3, 2, 1]"),
        (
            "total",
            &[
                r#"{items: [{name: "x", price: 100, quantity: 3, discount: amount(50)}], extras: {insured}, note: "soon"}"#,
            ],
            r#"{lines: [{name: "x", cents: 250}], extras: 120, total: 370, initials: ['x']}"#,
        ),
    ] {
        assert_eq!(wave(export, args).await.unwrap(), expected, "{export}({args:?})");
    }
}

/// JavaScript's numbers end at 2^53: what they cannot hold must arrive exactly, or not at all.
#[tokio::test]
async fn case_73_integers_above_2_to_the_53_are_exact_or_an_error() {
    for (args, expected) in [
        ("[[9007199254740991]]", "9007199254740991"),
        ("[[9007199254740991, 1]]", "\"9007199254740992\""),
        ("[[9007199254740993]]", "\"9007199254740993\""),
        (r#"[["18446744073709551615"]]"#, "\"18446744073709551615\""),
        ("[[18446744073709551615]]", "\"18446744073709551615\""),
    ] {
        assert_eq!(json("sum", args).await.unwrap(), expected, "{args}");
    }
    for args in [
        "[[18446744073709551616]]",
        "[[9007199254740993.0]]",
        "[[1e300]]",
        "[[-1]]",
        r#"[["+1"]]"#,
        r#"[["0x1"]]"#,
        "[[1.5]]",
    ] {
        let fault = json("sum", args).await.unwrap_err();
        assert!(
            matches!(&fault, Fault::BadArguments { path, .. } if path == "arguments[0][0]"),
            "{args}: {fault}"
        );
    }
    // Strings are not normalised: composed and decomposed stay what they are.
    let nfd = data_encoding::BASE64.encode("a\u{308}".as_bytes());
    assert_eq!(
        json("uppercase", &format!("[{nfd:?}]")).await.unwrap(),
        format!("{:?}", data_encoding::BASE64.encode("A\u{308}".as_bytes()))
    );
    // The same of text, with and without an escape.
    for (sent, name, initial) in
        [("\u{e4}", "\u{e4}", "\u{e4}"), ("a\u{308}", "a\u{308}", "a"), (r"\u0061\u0308", "a\u{308}", "a")]
    {
        let item = format!(r#"{{"name": "{sent}", "price": 1, "quantity": 1, "discount": "nothing"}}"#);
        let bill = json("total", &format!(r#"[{{"items": [{item}], "extras": []}}]"#)).await.unwrap();
        let bill: serde_json::Value = serde_json::from_str(&bill).unwrap();
        assert_eq!((&bill["lines"][0]["name"], &bill["initials"][0]), (&name.into(), &initial.into()));
    }
}

#[tokio::test]
async fn an_error_names_the_place_and_what_would_be_right() {
    let item = |item: &str| {
        format!(
            r#"[{{"items": [{{"name": "a", "price": 1, "quantity": 1, "discount": "nothing"}}, {item}], "extras": []}}]"#
        )
    };
    for (export, args, message) in [
        ("add", "[1, \"abc\"]", r#"arguments[1]: expected u32, got "abc""#),
        ("add", "[1, -1]", "arguments[1]: expected u32, got -1"),
        ("add", "[1, 1.5]", "arguments[1]: expected u32, got 1.5"),
        ("add", "[1, null]", "arguments[1]: expected u32, got null"),
        ("add", "[1]", "arguments: expected 2 arguments for add: func(a: u32, b: u32) -> u32, got 1"),
        (
            "add",
            "[1, 2, 3, 4]",
            "arguments: expected 2 arguments for add: func(a: u32, b: u32) -> u32, got 4",
        ),
        (
            "add",
            "[1, ",
            "arguments: expected a JSON array with one element a parameter, got text that is not JSON: ",
        ),
        (
            "add",
            "[1, 2] x",
            "arguments: expected a JSON array with one element a parameter, got text that is not JSON: ",
        ),
        ("add", "{\"a\": 1}", "arguments: expected "),
        (
            "total",
            &item(r#"{"name": "b", "price": "abc", "quantity": 1, "discount": "nothing"}"#),
            r#"arguments[0].items[1].price: expected u32, got "abc""#,
        ),
        (
            "total",
            &item(r#"{"name": "b", "quantity": 1, "discount": "nothing"}"#),
            "arguments[0].items[1].price: expected u32, got nothing",
        ),
        (
            "total",
            &item(r#"{"name": "b", "prise": 1}"#),
            r#"arguments[0].items[1].prise: expected one of the fields name, price, quantity, discount (perhaps price), got "prise""#,
        ),
        (
            "total",
            &item(r#"{"name": "b", "name": "c"}"#),
            "arguments[0].items[1].name: expected each field once, got it twice",
        ),
        (
            "total",
            &item(r#"{"name": "b", "price": 1, "quantity": 1, "discount": {"percent": 300}}"#),
            "arguments[0].items[1].discount.percent: expected u8, got 300",
        ),
        (
            "total",
            &item(r#"{"name": "b", "price": 1, "quantity": 1, "discount": "percent"}"#),
            r#"arguments[0].items[1].discount: expected {"percent": u8}, got "percent""#,
        ),
        (
            "total",
            &item(r#"{"name": "b", "price": 1, "quantity": 1, "discount": {"bundle": [1]}}"#),
            "arguments[0].items[1].discount.bundle: expected tuple<u32, u32>, got an array of 1",
        ),
        (
            "total",
            r#"[{"items": [], "extras": ["expres"]}]"#,
            r#"arguments[0].extras[0]: expected one of the flags gift-wrap, express, insured (perhaps express), got "expres""#,
        ),
        (
            "evaluate",
            r#"["modulo", 1, 1]"#,
            r#"arguments[0]: expected one of add, subtract, multiply, divide, got "modulo""#,
        ),
        ("reverse", "[[1, 2, 256]]", "arguments[0][2]: expected u8, got 256"),
        (
            "reverse",
            "[\"not base64\"]",
            r#"arguments[0]: expected list<u8> (base64, or an array of numbers from 0 to 255), got "not base64""#,
        ),
    ] {
        let fault = json(export, args).await.unwrap_err();
        assert!(fault.to_string().starts_with(message), "{export}({args}):\n  {fault}\n  {message}");
    }
    for (export, args, message) in [
        ("add", &["1", "abc"][..], "arguments[1]: expected u32, got abc"),
        ("add", &["1"], "arguments: expected 2 arguments for add: func(a: u32, b: u32) -> u32, got 1"),
        ("add", &["1", "("], "arguments[1]: expected u32, got \"(\", which is not WAVE: "),
        (
            "total",
            &["{items: [], extras: {}, notes: \"x\"}"],
            "arguments[0].notes: expected one of the fields items, extras, note (perhaps note), got \"notes\"",
        ),
        (
            "total",
            &["{items: [{name: \"x\"}], extras: {}}"],
            "arguments[0].items[0].price: expected u32, got nothing",
        ),
    ] {
        let fault = wave(export, args).await.unwrap_err();
        assert!(fault.to_string().starts_with(message), "{export}({args:?}):\n  {fault}\n  {message}");
    }
}

#[tokio::test]
async fn the_error_of_a_result_is_the_functions_failure() {
    for (export, args, message) in [
        ("arithmetic#divide", "[1, 0]", r#""division-by-zero""#),
        ("evaluate", r#"["add", "9223372036854775807", 1]"#, r#"{"overflow":"9223372036854775807 + 1"}"#),
        ("mask", r#"["AQID", 0]"#, r#""the key 0 masks nothing""#),
        ("fibonacci", "[99]", r#""n is 99; at most 40 is computed""#),
    ] {
        let fault = json(export, args).await.unwrap_err();
        let Fault::Guest(failure) = &fault else { panic!("{export}: {fault}") };
        assert_eq!((failure.kind, &*failure.message), (FailureKind::Typed, message), "{export}");
    }
    let Err(Fault::Guest(failure)) = wave("arithmetic#divide", &["1", "0"]).await else { panic!() };
    assert_eq!(failure.message, "division-by-zero");
}

#[tokio::test]
async fn an_unknown_export_lists_what_there_is_and_the_nearest() {
    let fault = json("fibonaci", "[1]").await.unwrap_err();
    let text = fault.to_string();
    assert!(text.contains("there is no export fibonaci; did you mean fibonacci?"), "{text}");
    assert!(text.contains("folkmoot:calculator/orders@0.1.0#total"), "{text}");
    assert_eq!(CALCULATOR.call_typed(cx(), "fibonaci", Arguments::Json("[]")).await.report.fuel, 0);
}

#[tokio::test]
async fn the_interface_is_listed_as_wit() {
    let text = CALCULATOR.interface().to_string();
    for line in [
        "add: func(a: u32, b: u32) -> u32",
        "mask: func(data: list<u8>, key: u8) -> result<list<u8>, string>",
        "nothing: func()",
        "interface folkmoot:calculator/arithmetic@0.1.0 {",
        "  enum operation { add, subtract, multiply, divide }",
        "  variant error { division-by-zero, overflow(string) }",
        "  evaluate: func(operation: operation, a: s64, b: s64) -> result<s64, error>",
        "  record order { items: list<item>, extras: extras, note: option<string> }",
        "  total: func(order: order) -> result<bill, error>",
    ] {
        assert!(text.lines().any(|found| found == line), "{line:?} is missing in:\n{text}");
    }
}

/// 1 MiB through a value for each byte would take some 30 ms and 40 MiB; as bytes it takes well under one.
#[tokio::test]
async fn byte_lists_are_fast() {
    let bytes: Vec<u8> = (0..1 << 20).map(|n: u32| n as u8).collect();
    let args = format!("[\"{}\"]", data_encoding::BASE64.encode(&bytes));
    let call = async || CALCULATOR.call_typed(cx(), "reverse", Arguments::Json(&args)).await;
    call().await.result.unwrap();
    let started = Instant::now();
    let answer = call().await;
    let took = started.elapsed();
    let back = data_encoding::BASE64.decode(answer.result.unwrap().trim_matches('"').as_bytes()).unwrap();
    assert!(back.iter().rev().eq(&bytes));
    // The same amount as one value a byte does not even fit what a host call may carry.
    assert!(took.as_secs() < 2, "{took:?}");
    println!("1 MiB there and back: {took:?}");
}

#[tokio::test]
async fn a_result_over_the_response_limit_is_stopped() {
    let limits = Limits { response_bytes: 1_000, ..Limits::default() };
    let small = load(host(), &guest("calculator"), Policy { limits, ..Policy::default() });
    let fits = data_encoding::BASE64.encode(&[7; 700]);
    let long = data_encoding::BASE64.encode(&[7; 800]);
    assert!(small.call_typed(cx(), "reverse", Arguments::Json(&format!("[{fits:?}]"))).await.result.is_ok());
    let fault =
        small.call_typed(cx(), "reverse", Arguments::Json(&format!("[{long:?}]"))).await.result.unwrap_err();
    assert!(matches!(fault, Fault::Limit { what: LimitKind::Response, limit: 1_000, .. }), "{fault}");
}

#[tokio::test]
async fn a_panic_in_a_typed_export_is_a_trap_that_names_the_function() {
    let fault = json("sum", r#"[["18446744073709551615", 1]]"#).await.unwrap_err();
    let Fault::Trap { message, said, backtrace } = &fault else { panic!("{fault}") };
    assert!(said.contains("does not fit 64 bits"), "{said}");
    assert!(message.contains("its log") && !fault.to_string().contains("64 bits"), "{fault}");
    assert!(
        backtrace.iter().any(|frame| frame.function.as_deref().is_some_and(|name| name.contains("sum"))),
        "{backtrace:?}"
    );
}

/// Written by hand, with nothing of ours in it: nested types, memory management as naive as can be.
const FOREIGN: &str = r#"(component
  (core module $m
    (memory (export "memory") 1)
    (global $top (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
      (global.set $top (i32.add (local.get $at) (local.get 3)))
      (local.get $at))
    ;; list<option<f32>> and a char come in; the answer is a record at 16: { first: option<f32>, count: u32, letter: char }
    (func (export "first") (param $list i32) (param $len i32) (param $letter i32) (result i32)
      (i32.store8 (i32.const 16) (i32.const 0))
      (if (local.get $len) (then
        (i32.store8 (i32.const 16) (i32.load8_u (local.get $list)))
        (f32.store (i32.const 20) (f32.load offset=4 (local.get $list)))))
      (i32.store (i32.const 24) (local.get $len))
      (i32.store (i32.const 28) (local.get $letter))
      (i32.const 16))
    ;; option<option<u8>> as three flat values; the answer says how deep it is
    (func (export "depth") (param i32 i32 i32) (result i32)
      (i32.add (local.get 0) (i32.mul (local.get 0) (local.get 1))))
    (func (export "swap") (param i64 i64) (result i32)
      (i64.store (i32.const 64) (local.get 1))
      (i64.store (i32.const 72) (local.get 0))
      (i32.const 64))
    (func (export "take") (param i32)))
  (core instance $i (instantiate $m))
  (alias core export $i "memory" (core memory $memory))
  (alias core export $i "realloc" (core func $realloc))
  (type $answer (record (field "first" (option float32)) (field "count" u32) (field "letter" char)))
  (export $answer' "answer" (type $answer))
  (type $first (func (param "list" (list (option float32))) (param "letter" char) (result $answer')))
  (func $first (type $first)
    (canon lift (core func $i "first") (memory $memory) (realloc (core func $realloc))))
  (type $depth (func (param "value" (option (option u8))) (result u32)))
  (func $depth (type $depth) (canon lift (core func $i "depth")))
  (type $swap (func (param "a" s64) (param "b" u64) (result (tuple u64 s64))))
  (func $swap (type $swap) (canon lift (core func $i "swap") (memory $memory)))
  (type $handle (resource (rep i32)))
  (export $handle' "handle" (type $handle))
  (type $take (func (param "it" (own $handle'))))
  (func $take (type $take) (canon lift (core func $i "take")))
  (export "first" (func $first))
  (export "depth" (func $depth))
  (export "swap" (func $swap))
  (export "take" (func $take)))"#;

#[tokio::test]
async fn any_components_plain_exports_can_be_called() {
    let foreign = load(host(), &wat::parse_str(FOREIGN).unwrap(), Policy::default());
    let call =
        async |export: &str, args: &str| foreign.call_typed(cx(), export, Arguments::Json(args)).await.result;
    for (export, args, expected) in [
        ("first", r#"[[0.1, null], "ß"]"#, r#"{"first":0.1,"count":2,"letter":"ß"}"#),
        ("first", r#"[[null], "x"]"#, r#"{"first":null,"count":1,"letter":"x"}"#),
        ("first", r#"[[], "🦀"]"#, r#"{"first":null,"count":0,"letter":"🦀"}"#),
        ("first", r#"[["NaN"], "x"]"#, r#"{"first":"NaN","count":1,"letter":"x"}"#),
        ("first", r#"[["-Infinity"], "x"]"#, r#"{"first":"-Infinity","count":1,"letter":"x"}"#),
        ("depth", "[null]", "0"),
        ("depth", r#"[{"some": null}]"#, "1"),
        ("depth", r#"[{"some": 7}]"#, "2"),
        (
            "swap",
            r#"["-9223372036854775808", 18446744073709551615]"#,
            r#"["18446744073709551615","-9223372036854775808"]"#,
        ),
    ] {
        assert_eq!(call(export, args).await.unwrap(), expected, "{export}({args})");
    }
    for (export, args, message) in [
        ("first", r#"[[], "ab"]"#, r#"arguments[1]: expected char (a string of one character), got "ab""#),
        ("first", r#"[[], ""]"#, r#"arguments[1]: expected char (a string of one character), got """#),
        ("first", r#"[[16777217], "x"]"#, "arguments[0][0]: expected f32, got 16777217"),
        ("first", r#"[[1e300], "x"]"#, "arguments[0][0]: expected f32, got 1e300"),
        ("depth", "[7]", "arguments[0]: expected option<option<u8>> (null, or {\"some\": value}), got 7"),
        (
            "take",
            "[1]",
            "take: expected parameters and a result that are plain values, got parameter `it`, own<resource>, has a resource",
        ),
    ] {
        let text = call(export, args).await.unwrap_err().to_string();
        assert!(text.starts_with(message), "{export}({args}):\n  {text}\n  {message}");
    }
    let wave = |export: &'static str, args: &[&str]| {
        let args = Arguments::Wave(args.iter().map(|arg| (*arg).to_owned()).collect());
        foreign.call_typed(cx(), export, args)
    };
    assert_eq!(
        wave("first", &["[some(0.1), none]", "'ß'"]).await.result.unwrap(),
        "{first: some(0.1), count: 2, letter: 'ß'}"
    );
    assert_eq!(wave("depth", &["some(none)"]).await.result.unwrap(), "1");
    assert!(foreign.interface().to_string().contains("// cannot be called: parameter `it`"));
}

/// A flood of values is refused while it is read, not after it has filled the memory.
#[tokio::test]
async fn too_many_values_are_refused() {
    let many = format!("[[{}]]", vec!["0"; (1 << 20) + 10].join(","));
    let fault = json("sum", &many).await.unwrap_err();
    assert!(fault.to_string().contains("at most 1048576 values"), "{fault}");
    let deep = "[".repeat(100_000);
    assert!(matches!(json("sum", &deep).await, Err(Fault::BadArguments { .. })));
    assert!(matches!(wave("sum", &[&deep]).await, Err(Fault::BadArguments { .. })));
}
