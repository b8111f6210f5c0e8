//! Who is at the other end: TLS 1.3 between accounts.
//!
//! ```text
//!  account = ed25519 key ──► raw public key (RFC 7250) in place of a certificate ──► is it the one expected?
//! ```
//!
//! There are no certificates, and so no names, dates and issuers that would have to be made up: the key is the
//! identity, on the wire as on the ledger. A signature of TLS begins with 64 spaces and its context (RFC 8446, section
//! 4.4.3), a signature of a record with its domain, a vote with a length and the network's namespace: neither can be taken for the other.
//!
//! - Requires: that both keys are kept private; the other side's account, from somebody whom one trusts.
//! - Provides: secrecy and integrity of everything that is said, and that it is said by and to the account that was
//!   meant. Every connection proves both keys anew: nothing is resumed.
//! - Does not provide: secrecy of who speaks with whom: a client's key is encrypted on the wire, a server's too, but
//!   addresses are seen.

use moot_record::{AccountId, Keypair};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls13_signature_with_raw_key};
use tokio_rustls::rustls::pki_types::{
    CertificateDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
};
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::server::{AlwaysResolvesServerRawPublicKeys, NoServerSessionStorage};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, CommonState, DigitallySignedStruct, DistinguishedName, Error,
    ServerConfig, SignatureScheme,
};
use zeroize::Zeroizing;

/// What is spoken after the handshake, with its version: a peer of another version is told so by TLS. 2 since a worker says
/// which engine it runs.
pub const PROTOCOL: &[u8] = b"moot-worker/2";

/// A `SubjectPublicKeyInfo` of an ed25519 key but for the key (RFC 8410, section 4).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// A `PrivateKeyInfo` of an ed25519 key but for the seed (RFC 8410, section 7).
const PKCS8: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// A replica's side: whoever of `allow` proves its key is let in.
///
/// # Errors
/// When the key cannot be used, which no ed25519 key is.
pub fn server(key: &Keypair, allow: BTreeSet<AccountId>) -> Result<ServerConfig, Error> {
    let verifier = Arc::new(Expected { provider: provider(), accounts: allow });
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(certified(key)?)));
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// A worker's side: the other must prove that it is `replica`.
///
/// # Errors
/// When the key cannot be used, which no ed25519 key is.
pub fn client(key: &Keypair, replica: AccountId) -> Result<ClientConfig, Error> {
    let verifier = Arc::new(Expected { provider: provider(), accounts: BTreeSet::from([replica]) });
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(certified(key)?)));
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    Ok(config)
}

/// The name that TLS wants and nobody looks at: a key has none.
///
/// # Errors
/// Never: it is a valid name.
pub fn no_name() -> Result<ServerName<'static>, Error> {
    ServerName::try_from("replica.invalid").map_err(|error| Error::General(error.to_string()))
}

/// Whose key the other side has proven, once the handshake is done.
#[must_use]
pub fn peer(connection: &CommonState) -> Option<AccountId> {
    match connection.peer_certificates() {
        Some([key]) => account(key).ok(),
        _ => None,
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn certified(key: &Keypair) -> Result<Arc<CertifiedKey>, Error> {
    let mut document = Zeroizing::new(PKCS8.to_vec());
    document.extend_from_slice(key.seed().as_ref());
    let signing = ring::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(document.as_slice()))?;
    let public = [SPKI.as_slice(), key.account().as_bytes()].concat();
    Ok(Arc::new(CertifiedKey::new(vec![CertificateDer::from(public)], signing)))
}

/// The account of a raw public key. One encoding: anything else is no key of ours.
fn account(key: &CertificateDer<'_>) -> Result<AccountId, Error> {
    let bytes = key.as_ref().strip_prefix(SPKI.as_slice()).and_then(|key| key.try_into().ok());
    bytes.map(AccountId::from_bytes).ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))
}

/// Lets certain accounts pass.
struct Expected {
    provider: Arc<CryptoProvider>,
    accounts: BTreeSet<AccountId>,
}

impl fmt::Debug for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expected").field("accounts", &self.accounts).finish_non_exhaustive()
    }
}

impl Expected {
    fn check(&self, key: &CertificateDer<'_>, chain: &[CertificateDer<'_>]) -> Result<(), Error> {
        let known = self.accounts.contains(&account(key)?) && chain.is_empty();
        let refused = Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure);
        known.then_some(()).ok_or(refused)
    }

    fn signed(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = SubjectPublicKeyInfoDer::from(key.as_ref());
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature_with_raw_key(message, &key, signature, known)
    }
}

fn too_old() -> Error {
    Error::General("TLS 1.2 is not spoken here".to_owned())
}

impl ServerCertVerifier for Expected {
    fn verify_server_cert(
        &self,
        key: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(key, chain).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _key: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(too_old())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed(message, key, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for Expected {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        key: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(key, chain).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _key: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(too_old())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed(message, key, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio_rustls::{TlsAcceptor, TlsConnector};

    fn key(n: u8) -> Keypair {
        Keypair::from_seed([n; 32])
    }

    /// Connects `worker`, which expects `expected`, to replica 1, which lets `allowed` in. What the replica saw, and
    /// what the worker saw.
    async fn meet(
        worker: u8,
        expected: u8,
        allowed: u8,
    ) -> (Result<Option<AccountId>, String>, Result<Option<AccountId>, String>) {
        let (near, far) = duplex(64 * 1024);
        let server = server(&key(1), BTreeSet::from([key(allowed).account()])).unwrap();
        let client = client(&key(worker), key(expected).account()).unwrap();
        let replica = async {
            let mut stream =
                TlsAcceptor::from(Arc::new(server)).accept(far).await.map_err(|e| e.to_string())?;
            stream.write_all(b"x").await.map_err(|e| e.to_string())?;
            stream.flush().await.map_err(|e| e.to_string())?;
            Ok(peer(stream.get_ref().1))
        };
        let worker = async {
            let connector = TlsConnector::from(Arc::new(client));
            let mut stream = connector.connect(no_name().unwrap(), near).await.map_err(|e| e.to_string())?;
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(PROTOCOL));
            // A client knows that it was let in when the server has said something.
            stream.read_u8().await.map_err(|e| e.to_string())?;
            Ok(peer(stream.get_ref().1))
        };
        tokio::join!(replica, worker)
    }

    #[tokio::test]
    async fn both_sides_learn_whom_they_speak_with() {
        let (replica, worker) = meet(2, 1, 2).await;
        assert_eq!(replica, Ok(Some(key(2).account())));
        assert_eq!(worker, Ok(Some(key(1).account())));
    }

    #[tokio::test]
    async fn a_stranger_is_refused_by_either_side() {
        let (replica, worker) = meet(3, 1, 2).await;
        assert!(replica.is_err() && worker.is_err(), "{replica:?} {worker:?}");
        let (replica, worker) = meet(2, 4, 2).await;
        assert!(replica.is_err() && worker.is_err(), "{replica:?} {worker:?}");
    }

    #[test]
    fn a_key_has_one_encoding() {
        let good = [SPKI.as_slice(), &[7; 32]].concat();
        assert_eq!(account(&CertificateDer::from(good.clone())), Ok(AccountId::from_bytes([7; 32])));
        for bad in [&good[..43], &[&good[..], &[0]].concat(), &[7; 44]] {
            assert!(account(&CertificateDer::from(bad.to_vec())).is_err());
        }
    }
}
