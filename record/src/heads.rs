//! What precedes the body in a recorded payload: the request's or response's head, the event's attributes.
//!
//! ```text
//! payload = head (one CBOR item) || body (as it was)
//! ```
//!
//! The item ends where it ends, so the body needs no framing. Fields keep the order in which they were sent.

use serde::{Deserialize, Serialize};

use crate::cbor::{self, Reader};
use crate::error::{DecodeError, Invalid};
use crate::item::Item;
use crate::limits::{MAX_HEAD_BYTES, MAX_HEAD_FIELDS};
use crate::text::base64url;

/// The head of a recorded HTTP request: `[method, target, [[name, value]...]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpRequestHead {
    /// `GET`.
    pub method: String,
    /// The path with its query, as the function sees it.
    pub target: String,
    /// The fields, in order.
    pub headers: Vec<HttpField>,
}

/// The head of a recorded HTTP response: `[status, [[name, value]...]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpResponseHead {
    /// The status code, 100 to 999.
    pub status: u16,
    /// The fields, in order.
    pub headers: Vec<HttpField>,
}

/// One header field. The value is bytes: HTTP does not promise UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpField {
    /// The name, in lowercase.
    pub name: String,
    /// The value; in JSON base64url without padding.
    #[serde(with = "base64url")]
    pub value: Vec<u8>,
}

/// What precedes the data of an event: `[source, content_type, [[name, value]...]]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventInput {
    /// Where it comes from: `http`, `/chat/lobby`, a function's name.
    pub source: String,
    /// The data's media type; empty when unknown.
    pub content_type: String,
    /// Further attributes, in order.
    pub attributes: Vec<(String, String)>,
}

macro_rules! head {
    ($type:ty) => {
        impl $type {
            /// Appends the head's encoding to `out`; the body follows it.
            pub fn encode_into(&self, out: &mut Vec<u8>) {
                self.write(out);
            }

            /// The head and `body` as one payload.
            #[must_use]
            pub fn with_body(&self, body: &[u8]) -> Vec<u8> {
                let mut out = Vec::with_capacity(256 + body.len());
                self.write(&mut out);
                out.extend_from_slice(body);
                out
            }

            /// Splits a payload into its head and its body.
            ///
            /// # Errors
            /// When the payload does not start with a head.
            pub fn split(payload: &[u8]) -> Result<(Self, &[u8]), DecodeError> {
                let mut r = Reader::new(payload);
                let head = Self::read(&mut r)?;
                if r.position() > MAX_HEAD_BYTES {
                    let (what, len) = ("the head", r.position() as u64);
                    return Err(DecodeError::TooLong { at: 0, what, len, max: MAX_HEAD_BYTES });
                }
                Ok((head, r.rest()))
            }
        }
    };
}
head!(HttpRequestHead);
head!(HttpResponseHead);
head!(EventInput);

impl HttpField {
    /// A field; the name becomes lowercase.
    #[must_use]
    pub fn new(name: &str, value: impl Into<Vec<u8>>) -> Self {
        Self { name: name.to_ascii_lowercase(), value: value.into() }
    }
}

fn write_fields(out: &mut Vec<u8>, fields: &[HttpField]) {
    cbor::array(out, fields.len());
    for field in fields {
        cbor::array(out, 2);
        cbor::text(out, &field.name);
        cbor::bytes(out, &field.value);
    }
}

fn read_fields(r: &mut Reader<'_>) -> Result<Vec<HttpField>, DecodeError> {
    (0..r.list(MAX_HEAD_FIELDS)?)
        .map(|_| {
            r.array(2)?;
            let name = r.text(MAX_HEAD_BYTES)?.to_owned();
            if name.is_empty() || name.bytes().any(|b| b.is_ascii_uppercase() || !b.is_ascii_graphic()) {
                let why =
                    format!("{:?} is not a lowercase field name", name.chars().take(80).collect::<String>());
                return Err(Invalid::new("headers.name", why).into());
            }
            Ok(HttpField { name, value: r.bytes(MAX_HEAD_BYTES)?.to_vec() })
        })
        .collect()
}

impl Item for HttpRequestHead {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 3);
        cbor::text(out, &self.method);
        cbor::text(out, &self.target);
        write_fields(out, &self.headers);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(3)?;
        Ok(Self {
            method: r.text(MAX_HEAD_BYTES)?.to_owned(),
            target: r.text(MAX_HEAD_BYTES)?.to_owned(),
            headers: read_fields(r)?,
        })
    }
}

impl Item for HttpResponseHead {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 2);
        cbor::uint(out, self.status);
        write_fields(out, &self.headers);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(2)?;
        let status = r.small()?;
        if !(100..=999).contains(&status) {
            return Err(Invalid::new("status", format!("{status} is no HTTP status")).into());
        }
        Ok(Self { status, headers: read_fields(r)? })
    }
}

impl Item for EventInput {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 3);
        cbor::text(out, &self.source);
        cbor::text(out, &self.content_type);
        cbor::array(out, self.attributes.len());
        for (name, value) in &self.attributes {
            cbor::array(out, 2);
            cbor::text(out, name);
            cbor::text(out, value);
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(3)?;
        let source = r.text(MAX_HEAD_BYTES)?.to_owned();
        let content_type = r.text(MAX_HEAD_BYTES)?.to_owned();
        let attributes = (0..r.list(MAX_HEAD_FIELDS)?)
            .map(|_| {
                r.array(2)?;
                Ok((r.text(MAX_HEAD_BYTES)?.to_owned(), r.text(MAX_HEAD_BYTES)?.to_owned()))
            })
            .collect::<Result<_, DecodeError>>()?;
        Ok(Self { source, content_type, attributes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_follows_the_head() {
        let head = HttpRequestHead {
            method: "POST".into(),
            target: "/hello?x=1".into(),
            headers: vec![HttpField::new("X-Odd", [0xff, 0x00]), HttpField::new("x-odd", "again")],
        };
        // A body that is itself a head must not confuse anyone.
        let body = head.with_body(b"inner");
        let payload = head.with_body(&body);
        assert_eq!(HttpRequestHead::split(&payload), Ok((head, body.as_slice())));
        assert!(HttpRequestHead::split(b"").is_err());
        assert!(HttpResponseHead::split(&payload).is_err());
        let response = HttpResponseHead { status: 200, headers: vec![] };
        assert_eq!(HttpResponseHead::split(&response.with_body(b"")), Ok((response, &b""[..])));
        assert!(HttpResponseHead::split(&[0x82, 0x05, 0x80]).is_err());
    }

    #[test]
    fn a_head_of_many_fields_is_refused_before_it_is_read() {
        let head = HttpRequestHead {
            method: "GET".into(),
            target: "/".into(),
            headers: vec![HttpField::new("a", "b"); MAX_HEAD_FIELDS + 1],
        };
        assert!(matches!(HttpRequestHead::split(&head.with_body(b"")), Err(DecodeError::TooLong { .. })));
    }
}
