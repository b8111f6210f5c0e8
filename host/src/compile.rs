//! From component to machine code.

/// Why a component could not be compiled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// The compiler refused it.
    #[error("the component cannot be compiled: {0}")]
    Refused(String),
}
