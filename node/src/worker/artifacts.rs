//! Machine code on disk: made once for each component, checked whenever it is loaded, made again when it is lost.
//!
//! ```text
//!  components/<digest>.cwasm   what the host maps into memory
//!  components/<digest>.b3      its BLAKE3 digest: a file that was changed is not run
//!  components/<digest>.lock    held by the process that makes them; empty
//! ```
//!
//! Several nodes and workers of one user can share the folder: a component is then compiled once for all of them, and its
//! code is in memory once.
//!
//! Requires: that only this node's user can write to the folder (it is made with mode 0700). Provides: code that
//! is damaged, or of another version of the host, is compiled again from the ledger's component bytes. Does not
//! provide: protection from someone who can write both files; such a one can replace the program itself.

use crate::limits::LOCK_RETRY;
use crate::worker::compile::{CompileFailed, Compiler};
use moot_host::{Function, Host, LoadError, Policy};
use moot_record::Digest;
use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// The folder's usual name.
pub(crate) const CODE_FOLDER: &str = "components";

/// The folder of machine code.
#[derive(Clone)]
pub(crate) struct Artifacts {
    dir: PathBuf,
    host: Host,
    compiler: Compiler,
    limit: Duration,
    gate: Arc<Semaphore>,
}

/// Why a function cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
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
    pub(crate) fn open(
        dir: PathBuf,
        host: Host,
        compiler: Compiler,
        limit: Duration,
    ) -> Result<Self, ArtifactError> {
        let io = |error| ArtifactError::Io { path: dir.clone(), error };
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(io)?;
        let gate = Arc::new(Semaphore::new(crate::limits::MAX_COMPILATIONS));
        Ok(Artifacts { dir, host, compiler, limit, gate })
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
        if self.expected(component).is_some() { Ok(()) } else { self.make(component, fetch, false).await }
    }

    /// Loads a component under a policy, and compiles it first when that must be.
    pub(crate) async fn load(
        &self,
        component: &Digest,
        policy: Policy,
        fetch: impl FnOnce() -> Option<Vec<u8>>,
    ) -> Result<Function, ArtifactError> {
        let again = match self.try_load(component, policy.clone()).await {
            Ok(Some(function)) => return Ok(function),
            // Somebody may be making it.
            Ok(None) => false,
            Err(reason @ (LoadError::Digest { .. } | LoadError::Stale { .. } | LoadError::Io { .. })) => {
                tracing::warn!(%component, %reason, "machine code is made anew");
                true
            }
            Err(refused) => return Err(refused.into()),
        };
        self.make(component, fetch, again).await?;
        self.try_load(component, policy).await?.ok_or(ArtifactError::Missing(*component))
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
        again: bool,
    ) -> Result<(), ArtifactError> {
        let _one_at_a_time = self.gate.acquire().await;
        let io = |error| ArtifactError::Io { path: self.dir.clone(), error };
        let _alone = self.lock(component).await.map_err(io)?;
        // Somebody may have made it meanwhile, here or in another process.
        if !again && self.expected(component).is_some() {
            return Ok(());
        }
        let wasm = fetch().ok_or(ArtifactError::Missing(*component))?;
        let (source, code) = (self.path(component, "source"), self.path(component, "new"));
        std::fs::write(&source, wasm).map_err(io)?;
        let compiled = self.compiler.compile(&self.host, &source, &code, self.limit).await;
        let _ = std::fs::remove_file(&source);
        if let Err(error) = compiled {
            let _ = std::fs::remove_file(&code);
            return Err(error.into());
        }
        self.place(component, &code).map_err(io)
    }

    /// Waits until no other process makes this component's code. The lock goes with the file, or with this process; what
    /// holds it is a compilation, which has a limit.
    async fn lock(&self, component: &Digest) -> io::Result<File> {
        // Left in place: who removes it might remove another one's.
        let file =
            File::options().create(true).write(true).truncate(false).open(self.path(component, "lock"))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                // Not by a thread that waits: nothing could stop it when the node is to stop.
                Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_RETRY).await,
                Err(TryLockError::Error(error)) => return Err(error),
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

    #[tokio::test]
    async fn what_another_process_makes_is_waited_for_and_not_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let host = Host::new(HostConfig::default()).unwrap();
        let open = Artifacts::open(dir.path().to_owned(), host, Compiler::InProcess, Duration::from_secs(60));
        let artifacts = open.unwrap();
        let component = Digest::from_bytes([1; 32]);
        let other = artifacts.lock(&component).await.unwrap();
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
}
