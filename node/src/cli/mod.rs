//! The `moot` command: one file a verb.
//!
//! ```text
//! arguments ──clap──► Verb ──► verb::run ──► manifest, client, or a whole Node
//!                                  │
//!            standard output ◄─────┴─────► standard error
//!            results, --json              progress, hints, errors
//! ```
//!
//! Exit codes: 0 done, 1 not done (and `verify`: invalid), 2 the command line makes no sense.

mod account;
mod bill;
mod bindings;
mod build;
mod compile;
mod completions;
mod deploy;
mod doctor;
mod escrow;
mod failure;
mod genesis;
mod invoke;
mod join;
mod logs;
mod ls;
mod net;
mod new;
mod options;
mod owners;
mod rehearse;
mod replay;
mod retire;
mod rules;
mod show;
mod stake;
mod status;
mod terminal;
mod text;
mod toolchain;
mod transfer;
mod triggers;
mod up;
mod values;
mod verify;
mod watch;
mod worker;

use std::process::ExitCode;

use clap::builder::Styles;
use clap::builder::styling::AnsiColor;
use clap::{Parser, Subcommand};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Serverless WebAssembly components in which every call leaves evidence.
#[derive(Debug, Parser)]
#[command(
    name = "moot",
    version,
    styles = STYLES,
    max_term_width = 110,
    propagate_version = false,
    disable_help_subcommand = true,
    after_help = "First steps:\n  moot new hello && cd hello\n  moot up --deploy\n  moot invoke hello --data ada      (in another terminal)\n\n\
                  `moot VERB --help` explains a verb. `moot doctor` says what is missing on this machine."
)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    New(new::New),
    Build(build::Build),
    Bindings(bindings::Bindings),
    Up(up::Up),
    Net(net::Net),
    Join(join::Join),
    Status(status::Status),
    Worker(worker::Worker),
    Watch(watch::Watch),
    Deploy(deploy::Deploy),
    Retire(retire::Retire),
    Invoke(invoke::Invoke),
    Logs(logs::Logs),
    Ls(ls::Ls),
    Show(show::Show),
    Verify(verify::Verify),
    Replay(replay::Replay),
    Account(account::Account),
    Transfer(transfer::Transfer),
    Escrow(escrow::Escrow),
    Stake(stake::Stake),
    Bill(bill::Bill),
    Owners(owners::Owners),
    Rules(rules::Rules),
    Values(values::Values),
    Triggers(triggers::Triggers),
    Genesis(genesis::Genesis),
    Doctor(doctor::Doctor),
    Completions(completions::Completions),
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let done = match compile::asked() {
        Some(files) => compile::run(files),
        None => {
            let command = Command::parse();
            log_to_stderr();
            run(command.verb)
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}

fn run(verb: Verb) -> anyhow::Result<()> {
    match verb {
        Verb::New(verb) => verb.run(),
        Verb::Build(verb) => verb.run(),
        Verb::Bindings(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Verify(verb) => verb.run(),
        Verb::Doctor(verb) => verb.run(),
        Verb::Net(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Completions(verb) => verb.run(),
        Verb::Up(verb) => wide_runtime()?.block_on(verb.run()),
        Verb::Worker(verb) => wide_runtime()?.block_on(verb.run()),
        Verb::Watch(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Deploy(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Retire(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Invoke(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Logs(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Status(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Ls(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Show(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Replay(verb) => wide_runtime()?.block_on(verb.run()),
        Verb::Owners(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Triggers(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Values(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Rules(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Transfer(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Escrow(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Stake(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Join(verb) => wide_runtime()?.block_on(verb.run()),
        Verb::Bill(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Account(verb) => small_runtime()?.block_on(verb.run()),
        Verb::Genesis(verb) => small_runtime()?.block_on(verb.run()),
    }
}

/// For a verb that sends requests and waits.
fn small_runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// For a verb that runs functions.
fn wide_runtime() -> std::io::Result<tokio::runtime::Runtime> {
    open_as_many_files_as_allowed();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

/// Each connection and each loaded function is an open file. What a process may open at first, often 1,024, is for programs
/// that use `select`; what it may raise that to is the limit that an operator sets.
fn open_as_many_files_as_allowed() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return;
    }
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(?current, ?maximum, %error, "the limit of open files cannot be raised");
    }
}

/// What is logged when nobody chooses. Two of the named parts call their own orderly end an error, the others say with each
/// batch of traces that the collector is away, which is said once.
const USUAL_LOG: &str =
    "warn,commonware_broadcast=off,commonware_resolver=off,opentelemetry_sdk=off,opentelemetry-otlp=off";

/// `MOOT_LOG` (or `RUST_LOG`) chooses what is logged, in the form of `tracing_subscriber::EnvFilter`.
fn log_to_stderr() {
    use std::io::IsTerminal as _;
    use tracing_subscriber::filter::filter_fn;
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::util::SubscriberInitExt as _;
    let chosen = ["MOOT_LOG", "RUST_LOG"].iter().find_map(|name| std::env::var(name).ok());
    let filter = tracing_subscriber::EnvFilter::builder()
        .parse(chosen.as_deref().unwrap_or(USUAL_LOG))
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(USUAL_LOG));
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && !plain)
        .with_target(false)
        // Its complaint would be a panic when nobody reads standard error any more.
        .log_internal_errors(false);
    tracing_subscriber::registry().with(filter).with(filter_fn(keeps_secrets)).with(lines).init();
}

/// Whether something may be logged, whatever was chosen. The libraries that give guests WASI write down, at their lowest
/// levels, the strings of every host call; the path of an outbound request is one, and may hold a secret.
fn keeps_secrets(about: &tracing::Metadata<'_>) -> bool {
    *about.level() <= tracing::Level::INFO || !about.target().starts_with("wasmtime_wasi")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        Command::command().debug_assert();
    }

    #[test]
    fn a_node_may_open_as_many_files_as_its_operator_allows() {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        // Enough for the tests beside this one.
        let low = maximum.map_or(4_096, |most| most.min(4_096) - 1);
        setrlimit(Resource::Nofile, Rlimit { current: Some(low), maximum }).unwrap();
        open_as_many_files_as_allowed();
        assert_eq!(getrlimit(Resource::Nofile).current, maximum);
    }
}
