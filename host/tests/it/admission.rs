//! What is refused before it is compiled, and how fast.

use crate::support::{guest, host, refused};
use moot_host::{AdmissionError, Kind, Policy};
use std::fmt::Write;
use std::time::{Duration, Instant};

/// A generous bound: each of these takes milliseconds, and compiling what they describe would take minutes.
const BOUNDED: Duration = Duration::from_secs(10);

fn refused_in_time(wasm: &[u8]) -> AdmissionError {
    let start = Instant::now();
    let error = refused(wasm, &Policy::default());
    assert!(start.elapsed() < BOUNDED, "took {:?}", start.elapsed());
    error
}

fn too_much_of(what: &str, wasm: &[u8]) {
    match refused_in_time(wasm) {
        AdmissionError::TooMuch { what: found, .. } => assert!(found.contains(what), "{found}"),
        other => panic!("refused for another reason: {other}"),
    }
}

fn text(wat: &str) -> Vec<u8> {
    wat::parse_str(wat).unwrap()
}

#[test]
fn a_core_module_is_refused_with_how_to_make_a_component() {
    let error = refused_in_time(&text("(module (func (export \"run\")))"));
    assert!(matches!(error, AdmissionError::CoreModule { .. }));
    assert!(error.to_string().contains("wasm32-wasip2"), "{error}");
}

#[test]
fn a_text_file_is_refused_with_how_to_make_a_component() {
    for (bytes, says) in [
        (b"fn main() {}\n".as_slice(), "a text file"),
        (b"  (component)", "wasm-tools parse"),
        (b"", "empty"),
        (b"\x7fELF\x02\x01", "native executable"),
        (b"\x1f\x8b\x08", "compressed"),
    ] {
        let message = refused_in_time(bytes).to_string();
        assert!(message.contains(says) && message.contains("wasm32-wasip2"), "{message}");
    }
}

#[test]
fn a_truncated_component_is_refused_with_the_place() {
    let wasm = guest("hello");
    let error = refused_in_time(&wasm[..wasm.len() / 2]);
    assert!(matches!(error, AdmissionError::Invalid { offset, .. } if offset > 0), "{error}");
}

#[test]
fn a_command_line_program_is_no_function() {
    let wasm = text(
        r#"(component
            (core module $m (func (export "run") (result i32) (i32.const 0)))
            (core instance $i (instantiate $m))
            (func $run (result (result)) (canon lift (core func $i "run")))
            (instance $cli (export "run" (func $run)))
            (export "wasi:cli/run@0.2.0" (instance $cli)))"#,
    );
    let error = refused_in_time(&wasm);
    assert!(matches!(error, AdmissionError::NothingExported { .. }), "{error}");
}

#[test]
fn the_guests_are_what_they_say() {
    for (name, kind) in [("hello", Kind::Event), ("hello-http", Kind::Http), ("calculator", Kind::Typed)] {
        let inspection = host().inspect(&guest(name)).unwrap();
        assert_eq!(inspection.kind, kind, "{name}");
        assert!(inspection.functions > 0 && inspection.modules > 0);
    }
}

/// Compilers take time and memory for every function, however small: a million must not reach them.
#[test]
fn case_21_a_million_functions_are_refused_before_compilation() {
    let mut functions = vec![0u8; 0];
    leb(&mut functions, 1_000_000);
    functions.extend(std::iter::repeat_n(0u8, 1_000_000));
    // Type section: one function type without parameters or results.
    let module = module(&[(1, &[1, 0x60, 0, 0]), (3, &functions)]);
    too_much_of("functions", &component_with(&module));
}

/// Compiling is worse than linear in the size of one function.
#[test]
fn case_21_one_function_of_7_mb_is_refused_before_compilation() {
    let mut body = vec![0u8];
    body.extend(std::iter::repeat_n(0x01, 7_000_000));
    body.push(0x0b);
    let mut code = vec![1u8];
    leb(&mut code, body.len() as u32);
    code.extend(body);
    let module = module(&[(1, &[1, 0x60, 0, 0]), (3, &[1, 0]), (10, &code)]);
    too_much_of("bytes in one function", &component_with(&module));
}

