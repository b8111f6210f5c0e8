//! Keys and signatures: ed25519, verified by one rule.
//!
//! The rule is ZIP215, for every signature on the ledger, because the replicas' votes are checked by it: with
//! mixed rules one dishonest replica could make certificates that some clients accept and some refuse. It is
//! also the rule under which checking many at once gives the same verdict as checking each.
//!
//! - Requires: that whoever holds a seed keeps it.
//! - Provides: a signature in one domain is worth nothing in another; a third party cannot change a
//!   signature into another valid one (s is canonical).
//! - Does not provide: uniqueness against the signer, who can sign one message in many ways. What must not
//!   happen twice is remembered by what was signed, never by the signature.

use std::fmt;

use ed25519_dalek::Signer as _;
use ed25519_zebra::{VerificationKey, VerificationKeyBytes, batch};
use rand_core::{CryptoRng, TryCryptoRng, TryRng};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::bytes::{AccountId, Signature};
use crate::hash::Domain;

/// A signing key. Zeroized when dropped; `Debug` shows the public half only.
#[derive(Clone)]
pub struct Keypair(ed25519_dalek::SigningKey);

impl Keypair {
    /// A new key from the caller's randomness.
    #[must_use]
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *seed);
        Self::from_seed(*seed)
    }

    /// The key of a seed (RFC 8032's private key).
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let seed = Zeroizing::new(seed);
        Self(ed25519_dalek::SigningKey::from_bytes(&seed))
    }

    /// The seed, to be stored; whoever has it signs as this account.
    #[must_use]
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public half.
    #[must_use]
    pub fn account(&self) -> AccountId {
        AccountId::from_bytes(self.0.verifying_key().to_bytes())
    }

    /// Signs `message` in `domain`.
    #[must_use]
    pub fn sign(&self, domain: Domain, message: &[u8]) -> Signature {
        self.sign_raw(&domain.message(message))
    }

    /// Signs bytes that carry their own separation, as commonware's votes do.
    pub(crate) fn sign_raw(&self, bytes: &[u8]) -> Signature {
        Signature::from_bytes(self.0.sign(bytes).to_bytes())
    }
}

impl fmt::Debug for Keypair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keypair({})", self.account())
    }
}

/// A signature that does not verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// The account is no point of the curve.
    #[error("account {0} is not an ed25519 public key")]
    NotAKey(AccountId),
    /// Anything else.
    #[error("the signature is not account {0}'s signature of this message")]
    Wrong(AccountId),
}

/// Verifies a signature of `message` in `domain` by ZIP215.
///
/// # Errors
/// When the account is no key or the signature is not its.
pub fn verify(
    account: &AccountId,
    domain: Domain,
    message: &[u8],
    signature: &Signature,
) -> Result<(), SignatureError> {
    verify_raw(account, &domain.message(message), signature)
}

/// Verifies a signature of the bytes as they stand.
pub(crate) fn verify_raw(
    account: &AccountId,
    message: &[u8],
    signature: &Signature,
) -> Result<(), SignatureError> {
    VerificationKey::try_from(*account.as_bytes())
        .map_err(|_| SignatureError::NotAKey(*account))?
        .verify(&(*signature.as_bytes()).into(), message)
        .map_err(|_| SignatureError::Wrong(*account))
}

/// One signature among many: `(account, message, signature)`.
pub type SignedMessage<'a> = (AccountId, &'a [u8], Signature);

