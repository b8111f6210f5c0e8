//! Whether a key may vote: once when it never has, afterwards only with the journal of what it voted for.
//!
//! ```text
//!  fresh (beside replica.toml) ──first start──► data/ordering/first ──engine writes──► data/ordering/journals
//!                                     durable, then `fresh` goes        at once `first` becomes `voter`
//! ```
//!
//! A replica that has lost its journal could contradict its own votes, and enough such replicas make a fork. So
//! `fresh` is consumed before the engine can vote, and a start without `fresh` needs the journal. The note `first`
//! lies inside the data folder: a start that breaks off before the first vote can be repeated, and who wipes the
//! data folder wipes the note with it.

use crate::limits::MAX_CONFIG_BYTES;
use moot_record::AccountId;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The file that says: this key has never voted.
pub const FRESH_FILE: &str = "fresh";
/// The engine's folder in the data folder, and in it its journals.
const ENGINE: &str = "ordering";
const JOURNALS: &str = "journals";
/// The votes among the journals; the archives beside them can be had again.
const VOTES: &str = "moot-votes";
/// What is left of `fresh` until there are journals.
const FIRST: &str = "first";
/// The same afterwards: whose votes the journals hold.
const VOTER: &str = "voter";

/// Why a replica may not start.
#[derive(Debug, thiserror::Error)]
pub enum FirstStartError {
    /// The journal is gone.
    #[error(
        "{data} has no journal of votes, and {fresh} says nothing of a key that never voted: the data folder was lost or wiped, \
         and the key {account} may have voted before. Voting again could contradict those votes, so this replica does not start. \
         Put the data folder back as it was. Following the others without voting is not supported yet; until then the network \
         goes on without this replica, as long as more than two thirds of the others are there"
    )]
    JournalLost {
        /// The data folder.
        data: PathBuf,
        /// Where the marker would be.
        fresh: PathBuf,
        /// The key's account.
        account: AccountId,
    },
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

/// Lets the engine of the data folder `data` vote with the key of `account`, or says why it must not. Called with
/// the engine stopped; afterwards `fresh` is gone.
pub(crate) fn may_vote(data: &Path, fresh: &Path, account: &AccountId) -> Result<(), FirstStartError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |error| FirstStartError::Io { path, error }
    };
    let engine = data.join(ENGINE);
    let first = engine.join(FIRST);
    let lost = || {
        let (data, fresh) = (data.to_owned(), fresh.to_owned());
        FirstStartError::JournalLost { data, fresh, account: *account }
    };
    let votes = engine.join(JOURNALS).join(VOTES);
    let has_journal = votes.try_exists().map_err(io(&votes))?;
    if let Some(text) = read(fresh).map_err(io(fresh))? {
        check(fresh, &text, account)?;
        // Nothing is consumed or overwritten before it is known that the folder is this key's.
        let voter = engine.join(VOTER);
        let holder = if first.exists() { &first } else { &voter };
        match read(holder).map_err(io(holder))? {
            Some(said) => check(holder, &said, account)?,
            None if has_journal => check(holder, "", account)?,
            None => {}
        }
        if !has_journal {
            if voter.exists() {
                // It voted, and `fresh` was put back.
                return Err(lost());
            }
            fs::create_dir_all(&engine).map_err(io(&engine))?;
            write(&first, &text).map_err(io(&first))?;
            sync_folder_of(&engine).map_err(io(&engine))?;
            sync_folder_of(data).map_err(io(data))?;
        }
        remove(fresh).map_err(io(fresh))?;
    }
    match (has_journal, read(&first).map_err(io(&first))?) {
        (true, None) => {
            let voter = engine.join(VOTER);
            check(&voter, &read(&voter).map_err(io(&voter))?.unwrap_or_default(), account)
        }
        (true, Some(text)) => {
            check(&first, &text, account)?;
            rename(&first, &engine.join(VOTER)).map_err(io(&first))
        }
        (false, Some(text)) => check(&first, &text, account),
        (false, None) => Err(lost()),
    }
}

/// Once there is a journal of votes, nothing but it lets the key vote. True when that is so; to be asked again
/// until it is, because the engine makes its journal some time after its start.
pub(crate) fn settle(data: &Path) -> io::Result<bool> {
    let engine = data.join(ENGINE);
    let first = engine.join(FIRST);
    if !first.try_exists()? {
        return Ok(true);
    }
    if !engine.join(JOURNALS).join(VOTES).try_exists()? {
        return Ok(false);
    }
    rename(&first, &engine.join(VOTER))?;
    Ok(true)
}

fn check(path: &Path, text: &str, account: &AccountId) -> Result<(), FirstStartError> {
    let first_line = text.lines().next().unwrap_or_default();
    let said = first_line.strip_prefix("never voted ").unwrap_or(first_line);
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

        fn start(&self) -> Result<(), FirstStartError> {
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
        world.start().unwrap();
        assert!(!world.fresh().exists());
        // Broken off before the engine wrote anything: nothing was voted for.
        world.start().unwrap();
        world.vote();
        world.start().unwrap();
        assert!(!world.data().join(ENGINE).join(FIRST).exists());
        world.start().unwrap();
    }

    #[test]
    fn case_59_a_key_whose_journal_is_lost_does_not_vote_again() {
        // It could contradict what it voted for, and with two such replicas of four the network forks.
        let world = World::new();
        world.start().unwrap();
        world.vote();
        world.start().unwrap();
        for lost in [world.data().join(ENGINE).join(JOURNALS), world.data().join(ENGINE), world.data()] {
            fs::remove_dir_all(&lost).unwrap();
            let said = world.start().unwrap_err().to_string();
            assert!(said.contains("no journal of votes") && said.contains("without voting"), "{said}");
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
        assert!(matches!(world.start(), Err(FirstStartError::JournalLost { .. })));
        fs::write(world.fresh(), marker(&world.account)).unwrap();
        assert!(matches!(world.start(), Err(FirstStartError::JournalLost { .. })), "fresh was put back");
    }

    #[test]
    fn wiped_right_after_the_first_start_is_lost_all_the_same() {
        let world = World::new();
        world.start().unwrap();
        fs::remove_dir_all(world.data()).unwrap();
        assert!(matches!(world.start(), Err(FirstStartError::JournalLost { .. })));
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
