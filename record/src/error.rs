//! What can be wrong with bytes, with a value, and with a text form.

use thiserror::Error;

/// Bytes that are not the one encoding of a record. `at` counts bytes from the start of the record.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end too early.
    #[error("truncated at byte {at}: {wanted} more bytes are announced, {left} are left")]
    Truncated {
        /// Where.
        at: usize,
        /// Bytes that should follow.
        wanted: usize,
        /// Bytes that do.
        left: usize,
    },
    /// Bytes after the end.
    #[error("{extra} bytes follow the end of the record at byte {at}; a record ends where its encoding ends")]
    TrailingBytes {
        /// Where the record ends.
        at: usize,
        /// How many follow.
        extra: usize,
    },
    /// Another kind of item than the format has here.
    #[error("byte {at} starts {found}; the format has {wanted} here")]
    WrongType {
        /// Where.
        at: usize,
        /// What the format has.
        wanted: &'static str,
        /// What was found.
        found: &'static str,
    },
    /// A longer head than needed.
    #[error("{value} at byte {at} is not written in its shortest form")]
    NotShortest {
        /// Where.
        at: usize,
        /// The number.
        value: u64,
    },
    /// An indefinite length, or a reserved head.
    #[error("indefinite or reserved length at byte {at}; lengths are definite")]
    Indefinite {
        /// Where.
        at: usize,
    },
    /// A string or array above its bound.
    #[error("{what} at byte {at} has length {len}; at most {max} is allowed")]
    TooLong {
        /// Where.
        at: usize,
        /// What it is.
        what: &'static str,
        /// Its length.
        len: u64,
        /// The bound.
        max: usize,
    },
    /// A string or array of another length than the format has.
    #[error("{what} at byte {at} has length {len}; the format has {wanted} here")]
    WrongLength {
        /// Where.
        at: usize,
        /// What it is.
        what: &'static str,
        /// Its length.
        len: u64,
        /// The format's.
        wanted: usize,
    },
    /// A number above its type.
    #[error("{value} at byte {at} does not fit {bits} bits")]
    TooLarge {
        /// Where.
        at: usize,
        /// The number.
        value: u64,
        /// The type's width.
        bits: usize,
    },
    /// Text that is not UTF-8.
    #[error("text at byte {at} is not UTF-8")]
    NotUtf8 {
        /// Where.
        at: usize,
    },
    /// A number that stands for nothing.
    #[error("{value} at byte {at} is no known {what}; a newer version may know it")]
    UnknownNumber {
        /// Where.
        at: usize,
        /// What it should number.
        what: &'static str,
        /// The number.
        value: u64,
    },
    /// Well-formed bytes with a value that the format's rules refuse.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

/// A value against the rules of its field.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field}: {why}")]
pub struct Invalid {
    /// The field, dotted (`payload.inline`).
    pub field: &'static str,
    /// What is wrong with which value, and what would be right.
    pub why: String,
}

impl Invalid {
    pub(crate) fn new(field: &'static str, why: impl Into<String>) -> Self {
        Self { field, why: why.into() }
    }
}

/// A text form that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{found:?} is not {wanted}: {why}")]
pub struct ParseError {
    /// What was given, shortened.
    pub found: String,
    /// What was wanted, with an article.
    pub wanted: &'static str,
    /// What is wrong with it.
    pub why: String,
}

impl ParseError {
    pub(crate) fn new(found: &str, wanted: &'static str, why: impl Into<String>) -> Self {
        let mut shown: String = found.chars().take(80).collect();
        if shown.len() < found.len() {
            shown.push('…');
        }
        Self { found: shown, wanted, why: why.into() }
    }
}
