//! Texts that keep a rule: what all of them are beside the rule.
//!
//! ```text
//!  text, JSON, CBOR ──► parse: the one place where the rule is checked ──► a value that keeps it
//! ```

/// Reads and writes a type whose value is a text: `Type(text)`, with `Type::parse` for the rule, the most bytes that one
/// may have, and what an error calls the field.
macro_rules! checked_text {
    ($Type:ident, $max_bytes:expr, $field:literal) => {
        impl std::fmt::Display for $Type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::fmt::Debug for $Type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(&self.0, f)
            }
        }

        impl std::str::FromStr for $Type {
            type Err = $crate::error::ParseError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl serde::Serialize for $Type {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $Type {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(d)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }

        impl $crate::item::Item for $Type {
            fn write(&self, out: &mut Vec<u8>) {
                $crate::cbor::text(out, &self.0);
            }

            fn read(r: &mut $crate::cbor::Reader<'_>) -> Result<Self, $crate::error::DecodeError> {
                let text = r.text($max_bytes)?;
                Self::parse(text).map_err(|e| $crate::error::Invalid::new($field, e.to_string()).into())
            }
        }
    };
}

pub(crate) use checked_text;
