//! Greets over HTTP by `wasi:http` 0.3, where exports are asynchronous and bodies are streams.
//!
//! The body is written after the handler has returned its response. `.../spin` never returns, `.../trap` traps while
//! its body is being written.

use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{wit_future, wit_stream};
use wit_bindgen::spawn_local;

struct Hello;

wasip3::http::service::export!(Hello);

impl wasip3::exports::http::handler::Guest for Hello {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = request.get_path_with_query().unwrap_or_default();
        let mut spins = 0u64;
        while path.ends_with("/spin") {
            spins = std::hint::black_box(spins + 1);
        }
        let (mut writer, body) = wit_stream::new();
        let (_, no_trailers) = wit_future::new(|| Ok(None));
        let (response, _sent) = Response::new(Fields::new(), Some(body), no_trailers);
        spawn_local(async move {
            writer.write_all(format!("hello from {path}\n").into_bytes()).await;
            assert!(!path.ends_with("/trap"), "asked to");
            writer.write_all(b"and goodbye\n".to_vec()).await;
        });
        Ok(response)
    }
}
