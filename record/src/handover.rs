//! From the genesis's committee to a later one: at each change the block that names the next, certified by the
//! committee before.

use crate::block::{BlockHeader, MAX_BLOCK_HEADER_BYTES};
use crate::bytes::{AccountId, Digest};
use crate::cbor::{self, Reader};
use crate::certificate::{Certificate, CertificateError};
use crate::committee::{Committee, Epochs, check_members, read_members, write_members};
use crate::error::DecodeError;
use crate::genesis::Genesis;
use crate::item::{Item, canonical, read_nested, write_nested};
use crate::limits::{MAX_CERTIFICATE_BYTES, MAX_HANDOVER_BYTES};
use crate::proof_error::ProofError;

/// The end of one committee and the beginning of the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handover {
    /// The last block of the last epoch in which the committee before voted. It names the next one.
    pub header: BlockHeader,
    /// The votes of the committee before for that block.
    pub certificate: Certificate,
    /// The next committee's members, sorted.
    pub members: Vec<AccountId>,
}

canonical!(Handover, MAX_HANDOVER_BYTES);

/// Follows the handovers from the genesis's committee to the one that they lead to.
///
/// # Errors
/// Names what does not fit: [`ProofError::Handover`].
pub(crate) fn follow(
    genesis: &Genesis,
    network: &Digest,
    handovers: &[Handover],
) -> Result<Committee, ProofError> {
    let mut committee = genesis.committee();
    let mut height = 0;
    for handover in handovers {
        let number = committee.number.saturating_add(1);
        let wrong =
            |part: &str, why: String| ProofError::Handover { field: format!("handover.{part}"), number, why };
        let Some(epochs) = &genesis.epochs else {
            return Err(wrong(
                "epochs",
                "the genesis names no epochs: its committee is the only one".to_owned(),
            ));
        };
        let header = &handover.header;
        if !epochs.is_last(header.height) {
            let why = format!("block {} is not the last of its epoch", header.height);
            return Err(wrong("height", why));
        }
        if number > 1 && header.height <= height {
            let why =
                format!("block {} does not come after block {height}, the handover before", header.height);
            return Err(wrong("height", why));
        }
        check_members("committee.members", &handover.members).map_err(|e| wrong("members", e.to_string()))?;
        let next = Committee { number, members: handover.members.clone() };
        if header.committee != Some(next.digest()) {
            let why = format!("block {} does not name this committee as number {number}", header.height);
            return Err(wrong("committee", why));
        }
        check(epochs, network, &committee, &handover.certificate, header)
            .map_err(|e| wrong(e.field(), e.to_string()))?;
        height = header.height;
        committee = next;
    }
    Ok(committee)
}

/// Checks a certificate of a network with epochs: its committee's, and of the block's own epoch.
fn check(
    epochs: &Epochs,
    network: &Digest,
    committee: &Committee,
    certificate: &Certificate,
    header: &BlockHeader,
) -> Result<(u64, u64), CertificateError> {
    let (epoch, view) = certificate.verify_by(committee, network, &header.digest())?;
    let wanted = epochs.of(header.height);
    if epoch != wanted {
        return Err(CertificateError::Epoch { found: epoch, wanted, height: header.height });
    }
    Ok((epoch, view))
}

/// Verifies a block's certificate with the handovers that lead to its committee; gives the epoch and the view.
///
/// # Errors
/// Names what does not fit.
pub(crate) fn verify(
    genesis: &Genesis,
    handovers: &[Handover],
    certificate: &Certificate,
    header: &BlockHeader,
) -> Result<(u64, u64), ProofError> {
    let network = genesis.network();
    let committee = follow(genesis, &network, handovers)?;
    let Some(epochs) = &genesis.epochs else {
        return Ok(certificate.verify_by(&committee, &network, &header.digest())?);
    };
    if let Some(last) = handovers.last()
        && header.height <= last.header.height
    {
        let why =
            format!("it is of block {}, and the certified one is {}", last.header.height, header.height);
        let field = "handover.height".to_owned();
        return Err(ProofError::Handover { field, number: committee.number, why });
    }
    Ok(check(epochs, &network, &committee, certificate, header)?)
}

impl Item for Handover {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 3);
        write_nested(out, &self.header);
        cbor::bytes(out, &self.certificate.0);
        write_members(out, &self.members);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(3)?;
        Ok(Self {
            header: read_nested(r, MAX_BLOCK_HEADER_BYTES)?,
            certificate: Certificate(r.bytes(MAX_CERTIFICATE_BYTES)?.to_vec()),
            members: read_members(r)?,
        })
    }
}
