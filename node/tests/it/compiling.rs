//! Components that are slow to compile, or take much memory. Compilation is the one thing that a stranger can make a node do before any fuel is
//! counted, so it runs in a process of its own, which can be ended.

use super::support::{TestNode, busy};
use moot_node::worker::Compiler;
use moot_record::{FunctionKind, Spec};
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// Long enough for a small component on a machine that is busy with everything else, and far too short for a slow one.
const LIMIT: Duration = Duration::from_secs(10);
/// The longest that a call may wait meanwhile: the compiler has the machine's cores too.
const LONGEST_CALL: Duration = Duration::from_secs(5);

/// A node that compiles in processes of its own, into its own folder.
fn node(limit: Duration) -> TestNode {
    within(limit, u64::MAX)
}

fn within(time: Duration, memory: u64) -> TestNode {
    TestNode::with(|config| {
        config.code = None;
        config.compiler = Compiler::ChildProcess(env!("CARGO_BIN_EXE_moot").into());
        config.worker.compile_timeout = time;
        config.worker.compile_memory_bytes = memory;
    })
}

/// A component of some 300 KB that takes every compiler long: one function of many places, from each of which a table
/// leads to all later ones, and with many values that are alive throughout and change from place to place. Which value
/// comes from where must be found for each of them at each place, and for each way there.
fn slow_to_compile() -> Vec<u8> {
    const PLACES: usize = 600;
    const VALUES: usize = 80;
    let table = |places: usize, value: usize| {
        let targets: String = (0..=places).fold(String::new(), |mut targets, place| {
            let _ = write!(targets, "{place} ");
            targets
        });
        format!("(br_table {targets}(local.get {value}))\n")
    };
    let mut code = "(block ".repeat(PLACES) + &table(PLACES, 0);
    for place in 0..PLACES {
        let (one, other, changed) = (place * 7 % VALUES, (place * 13 + 1) % VALUES, place % VALUES);
        let _ = writeln!(code, ")(local.set {changed} (i32.add (local.get {one}) (local.get {other})))");
        code += &table(PLACES - 1 - place, place * 5 % VALUES);
    }
    let locals = "i32 ".repeat(VALUES);
    let text = format!(
        "(component (core module $m (func (export \"run\") (result i32) (local {locals}) (loop {code}) (local.get 0)))
        (core instance $i (instantiate $m))
        (func (export \"run\") (result u32) (canon lift (core func $i \"run\"))))"
    );
    wat::parse_str(text).unwrap()
}

/// The compilers that run for a node, by the folder in their command line, with their resident memory in KiB.
fn compilers(folder: &Path) -> Vec<u64> {
    let folder = folder.to_str().unwrap().as_bytes();
    let processes = std::fs::read_dir("/proc").unwrap().flatten().filter(|process| {
        let command = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        command.windows(folder.len()).any(|part| part == folder)
    });
    let resident = |process: std::fs::DirEntry| {
        let status = std::fs::read_to_string(process.path().join("status")).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).map(str::to_owned);
        line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
    };
    processes.map(resident).collect()
}

/// What compilers have left in the node's folder, but for what they have made.
fn left_behind(node: &TestNode) -> Vec<String> {
    let folder = std::fs::read_dir(node.dir.path().join("components")).unwrap().flatten();
    let names = folder.map(|entry| entry.file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".source") || name.ends_with(".new")).collect()
}

#[test]
fn case_23_a_component_made_slow_to_compile_is_stopped_and_calls_go_on() {
    // A few hundred kilobytes can keep a compiler busy for minutes, and nothing in the engine stops it.
    let node = node(LIMIT);
    node.deploy("busy", &busy(), FunctionKind::Typed, |_| {});
    let wasm = slow_to_compile();
    assert!((100_000..500_000).contains(&wasm.len()), "{} bytes", wasm.len());
    let (mut answered, mut longest, mut seen) = (0u32, Duration::ZERO, Vec::new());
    let (took, deployed) = std::thread::scope(|scope| {
        let deploying = scope.spawn(|| {
            let began = Instant::now();
            let deployed = node.try_deploy("slow", &wasm, &Spec::new(FunctionKind::Typed, "/slow"));
            (began.elapsed(), deployed)
        });
        while !deploying.is_finished() {
            let began = Instant::now();
            assert_eq!(node.post("/busy/add", b"[1, 2]").text(), "3");
            longest = longest.max(began.elapsed());
            answered += 1;
            seen.extend(compilers(node.dir.path()));
        }
        deploying.join().unwrap()
    });
    let answer = deployed.answer.unwrap_or_else(|| panic!("{}", deployed.uploaded.text()));
    assert_eq!((answer.status, answer.problem().as_str()), (422, "compile-too-slow"), "{}", answer.text());
    assert!(answer.text().contains("more than 10s"), "{}", answer.text());
    assert!((LIMIT..LIMIT * 3).contains(&took), "it was stopped after {took:?}");
    assert!(answered > 50 && longest < LONGEST_CALL, "{answered} calls, the longest of {longest:?}");
    // All that it had was in its process, and that is gone.
    assert!(seen.iter().any(|resident| *resident > 20_000), "a compiler was at work");
    assert_eq!(compilers(node.dir.path()), Vec::<u64>::new());
    assert_eq!(left_behind(&node), Vec::<String>::new());
    let functions = node.get("/_moot/functions").json()["functions"].clone();
    assert_eq!(functions.as_array().unwrap().len(), 1, "{functions}");
    node.deploy("next", &busy(), FunctionKind::Typed, |_| {});
    assert_eq!(node.post("/next/add", b"[1, 2]").text(), "3");
}

#[test]
fn case_23_what_was_too_slow_once_is_compiled_when_there_is_time() {
    let slow = node(Duration::from_millis(1));
    let spec = Spec::new(FunctionKind::Typed, "/busy");
    let answer = slow.try_deploy("busy", &busy(), &spec).answer.unwrap();
    assert_eq!((answer.status, answer.problem().as_str()), (422, "compile-too-slow"), "{}", answer.text());
    assert!(slow.get("/_moot/functions").json()["functions"].as_array().unwrap().is_empty());
    assert_eq!(left_behind(&slow), Vec::<String>::new());
    let node = TestNode::on(slow.stop(), |config| {
        config.code = None;
        config.compiler = Compiler::ChildProcess(env!("CARGO_BIN_EXE_moot").into());
    });
    node.deploy("busy", &busy(), FunctionKind::Typed, |_| {});
    assert_eq!(node.post("/busy/add", b"[1, 2]").text(), "3");
}

#[test]
fn a_component_that_takes_too_much_memory_to_compile_is_stopped() {
    // The machine's memory is everybody's: without a limit the system would end whoever has most, which may be the node.
    let node = within(LIMIT * 6, 20 << 20);
    let answer = node.try_deploy("greedy", &slow_to_compile(), &Spec::new(FunctionKind::Typed, "/greedy"));
    let answer = answer.answer.unwrap_or_else(|| panic!("{}", answer.uploaded.text()));
    assert_eq!((answer.status, answer.problem().as_str()), (422, "compile-too-large"), "{}", answer.text());
    assert!(answer.text().contains("more than 20 MiB"), "{}", answer.text());
    assert_eq!(compilers(node.dir.path()), Vec::<u64>::new());
    assert_eq!(left_behind(&node), Vec::<String>::new());
    assert!(node.get("/_moot/functions").json()["functions"].as_array().unwrap().is_empty());
}
