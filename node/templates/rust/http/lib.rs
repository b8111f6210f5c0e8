//! Answers HTTP requests: a standard `wasi:http` proxy, which runs on any host that has that interface.

use wstd::http::{Body, Error, Request, Response, StatusCode};

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    let path = request.uri().path().to_owned();
    // The path begins with the function's route. `<route>/echo` streams the request's body back.
    if path.ends_with("/echo") {
        return Ok(Response::new(request.into_body()));
    }
    let mut response = Response::new(Body::from(format!("hello from {path}\n")));
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert("content-type", "text/plain; charset=utf-8".parse()?);
    Ok(response)
}
