//! An invoice: the receipts of some blocks with what decides what each costs, for whoever wants to compute it anew.
//!
//! Nothing is taken from what the state machine has charged: the receipts are read from the blocks' batches, each with
//! its call. What a payer did not have, and that a call may be charged once and for half an hour only, is not looked at;
//! nor is whether the other workers of a call that several run have spoken in time.

use crate::core::Core;
use crate::error::ReadError;
use crate::ledger::Ledger;
use crate::recent::Stored;
use crate::store::read;
use moot_record::{
    AccountId, Call, Digest, Entry, EntryId, Fee, FunctionName, Payer, Prices, Receipt, entry_digest,
    priced_bytes,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where an invoice goes on: a height, and the place of a batch in its block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BillFrom {
    /// The height.
    pub height: u64,
    /// The batch's place.
    pub batch: u32,
}

/// A receipt, and what decides what it costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BilledCall {
    /// Height of the receipt's block.
    pub height: u64,
    /// The call.
    pub call: EntryId,
    /// The receipt's address.
    pub receipt: EntryId,
    /// The function.
    pub function: FunctionName,
    /// Who pays; none when nobody can be made to.
    pub payer: Option<AccountId>,
    /// Who signed the receipt.
    pub worker: AccountId,
    /// Bytes of both entries.
    pub bytes: u64,
    /// Of these those that were paid for with a client's bundle.
    pub paid_bytes: u64,
    /// The fuel burnt, as far as call and function let it.
    pub fuel: u64,
    /// What the receipt says it costs.
    pub stated: Fee,
}

/// A part of an invoice.
#[derive(Debug, Clone, Default)]
pub struct BillPart {
    /// The receipts, in the order of the blocks.
    pub calls: Vec<BilledCall>,
    /// The prices at the first height, and every other list up to the last, each with the first height that it is for.
    pub prices: Vec<(u64, Prices)>,
    /// Where the rest begins.
    pub next: Option<BillFrom>,
}

/// What the manifest that a call names says about paying for it.
#[derive(Default)]
struct Terms {
    payer: Option<AccountId>,
    /// What it may burn.
    fuel: u64,
    /// Whether several workers run it.
    compared: bool,
}

/// Batches that were read for their calls.
type Batches = BTreeMap<u64, Option<Arc<Stored>>>;

impl Ledger {
    /// A part of the invoice of the blocks from `from` to the height `to`, of one payer or of all. It ends with the batch
    /// in which it gets `max` receipts, or after `max_batches` batches or as many blocks.
    ///
    /// # Errors
    /// When the disk cannot be read, or what it holds is damaged.
    pub fn bill(
        &self,
        from: BillFrom,
        to: u64,
        account: Option<&AccountId>,
        (max, max_batches): (usize, usize),
    ) -> Result<BillPart, ReadError> {
        let core = self.core();
        let to = to.min(core.height());
        let (mut part, mut looked) = (BillPart::default(), 0);
        let mut at = from;
        while at.height <= to {
            let batches =
                core.store.read(|txn| read::block(txn, at.height))?.map_or(Vec::new(), |b| b.batches);
            for (batch, digest) in (0u32..).zip(&batches).skip(at.batch as usize) {
                if part.calls.len() >= max || looked >= max_batches {
                    part.next = Some(BillFrom { batch, ..at });
                    break;
                }
                looked += 1;
                core.bill_batch(at.height, digest, account, &mut part.calls)?;
            }
            looked += 1;
            at = BillFrom { height: at.height + 1, batch: 0 };
            if part.next.is_none() && at.height <= to && (part.calls.len() >= max || looked >= max_batches) {
                part.next = Some(at);
            }
            if part.next.is_some() {
                break;
            }
        }
        let until = part.next.map_or(to, |next| next.height);
        part.prices = core.store.read(|txn| read::prices_between(txn, from.height, until))?;
        if part.prices.first().is_none_or(|(height, _)| *height > from.height) {
            part.prices.insert(0, (from.height, core.genesis.prices));
        }
        Ok(part)
    }
}

