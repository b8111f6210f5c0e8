//! Fetches the URL in its query and hands the answer on: `.../?url=https%3A%2F%2Fexample.com%2F`.
//!
//! What it may reach is not its own decision: `grants.http` in moot.toml is, and everything else is refused
//! by the host before a packet leaves.

use wstd::http::{Body, Client, Error, Request, Response, StatusCode};

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    let Some(url) = request.uri().query().and_then(|query| parameter(query, "url")) else {
        return answer(
            StatusCode::BAD_REQUEST,
            "say what to fetch: ?url=https%3A%2F%2Fexample.com%2F\n".into(),
        );
    };
    let outbound = match Request::get(url.as_str()).body(Body::empty()) {
        Ok(outbound) => outbound,
        Err(error) => return answer(StatusCode::BAD_REQUEST, format!("{url:?} is not a URL: {error}\n")),
    };
    match Client::new().send(outbound).await {
        // Status and body are passed on; headers are the other side's own business (length, encoding, cookies).
        Ok(fetched) => {
            let status = fetched.status();
            let mut response = Response::new(fetched.into_body());
            *response.status_mut() = status;
            Ok(response)
        }
        Err(error) => answer(StatusCode::BAD_GATEWAY, format!("{url} could not be fetched: {error:?}\n")),
    }
}

fn answer(status: StatusCode, text: String) -> Result<Response<Body>, Error> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    Ok(response)
}

/// The named parameter of a query, percent-decoded. `None` when it is absent or not UTF-8.
fn parameter(query: &str, name: &str) -> Option<String> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => 16 * digit(rest.next()?)? + digit(rest.next()?)?,
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}
