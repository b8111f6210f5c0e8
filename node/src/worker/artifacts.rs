//! Machine code on disk: made once for each component, checked whenever it is loaded, made again when it is lost.
//!
//! ```text
//!  components/<digest>.cwasm   what the host maps into memory
//!  components/<digest>.b3      its BLAKE3 digest: a file that was changed is not run
//!  components/<digest>.lock    held by the process that makes them; empty
//! ```
//!
//! Several nodes and workers of one user, and of one version of the host, can share the folder: a component is then
//! compiled once for all of them, and they map the same file.
//!
//! Requires: that only this node's user can write to the folder (it is made with mode 0700, and a shared one that others can
//! write to is refused). Provides: code that
//! is damaged, or of another version of the host, is compiled again from the ledger's component bytes. Does not
//! provide: protection from someone who can write both files; such a one can replace the program itself.

use crate::limits::LOCK_RETRY;
use crate::worker::compile::{Bounds, CompileFailed, Compiler};
use moot_host::{Function, Host, LoadError, Policy};
use moot_record::Digest;
use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tokio::sync::{Semaphore, SemaphorePermit};

/// The folder's usual name.
pub(crate) const CODE_FOLDER: &str = "components";

/// The folder of machine code.
#[derive(Clone)]
pub(crate) struct Artifacts {
    dir: PathBuf,
    host: Host,
    compiler: Compiler,
    bounds: Bounds,
    gate: Arc<Semaphore>,
}

/// The right to make one component's code. The lock goes with the file, or with this process.
struct Alone<'a> {
    _permit: Option<SemaphorePermit<'a>>,
    _lock: File,
}

/// Makes names that no other compilation of this process has.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Why a function cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// Others could put machine code there, which this node would run.
    #[error(
        "others can write to {}, whose machine code would be run (it is not yours, or its mode is {mode:03o}); name a \
         folder of your own for --code, or `chmod 700` it",
        path.display()
    )]
    NotPrivate {
        /// The folder.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The component cannot be compiled.
    #[error(transparent)]
    Compile(#[from] CompileFailed),
    /// The compiled component cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The component's bytes are not on the ledger's disk.
    #[error("the bytes of component {0} are not here; upload them again by deploying it")]
    Missing(Digest),
    /// The folder cannot be used.
    #[error("machine code cannot be kept in {path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        error: io::Error,
    },
}

impl Artifacts {
    /// Opens the folder of a node, or one that several nodes of one user share.
    pub(crate) fn open(
        dir: PathBuf,
        shared: bool,
        host: Host,
        compiler: Compiler,
        bounds: Bounds,
    ) -> Result<Self, ArtifactError> {
        let io = |error| ArtifactError::Io { path: dir.clone(), error };
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(io)?;
        if shared {
            let found = std::fs::metadata(&dir).map_err(io)?;
            if found.uid() != rustix::process::geteuid().as_raw() || found.mode() & 0o022 != 0 {
                return Err(ArtifactError::NotPrivate { path: dir, mode: found.mode() & 0o777 });
            }
        }
        let gate = Arc::new(Semaphore::new(crate::limits::MAX_COMPILATIONS));
        Ok(Artifacts { dir, host, compiler, bounds, gate })
    }

    /// Whether the component's machine code is there already.
    pub(crate) fn has(&self, component: &Digest) -> bool {
        self.expected(component).is_some()
    }

    /// Sees to it that the component's machine code is there.
    pub(crate) async fn ensure(
        &self,
        component: &Digest,
        fetch: impl FnOnce() -> Option<Vec<u8>>,
    ) -> Result<(), ArtifactError> {
        if self.has(component) {
            return Ok(());
        }
        let alone = self.alone(component).await?;
        // Somebody may have made it meanwhile, here or in another process.
        if self.has(component) {
            return Ok(());
        }
        self.make(component, fetch, &alone).await
    }

