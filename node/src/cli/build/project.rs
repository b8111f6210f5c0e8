//! What a language's tools are given: one function of a manifest, with its paths made whole.
//!
//! ```text
//! moot.toml ──► Project ──► rust | javascript | python | go ──► component
//!                  └─ .moot/build/<function>/   what a build keeps between runs, and the whole WIT
//! ```
//!
//! Nothing that a build fetches or caches leaves the project's own folder, but what pip and Go keep for all of a person's
//! projects by themselves.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use moot_record::{FunctionName, SpecGrants};

use super::super::failure::Failure;
use super::super::toolchain::{self, Missing};
use super::interfaces;
use crate::manifest::{Engine, FunctionManifest, LanguageBuild};

/// The world of a function that answers HTTP and imports nothing that would need a grant.
const HTTP_WORLD: &str =
    "package local:function;\n\nworld function {\n  include moot:function/http-function@0.1.0;\n}\n";

/// One function to be built by the tools of its language.
pub(super) struct Project<'m> {
    /// The function's name.
    pub(super) name: &'m FunctionName,
    /// The manifest's folder, absolute. Commands run here.
    pub(super) folder: PathBuf,
    /// What is built, as the language names it: a file, a module, a package's folder. Relative to `folder`.
    pub(super) source: &'m str,
    /// The folder of the project's own WIT, absolute; none for a plain `wasi:http` function. Tools want
    /// [`Project::whole_wit`].
    pub(super) wit: Option<PathBuf>,
    /// The world's name; there is one when there is `wit`.
    pub(super) world: Option<&'m str>,
    /// What runs JavaScript.
    pub(super) engine: Engine,
    /// What an HTTP function in JavaScript is asked while it is made.
    pub(super) warm_up: &'m [String],
    /// What the function may reach: a component should not import what it is not granted.
    pub(super) grants: &'m SpecGrants,
    /// Where the result goes, absolute.
    pub(super) component: PathBuf,
}

impl<'m> Project<'m> {
    /// The project of `function`, whose manifest is in `folder`.
    pub(super) fn new(
        folder: &Path,
        function: &'m FunctionManifest,
        build: &'m LanguageBuild,
    ) -> anyhow::Result<Self> {
        let folder =
            folder.canonicalize().with_context(|| format!("cannot use the folder {}", folder.display()))?;
        let wit = build.interfaces.as_ref().map(|interfaces| folder.join(&interfaces.wit));
        if let Some(wit) = wit.as_ref().filter(|wit| !wit.is_dir()) {
            let message = format!("{} has no interfaces: {} is not a folder", function.name, wit.display());
            return Err(Failure::new(message)
                .hint("`wit` in the manifest names the folder with the world's .wit file")
                .into());
        }
        let component = std::path::absolute(&function.component)?;
        Ok(Project {
            name: &function.name,
            source: &build.source,
            wit,
            world: build.interfaces.as_ref().map(|interfaces| interfaces.world.as_str()),
            engine: build.engine,
            warm_up: &build.warm_up,
            grants: &function.spec.grants,
            component,
            folder,
        })
    }

    /// The folder for what a build keeps between runs: `.moot/build/<function>`, made when it is missing.
    pub(super) fn cache(&self) -> anyhow::Result<PathBuf> {
        let path = self.folder.join(".moot/build").join(self.name.as_str());
        std::fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(path)
    }

    /// A folder with the project's WIT and every package of `wit/` that it leaves out, so that a project need hold
    /// nothing but its own world. Made anew each time. `None` for a plain `wasi:http` function.
    pub(super) fn whole_wit(&self) -> anyhow::Result<Option<PathBuf>> {
        let Some(own) = &self.wit else { return Ok(None) };
        let whole = self.cache()?.join("wit");
        interfaces::write(Some(own), &whole)?;
        Ok(Some(whole))
    }

    /// The folder of [`Project::whole_wit`] and the world in it. A function without interfaces of its own has those of
    /// `moot:function/http-function`.
    pub(super) fn whole_world(&self) -> anyhow::Result<(PathBuf, &str)> {
        if let (Some(whole), Some(world)) = (self.whole_wit()?, self.world) {
            return Ok((whole, world));
        }
        let whole = self.cache()?.join("wit");
        interfaces::write(None, &whole)?;
        let world = whole.join("world.wit");
        std::fs::write(&world, HTTP_WORLD).with_context(|| format!("cannot write {}", world.display()))?;
        Ok((whole, "function"))
    }

    /// Makes the folder that the component goes to.
    pub(super) fn make_component_folder(&self) -> anyhow::Result<()> {
        let Some(folder) = self.component.parent() else { return Ok(()) };
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
    }

    /// Fails when one of `programs` is not installed.
    pub(super) fn needs(&self, programs: &[&str]) -> anyhow::Result<()> {
        match toolchain::missing_program(programs) {
            Some(missing) => Err(self.lacks(missing)),
            None => Ok(()),
        }
    }

    /// The error for something that is not there.
    pub(super) fn lacks(&self, missing: Missing) -> anyhow::Error {
        Failure::new(format!("{} cannot be built: {}", self.name, missing.what))
            .hint(missing.how)
            .hint("`moot doctor` shows all that is missing")
            .into()
    }

    /// Runs a tool to its end in the project's folder, unless the command names another. What it prints is progress,
    /// never a result: all of it goes to standard error. `what` is the tool as a person would call it.
    pub(super) fn run(&self, what: &str, command: &mut Command) -> anyhow::Result<()> {
        if command.get_current_dir().is_none() {
            command.current_dir(&self.folder);
        }
        let status = command
            .stdin(Stdio::null())
            .stdout(std::io::stderr())
            .status()
            .with_context(|| format!("cannot run {what}"))?;
        if !status.success() {
            let message = format!("building {} failed: {what} ended with {status}", self.name);
            return Err(Failure::new(message).hint("what it said is above").into());
        }
        Ok(())
    }
}
