//! Functions that are no components: what stands for one on the ledger, and how it is told from a component.
//!
//! ```text
//!  moot-external-1\n            the format: no component begins so
//!  <text>                       what the owner says that runs: "resize 1.4, sha256:..."
//! ```
//!
//! The text is deployed and called like a component, and named by the digest of its bytes. It binds the owner's
//! statement, and nothing else: which program a worker runs is the worker's word, and its receipts say that no fuel was
//! counted.

use crate::workers::MAX_DEADLINE_ELSEWHERE;
use moot_record::{FunctionKind, Spec, SpecGrants};

/// How the text begins.
const MARK: &[u8] = b"moot-external-1\n";
/// Longest text: a name, a version, some digests.
const MAX_TEXT_BYTES: usize = 4096;

/// Why something is no external function.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExternalError {
    /// The statement is too long, or not for people.
    #[error(
        "what runs is said in at most {MAX_TEXT_BYTES} bytes of text without control characters, such as \"resize 1.4\""
    )]
    Text,
    /// It is called otherwise than by events.
    #[error(
        "an external function is of kind event, and the manifest says {0}: a process gets bytes and answers with bytes"
    )]
    Kind(&'static str),
    /// Nobody can hold it to what it is granted.
    #[error(
        "an external function is granted nothing: it runs in no sandbox of this platform, and its worker's operator \
         decides what it reaches. Remove [functions.<name>.grants]"
    )]
    Grants,
    /// It takes longer than calls at workers may.
    #[error("an external function has a deadline of at most {MAX_DEADLINE_ELSEWHERE:?}: lower `deadline`")]
    Deadline,
    /// Nobody can replay it.
    #[error(
        "an external function cannot be deterministic: nobody else can run it again. Remove `deterministic`"
    )]
    Deterministic,
}

/// What is deployed for a function that `text` describes.
///
/// # Errors
/// When the text is too long or has control characters.
pub fn external_artifact(text: &str) -> Result<Vec<u8>, ExternalError> {
    if text.len() > MAX_TEXT_BYTES || text.chars().any(char::is_control) {
        return Err(ExternalError::Text);
    }
    Ok([MARK, text.as_bytes()].concat())
}

/// Whether these bytes stand for an external function; a component never begins so.
#[must_use]
pub fn is_external(bytes: &[u8]) -> bool {
    bytes.starts_with(MARK)
}

/// Looks at what is about to be deployed.
///
/// # Errors
/// Says what is wrong.
pub fn check_external(bytes: &[u8], spec: &Spec) -> Result<(), ExternalError> {
    let text = bytes.strip_prefix(MARK).and_then(|text| std::str::from_utf8(text).ok());
    external_artifact(text.ok_or(ExternalError::Text)?)?;
    if spec.kind != FunctionKind::Event {
        return Err(ExternalError::Kind(spec.kind.as_str()));
    }
    if spec.grants != SpecGrants::default() {
        return Err(ExternalError::Grants);
    }
    if u128::from(spec.limits.deadline_ms) > MAX_DEADLINE_ELSEWHERE.as_millis() {
        return Err(ExternalError::Deadline);
    }
    if spec.deterministic {
        return Err(ExternalError::Deterministic);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_deployed_and_nothing_odd() {
        let good = external_artifact("resize 1.4").unwrap();
        let mut spec = Spec::new(FunctionKind::Event, "/resize");
        assert!(is_external(&good) && !is_external(b"\0asm\x0d\0\x01\0"));
        assert_eq!(check_external(&good, &spec), Ok(()));
        assert_eq!(external_artifact("two\nlines"), Err(ExternalError::Text));
        assert_eq!(external_artifact(&"x".repeat(MAX_TEXT_BYTES + 1)), Err(ExternalError::Text));
        assert_eq!(check_external(b"moot-external-1\n\xff", &spec), Err(ExternalError::Text));
        spec.deterministic = true;
        assert_eq!(check_external(&good, &spec), Err(ExternalError::Deterministic));
        spec.limits.deadline_ms = 301_000;
        assert_eq!(check_external(&good, &spec), Err(ExternalError::Deadline));
        spec.grants.clock = true;
        assert_eq!(check_external(&good, &spec), Err(ExternalError::Grants));
        spec.kind = FunctionKind::Http;
        assert_eq!(check_external(&good, &spec), Err(ExternalError::Kind("http")));
    }
}
