//! The name of what runs components: workers with the same one count fuel alike and come to the same results.

use std::borrow::Cow;

use crate::checked_text::checked_text;
use crate::error::ParseError;
use crate::limits::MAX_ENGINE_BYTES;

/// The engine that a worker runs, with its version: 1 to 32 of `a-z 0-9 . - +`, as in `wasmtime-48.0.8+1`.
///
/// Nobody but its own makers knows what a name stands for: two that differ in one letter are two engines.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Engine(Cow<'static, str>);

impl Engine {
    /// One whose name is written in a program: of another form it does not compile.
    ///
    /// ```
    /// use moot_record::Engine;
    /// const OURS: Engine = Engine::named("wasmtime-48.0.8+1");
    /// assert_eq!(OURS, Engine::parse("wasmtime-48.0.8+1")?);
    /// # Ok::<(), moot_record::ParseError>(())
    /// ```
    ///
    /// # Panics
    /// When it breaks the rule; in a constant the compiler says so.
    #[must_use]
    pub const fn named(name: &'static str) -> Self {
        let bytes = name.as_bytes();
        assert!(!bytes.is_empty() && bytes.len() <= MAX_ENGINE_BYTES, "an engine's name has 1 to 32 bytes");
        let mut at = 0;
        while at < bytes.len() {
            assert!(allowed(bytes[at]), "an engine's name is of a-z 0-9 . - +");
            at += 1;
        }
        Self(Cow::Borrowed(name))
    }

    /// Checks the rule.
    ///
    /// # Errors
    /// Says which rule the name breaks, and how.
    pub fn parse(name: &str) -> Result<Self, ParseError> {
        match broken_rule(name) {
            None => Ok(Self(Cow::Owned(name.to_owned()))),
            Some(why) => Err(ParseError::new(name, "an engine's name", why)),
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const fn allowed(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'+')
}

fn broken_rule(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("it is empty".into());
    }
    if let Some(c) = name.chars().find(|c| !u8::try_from(*c).is_ok_and(allowed)) {
        return Some(format!(
            "{c:?} is not allowed; use lowercase letters a-z, digits, dots, hyphens and plus signs"
        ));
    }
    if name.len() > MAX_ENGINE_BYTES {
        return Some(format!("{} characters; at most {MAX_ENGINE_BYTES} are allowed", name.len()));
    }
    None
}

checked_text!(Engine, MAX_ENGINE_BYTES, "transaction.engine");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbor::{self, Reader};
    use crate::error::{DecodeError, Invalid};
    use crate::item::Item;

    #[test]
    fn rule() {
        for good in ["a", "wasmtime-48.0.8+1", "1", "+", &"a".repeat(32)] {
            assert_eq!(Engine::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "A", "a_b", "a b", "a/b", "ä", "a\n", &"a".repeat(33)] {
            assert!(Engine::parse(bad).is_err(), "{bad:?}");
        }
        assert!(serde_json::from_str::<Engine>("\"no way\"").is_err());
    }

    #[test]
    fn a_name_of_another_form_is_refused_where_it_is_read() {
        let mut bytes = Vec::new();
        cbor::text(&mut bytes, "wasmtime_48");
        let refused = Engine::read(&mut Reader::new(&bytes)).unwrap_err();
        assert!(
            matches!(&refused, DecodeError::Invalid(Invalid { field: "transaction.engine", .. })),
            "{refused}"
        );
    }
}
