//! How a function's component is made: `build`, a shell command or a table that names a language.
//!
//! Nothing here looks at files or tools: that is the business of whoever builds.

use super::section::{Found, Section, nearest};
use crate::limits::MAX_WARM_UP;

/// How a component is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Build {
    /// A shell command, run in the manifest's folder.
    Command(String),
    /// The tools of a language, driven by `moot build`.
    Language(LanguageBuild),
}

/// `[functions.<name>.build]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LanguageBuild {
    /// The language.
    pub language: Language,
    /// What is built, as that language names it: a file (JavaScript), a module (Python), a package's folder (Rust, Go).
    pub source: String,
    /// The interfaces; none for a plain `wasi:http` function.
    pub interfaces: Option<Interfaces>,
    /// What runs JavaScript.
    pub engine: Engine,
    /// What an HTTP function in JavaScript is asked while it is made, so that no call is the first.
    pub warm_up: Vec<String>,
}

/// Which world a component is made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interfaces {
    /// The folder of the world, relative to the manifest.
    pub wit: String,
    /// The world's name.
    pub world: String,
}

/// A language whose tools `moot build` drives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// cargo.
    Rust,
    /// JavaScript and TypeScript.
    JavaScript,
    /// CPython.
    Python,
    /// The stock Go toolchain.
    Go,
}

/// What runs JavaScript inside a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Engine {
    /// SpiderMonkey with the web's interfaces: complete, 12 MB.
    #[default]
    #[value(name = "starlingmonkey")]
    StarlingMonkey,
    /// QuickJS with those that a function needs: small, 1.8 to 3 MB, and sooner there.
    #[value(name = "quickjs")]
    QuickJs,
}

impl Engine {
    /// As the manifest writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Engine::StarlingMonkey => "starlingmonkey",
            Engine::QuickJs => "quickjs",
        }
    }
}

impl Language {
    /// As the manifest writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Language::Rust => "rust",
            Language::JavaScript => "javascript",
            Language::Python => "python",
            Language::Go => "go",
        }
    }

    /// As people write it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Language::Rust => "Rust",
            Language::JavaScript => "JavaScript",
            Language::Python => "Python",
            Language::Go => "Go",
        }
    }
}

const LANGUAGES: [Language; 4] = [Language::Rust, Language::JavaScript, Language::Python, Language::Go];
const WANT_LANGUAGE: &str = "\"rust\", \"javascript\", \"python\" or \"go\"";
const WANT_ENGINE: &str = "\"starlingmonkey\" or \"quickjs\"";
const WANT_WARM_UP: &str = "a list of paths in quotes, such as [\"/\"]";
const WANT_BUILD: &str = "a command in quotes, or a table: [functions.<name>.build]";

/// Reads `build`; `None` when it is absent or wrong. Problems are noted in the source.
pub(super) fn read(section: &Section<'_, '_>) -> Option<Build> {
    match section.text_or_section("build", WANT_BUILD)? {
        Err(below) => read_language(below).map(Build::Language),
        Ok((command, at)) if command.trim().is_empty() => {
            let help = Some("leave it out when there is nothing to build".to_owned());
            section.source().problem(at, "`build` is empty", help);
            None
        }
        Ok((command, _)) => Some(Build::Command(command.to_owned())),
    }
}

fn read_language(section: Section<'_, '_>) -> Option<LanguageBuild> {
    let language = read_name(&section);
    let source = section.text("source", "the file, module or folder to build, in quotes");
    let interfaces = read_interfaces(&section);
    let engine = section.text("engine", WANT_ENGINE);
    let warm_up = section.texts("warm_up", WANT_WARM_UP).unwrap_or_default();
    let read = language.and_then(|language| {
        let engine = match engine {
            None => Engine::default(),
            Some((_, at)) if language != Language::JavaScript => {
                let message = format!("`engine` is for JavaScript alone, and this is {}", language.title());
                section.source().problem(at, message, Some("leave it out".to_owned()));
                return None;
            }
            Some(("starlingmonkey", _)) => Engine::StarlingMonkey,
            Some(("quickjs", _)) => Engine::QuickJs,
            Some((other, at)) => {
                let message = format!("`engine` must be {WANT_ENGINE}, not {other:?}");
                section.source().problem(at, message, None);
                return None;
            }
        };
        let warm_up = read_warm_up(&section, warm_up, language, interfaces.is_some())?;
        let source = match (source, language) {
            (Some((text, at)), _) if text.trim().is_empty() => {
                section.source().problem(at, "`source` is empty", Some(example(language)));
                return None;
            }
            (Some((text, _)), _) => text.to_owned(),
            (None, Language::Rust | Language::Go) => ".".to_owned(),
            (None, Language::JavaScript | Language::Python) => {
                // A wrong type has been noted already; only a missing key has not.
                if !section.entries().iter().any(|((key, _), _)| *key == "source") {
                    let message = format!("[{}] does not say what is to be built", section.name());
                    section.source().problem(section.at(), message, Some(example(language)));
                }
                return None;
            }
        };
        Some(LanguageBuild { language, source, interfaces, engine, warm_up })
    });
    section.finish();
    read
}

