//! Paths, patterns and rules: where values are written, and who may.
//!
//! ```text
//!  path     /chat/lobby/42            labels of RFC 3986's unreserved characters
//!  pattern  /chat/$room/$message      the same, with variables; the first label is none, so that somebody owns it
//! ```

use std::collections::BTreeMap;

use crate::error::Invalid;
use crate::limits::{
    MAX_PATH_BYTES, MAX_PATH_LABEL_BYTES, MAX_PATH_LABELS, MAX_RULE_BYTES, MAX_VARIABLE_BYTES,
};

/// Checks a path: labels of `A-Z a-z 0-9 - . _ ~`, each after a `/`, none of them `.` or `..`, at most
/// [`MAX_PATH_LABELS`].
///
/// These are RFC 3986's unreserved characters: a path has one form in a URL and no Unicode form to normalise.
///
/// # Errors
/// Says which label is wrong.
///
/// ```
/// use moot_record::check_path;
/// assert!(check_path("/chat/lobby/42").is_ok());
/// for bad in ["", "/", "chat", "/chat/", "/a//b", "/a/..", "/a%2fb", "/\u{e9}", "/$room"] {
///     assert!(check_path(bad).is_err());
/// }
/// assert!(check_path(&"/a".repeat(33)).is_err());
/// ```
pub fn check_path(path: &str) -> Result<(), Invalid> {
    labels("value.path", path)?.try_for_each(|label| check_label("value.path", label))
}

/// The labels of a path or pattern whose length and depth are within their bounds.
fn labels<'a>(field: &'static str, path: &'a str) -> Result<std::str::Split<'a, char>, Invalid> {
    if path.len() > MAX_PATH_BYTES {
        let why = format!("{} bytes; at most {MAX_PATH_BYTES} are allowed", path.len());
        return Err(Invalid::new(field, why));
    }
    let Some(rest) = path.strip_prefix('/') else {
        let why = format!("{path:?} does not start with a slash; write it like /chat/lobby");
        return Err(Invalid::new(field, why));
    };
    let count = rest.split('/').count();
    if count > MAX_PATH_LABELS {
        let why = format!("{count} labels; at most {MAX_PATH_LABELS} are allowed");
        return Err(Invalid::new(field, why));
    }
    Ok(rest.split('/'))
}

/// Checks the length of a rule's text, of all that can be checked of one without its language.
pub(crate) fn check_rule_text(field: &'static str, rule: &str) -> Result<(), Invalid> {
    if (1..=MAX_RULE_BYTES).contains(&rule.len()) {
        return Ok(());
    }
    Err(Invalid::new(field, format!("{} bytes; a rule has 1 to {MAX_RULE_BYTES}", rule.len())))
}

fn check_label(field: &'static str, label: &str) -> Result<(), Invalid> {
    let plain = label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b));
    if plain && !label.is_empty() && label != "." && label != ".." && label.len() <= MAX_PATH_LABEL_BYTES {
        return Ok(());
    }
    let why = format!(
        "label {label:?} is not 1 to {MAX_PATH_LABEL_BYTES} of A-Z a-z 0-9 - . _ ~ (and not . or ..)"
    );
    Err(Invalid::new(field, why))
}

/// A pattern that was checked.
///
/// ```
/// use moot_record::Pattern;
/// let pattern = Pattern::parse("/chat/$room/$message")?;
/// assert_eq!((pattern.place(), pattern.owned()), ("/chat/$/$", "/chat"));
/// assert_eq!(pattern.bind("/chat/lobby/42/more")["room"], "lobby");
/// for bad in ["/$any", "/a/$", "/a/$Room", "/a/$x/$x", "/a/b$c"] {
///     assert!(Pattern::parse(bad).is_err());
/// }
/// # Ok::<(), moot_record::Invalid>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    place: String,
    owned: usize,
}

