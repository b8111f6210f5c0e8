//! Whether a key may vote: once when it never has, afterwards only with the journal of what it voted for.
//!
//! ```text
//!  fresh (beside replica.toml) ──first start──► data/ordering/first ──engine writes──► data/ordering/journals
//!                                     durable, then `fresh` goes        at once `first` becomes `voter`
//!  neither fresh nor journals ───────────────► data/ordering/lost      the replica follows
//! ```
//!
//! A replica that has lost its journal could contradict its own votes, and enough such replicas make a fork. So
//! `fresh` is consumed before the engine can vote, and a start without `fresh` needs the journal. The note `first`
//! lies inside the data folder: a start that breaks off before the first vote can be repeated, and who wipes the
//! data folder wipes the note with it.
//!
//! A replica without its journal follows the others. `lost` has a random number, drawn anew at each loss: with it the
//! ledger finds out when voting is safe again (`moot_ledger::Standing`). The journals that it writes while it follows
//! hold no votes of its own; the note stays, so that they are never taken for what was lost.

use crate::limits::MAX_CONFIG_BYTES;
use moot_record::{AccountId, Digest};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The file that says: this key has never voted.
pub const FRESH_FILE: &str = "fresh";
/// The engine's folder in the data folder, and in it its journals.
const ENGINE: &str = "ordering";
const JOURNALS: &str = "journals";
/// What the votes' folders among the journals begin with; the archives beside them can be had again.
const VOTES: &str = "moot-votes";
/// What is left of `fresh` until there are journals.
const FIRST: &str = "first";
/// The same afterwards: whose votes the journals hold.
const VOTER: &str = "voter";
/// That the journals of a key were lost, and the number of the loss.
const LOST: &str = "lost";

/// Why a replica may not start.
#[derive(Debug, thiserror::Error)]
pub enum FirstStartError {
    /// The marker is another key's.
    #[error(
        "{marker} is about the key {said}, and this replica's key is {account}: give each replica its own key and folder back"
    )]
    OtherKey {
        /// The marker.
        marker: PathBuf,
        /// The account in it.
        said: String,
        /// This key's account.
        account: AccountId,
    },
    /// The system said no.
    #[error("cannot use {path}: {error}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        error: io::Error,
    },
}

/// What `fresh` holds for a key.
#[must_use]
pub(crate) fn marker(account: &AccountId) -> String {
    format!(
        "never voted {account}\n\nWritten with the key, consumed by the replica's first start. Never make this file by hand: \
         a key that voted and whose journal is lost must not vote again.\n"
    )
}

/// Looks whether the engine of the data folder `data` may vote with the key of `account`: none if so, else the number
/// of the loss, and the replica follows. Called with the engine stopped; afterwards `fresh` is gone.
pub(crate) fn may_vote(
    data: &Path,
    fresh: &Path,
    account: &AccountId,
) -> Result<Option<Digest>, FirstStartError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |error| FirstStartError::Io { path, error }
    };
    let engine = data.join(ENGINE);
    let (first, lost, voter) = (engine.join(FIRST), engine.join(LOST), engine.join(VOTER));
    let has_journal = has_votes(&engine).map_err(io(&engine))?;
    let noted = read(&lost).map_err(io(&lost))?;
    if let Some(text) = read(fresh).map_err(io(fresh))? {
        check(fresh, &text, account)?;
        // Nothing is consumed or overwritten before it is known that the folder is this key's.
        let holder = [&first, &lost].into_iter().find(|path| path.exists()).unwrap_or(&voter);
        match read(holder).map_err(io(holder))? {
            Some(said) => check(holder, &said, account)?,
            None if has_journal => check(holder, "", account)?,
            None => {}
        }
        // With a voter it has voted, and `fresh` was put back.
        if !has_journal && noted.is_none() && !voter.exists() {
            fs::create_dir_all(&engine).map_err(io(&engine))?;
            write(&first, &text).map_err(io(&first))?;
            sync_folder_of(&engine).map_err(io(&engine))?;
            sync_folder_of(data).map_err(io(data))?;
        }
        remove(fresh).map_err(io(fresh))?;
    }
    let first_said = read(&first).map_err(io(&first))?;
    if let (Some(text), true) = (&noted, has_journal) {
        check(&lost, text, account)?;
        return number(text).map(Some).ok_or_else(|| FirstStartError::OtherKey {
            marker: lost.clone(),
            said: "nobody".to_owned(),
            account: *account,
        });
    }
    match (has_journal, first_said) {
        (true, None) => {
            check(&voter, &read(&voter).map_err(io(&voter))?.unwrap_or_default(), account)?;
            Ok(None)
        }
        (true, Some(text)) => {
            check(&first, &text, account)?;
            rename(&first, &voter).map_err(io(&first))?;
            Ok(None)
        }
        (false, Some(text)) if noted.is_none() => {
            check(&first, &text, account)?;
            Ok(None)
        }
        (false, _) => {
            // Whoever left a note here must have been this key.
            for (path, text) in [(&voter, read(&voter).map_err(io(&voter))?), (&lost, noted)] {
                if let Some(text) = text {
                    check(path, &text, account)?;
                }
            }
            fs::create_dir_all(&engine).map_err(io(&engine))?;
            let number = Digest::from_bytes(rand::random());
            write(&lost, &format!("lost {account} {number}\n")).map_err(io(&lost))?;
            sync_folder_of(&engine).map_err(io(&engine))?;
            sync_folder_of(data).map_err(io(data))?;
            Ok(Some(number))
        }
    }
}

