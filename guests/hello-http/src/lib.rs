//! Greets over HTTP. A standard `wasi:http` proxy, with nothing of this platform in it.
//!
//! `.../echo` streams the request's body back as it comes; any other path is greeted.

use wstd::http::{Body, Error, Request, Response, StatusCode};

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    if request.uri().path().ends_with("/echo") {
        return Ok(Response::new(request.into_body()));
    }
    let mut response = Response::new(Body::from(format!("hello from {}\n", request.uri().path())));
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert("content-type", "text/plain; charset=utf-8".parse()?);
    Ok(response)
}
