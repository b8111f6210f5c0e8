//! The one signature rule, ZIP215, against Wycheproof's vectors, against the odd points, and against strict
//! verification, with every difference by name.
//!
//! FAULTS 67: S+L malleability is rejected; small-order A or R and non-canonical points are judged as ZIP215
//! says, one verdict in every language and replica.

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use ed25519_dalek::VerifyingKey;
use moot_record::testing::verify_bytes;
use moot_record::{AccountId, Domain, Keypair, Signature, verify, verify_many};
use sha2::{Digest as _, Sha512};

fn zip215(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    verify_bytes(&AccountId::from_bytes(*key), message, &Signature::from_bytes(*signature)).is_ok()
}

fn strict(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    VerifyingKey::from_bytes(key)
        .is_ok_and(|key| key.verify_strict(message, &ed25519_dalek::Signature::from_bytes(signature)).is_ok())
}

/// The one vector on which ZIP215 differs from strict verification and from RFC 8032: R encodes y = 1 with the
/// sign of x set. ZIP215 says that such encodings MUST be accepted.
const WYCHEPROOF_DIFFERENCES: [usize; 1] = [151];

/// One of Wycheproof's vectors: a signature of bytes that carry no domain, and what Wycheproof says of it.
pub(crate) struct Wycheproof {
    id: usize,
    comment: String,
    key: [u8; 32],
    pub(crate) message: Vec<u8>,
    /// As many bytes as the vector has: some are too short or too long on purpose.
    pub(crate) signature: Vec<u8>,
    valid: bool,
}

impl Wycheproof {
    pub(crate) fn name(&self) -> String {
        format!("Wycheproof {}: {}", self.id, self.comment)
    }

    pub(crate) fn account(&self) -> AccountId {
        AccountId::from_bytes(self.key)
    }

    /// Our verdict. What has not the length of a signature is none.
    pub(crate) fn is_good(&self) -> bool {
        self.verdict(zip215)
    }

    fn verdict(&self, rule: fn(&[u8; 32], &[u8], &[u8; 64]) -> bool) -> bool {
        let signature = <[u8; 64]>::try_from(self.signature.as_slice());
        signature.is_ok_and(|signature| rule(&self.key, &self.message, &signature))
    }
}

/// All of them.
pub(crate) fn wycheproof() -> Vec<Wycheproof> {
    let set = wycheproof::eddsa::TestSet::load(wycheproof::eddsa::TestName::Ed25519).unwrap();
    let groups = set.test_groups.into_iter().flat_map(|group| {
        let key: [u8; 32] = group.key.pk.as_slice().try_into().unwrap();
        group.tests.into_iter().map(move |test| (key, test))
    });
    let one = |(key, test): ([u8; 32], wycheproof::eddsa::Test)| Wycheproof {
        id: test.tc_id,
        valid: matches!(test.result, wycheproof::TestResult::Valid),
        comment: test.comment,
        key,
        message: test.msg.to_vec(),
        signature: test.sig.to_vec(),
    };
    groups.map(one).collect()
}

/// FAULTS 67: Wycheproof's vectors. They stand in `vectors.json` too, with our verdicts: the SDKs give the same.
#[test]
fn case_67_wycheproof() {
    let vectors = wycheproof();
    assert!(vectors.len() >= 145, "only {} vectors", vectors.len());
    let mut differences = Vec::new();
    for vector in &vectors {
        assert_eq!(vector.verdict(strict), vector.valid, "strict: {}", vector.name());
        if vector.is_good() != vector.valid {
            assert!(vector.is_good(), "ZIP215 refuses nothing that is valid: {}", vector.name());
            differences.push(vector.id);
        }
    }
    assert_eq!(differences, WYCHEPROOF_DIFFERENCES);
}

/// A vector in our own domain, with the verdicts of both rules.
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) account: AccountId,
    pub(crate) message: Vec<u8>,
    pub(crate) signature: Signature,
    pub(crate) zip215: bool,
    pub(crate) strict: bool,
}

pub(crate) const DOMAIN: Domain = Domain::REQUEST;

