//! Text forms shared by the JSON views: exact integers, base64url, and enums that have a number and a name.

/// `u64` in JSON without loss: a number up to 2^53-1, a decimal string above, because JavaScript and many
/// others read JSON numbers as doubles. Each value has one form; the other is refused.
pub(crate) mod exact {
    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};

    use crate::limits::MAX_JSON_INTEGER;

    pub(crate) fn serialize<S: Serializer>(value: &u64, s: S) -> Result<S::Ok, S::Error> {
        if *value <= MAX_JSON_INTEGER { s.serialize_u64(*value) } else { s.collect_str(value) }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<u64, D::Error> {
        struct Exact;
        impl Visitor<'_> for Exact {
            type Value = u64;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an integer (above 2^53-1 a decimal string)")
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<u64, E> {
                if value <= MAX_JSON_INTEGER {
                    return Ok(value);
                }
                Err(E::custom(format!("{value} is above 2^53-1 and must be written as a string")))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
                match text.parse::<u64>() {
                    Ok(value) if value > MAX_JSON_INTEGER && value.to_string() == text => Ok(value),
                    _ => Err(E::custom(format!("{text:?} is not an integer above 2^53-1"))),
                }
            }
        }
        d.deserialize_any(Exact)
    }

    pub(crate) mod option {
        use serde::{Deserialize, Deserializer, Serializer};

        #[allow(clippy::ref_option, reason = "serde's `with` passes a reference to the field")]
        pub(crate) fn serialize<S: Serializer>(value: &Option<u64>, s: S) -> Result<S::Ok, S::Error> {
            match value {
                Some(value) => super::serialize(value, s),
                None => s.serialize_none(),
            }
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<u64>, D::Error> {
            #[derive(Deserialize)]
            struct Integer(#[serde(with = "super")] u64);
            Ok(Option::<Integer>::deserialize(d)?.map(|integer| integer.0))
        }
    }
}

/// Bytes in JSON as base64url without padding.
pub(crate) mod base64url {
    use data_encoding::BASE64URL_NOPAD;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&BASE64URL_NOPAD.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(d)?;
        BASE64URL_NOPAD
            .decode(text.as_bytes())
            .map_err(|e| serde::de::Error::custom(format!("not base64url without padding: {e}")))
    }

    pub(crate) mod option {
        use serde::{Deserialize, Deserializer, Serializer};

        #[allow(clippy::ref_option, reason = "serde's `with` passes a reference to the field")]
        pub(crate) fn serialize<S: Serializer>(bytes: &Option<Vec<u8>>, s: S) -> Result<S::Ok, S::Error> {
            match bytes {
                Some(bytes) => super::serialize(bytes, s),
                None => s.serialize_none(),
            }
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Vec<u8>>, D::Error> {
            #[derive(Deserialize)]
            struct Bytes(#[serde(with = "super")] Vec<u8>);
            Ok(Option::<Bytes>::deserialize(d)?.map(|b| b.0))
        }
    }
}

/// An enum whose members have a stable number (in records) and a stable name (in text).
macro_rules! numbered {
    (
        $(#[$doc:meta])*
        pub enum $name:ident ($what:literal) { $( $(#[$member_doc:meta])* $member:ident = $number:literal, $text:literal; )+ }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $( $(#[$member_doc])* $member = $number, )+ }

        impl $name {
            /// All of them, by number.
            pub const ALL: &'static [Self] = &[$(Self::$member),+];

            /// Its number in records.
            #[must_use]
            pub const fn number(self) -> u8 {
                self as u8
            }

            /// Its name in text forms.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$member => $text,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::error::ParseError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$member),)+
                    _ => Err($crate::error::ParseError::new(
                        text,
                        concat!("a ", $what),
                        concat!("known are", $(" ", $text),+),
                    )),
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl $crate::item::Item for $name {
            #[inline]
            fn write(&self, out: &mut Vec<u8>) {
                $crate::cbor::uint(out, self.number());
            }

            #[inline]
            fn read(r: &mut $crate::cbor::Reader<'_>) -> Result<Self, $crate::error::DecodeError> {
                let at = r.position();
                match r.uint()? {
                    $($number => Ok(Self::$member),)+
                    value => Err($crate::error::DecodeError::UnknownNumber { at, what: $what, value }),
                }
            }
        }
    };
}
pub(crate) use numbered;

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Holder {
        #[serde(with = "super::exact")]
        n: u64,
    }

    #[test]
    fn integers_above_2_53_are_exact() {
        // FAULTS 73: an integer is exact in every language, or an error.
        for (n, text) in [
            (0, r#"{"n":0}"#),
            ((1 << 53) - 1, r#"{"n":9007199254740991}"#),
            (1 << 53, r#"{"n":"9007199254740992"}"#),
            (u64::MAX, r#"{"n":"18446744073709551615"}"#),
        ] {
            assert_eq!(serde_json::to_string(&Holder { n }).unwrap(), text);
            assert_eq!(serde_json::from_str::<Holder>(text).unwrap(), Holder { n });
        }
        for bad in
            ["9007199254740992", "\"5\"", "\"09007199254740993\"", "1.0", "-1", "\"18446744073709551616\""]
        {
            assert!(serde_json::from_str::<Holder>(&format!("{{\"n\":{bad}}}")).is_err(), "{bad}");
        }
    }
}
