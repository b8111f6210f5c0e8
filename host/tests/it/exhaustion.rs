//! Guests that take without end: fuel, stack, memory, tables, handles, time. After each the host is unharmed.

use crate::support::{Lines, Unharmed, cx, fails, host, hostile, load, refused, resident_bytes, run};
use moot_host::{
    AdmissionError, Arguments, CallContext, Fault, FaultKind, Function, Grants, LimitKind, Limits, Policy,
};
use std::time::Duration;

fn limited(name: &str, limits: Limits) -> Function {
    load(host(), &hostile(name), Policy { limits, ..Policy::default() })
}

/// The figure is what is billed, so it must not depend on the machine: all that the call was given.
#[tokio::test]
async fn case_17_an_infinite_loop_runs_out_of_fuel_with_the_same_figure() {
    let unharmed = Unharmed::before().await;
    let function = limited("infinite-loop", Limits { fuel: 50_000_000, ..Limits::default() });
    for export in ["tight", "calling", "storing"] {
        for _ in 0..2 {
            let (fault, report) = fails(&function, export).await;
            assert_eq!(fault, Fault::OutOfFuel { limit: 50_000_000 }, "{export}");
            assert_eq!(report.fuel, 50_000_000, "{export}");
        }
    }
    unharmed.after().await;
}

#[tokio::test]
async fn case_17_a_call_may_be_given_less_fuel_than_its_function() {
    let function = limited("infinite-loop", Limits { fuel: 50_000_000, ..Limits::default() });
    let cx = CallContext { fuel: Some(1_000), ..cx() };
    let answer = function.call_typed(cx, "tight", Arguments::Json("[]")).await;
    assert_eq!(answer.result, Err(Fault::OutOfFuel { limit: 1_000 }));
}

/// A guest that computes must not keep others from running, nor outlive its deadline when it has fuel left.
#[tokio::test]
async fn case_17_a_guest_that_computes_gives_way_and_ends_at_its_deadline() {
    let limits = Limits { fuel: u64::MAX / 4, deadline: Duration::from_millis(300), ..Limits::default() };
    let function = limited("infinite-loop", limits);
    // One thread: were the guest not to give way, the timer would never be seen before the guest's end.
    let mut others = 0;
    let computing = fails(&function, "tight");
    tokio::pin!(computing);
    let (fault, report) = loop {
        tokio::select! {
            biased;
            ended = &mut computing => break ended,
            () = tokio::time::sleep(Duration::from_millis(1)) => others += 1,
        }
    };
    assert!(others > 0, "others did not run");
    assert_eq!(fault.kind(), FaultKind::Deadline);
    assert_eq!(report.fuel, u64::MAX / 4, "the count is not reliable there, so all of it is charged");
    assert!(report.duration < Duration::from_secs(20));
}

/// A stack overflow in the guest must not be one of the host.
#[tokio::test]
async fn case_18_deep_recursion_is_a_stack_trap() {
    let unharmed = Unharmed::before().await;
    let function = limited("recursion", Limits::default());
    for export in ["direct", "indirect"] {
        let (fault, report) = fails(&function, export).await;
        assert!(fault.to_string().contains("call stack is exhausted"), "{fault}");
        assert!(!fault.backtrace().is_empty());
        assert_eq!(
            report.fuel,
            Limits::default().fuel,
            "the depth differs between machines, the charge must not"
        );
    }
    unharmed.after().await;
}

/// `memory.grow` only returns -1: the error must still say what was asked and what the limit is.
#[tokio::test]
async fn case_19_memory_growth_to_4_gib_is_denied_and_explained() {
    let unharmed = Unharmed::before().await;
    let function = limited("memory-growth", Limits::default());
    let (fault, _) = fails(&function, "at-once").await;
    assert_eq!(
        fault.to_string(),
        "the guest asked for 4096 MiB of memory; its limit is 64 MiB; raise `memory` in moot.toml"
    );
    let (fault, report) = fails(&function, "page-by-page").await;
    assert!(matches!(fault, Fault::Limit { what: LimitKind::Memory, limit: 67_108_864, .. }), "{fault}");
    assert_eq!(report.peak_memory_bytes, 64 << 20);
    assert_eq!(run(&function, "polite").await.result.as_deref(), Ok("-1"), "a guest may cope with it");
    unharmed.after().await;
}

#[tokio::test]
async fn case_19_large_initial_memory_is_refused_before_compilation() {
    let error = refused(&hostile("large-initial-memory"), &Policy::default());
    assert!(matches!(error, AdmissionError::StartsTooLarge { .. }));
    assert!(error.to_string().contains("4096 MiB"), "{error}");
}

