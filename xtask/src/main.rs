//! `cargo xtask`: the project's chores, each a verb. It installs what a chore needs, says what it is doing and
//! how long that took, and exits with the chore's own verdict.
//!
//! Nothing here knows how Folkmoot works: it drives cargo, and the `moot` binary as a user would.

mod counts;
mod demo;
mod guests;
mod js;
mod load;
mod python;
mod rooms;
mod step;
mod suite;
mod toolchain;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <verb>

  demo              build, start a node, deploy a function, call it, verify its receipt offline
  test [part...]    install what the tests need, check format and lints, run every test
                    parts: format rooms lint guests wasm32 deny rust languages js python (default: all of them)
  guests [language...] [--measure[=part]]
                    build the example functions in other languages than Rust, where something changed; with
                    --measure write the tables in guests/README.md (release build), with a part only print it:
                    conformance figures density hono
  load [--json]     throughput and latency over HTTP with the durable ledger on (release build)
  load --order      what four replicas order of client-signed bundles, and how soon; the plot goes to
                    benches/results/order.svg
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let verdict = match arguments.split_first() {
        Some((verb, rest)) if verb == "demo" => demo::run_demo(rest),
        Some((verb, rest)) if verb == "test" => suite::test(rest),
        Some((verb, rest)) if verb == "guests" => guests::run(rest),
        Some((verb, rest)) if verb == "load" => load::run_harness(rest),
        Some((verb, _)) if verb == "help" || verb == "--help" || verb == "-h" => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        other => {
            if let Some((verb, _)) = other {
                eprintln!("there is no verb '{verb}'\n");
            }
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match verdict {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nfailed: {error:#}");
            ExitCode::FAILURE
        }
    }
}