impl Core {
    fn bill_batch(
        &self,
        height: u64,
        digest: &Digest,
        account: Option<&AccountId>,
        calls: &mut Vec<BilledCall>,
    ) -> Result<(), ReadError> {
        let place = self.store.read(|txn| {
            let Some(place) = read::settled_place(txn, digest)? else { return Ok(None) };
            // The first block that names it counts.
            let first = read::place(txn, place.0, place.1)?.is_some_and(|found| found.height == height);
            Ok(first.then_some(place))
        })?;
        let Some((lane, seq)) = place else { return Ok(()) };
        let Some(stored) = self.batch(lane, seq)? else { return Ok(()) };
        let owner = self.lane_account(lane);
        let mut batches = Batches::from([(seq, Some(stored.clone()))]);
        let mut answered = BTreeSet::new();
        for (bundle, content) in (0u16..).zip(&stored.batch.bundles) {
            let worker = content.header.account;
            let receipts =
                content.entries().filter(|(_, _, entry)| entry.get(1) == Some(&crate::exchange::RECEIPT));
            let mut found = Vec::new();
            for (page, slot, entry) in receipts {
                let receipt = EntryId { lane, batch: seq, bundle, page, slot };
                if let Ok(Entry::Receipt(said)) = Entry::decode(entry) {
                    found.push((receipt, said, entry.len()));
                }
            }
            let others = content.entries().count() > found.len();
            if owner != Some(worker) && others {
                // Among other things of a client's, nobody's receipt.
                continue;
            }
            for (receipt, said, encoded) in found {
                if said.call.lane != lane || !answered.insert(said.call) {
                    continue;
                }
                let billed = self.billed((height, receipt, worker), &said, encoded, owner, &mut batches)?;
                let wanted = |billed: &BilledCall| account.is_none() || billed.payer.as_ref() == account;
                calls.extend(billed.filter(wanted));
            }
        }
        Ok(())
    }

    /// A receipt with its call; none when it is not of the call that it names.
    fn billed(
        &self,
        (height, receipt, worker): (u64, EntryId, AccountId),
        said: &Receipt,
        encoded: usize,
        owner: Option<AccountId>,
        batches: &mut Batches,
    ) -> Result<Option<BilledCall>, ReadError> {
        let id = said.call;
        let stored = match batches.get(&id.batch) {
            Some(stored) => stored.clone(),
            None => batches.entry(id.batch).or_insert(self.batch(id.lane, id.batch)?).clone(),
        };
        let Some(stored) = stored else { return Ok(None) };
        let Some(entry) = stored.batch.entry(id).filter(|entry| entry_digest(entry) == said.call_digest)
        else {
            return Ok(None);
        };
        let Ok(Entry::Call(call)) = Entry::decode(entry) else { return Ok(None) };
        let signer = stored.batch.bundles.get(usize::from(id.bundle)).map(|bundle| bundle.header.account);
        let signer = signer.filter(|signer| owner != Some(*signer));
        let Terms { payer, fuel, compared } = self.terms(&call, signer, height);
        // Several workers run it, and one receipt is charged: what they agree on is recorded first. The replica's own
        // says that they do not.
        if compared
            && (owner == Some(worker) || self.receipt_of(id)?.is_none_or(|(first, _)| first != receipt))
        {
            return Ok(None);
        }
        let call_bytes = entry.len() as u64;
        Ok(Some(BilledCall {
            height,
            call: id,
            receipt,
            function: call.function,
            payer,
            worker,
            bytes: call_bytes + priced_bytes(said, encoded),
            paid_bytes: if signer.is_some() { call_bytes } else { 0 },
            fuel: said.fuel.min(call.fuel_limit).min(fuel),
            stated: said.fee,
        }))
    }

    /// Who pays for a call that a receipt in the block of a height answers.
    fn terms(&self, call: &Call, signer: Option<AccountId>, height: u64) -> Terms {
        let registry = self.registry.read();
        let Some(record) = registry.get(&call.function) else { return Terms::default() };
        let caller = signer.or(call.caller);
        let version = record.versions.iter().rev().find(|version| version.spec_digest == call.spec);
        // A block's receipts are charged after what is said in it.
        let revoked = caller.and_then(|caller| self.revoked.read().at(&caller));
        let may = revoked.is_none_or(|at| height < at);
        match version.filter(|version| may && version.spec.can_have_admitted(caller.as_ref())) {
            None => Terms::default(),
            Some(version) => {
                let payer = match version.spec.payer {
                    Payer::Owner => Some(record.owner),
                    Payer::Caller => caller,
                };
                Terms { payer, fuel: version.spec.limits.fuel, compared: version.spec.replicas_k > 1 }
            }
        }
    }
}
