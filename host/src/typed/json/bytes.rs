//! `list<u8>` in JSON: base64, or an array of numbers. One byte of memory for each.

use super::super::place::{Step, Walk, quoted};
use super::read::Stop;
use super::value::number;
use data_encoding::BASE64;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};
use std::fmt;

/// Reads a byte list.
pub(super) struct Bytes<'r, 'n>(pub(super) &'r Stop<'r, 'n>);

impl<'de> DeserializeSeed<'de> for Bytes<'_, '_> {
    type Value = Vec<u8>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<u8>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

const EXPECTED: &str = "list<u8> (base64, or an array of numbers from 0 to 255)";

impl Bytes<'_, '_> {
    fn walk(&self) -> &Walk<'_> {
        self.0.walk
    }

    fn wrong<T, E: Error>(&self, got: impl Into<String>) -> Result<T, E> {
        self.0.stop(self.walk().wrong(EXPECTED, got))
    }
}

impl<'de> Visitor<'de> for Bytes<'_, '_> {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<u8>, E> {
        match BASE64.decode(text.as_bytes()) {
            Ok(bytes) => Ok(bytes),
            Err(_) => self.wrong(quoted(text)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<u8>, A::Error> {
        let mut bytes = Vec::new();
        loop {
            // The common case first: a byte, without a step on the path.
            match seq.next_element::<Element>()? {
                None => return Ok(bytes),
                Some(Element::Byte(byte)) => bytes.push(byte),
                Some(Element::Other(got)) => {
                    let wrong = self.walk().at(Step::Index(bytes.len()), || self.walk().wrong("u8", got));
                    return self.0.stop(wrong);
                }
            }
        }
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Vec<u8>, E> {
        self.wrong(value.to_string())
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Vec<u8>, E> {
        self.wrong(value.to_string())
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Vec<u8>, E> {
        self.wrong(value.to_string())
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Vec<u8>, E> {
        self.wrong(number(value))
    }
    fn visit_unit<E: Error>(self) -> Result<Vec<u8>, E> {
        self.wrong("null")
    }
    fn visit_map<A: serde::de::MapAccess<'de>>(self, _: A) -> Result<Vec<u8>, A::Error> {
        self.wrong("an object")
    }
}

/// One element of an array of bytes.
enum Element {
    Byte(u8),
    Other(String),
}

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Element, D::Error> {
        struct One;
        impl<'de> Visitor<'de> for One {
            type Value = Element;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("u8")
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Element, E> {
                Ok(u8::try_from(value).map_or_else(|_| Element::Other(value.to_string()), Element::Byte))
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Element, E> {
                Ok(Element::Other(value.to_string()))
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Element, E> {
                // As for every integer type: 3.0 is 3.
                let byte = value as u8;
                Ok(if f64::from(byte) == value { Element::Byte(byte) } else { Element::Other(number(value)) })
            }
            fn visit_bool<E: Error>(self, value: bool) -> Result<Element, E> {
                Ok(Element::Other(value.to_string()))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Element, E> {
                Ok(Element::Other(quoted(text)))
            }
            fn visit_unit<E: Error>(self) -> Result<Element, E> {
                Ok(Element::Other("null".to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Element, A::Error> {
                while seq.next_element::<serde::de::IgnoredAny>()?.is_some() {}
                Ok(Element::Other("an array".to_owned()))
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Element, A::Error> {
                while map.next_entry::<serde::de::IgnoredAny, serde::de::IgnoredAny>()?.is_some() {}
                Ok(Element::Other("an object".to_owned()))
            }
        }
        deserializer.deserialize_any(One)
    }
}
