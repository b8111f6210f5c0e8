//! Asking the ledger: entries, receipts, blocks, outcomes. Only what is on disk is answered.

use crate::core::Core;
use crate::error::{ReadError, Refused};
use crate::ledger::Ledger;
use crate::limits::{MAX_RECENT_BATCHES, MAX_RECENT_CALLS};
use crate::recent::Stored;
use crate::state::{ComparedCall, Outcome, Posting, Revoked, Rules, Stakes, Workers};
use crate::store::{StoredBlock, read};
use moot_record::{Account, AccountId, Call, Entry, EntryId, Hold, PathOwner, Receipt, StateKey};
use std::sync::Arc;

impl Core {
    /// An entry's bytes with the batch that holds them.
    pub(crate) fn locate(&self, id: EntryId) -> Result<Option<(Arc<Stored>, Entry)>, ReadError> {
        let Some(stored) = self.batch(id.lane, id.batch)? else { return Ok(None) };
        let Some(bytes) = stored.batch.entry(id) else { return Ok(None) };
        let entry = Entry::decode(bytes).map_err(|error| ReadError::damaged(format!("entry {id}"), error))?;
        Ok(Some((stored, entry)))
    }

    /// The receipts of `call` in one batch of its lane: in a bundle of the lane's own account, or of a worker that the
    /// lane's owner asked. Clients' bundles have none there.
    fn receipts_in(stored: &Stored, call: EntryId, wanted: &[u8]) -> impl Iterator<Item = FoundReceipt> {
        let header = stored.batch.header;
        // Whoever owns another lane says nothing about this one's calls.
        let bundles = (0u16..).zip(&stored.batch.bundles).filter(move |_| header.lane == call.lane);
        let entries = bundles
            .flat_map(|(bundle, content)| content.entries().map(move |found| (bundle, content, found)));
        entries.filter_map(move |(bundle, content, (page, slot, bytes))| {
            // A receipt's encoding begins with a head, its kind and the call's id: no need to decode the rest
            // of the batch.
            if !bytes.get(2..).is_some_and(|rest| rest.starts_with(wanted)) {
                return None;
            }
            match Entry::decode(bytes) {
                Ok(Entry::Receipt(receipt)) if receipt.call == call => {
                    let id = EntryId { lane: header.lane, batch: header.seq, bundle, page, slot };
                    Some(FoundReceipt { id, worker: content.header.account, receipt })
                }
                _ => None,
            }
        })
    }

    /// The first receipt of a call, with its own address.
    pub(crate) fn receipt_of(&self, call: EntryId) -> Result<Option<(EntryId, Receipt)>, ReadError> {
        let mut first = None;
        self.each_receipt(call, |found| {
            first = Some((found.id, found.receipt));
            false
        })?;
        Ok(first)
    }

