//! Counting through a batch what is to be charged: its receipts, each with its call.
//!
//! Whatever is gathered here depends on the bytes of the batch alone, and is the same on every replica. Calls are decoded
//! where their receipts are charged with them: those of the lane's owner, who recorded them for others. What clients
//! signed themselves is paid for by the bundle, and looked up when a receipt comes.

use super::check::{CALL, RECEIPT, VALUE};
use crate::state::Charges;
use crate::state::charges::{Charge, ClientCalls, Elsewhere, Group, Written};
use moot_record::{AccountId, Call, Digest, Entry, EntryId, Receipt, SealedView, entry_digest, priced_bytes};
use std::collections::{BTreeMap, BTreeSet};

/// A call of the lane's owner, for the receipts in the same batch.
struct Own<'a> {
    position: (u16, u16, u16),
    number: u32,
    entry: &'a [u8],
}

/// Gathers what a batch asks to be charged. `owner` is who owns its lane.
pub(crate) fn tally(view: &SealedView<'_>, owner: Option<&AccountId>) -> Charges {
    let place = (view.header.lane, view.header.seq);
    let mut charges = Charges {
        place,
        digest: view.digest(),
        calls: 0,
        clients: Vec::new(),
        groups: Vec::new(),
        receipts: Vec::new(),
        elsewhere: Vec::new(),
        early: Vec::new(),
        written: Vec::new(),
    };
    let (mut own, mut receipts) = (Vec::new(), Vec::new());
    for (bundle, content) in (0u16..).zip(&view.bundles) {
        let owners = owner == Some(&content.header.account);
        let (first, mut others, begun) = (charges.calls, false, receipts.len());
        for (page, slot, entry) in content.entries() {
            match entry.get(1) {
                Some(&CALL) => {
                    if owners {
                        own.push(Own { position: (bundle, page, slot), number: charges.calls, entry });
                    }
                    charges.calls += 1;
                    others = true;
                }
                Some(&RECEIPT) => receipts.push((content.header.account, entry)),
                Some(&VALUE) if owners => {
                    let value = EntryId { lane: place.0, batch: place.1, bundle, page, slot };
                    charges.written.extend(call_of_value(entry).map(|call| Written {
                        value,
                        call,
                        group: None,
                    }));
                    others = true;
                }
                _ => others = true,
            }
        }
        if !owners {
            // Among other things of a client's, nobody's receipt.
            receipts.truncate(if others { begun } else { receipts.len() });
            let count = charges.calls - first;
            charges.clients.extend((count > 0).then_some(ClientCalls { bundle, first, count }));
        }
    }
    for (worker, entry) in receipts {
        if let Ok(Entry::Receipt(receipt)) = Entry::decode(entry) {
            charges.add(&own, worker, &receipt, entry.len());
        }
    }
    if let Some(owner) = owner.filter(|_| !charges.written.is_empty()) {
        charges.group_values(*owner, |call| {
            let position = (call.bundle, call.page, call.slot);
            let at = own.binary_search_by_key(&position, |own| own.position).ok()?;
            own.get(at).filter(|_| (call.lane, call.batch) == place).map(|own| (None, own.entry))
        });
    }
    charges
}

/// The call in which a function wrote a value; none of what none wrote.
fn call_of_value(entry: &[u8]) -> Option<EntryId> {
    match Entry::decode(entry) {
        Ok(Entry::Value(value)) => value.parent,
        _ => None,
    }
}

