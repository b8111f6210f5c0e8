//! Serves the page of the chat: plain HTML and JavaScript, which speaks to the node's API by itself.

use wstd::http::{Body, Error, Request, Response, StatusCode};

const PAGE: &str = include_str!("page.html");

#[wstd::http_server]
async fn main(_request: Request<Body>) -> Result<Response<Body>, Error> {
    let mut response = Response::new(Body::from(PAGE));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert("content-type", "text/html; charset=utf-8".parse()?);
    headers.insert("content-security-policy", "default-src 'self' 'unsafe-inline'".parse()?);
    Ok(response)
}