impl Pattern {
    /// Reads a pattern: a path, in which every label but the first may be `$` and a name of `a-z 0-9 _` that begins
    /// with a letter. No name twice.
    ///
    /// # Errors
    /// Says which label is wrong.
    pub fn parse(text: &str) -> Result<Pattern, Invalid> {
        const FIELD: &str = "transaction.pattern";
        let mut names: Vec<&str> = Vec::new();
        let (mut place, mut owned) = (String::with_capacity(text.len()), 0);
        for (at, label) in labels(FIELD, text)?.enumerate() {
            place.push('/');
            let Some(name) = label.strip_prefix('$') else {
                check_label(FIELD, label)?;
                place.push_str(label);
                if names.is_empty() {
                    owned = place.len();
                }
                continue;
            };
            let first = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
            let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
            if !first || !plain || name.len() > MAX_VARIABLE_BYTES {
                let why = format!(
                    "variable {label:?} is not $ and 1 to {MAX_VARIABLE_BYTES} of a-z 0-9 _, a letter first"
                );
                return Err(Invalid::new(FIELD, why));
            }
            if at == 0 {
                let why = format!("{text:?} begins with a variable; nobody owns what is below all labels");
                return Err(Invalid::new(FIELD, why));
            }
            if names.contains(&name) {
                return Err(Invalid::new(FIELD, format!("variable {label:?} is there twice")));
            }
            names.push(name);
            place.push('$');
        }
        Ok(Pattern { text: text.to_owned(), place, owned })
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The place it stands for, variables without their names: two patterns of one place are about the same paths.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The labels before its first variable: the path whose owner says what the rule is.
    #[must_use]
    pub fn owned(&self) -> &str {
        self.place.get(..self.owned).unwrap_or_default()
    }

    /// The names of its variables, in order.
    #[must_use]
    pub fn variables(&self) -> Vec<&str> {
        self.text.split('/').filter_map(|label| label.strip_prefix('$')).collect()
    }

    /// Whether a path is one of those it stands for: as many labels, and those that are no variables alike.
    ///
    /// ```
    /// let pattern = moot_record::Pattern::parse("/chat/$room/$message").unwrap();
    /// assert!(pattern.matches("/chat/lobby/42"));
    /// assert!(!pattern.matches("/chat/lobby") && !pattern.matches("/chat/lobby/42/more"));
    /// ```
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let (mut labels, mut own) = (path.split('/'), self.text.split('/'));
        loop {
            match (own.next(), labels.next()) {
                (None, None) => return true,
                (Some(own), Some(label)) if own.starts_with('$') || own == label => {}
                _ => return false,
            }
        }
    }

    /// The labels that a path, which must be of its place or below, has for its variables.
    #[must_use]
    pub fn bind(&self, path: &str) -> BTreeMap<String, String> {
        let pairs = self.text.split('/').zip(path.split('/'));
        let bound =
            pairs.filter_map(|(name, label)| Some((name.strip_prefix('$')?.to_owned(), label.to_owned())));
        bound.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_met_exactly() {
        let deep = "/a".repeat(MAX_PATH_LABELS);
        assert!(check_path(&deep).is_ok() && Pattern::parse(&deep).is_ok());
        let deeper = format!("{deep}/a");
        assert!(check_path(&deeper).unwrap_err().why.contains("at most 32"));
        assert!(Pattern::parse(&deeper).is_err());
        let wide = format!("/{}", "a".repeat(MAX_PATH_LABEL_BYTES));
        assert!(check_path(&wide).is_ok() && check_path(&format!("{wide}a")).is_err());
        let name = format!("/a/${}", "b".repeat(MAX_VARIABLE_BYTES));
        assert!(Pattern::parse(&name).is_ok() && Pattern::parse(&format!("{name}b")).is_err());
        let long = format!("/{0}/{0}/{0}/{0}", "a".repeat(128));
        assert_eq!(long.len(), 516);
        assert!(check_path(&long).unwrap_err().why.contains("512"));
    }

    #[test]
    fn a_pattern_is_owned_by_its_first_labels() {
        for (text, place, owned, variables) in [
            ("/a", "/a", "/a", vec![]),
            ("/a/b", "/a/b", "/a/b", vec![]),
            ("/a/$b/c/$d", "/a/$/c/$", "/a", vec!["b", "d"]),
            ("/a/b/$c", "/a/b/$", "/a/b", vec!["c"]),
        ] {
            let pattern = Pattern::parse(text).unwrap();
            assert_eq!((pattern.as_str(), pattern.place(), pattern.owned()), (text, place, owned));
            assert_eq!(pattern.variables(), variables);
        }
        let bound = Pattern::parse("/a/$b/c/$d").unwrap().bind("/a/x/c/y/z");
        assert_eq!(bound, BTreeMap::from([("b".into(), "x".into()), ("d".into(), "y".into())]));
    }
}
