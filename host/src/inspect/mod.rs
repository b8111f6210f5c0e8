//! Looks into a component before it is compiled.
//!
//! Compiling is the dearest thing that a stranger's bytes can make a host do, so everything that can be known without
//! it is checked first: what it is, how much of everything it has, whether it is valid, what it imports.

mod walk;

pub(crate) use walk::kind;

use crate::limits;
use crate::policy::imports::InterfaceName;
use std::fmt;
use wasmparser::{Parser, WasmFeatures};

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
    /// Linear memory that an instance starts with, in bytes.
    pub initial_memory_bytes: u64,
}

impl Inspection {
    /// Whether it imports or exports WASI 0.3.
    pub(crate) fn needs_concurrency(&self) -> bool {
        self.imports.iter().chain(&self.exports).any(|name| is_wasi_0_3(name))
    }
}

/// Whether an interface is one of WASI 0.3.
pub(crate) fn is_wasi_0_3(name: &str) -> bool {
    InterfaceName::parse(name).is_some_and(|name| name.package.starts_with("wasi:") && name.is("0.3"))
}

/// How to get a component; shown to those who bring something else.
pub const HOW_TO_MAKE_A_COMPONENT: &str = "To make a component: in Rust, `cargo build --release --target wasm32-wasip2`; in JavaScript, `jco componentize`; in Python, `componentize-py`; in Go, `tinygo build -target=wasip2`; from a core module, `wasm-tools component new module.wasm -o component.wasm`";

/// Looks into a component.
pub(crate) fn inspect(wasm: &[u8], features: WasmFeatures) -> Result<Inspection, AdmissionError> {
    limits::COMPONENT_BYTES.check(wasm.len() as u64)?;
    if Parser::is_core_wasm(wasm) {
        return Err(AdmissionError::CoreModule { advice: HOW_TO_MAKE_A_COMPONENT.to_owned() });
    }
    if !Parser::is_component(wasm) {
        let found = looks_like(wasm).to_owned();
        return Err(AdmissionError::NotWasm { found, advice: HOW_TO_MAKE_A_COMPONENT.to_owned() });
    }
    let found = walk::walk(wasm, features)?;
    let kind = walk::kind(found.callable.iter().map(String::as_str)).ok_or_else(|| {
        AdmissionError::NothingExported {
            advice: "A function exports wasi:http/incoming-handler, moot:function/handler, or functions of its own; a command line program (wasi:cli/run) is none"
                .to_owned(),
        }
    })?;
    Ok(Inspection {
        kind,
        imports: found.imports,
        exports: found.exports,
        bytes: wasm.len() as u64,
        functions: u32::try_from(found.functions).unwrap_or(u32::MAX),
        modules: u32::try_from(found.modules).unwrap_or(u32::MAX),
        initial_memory_bytes: found.initial_memory_bytes,
    })
}

/// What bytes that are no WebAssembly look like.
fn looks_like(bytes: &[u8]) -> &'static str {
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).is_ok();
    match bytes {
        [] => "the file is empty",
        b if b.trim_ascii_start().starts_with(b"(component")
            || b.trim_ascii_start().starts_with(b"(module") =>
        {
            "it is WebAssembly text; `wasm-tools parse` turns it into binary"
        }
        [0x7f, b'E', b'L', b'F', ..] => "it is a native executable",
        [0x1f, 0x8b, ..] | [b'P', b'K', ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            "it is compressed; unpack it first"
        }
        [0, b'a', b's', b'm', ..] => "it is WebAssembly of an unknown version",
        b if text(&b[..b.len().min(512)]) => "it is a text file",
        _ => "it does not begin as WebAssembly does",
    }
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
    /// WASI 0.3 and `deterministic`.
    #[error(
        "a component for WASI 0.3 cannot be `deterministic`: its tasks run in an order of their own; build it for WASI 0.2"
    )]
    ConcurrentNotDeterministic,
    /// Nothing that can be called.
    #[error("the component exports nothing that can be called. {advice}")]
    NothingExported {
        /// What a function exports.
        advice: String,
    },
    /// More memory from the start than the policy allows.
    #[error(
        "the component starts with {has} of memory; its limit is {limit}. Raise `memory` under its limits in moot.toml"
    )]
    StartsTooLarge {
        /// What it starts with.
        has: String,
        /// Its limit.
        limit: String,
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
