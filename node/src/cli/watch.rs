//! `moot watch`: builds and deploys again whenever a file changes.
//!
//! ```text
//! notify ──changed path──► of a source? ──quiet for a moment──► build ──► deploy what differs
//!                              │ no: what builds write, hidden folders, data         │
//!                              │        other content than before the build? ◄───────┘
//!                              ▼                    │ yes: saved meanwhile, build again
//! ```
//!
//! A file that is saved while a build runs is not in that build, and must not be missed; a file that
//! the build itself generates must not start the next one. Their content tells them apart: what a build
//! writes twice is the same twice.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use notify::{RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

use super::build;
use super::deploy;
use super::failure;
use super::options::{KeyOption, ManifestOption, NodeOption, select};
use super::terminal::{self, DIM};
use crate::limits::{WATCH_QUIET, WATCH_RESTLESS};
use crate::manifest::units::show_duration;

/// Folders that builds write to, or that hold what was fetched.
const BUILT: [&str; 6] = ["target", "node_modules", "dist", "__pycache__", "venv", "build"];

/// Build and deploy whenever a file changes
#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// Which functions [default: all]
    functions: Vec<String>,
    #[command(flatten)]
    node: NodeOption,
    #[command(flatten)]
    key: KeyOption,
    #[command(flatten)]
    manifest: ManifestOption,
}

impl Watch {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let manifest = self.manifest.load()?;
        select(&manifest, &self.functions)?;
        let folder = manifest.folder().canonicalize()?;
        let (sender, mut changes) = mpsc::unbounded_channel();
        let root = folder.clone();
        // Components are written by builds, wherever they are; a manifest that changes names others at the next start.
        let outputs: Vec<PathBuf> = manifest
            .functions
            .iter()
            .map(|function| absolute(&folder, &function.component, manifest.folder()))
            .collect();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            if event.kind.is_access() {
                return;
            }
            let sources =
                event.paths.into_iter().filter(|path| is_source(&root, path) && !outputs.contains(path));
            for path in sources {
                // The receiver lives as long as this command.
                let _ = sender.send(path);
            }
        })?;
        watcher.watch(&folder, RecursiveMode::Recursive)?;
        let mut seen = Seen::default();
        self.round().await;
        loop {
            let mut saved = seen.meanwhile(drain(&mut changes));
            if saved.is_empty() {
                terminal::done("Watching", &format!("{} {DIM}Ctrl-C stops{DIM:#}", folder.display()));
                let Some(first) = changes.recv().await else { return Ok(()) };
                saved.push(first);
            }
            // An editor saves in several steps, git changes many files: wait until it is quiet.
            while let Ok(Some(path)) = tokio::time::timeout(WATCH_QUIET, changes.recv()).await {
                saved.push(path);
            }
            let shown = saved[0].strip_prefix(&folder).unwrap_or(&saved[0]);
            terminal::done("Changed", &shown.display().to_string());
            seen.remember(saved);
            self.round().await;
        }
    }

    /// One build and deploy. What goes wrong is shown, and the next change is waited for.
    async fn round(&self) {
        let began = Instant::now();
        match self.build_and_deploy().await {
            Ok(()) => {
                terminal::done("Ready", &format!("{DIM}after {}{DIM:#}", show_duration(began.elapsed())))
            }
            Err(error) => {
                failure::report(&error);
            }
        }
    }

    async fn build_and_deploy(&self) -> anyhow::Result<()> {
        // Read anew each time: the manifest is one of the files that change.
        let manifest = self.manifest.load()?;
        let mut built = Vec::new();
        for function in select(&manifest, &self.functions)? {
            build::run_build(&manifest, function)?;
            built.push((function, build::read_component(function)?));
        }
        deploy::deploy(&self.node.client()?, &self.key.load_or_create()?, built).await?;
        Ok(())
    }
}

/// Everything that has been reported and not yet looked at.
fn drain(changes: &mut mpsc::UnboundedReceiver<PathBuf>) -> Vec<PathBuf> {
    std::iter::from_fn(|| changes.try_recv().ok()).collect()
}

/// What files held when a build began.
#[derive(Debug, Default)]
struct Seen {
    contents: HashMap<PathBuf, Option<blake3::Hash>>,
    /// How many builds in a row found each path changed at their end.
    restless: HashMap<PathBuf, u32>,
}

