//! Go: the stock compiler makes a core module, and what the component model needs around it is carried in this binary.
//!
//! ```text
//! world ──wit-bindgen-go──► .moot/build/<function>/go   module `moot`: bindings, exports, and guest (sdk-go)
//!                                  │ replace moot => ...
//! package ──go build, wasip1───────┴──► core module ──wit-component, WASI adapter──► component
//! ```
//!
//! The package's `main` registers what answers and returns. Nobody calls `main` in a library, so a file that does is laid
//! over the package while it is compiled; it also pulls in the exports. Nothing is written into the package itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use wasi_preview1_component_adapter_provider as adapter;
use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::{Resolve, WorldId};

use super::super::failure::Failure;
use super::super::toolchain::{self, Missing};
use super::project::Project;

mod segments;

/// The oldest Go that compiles what is generated: what the support module's own go.mod asks for.
const OLDEST_GO: (u32, u32) = (1, 25);
/// The support package of the generated code. One number above what the generator writes: the same but for a fix that
/// keeps the garbage collector from asking for the time where that is forbidden.
pub(crate) const SUPPORT: (&str, &str) = ("go.bytecodealliance.org/pkg", "v0.2.3");

/// A file of the guest package, carried in the binary.
macro_rules! guest {
    ($name:literal) => {
        ($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../sdk-go/guest/", $name)))
    };
}

/// The guest package, and for each file the interfaces (as the generator names their packages) that it stands on.
const GUEST: [((&str, &str), &[&str]); 8] = [
    (guest!("doc.go"), &[]),
    (guest!("event.go"), &["export_moot_function_handler", "moot_function_types"]),
    (guest!("context.go"), &["moot_function_context"]),
    (guest!("logging.go"), &["wasi_logging_logging"]),
    (guest!("keyvalue.go"), &["wasi_keyvalue_store", "wasi_keyvalue_atomics"]),
    (guest!("ledger.go"), &["moot_function_ledger"]),
    (guest!("serve.go"), &["export_wasi_http_incoming_handler", "wasi_http_types"]),
    (guest!("fetch.go"), &["wasi_http_outgoing_handler", "wasi_http_types"]),
];
/// What `serve.go` and `fetch.go` share.
const WIRE: (&str, &str) = guest!("wire.go");

/// What is laid over the package.
const OVERLAY: &str = "// Laid over the package by `moot build`.\n\npackage main\n\nimport _ \"moot/wit_exports\"\n\n\
                       func init() { main() }\n";

/// Builds the package in the folder `source`.
pub(super) fn build(project: &Project<'_>) -> anyhow::Result<()> {
    project.needs(&["go"])?;
    if let Some(missing) = too_old() {
        return Err(project.lacks(missing));
    }
    let package = project.folder.join(project.source);
    if !package.join("go.mod").is_file() {
        return Err(Failure::new(format!("{} has no go.mod", package.display()))
            .hint("`source` is the folder of a package main that is a module of its own")
            .hint("`moot new --lang go` shows what goes into its go.mod")
            .into());
    }
    let mut resolve = Resolve::default();
    let (wit, world) = project.whole_world()?;
    let world = resolve
        .push_dir(&wit)
        .and_then(|(package, _)| resolve.select_world(&[package], Some(world)))
        .map_err(|error| Failure::new(format!("the interfaces of {} do not fit: {error:#}", project.name)))?;
    let cache = project.cache()?;
    write_module(&cache.join("go"), &mut resolve, world)?;
    let core = compile(project, &package, &cache)?;
    let component = componentize(core, &resolve, world)
        .map_err(|error| Failure::new(format!("no component can be made of {}: {error:#}", project.name)))?;
    project.make_component_folder()?;
    std::fs::write(&project.component, component)
        .with_context(|| format!("cannot write {}", project.component.display()))
}

/// What is missing when the Go that is installed is too old.
pub(crate) fn too_old() -> Option<Missing> {
    let version = toolchain::version("go", "version")?;
    let (major, minor) = OLDEST_GO;
    (numbers(&version)? < OLDEST_GO).then(|| Missing {
        what: format!("Go {major}.{minor} or later is needed, and this is: {version}"),
        how: toolchain::how_to_get("go"),
    })
}

/// The first two numbers of `go version go1.26.8 linux/amd64`.
fn numbers(version: &str) -> Option<(u32, u32)> {
    let number = version.split_whitespace().find_map(|word| word.strip_prefix("go1."))?;
    let minor: String = number.chars().take_while(char::is_ascii_digit).collect();
    Some((1, minor.parse().ok()?))
}

/// Writes the module `moot`: what the function's package imports.
fn write_module(folder: &Path, resolve: &mut Resolve, world: WorldId) -> anyhow::Result<()> {
    let mut files = generate(resolve, world)?;
    let has = |files: &BTreeMap<String, Vec<u8>>, package: &str| {
        files.contains_key(&format!("{package}/wit_bindings.go"))
    };
    let mut wire = false;
    for ((name, text), needs) in GUEST {
        if needs.iter().all(|package| has(&files, package)) {
            files.insert(format!("guest/{name}"), text.into());
            wire |= matches!(name, "serve.go" | "fetch.go");
        }
    }
    if wire {
        files.insert(format!("guest/{}", WIRE.0), WIRE.1.into());
    }
    let (path, version) = SUPPORT;
    files.insert("go.mod".to_owned(), format!("module moot\n\ngo 1.25\n\nrequire {path} {version}\n").into());
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot replace {}", folder.display()));
        }
        _ => {}
    }
    for (name, text) in files {
        write(&folder.join(name), &text)?;
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| std::fs::write(path, bytes))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// The bindings. Of each exported function the generator makes one that panics; here it calls what `main` registered.
fn generate(resolve: &mut Resolve, world: WorldId) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let options = wit_bindgen_go::Opts {
        format: wit_bindgen_go::Format::False,
        generate_stubs: true,
        pkg_name: Some("moot".to_owned()),
        ..wit_bindgen_go::Opts::default()
    };
    let mut generated = wit_bindgen_core::Files::default();
    options.build().generate(resolve, world, &mut generated)?;
    let mut files = BTreeMap::new();
    for (name, bytes) in generated.iter() {
        let text = String::from_utf8(bytes.to_vec())?;
        let text =
            if name.starts_with("export_") && name.ends_with(".go") { delegating(&text) } else { text };
        files.insert(name.to_owned(), text.into_bytes());
    }
    Ok(files)
}