/// Two modules with 40 MiB each are 80 MiB, whichever way they are counted.
#[tokio::test]
async fn case_19_the_memory_limit_is_for_all_memories_together() {
    let function = limited("two-memories", Limits { memory_bytes: 64 << 20, ..Limits::default() });
    let (fault, _) = fails(&function, "run").await;
    assert!(
        matches!(fault, Fault::Limit { what: LimitKind::Memory, asked: Some(83_886_080), .. }),
        "{fault}"
    );
}

#[tokio::test]
async fn case_20_table_growth_is_denied() {
    let unharmed = Unharmed::before().await;
    let function = limited("table-growth", Limits::default());
    let (fault, _) = fails(&function, "run").await;
    assert!(matches!(fault, Fault::Limit { what: LimitKind::TableElements, .. }), "{fault}");
    unharmed.after().await;
}

#[tokio::test]
async fn case_20_more_instances_than_allowed_are_denied() {
    let function =
        limited("two-memories", Limits { instances: 1, memory_bytes: 1 << 30, ..Limits::default() });
    let (fault, _) = fails(&function, "run").await;
    assert!(matches!(fault, Fault::Limit { what: LimitKind::Instances, .. }), "{fault}");
}

/// What crosses the boundary becomes memory of the host.
#[tokio::test]
async fn case_24_giant_strings_over_the_boundary_trap() {
    let unharmed = Unharmed::before().await;
    let function = limited("host-call-spam", Limits::default());
    for export in ["beyond-memory", "wild"] {
        let (fault, _) = fails(&function, export).await;
        assert_eq!(fault.kind(), FaultKind::Trapped, "{export}: {fault}");
    }
    let (fault, _) = fails(&function, "giant").await;
    assert!(matches!(fault, Fault::Limit { what: LimitKind::HostCall, .. }), "{fault}");
    unharmed.after().await;
}

/// The same with what the ledger is handed.
#[tokio::test]
async fn case_24_giant_values_for_the_ledger_trap() {
    let unharmed = Unharmed::before().await;
    let grants = Grants { ledger: true, ..Grants::default() };
    let function = load(host(), &hostile("giant-values"), Policy { grants, ..Policy::default() });
    for export in ["path", "value", "answer"] {
        let (fault, report) = fails(&function, export).await;
        assert_eq!(fault.kind(), FaultKind::Trapped, "{export}: {fault}");
        assert!(export == "answer" || report.touched.is_empty(), "{export}: the ledger was asked");
    }
    unharmed.after().await;
}

/// The other way round: what a guest answers is copied out of its memory by places and lengths that it claims.
#[tokio::test]
async fn case_24_giant_answers_trap_and_are_not_copied() {
    let unharmed = Unharmed::before().await;
    let function = limited("giant-answers", Limits::default());
    for export in [
        "wild-bytes",
        "wild-numbers",
        "wild-strings",
        "wrapping-bytes",
        "wrapping-text",
        "bytes-beyond",
        "text-beyond",
        "unaligned-numbers",
    ] {
        let (fault, _) = fails(&function, export).await;
        assert_eq!(fault.kind(), FaultKind::Trapped, "{export}: {fault}");
    }
    let before = resident_bytes();
    for export in ["echoes", "flags"] {
        let (fault, _) = fails(&function, export).await;
        assert!(matches!(fault, Fault::Limit { what: LimitKind::HostCall, .. }), "{export}: {fault}");
    }
    assert!(resident_bytes() < before + (256 << 20), "6 GiB would have been copied");
    unharmed.after().await;
}

/// Host calls cost fuel like any other instruction, and the log has its cap.
#[tokio::test]
async fn case_24_host_calls_without_end_run_out_of_fuel() {
    let unharmed = Unharmed::before().await;
    let limits = Limits { fuel: 2_000_000, log_bytes: 1_000, ..Limits::default() };
    let function = limited("host-call-spam", limits);
    let lines = Lines::new();
    let cx = CallContext { logs: Some(lines.clone()), ..cx() };
    let answer = function.call_typed(cx, "endless", Arguments::Json("[]")).await;
    assert_eq!(answer.result, Err(Fault::OutOfFuel { limit: 2_000_000 }));
    let lines = lines.all();
    assert!(lines.len() <= 11, "{} lines", lines.len());
    assert!(lines.last().unwrap().contains("truncated"));
    unharmed.after().await;
}

/// The length is the guest's claim; the host must not allocate by it.
#[tokio::test]
async fn case_25_random_bytes_of_the_largest_length_are_an_error() {
    let unharmed = Unharmed::before().await;
    let grants = Grants { random: true, ..Grants::default() };
    let function = load(host(), &hostile("random"), Policy { grants, ..Policy::default() });
    for export in ["secure", "insecure"] {
        let (fault, _) = fails(&function, export).await;
        assert!(
            matches!(fault, Fault::Limit { what: LimitKind::HostCall, asked: Some(u64::MAX), .. }),
            "{fault}"
        );
    }
    let (one, two) = (run(&function, "some").await, run(&function, "some").await);
    assert_ne!(one.result.unwrap(), two.result.unwrap(), "granted randomness is real");
    unharmed.after().await;
}

