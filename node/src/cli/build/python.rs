//! Python: `componentize-py` puts CPython, the module and what it imports into a component, and runs it up to its first call.
//!
//! ```text
//! requirements.txt ──pip──► site-packages ─┐
//! moot.guest (sdk-python, carried) ────────┼── componentize-py, in a virtual environment of the project's own ──► component
//! your module ◄── moot_entry.py ───────────┘
//! ```
//!
//! The environment and the packages lie in `.moot/build/_python` and serve all functions of a manifest. They are made anew
//! when the Python, the tool's version or requirements.txt change.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::super::toolchain::{self, Missing};
use super::project::Project;

/// The tool, by exact version: what it generates is what `moot.guest` is written against.
const TOOL: &str = "componentize-py==0.25.1";
/// The oldest Python that the tool runs on.
const OLDEST_PYTHON: (u32, u32) = (3, 10);
/// No function can have this name.
const SHARED: &str = ".moot/build/_python";
/// The tool's entry module. What it exports is what the component exports.
const ENTRY: &str = "moot_entry";

/// Module names of the interfaces that `moot.guest` uses, so that no other interface of a world can change them.
const IMPORTS: [(&str, &str); 10] = [
    ("moot_context", "moot:function/context@0.1.0"),
    ("moot_types", "moot:function/types@0.1.0"),
    ("moot_ledger", "moot:function/ledger@0.1.0"),
    ("moot_logging", "wasi:logging/logging@0.1.0-draft"),
    ("keyvalue_store", "wasi:keyvalue/store@0.2.0-draft"),
    ("keyvalue_atomics", "wasi:keyvalue/atomics@0.2.0-draft"),
    ("http_types", "wasi:http/types@0.2.12"),
    ("http_outgoing", "wasi:http/outgoing-handler@0.2.12"),
    ("io_poll", "wasi:io/poll@0.2.12"),
    ("io_streams", "wasi:io/streams@0.2.12"),
];

/// A file of the package `moot`, carried in the binary.
macro_rules! moot {
    ($name:literal) => {
        ($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../sdk-python/src/moot/", $name)))
    };
}

/// What of the package `moot` goes into components: functions, not clients.
const GUEST: [(&str, &str); 14] = [
    moot!("__init__.py"),
    moot!("errors.py"),
    moot!("guest/__init__.py"),
    moot!("guest/context.py"),
    moot!("guest/entry.py"),
    moot!("guest/events.py"),
    moot!("guest/exports.py"),
    moot!("guest/failures.py"),
    moot!("guest/host.py"),
    moot!("guest/http.py"),
    moot!("guest/keyvalue.py"),
    moot!("guest/ledger.py"),
    moot!("guest/logs.py"),
    moot!("guest/wsgi.py"),
];

/// Builds the module `source`: `app`, `package.module`, or a file such as `src/app.py`.
pub(super) fn build(project: &Project<'_>) -> anyhow::Result<()> {
    project.needs(&["python3"])?;
    if let Some(missing) = too_old() {
        return Err(project.lacks(missing));
    }
    let (folder, module) = module(&project.folder, project.source);
    let (wit, world) = project.whole_world()?;
    let shared = project.folder.join(SHARED);
    environment(project, &shared)?;
    packages(project, &shared)?;
    let (carried, entry) = (shared.join("carried"), project.cache()?.join("entry"));
    for (name, text) in GUEST {
        write(&carried.join("moot").join(name), text)?;
    }
    let text = format!(
        "# Written by `moot build`.\nfrom moot.guest.entry import bind\n\nglobals().update(bind({module:?}))\n"
    );
    write(&entry.join(format!("{ENTRY}.py")), &text)?;
    project.make_component_folder()?;
    let mut tool = Command::new(shared.join("venv/bin/componentize-py"));
    tool.arg("--quiet").arg("--wit-path").arg(&wit).args(["--world", world]);
    for (name, interface) in IMPORTS {
        tool.arg("--import-interface-name").arg(format!("{interface}={name}"));
    }
    tool.args(["componentize", ENTRY]);
    for path in [&entry, &folder, &carried] {
        tool.arg("--python-path").arg(path);
    }
    tool.arg("--output").arg(&project.component);
    // The packages; otherwise it takes those of whatever Python is around.
    tool.env("VIRTUAL_ENV", shared.join("packages"));
    // A traceback in Python says what is wrong; the tool's own below it only hides it.
    tool.env("RUST_BACKTRACE", "0");
    project.run("componentize-py", &mut tool)
}

/// The folder to import from, and the module's name.
fn module(folder: &Path, source: &str) -> (PathBuf, String) {
    let path = Path::new(source);
    if path.extension().is_none_or(|extension| extension != "py") {
        return (folder.to_owned(), source.to_owned());
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    (path.parent().map_or_else(|| folder.to_owned(), |parent| folder.join(parent)), stem)
}

/// What is missing when the Python that is installed is too old.
pub(crate) fn too_old() -> Option<Missing> {
    let version = toolchain::version("python3", "--version")?;
    let mut numbers = version.strip_prefix("Python ")?.split('.').map(str::parse::<u32>);
    let found = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    let (major, minor) = OLDEST_PYTHON;
    (found < OLDEST_PYTHON).then(|| Missing {
        what: format!("Python {major}.{minor} or later is needed, and python3 is {version}"),
        how: toolchain::how_to_get("python3"),
    })
}

/// Makes the virtual environment with the tool in it, unless the one of the last time will do.
fn environment(project: &Project<'_>, shared: &Path) -> anyhow::Result<()> {
    let version = toolchain::version("python3", "--version").unwrap_or_default();
    let venv = shared.join("venv");
    kept(&shared.join("venv-made-of"), &format!("{version}\n{TOOL}\n"), || {
        let mut make = Command::new("python3");
        make.args(["-m", "venv", "--clear"]).arg(&venv);
        project.run("python3 -m venv", &mut make).map_err(|error| {
            error.context("on Debian and Ubuntu, `apt install python3-venv` has what `python3 -m venv` needs")
        })?;
        project.run("pip install componentize-py", pip(&venv).args(["--no-deps", TOOL]))
    })
}

/// Installs what requirements.txt names, for the guest's Python.
fn packages(project: &Project<'_>, shared: &Path) -> anyhow::Result<()> {
    let requirements = project.folder.join("requirements.txt");
    let wanted = match std::fs::read_to_string(&requirements) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", requirements.display()));
        }
    };
    let place = shared.join("packages/lib/site-packages");
    kept(&shared.join("packages-made-of"), &wanted, || {
        remove(&place)?;
        std::fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
        if wanted.trim().is_empty() {
            return Ok(());
        }
        let mut install = pip(&shared.join("venv"));
        install.arg("--target").arg(&place).arg("--requirement").arg(&requirements);
        project.run("pip install --requirement requirements.txt", &mut install)?;
        // Machine code of this computer's is none of the guest's. Packages that can do without it find it missing and do.
        without_machine_code(&place).with_context(|| format!("cannot clean up {}", place.display()))
    })
}

