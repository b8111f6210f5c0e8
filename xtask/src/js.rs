//! The part `js` of `cargo xtask test`: the JavaScript SDK's lint, types and tests, against the `moot` of this checkout.
//!
//! ```text
//! node, npm on the machine? ──► npm ci ──► build, lint, types ──► npm test ──► counts
//!            Chromium? ──apt-get, when it can──┘                     └── debug moot, example components
//! ```

use crate::counts::Counts;
use crate::step::{guests_target, output, root, run, shared_code, target};
use crate::suite::build_node;
use anyhow::{Context as _, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The oldest Node that the cryptography library takes: the first of version 20 that can `require` modules.
const OLDEST_NODE: (u64, u64) = (20, 19);

/// Where Debian's package puts the browser; `CHROMIUM` names another.
const CHROMIUM: &str = "/usr/bin/chromium";

/// Everything about the SDK, and the counts of its tests. `built`: the node and the functions are there.
pub(crate) fn test(built: bool) -> Result<Counts> {
    let version = output(Command::new("node").arg("--version")).context(NODE_NEEDED)?;
    let found = parse_version(&version).with_context(|| format!("node says its version is {version:?}"))?;
    ensure!(found >= OLDEST_NODE, "node is {}; {NODE_NEEDED}", version.trim());
    output(&mut npm(&["--version"])).context(NODE_NEEDED)?;
    build_node(built)?;
    let chromium = chromium();
    run(&mut npm(&["ci"]))?;
    for script in ["build", "lint", "types"] {
        run(&mut npm(&["run", "--silent", script]))?;
    }
    tests(&chromium)
}

const NODE_NEEDED: &str = "the JavaScript SDK needs Node 20.19 or later with npm: https://nodejs.org, or your system's \
                           packages nodejs and npm";

/// `v20.19.2` as its first two numbers.
fn parse_version(text: &str) -> Option<(u64, u64)> {
    let mut numbers = text.trim().strip_prefix('v')?.split('.').map(str::parse::<u64>);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// `npm` in the SDK's folder.
fn npm(words: &[&str]) -> Command {
    let mut command = Command::new("npm");
    command.args(words).current_dir(root().join("sdk-js"));
    command
}

/// The browser of the browser tests, installed when it is missing and this may install it. Without one they are skipped,
/// and say so.
fn chromium() -> PathBuf {
    let path = std::env::var_os("CHROMIUM").map_or_else(|| PathBuf::from(CHROMIUM), PathBuf::from);
    if path.exists() {
        return path;
    }
    let root = output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if root && Path::new("/usr/bin/apt-get").exists() {
        println!("    installing chromium");
        let apt = |words: &[&str]| {
            run(Command::new("apt-get")
                .args(words)
                .env("DEBIAN_FRONTEND", "noninteractive")
                .stdout(Stdio::null()))
        };
        let install = || apt(&["install", "-y", "-qq", "chromium"]);
        // A machine that was never updated knows no package.
        let installed = install().or_else(|_| apt(&["update", "-qq"]).and_then(|()| install()));
        if let Err(error) = installed {
            println!("    {error:#}");
        }
    }
    if !path.exists() {
        println!(
            "    SKIPPED: the browser tests; there is no Chromium at {} (CHROMIUM names another)",
            path.display()
        );
    }
    path
}

/// Runs the tests.
fn tests(chromium: &Path) -> Result<Counts> {
    let mut command = npm(&["test", "--silent"]);
    command
        .env("MOOT_BIN", target().join("debug/moot"))
        .env("MOOT_GUESTS", guests_target().join("wasm32-wasip2/release"))
        .env("CHROMIUM", chromium)
        .env("MOOT_CODE", shared_code());
    Counts::of(&mut command, add)
}

/// Reads `ℹ pass 3`, as node's test runner closes with.
fn add(counts: &mut Counts, line: &str) {
    let mut words = line.strip_prefix('ℹ').unwrap_or_default().split_whitespace();
    let (name, number) = (words.next(), words.next().and_then(|word| word.parse::<u64>().ok()));
    match (name, number, words.next()) {
        (Some("pass"), Some(number), None) => counts.passed += number,
        (Some("fail"), Some(number), None) => counts.failed += number,
        (Some("skipped"), Some(number), None) => counts.skipped += number,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{Counts, add, parse_version};

    #[test]
    fn adds_up_what_node_closes_with() {
        let mut counts = Counts::default();
        for line in ["ℹ tests 7", "ℹ pass 4", "ℹ fail 1", "ℹ skipped 2", "✔ pass 9 (1ms)", "ℹ pass 9 of 10"]
        {
            add(&mut counts, line);
        }
        assert_eq!(counts, Counts { passed: 4, failed: 1, skipped: 2 });
    }

    #[test]
    fn reads_a_version() {
        assert_eq!(parse_version("v20.19.2\n"), Some((20, 19)));
        assert!(parse_version("v20.9.0") < parse_version("v20.19.0"));
        assert_eq!(parse_version("20"), None);
    }
}
