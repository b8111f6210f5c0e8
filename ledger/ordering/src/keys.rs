//! Accounts and keys in the engine's types: the same bytes, other names.

use crate::config::Error;
use commonware_codec::{Copying, DecodeExt as _};
use commonware_cryptography::ed25519::{PrivateKey, PublicKey};
use commonware_utils::ordered::Set;
use moot_record::{AccountId, Keypair};

/// The engine's form of a key. It signs votes and proves this validator's identity to its peers, each
/// under a namespace that ends differently.
pub(crate) fn private_key(key: &Keypair) -> Result<PrivateKey, Error> {
    let account = key.account();
    PrivateKey::decode(Copying(key.seed().as_slice())).map_err(|_| Error::BadAccount { account })
}

/// The engine's form of an account.
pub(crate) fn public_key(account: &AccountId) -> Result<PublicKey, Error> {
    PublicKey::decode(Copying(account.as_bytes())).map_err(|_| Error::BadAccount { account: *account })
}

/// The members of a committee, in the order by which certificates name signers.
pub(crate) fn set(members: &[AccountId]) -> Result<Set<PublicKey>, Error> {
    let keys = members.iter().map(public_key).collect::<Result<Vec<_>, _>>()?;
    Ok(Set::from_iter_dedup(keys))
}

#[cfg(test)]
mod tests {
    use super::*;
    use commonware_cryptography::Signer as _;

    #[test]
    fn same_key_both_ways() {
        for seed in 0..8 {
            let key = Keypair::from_seed([seed; 32]);
            let engine = private_key(&key).unwrap();
            assert_eq!(engine.public_key(), public_key(&key.account()).unwrap());
        }
    }

    #[test]
    fn a_string_that_is_no_point_is_refused() {
        // y = 2 has no x on the curve.
        let mut bytes = [0; 32];
        bytes[0] = 2;
        assert!(public_key(&AccountId::from_bytes(bytes)).is_err());
    }
}