fn pip(venv: &Path) -> Command {
    let mut pip = Command::new(venv.join("bin/python"));
    pip.args(["-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--no-compile"]);
    // A folder of somebody's own modules must not stand in for what is installed.
    pip.env_remove("PYTHONPATH").env_remove("PYTHONHOME");
    pip
}

/// Runs `make` unless what was made last was made of the same. The note is written last: what was not finished is made again.
fn kept(note: &Path, of: &str, make: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    if std::fs::read_to_string(note).is_ok_and(|found| found == of) {
        return Ok(());
    }
    if note.exists() {
        std::fs::remove_file(note).with_context(|| format!("cannot replace {}", note.display()))?;
    }
    make()?;
    write(note, of)
}

fn without_machine_code(folder: &Path) -> std::io::Result<()> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            // A link could lead out of the folder.
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if entry
                .path()
                .extension()
                .is_some_and(|extension| extension == "so" || extension == "pyd")
            {
                std::fs::remove_file(entry.path())?;
            }
        }
    }
    Ok(())
}

fn remove(folder: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot replace {}", folder.display()))
        }
        _ => Ok(()),
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| std::fs::write(path, text)).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_module_or_its_file() {
        let folder = Path::new("/p");
        assert_eq!(module(folder, "app"), (PathBuf::from("/p"), "app".to_owned()));
        assert_eq!(module(folder, "shop.orders"), (PathBuf::from("/p"), "shop.orders".to_owned()));
        assert_eq!(module(folder, "src/app.py"), (PathBuf::from("/p/src"), "app".to_owned()));
    }

    #[test]
    fn the_guest_package_is_carried_whole() {
        let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk-python/src/moot");
        for entry in std::fs::read_dir(package.join("guest")).unwrap() {
            let name = format!("guest/{}", entry.unwrap().file_name().to_string_lossy());
            assert!(
                !name.ends_with(".py") || GUEST.iter().any(|(carried, _)| *carried == name),
                "{name} is not carried"
            );
        }
    }

    #[test]
    fn the_guest_package_knows_the_interfaces_by_these_names() {
        let (_, host) = GUEST.iter().find(|(name, _)| *name == "guest/host.py").unwrap();
        for (name, interface) in IMPORTS {
            assert!(host.contains(&format!("\"{name}\": \"{interface}\",")), "{name}");
        }
        assert_eq!(host.matches("\": \"").count(), IMPORTS.len());
    }

    #[test]
    fn what_is_made_of_the_same_is_not_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let note = folder.path().join("made-of");
        let mut times = 0;
        for of in ["a", "a", "b"] {
            kept(&note, of, || {
                times += 1;
                Ok(())
            })
            .unwrap();
        }
        assert_eq!(times, 2);
        assert!(kept(&note, "c", || anyhow::bail!("no")).is_err());
        assert!(!note.exists(), "what failed is made again");
    }
}
