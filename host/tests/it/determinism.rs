//! A deterministic call gives the same answer and burns the same fuel, whenever and wherever it runs.

use crate::support::{cx, event, guest, host, hostile, load};
use moot_host::{Arguments, CallContext, Grants, Host, HostConfig, Policy};

fn deterministic() -> Policy {
    Policy { deterministic: true, ..Policy::default() }
}

/// Replay compares digests: one bit that differs and an honest worker looks like a liar.
#[tokio::test]
async fn case_32_the_same_call_gives_the_same_answer_and_fuel() {
    // Another host in the same process, with another pool, as another machine would have.
    let other =
        Host::new(HostConfig { max_instances: 3, parallel_compilation: false, ..HostConfig::default() });
    let wasm = hostile("nondeterminism");
    let functions = [load(host(), &wasm, deterministic()), load(&other.unwrap(), &wasm, deterministic())];
    let call = CallContext { time_us: 1_790_000_000_000_000, seed: [9; 32], ..cx() };
    for export in ["nan", "relaxed", "wall", "mono", "random"] {
        let mut seen = Vec::new();
        for function in functions.iter().cycle().take(6) {
            let answer = function.call_typed(call.clone(), export, Arguments::Json("[]")).await;
            seen.push((answer.result.unwrap(), answer.report.fuel));
        }
        assert!(seen.iter().all(|s| *s == seen[0]), "{export}: {seen:?}");
    }
}

#[tokio::test]
async fn case_32_the_figures_are_those_of_the_call() {
    let function = load(host(), &hostile("nondeterminism"), deterministic());
    let ask = async |export: &str, seed: u8| {
        let call = CallContext { time_us: 1_790_000_000_000_000, seed: [seed; 32], ..cx() };
        // A number that JSON's readers would round is in quotes.
        let text = function.call_typed(call, export, Arguments::Json("[]")).await.result.unwrap();
        text.trim_matches('"').to_owned()
    };
    assert_eq!(ask("nan", 1).await, 0x7ff8_0000_0000_0000u64.to_string(), "the canonical NaN");
    assert_eq!(ask("relaxed", 1).await, i32::MAX.to_string(), "as the deterministic profile has it");
    assert_eq!(ask("wall", 1).await, 1_790_000_000_000_000_000u64.to_string());
    assert_ne!(ask("random", 1).await, ask("random", 2).await);
}

/// A standard library's hash maps take their order from the random source.
#[tokio::test]
async fn case_32_a_rust_guest_burns_the_same_fuel_every_time() {
    let function = load(host(), &guest("hello"), deterministic());
    let mut seen = Vec::new();
    for _ in 0..5 {
        let answer = function.call_event(cx(), event("ada")).await;
        seen.push((answer.result.unwrap(), answer.report.fuel));
    }
    assert!(seen.iter().all(|s| *s == seen[0]), "{seen:?}");
}

/// With the random grant a deterministic function may import the secure source, and still gets the call's seed.
#[tokio::test]
async fn case_32_granted_randomness_is_seeded_too() {
    let grants = Grants { random: true, clock: true, ..Grants::default() };
    let function = load(host(), &hostile("random"), Policy { grants, ..deterministic() });
    let ask = async |seed| {
        let call = CallContext { seed: [seed; 32], ..cx() };
        function.call_typed(call, "some", Arguments::Json("[]")).await
    };
    let (one, again, other) = (ask(1).await, ask(1).await, ask(2).await);
    assert_eq!(one.result, again.result);
    assert_ne!(one.result, other.result);
    assert_eq!(one.report.touched, []);
}
