//! Components that a deploy names and that are not here yet.
//!
//! ```text
//!   want ──► KIND_COMPONENT ─┬─► whole, when small ─────────────────────────────┐
//!                            └─► list ──► KIND_PART n ... ──► draft ── sync ─────┴─► components/<digest>.wasm
//! ```
//!
//! What comes is checked against the digest alone, never against the length that a deploy claims: a deploy that
//! lies about it must not make honest answers look like lies.

use super::parts::PartList;
use super::{KIND_COMPONENT, KIND_PART, Line};
use crate::error::{ComponentError, ReadError};
use crate::limits::{COMPONENT_PART_BYTES, COMPONENT_PATIENCE, MAX_COMPONENT_FETCHES, MAX_PART_LISTS};
use crate::store::marker::write_durably;
use crate::uploads::Uploads;
use bytes::Bytes;
use moot_ordering::Wanted;
use moot_record::limits::MAX_COMPONENT_BYTES;
use moot_record::{Digest, component_digest};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Notify;

/// A component on its way.
struct Fetching {
    since: Instant,
    /// Its parts, once they are known, and which of them are missing.
    parts: Option<(PartList, BTreeSet<u32>, File)>,
}

/// What is fetched, and what waits for its turn: no more than there are functions.
#[derive(Default)]
struct Inner {
    fetching: BTreeMap<Digest, Fetching>,
    queue: VecDeque<Digest>,
}

/// The components' directory and what is fetched into it.
pub(crate) struct Components {
    dir: PathBuf,
    /// Those that nothing has deployed.
    pub(crate) uploads: Uploads,
    inner: Mutex<Inner>,
    lists: Mutex<VecDeque<(Digest, Arc<PartList>)>>,
    /// Rung when a file is there.
    arrived: Notify,
}

impl Components {
    pub(crate) fn new(dir: &Path, now_s: u64) -> Components {
        let dir = dir.join("components");
        Components {
            uploads: Uploads::open(&dir, now_s),
            dir,
            inner: Mutex::default(),
            lists: Mutex::default(),
            arrived: Notify::new(),
        }
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.dir.join(format!("{digest}.wasm"))
    }

    /// Where its bytes are, if they are here.
    pub(crate) fn place(&self, digest: &Digest) -> PathBuf {
        match self.uploads.has(digest) {
            true => self.uploads.path(digest),
            false => self.path(digest),
        }
    }

    fn draft(&self, digest: &Digest) -> PathBuf {
        self.dir.join(format!("{digest}.parts"))
    }

    pub(crate) fn is_here(&self, digest: &Digest) -> bool {
        self.place(digest).exists()
    }