impl Seen {
    /// The build that begins now reads these paths as they are.
    fn remember(&mut self, paths: Vec<PathBuf>) {
        for path in paths {
            let content = content(&path);
            self.contents.insert(path, content);
        }
    }

    /// Which of the paths reported during a build hold something else than when it began.
    fn meanwhile(&mut self, mut reported: Vec<PathBuf>) -> Vec<PathBuf> {
        reported.sort();
        reported.dedup();
        reported.retain(|path| self.contents.get(path).is_none_or(|before| *before != content(path)));
        self.restless.retain(|path, _| reported.binary_search(path).is_ok());
        reported.retain(|path| {
            let times = self.restless.entry(path.clone()).or_default();
            *times += 1;
            // A file with the time in it would build for ever.
            let followed = *times <= WATCH_RESTLESS;
            if *times == WATCH_RESTLESS + 1 {
                terminal::warn(&format!(
                    "{} has changed with each of the last {times} builds: until a build leaves it alone, it is taken \
                     for something that the build writes",
                    path.display()
                ));
            }
            followed
        });
        reported
    }
}

/// A digest of what a path holds now: a file's bytes, a folder's names. None if there is nothing to read.
fn content(path: &Path) -> Option<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    if path.is_dir() {
        let mut names: Vec<_> =
            path.read_dir().ok()?.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
        names.sort();
        for name in names {
            hasher.update(name.as_encoded_bytes()).update(b"/");
        }
    } else {
        hasher.update_reader(File::open(path).ok()?).ok()?;
    }
    Some(hasher.finalize())
}

/// A path of the manifest as the system reports it: below the folder's real place.
fn absolute(real: &Path, path: &Path, folder: &Path) -> PathBuf {
    path.strip_prefix(folder).map_or_else(|_| path.to_owned(), |below| real.join(below))
}

/// Whether a changed path can be something that a person wrote.
fn is_source(root: &Path, path: &Path) -> bool {
    let below: PathBuf = path.strip_prefix(root).unwrap_or(path).to_owned();
    let mut names = below.components().filter_map(|part| part.as_os_str().to_str());
    let hidden = names.any(|name| name.starts_with('.') || BUILT.contains(&name));
    let name = below.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    // Editors' own: vim's 4913 and backups, emacs' locks, lock files that a build rewrites.
    !hidden && !name.ends_with('~') && !name.starts_with('#') && name != "4913" && !name.ends_with(".lock")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_and_what_is_none() {
        let root = Path::new("/srv/target/project");
        for source in ["src/lib.rs", "moot.toml", "wit/world.wit", "app.py", "Cargo.toml", "src/targets.rs"] {
            assert!(is_source(root, &root.join(source)), "{source}");
        }
        for other in [
            "target/debug/x.o",
            "node_modules/a/b.js",
            ".git/index",
            ".moot/ledger.redb",
            "src/.lib.rs.swp",
            "src/lib.rs~",
            "Cargo.lock",
            "src/4913",
            "#lib.rs#",
        ] {
            assert!(!is_source(root, &root.join(other)), "{other}");
        }
    }

    #[test]
    fn what_is_saved_during_a_build_is_built_again() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("app.js");
        let mut seen = Seen::default();
        std::fs::write(&source, "one").unwrap();
        seen.remember(vec![source.clone()]);
        assert_eq!(seen.meanwhile(vec![source.clone()]), [] as [&Path; 0], "reported late, and in the build");
        std::fs::write(&source, "two").unwrap();
        assert_eq!(seen.meanwhile(vec![source.clone(), source.clone()]), std::slice::from_ref(&source));
        seen.remember(vec![source.clone()]);
        std::fs::remove_file(&source).unwrap();
        assert_eq!(seen.meanwhile(vec![source.clone()]), [source]);
    }

    #[test]
    fn what_a_build_writes_starts_one_more_at_most() {
        let folder = tempfile::tempdir().unwrap();
        let generated = folder.path().join("types.d.ts");
        let mut seen = Seen::default();
        let mut build = |text: &str| {
            std::fs::write(&generated, text).unwrap();
            let again = seen.meanwhile(vec![generated.clone(), folder.path().to_owned()]);
            seen.remember(again.clone());
            !again.is_empty()
        };
        assert!(build("the same"));
        assert!(!build("the same"));
        let builds = (0..20).take_while(|time| build(&time.to_string())).count();
        assert_eq!(builds, WATCH_RESTLESS as usize, "a file that differs each time is not followed for ever");
        assert!(!build("19"));
    }
}