    /// Loads a component under a policy, and compiles it first when that must be.
    pub(crate) async fn load(
        &self,
        component: &Digest,
        policy: Policy,
        fetch: impl FnOnce() -> Option<Vec<u8>>,
    ) -> Result<Function, ArtifactError> {
        if let Some(function) = self.usable(component, policy.clone()).await? {
            return Ok(function);
        }
        let alone = self.alone(component).await?;
        // The same here: what another process has made since is as good.
        if let Some(function) = self.usable(component, policy.clone()).await? {
            return Ok(function);
        }
        self.make(component, fetch, &alone).await?;
        self.try_load(component, policy).await?.ok_or(ArtifactError::Missing(*component))
    }

    /// The component loaded, if its machine code is there and good.
    async fn usable(&self, component: &Digest, policy: Policy) -> Result<Option<Function>, LoadError> {
        match self.try_load(component, policy).await {
            Err(reason @ (LoadError::Digest { .. } | LoadError::Stale { .. } | LoadError::Io { .. })) => {
                tracing::warn!(%component, %reason, "machine code cannot be used");
                Ok(None)
            }
            loaded => loaded,
        }
    }

    async fn try_load(&self, component: &Digest, policy: Policy) -> Result<Option<Function>, LoadError> {
        let Some(expected) = self.expected(component) else { return Ok(None) };
        let (host, path) = (self.host.clone(), self.path(component, "cwasm"));
        let failed = path.clone();
        let loaded = tokio::task::spawn_blocking(move || host.load(&path, &expected, policy)).await;
        match loaded {
            Ok(loaded) => loaded.map(Some),
            Err(panicked) => Err(LoadError::Io { path: failed, source: io::Error::other(panicked) }),
        }
    }

    /// Compiles a component and puts code and digest in place; in this order, so that a digest has its code.
    async fn make(
        &self,
        component: &Digest,
        fetch: impl FnOnce() -> Option<Vec<u8>>,
        _alone: &Alone<'_>,
    ) -> Result<(), ArtifactError> {
        let wasm = fetch().ok_or(ArtifactError::Missing(*component))?;
        let io = |error| ArtifactError::Io { path: self.dir.clone(), error };
        self.clear(component).map_err(io)?;
        // Never the same names: a compiler whose node was killed may still write to those that it was given.
        let made = NEXT.fetch_add(1, Ordering::Relaxed);
        let draft = |what: &str| self.path(component, &format!("{}-{made}.{what}", std::process::id()));
        let (source, code) = (draft("source"), draft("new"));
        std::fs::write(&source, wasm).map_err(io)?;
        let compiled = self.compiler.compile(&self.host, &source, &code, self.bounds).await;
        let _ = std::fs::remove_file(&source);
        if let Err(error) = compiled {
            let _ = std::fs::remove_file(&code);
            return Err(error.into());
        }
        self.place(component, &code).map_err(io)
    }

    /// Removes what compilers of this component have left that were killed. Nobody else makes it now.
    fn clear(&self, component: &Digest) -> io::Result<()> {
        let prefix = format!("{component}.");
        for entry in std::fs::read_dir(&self.dir)?.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if name.starts_with(&prefix) && (name.ends_with(".source") || name.ends_with(".new")) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
        Ok(())
    }