    /// Functions were deployed: of their versions' components those that were uploaded stay.
    pub(crate) fn keep<'a>(&self, deployed: impl Iterator<Item = &'a Digest>) {
        deployed.for_each(|digest| self.uploads.keep(digest, &self.path(digest)));
    }

    /// Puts the right bytes of one that is kept, and was found damaged, in its place; false when it is not kept.
    pub(crate) fn repair(&self, digest: &Digest, bytes: &[u8]) -> Result<bool, ComponentError> {
        let path = self.path(digest);
        if !path.exists() {
            return Ok(false);
        }
        self.store(digest, bytes).map_err(|source| ComponentError::Io { path, source })?;
        Ok(true)
    }

    /// Stores what another replica sent, durably.
    fn store(&self, digest: &Digest, bytes: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.dir)?;
        write_durably(&self.path(digest), bytes)?;
        self.arrived.notify_waiters();
        Ok(())
    }

    /// Resolves when the file is there.
    pub(crate) async fn arrival(&self, digest: &Digest) {
        loop {
            let arrived = self.arrived.notified();
            if self.is_here(digest) {
                return;
            }
            arrived.await;
        }
    }

    /// Fetches it when its turn comes, unless it is here.
    pub(crate) fn want(&self, line: &Line, digest: Digest) {
        if self.is_here(&digest) {
            return;
        }
        {
            let mut inner = self.inner.lock();
            if inner.fetching.contains_key(&digest) || inner.queue.contains(&digest) {
                return;
            }
            inner.queue.push_back(digest);
        }
        self.remind(line);
    }

    /// Begins what has its turn, and reminds the carrier of everything that is missing: it may have had no room.
    pub(crate) fn remind(&self, line: &Line) {
        let (stop, ask) = {
            let mut inner = self.inner.lock();
            let stop = inner.turn();
            (stop, inner.fetching.iter().flat_map(|(d, f)| f.missing(*d)).collect::<Vec<_>>())
        };
        stop.iter().for_each(|wanted| line.forget(wanted));
        for wanted in ask {
            line.fetch(wanted);
        }
    }

    /// Takes an answer; false when it is not what the name stands for.
    pub(super) fn judge(&self, line: &Line, wanted: &Wanted, bytes: &[u8]) -> bool {
        let digest = wanted.digest;
        let mut inner = self.inner.lock();
        let fetching = &mut inner.fetching;
        let Some(found) = fetching.get_mut(&digest) else { return true };
        let taken = match (wanted.kind, &mut found.parts) {
            (KIND_COMPONENT, parts) => {
                if bytes.len() <= COMPONENT_PART_BYTES && component_digest(bytes) == digest {
                    self.store(&digest, bytes).map(|()| true)
                } else if let Some((list, last)) = PartList::read(bytes, &digest) {
                    match parts {
                        Some(_) => return true,
                        None => self.begin(&digest, list, last).map(|begun| {
                            *parts = Some(begun);
                            false
                        }),
                    }
                } else {
                    return false;
                }
            }
            (KIND_PART, Some((list, missing, draft))) => {
                if !list.has(wanted.part, bytes) {
                    return false;
                }
                let at = u64::from(wanted.part) * COMPONENT_PART_BYTES as u64;
                draft.write_all_at(bytes, at).and_then(|()| {
                    missing.remove(&wanted.part);
                    if missing.is_empty() { self.finish(&digest, draft).map(|()| true) } else { Ok(false) }
                })
            }
            _ => return true,
        };
        let again = match taken {
            Ok(true) => {
                fetching.remove(&digest);
                Vec::new()
            }
            Ok(false) => Vec::new(),
            Err(error) => {
                // The next who needs it begins anew.
                tracing::warn!(%digest, %error, "cannot store a component that another replica sent");
                let missing = found.missing(digest);
                fetching.remove(&digest);
                missing
            }
        };
        drop(inner);
        again.iter().for_each(|wanted| line.forget(wanted));
        if wanted.kind == KIND_COMPONENT {
            // Its parts are to be asked for now, or another component.
            self.remind(line);
        }
        true
    }

    fn begin(
        &self,
        digest: &Digest,
        list: PartList,
        last: &[u8],
    ) -> io::Result<(PartList, BTreeSet<u32>, File)> {
        fs::create_dir_all(&self.dir)?;
        let draft = File::create(self.draft(digest))?;
        let before = list.len() - 1;
        draft.write_all_at(last, u64::from(before) * COMPONENT_PART_BYTES as u64)?;
        Ok((list, (0..before).collect(), draft))
    }

    /// Every part was checked: the whole is what its name says.
    fn finish(&self, digest: &Digest, draft: &File) -> io::Result<()> {
        draft.sync_all()?;
        fs::rename(self.draft(digest), self.path(digest))?;
        File::open(&self.dir)?.sync_all()?;
        self.arrived.notify_waiters();
        Ok(())
    }

    fn open(&self, digest: &Digest) -> Result<Option<(File, u64)>, ReadError> {
        let path = self.place(digest);
        let opened = File::open(&path).and_then(|file| file.metadata().map(|found| (file, found.len())));
        match opened {
            Ok((_, len)) if len > MAX_COMPONENT_BYTES => {
                Err(ReadError::damaged(path.display().to_string(), format!("it has {len} bytes")))
            }
            Ok(opened) => Ok(Some(opened)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(ReadError::Io { path, source }),
        }
    }

    /// A small component whole, or the list of a larger one's parts.
    pub(super) fn list_or_whole(&self, digest: &Digest) -> Result<Option<Bytes>, ReadError> {
        let Some((mut file, len)) = self.open(digest)? else { return Ok(None) };
        if len > COMPONENT_PART_BYTES as u64 {
            let Some(list) = self.list(digest)? else { return Ok(None) };
            let last = self.part(digest, list.len() - 1)?;
            return Ok(last.map(|last| list.bytes(&last).into()));
        }
        let mut bytes = Vec::new();
        let path = self.place(digest);
        file.read_to_end(&mut bytes).map_err(|source| ReadError::Io { path: path.clone(), source })?;
        if component_digest(&bytes) != *digest {
            return Err(ReadError::damaged(path.display().to_string(), "its bytes have another digest"));
        }
        Ok(Some(bytes.into()))
    }

    /// One part.
    pub(super) fn part(&self, digest: &Digest, number: u32) -> Result<Option<Bytes>, ReadError> {
        let Some(list) = self.list(digest)? else { return Ok(None) };
        let Some((file, len)) = self.open(digest)? else { return Ok(None) };
        let at = u64::from(number) * COMPONENT_PART_BYTES as u64;
        let Some(left) = len.checked_sub(at).filter(|left| *left > 0) else { return Ok(None) };
        let path = self.place(digest);
        let size = usize::try_from(left).unwrap_or(usize::MAX).min(COMPONENT_PART_BYTES);
        let mut bytes = vec![0; size];
        file.read_exact_at(&mut bytes, at).map_err(|source| ReadError::Io { path: path.clone(), source })?;
        if !list.has(number, &bytes) {
            return Err(ReadError::damaged(path.display().to_string(), format!("part {number} has changed")));
        }
        Ok(Some(bytes.into()))
    }

    /// The list of a component of several parts: read once, then remembered.
    fn list(&self, digest: &Digest) -> Result<Option<Arc<PartList>>, ReadError> {
        if let Some((_, list)) = self.lists.lock().iter().find(|(known, _)| known == digest) {
            return Ok(Some(list.clone()));
        }
        let Some((file, len)) = self.open(digest)? else { return Ok(None) };
        let path = self.place(digest);
        let (mut list, mut at) = (PartList::new(), 0);
        let mut part = vec![0; COMPONENT_PART_BYTES];
        while at < len {
            let size = usize::try_from(len - at).unwrap_or(usize::MAX).min(COMPONENT_PART_BYTES);
            let bytes = part.get_mut(..size).unwrap_or_default();
            file.read_exact_at(bytes, at).map_err(|source| ReadError::Io { path: path.clone(), source })?;
            list.push(bytes);
            at += size as u64;
        }
        if !list.is_of(digest) {
            // Also a component of one part, which has no list.
            return Ok(None);
        }
        let list = Arc::new(list);
        let mut lists = self.lists.lock();
        lists.push_back((*digest, list.clone()));
        if lists.len() > MAX_PART_LISTS {
            lists.pop_front();
        }
        Ok(Some(list))
    }
}