/// Verifies many signatures of one domain at once, about twice as fast as one by one.
///
/// Accepts exactly what [`verify`] accepts for each of them (but for a chance of 2^-120). The random
/// coefficients are drawn from a hash of all the signatures, so no randomness has to be at hand.
///
/// # Errors
/// Names the first signature that does not verify, by its place.
pub fn verify_many(domain: Domain, items: &[SignedMessage<'_>]) -> Result<(), (usize, SignatureError)> {
    let messages: Vec<Vec<u8>> = items.iter().map(|(_, message, _)| domain.message(message)).collect();
    let raw: Vec<SignedMessage<'_>> =
        items.iter().zip(&messages).map(|((account, _, sig), m)| (*account, m.as_slice(), *sig)).collect();
    verify_many_raw(&raw)
}

pub(crate) fn verify_many_raw(items: &[SignedMessage<'_>]) -> Result<(), (usize, SignatureError)> {
    // Below three the multiplication of many points gains nothing.
    if items.len() >= 3 {
        let mut queue = batch::Verifier::new();
        let mut seed = Domain::VERIFY_MANY.hasher();
        for (account, message, signature) in items {
            seed.update(account.as_bytes()).update(signature.as_bytes());
            seed.update(&(message.len() as u64).to_be_bytes()).update(message);
            let key = VerificationKeyBytes::from(*account.as_bytes());
            queue.queue((key, (*signature.as_bytes()).into(), *message));
        }
        if queue.verify(Coefficients(seed.finalize_xof())).is_ok() {
            return Ok(());
        }
    }
    for (place, (account, message, signature)) in items.iter().enumerate() {
        verify_raw(account, message, signature).map_err(|e| (place, e))?;
    }
    Ok(())
}

/// An endless stream from the hash of everything that is being verified: nobody can choose signatures
/// after knowing their coefficients.
struct Coefficients(blake3::OutputReader);

impl TryRng for Coefficients {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Coefficients {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_by_domain() {
        let key = Keypair::from_seed([7; 32]);
        let sig = key.sign(Domain::BUNDLE, b"words");
        assert_eq!(verify(&key.account(), Domain::BUNDLE, b"words", &sig), Ok(()));
        let wrong = Err(SignatureError::Wrong(key.account()));
        assert_eq!(verify(&key.account(), Domain::REQUEST, b"words", &sig), wrong);
        assert_eq!(verify(&key.account(), Domain::BUNDLE, b"word", &sig), wrong);
        assert_eq!(*Keypair::from_seed(*key.seed()).seed(), [7; 32]);
    }

    #[test]
    fn generated_keys_come_from_the_caller_s_randomness() {
        let stream = |name: &[u8]| Coefficients(Domain::VERIFY_MANY.hasher().update(name).finalize_xof());
        let (mut one, mut same, mut other) = (stream(b"1"), stream(b"1"), stream(b"2"));
        let key = Keypair::generate(&mut one);
        assert_eq!(key.account(), Keypair::generate(&mut same).account());
        assert_ne!(key.account(), Keypair::generate(&mut other).account());
        assert_ne!(key.account(), Keypair::generate(&mut one).account());
    }

    #[test]
    fn debug_keeps_the_seed_secret() {
        // FAULTS 69: secrets never in logs, Debug or errors.
        let key = Keypair::from_seed([0x5e; 32]);
        assert_eq!(format!("{key:?}"), format!("Keypair({})", key.account()));
    }

    #[test]
    fn many_names_the_wrong_one() {
        let keys: Vec<Keypair> = (0..8).map(|i| Keypair::from_seed([i; 32])).collect();
        let texts: Vec<String> = (0..40).map(|i| format!("message {i}")).collect();
        let mut items: Vec<SignedMessage<'_>> = texts
            .iter()
            .enumerate()
            .map(|(i, t)| {
                let key = &keys[i % keys.len()];
                (key.account(), t.as_bytes(), key.sign(Domain::BUNDLE, t.as_bytes()))
            })
            .collect();
        assert_eq!(verify_many(Domain::BUNDLE, &items), Ok(()));
        assert_eq!(verify_many(Domain::BUNDLE, &[]), Ok(()));
        assert_eq!(verify_many(Domain::REQUEST, &items[..1]), Err((0, SignatureError::Wrong(items[0].0))));
        items[17].2 = items[16].2;
        assert_eq!(verify_many(Domain::BUNDLE, &items), Err((17, SignatureError::Wrong(items[17].0))));
    }
}
