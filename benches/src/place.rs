//! Where data is written: below the checkout's `target`, because `/tmp` is often memory, and fsync there costs
//! nothing.

use anyhow::{Context as _, Result, ensure};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// `f_type` of a tmpfs (linux/magic.h).
const TMPFS_MAGIC: rustix::fs::FsWord = 0x0102_1994;

/// The folder of the checkout: the parent of this crate.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().map_or_else(|| here.to_path_buf(), Path::to_path_buf)
}

/// A fresh folder on a disk, erased when dropped.
///
/// # Errors
/// When it cannot be made, or when it is in memory.
pub fn fresh() -> Result<TempDir> {
    let base = root().join("target/bench-data");
    std::fs::create_dir_all(&base).with_context(|| format!("cannot make {}", base.display()))?;
    let found = rustix::fs::statfs(&base)?;
    ensure!(
        found.f_type != TMPFS_MAGIC,
        "{} is in memory (tmpfs): fsync costs nothing there, and fsync is what is measured; put the checkout on a disk",
        base.display()
    );
    tempfile::Builder::new()
        .prefix("run-")
        .tempdir_in(&base)
        .with_context(|| format!("cannot write {}", base.display()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_fresh_folder_goes_when_it_is_dropped() {
        let dir = super::fresh().unwrap();
        let path = dir.path().to_owned();
        assert!(path.is_dir());
        drop(dir);
        assert!(!path.exists());
    }
}
