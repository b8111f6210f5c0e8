//! What goes into a call: the bytes that are recorded, and what the host makes of them.
//!
//! A call is run from what was recorded, the first time as well as after a crash or in a replay: so they cannot
//! differ.
//!
//! ```text
//!  request ──► HttpRequestHead || body ──► payload (digest on the ledger, bytes beside it)
//!                                             └──► http::Request for the guest
//! ```

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use moot_host::Event;
use moot_record::{EventInput, HttpField, HttpRequestHead};

/// A stored input that cannot be read back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the recorded input is not one of a {kind} call: {reason}")]
pub struct BadInput {
    kind: &'static str,
    reason: String,
}

fn bad(kind: &'static str) -> impl Fn(&dyn std::fmt::Display) -> BadInput {
    move |reason| BadInput { kind, reason: reason.to_string() }
}

/// Headers that are about a connection, not about a request (RFC 9110, section 7.6.1), and are not passed on.
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::EXPECT,
];

/// The payload of an HTTP call, and where in it the body starts.
pub(crate) fn of_http(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> (Bytes, usize) {
    let mut fields = Vec::with_capacity(headers.len() + 1);
    if let (false, Some(authority)) = (headers.contains_key(header::HOST), uri.authority()) {
        // HTTP/2 says it in a pseudo-header.
        fields.push(HttpField { name: "host".to_owned(), value: authority.as_str().as_bytes().to_vec() });
    }
    for (name, value) in headers {
        if !HOP_BY_HOP.contains(name) && name.as_str() != "keep-alive" {
            fields.push(HttpField { name: name.as_str().to_owned(), value: value.as_bytes().to_vec() });
        }
    }
    let target = uri.path_and_query().map_or("/", |t| t.as_str()).to_owned();
    let head = HttpRequestHead { method: method.as_str().to_owned(), target, headers: fields };
    let payload = head.with_body(body);
    let start = payload.len() - body.len();
    (Bytes::from(payload), start)
}

/// The request that a recorded HTTP input stands for.
pub(crate) fn to_http(payload: &Bytes) -> Result<http::Request<Bytes>, BadInput> {
    let bad = bad("http");
    let (head, body) = HttpRequestHead::split(payload).map_err(|e| bad(&e))?;
    let mut request = http::Request::new(payload.slice_ref(body));
    *request.method_mut() = head.method.parse().map_err(|e| bad(&e))?;
    *request.uri_mut() = head.target.parse().map_err(|e| bad(&e))?;
    let headers = request.headers_mut();
    headers.reserve(head.headers.len());
    for HttpField { name, value } in head.headers {
        let name: HeaderName = name.parse().map_err(|e| bad(&e))?;
        headers.append(name, HeaderValue::from_maybe_shared(Bytes::from(value)).map_err(|e| bad(&e))?);
    }
    Ok(request)
}

/// The payload of a call of kind event.
pub(crate) fn of_event(event: &Event) -> Bytes {
    let head = EventInput {
        source: event.source.clone(),
        content_type: event.content_type.clone().unwrap_or_default(),
        attributes: event.attributes.clone(),
    };
    Bytes::from(head.with_body(&event.payload))
}

/// The event that a recorded input stands for.
pub(crate) fn to_event(payload: &Bytes) -> Result<Event, BadInput> {
    let (head, body) = EventInput::split(payload).map_err(|e| bad("event")(&e))?;
    Ok(Event {
        source: head.source,
        content_type: Some(head.content_type).filter(|t| !t.is_empty()),
        attributes: head.attributes,
        payload: payload.slice_ref(body),
    })
}

/// An HTTP request as an event: for functions of kind event that are called by their route.
pub(crate) fn http_as_event(method: &Method, uri: &Uri, headers: &HeaderMap, body: Bytes) -> Event {
    let mut attributes = Vec::with_capacity(headers.len() + 1);
    attributes.push((":method".to_owned(), method.as_str().to_owned()));
    for (name, value) in headers {
        if !HOP_BY_HOP.contains(name) && attributes.len() < MAX_ATTRIBUTES {
            attributes
                .push((name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        }
    }
    Event {
        source: format!("http:{}", uri.path_and_query().map_or("/", |t| t.as_str())),
        content_type: content_type(headers),
        attributes,
        payload: body,
    }
}

/// As `moot:function/types` promises.
const MAX_ATTRIBUTES: usize = 100;

/// The media type that a request states.
pub(crate) fn content_type(headers: &HeaderMap) -> Option<String> {
    headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).map(str::to_owned)
}

/// The arguments of a typed call: JSON text, or WAVE texts.
///
/// The record holds JSON as it was sent. WAVE is recorded as a JSON object `{"wave": [...]}`, which no argument
/// list is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypedInput {
    /// A JSON array.
    Json(String),
    /// One text a parameter.
    Wave(Vec<String>),
}

#[derive(serde::Serialize, serde::Deserialize)]
struct WaveInput {
    wave: Vec<String>,
}

impl TypedInput {
    /// The payload.
    pub(crate) fn payload(&self) -> Bytes {
        match self {
            TypedInput::Json(text) => Bytes::copy_from_slice(text.as_bytes()),
            TypedInput::Wave(wave) => {
                Bytes::from(serde_json::to_vec(&WaveInput { wave: wave.clone() }).unwrap_or_default())
            }
        }
    }

    /// The arguments that a recorded input stands for.
    ///
    /// # Errors
    /// When it is not text, or an object that is not `{"wave": [...]}`.
    pub fn from_payload(payload: &[u8]) -> Result<Self, BadInput> {
        let bad = bad("typed");
        let text = std::str::from_utf8(payload).map_err(|e| bad(&e))?;
        if text.trim_start().starts_with('{') {
            let input: WaveInput = serde_json::from_str(text).map_err(|e| bad(&e))?;
            return Ok(TypedInput::Wave(input.wave));
        }
        Ok(TypedInput::Json(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_comes_back_as_it_was() {
        let mut headers = HeaderMap::new();
        headers.insert("host", "a:80".parse().unwrap());
        headers.append("x", "1".parse().unwrap());
        headers.append("x", http::HeaderValue::from_bytes(b"\xff").unwrap());
        headers.insert("connection", "close".parse().unwrap());
        let uri: Uri = "/p/a?q=1".parse().unwrap();
        let (payload, start) = of_http(&Method::POST, &uri, &headers, b"body");
        assert_eq!(&payload[start..], b"body");
        let back = to_http(&payload).unwrap();
        assert_eq!((back.method(), back.uri(), back.body().as_ref()), (&Method::POST, &uri, &b"body"[..]));
        headers.remove("connection");
        assert_eq!(back.headers(), &headers);
    }

    #[test]
    fn http_2_authority_becomes_the_host() {
        let uri: Uri = "http://a:80/p".parse().unwrap();
        let (payload, _) = of_http(&Method::GET, &uri, &HeaderMap::new(), b"");
        let back = to_http(&payload).unwrap();
        assert_eq!((back.headers()["host"].as_bytes(), back.uri().path()), (&b"a:80"[..], "/p"));
    }

    #[test]
    fn events_and_arguments_come_back_as_they_were() {
        let event = Event {
            source: "call:".into(),
            content_type: None,
            attributes: vec![("a".into(), "b".into())],
            payload: Bytes::from_static(b"x"),
        };
        assert_eq!(to_event(&of_event(&event)).unwrap(), event);
        for input in
            [TypedInput::Json("[1, 2]".into()), TypedInput::Wave(vec!["{a: 1}".into(), "\"x\"".into()])]
        {
            assert_eq!(TypedInput::from_payload(&input.payload()).unwrap(), input);
        }
        assert!(TypedInput::from_payload(b"{\"other\": 1}").is_err());
        assert!(to_http(&Bytes::from_static(b"nonsense")).is_err());
    }
}