fn challenge(r: &[u8; 32], a: &[u8; 32], message: &[u8]) -> Scalar {
    let hash = Sha512::new().chain_update(r).chain_update(a).chain_update(DOMAIN.message(message));
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

fn vector(
    name: &str,
    a: [u8; 32],
    message: &[u8],
    r: [u8; 32],
    s: [u8; 32],
    verdicts: (bool, bool),
) -> Vector {
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&r);
    signature[32..].copy_from_slice(&s);
    Vector {
        name: name.to_owned(),
        account: AccountId::from_bytes(a),
        message: message.to_vec(),
        signature: Signature::from_bytes(signature),
        zip215: verdicts.0,
        strict: verdicts.1,
    }
}

/// Signs with a chosen public key and nonce point, each perhaps with a torsion component or another encoding.
fn sign_odd(
    scalar: &Scalar,
    a: [u8; 32],
    r_point: EdwardsPoint,
    nonce: &Scalar,
    message: &[u8],
) -> ([u8; 32], [u8; 32]) {
    let r = r_point.compress().to_bytes();
    let s = nonce + challenge(&r, &a, message) * scalar;
    (r, s.to_bytes())
}

/// `s + L`, where it still fits 256 bits.
fn plus_order(s: [u8; 32]) -> [u8; 32] {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let (mut out, mut carry) = ([0; 32], 0u16);
    for i in 0..32 {
        carry += u16::from(s[i]) + u16::from(ORDER[i]);
        out[i] = carry as u8;
        carry >>= 8;
    }
    assert_eq!(carry, 0);
    out
}

/// The small-order points in every encoding that decompresses: eight canonical, six not.
fn small_order_encodings() -> Vec<(&'static str, [u8; 32])> {
    let mut out: Vec<_> = EIGHT_TORSION.iter().map(|p| ("canonical", p.compress().to_bytes())).collect();
    let with = |first: u8, rest: u8, last: u8| {
        let mut bytes = [rest; 32];
        (bytes[0], bytes[31]) = (first, last);
        bytes
    };
    for bytes in [
        with(0x01, 0x00, 0x80), // y = 1, x = 0 with a sign
        with(0xec, 0xff, 0xff), // y = -1, x = 0 with a sign
        with(0xee, 0xff, 0x7f), // y = p + 1
        with(0xee, 0xff, 0xff), // y = p + 1 with a sign
        with(0xed, 0xff, 0x7f), // y = p
        with(0xed, 0xff, 0xff), // y = p with a sign
    ] {
        out.push(("non-canonical", bytes));
    }
    out
}

