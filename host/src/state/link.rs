//! Links every interface that a component may import. Which of them a component is let in with is decided before, by
//! name, in [`crate::policy`]; what they give is decided by the grants in the store.

use super::State;
use super::clock::{ClockView, HasClock};
use super::random::HasRandom;
use crate::call::report::TouchKind;
use crate::{bindings, keyvalue};
use wasmtime::Engine;
use wasmtime::component::{HasSelf, Linker};
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemCtxView, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, random};
use wasmtime_wasi_http::{WasiHttp, WasiHttpView};

/// A linker with everything there is. `concurrent` adds WASI 0.3, which needs an engine with concurrency support.
pub(crate) fn linker(engine: &Engine, concurrent: bool) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    let l = &mut linker;
    wasi_0_2(l)?;
    http_0_2(l)?;
    bindings::wasi::logging::logging::add_to_linker::<_, HasSelf<State>>(l, |s| s)?;
    bindings::moot::function::context::add_to_linker::<_, HasSelf<State>>(l, |s| s)?;
    bindings::moot::function::ledger::add_to_linker::<_, HasSelf<State>>(l, |s| s)?;
    keyvalue::add_to_linker(l)?;
    if concurrent {
        wasmtime_wasi::p3::add_to_linker(l)?;
        wasmtime_wasi_http::p3::add_to_linker(l)?;
    }
    Ok(linker)
}

fn wasi_0_2(l: &mut Linker<State>) -> wasmtime::Result<()> {
    wasmtime_wasi_io::add_to_linker_async(l)?;
    cli::environment::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::exit::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::stdin::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::stdout::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::stderr::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::terminal_input::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::terminal_output::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::terminal_stdin::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::terminal_stdout::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::terminal_stderr::add_to_linker::<_, WasiCli>(l, State::cli)?;
    filesystem::preopens::add_to_linker::<_, WasiFilesystem>(l, State::filesystem)?;
    filesystem::types::add_to_linker::<_, WasiFilesystem>(l, files)?;
    clocks::wall_clock::add_to_linker::<_, HasClock>(l, clock)?;
    clocks::monotonic_clock::add_to_linker::<_, HasClock>(l, clock)?;
    random::random::add_to_linker::<_, HasRandom>(l, |s| &mut s.random)?;
    random::insecure::add_to_linker::<_, HasRandom>(l, |s| &mut s.random)?;
    random::insecure_seed::add_to_linker::<_, HasRandom>(l, |s| &mut s.random)?;
    Ok(())
}

fn http_0_2(l: &mut Linker<State>) -> wasmtime::Result<()> {
    use wasmtime_wasi_http::p2::bindings::http::{outgoing_handler, types};
    outgoing_handler::add_to_linker::<_, WasiHttp>(l, State::http)?;
    types::add_to_linker::<_, WasiHttp>(l, &types::LinkOptions::default(), State::http)?;
    Ok(())
}

fn clock(state: &mut State) -> ClockView<'_> {
    ClockView { clock: &mut state.clock, table: &mut state.table }
}

/// Every use of a file counts as a touch of all directories: descriptors do not say which one they came from.
fn files(state: &mut State) -> WasiFilesystemCtxView<'_> {
    for dir in &state.policy.grants.dirs {
        state.touched.note(TouchKind::Directory, &dir.name);
    }
    state.filesystem()
}
