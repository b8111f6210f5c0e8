//! The part `python` of `cargo xtask test`: the Python SDK in a virtual environment of its own.
//!
//! ```text
//! requirements-dev.txt ──► target/python/venv ──► ruff, mypy
//! sdk-python ──► wheel ──► installed there ──► pytest, against target/debug/moot and the guests
//! ```
//!
//! The tests import the installed wheel, so what is tested is what is shipped. All that the tools write goes below
//! `target/python`; the environment is kept for as long as the requirements and the interpreter stay the same.

use crate::counts::Counts;
use crate::step::{describe, guests_target, output, root, run, shared_code, target};
use crate::suite::build_node;
use anyhow::{Context as _, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest Python that the SDK runs on.
const MIN_PYTHON: (u32, u32) = (3, 10);

/// Everything about the SDK, and the counts of its tests. `built`: the node and the functions are there.
pub(crate) fn test(built: bool) -> Result<Counts> {
    let python = Environment::ready()?;
    run(python.tool("ruff").args(["format", "--check", "."]))?;
    run(python.tool("ruff").args(["check", "."]))?;
    run(&mut python.tool("mypy"))?;
    build_node(built)?;
    python.install_wheel()?;
    python.try_wheel()?;
    Counts::of(&mut python.tool("pytest"), |counts, line| {
        if let Some(closing) = closing(line) {
            *counts = closing;
        }
    })
}

/// The virtual environment, with what the tools need to find their way.
struct Environment {
    folder: PathBuf,
}

impl Environment {
    /// Makes the environment, unless the one of the last time will do.
    fn ready() -> Result<Environment> {
        let (interpreter, version) = interpreter()?;
        let environment = Environment { folder: target().join("python") };
        let requirements = sdk().join("requirements-dev.txt");
        let text = std::fs::read_to_string(&requirements)
            .with_context(|| format!("cannot read {}", requirements.display()))?;
        let wanted = format!("# {} {version}\n{text}", interpreter.display());
        let (venv, made_of) = (environment.folder.join("venv"), environment.folder.join("venv-made-of"));
        if std::fs::read_to_string(&made_of).is_ok_and(|found| found == wanted) {
            return Ok(environment);
        }
        std::fs::create_dir_all(&environment.folder)?;
        // Written last: an environment that was not finished is made again.
        if made_of.exists() {
            std::fs::remove_file(&made_of)?;
        }
        run(Command::new(&interpreter).args(["-m", "venv", "--clear"]).arg(&venv)).context(
            "a virtual environment cannot be made; on Debian and Ubuntu, `apt install python3-venv` has what is missing",
        )?;
        run(environment.pip(&["install", "--no-deps", "--requirement"]).arg(&requirements))?;
        run(&mut environment.pip(&["check"]))?;
        std::fs::write(&made_of, wanted)?;
        Ok(environment)
    }

    /// Builds the wheel, and puts it in the place of the last one.
    fn install_wheel(&self) -> Result<()> {
        let folder = self.folder.join("dist");
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        let build = ["wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir"];
        run(self.pip(&build).arg(&folder).arg(sdk()))?;
        let wheels: Vec<PathBuf> =
            std::fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        ensure!(wheels.len() == 1, "one wheel was to be built, and there are {wheels:?}");
        run(self.pip(&["install", "--no-deps", "--no-index", "--force-reinstall"]).args(wheels))?;
        run(&mut self.pip(&["check"]))
    }

    /// Uses what was installed as somebody would who has nothing else.
    fn try_wheel(&self) -> Result<()> {
        let script = "import pathlib, moot, moot.client, moot.guest, moot.keys, moot.verify; \
                      folder = pathlib.Path(moot.__file__).parent; \
                      assert 'site-packages' in folder.parts, folder; \
                      assert (folder / 'py.typed').is_file()";
        run(self.python().args(["-c", script]).current_dir(&self.folder))?;
        for verifier in [self.tool("moot-verify"), self.module("moot.verify")] {
            let mut verifier = verifier;
            let ran = verifier.arg("no-such-file.json").current_dir(&self.folder).output()?;
            let said = String::from_utf8_lossy(&ran.stderr).into_owned();
            ensure!(ran.status.code() == Some(2), "`{}` of a missing file: {said}", describe(&verifier));
        }
        Ok(())
    }

    fn python(&self) -> Command {
        self.command(&self.folder.join("venv/bin/python"))
    }

    fn module(&self, name: &str) -> Command {
        let mut command = self.python();
        command.args(["-m", name]);
        command
    }

    /// A program of the environment.
    fn tool(&self, name: &str) -> Command {
        self.command(&self.folder.join("venv/bin").join(name))
    }

    fn pip(&self, arguments: &[&str]) -> Command {
        let mut command = self.module("pip");
        command.args(["--disable-pip-version-check", "--quiet"]).args(arguments);
        command
    }

    fn command(&self, program: &Path) -> Command {
        let caches = self.folder.join("cache");
        let mut command = Command::new(program);
        command
            .current_dir(sdk())
            .env("MOOT_BIN", target().join("debug/moot"))
            .env("MOOT_GUESTS", guests_target().join("wasm32-wasip2/release"))
            .env("MOOT_CODE", shared_code())
            .env("PYTHONPYCACHEPREFIX", caches.join("bytecode"))
            .env("MYPY_CACHE_DIR", caches.join("mypy"))
            .env("RUFF_CACHE_DIR", caches.join("ruff"))
            .env("HYPOTHESIS_STORAGE_DIRECTORY", caches.join("hypothesis"))
            .env("PYTEST_ADDOPTS", "-p no:cacheprovider")
            // A folder of somebody's own modules must not stand in for what was installed.
            .env_remove("PYTHONPATH")
            .env_remove("PYTHONHOME")
            .env_remove("VIRTUAL_ENV");
        command
    }
}

fn sdk() -> PathBuf {
    root().join("sdk-python")
}

/// The Python that environments are made with, and its version: `PYTHON`, or `python3`.
fn interpreter() -> Result<(PathBuf, String)> {
    let named = std::env::var_os("PYTHON").filter(|name| !name.is_empty());
    let name = PathBuf::from(named.unwrap_or_else(|| "python3".into()));
    let (major, minor) = MIN_PYTHON;
    let needed = format!("Python {major}.{minor} or newer is needed, as `python3` or named by PYTHON");
    let script = "import platform; print(platform.python_version())";
    let version = output(Command::new(&name).args(["-c", script])).with_context(|| needed.clone())?;
    let version = version.trim().to_owned();
    match numbers(&version) {
        Some(found) if found >= MIN_PYTHON => Ok((name, version)),
        _ => bail!("{needed}; {} is {version}", name.display()),
    }
}

/// The first two numbers of `3.11.7`.
fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

/// Reads `==== 3 passed, 1 skipped in 0.12s ====`.
fn closing(line: &str) -> Option<Counts> {
    let (counts, time) = line.trim_matches(['=', ' ']).rsplit_once(" in ")?;
    time.split_whitespace().next()?.strip_suffix('s')?.parse::<f64>().ok()?;
    let mut found = Counts::default();
    for part in counts.split(", ") {
        let (number, what) = part.split_once(' ')?;
        let number: u64 = number.parse().ok()?;
        match what {
            "passed" | "xpassed" => found.passed += number,
            "failed" | "error" | "errors" => found.failed += number,
            "skipped" | "deselected" | "xfailed" => found.skipped += number,
            _ => {}
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::{Counts, closing, numbers};

    #[test]
    fn reads_what_pytest_closes_with() {
        let counted = |passed, failed, skipped| Some(Counts { passed, failed, skipped });
        assert_eq!(closing("======== 305 passed in 13.96s ========"), counted(305, 0, 0));
        assert_eq!(closing("1 failed, 2 passed, 3 skipped, 1 warning in 0.10s"), counted(2, 1, 3));
        assert_eq!(closing("== 2 passed, 2 errors in 72.10s (0:01:12) =="), counted(2, 2, 0));
        for other in ["no tests ran in 0.01s", "tests/test_a.py ..... [ 5%]", "it was in 5s", ""] {
            assert_eq!(closing(other), None, "{other}");
        }
    }

    #[test]
    fn versions_compare_as_numbers() {
        assert!(numbers("3.9.18") < Some((3, 10)) && numbers("3.10.0rc1") >= Some((3, 10)));
        assert_eq!((numbers("3.11.7"), numbers("three")), (Some((3, 11)), None));
    }
}
