//! Looks into a component before it is compiled.

use std::fmt;

/// What sort of calls a component takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Exports `wasi:http/incoming-handler` (or `wasi:http/handler` 0.3).
    Http,
    /// Exports `moot:function/handler`.
    Event,
    /// Exports plain functions.
    Typed,
}

impl Kind {
    /// `http`, `event` or `typed`.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Http => "http",
            Kind::Event => "event",
            Kind::Typed => "typed",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What was found in a component.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inspection {
    /// What sort of calls it takes.
    pub kind: Kind,
    /// Names of what it imports, in order: `wasi:http/types@0.2.12`.
    pub imports: Vec<String>,
    /// Names of what it exports.
    pub exports: Vec<String>,
    /// Size in bytes.
    pub bytes: u64,
    /// Functions in all of its core modules.
    pub functions: u32,
    /// Core modules.
    pub modules: u32,
}

/// Why a component is not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdmissionError {
    /// Not WebAssembly at all.
    #[error("not a WebAssembly component: {found}. {advice}")]
    NotWasm {
        /// What it looks like.
        found: String,
        /// How to make a component.
        advice: String,
    },
    /// A core module.
    #[error("a core WebAssembly module, not a component. {advice}")]
    CoreModule {
        /// How to make a component.
        advice: String,
    },
    /// Broken bytes.
    #[error("not a valid component, at byte {offset}: {message}")]
    Invalid {
        /// Where.
        offset: usize,
        /// What is wrong.
        message: String,
    },
    /// Too much of something.
    #[error("the component has {found} {what}; at most {limit} are taken")]
    TooMuch {
        /// Of what, with its unit.
        what: String,
        /// How much.
        found: u64,
        /// The limit.
        limit: u64,
    },
    /// An import that needs a grant.
    #[error("the component imports {import}, which is not granted. {advice}")]
    NotGranted {
        /// The import's full name.
        import: String,
        /// The line to put in moot.toml, or why there is none.
        advice: String,
    },
    /// An import that this host does not have.
    #[error("the component imports {import}, which this host does not have. {advice}")]
    Unknown {
        /// The import's full name.
        import: String,
        /// What would do instead.
        advice: String,
    },
    /// A grant that a deterministic function cannot have.
    #[error("`deterministic = true` and the grant `{grant}` exclude each other: remove one of them")]
    NotDeterministic {
        /// The grant.
        grant: String,
    },
    /// Nothing that can be called.
    #[error("the component exports nothing that can be called. {advice}")]
    NothingExported {
        /// What a function exports.
        advice: String,
    },
    /// A limit of the policy that this host cannot give.
    #[error("the policy allows {asked} of memory, and this host gives at most {limit}")]
    MemoryLimit {
        /// What the policy says.
        asked: String,
        /// What the host has.
        limit: String,
    },
}
