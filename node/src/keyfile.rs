//! An ed25519 key in a file: the node's and the owner's.
//!
//! The file is one line, `moot-key-1 <64 hex digits>`: the seed. Only its owner may read it.

use crate::private_file::{self, PrivateFileError};
use moot_record::Keypair;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const FORMAT: &str = "moot-key-1";

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// Permissions, size, input and output.
    #[error(transparent)]
    File(#[from] PrivateFileError),
    /// It does not hold a key.
    #[error(
        "{path} does not hold a key: one line `{FORMAT} ` and 64 hex digits is expected. \
         Move it away to have a new key made"
    )]
    Malformed {
        /// The file.
        path: PathBuf,
    },
}

/// Reads the key at `path`.
pub fn load(path: &Path) -> Result<Keypair, KeyFileError> {
    let text = private_file::read(path)?;
    let malformed = || KeyFileError::Malformed { path: path.to_owned() };
    let hex = text.trim_end().strip_prefix(FORMAT).and_then(|t| t.strip_prefix(' ')).ok_or_else(malformed)?;
    let mut seed = Zeroizing::new([0u8; 32]);
    let hex_len = data_encoding::HEXLOWER.decode_len(hex.len()).map_err(|_| malformed())?;
    if hex_len != seed.len() {
        return Err(malformed());
    }
    data_encoding::HEXLOWER.decode_mut(hex.as_bytes(), seed.as_mut()).map_err(|_| malformed())?;
    Ok(Keypair::from_seed(*seed))
}

/// Reads the key at `path`, or makes one there. Says whether it was made.
pub fn load_or_create(path: &Path) -> Result<(Keypair, bool), KeyFileError> {
    if path.exists() {
        return Ok((load(path)?, false));
    }
    let key = generate();
    create(path, &key)?;
    Ok((key, true))
}

/// A new key.
pub(crate) fn generate() -> Keypair {
    Keypair::generate(&mut rand::rng())
}

/// Writes a key into a new file.
pub(crate) fn create(path: &Path, key: &Keypair) -> Result<(), KeyFileError> {
    let seed = key.seed();
    let hex = Zeroizing::new(data_encoding::HEXLOWER.encode(seed.as_ref()));
    let line = Zeroizing::new(format!("{FORMAT} {}\n", hex.as_str()));
    Ok(private_file::create(path, &line)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_then_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node.key");
        let (first, made) = load_or_create(&path).unwrap();
        assert!(made);
        let (second, made) = load_or_create(&path).unwrap();
        assert!(!made);
        assert_eq!(first.account(), second.account());
    }

    #[test]
    fn a_file_that_holds_no_key_is_refused_and_never_quoted() {
        let dir = tempfile::tempdir().unwrap();
        for (i, text) in
            ["", "moot-key-1", "moot-key-1 ", "moot-key-1 0011", "secretsecret"].iter().enumerate()
        {
            let path = dir.path().join(i.to_string());
            private_file::create(&path, text).unwrap();
            let said = load(&path).unwrap_err().to_string();
            assert!(said.contains("64 hex digits"), "{said}");
            assert!(!said.contains("secretsecret"));
        }
    }
}
