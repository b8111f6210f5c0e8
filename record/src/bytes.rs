//! Fixed-size byte values and their text form, lowercase hexadecimal.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::cbor::{self, Reader};
use crate::error::{DecodeError, ParseError};
use crate::item::Item;

macro_rules! fixed_bytes {
    ($(#[$doc:meta])* $name:ident, $len:literal, $wanted:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// How many bytes.
            pub const LEN: usize = $len;

            /// Takes the bytes as they are.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl From<[u8; $len]> for $name {
            fn from(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = ParseError;

            fn try_from(bytes: &[u8]) -> Result<Self, ParseError> {
                <[u8; $len]>::try_from(bytes).map(Self).map_err(|_| {
                    ParseError::new(
                        &HEXLOWER.encode(bytes.get(..40).unwrap_or(bytes)),
                        $wanted,
                        format!("{} bytes instead of {}", bytes.len(), $len),
                    )
                })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                let mut bytes = [0; $len];
                if text.len() != 2 * $len {
                    let why = format!("{} characters instead of {}", text.chars().count(), 2 * $len);
                    return Err(ParseError::new(text, $wanted, why));
                }
                match HEXLOWER.decode_mut(text.as_bytes(), &mut bytes) {
                    Ok(_) => Ok(Self(bytes)),
                    Err(e) => {
                        let why = format!("character {} is not one of 0-9 a-f", e.error.position + 1);
                        Err(ParseError::new(text, $wanted, why))
                    }
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(&HEXLOWER.encode(&self.0))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl Item for $name {
            #[inline]
            fn write(&self, out: &mut Vec<u8>) {
                cbor::bytes(out, &self.0);
            }

            #[inline]
            fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
                r.fixed().map(Self)
            }
        }
    };
}

fixed_bytes!(
    /// A 32-byte BLAKE3 digest.
    Digest, 32, "a digest (64 hexadecimal digits)"
);
fixed_bytes!(
    /// An account: an ed25519 public key.
    AccountId, 32, "an account (64 hexadecimal digits)"
);
fixed_bytes!(
    /// An ed25519 signature, R then s.
    Signature, 64, "a signature (128 hexadecimal digits)"
);

impl Digest {
    /// Thirty-two zeros: the root of an empty tree and the parent of the first block.
    pub const ZERO: Self = Self([0; 32]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_is_lowercase_hexadecimal_only() {
        let digest = Digest::from_bytes([0xab; 32]);
        let text = "ab".repeat(32);
        assert_eq!(digest.to_string(), text);
        assert_eq!(text.parse::<Digest>(), Ok(digest));
        assert_eq!(serde_json::to_string(&digest).unwrap(), format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<Digest>(&format!("\"{text}\"")).unwrap(), digest);
        for wrong in
            [text.to_uppercase(), text[1..].to_string(), format!("{text}0"), format!("0x{}", &text[2..])]
        {
            let error = wrong.parse::<Digest>().unwrap_err().to_string();
            assert!(error.contains("64 hexadecimal digits"), "{error}");
        }
        assert!(format!("{}é", &text[2..]).parse::<Digest>().is_err());
    }

    #[test]
    fn errors_show_control_characters_escaped() {
        // FAULTS 75: what a stranger sent is shown, but cannot drive the terminal.
        let error = "\x1b[2J".parse::<AccountId>().unwrap_err().to_string();
        assert!(!error.contains('\x1b'), "{error:?}");
    }
}