/// The cases of "Taming the many EdDSAs" (speccheck), made here in our own domain.
pub(crate) fn vectors() -> Vec<Vector> {
    let mut out = Vec::new();
    let key = Keypair::from_seed([42; 32]);
    let message = b"speccheck";
    let good = key.sign(DOMAIN, message);
    let a = *key.account().as_bytes();
    let (r, s): ([u8; 32], [u8; 32]) =
        (good.as_bytes()[..32].try_into().unwrap(), good.as_bytes()[32..].try_into().unwrap());
    out.push(vector("an ordinary signature", a, message, r, s, (true, true)));
    out.push(vector("another message", a, b"specchecK", r, s, (false, false)));
    out.push(vector(
        "S+L: the same signature with s not reduced",
        a,
        message,
        r,
        plus_order(s),
        (false, false),
    ));
    let mut high = s;
    high[31] |= 0x80;
    out.push(vector("s with its highest bit set", a, message, r, high, (false, false)));
    let mut off_curve = [0; 32];
    off_curve[0] = 2;
    assert!(CompressedEdwardsY(off_curve).decompress().is_none());
    out.push(vector("R that is no point", a, message, off_curve, s, (false, false)));
    out.push(vector("A that is no point", off_curve, message, r, s, (false, false)));
    out.push(vector("all zeros", [0; 32], message, [0; 32], [0; 32], (true, false)));

    let (scalar, nonce) = (Scalar::from(123_456_789u64), Scalar::from(987_654_321u64));
    let point = scalar * ED25519_BASEPOINT_POINT;
    let r_point = nonce * ED25519_BASEPOINT_POINT;
    let torsion = EIGHT_TORSION[1];

    // A vote like the second is why one rule is needed: commonware accepts it, strict libraries refuse it.
    let plain = point.compress().to_bytes();
    let (r, s) = sign_odd(&scalar, plain, r_point + torsion, &nonce, message);
    out.push(vector("R with a torsion component", plain, message, r, s, (true, false)));
    let mixed = (point + torsion).compress().to_bytes();
    // The strict equation holds by chance when 8 divides the challenge: take a message where it does not, and
    // one where it does.
    for (name, divides, verdicts) in [
        ("A with a torsion component", false, (true, false)),
        ("A with a torsion component, challenge divisible by 8", true, (true, true)),
    ] {
        let message = (0u32..)
            .map(|i| format!("{name} {i}").into_bytes())
            .find(|m| {
                let r = r_point.compress().to_bytes();
                (challenge(&r, &mixed, m).to_bytes()[0] & 7 == 0) == divides
            })
            .unwrap();
        let (r, s) = sign_odd(&scalar, mixed, r_point, &nonce, &message);
        out.push(vector(name, mixed, &message, r, s, verdicts));
    }
    let (r, s) = sign_odd(&scalar, mixed, r_point + torsion, &nonce, message);
    out.push(vector("A and R with torsion components", mixed, message, r, s, (true, false)));

    // R of small order is the nonce 0: valid under the cofactored equation, refused by strict.
    for (form, r) in small_order_encodings() {
        let s = challenge(&r, &plain, message) * scalar;
        let name = format!("R of small order ({form}, {})", hex(&r[..1]));
        out.push(vector(&name, plain, message, r, s.to_bytes(), (true, false)));
    }
    // A of small order: anybody can sign for it. The account is worthless to whoever made it, and nobody else.
    for (form, a) in small_order_encodings() {
        let r = r_point.compress().to_bytes();
        let name = format!("A of small order ({form}, {})", hex(&a[..1]));
        out.push(vector(&name, a, message, r, nonce.to_bytes(), (true, false)));
    }
    out
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// FAULTS 67: our verdict, and strict verification's where it differs, each by name.
#[test]
fn case_67_every_difference_from_strict_verification_is_named() {
    let mut differences = Vec::new();
    for v in vectors() {
        let ours = verify(&v.account, DOMAIN, &v.message, &v.signature).is_ok();
        assert_eq!(ours, v.zip215, "{}", v.name);
        let bytes = DOMAIN.message(&v.message);
        assert_eq!(zip215(v.account.as_bytes(), &bytes, v.signature.as_bytes()), v.zip215, "{}", v.name);
        assert_eq!(strict(v.account.as_bytes(), &bytes, v.signature.as_bytes()), v.strict, "{}", v.name);
        if v.zip215 != v.strict {
            assert!(v.zip215, "strict never accepts what ZIP215 refuses");
            differences.push(v.name);
        }
    }
    let of = |what: &str| differences.iter().filter(|name| name.starts_with(what)).count();
    assert_eq!(of("R of small order"), 14);
    assert_eq!(of("A of small order"), 14);
    assert_eq!(of("R with a torsion component"), 1);
    assert_eq!(of("A with a torsion component"), 1);
    assert_eq!(of("A and R with torsion components"), 1);
    assert_eq!(of("all zeros"), 1);
    assert_eq!(differences.len(), 32, "{differences:#?}");
}

/// FAULTS 67: all 196 pairs of small-order A and R with s = 0 verify under ZIP215, as its authors' vectors say.
#[test]
fn case_67_small_order_matrix() {
    for (_, a) in small_order_encodings() {
        for (_, r) in small_order_encodings() {
            let v = vector("", a, b"Zcash", r, [0; 32], (true, false));
            assert_eq!(
                verify(&v.account, DOMAIN, &v.message, &v.signature),
                Ok(()),
                "A {} R {}",
                hex(&a),
                hex(&r)
            );
        }
    }
}

/// FAULTS 67: checking many at once accepts exactly what checking each accepts.
#[test]
fn case_67_many_at_once_has_the_same_verdict() {
    let vectors = vectors();
    let item = |v: &Vector| (v.account, v.message.clone(), v.signature);
    let good: Vec<_> = vectors.iter().filter(|v| v.zip215).map(item).collect();
    let borrowed = |items: &[(AccountId, Vec<u8>, Signature)]| {
        let items: Vec<_> = items.iter().map(|(a, m, s)| (*a, m.as_slice(), *s)).collect();
        verify_many(DOMAIN, &items).map_err(|(place, _)| place)
    };
    assert_eq!(borrowed(&good), Ok(()));
    for bad in vectors.iter().filter(|v| !v.zip215) {
        let mut items = good.clone();
        items.insert(9, item(bad));
        assert_eq!(borrowed(&items), Err(9), "{}", bad.name);
    }
}
