//! A function as the ledger knows it: its owner, its versions, which of them runs.

use crate::access::CallAccess;
use moot_record::cbor::{self, Reader};
use moot_record::{AccountId, DecodeError, Digest, EntryId, FunctionName, Spec};

/// One deployed version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its number: 1 for the first, one more for each that followed.
    pub number: u32,
    /// The component's digest.
    pub component: Digest,
    /// The component's length.
    pub component_bytes: u64,
    /// The manifest.
    pub spec: Spec,
    /// The manifest's digest.
    pub spec_digest: Digest,
    /// Who may call it, as the manifest says.
    pub access: CallAccess,
    /// Height of the block that deployed it.
    pub height: u64,
    /// The transaction that deployed it.
    pub deployed: EntryId,
}

/// A function and its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionRecord {
    /// Its name.
    pub name: FunctionName,
    /// Who may change it.
    pub owner: AccountId,
    /// Its versions, ascending; the oldest may have been let go.
    pub versions: Vec<Version>,
    /// Number of the version that runs.
    pub active: u32,
    /// Whether it was retired: it runs no more and its name stays spent.
    pub retired: bool,
    /// Whether its owner gave up upgrade and destruction for good, whatever its manifest says.
    pub frozen: bool,
}

impl FunctionRecord {
    /// The version that runs, unless the function is retired.
    #[must_use]
    pub fn active(&self) -> Option<&Version> {
        if self.retired { None } else { self.version(self.active) }
    }

    /// The version of the given number.
    #[must_use]
    pub fn version(&self, number: u32) -> Option<&Version> {
        let at = self.versions.binary_search_by_key(&number, |version| version.number).ok()?;
        self.versions.get(at)
    }

    /// Its one encoding: a leaf of the state's tree, and the row on disk. One that is not frozen has the encoding that it
    /// had before any could be.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        cbor::array(&mut out, 5 + usize::from(self.frozen));
        cbor::text(&mut out, self.name.as_str());
        cbor::bytes(&mut out, self.owner.as_bytes());
        cbor::uint(&mut out, self.active);
        cbor::boolean(&mut out, self.retired);
        cbor::array(&mut out, self.versions.len());
        for version in &self.versions {
            cbor::array(&mut out, 6);
            cbor::uint(&mut out, version.number);
            cbor::bytes(&mut out, version.component.as_bytes());
            cbor::uint(&mut out, version.component_bytes);
            cbor::bytes(&mut out, &version.spec.encode());
            cbor::uint(&mut out, version.height);
            cbor::bytes(&mut out, &version.deployed.encode());
        }
        if self.frozen {
            cbor::boolean(&mut out, true);
        }
        out
    }

    /// Reads a record: what a proof of the state shows of a function.
    ///
    /// # Errors
    /// When the bytes are none.
    pub fn decode(bytes: &[u8]) -> Result<FunctionRecord, DecodeError> {
        let r = &mut Reader::new(bytes);
        let fields = r.list(6)?;
        if fields < 5 {
            return Err(super::invalid("function", "a record has five fields or six").into());
        }
        let name =
            FunctionName::parse(r.text(64)?).map_err(|error| super::invalid("name", error.to_string()))?;
        let owner = AccountId::from_bytes(r.fixed()?);
        let active = r.small()?;
        let retired = r.boolean()?;
        let mut versions = Vec::new();
        for _ in 0..r.list(crate::limits::MAX_VERSIONS_KEPT)? {
            r.array(6)?;
            let number = r.small()?;
            let component = Digest::from_bytes(r.fixed()?);
            let component_bytes = r.uint()?;
            let spec = Spec::decode(r.bytes(moot_record::limits::MAX_SPEC_BYTES)?)?;
            let height = r.uint()?;
            let deployed = EntryId::decode(r.bytes(64)?)?;
            let spec_digest = spec.digest();
            let access = CallAccess::new(&spec.access).map_err(|why| super::invalid("access", why))?;
            versions.push(Version {
                number,
                component,
                component_bytes,
                spec,
                spec_digest,
                access,
                height,
                deployed,
            });
        }
        let frozen = fields == 6;
        if frozen && !r.boolean()? {
            return Err(super::invalid("frozen", "only a frozen function says whether it is").into());
        }
        r.end()?;
        Ok(FunctionRecord { name, owner, versions, active, retired, frozen })
    }
}
