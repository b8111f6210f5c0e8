//! `moot new`: a folder with a function in it that builds.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use moot_record::FunctionName;

use super::failure::Failure;
use super::toolchain::Missing;
use super::{build, terminal, toolchain};
use crate::manifest::Engine;

mod templates;

/// Make a folder with a new function in it
#[derive(Debug, Args)]
#[command(
    after_help = "Templates:\n  hello    answers an event: bytes in, bytes or a failure out (moot:function)\n  \
                        http     answers HTTP requests (a standard wasi:http proxy, nothing of this platform in it)\n  \
                        typed    exports functions with types, called with JSON\n  \
                        counter  counts in a key-value store that the manifest grants\n  \
                        fetch    asks another server over HTTP, as far as the manifest grants it"
)]
pub(crate) struct New {
    /// Name of the function: a-z, 0-9 and -, beginning with a letter
    name: String,
    /// What to begin with
    #[arg(long, short, value_enum, default_value_t = Template::Hello)]
    template: Template,
    /// The language
    #[arg(long, short, value_enum, default_value_t = Language::Rust)]
    lang: Language,
    /// What runs JavaScript: written to moot.toml, which `moot build` and `moot deploy` go by [default: the smallest
    /// that the template can do with]
    #[arg(long, value_enum)]
    engine: Option<Engine>,
    /// The folder to make [default: the name]
    #[arg(long, value_name = "FOLDER")]
    path: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Template {
    Hello,
    Http,
    Typed,
    Counter,
    Fetch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Language {
    Rust,
    #[value(alias = "javascript")]
    Js,
    #[value(alias = "typescript")]
    Ts,
    #[value(alias = "py")]
    Python,
    Go,
}

impl New {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let name = FunctionName::parse(&self.name).map_err(|error| Failure::usage(error.to_string()))?;
        templates::check_name(self.lang, &name)?;
        templates::check_engine(self.lang, self.template, self.engine)?;
        let folder = self.path.unwrap_or_else(|| PathBuf::from(name.as_str()));
        refuse_full(&folder)?;
        let files = templates::files(self.lang, self.template, self.engine, &name);
        for (path, content) in &files {
            write(&folder.join(&**path), content)?;
        }
        let shown = folder.display();
        terminal::done("Made", &format!("{name} in {shown}, {}", super::text::count(files.len(), "file")));
        if let Some(missing) = missing(self.lang, &folder) {
            terminal::warn(&format!("it cannot be built here yet: {}", missing.what));
            terminal::hint(&missing.how);
        }
        let first = match self.lang {
            Language::Js | Language::Ts => "npm install && ",
            Language::Rust | Language::Python | Language::Go => "",
        };
        terminal::hint(&format!("cd {shown} && {first}moot up --deploy"));
        Ok(())
    }
}

/// What this machine lacks for a language. What belongs into the project itself is not looked at.
fn missing(language: Language, folder: &Path) -> Option<Missing> {
    match language {
        Language::Rust => build::rust::missing(folder),
        Language::Js | Language::Ts => toolchain::missing_program(&["node", "npm"]),
        Language::Python => toolchain::missing_program(&["python3"]),
        Language::Go => toolchain::missing_program(&["go"]),
    }
}

/// A folder that has something in it is somebody's work.
fn refuse_full(folder: &Path) -> anyhow::Result<()> {
    let shown = folder.display();
    match std::fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(Failure::new(format!("{shown} is not empty"))
                .hint("choose another name, or another folder with --path")
                .into()),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("{shown} cannot be used as the new folder")),
    }
}

fn write(path: &Path, content: &str) -> anyhow::Result<()> {
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| std::fs::write(path, content))
        .with_context(|| format!("cannot write {}", path.display()))
}
