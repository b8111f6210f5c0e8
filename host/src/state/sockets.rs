//! `wasi:sockets` 0.2, which the standard libraries of some languages import whether or not a program opens a socket.
//!
//! There is nothing behind it: every function of it ends the call with a trap that names it. None of the real
//! implementation is linked, so there is nothing that a mistake in a policy could open.

use super::State;
use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, ResourceType};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable};

/// What a handle to a socket, a network or a lookup would be. There never is one.
enum NoSocket {}

/// A linker that has what the component imports of sockets besides; none when it imports nothing of them.
pub(crate) fn stand_in(
    linker: &Linker<State>,
    component: &Component,
    engine: &Engine,
) -> wasmtime::Result<Option<Linker<State>>> {
    let mut with = None;
    for (name, item) in component.component_type().imports(engine) {
        let ComponentItem::ComponentInstance(interface) = item.ty else { continue };
        if !name.starts_with("wasi:sockets/") {
            continue;
        }
        let with: &mut Linker<State> = with.get_or_insert_with(|| linker.clone());
        let mut instance = with.instance(name)?;
        for (item_name, item) in interface.exports(engine) {
            match item.ty {
                ComponentItem::ComponentFunc(_) => {
                    let called = format!("{name}#{item_name}");
                    instance.func_new(item_name, move |_, _, _, _| {
                        Err(wasmtime::Error::msg(format!(
                            "it called {called}, and there are no sockets here: outbound HTTP goes through \
                             wasi:http/outgoing-handler"
                        )))
                    })?;
                }
                ComponentItem::Resource(_) => {
                    instance.resource(item_name, resource(item_name), |_, _| Ok(()))?;
                }
                _ => {}
            }
        }
    }
    Ok(with)
}

/// Types of `wasi:io` that an interface of sockets uses are those of `wasi:io`.
fn resource(name: &str) -> ResourceType {
    match name {
        "pollable" => ResourceType::host::<DynPollable>(),
        "input-stream" => ResourceType::host::<DynInputStream>(),
        "output-stream" => ResourceType::host::<DynOutputStream>(),
        _ => ResourceType::host::<NoSocket>(),
    }
}