/// The paths that are asked for while the component is made.
fn read_warm_up(
    section: &Section<'_, '_>,
    paths: Vec<Found<&str>>,
    language: Language,
    has_world: bool,
) -> Option<Vec<String>> {
    let Some((_, first)) = paths.first() else { return Some(Vec::new()) };
    let problem = |at: &std::ops::Range<usize>, message: String, help: &str| {
        section.source().problem(at.clone(), message, Some(help.to_owned()));
        None
    };
    if language != Language::JavaScript || has_world {
        let message = "`warm_up` is for HTTP functions in JavaScript alone, which have no `world`";
        return problem(first, message.to_owned(), "leave it out");
    }
    if let Some((_, at)) = paths.get(MAX_WARM_UP) {
        let message = format!("`warm_up` has {} paths; at most {MAX_WARM_UP} are allowed", paths.len());
        return problem(at, message, "one for each kind of answer is enough");
    }
    if let Some((path, at)) = paths.iter().find(|(path, _)| !path.starts_with('/')) {
        return problem(at, format!("`warm_up` has {path:?}, which is no path"), "a path begins with /");
    }
    Some(paths.into_iter().map(|(path, _)| path.to_owned()).collect())
}

fn example(language: Language) -> String {
    let source = match language {
        Language::Rust | Language::Go => "add source = \".\", the folder of the package",
        Language::JavaScript => "add source = \"src/index.js\", the file to build",
        Language::Python => "add source = \"app\", the module to build: app.py",
    };
    source.to_owned()
}

fn read_name(section: &Section<'_, '_>) -> Option<Language> {
    let Some((name, at)) = section.text("language", WANT_LANGUAGE) else {
        if !section.entries().iter().any(|((key, _), _)| *key == "language") {
            let message = format!("[{}] does not name a language", section.name());
            section.source().problem(section.at(), message, Some(format!("language = {WANT_LANGUAGE}")));
        }
        return None;
    };
    let found = LANGUAGES.into_iter().find(|language| language.as_str() == name);
    if found.is_none() {
        // What people call them, besides.
        let meant = match name.to_ascii_lowercase().as_str() {
            "js" | "ts" | "typescript" | "ecmascript" | "node" => Some("javascript"),
            "py" | "python3" | "cpython" => Some("python"),
            "golang" => Some("go"),
            "rs" => Some("rust"),
            other => nearest(other, LANGUAGES.into_iter().map(Language::as_str)),
        };
        let help = meant.map_or_else(
            || "for any other language write build = \"<command>\"".to_owned(),
            |meant| format!("did you mean {meant:?}?"),
        );
        section.source().problem(at, format!("`language` must be {WANT_LANGUAGE}, not {name:?}"), Some(help));
    }
    found
}

fn read_interfaces(section: &Section<'_, '_>) -> Option<Interfaces> {
    let wit = section.text("wit", "the folder of the world in quotes, such as \"wit\"");
    let world = section.text("world", "the name of a world in quotes");
    let (message, at, help) = match (wit, world) {
        (None, None) => return None,
        (Some((wit, at)), Some((world, world_at))) => match (wit.trim(), world.trim()) {
            ("", _) => ("`wit` is empty", at, "wit = \"wit\""),
            (_, "") => ("`world` is empty", world_at, "world = \"function\""),
            _ => return Some(Interfaces { wit: wit.to_owned(), world: world.to_owned() }),
        },
        (Some((_, at)), None) => (
            "`wit` needs a `world`: which of that folder's worlds this function has",
            at,
            "world = \"function\"",
        ),
        (None, Some((_, at))) => (
            "`world` needs a `wit`: the folder that the world is in",
            at,
            "wit = \"wit\"; leave both out for a plain wasi:http function",
        ),
    };
    section.source().problem(at, message, Some(help.to_owned()));
    None
}
