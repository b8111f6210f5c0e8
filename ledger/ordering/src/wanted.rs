//! The name of a thing that a peer can be asked for, and its one encoding.
//!
//! ```text
//!   kind u8 | digest 32 | part u32 BE         always 37 bytes
//! ```
//!
//! Every string of that length is one name and every name is one string, so there is nothing to refuse
//! but another length. What kinds and parts mean is the application's business.

use bytes::BufMut;
use commonware_codec::{Buf, Error as CodecError, FixedSize, Read, ReadExt as _, Write};
use commonware_utils::Span;
use moot_record::Digest;
use std::fmt;

/// Names bytes that some validator may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wanted {
    /// What sort of thing it is.
    pub kind: u8,
    /// The digest that it has, or belongs to.
    pub digest: Digest,
    /// Which part of it; nought for a thing that travels whole.
    pub part: u32,
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.kind, self.digest, self.part)
    }
}

/// [`Wanted`] as the engine's resolver wants its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(pub(crate) Wanted);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Write for Key {
    fn write(&self, buf: &mut impl BufMut) {
        self.0.kind.write(buf);
        self.0.digest.as_bytes().write(buf);
        self.0.part.write(buf);
    }
}

impl Read for Key {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Key, CodecError> {
        let kind = u8::read(buf)?;
        let digest = Digest::from_bytes(<[u8; 32]>::read(buf)?);
        let part = u32::read(buf)?;
        Ok(Key(Wanted { kind, digest, part }))
    }
}

impl FixedSize for Key {
    const SIZE: usize = 1 + 32 + 4;
}

impl Span for Key {}

#[cfg(test)]
mod tests {
    use super::*;
    use commonware_codec::{Copying, DecodeExt as _, Encode as _};

    #[test]
    fn one_encoding() {
        let wanted = Wanted { kind: 3, digest: Digest::from_bytes([7; 32]), part: 0x0102_0304 };
        let bytes = Key(wanted).encode();
        assert_eq!(bytes.len(), Key::SIZE);
        assert_eq!((bytes[0], &bytes[33..]), (3, [1, 2, 3, 4].as_slice()));
        assert_eq!(Key::decode(bytes.clone()).unwrap().0, wanted);
        let mut longer = bytes.to_vec();
        longer.push(0);
        assert!(Key::decode(longer).is_err(), "trailing byte");
        for cut in 0..bytes.len() {
            assert!(Key::decode(Copying(&bytes[..cut])).is_err(), "cut at {cut}");
        }
    }
}
