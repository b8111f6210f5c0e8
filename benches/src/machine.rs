//! What a figure was measured on: without it, a figure says little.

use std::fmt;
use std::fs::read_to_string;
use std::process::Command;

/// Facts about this machine and this build.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Cores that this process may use.
    pub cores: usize,
    /// The processor's name.
    pub model: String,
    /// The kernel's release.
    pub kernel: String,
    /// The compiler in the path: the one that `cargo xtask load` has just built with.
    pub rustc: String,
    /// The checkout's commit, with a `+` when files differ from it.
    pub commit: String,
}

impl Machine {
    /// Asks the system; what it does not tell is `unknown`.
    #[must_use]
    pub fn look() -> Machine {
        let dirty = !said("git", &["status", "--porcelain", "--untracked-files=no"]).is_empty();
        let commit = known(said("git", &["rev-parse", "--short=10", "HEAD"]));
        Machine {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            model: known(model()),
            kernel: known(read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default()),
            rustc: known(said("rustc", &["--version"])),
            commit: if dirty { format!("{commit}+") } else { commit },
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { cores, model, kernel, rustc, commit } = self;
        write!(
            f,
            "{cores} cores ({model}), Linux {kernel}, {rustc}, commit {commit}, load {}",
            load_average()
        )
    }
}

/// Processes that wanted a core over the last minute: well above what the benches use, others were at work.
#[must_use]
pub fn load_average() -> String {
    let text = read_to_string("/proc/loadavg").unwrap_or_default();
    known(text.split_whitespace().next().unwrap_or_default().to_owned())
}

fn model() -> String {
    let text = read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name")).unwrap_or_default();
    line.split_once(':').map_or_else(String::new, |(_, name)| name.trim().to_owned())
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(crate::place::root()).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

fn known(text: String) -> String {
    let text = text.trim();
    if text.is_empty() { "unknown".to_owned() } else { text.to_owned() }
}