/// Data segments become pages of an image that every instance maps.
#[test]
fn case_21_huge_data_segments_are_refused_before_compilation() {
    let mut data = vec![1u8, 0, 0x41, 0, 0x0b];
    leb(&mut data, 50 << 20);
    data.extend(std::iter::repeat_n(7u8, 50 << 20));
    let large = module(&[(5, &[1, 0, 1]), (11, &data)]);
    too_much_of("bytes in one data segment", &component_with(&large));

    let mut many = vec![];
    leb(&mut many, 100_000);
    many.extend(std::iter::repeat_n([0u8, 0x41, 0, 0x0b, 0], 100_000).flatten());
    let many = module(&[(5, &[1, 0, 1]), (11, &many)]);
    too_much_of("segments", &component_with(&many));

    too_much_of("bytes", &vec![0; 65 << 20]);
}

/// A tuple of tuples of tuples: thirty lines describe a type with a billion members.
#[test]
fn case_22_a_type_bomb_is_refused_in_bounded_time() {
    let mut wat = String::from("(component (type $t0 (tuple u8 u8))");
    for n in 1..40 {
        writeln!(wat, "(type $t{n} (tuple $t{0} $t{0}))", n - 1).unwrap();
    }
    wat.push(')');
    let error = refused_in_time(&text(&wat));
    assert!(matches!(error, AdmissionError::Invalid { .. }), "{error}");
    assert!(error.to_string().contains("type size"), "{error}");
}

/// The same by instances that export instances: aliases multiply what one line says.
#[test]
fn case_22_a_bomb_of_nested_aliases_is_refused_in_bounded_time() {
    let mut wat =
        String::from("(component (type $t0 (instance (export \"a\" (func)) (export \"b\" (func))))");
    for n in 1..40 {
        writeln!(
            wat,
            "(type $t{n} (instance (alias outer 1 $t{0} (type $p)) (export \"a\" (instance (type $p))) (export \"b\" (instance (type $p)))))",
            n - 1
        )
        .unwrap();
    }
    wat.push(')');
    let error = refused_in_time(&text(&wat));
    assert!(matches!(error, AdmissionError::Invalid { .. }), "{error}");
}

#[test]
fn case_22_components_nested_without_end_are_refused() {
    let mut wat = String::new();
    for _ in 0..30 {
        wat.push_str("(component ");
    }
    wat.push_str(&")".repeat(30));
    too_much_of("levels", &text(&wat));
}

#[test]
fn case_22_a_hundred_thousand_types_are_refused() {
    let mut wat = String::from("(component");
    for _ in 0..60_000 {
        wat.push_str("(type (list u8))");
    }
    wat.push(')');
    too_much_of("types", &text(&wat));
}

/// Each instance of a component's modules is made again for every call.
#[test]
fn case_20_thousands_of_instances_and_memories_are_refused() {
    let mut wat = String::from("(component (core module $m)");
    wat.push_str(&"(core instance (instantiate $m))".repeat(5_000));
    wat.push(')');
    let error = refused_in_time(&text(&wat));
    assert!(matches!(error, AdmissionError::TooMuch { .. } | AdmissionError::Invalid { .. }), "{error}");
    let memories = format!("(component (core module {}))", "(memory 1)".repeat(50));
    too_much_of("memories", &text(&memories));
    let tables = format!("(component (core module {}))", "(table 1 funcref)".repeat(90));
    too_much_of("tables", &text(&tables));
}

fn leb(out: &mut Vec<u8>, mut n: u32) {
    loop {
        let byte = (n & 0x7f) as u8;
        n >>= 7;
        out.push(if n == 0 { byte } else { byte | 0x80 });
        if n == 0 {
            return;
        }
    }
}

fn section(out: &mut Vec<u8>, id: u8, bytes: &[u8]) {
    out.push(id);
    leb(out, bytes.len() as u32);
    out.extend_from_slice(bytes);
}

/// A core module of the given sections.
fn module(sections: &[(u8, &[u8])]) -> Vec<u8> {
    let mut out = b"\0asm\x01\0\0\0".to_vec();
    for (id, bytes) in sections {
        section(&mut out, *id, bytes);
    }
    out
}

/// A component that holds a core module.
fn component_with(module: &[u8]) -> Vec<u8> {
    let mut out = b"\0asm\x0d\0\x01\0".to_vec();
    section(&mut out, 1, module);
    out
}
