//! A value: a message written to a path.

use serde::{Deserialize, Serialize};

use crate::cbor::{self, Reader};
use crate::error::{DecodeError, Invalid};
use crate::item::Item;
use crate::limits::{MAX_PATH_BYTES, MAX_PATH_LABEL_BYTES};
use crate::payload::Payload;

/// A message written to a path: recorded by digest, never state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Value {
    /// Where: `/chat/lobby/42` ([`check_path`]).
    pub path: String,
    /// The message.
    pub payload: Payload,
}

impl Value {
    /// Checks what the types alone cannot; `decode` does it too.
    ///
    /// # Errors
    /// Names the field.
    pub fn check(&self) -> Result<(), Invalid> {
        check_path(&self.path)?;
        self.payload.check()
    }
}

/// Checks a path: labels of `A-Z a-z 0-9 - . _ ~`, each after a `/`, none of them `.` or `..`.
///
/// These are RFC 3986's unreserved characters: a path has one form in a URL and no Unicode form to normalise.
///
/// # Errors
/// Says which label is wrong.
///
/// ```
/// use moot_record::check_path;
/// assert!(check_path("/chat/lobby/42").is_ok());
/// for bad in ["", "/", "chat", "/chat/", "/a//b", "/a/..", "/a%2fb", "/\u{e9}"] {
///     assert!(check_path(bad).is_err());
/// }
/// ```
pub fn check_path(path: &str) -> Result<(), Invalid> {
    let wrong = |why: String| Err(Invalid::new("value.path", why));
    if path.len() > MAX_PATH_BYTES {
        return wrong(format!("{} bytes; at most {MAX_PATH_BYTES} are allowed", path.len()));
    }
    let Some(labels) = path.strip_prefix('/') else {
        return wrong(format!("{path:?} does not start with a slash; write it like /chat/lobby"));
    };
    for label in labels.split('/') {
        let plain = label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b));
        if !plain || label.is_empty() || label == "." || label == ".." || label.len() > MAX_PATH_LABEL_BYTES {
            return wrong(format!(
                "label {label:?} is not 1 to {MAX_PATH_LABEL_BYTES} of A-Z a-z 0-9 - . _ ~ (and not . or ..)"
            ));
        }
    }
    Ok(())
}

impl Item for Value {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::text(out, &self.path);
        self.payload.write(out);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let value = Self { path: r.text(MAX_PATH_BYTES)?.to_owned(), payload: Payload::read(r)? };
        value.check()?;
        Ok(value)
    }
}

/// Fields of a [`Value`] in its array, after the entry's kind.
pub(crate) const VALUE_FIELDS: usize = 2;
