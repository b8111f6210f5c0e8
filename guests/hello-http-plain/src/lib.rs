//! Greets over HTTP by the bindings of `wasi:http` 0.2 alone: what `hello-http` says, without a library between.
//!
//! It asks the host for as little as an answer takes. Beside `hello-http` it shows what a library costs.

use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

struct Hello;

wasip2::http::proxy::export!(Hello);

impl wasip2::exports::http::incoming_handler::Guest for Hello {
    fn handle(request: IncomingRequest, answer: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        let fields = Fields::new();
        // Cannot fail: the name and the value are fit for a header, and nobody else holds the fields.
        let _ = fields.append("content-type", b"text/plain; charset=utf-8");
        let response = OutgoingResponse::new(fields);
        let body = response.body();
        ResponseOutparam::set(answer, Ok(response));
        let Ok(body) = body else { return };
        if let Ok(stream) = body.write() {
            // A reader that has gone is told nothing.
            let _ = stream.blocking_write_and_flush(format!("hello from {path}\n").as_bytes());
        }
        let _ = OutgoingBody::finish(body, None);
    }
}