impl Inner {
    /// Fills the free places. One that nobody has told anything about gives its place up after a while, because
    /// a deploy may name what does not exist.
    fn turn(&mut self) -> Vec<Wanted> {
        let mut stop = Vec::new();
        if self.fetching.len() >= MAX_COMPONENT_FETCHES && !self.queue.is_empty() {
            let fruitless = |f: &Fetching| f.parts.is_none() && f.since.elapsed() >= COMPONENT_PATIENCE;
            let stuck: Vec<Digest> =
                self.fetching.iter().filter(|(_, f)| fruitless(f)).map(|(digest, _)| *digest).collect();
            for digest in stuck {
                stop.extend(self.fetching.remove(&digest).iter().flat_map(|found| found.missing(digest)));
                self.queue.push_back(digest);
            }
        }
        while self.fetching.len() < MAX_COMPONENT_FETCHES
            && let Some(digest) = self.queue.pop_front()
        {
            self.fetching.insert(digest, Fetching { since: Instant::now(), parts: None });
        }
        stop
    }
}

impl Fetching {
    fn missing(&self, digest: Digest) -> Vec<Wanted> {
        match &self.parts {
            None => vec![Wanted { kind: KIND_COMPONENT, digest, part: 0 }],
            Some((_, missing, _)) => {
                missing.iter().map(|part| Wanted { kind: KIND_PART, digest, part: *part }).collect()
            }
        }
    }
}
