//! `moot watch`: builds and deploys again whenever a file changes.
//!
//! ```text
//! notify ──changed path──► of a source? ──quiet for a moment──► build ──► deploy what differs
//!                              │ no: what the build itself writes, hidden folders, data
//! ```

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
use crate::limits::WATCH_QUIET;
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
        self.round().await;
        loop {
            terminal::done("Watching", &format!("{} {DIM}Ctrl-C stops{DIM:#}", folder.display()));
            let Some(first) = changes.recv().await else { return Ok(()) };
            // An editor saves in several steps, git changes many files: wait until it is quiet.
            while let Ok(Some(_)) = tokio::time::timeout(WATCH_QUIET, changes.recv()).await {}
            let shown = first.strip_prefix(&folder).unwrap_or(&first);
            terminal::done("Changed", &shown.display().to_string());
            self.round().await;
            // What the build itself touched is no reason to build again.
            while changes.try_recv().is_ok() {}
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
}
