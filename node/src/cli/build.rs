//! `moot build`: runs each function's build command, or the tools of its language, and looks at what came out.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;
use clap::Args;
use moot_host::{Host, HostConfig, Inspection, Kind};
use serde_json::json;

use super::failure::Failure;
use super::options::{ManifestOption, select};
use super::{terminal, toolchain};
use crate::limits::MAX_COMPONENT_BYTES;
use crate::manifest::units::show_size;
use crate::manifest::{Build as Recipe, FunctionManifest, Language, LanguageBuild, Manifest};
use crate::worker::external_artifact;
use project::Project;

pub(crate) mod go;
pub(crate) mod interfaces;
pub(crate) mod javascript;
mod project;
pub(crate) mod python;
pub(crate) mod rust;

/// Build the functions of a manifest
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// Which functions [default: all]
    functions: Vec<String>,
    /// Print what was built as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    manifest: ManifestOption,
}

/// A component that was built, looked at, and found to be one.
pub(crate) struct Built {
    pub(crate) bytes: Vec<u8>,
    pub(crate) inspection: Looked,
}

/// What was seen.
pub(crate) struct Looked {
    pub(crate) kind: Kind,
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
    pub(crate) bytes: u64,
}

impl From<Inspection> for Looked {
    fn from(seen: Inspection) -> Looked {
        Looked { kind: seen.kind, imports: seen.imports, exports: seen.exports, bytes: seen.bytes }
    }
}

impl Build {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let manifest = self.manifest.load()?;
        let mut built = Vec::new();
        for function in select(&manifest, &self.functions)? {
            run_build(&manifest, function)?;
            let Built { inspection, .. } = read_component(function)?;
            let shown = function.component.display();
            let what = format!(
                "{} {} {}, {}, {shown}",
                function.name,
                inspection.kind,
                if function.external.is_some() { "external" } else { "component" },
                show_size(inspection.bytes)
            );
            terminal::done("Built", &what);
            built.push(json!({
                "function": function.name.as_str(),
                "component": function.component,
                "bytes": inspection.bytes,
                "kind": inspection.kind.as_str(),
                "imports": inspection.imports,
                "exports": inspection.exports,
            }));
        }
        if self.json {
            terminal::print_json(&json!({ "built": built }))?;
        }
        Ok(())
    }
}

/// Makes a function's component, when the manifest says how.
pub(crate) fn run_build(manifest: &Manifest, function: &FunctionManifest) -> anyhow::Result<()> {
    match &function.build {
        None => Ok(()),
        Some(Recipe::Command(command)) => run_command(manifest, function, command),
        Some(Recipe::Language(recipe)) => run_language(manifest, function, recipe),
    }
}

/// The tools of a language.
fn run_language(
    manifest: &Manifest,
    function: &FunctionManifest,
    recipe: &LanguageBuild,
) -> anyhow::Result<()> {
    let LanguageBuild { language, source, .. } = recipe;
    terminal::done("Building", &format!("{} {} {source}", function.name, language.title()));
    let project = Project::new(manifest.folder(), function, recipe)?;
    match language {
        Language::Rust => rust::build(&project),
        Language::JavaScript => javascript::build(&project),
        Language::Python => python::build(&project),
        Language::Go => go::build(&project),
    }
}

/// A command of the manifest's own, in its folder.
fn run_command(manifest: &Manifest, function: &FunctionManifest, build: &str) -> anyhow::Result<()> {
    let folder = manifest.folder();
    if let Some(missing) = toolchain::missing_for(build, folder) {
        let message = format!("{} cannot be built: {}", function.name, missing.what);
        return Err(Failure::new(message)
            .hint(missing.how)
            .hint("`moot doctor` shows all that is missing")
            .into());
    }
    terminal::done("Building", &format!("{} `{build}`", function.name));
    // What the compiler prints is progress, never a result: it all goes to standard error.
    let status = Command::new("/bin/sh")
        .args(["-c", build])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .status()
        .with_context(|| format!("cannot run `{build}` in {}", folder.display()))?;
    if !status.success() {
        let message = format!("building {} failed: `{build}` ended with {status}", function.name);
        return Err(Failure::new(message).hint("what the compiler said is above").into());
    }
    Ok(())
}

/// Reads a function's component and checks that it is one.
pub(crate) fn read_component(function: &FunctionManifest) -> anyhow::Result<Built> {
    if let Some(text) = &function.external {
        let bytes = external_artifact(text).map_err(|error| Failure::new(error.to_string()))?;
        let (kind, length) = (Kind::Event, bytes.len() as u64);
        let inspection = Looked { kind, imports: Vec::new(), exports: Vec::new(), bytes: length };
        return Ok(Built { bytes, inspection });
    }
    let path = &function.component;
    let bytes = match read_bounded(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(not_there(function).into()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    if bytes.len() > MAX_COMPONENT_BYTES {
        let message = format!("{} is larger than {}", path.display(), show_size(MAX_COMPONENT_BYTES as u64));
        return Err(Failure::new(message).hint("build with --release; strip debug sections").into());
    }
    // Nothing is run: the smallest host will do.
    // Whether WASI 0.3 is taken is the node's to say.
    let host = Host::new(HostConfig { max_instances: 1, wasi_http_0_3: true, ..HostConfig::default() })?;
    let inspection = host
        .inspect(&bytes)
        .map_err(|error| Failure::new(format!("{} cannot be deployed: {error}", path.display())))?;
    Ok(Built { bytes, inspection: inspection.into() })
}

/// Reads one byte more than a component may have, so that the size is known to be too large without reading it all.
fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MAX_COMPONENT_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn not_there(function: &FunctionManifest) -> Failure {
    let shown = function.component.display();
    let build = match &function.build {
        None => {
            return Failure::new(format!("there is no component at {shown}"))
                .hint("build it, or add `build` to the manifest, or correct `component`");
        }
        Some(Recipe::Language(recipe)) => {
            let title = recipe.language.title();
            return Failure::new(format!("there is no component at {shown}"))
                .hint(format!("`moot build` makes it with the tools of {title}"));
        }
        Some(Recipe::Command(build)) => build,
    };
    let failure = Failure::new(format!("`{build}` went well, and there is no component at {shown}"));
    match std::env::var("CARGO_TARGET_DIR") {
        Ok(target) if build.contains("cargo") => failure.hint(format!(
            "CARGO_TARGET_DIR is {target}, so cargo puts it there: unset it, or correct `component`"
        )),
        _ => failure
            .hint("correct `component` in the manifest; is the crate a cdylib (crate-type = [\"cdylib\"])?"),
    }
}