    /// Waits until nobody else makes this component's code, here or in another process.
    async fn alone(&self, component: &Digest) -> Result<Alone<'_>, ArtifactError> {
        let io = |error| ArtifactError::Io { path: self.dir.clone(), error };
        let permit = self.gate.acquire().await.ok();
        // Left in place: who removes it might remove another one's.
        let path = self.path(component, "lock");
        let file = File::options().create(true).write(true).truncate(false).open(path).map_err(io)?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Alone { _permit: permit, _lock: file }),
                // Whoever has it takes longer than a compilation may: so would this one.
                Err(TryLockError::WouldBlock) if begun.elapsed() > self.bounds.time => {
                    return Err(CompileFailed::TooSlow(self.bounds.time).into());
                }
                // Not by a thread that waits: nothing could stop it when the node is to stop.
                Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_RETRY).await,
                Err(TryLockError::Error(error)) => return Err(io(error)),
            }
        }
    }

    fn place(&self, component: &Digest, code: &Path) -> io::Result<()> {
        let digest = blake3::Hasher::new().update_reader(File::open(code)?)?.finalize();
        let _ = std::fs::remove_file(self.path(component, "b3"));
        File::open(code)?.sync_all()?;
        std::fs::rename(code, self.path(component, "cwasm"))?;
        let side = self.path(component, "b3-new");
        let mut file = File::create(&side)?;
        file.write_all(digest.to_hex().as_bytes())?;
        file.sync_all()?;
        std::fs::rename(side, self.path(component, "b3"))
    }

    /// The digest that the component's machine code must have; none when it is not there.
    fn expected(&self, component: &Digest) -> Option<[u8; 32]> {
        let text = std::fs::read_to_string(self.path(component, "b3")).ok()?;
        let expected = blake3::Hash::from_hex(text.trim()).ok()?;
        self.path(component, "cwasm").exists().then_some(*expected.as_bytes())
    }

    fn path(&self, component: &Digest, extension: &str) -> PathBuf {
        self.dir.join(format!("{component}.{extension}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use moot_host::HostConfig;
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::Duration;

    fn within(time: Duration) -> Bounds {
        Bounds { time, memory: u64::MAX }
    }

    #[tokio::test]
    async fn what_another_process_makes_is_waited_for_and_not_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let host = Host::new(HostConfig::default()).unwrap();
        let bounds = within(Duration::from_secs(60));
        let open = Artifacts::open(dir.path().to_owned(), false, host, Compiler::InProcess, bounds);
        let artifacts = open.unwrap();
        let component = Digest::from_bytes([1; 32]);
        let elsewhere = artifacts.path(&component, "lock");
        let other = File::options().create(true).write(true).truncate(false).open(elsewhere).unwrap();
        other.lock().unwrap();
        let waiting = tokio::spawn({
            let artifacts = artifacts.clone();
            async move { artifacts.ensure(&component, || panic!("it is made already")).await }
        });
        tokio::time::sleep(LOCK_RETRY * 3).await;
        assert!(!waiting.is_finished(), "it did not wait");
        let code = artifacts.path(&component, "new");
        std::fs::write(&code, b"machine code").unwrap();
        artifacts.place(&component, &code).unwrap();
        drop(other);
        waiting.await.unwrap().unwrap();
        // And whoever finds nothing when it has the lock makes it.
        let missing = artifacts.ensure(&Digest::from_bytes([2; 32]), || None).await;
        assert!(matches!(missing, Err(ArtifactError::Missing(_))), "{missing:?}");
    }

    #[tokio::test]
    async fn a_lock_that_is_never_given_back_is_not_waited_for_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let host = Host::new(HostConfig::default()).unwrap();
        let limit = Duration::from_millis(100);
        let open = Artifacts::open(dir.path().to_owned(), false, host, Compiler::InProcess, within(limit));
        let artifacts = open.unwrap();
        let component = Digest::from_bytes([3; 32]);
        let other = File::create(artifacts.path(&component, "lock")).unwrap();
        other.lock().unwrap();
        let late = artifacts.ensure(&component, || panic!("it is not ours to make")).await;
        assert!(matches!(late, Err(ArtifactError::Compile(CompileFailed::TooSlow(_)))), "{late:?}");
    }

    #[test]
    fn a_folder_that_others_can_write_to_is_not_shared() {
        let dir = tempfile::tempdir().unwrap();
        let open = |shared| {
            let host = Host::new(HostConfig::default()).unwrap();
            let bounds = within(Duration::ZERO);
            Artifacts::open(dir.path().to_owned(), shared, host, Compiler::InProcess, bounds).err()
        };
        assert!(open(true).is_none());
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(open(false).is_none());
        let refused = open(true).unwrap().to_string();
        assert!(refused.contains("777") && refused.contains("chmod 700"), "{refused}");
    }
}
