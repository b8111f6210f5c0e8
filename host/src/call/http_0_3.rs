//! Guests of `wasi:http` 0.3, whose exports run concurrently with what they started.

use crate::call::http::{Incoming, unless_stopped};
use crate::call::report::Report;
use crate::call::run::{Running, Stopped, within};
use crate::state::State;
use tokio::sync::oneshot;
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p3::Request;
use wasmtime_wasi_http::p3::bindings::ServicePre;

/// Runs a guest to its end. `read` resolves when its response's body has been read or is no longer wanted: until then
/// the guest must be driven, because it writes the body after it has returned.
pub(crate) async fn serve(
    pre: ServicePre<State>,
    mut run: Running,
    incoming: Incoming,
    read: oneshot::Receiver<()>,
) -> Report {
    let Incoming { request, head, link } = incoming;
    let deadline = run.deadline();
    let store = &mut run.store;
    let work = async {
        let (request, sent) = Request::from_http(store.data_mut().http().hooks, request);
        let guest = pre.instantiate_async(&mut *store).await?;
        store.data_mut().reached = true;
        let served = async |accessor: &wasmtime::component::Accessor<State>| -> Result<(), Stopped> {
            let response = match guest.handle(accessor, request).await? {
                Ok(response) => response,
                Err(code) => {
                    // The reader may have gone.
                    let _ = head.send(Err(format!("{code:?}")));
                    return Ok(());
                }
            };
            let response = accessor.with(|mut store| response.into_http(&mut store, sent))?;
            if head.send(Ok(response)).is_ok() {
                // An error means the reader is done, too.
                let _ = read.await;
            }
            Ok(())
        };
        store.run_concurrent(served).await?
    };
    let outcome = within(deadline, unless_stopped(&link, work)).await;
    run.finish_then(outcome, |report| link.ended(report.fault.as_ref())).1
}
