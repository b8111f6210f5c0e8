//! The languages, and how their guests are deployed: all alike, under `<language>-<name>`.

use super::super::support::{TestNode, guest};
use moot_record::{FunctionKind, Spec};
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Rust,
    JavaScript,
    Python,
    Go,
}

/// The functions, and what each is granted.
const FUNCTIONS: [(&str, FunctionKind); 5] = [
    ("hello", FunctionKind::Event),
    ("http", FunctionKind::Http),
    ("calculator", FunctionKind::Typed),
    ("counter", FunctionKind::Event),
    ("fetch", FunctionKind::Http),
];

/// Fuel that no language's `fibonacci(40)` is content with, and every language's `fibonacci(15)`.
pub(super) const LITTLE_FUEL: u64 = 300_000_000;
/// A deadline that no language's `fibonacci(40)` meets.
pub(super) const SHORT_DEADLINE_MS: u64 = 500;
/// Bytes of memory in which every language's calculator starts, and none reverses [`MUCH_BYTES`].
pub(super) const LITTLE_MEMORY: u64 = 40 << 20;
/// Bytes that need more than [`LITTLE_MEMORY`] as they come, as they go, and as text between.
pub(super) const MUCH_BYTES: usize = 44 << 20;

impl Language {
    const ALL: [Language; 4] = [Language::Rust, Language::JavaScript, Language::Python, Language::Go];

    /// Those whose guests are there, and those that must be.
    pub(super) fn present() -> Vec<Language> {
        let wanted = std::env::var("MOOT_CONFORMANCE").unwrap_or_default();
        let wanted: Vec<&str> = wanted.split(',').filter(|word| !word.is_empty()).collect();
        let unknown =
            wanted.iter().find(|word| Language::ALL.iter().all(|language| language.key() != **word));
        assert!(unknown.is_none(), "MOOT_CONFORMANCE names {unknown:?}: rust, js, python or go");
        let (here, missing): (Vec<_>, Vec<_>) = Language::ALL.into_iter().partition(|language| {
            *language == Language::Rust || wanted.contains(&language.key()) || language.folder().is_dir()
        });
        for language in missing {
            println!("{}: left out; `cargo xtask guests` builds its guests", language.title());
        }
        here
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Language::Rust => "Rust",
            Language::JavaScript => "JavaScript",
            Language::Python => "Python",
            Language::Go => "Go",
        }
    }

    /// As names of functions and folders have it.
    pub(super) fn key(self) -> &'static str {
        match self {
            Language::Rust => "rust",
            Language::JavaScript => "js",
            Language::Python => "python",
            Language::Go => "go",
        }
    }

    /// What a stack trace in the log names: the file of the guest's own source.
    pub(super) fn source_of_calculator(self) -> &'static str {
        match self {
            Language::Rust => "src/lib.rs",
            Language::JavaScript => "calculator/src/index.ts",
            Language::Python => "calculator.py",
            Language::Go => "main.go",
        }
    }

    fn folder(self) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/guests").join(self.key())
    }

    pub(super) fn component(self, name: &str) -> Result<Vec<u8>, String> {
        if self == Language::Rust {
            return Ok(guest(if name == "http" { "hello-http" } else { name }));
        }
        let path = self.folder().join(name).with_extension("wasm");
        std::fs::read(&path).map_err(|error| {
            format!("{}: {error}; `cargo xtask guests {}` builds it", path.display(), self.key())
        })
    }

    /// Deploys every function, and the calculator three times more with little of each resource.
    pub(super) fn deploy(self, node: &TestNode, server: SocketAddr) -> Result<(), String> {
        for (name, kind) in FUNCTIONS {
            let component = self.component(name)?;
            self.deploy_one(node, name, &component, kind, |spec| match name {
                "hello" => spec.grants.env = vec![("GREETING".into(), "good day".into())],
                "counter" => spec.grants.key_value = vec!["default".into()],
                "fetch" => spec.grants.http = Some(vec![format!("http://{server}")]),
                _ => {}
            });
            if name != "calculator" {
                continue;
            }
            self.deploy_one(node, "little-fuel", &component, kind, |spec| spec.limits.fuel = LITTLE_FUEL);
            self.deploy_one(node, "short-time", &component, kind, |spec| {
                spec.limits.fuel = 10_000_000_000_000;
                spec.limits.deadline_ms = SHORT_DEADLINE_MS;
            });
            self.deploy_one(node, "little-memory", &component, kind, |spec| {
                spec.limits.memory_bytes = LITTLE_MEMORY;
                spec.limits.request_bytes = 64 << 20;
                spec.limits.deadline_ms = 60_000;
            });
        }
        Ok(())
    }

    fn deploy_one(
        self,
        node: &TestNode,
        name: &str,
        component: &[u8],
        kind: FunctionKind,
        change: impl FnOnce(&mut Spec),
    ) {
        node.deploy(&format!("{}-{name}", self.key()), component, kind, |spec| {
            // The standard libraries of Python and Go ask for it.
            spec.grants.random = true;
            change(spec);
        });
    }
}
