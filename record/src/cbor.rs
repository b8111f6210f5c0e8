//! The subset of CBOR (RFC 8949) that records are written in, with exactly one encoding for each value.
//!
//! Unsigned integers, byte strings, text, arrays, booleans and null; heads in their shortest form, lengths
//! definite, nothing after the end. The reader borrows from its input and checks every length against what
//! is left and against the caller's bound before anything is allocated. Other languages need about twenty
//! lines for it.
//!
//! No maps: fields are positional, so there is no order of keys to get wrong.

use crate::error::DecodeError;

type Read<T> = Result<T, DecodeError>;

const UINT: u8 = 0;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const FALSE: u8 = 0xf4;
const TRUE: u8 = 0xf5;
const NULL: u8 = 0xf6;

#[inline]
fn head(out: &mut Vec<u8>, major: u8, value: u64) {
    let m = major << 5;
    let be = value.to_be_bytes();
    match value {
        0..=23 => out.push(m | be[7]),
        24..=0xff => out.extend_from_slice(&[m | 24, be[7]]),
        0x100..=0xffff => out.extend_from_slice(&[m | 25, be[6], be[7]]),
        0x1_0000..=0xffff_ffff => out.extend_from_slice(&[m | 26, be[4], be[5], be[6], be[7]]),
        _ => {
            out.push(m | 27);
            out.extend_from_slice(&be);
        }
    }
}

/// How many bytes the head of an array, a string or an integer takes.
#[inline]
#[must_use]
pub const fn head_len(value: u64) -> usize {
    match value {
        0..=23 => 1,
        24..=0xff => 2,
        0x100..=0xffff => 3,
        0x1_0000..=0xffff_ffff => 5,
        _ => 9,
    }
}

/// Writes an unsigned integer.
#[inline]
pub fn uint(out: &mut Vec<u8>, value: impl Into<u64>) {
    head(out, UINT, value.into());
}

/// Writes a byte string.
#[inline]
pub fn bytes(out: &mut Vec<u8>, value: &[u8]) {
    head(out, BYTES, value.len() as u64);
    out.extend_from_slice(value);
}

/// Writes the head of a byte string; its `len` bytes follow.
#[inline]
pub fn bytes_head(out: &mut Vec<u8>, len: usize) {
    head(out, BYTES, len as u64);
}

/// Writes a text string.
#[inline]
pub fn text(out: &mut Vec<u8>, value: &str) {
    head(out, TEXT, value.len() as u64);
    out.extend_from_slice(value.as_bytes());
}

/// Writes the head of an array; its `len` items follow.
#[inline]
pub fn array(out: &mut Vec<u8>, len: usize) {
    head(out, ARRAY, len as u64);
}

/// Writes a boolean.
#[inline]
pub fn boolean(out: &mut Vec<u8>, value: bool) {
    out.push(if value { TRUE } else { FALSE });
}

/// Writes null.
#[inline]
pub fn null(out: &mut Vec<u8>) {
    out.push(NULL);
}

/// Writes `value` with `write`, or null.
#[inline]
pub fn option<T>(out: &mut Vec<u8>, value: Option<&T>, write: impl FnOnce(&mut Vec<u8>, &T)) {
    match value {
        Some(value) => write(out, value),
        None => null(out),
    }
}

