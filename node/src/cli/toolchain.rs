//! What a build command needs on this machine, and how to get it.
//!
//! Asked before a build, so that the answer is one line and not a page of a compiler's astonishment.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Something that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missing {
    /// What: `cargo`, or `the target wasm32-wasip2`.
    pub(crate) what: String,
    /// How to get it.
    pub(crate) how: String,
}

/// How to get a program that builds functions.
const PROGRAMS: [(&str, &str); 12] = [
    ("cargo", RUSTUP),
    ("rustc", RUSTUP),
    ("rustup", RUSTUP),
    ("node", "install Node.js 20.19 or later: https://nodejs.org"),
    ("npm", "install Node.js 20.19 or later, npm comes with it: https://nodejs.org"),
    ("npx", "install Node.js 20.19 or later, npx comes with it: https://nodejs.org"),
    ("jco", "npm install -g @bytecodealliance/jco"),
    ("python3", "install Python 3.10 or later: https://www.python.org"),
    ("componentize-py", "pip install componentize-py"),
    ("go", "install Go 1.25 or later: https://go.dev/dl"),
    ("tinygo", "install TinyGo: https://tinygo.org/getting-started/install"),
    ("wasm-tools", "cargo install --locked wasm-tools"),
];

/// How to get Rust.
pub(crate) const RUSTUP: &str = "install Rust: curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh   (or see https://rustup.rs)";

/// How a program of `PROGRAMS`, or any other, can be had.
pub(crate) fn how_to_get(program: &str) -> String {
    let known = PROGRAMS.iter().find(|(name, _)| *name == program);
    known
        .map_or_else(|| format!("install {program}, or put its folder in PATH"), |(_, how)| (*how).to_owned())
}

/// Where a program is, as the shell would find it.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let runs = |path: &Path| {
        path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|path| runs(path));
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| runs(path))
}

/// What a program prints first when asked for its version.
pub(crate) fn version(program: &str, argument: &str) -> Option<String> {
    let output = Command::new(find(program)?).arg(argument).stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    output.status.success().then(|| text.lines().next().unwrap_or_default().trim().to_owned())
}

/// Whether the standard library of a Rust target is installed. `None` when rustc cannot be asked.
pub(crate) fn has_rust_target(target: &str, folder: &Path) -> Option<bool> {
    let output = Command::new(find("rustc")?)
        .args(["--print", "target-libdir", "--target", target])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    // An unknown target makes rustc fail: cargo's own message is the better one then.
    output.status.success().then(|| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}

/// The first of some programs that is not installed.
pub(crate) fn missing_program(programs: &[&str]) -> Option<Missing> {
    let program = programs.iter().find(|program| find(program).is_none())?;
    Some(Missing { what: format!("`{program}` is not installed"), how: how_to_get(program) })
}

/// What the command `build`, run in `folder`, would lack. Looks at its first word and at Rust's `--target` only.
pub(crate) fn missing_for(build: &str, folder: &Path) -> Option<Missing> {
    let words: Vec<&str> = build.split_whitespace().collect();
    // `A=1 B=2 cargo build`: variables come before the program.
    let program =
        words.iter().copied().find(|word| !word.contains('=') && !word.starts_with(['\'', '"', '(', '$']))?;
    if is_shell_word(program) {
        return None;
    }
    let relative = program.contains('/') && !program.starts_with('/');
    let found = if relative { find(&folder.join(program).to_string_lossy()) } else { find(program) };
    if found.is_none() {
        return Some(Missing { what: format!("`{program}` is not installed"), how: how_to_get(program) });
    }
    if program != "cargo" {
        return None;
    }
    let target = target_of(&words)?;
    if has_rust_target(target, folder)? {
        return None;
    }
    let what = format!("Rust's target {target} is not installed");
    let how = if find("rustup").is_some() {
        format!("rustup target add {target}")
    } else {
        format!("this Rust did not come from rustup: add its package for {target}, or {RUSTUP}")
    };
    Some(Missing { what, how })
}

fn is_shell_word(word: &str) -> bool {
    ["cd", "set", "export", "if", "for", "while", "test", "[", "echo", "true", "false", ":", ".", "exec", "{"]
        .contains(&word)
}

fn target_of<'w>(words: &[&'w str]) -> Option<&'w str> {
    words.iter().enumerate().find_map(|(index, word)| match word.strip_prefix("--target") {
        Some("") => words.get(index + 1).copied(),
        Some(rest) => rest.strip_prefix('='),
        None => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_of_a_command() {
        let of = |text: &'static str| target_of(&text.split_whitespace().collect::<Vec<_>>());
        assert_eq!(of("cargo build --release --target wasm32-wasip2"), Some("wasm32-wasip2"));
        assert_eq!(of("cargo build --target=wasm32-unknown-unknown"), Some("wasm32-unknown-unknown"));
        assert_eq!(of("cargo build --target-dir x"), None);
        assert_eq!(of("cargo build --target"), None);
    }

    #[test]
    fn what_is_missing_is_named_with_its_remedy() {
        let here = Path::new(".");
        let missing = missing_for("A=1 no-such-program-xyz --flag", here).unwrap();
        assert!(missing.what.contains("no-such-program-xyz"), "{missing:?}");
        assert_eq!(missing_for("cd x && make", here), None);
        assert_eq!(missing_for("", here), None);
        assert!(how_to_get("cargo").contains("rustup.rs"));
        assert!(missing_for("./no-such-script.sh", here).is_some());
    }
}