/// Every handle is memory of the host that the guest's own limit does not see.
#[tokio::test]
async fn case_26_leaked_handles_end_at_the_table_s_cap() {
    let unharmed = Unharmed::before().await;
    let function = limited("handle-leak", Limits { handles: 500, ..Limits::default() });
    let (fault, _) = fails(&function, "run").await;
    assert!(matches!(fault, Fault::Limit { what: LimitKind::Handles, limit: 500, .. }), "{fault}");
    unharmed.after().await;
}

/// Header maps have panicked on too many fields before (CVE-2026-27572).
#[tokio::test]
async fn case_27_a_flood_of_header_fields_is_an_error() {
    let unharmed = Unharmed::before().await;
    let function = limited("header-flood", Limits::default());
    let answer = run(&function, "flood").await;
    match answer.result {
        Ok(text) => assert_eq!(text, "1", "the guest was given an error"),
        Err(fault) => assert!(matches!(fault, Fault::Trap { .. } | Fault::Limit { .. }), "{fault}"),
    }
    unharmed.after().await;
}

/// Framing belongs to the server: a guest that could set it could smuggle a second response.
#[tokio::test]
async fn case_33_a_guest_cannot_set_framing_fields_or_split_a_header() {
    let function = limited("header-flood", Limits::default());
    for export in ["transfer-encoding", "connection", "host", "crlf-in-value", "space-in-name"] {
        assert_eq!(run(&function, export).await.result.as_deref(), Ok("1"), "{export} was let through");
    }
    assert_eq!(run(&function, "ordinary").await.result.as_deref(), Ok("0"));
}

/// Fuel does not pass while a guest waits, so only the wall clock can end it.
#[tokio::test]
async fn case_29_sleeping_for_ever_ends_at_the_deadline() {
    let unharmed = Unharmed::before().await;
    let policy = Policy {
        grants: Grants { clock: true, ..Grants::default() },
        limits: Limits { deadline: Duration::from_millis(200), ..Limits::default() },
        deterministic: false,
    };
    let function = load(host(), &hostile("sleep"), policy);
    let (fault, report) = fails(&function, "sleep").await;
    assert_eq!(fault, Fault::Deadline { limit: Duration::from_millis(200) });
    assert!(report.duration >= Duration::from_millis(200) && report.duration < Duration::from_secs(20));
    assert!(report.fuel < 1_000_000, "waiting costs what was burned before it");
    let (fault, _) = fails(&function, "spin").await;
    assert_eq!(fault.kind(), FaultKind::Deadline);
    unharmed.after().await;
}

/// Without the clock's grant time is virtual: a wait is over at once, and moves time by what was waited for.
#[tokio::test]
async fn case_29_virtual_time_moves_by_what_is_waited_for() {
    let function = limited("sleep", Limits::default());
    let answer = run(&function, "hour").await;
    assert!(answer.result.unwrap().parse::<u64>().unwrap() >= 3_600_000_000_000);
    assert!(answer.report.duration < Duration::from_secs(60));
    assert_eq!(answer.report.touched, []);
}

/// The next instance may run in the same slot of the pool, on the pages of the last.
#[tokio::test]
async fn case_31_a_secret_left_in_memory_is_gone_in_the_next_instance() {
    let function = limited("secret", Limits::default());
    for _ in 0..20 {
        run(&function, "write").await.result.unwrap();
        assert_eq!(run(&function, "read").await.result.as_deref(), Ok("0"));
    }
}

/// A log without end fills disks.
#[tokio::test]
async fn case_34_endless_standard_output_is_truncated_at_the_cap() {
    let unharmed = Unharmed::before().await;
    let limits = Limits { fuel: 500_000, log_bytes: 64 << 10, ..Limits::default() };
    let function = limited("endless-output", limits);
    let lines = Lines::new();
    let cx = CallContext { logs: Some(lines.clone()), ..cx() };
    let answer = function.call_typed(cx, "run", Arguments::Json("[]")).await;
    assert_eq!(answer.result.unwrap_err().kind(), FaultKind::OutOfFuel);
    assert!(answer.report.log_bytes > 64 << 10);
    let kept: usize = lines.all().iter().map(String::len).sum();
    assert!(kept <= (64 << 10) + 200, "{kept} bytes kept");
    assert!(lines.all().last().unwrap().contains("64 KiB"));
    unharmed.after().await;
}
