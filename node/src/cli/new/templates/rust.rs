//! Templates in Rust.

use super::super::Template;
use super::File;

/// The files of a template.
pub(super) fn files(template: Template) -> &'static [File] {
    match template {
        Template::Hello => &[
            ("Cargo.toml", template!("rust/Cargo.bindgen.toml")),
            ("moot.toml", template!("rust/hello/moot.toml")),
            ("src/lib.rs", template!("rust/hello/lib.rs")),
            ("wit/world.wit", template!("rust/hello/world.wit")),
            ("README.md", template!("rust/hello/README.md")),
        ],
        Template::Http => &[
            ("Cargo.toml", template!("rust/Cargo.wstd.toml")),
            ("moot.toml", template!("rust/http/moot.toml")),
            ("src/lib.rs", template!("rust/http/lib.rs")),
            ("README.md", template!("rust/http/README.md")),
        ],
        Template::Typed => &[
            ("Cargo.toml", template!("rust/Cargo.bindgen.toml")),
            ("moot.toml", template!("rust/typed/moot.toml")),
            ("src/lib.rs", template!("rust/typed/lib.rs")),
            ("wit/world.wit", template!("rust/typed/world.wit")),
            ("README.md", template!("rust/typed/README.md")),
        ],
        Template::Counter => &[
            ("Cargo.toml", template!("rust/Cargo.bindgen.toml")),
            ("moot.toml", template!("rust/counter/moot.toml")),
            ("src/lib.rs", template!("rust/counter/lib.rs")),
            ("wit/world.wit", template!("rust/counter/world.wit")),
            ("README.md", template!("rust/counter/README.md")),
        ],
        Template::Fetch => &[
            ("Cargo.toml", template!("rust/Cargo.wstd.toml")),
            ("moot.toml", template!("rust/fetch/moot.toml")),
            ("src/lib.rs", template!("rust/fetch/lib.rs")),
            ("README.md", template!("rust/fetch/README.md")),
        ],
    }
}

/// Rust's macros read the interfaces where they are, so they are copied into the project.
pub(super) const CARRIES_WIT: bool = true;

/// What git is to leave out.
pub(super) const IGNORED: &str = "/target\n/.moot\n";

/// Names that Rust, cargo or the standard library keep for themselves.
pub(super) const RESERVED: [&str; 57] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "build",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "incremental",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "use",
    "where",
    "while",
];