/// Reads the subset from a slice, refusing every other form.
///
/// ```
/// use moot_record::cbor::{self, Reader};
/// let mut out = Vec::new();
/// cbor::array(&mut out, 2);
/// cbor::uint(&mut out, 500u32);
/// cbor::text(&mut out, "page");
/// let mut r = Reader::new(&out);
/// r.array(2)?;
/// assert_eq!((r.uint()?, r.text(16)?), (500, "page"));
/// r.end()?;
/// // The same number in a longer form is another encoding, hence refused.
/// assert!(Reader::new(&[0x1a, 0, 0, 1, 0xf4]).uint().is_err());
/// # Ok::<(), moot_record::DecodeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes were read.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.at
    }

    /// The bytes that were not read yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The next `len` bytes as they are.
    #[inline]
    pub fn take(&mut self, len: usize) -> Read<&'a [u8]> {
        match self.rest().get(..len) {
            Some(taken) => {
                self.at += len;
                Ok(taken)
            }
            None => Err(DecodeError::Truncated { at: self.at, wanted: len, left: self.rest().len() }),
        }
    }

    #[inline]
    fn raw<const N: usize>(&mut self) -> Read<[u8; N]> {
        let (at, left) = (self.at, self.rest().len());
        let Some(taken) = self.rest().first_chunk::<N>() else {
            return Err(DecodeError::Truncated { at, wanted: N, left });
        };
        self.at += N;
        Ok(*taken)
    }

    #[inline]
    fn head(&mut self, major: u8, wanted: &'static str) -> Read<u64> {
        let at = self.at;
        let [first] = self.raw::<1>()?;
        if first >> 5 != major {
            self.at = at;
            return Err(DecodeError::WrongType { at, wanted, found: kind_of(first) });
        }
        let (value, least) = match first & 31 {
            small @ 0..=23 => return Ok(u64::from(small)),
            24 => (u64::from(self.raw::<1>()?[0]), 24),
            25 => (u64::from(u16::from_be_bytes(self.raw()?)), 1 << 8),
            26 => (u64::from(u32::from_be_bytes(self.raw()?)), 1 << 16),
            27 => (u64::from_be_bytes(self.raw()?), 1 << 32),
            _ => return Err(DecodeError::Indefinite { at }),
        };
        if value < least { Err(DecodeError::NotShortest { at, value }) } else { Ok(value) }
    }

    #[inline]
    fn length(&mut self, major: u8, wanted: &'static str, max: usize) -> Read<usize> {
        let at = self.at;
        let len = self.head(major, wanted)?;
        match usize::try_from(len) {
            Ok(len) if len <= max => Ok(len),
            _ => Err(DecodeError::TooLong { at, what: wanted, len, max }),
        }
    }

    /// An unsigned integer.
    #[inline]
    pub fn uint(&mut self) -> Read<u64> {
        self.head(UINT, "an unsigned integer")
    }

    /// An unsigned integer that fits `T`.
    #[inline]
    pub fn small<T: TryFrom<u64>>(&mut self) -> Read<T> {
        let at = self.at;
        let value = self.uint()?;
        T::try_from(value).map_err(|_| DecodeError::TooLarge { at, value, bits: 8 * size_of::<T>() })
    }

    /// A byte string of at most `max` bytes, borrowed.
    #[inline]
    pub fn bytes(&mut self, max: usize) -> Read<&'a [u8]> {
        let len = self.length(BYTES, "a byte string", max)?;
        self.take(len)
    }

    /// A byte string of exactly `N` bytes.
    #[inline]
    pub fn fixed<const N: usize>(&mut self) -> Read<[u8; N]> {
        let at = self.at;
        let len = self.head(BYTES, "a byte string")?;
        if len != N as u64 {
            return Err(DecodeError::WrongLength { at, what: "a byte string", len, wanted: N });
        }
        self.raw()
    }

    /// Text of at most `max` bytes, borrowed.
    #[inline]
    pub fn text(&mut self, max: usize) -> Read<&'a str> {
        let at = self.at;
        let len = self.length(TEXT, "text", max)?;
        std::str::from_utf8(self.take(len)?).map_err(|_| DecodeError::NotUtf8 { at })
    }

    /// The head of an array of exactly `len` items.
    #[inline]
    pub fn array(&mut self, len: usize) -> Read<()> {
        let at = self.at;
        let found = self.head(ARRAY, "an array")?;
        if found == len as u64 {
            return Ok(());
        }
        Err(DecodeError::WrongLength { at, what: "an array", len: found, wanted: len })
    }

    /// The head of an array of at most `max` items; never more than the bytes left, so that the answer may
    /// size an allocation.
    #[inline]
    pub fn list(&mut self, max: usize) -> Read<usize> {
        let at = self.at;
        let len = self.length(ARRAY, "an array", max)?;
        if len > self.rest().len() {
            return Err(DecodeError::Truncated { at, wanted: len, left: self.rest().len() });
        }
        Ok(len)
    }

    /// A boolean.
    #[inline]
    pub fn boolean(&mut self) -> Read<bool> {
        let at = self.at;
        match self.raw::<1>()? {
            [TRUE] => Ok(true),
            [FALSE] => Ok(false),
            [other] => Err(DecodeError::WrongType { at, wanted: "a boolean", found: kind_of(other) }),
        }
    }

    /// Whether text comes next.
    #[inline]
    #[must_use]
    pub fn at_text(&self) -> bool {
        self.rest().first().is_some_and(|first| first >> 5 == TEXT)
    }

    /// Null, or what `read` reads.
    #[inline]
    pub fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<Option<T>> {
        if self.rest().first() == Some(&NULL) {
            self.at += 1;
            return Ok(None);
        }
        read(self).map(Some)
    }

    /// Ends reading: nothing may be left.
    #[inline]
    pub fn end(&self) -> Read<()> {
        match self.rest().len() {
            0 => Ok(()),
            extra => Err(DecodeError::TrailingBytes { at: self.at, extra }),
        }
    }
}

const fn kind_of(first: u8) -> &'static str {
    match first >> 5 {
        0 => "an unsigned integer",
        1 => "a negative integer",
        2 => "a byte string",
        3 => "text",
        4 => "an array",
        5 => "a map",
        6 => "a tag",
        _ => match first {
            FALSE | TRUE => "a boolean",
            NULL => "null",
            _ => "a float or another simple value",
        },
    }
}
