//! Asks another server over HTTP and hands its answer on. `grants.http` in moot.toml decides what can be reached.

use wstd::http::{Body, Client, Error, Request, Response, StatusCode};

const SERVER: &str = "https://example.com/";

#[wstd::http_server]
async fn main(_request: Request<Body>) -> Result<Response<Body>, Error> {
    match Client::new().send(Request::get(SERVER).body(Body::empty())?).await {
        // Status and body are passed on; headers are the other side's own business (length, encoding, cookies).
        Ok(fetched) => {
            let status = fetched.status();
            let mut response = Response::new(fetched.into_body());
            *response.status_mut() = status;
            Ok(response)
        }
        Err(error) => {
            let mut response = Response::new(Body::from(format!("{SERVER} could not be fetched: {error:?}\n")));
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            Ok(response)
        }
    }
}