/// The number in a note of a loss.
fn number(note: &str) -> Option<Digest> {
    note.lines().next()?.rsplit_once(' ')?.1.parse().ok()
}

/// Whether there is a journal of votes: a folder for each of the last epochs.
fn has_votes(engine: &Path) -> io::Result<bool> {
    let entries = match fs::read_dir(engine.join(JOURNALS)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    for entry in entries {
        if entry?.file_name().to_string_lossy().starts_with(VOTES) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Once there is a journal of votes, nothing but it lets the key vote. True when that is so; to be asked again
/// until it is, because the engine makes its journal some time after its start.
pub(crate) fn settle(data: &Path) -> io::Result<bool> {
    let engine = data.join(ENGINE);
    let first = engine.join(FIRST);
    if !first.try_exists()? {
        return Ok(true);
    }
    if !has_votes(&engine)? {
        return Ok(false);
    }
    rename(&first, &engine.join(VOTER))?;
    Ok(true)
}

fn check(path: &Path, text: &str, account: &AccountId) -> Result<(), FirstStartError> {
    let first_line = text.lines().next().unwrap_or_default();
    let said = first_line.strip_prefix("never voted ").unwrap_or(first_line);
    let said = said.strip_prefix("lost ").and_then(|rest| rest.split(' ').next()).unwrap_or(said);
    if said == account.to_string() {
        return Ok(());
    }
    let said = if said.is_empty() { "nobody".to_owned() } else { said.chars().take(80).collect() };
    Err(FirstStartError::OtherKey { marker: path.to_owned(), said, account: *account })
}

fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::metadata(path) {
        Ok(meta) if meta.len() > MAX_CONFIG_BYTES => {
            Err(io::Error::other("it is far too long to be a marker"))
        }
        Ok(_) => fs::read_to_string(path).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes all of a file or nothing.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension("draft");
    let mut file = File::create(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    rename(&draft, path)
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_folder_of(to)
}

/// Removes a file so that it stays removed after a crash.
fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)?;
    sync_folder_of(path)
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct World {
        dir: tempfile::TempDir,
        account: AccountId,
    }

    impl World {
        fn new() -> World {
            let account = moot_record::Keypair::from_seed([7; 32]).account();
            let world = World { dir: tempfile::tempdir().unwrap(), account };
            fs::write(world.fresh(), marker(&account)).unwrap();
            world
        }

        fn fresh(&self) -> PathBuf {
            self.dir.path().join(FRESH_FILE)
        }

        fn data(&self) -> PathBuf {
            self.dir.path().join("data")
        }

        fn start(&self) -> Result<Option<Digest>, FirstStartError> {
            may_vote(&self.data(), &self.fresh(), &self.account)
        }

        fn vote(&self) {
            let votes = self.data().join(ENGINE).join(JOURNALS).join(VOTES);
            fs::create_dir_all(&votes).unwrap();
        }
    }

    #[test]
    fn the_marker_serves_one_first_start() {
        let world = World::new();
        assert_eq!(world.start().unwrap(), None);
        assert!(!world.fresh().exists());
        // Broken off before the engine wrote anything: nothing was voted for.
        assert_eq!(world.start().unwrap(), None);
        world.vote();
        assert_eq!(world.start().unwrap(), None);
        assert!(!world.data().join(ENGINE).join(FIRST).exists());
        assert_eq!(world.start().unwrap(), None);
    }

    #[test]
    fn case_59_a_key_whose_journal_is_lost_does_not_vote_again() {
        // It could contradict what it voted for, and with two such replicas of four the network forks.
        let world = World::new();
        world.start().unwrap();
        world.vote();
        world.start().unwrap();
        let mut numbers = std::collections::BTreeSet::new();
        for lost in [world.data().join(ENGINE).join(JOURNALS), world.data().join(ENGINE), world.data()] {
            fs::remove_dir_all(&lost).unwrap();
            let number = world.start().unwrap().expect("it follows");
            assert!(numbers.insert(number), "another loss has another number");
            // Journals that a follower writes are not what was lost.
            world.vote();
            assert_eq!(world.start().unwrap(), Some(number));
            assert_eq!(world.start().unwrap(), Some(number));
        }
    }

    #[test]
    fn a_journal_serves_the_key_that_wrote_it() {
        let world = World::new();
        world.start().unwrap();
        world.vote();
        let other = moot_record::Keypair::from_seed([8; 32]).account();
        for _ in 0..2 {
            let refused = may_vote(&world.data(), &world.fresh(), &other);
            assert!(matches!(refused, Err(FirstStartError::OtherKey { .. })));
            world.start().unwrap();
        }
    }

    #[test]
    fn a_wrong_data_folder_consumes_nothing_and_harms_nobody() {
        let world = World::new();
        world.start().unwrap();
        world.vote();
        // Another replica's file names this one's data folder by mistake.
        let other = moot_record::Keypair::from_seed([8; 32]).account();
        let fresh = world.dir.path().join("other-fresh");
        fs::write(&fresh, marker(&other)).unwrap();
        for _ in 0..2 {
            let refused = may_vote(&world.data(), &fresh, &other);
            assert!(matches!(refused, Err(FirstStartError::OtherKey { .. })), "{refused:?}");
            assert!(fresh.exists(), "it was not consumed");
            world.start().unwrap();
        }
    }

    #[test]
    fn wiped_in_the_first_run_or_of_its_votes_alone_is_lost() {
        let world = World::new();
        world.start().unwrap();
        assert!(!settle(&world.data()).unwrap(), "it has not voted");
        world.vote();
        assert!(settle(&world.data()).unwrap() && settle(&world.data()).unwrap());
        let journals = world.data().join(ENGINE).join(JOURNALS);
        fs::create_dir_all(journals.join("moot-blocks")).unwrap();
        fs::remove_dir_all(journals.join(VOTES)).unwrap();
        assert!(world.start().unwrap().is_some());
        fs::write(world.fresh(), marker(&world.account)).unwrap();
        assert!(world.start().unwrap().is_some(), "fresh was put back");
    }

    #[test]
    fn wiped_right_after_the_first_start_is_lost_all_the_same() {
        let world = World::new();
        world.start().unwrap();
        fs::remove_dir_all(world.data()).unwrap();
        assert!(world.start().unwrap().is_some());
    }

    #[test]
    fn the_marker_of_another_key_lets_nobody_vote() {
        let world = World::new();
        let other = moot_record::Keypair::from_seed([8; 32]).account();
        fs::write(world.fresh(), marker(&other)).unwrap();
        assert!(matches!(world.start(), Err(FirstStartError::OtherKey { .. })));
        assert!(world.fresh().exists(), "it was not consumed");
    }
}