    /// Shows the receipts of a call, the first first, for as long as `more` says that another one is wanted.
    fn each_receipt(
        &self,
        call: EntryId,
        mut more: impl FnMut(FoundReceipt) -> bool,
    ) -> Result<(), ReadError> {
        let Some(stored) = self.batch(call.lane, call.batch)? else { return Ok(()) };
        let wanted = call.encode();
        if !Core::receipts_in(&stored, call, &wanted).all(&mut more) {
            return Ok(());
        }
        for (lane, seq) in self.store.read(|txn| read::links(txn, call.lane, call.batch))? {
            let Some(stored) = self.batch(lane, seq)? else { continue };
            if !Core::receipts_in(&stored, call, &wanted).all(&mut more) {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// A receipt, with where it is and who signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundReceipt {
    /// Its address.
    pub id: EntryId,
    /// Who ran the call, and signed.
    pub worker: AccountId,
    /// What it says.
    pub receipt: Receipt,
}

impl Ledger {
    /// The entry of an id.
    ///
    /// # Errors
    /// When the disk cannot be read, or what it holds is damaged.
    pub fn entry(&self, id: EntryId) -> Result<Option<Entry>, ReadError> {
        Ok(self.core().locate(id)?.map(|(_, entry)| entry))
    }

    /// The receipt of a call, with its own address.
    ///
    /// # Errors
    /// When the disk cannot be read, or what it holds is damaged.
    pub fn receipt_of(&self, call: EntryId) -> Result<Option<(EntryId, Receipt)>, ReadError> {
        self.core().receipt_of(call)
    }

    /// The first receipts of a call, `most` of them. There are several when its function's manifest has several workers run
    /// it; to know that there is no other, all batches are read that have receipts of its batch.
    ///
    /// # Errors
    /// When the disk cannot be read, or what it holds is damaged.
    pub fn receipts_of(&self, call: EntryId, most: usize) -> Result<Vec<FoundReceipt>, ReadError> {
        let mut all = Vec::new();
        self.core().each_receipt(call, |found| {
            all.push(found);
            all.len() < most
        })?;
        Ok(all)
    }

    /// Whether what was recorded under an id was pruned here with its block.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn is_pruned(&self, id: EntryId) -> Result<bool, ReadError> {
        let core = self.core();
        core.store.read(|txn| {
            let pruned = read::pruned_lane(txn, id.lane)?.is_some_and(|last| id.batch <= last);
            Ok(pruned && read::version(txn, (id.lane, id.batch))?.is_none())
        })
    }

    /// What became of a transaction; none before its block is final.
    ///
    /// # Errors
    /// When the disk cannot be read, or what it holds is damaged.
    pub fn transaction_outcome(&self, id: EntryId) -> Result<Option<Outcome>, ReadError> {
        self.core().store.read(|txn| read::outcome(txn, &id))
    }

    /// What the state holds of an account after the last block committed here.
    ///
    /// # Errors
    /// When the disk cannot be read, or what it holds is damaged.
    pub fn account_state(&self, account: &AccountId) -> Result<Account, ReadError> {
        let row = self.core().store.read(|txn| read::state_row(txn, &StateKey::Account(*account)))?;
        let Some(row) = row else { return Ok(Account::default()) };
        Account::decode(&row).map_err(|error| ReadError::damaged(format!("account {account}"), error))
    }

    /// How much an account has after the last block committed here.
    ///
    /// # Errors
    /// When the disk cannot be read, or what it holds is damaged.
    pub fn balance(&self, account: &AccountId) -> Result<u64, ReadError> {
        Ok(self.account_state(account)?.balance)
    }

    /// The accounts whose keys were revoked, after the last block committed here.
    #[must_use]
    pub fn revoked(&self) -> Arc<Revoked> {
        self.core().revoked.read().clone()
    }

    /// Refuses what an account signed whose key was revoked, as far as the blocks committed here say.
    ///
    /// # Errors
    /// [`Refused::Revoked`].
    pub fn check_signer(&self, account: &AccountId) -> Result<(), Refused> {
        self.core().check_signer(account)
    }

    /// What is held under the address of a transaction, after the last block committed here.
    ///
    /// # Errors
    /// When the disk cannot be read, or what it holds is damaged.
    pub fn held(&self, id: &EntryId) -> Result<Option<Hold>, ReadError> {
        let row = self.core().store.read(|txn| read::state_row(txn, &StateKey::Hold(*id)))?;
        let found = row.map(|row| Hold::decode(&row)).transpose();
        found.map_err(|error| ReadError::damaged(format!("what is held under {id}"), error))
    }

    /// The other replicas that take part, as far as this one knows where they are.
    #[must_use]
    pub fn replicas(&self) -> Vec<moot_ordering::Peer> {
        self.core().others()
    }

    /// The stakes after the last block committed here.
    #[must_use]
    pub fn stakes(&self) -> Arc<Stakes> {
        self.core().stakes.read().clone()
    }

    /// The workers after the last block committed here.
    #[must_use]
    pub fn workers(&self) -> Arc<Workers> {
        self.core().workers.read().clone()
    }

    /// A call that several workers run, until as many as it asks for have said what came of it; as it is after the last
    /// block committed here.
    ///
    /// # Errors
    /// When the disk cannot be read, or what it holds is damaged.
    pub fn compared(&self, call: &EntryId) -> Result<Option<ComparedCall>, ReadError> {
        let row = self.core().store.read(|txn| read::state_row(txn, &StateKey::Compared(*call)))?;
        let found = row.map(|row| ComparedCall::decode(&row)).transpose();
        found.map_err(|error| ReadError::damaged(format!("the workers of call {call}"), error))
    }

    /// The last lines of an account's statement below a height, newest block first: at most `max` blocks of them.
    ///
    /// # Errors
    /// When the disk cannot be read, or what it holds is damaged.
    pub fn statement(
        &self,
        account: &AccountId,
        below: u64,
        max: usize,
    ) -> Result<Vec<(u64, Vec<Posting>)>, ReadError> {
        self.core().store.read(|txn| read::lines(txn, account, below, max))
    }

    /// The rules after the last block committed here.
    #[must_use]
    pub fn rules(&self) -> Arc<Rules> {
        self.core().rules.read().clone()
    }

    /// The closest path at or above one that has an owner, or had: its owner is none when it was given up.
    ///
    /// # Errors
    /// When the disk cannot be read, or what it holds is damaged.
    pub fn owner_of(&self, path: &str) -> Result<Option<(String, PathOwner)>, ReadError> {
        let mut at = path;
        loop {
            let key = StateKey::Owner(at.to_owned());
            if let Some(row) = self.core().store.read(|txn| read::state_row(txn, &key))? {
                let owner = PathOwner::decode(&row);
                let owner = owner.map_err(|error| ReadError::damaged(format!("the owner of {at}"), error))?;
                return Ok(Some((at.to_owned(), owner)));
            }
            match at.rsplit_once('/') {
                Some((above, _)) if !above.is_empty() => at = above,
                _ => return Ok(None),
            }
        }
    }

    /// A block.
    ///
    /// # Errors
    /// When the disk cannot be read, or what it holds is damaged.
    pub fn block(&self, height: u64) -> Result<Option<StoredBlock>, ReadError> {
        self.core().store.read(|txn| read::block(txn, height))
    }

    /// The newest calls on disk, newest first, at most `max` and [`MAX_RECENT_CALLS`], of the last
    /// [`MAX_RECENT_BATCHES`] batches.
    ///
    /// # Errors
    /// When the disk cannot be read, or what it holds is damaged.
    pub fn recent(&self, max: usize) -> Result<Vec<(EntryId, Call)>, ReadError> {
        let core = self.core();
        let max = max.min(MAX_RECENT_CALLS);
        let mut found = Vec::new();
        let lane = core.lane_number();
        let Some(last) = core.store.read(|txn| read::last_batch(txn, lane))? else {
            return Ok(found);
        };
        for seq in (last.saturating_sub(MAX_RECENT_BATCHES)..=last).rev() {
            if found.len() >= max {
                break;
            }
            let Some(stored) = core.batch(lane, seq)? else { continue };
            let mut calls = Vec::new();
            for (bundle, content) in (0u16..).zip(&stored.batch.bundles) {
                for (page, slot, bytes) in content.entries() {
                    if let Ok(Entry::Call(call)) = Entry::decode(bytes) {
                        calls.push((EntryId { lane, batch: seq, bundle, page, slot }, call));
                    }
                }
            }
            found.extend(calls.into_iter().rev());
        }
        found.truncate(max);
        Ok(found)
    }
}