/// Turns functions that panic into ones that call a variable's field: `Exports.Add = func(a, b uint32) uint32 {...}`.
fn delegating(stubs: &str) -> String {
    const STUB: &str = "panic(\"not implemented\")";
    let (mut text, mut fields) = (String::new(), String::new());
    let mut last = None;
    for line in stubs.lines() {
        if let Some((name, signature)) = line.strip_prefix("func ").and_then(|rest| rest.split_once('(')) {
            last = Some((name, signature.trim_end_matches('{')));
        }
        match last {
            Some((name, signature)) if line.trim() == STUB => {
                let (parameters, result) = split_signature(signature);
                let arguments: Vec<&str> =
                    parameters.split(", _").map(|one| one.trim_start_matches('_')).filter_map(word).collect();
                let arguments: Vec<String> = arguments.iter().map(|name| format!("_{name}")).collect();
                let call = format!("Exports.{name}({})", arguments.join(", "));
                let call = if result.trim().is_empty() { call } else { format!("return {call}") };
                text.push_str(&format!(
                    "\tif Exports.{name} == nil {{\n\t\tpanic(\"main did not register Exports.{name}\")\n\t}}\n\t{call}\n"
                ));
                fields.push_str(&format!("\t{name} func({signature}\n"));
            }
            _ => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    text.push_str(&format!(
        "\n// Exports are the functions that answer; main sets them.\nvar Exports struct {{\n{fields}}}\n"
    ));
    text
}

/// `_a uint32, _b uint32) uint32 ` as its parameters and its result. Types have parentheses of their own.
fn split_signature(signature: &str) -> (&str, &str) {
    let mut depth = 1;
    for (at, letter) in signature.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return (&signature[..at], &signature[at + 1..]);
        }
    }
    (signature, "")
}

fn word(text: &str) -> Option<&str> {
    text.split_whitespace().next()
}

/// Compiles the package to a core module.
fn compile(project: &Project<'_>, package: &Path, cache: &Path) -> anyhow::Result<Vec<u8>> {
    let (laid, overlay, core): (PathBuf, PathBuf, PathBuf) =
        (cache.join("exports.go"), cache.join("overlay.json"), cache.join("core.wasm"));
    write(&laid, OVERLAY.as_bytes())?;
    let place = package.join("zz_moot_exports.go").to_string_lossy().into_owned();
    let replace = serde_json::json!({ "Replace": { place: laid } });
    write(&overlay, replace.to_string().as_bytes())?;
    let mut command = Command::new("go");
    command
        .current_dir(package)
        .env("GOOS", "wasip1")
        .env("GOARCH", "wasm")
        .args(["build", "-buildmode=c-shared", "-trimpath"])
        // The support package takes memory before the runtime is up, by a function of the runtime's own.
        .arg("-ldflags=-checklinkname=0 -s -w")
        .arg(format!("-overlay={}", overlay.display()))
        .arg("-o")
        .arg(&core)
        .arg(".");
    project.run("go build", &mut command)?;
    segments::merge(&std::fs::read(&core).with_context(|| format!("cannot read {}", core.display()))?)
}

/// Puts a component around a core module.
fn componentize(mut core: Vec<u8>, resolve: &Resolve, world: WorldId) -> anyhow::Result<Vec<u8>> {
    wit_component::embed_component_metadata(&mut core, resolve, world, StringEncoding::UTF8)?;
    let encoder = ComponentEncoder::default().module(&core)?;
    encoder
        .adapter(
            adapter::WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME,
            adapter::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
        )?
        .encode()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stubs_call_what_main_registered() {
        let stubs = "package x\n\nfunc Add(_a uint32, _b types.Tuple2[uint32, func()]) uint32 {\n        \
                     panic(\"not implemented\")\n}\n\nfunc Nothing()  {\n        panic(\"not implemented\")\n}\n";
        let text = delegating(stubs);
        assert!(!text.contains("not implemented"), "{text}");
        assert!(text.contains("return Exports.Add(_a, _b)"), "{text}");
        assert!(text.contains("\tExports.Nothing()"), "{text}");
        assert!(text.contains("\tAdd func(_a uint32, _b types.Tuple2[uint32, func()]) uint32"), "{text}");
    }

    #[test]
    fn versions_of_go() {
        assert_eq!(numbers("go version go1.26.8 linux/amd64"), Some((1, 26)));
        assert_eq!(numbers("go version go1.25rc1 linux/amd64"), Some((1, 25)));
        assert!(numbers("go version devel").is_none());
    }

    #[test]
    fn every_file_of_the_guest_package_is_carried() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk-go/guest");
        let mut there: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let mut carried: Vec<&str> = GUEST.iter().map(|((name, _), _)| *name).chain([WIRE.0]).collect();
        there.sort();
        carried.sort();
        assert_eq!(there, carried);
    }
}
