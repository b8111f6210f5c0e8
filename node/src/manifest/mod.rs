//! `moot.toml`: what functions there are, how they are built, and what each may do.
//!
//! ```text
//! moot.toml ──toml──► table with places ──Section──► FunctionManifest ──kind of the component──► record::Spec
//!                                           │
//!                                           └─► ManifestError: every problem, with its line
//! ```
//!
//! Nothing here touches the component itself or the network. A manifest that was read holds only values that are
//! valid; paths in it are relative to the file, not to the folder a command happens to run in.

mod access;
mod build;
mod function;
mod grants;
mod problem;
mod section;
pub mod units;

use std::path::{Path, PathBuf};

use moot_record::{FunctionName, Spec};
use toml::de::{DeTable, DeValue};

pub use build::{Build, Engine, Interfaces, Language, LanguageBuild};
pub use problem::{ManifestError, Problem};

use crate::limits::{MAX_MANIFEST_BYTES, MAX_MANIFEST_FUNCTIONS, MAX_MANIFEST_PARENTS};
pub(crate) use problem::Source;
pub(crate) use section::{Section, nearest};

/// The name of the file.
pub const FILE_NAME: &str = "moot.toml";

/// A manifest that was read.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The file.
    pub path: PathBuf,
    /// Its functions, in the order of the file; at least one.
    pub functions: Vec<FunctionManifest>,
}

/// One function of a manifest.
#[derive(Debug, Clone)]
pub struct FunctionManifest {
    /// Its name.
    pub name: FunctionName,
    /// Where its component is; the manifest itself for an external function.
    pub component: PathBuf,
    /// What runs, in the owner's words, when it is no component.
    pub external: Option<String>,
    /// How it is made.
    pub build: Option<Build>,
    /// What will be recorded. Its kind is a guess until the component has been looked at.
    pub spec: Spec,
}

/// Why there is no manifest.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Neither here nor above.
    #[error("there is no {FILE_NAME} in {folder} or above it")]
    Missing {
        /// Where the search began.
        folder: PathBuf,
    },
    /// The system said no.
    #[error("cannot read {path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        error: std::io::Error,
    },
    /// No manifest has a reason to be that long.
    #[error("{path} has {bytes} bytes, a manifest has at most {MAX_MANIFEST_BYTES}; is it the right file?")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
    },
    /// What is in it.
    #[error(transparent)]
    Content(#[from] ManifestError),
}

impl Manifest {
    /// Looks for a manifest in `folder` and above it, as cargo and git do for theirs.
    pub fn find(folder: &Path) -> Option<PathBuf> {
        folder
            .ancestors()
            .take(MAX_MANIFEST_PARENTS)
            .map(|above| above.join(FILE_NAME))
            .find(|path| path.is_file())
    }

    /// Reads the manifest at `path`.
    pub fn load(path: &Path) -> Result<Manifest, LoadError> {
        let io = |error| LoadError::Io { path: path.to_owned(), error };
        let bytes = std::fs::metadata(path).map_err(io)?.len();
        if bytes > MAX_MANIFEST_BYTES {
            return Err(LoadError::TooLarge { path: path.to_owned(), bytes });
        }
        let text = std::fs::read_to_string(path).map_err(io)?;
        Ok(Manifest::parse(&text, path)?)
    }

    /// Reads a manifest's text; `path` is what messages call it and what its paths are relative to.
    pub fn parse(text: &str, path: &Path) -> Result<Manifest, ManifestError> {
        let source = Source::new(path, text);
        let mut functions = Vec::new();
        match DeTable::parse(text) {
            Err(error) => {
                let at = error.span().unwrap_or(0..0);
                source.problem(at, format!("this is not TOML: {}", error.message()), None);
            }
            Ok(table) => {
                let whole = Section::new(&source, String::new(), table.get_ref(), 0..0);
                functions = read_functions(&whole, path);
                whole.finish();
            }
        }
        source.finish(Manifest { path: path.to_owned(), functions })
    }

    /// The folder that commands run in and that paths are relative to.
    #[must_use]
    pub fn folder(&self) -> &Path {
        folder_of(&self.path)
    }

    /// The functions called `names`, or all of them when there are no names. The error is the unknown name and what
    /// it may have been meant to be.
    pub fn select(&self, names: &[String]) -> Result<Vec<&FunctionManifest>, UnknownFunction> {
        if names.is_empty() {
            return Ok(self.functions.iter().collect());
        }
        let mut selected: Vec<&FunctionManifest> = Vec::new();
        for name in names {
            let found = self.functions.iter().find(|function| function.name.as_str() == name);
            let Some(function) = found else { return Err(self.unknown(name)) };
            if !selected.iter().any(|chosen| chosen.name == function.name) {
                selected.push(function);
            }
        }
        Ok(selected)
    }

    fn unknown(&self, name: &str) -> UnknownFunction {
        let known: Vec<&str> = self.functions.iter().map(|function| function.name.as_str()).collect();
        UnknownFunction {
            name: name.to_owned(),
            path: self.path.clone(),
            near: nearest(name, known.iter().copied()).map(str::to_owned),
            known: known.join(", "),
        }
    }
}

/// A function that the manifest does not have.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{} has no function {name:?}", .path.display())]
pub struct UnknownFunction {
    /// The name.
    pub name: String,
    /// The manifest.
    pub path: PathBuf,
    /// What it may have been meant to be.
    pub near: Option<String>,
    /// Those that there are.
    pub known: String,
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => Path::new("."),
    }
}

fn read_functions(whole: &Section<'_, '_>, path: &Path) -> Vec<FunctionManifest> {
    const WANT: &str = "a table of functions: [functions.<name>]";
    let source = whole.source();
    let Some(section) = whole.section("functions", WANT) else {
        let help = "begin with\n\n    [functions.hello]\n    component = \"path/to/hello.wasm\"\n".to_owned();
        source.problem(0..0, "there is no function in this file", Some(help));
        return Vec::new();
    };
    let entries = section.entries();
    if entries.is_empty() || entries.len() > MAX_MANIFEST_FUNCTIONS {
        let message =
            format!("a manifest has 1 to {MAX_MANIFEST_FUNCTIONS} functions, this one {}", entries.len());
        source.problem(section.at(), message, None);
        return Vec::new();
    }
    let mut functions: Vec<FunctionManifest> = Vec::new();
    for ((name, at), value) in entries {
        let DeValue::Table(table) = value.get_ref() else {
            source.problem(at, format!("`functions.{name}` must be {WANT}"), None);
            continue;
        };
        let name = match FunctionName::parse(name) {
            Ok(name) => name,
            Err(error) => {
                source.problem(at, error.to_string(), None);
                continue;
            }
        };
        let read = function::read(&name, section.below(name.as_str(), table, at.clone()), folder_of(path));
        let Some(function) = read else { continue };
        if let Some(other) = functions.iter().find(|other| other.spec.route == function.spec.route) {
            let message = format!("`{name}` and `{}` both have the route {:?}", other.name, other.spec.route);
            source.problem(at, message, Some("give one of them another `route`".to_owned()));
        }
        functions.push(function);
    }
    functions
}

#[cfg(test)]
mod tests;
