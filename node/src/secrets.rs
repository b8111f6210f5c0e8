//! The operator's secrets: what a function is given for the names in its grants.
//!
//! A TOML file of mode 0600. Top-level strings are for every function that was granted the name; a table
//! named after a function is for it alone and wins:
//!
//! ```toml
//! API_KEY = "for everyone who was granted it"
//! [checkout]
//! API_KEY = "for checkout alone"
//! ```

use crate::private_file::{self, PrivateFileError};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Why a secrets file cannot be used. Never quotes it.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// Permissions, size, input and output.
    #[error(transparent)]
    File(#[from] PrivateFileError),
    /// It is not TOML.
    #[error(
        "{path} is not TOML (near line {line}); expected lines like NAME = \"value\" and tables [function]"
    )]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where parsing stopped.
        line: usize,
    },
    /// A value is not a string.
    #[error("{path}: `{name}` is not a string; write {name} = \"value\"")]
    NotAString {
        /// The file.
        path: PathBuf,
        /// The key.
        name: String,
    },
}

/// Secrets by function and name. `Debug` shows names only.
#[derive(Clone, Default)]
pub struct Secrets {
    everyone: BTreeMap<String, Zeroizing<String>>,
    functions: BTreeMap<String, BTreeMap<String, Zeroizing<String>>>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let functions: BTreeMap<_, Vec<_>> =
            self.functions.iter().map(|(name, of)| (name, of.keys().collect())).collect();
        f.debug_struct("Secrets")
            .field("everyone", &self.everyone.keys().collect::<Vec<_>>())
            .field("functions", &functions)
            .finish()
    }
}

impl Secrets {
    /// Reads a secrets file.
    pub fn load(path: &Path) -> Result<Self, SecretsError> {
        let text = private_file::read(path)?;
        Self::parse(&text, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, SecretsError> {
        let table: toml::Table = toml::from_str(text).map_err(|e: toml::de::Error| {
            let at = e.span().map_or(0, |s| s.start.min(text.len()));
            SecretsError::Syntax { path: path.to_owned(), line: text[..at].matches('\n').count() + 1 }
        })?;
        let not_a_string = |name: String| SecretsError::NotAString { path: path.to_owned(), name };
        let mut secrets = Secrets::default();
        for (name, value) in table {
            match value {
                toml::Value::String(text) => {
                    secrets.everyone.insert(name, Zeroizing::new(text));
                }
                toml::Value::Table(of) => {
                    let mut own = BTreeMap::new();
                    for (key, value) in of {
                        let toml::Value::String(text) = value else {
                            return Err(not_a_string(format!("{name}.{key}")));
                        };
                        own.insert(key, Zeroizing::new(text));
                    }
                    secrets.functions.insert(name, own);
                }
                _ => return Err(not_a_string(name)),
            }
        }
        Ok(secrets)
    }

    /// The value that `function` gets for `name`.
    #[must_use]
    pub fn get(&self, function: &str, name: &str) -> Option<&Zeroizing<String>> {
        self.functions.get(function).and_then(|own| own.get(name)).or_else(|| self.everyone.get(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_functions_own_secret_wins_and_debug_hides_both() {
        let text = "A = \"common-value\"\nB = \"b-value\"\n[shop]\nA = \"own-value\"\n";
        let secrets = Secrets::parse(text, Path::new("s.toml")).unwrap();
        assert_eq!(secrets.get("shop", "A").unwrap().as_str(), "own-value");
        assert_eq!(secrets.get("shop", "B").unwrap().as_str(), "b-value");
        assert_eq!(secrets.get("other", "A").unwrap().as_str(), "common-value");
        assert!(secrets.get("other", "C").is_none());
        assert!(!format!("{secrets:?}").contains("value"));
    }

    #[test]
    fn case_69_errors_never_quote_the_file() {
        // An error message ends up in logs: it must not carry what the file was meant to hide.
        for text in ["A = hunter2", "A = [\"hunter2\"]", "[f]\nA = 12345", "hunter2"] {
            let said = Secrets::parse(text, Path::new("s.toml")).unwrap_err();
            assert!(!format!("{said} {said:?}").contains("hunter2"), "{said}");
        }
    }
}
