//! `moot doctor`: what is missing on this machine, and how to get it.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::failure::{FAILED, Silent};
use super::options::KeyOption;
use super::terminal::{self, BAD, DIM, GOOD, HINT, WARN};
use super::text;
use crate::client::NodeAddress;

mod languages;

/// Say what is missing on this machine and how to get it
#[derive(Debug, Args)]
#[command(
    after_help = "Exit code 1 when something is broken; what is only missing for one language does not count."
)]
pub(crate) struct Doctor {
    /// The data folder to look at
    #[arg(long, value_name = "FOLDER", env = "MOOT_DATA", default_value = ".moot")]
    data: PathBuf,
    /// The address that a node would listen on
    #[arg(long, value_name = "ADDRESS", env = "MOOT_LISTEN", default_value = "127.0.0.1:8080")]
    listen: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    key: KeyOption,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    /// As it should be.
    Good,
    /// Not there; wanted for one language only, or made on first use.
    Missing,
    /// In the way.
    Broken,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    state: State,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Finding {
    fn new(what: &'static str, state: State, found: impl Into<String>, remedy: Option<String>) -> Finding {
        Finding { what, state, found: found.into(), remedy }
    }
}

impl Doctor {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let groups = [
            ("to run a node", vec![data_folder(&self.data), port(&self.listen), self.owner_key()]),
            ("functions in Rust", languages::rust()),
            ("functions in JavaScript", languages::javascript()),
            ("functions in Python", languages::python()),
            ("functions in Go", languages::go()),
        ];
        if self.json {
            let view: serde_json::Map<String, serde_json::Value> = groups
                .iter()
                .map(|(name, findings)| (name.replace(' ', "_"), serde_json::json!(findings)))
                .collect();
            terminal::print_json(&view)?;
        } else {
            terminal::print(&shown(&groups))?;
        }
        let broken =
            groups.iter().flat_map(|(_, findings)| findings).any(|finding| finding.state == State::Broken);
        if broken { Err(Silent(FAILED).into()) } else { Ok(()) }
    }

    fn owner_key(&self) -> Finding {
        const WHAT: &str = "owner's key";
        let path = match self.key.path() {
            Ok(path) => path,
            Err(error) => return Finding::new(WHAT, State::Broken, error.to_string(), None),
        };
        if !path.exists() {
            let found = format!("none at {}", path.display());
            return Finding::new(
                WHAT,
                State::Missing,
                found,
                Some("the first `moot deploy` makes it".to_owned()),
            );
        }
        match crate::keyfile::load(&path) {
            Ok(key) => Finding::new(
                WHAT,
                State::Good,
                format!("{} in {}", text::short(key.account()), path.display()),
                None,
            ),
            Err(error) => Finding::new(WHAT, State::Broken, error.to_string(), None),
        }
    }
}

fn shown(groups: &[(&str, Vec<Finding>)]) -> String {
    let mut out = String::new();
    for (name, findings) in groups {
        out.push_str(&format!("{name}\n"));
        for Finding { what, state, found, remedy } in findings {
            let (style, mark) = match state {
                State::Good => (GOOD, "ok"),
                State::Missing => (WARN, "--"),
                State::Broken => (BAD, "!!"),
            };
            out.push_str(&format!(
                "  {style}{mark}{style:#}  {what:<14} {DIM}{}{DIM:#}\n",
                text::line(found)
            ));
            if let Some(remedy) = remedy {
                out.push_str(&format!("      {HINT}->{HINT:#} {}\n", text::line(remedy)));
            }
        }
        out.push('\n');
    }
    out
}

/// The data folder, or the folder it would be made in.
fn data_folder(path: &Path) -> Finding {
    const WHAT: &str = "data folder";
    let shown = path.display();
    let meta = match std::fs::metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return new_data_folder(path),
        Err(error) => return Finding::new(WHAT, State::Broken, format!("{shown}: {error}"), None),
    };
    if !meta.is_dir() {
        let remedy = Some("move it away, or name a folder with --data".to_owned());
        return Finding::new(WHAT, State::Broken, format!("{shown} is not a folder"), remedy);
    }
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o022 != 0 {
        let found = format!("{shown} has mode {mode:04o}: others can change it");
        return Finding::new(WHAT, State::Broken, found, Some(format!("chmod go-w {shown}")));
    }
    match tempfile_in(path) {
        Ok(()) => Finding::new(WHAT, State::Good, shown.to_string(), None),
        Err(error) => Finding::new(WHAT, State::Broken, format!("{shown} cannot be written: {error}"), None),
    }
}

fn new_data_folder(path: &Path) -> Finding {
    const WHAT: &str = "data folder";
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let shown = path.display();
    match tempfile_in(parent) {
        Ok(()) => Finding::new(WHAT, State::Good, format!("{shown} will be made"), None),
        Err(error) => {
            let remedy = Some("name a folder that you may write with --data or MOOT_DATA".to_owned());
            Finding::new(WHAT, State::Broken, format!("{shown} cannot be made: {error}"), remedy)
        }
    }
}

/// Whether a file can be made in a folder: permissions alone do not say so on every file system.
fn tempfile_in(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(format!(".moot-doctor-{}", std::process::id()));
    std::fs::File::create_new(&path)?;
    std::fs::remove_file(&path)
}

fn port(listen: &str) -> Finding {
    const WHAT: &str = "address";
    let address = NodeAddress::parse(listen);
    let Ok(address) = address else {
        return Finding::new(WHAT, State::Broken, format!("{listen:?} is not an address"), None);
    };
    match TcpListener::bind((address.host(), address.port())) {
        Ok(_) => Finding::new(WHAT, State::Good, format!("{listen} is free"), None),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            let remedy =
                "it may be a node of yours; another takes --listen 127.0.0.1:0, a free port".to_owned();
            Finding::new(WHAT, State::Missing, format!("{listen} is in use"), Some(remedy))
        }
        Err(error) => Finding::new(WHAT, State::Broken, format!("{listen}: {error}"), None),
    }
}
