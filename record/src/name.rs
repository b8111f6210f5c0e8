//! A function's name.

use crate::checked_text::checked_text;
use crate::error::ParseError;
use crate::limits::MAX_FUNCTION_NAME_BYTES;

/// The name of a function: 1 to 63 of `a-z 0-9 -`, starting with a letter, no `--`, not ending with `-`.
///
/// The rule of a DNS label, so that a name is a host name and a path segment as it stands. No other script and
/// no capitals: two names that look alike are the same name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionName(Box<str>);

impl FunctionName {
    /// Checks the rule.
    ///
    /// ```
    /// use moot_record::FunctionName;
    /// assert_eq!(FunctionName::parse("hello-2")?.as_str(), "hello-2");
    /// assert!(FunctionName::parse("Hello").unwrap_err().to_string().contains("lowercase"));
    /// # Ok::<(), moot_record::ParseError>(())
    /// ```
    ///
    /// # Errors
    /// Says which rule the name breaks, and how.
    pub fn parse(name: &str) -> Result<Self, ParseError> {
        match broken_rule(name) {
            None => Ok(Self(name.into())),
            Some(why) => Err(ParseError::new(name, "a function name", why)),
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn broken_rule(name: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() {
        return Some("it is empty".into());
    }
    if let Some(c) = name.chars().find(|c| !allowed(*c)) {
        return Some(format!("{c:?} is not allowed; use lowercase letters a-z, digits and hyphens"));
    }
    if name.len() > MAX_FUNCTION_NAME_BYTES {
        return Some(format!("{} characters; at most {MAX_FUNCTION_NAME_BYTES} are allowed", name.len()));
    }
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Some("it must start with a letter".into());
    }
    if name.ends_with('-') || name.contains("--") {
        return Some("a hyphen stands alone between letters or digits".into());
    }
    None
}

checked_text!(FunctionName, MAX_FUNCTION_NAME_BYTES, "function");

impl AsRef<str> for FunctionName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule() {
        for good in ["a", "hello", "a1", "a-b-2", &"a".repeat(63)] {
            assert_eq!(FunctionName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "1a", "-a", "a-", "a--b", "A", "a_b", "a.b", "ä", "a b", "a\n", &"a".repeat(64)] {
            assert!(FunctionName::parse(bad).is_err(), "{bad:?}");
        }
        assert!(serde_json::from_str::<FunctionName>("\"no way\"").is_err());
    }
}