impl Charges {
    fn add(&mut self, own: &[Own<'_>], worker: AccountId, receipt: &Receipt, encoded: usize) {
        let call = receipt.call;
        if call.lane != self.place.0 {
            // Whoever owns another lane says nothing about this one's calls.
            return;
        }
        let bytes = priced_bytes(receipt, encoded);
        let position = (call.bundle, call.page, call.slot);
        let found = own.binary_search_by_key(&position, |own| own.position).ok().and_then(|at| own.get(at));
        match found.filter(|_| call.batch == self.place.1) {
            Some(own) => {
                let about = About { batch: call.batch, number: own.number, signer: None, worker };
                self.charge(about, own.entry, receipt.call_digest, bytes, receipt.fuel);
            }
            None => self.elsewhere.push(Elsewhere {
                call,
                call_digest: receipt.call_digest,
                worker,
                bytes,
                fuel: receipt.fuel,
            }),
        }
    }

    /// Puts values beside the calls in which they were written, as far as `find` knows these: who signed the call, if a
    /// client did, and its entry.
    fn group_values<'a>(
        &mut self,
        owner: AccountId,
        find: impl Fn(&EntryId) -> Option<(Option<AccountId>, &'a [u8])>,
    ) {
        let mut written = std::mem::take(&mut self.written);
        for value in written.iter_mut().filter(|value| value.group.is_none()) {
            let Some((signer, entry)) = find(&value.call) else { continue };
            let Ok(Entry::Call(Call { function, spec, caller, .. })) = Entry::decode(entry) else { continue };
            let group = Group { function, spec, caller: signer.or(caller), worker: owner };
            value.group = Some(self.group(group));
        }
        self.written = written;
    }

    /// The calls of values that have to be looked up, by their batches. Those of other lanes are nobody's here to name.
    pub(crate) fn calls_of_values(&self) -> BTreeMap<u64, BTreeSet<EntryId>> {
        let mut by_batch: BTreeMap<u64, BTreeSet<EntryId>> = BTreeMap::new();
        for Written { call, .. } in self.written.iter().filter(|value| value.group.is_none()) {
            if call.lane == self.place.0 {
                by_batch.entry(call.batch).or_default().insert(*call);
            }
        }
        by_batch
    }

    /// Puts values beside their calls that were looked up.
    pub(crate) fn settle_values(&mut self, owner: AccountId, found: &FoundCalls) {
        self.group_values(owner, |call| {
            found.get(call).map(|FoundCall { signer, entry, .. }| (*signer, entry.as_slice()))
        });
    }

    /// The receipts whose calls have to be looked up, by the batches of these.
    pub(crate) fn take_elsewhere(&mut self) -> BTreeMap<u64, Vec<Elsewhere>> {
        let mut by_batch: BTreeMap<u64, Vec<Elsewhere>> = BTreeMap::new();
        for receipt in std::mem::take(&mut self.elsewhere) {
            by_batch.entry(receipt.call.batch).or_default().push(receipt);
        }
        by_batch
    }

    /// Puts receipts whose calls were looked up among the others.
    pub(crate) fn settle(&mut self, receipts: &[Elsewhere], found: &FoundCalls) {
        for Elsewhere { call, call_digest, worker, bytes, fuel } in receipts {
            if let Some(FoundCall { number, signer, entry }) = found.get(call) {
                let about = About { batch: call.batch, number: *number, signer: *signer, worker: *worker };
                self.charge(about, entry, *call_digest, *bytes, *fuel);
            }
        }
    }

    /// Adds a receipt, if it is of this call.
    fn charge(&mut self, about: About, entry: &[u8], call_digest: Digest, bytes: u64, fuel: u64) {
        let About { batch, number, signer, worker } = about;
        let Ok(Entry::Call(Call { function, spec, caller, fuel_limit, .. })) = Entry::decode(entry) else {
            return;
        };
        if entry_digest(entry) != call_digest {
            return;
        }
        // Who signed a bundle is who called, whatever the call says.
        let group = self.group(Group { function, spec, caller: signer.or(caller), worker });
        let call_bytes = entry.len() as u64;
        let paid_bytes = if signer.is_some() { call_bytes } else { 0 };
        let fuel = fuel.min(fuel_limit);
        self.receipts.push(Charge {
            group,
            batch,
            call: number,
            bytes: bytes + call_bytes,
            paid_bytes,
            fuel,
        });
    }
}

/// Which call a receipt is of.
#[derive(Clone, Copy)]
struct About {
    batch: u64,
    number: u32,
    /// Who signed the call, where a client did.
    signer: Option<AccountId>,
    worker: AccountId,
}

/// A call that was looked up.
pub(crate) struct FoundCall {
    number: u32,
    signer: Option<AccountId>,
    entry: Vec<u8>,
}

/// Calls of one batch, by their addresses.
pub(crate) type FoundCalls = BTreeMap<EntryId, FoundCall>;

/// Looks calls up in their batch, given as its bundles' signers and entries in order.
pub(crate) fn find_calls<'a, E: Iterator<Item = (u16, u16, &'a [u8])>>(
    place: (u32, u64),
    owner: Option<&AccountId>,
    bundles: impl Iterator<Item = (AccountId, E)>,
    wanted: &BTreeSet<EntryId>,
) -> FoundCalls {
    let (lane, batch) = place;
    let mut found = BTreeMap::new();
    let mut number = 0;
    for (bundle, (account, entries)) in (0u16..).zip(bundles) {
        let signer = Some(account).filter(|account| owner != Some(account));
        for (page, slot, entry) in entries {
            if entry.get(1) != Some(&CALL) {
                continue;
            }
            let id = EntryId { lane, batch, bundle, page, slot };
            if wanted.contains(&id) {
                found.insert(id, FoundCall { number, signer, entry: entry.to_vec() });
            }
            number += 1;
        }
    }
    found
}
