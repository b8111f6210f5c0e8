//! The functions of guests/external, which are processes: each with its language's unmodified Lambda runtime client, at the
//! versions of its lock file, below `target/guests/external`.
//!
//! What the clients themselves compile with is installed when it is missing and this may install it; a client that cannot
//! be compiled here is left out, and so is its test.

use crate::step::{cargo, guests_target, output, root, run};
use anyhow::{Context as _, Result};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What aws-lambda-ric compiles its native part with: a program, and Debian's package that has it.
const NATIVE_TOOLS: [(&str, &str); 6] = [
    ("autoreconf", "autoconf"),
    ("automake", "automake"),
    ("libtoolize", "libtool"),
    ("cmake", "cmake"),
    ("make", "make"),
    ("g++", "g++"),
];

fn source(language: &str) -> PathBuf {
    root().join("guests/external").join(language)
}

fn target(language: &str) -> PathBuf {
    guests_target().join("external").join(language)
}

/// Rust: crate `lambda_runtime`.
pub(super) fn rust() -> Result<()> {
    let mut command = cargo(&["build", "--locked"]);
    // From the root: what `guests` says about cargo is meant for components.
    command.arg("--manifest-path").arg(source("rust").join("Cargo.toml"));
    run(command.current_dir(root()).env("CARGO_TARGET_DIR", target("rust")))
}

/// Go: `aws-lambda-go`.
pub(super) fn go() -> Result<()> {
    std::fs::create_dir_all(target("go"))?;
    run(Command::new("go")
        .args(["build", "-mod=readonly", "-o"])
        .arg(target("go").join("words"))
        .arg(".")
        .current_dir(source("go")))
}

/// Python: `awslambdaric`, in an environment of its own.
pub(super) fn python() -> Result<()> {
    let requirements = source("python").join("requirements.txt");
    let (venv, text) = (target("python"), std::fs::read(&requirements)?);
    let note = venv.join("made-of");
    if std::fs::read(&note).is_ok_and(|found| found == text) {
        return Ok(());
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    run(Command::new(venv.join("bin/python"))
        .args([
            "-m",
            "pip",
            "--disable-pip-version-check",
            "--quiet",
            "install",
            "--no-deps",
            "--requirement",
        ])
        .arg(&requirements))?;
    Ok(std::fs::write(note, text)?)
}

/// JavaScript: npm's `aws-lambda-ric`. It compiles curl and a client in C++ from sources in its package.
pub(super) fn node() -> Result<()> {
    let (source, target) = (source("node"), target("node"));
    let lock = std::fs::read(source.join("package-lock.json"))?;
    let note = target.join("made-of");
    if std::fs::read(&note).is_ok_and(|found| found == lock) {
        return Ok(());
    }
    install_native_tools();
    let missing = missing_tools();
    if !missing.is_empty() {
        println!(
            "    SKIPPED: aws-lambda-ric compiles its native part with {}, which are not here",
            missing.join(", ")
        );
        return Ok(());
    }
    let Some(headers) = node_headers() else {
        println!(
            "    SKIPPED: aws-lambda-ric compiles its native part with Node's headers, which are not beside node here"
        );
        return Ok(());
    };
    std::fs::create_dir_all(&target)?;
    for name in ["package.json", "package-lock.json", ".npmrc", "app.mjs"] {
        std::fs::copy(source.join(name), target.join(name))?;
    }
    let mut npm = Command::new("npm");
    npm.arg("ci").current_dir(&target).env("npm_config_nodedir", headers);
    // Its own script says nothing about cores, and takes two minutes on one.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    npm.env("MAKEFLAGS", format!("-j{cores}"));
    run(&mut npm)
        .context("aws-lambda-ric could not be installed, though what it is compiled with is here")?;
    Ok(std::fs::write(note, lock)?)
}

/// Where Node's own headers are, for node-gyp: else it would download them.
fn node_headers() -> Option<PathBuf> {
    let script = "process.stdout.write(require('node:path').resolve(process.execPath, '../..'))";
    let prefix = PathBuf::from(output(Command::new("node").args(["-e", script])).ok()?);
    prefix.join("include/node/node.h").is_file().then_some(prefix)
}

/// The packages of the tools that are missing.
fn missing_tools() -> Vec<&'static str> {
    let there = |program: &str| {
        std::env::var_os("PATH")
            .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
    };
    NATIVE_TOOLS.iter().filter(|(program, _)| !there(program)).map(|(_, package)| *package).collect()
}

/// Installs what is missing where this may do so. Whether it could is seen afterwards.
fn install_native_tools() {
    let missing = missing_tools();
    let root = output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if missing.is_empty() || !root || !Path::new("/usr/bin/apt-get").exists() {
        return;
    }
    println!("    installing {}", missing.join(", "));
    let apt = |words: &[&str]| {
        run(Command::new("apt-get")
            .args(words)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdout(Stdio::null()))
    };
    let install = || apt(&[&["install", "-y", "-qq"][..], &missing].concat());
    // A machine that was never updated knows no package.
    if let Err(error) = install().or_else(|_| apt(&["update", "-qq"]).and_then(|()| install())) {
        println!("    {error}");
    }
}
