//! What people give each other while there is trouble: each gift is said at two replicas at once, and must be given once.

use crate::town::Replicas;
use crate::working::{account, key};
use crate::world::bundle;
use moot_ledger::Ledger;
use moot_record::{Entry, EntryId, Transaction};

/// Gets every gift, and nothing else.
const PURSE: u8 = 50;

struct Gift {
    amount: u64,
    /// Where its copies are, as far as that is known.
    copies: Vec<EntryId>,
    /// Whether there is no other: one that was not found durable may be on the disk that died.
    all: bool,
}

#[derive(Default)]
pub(crate) struct Purse {
    gifts: Vec<Gift>,
}

impl Purse {
    pub(crate) async fn give(&mut self, at: [Ledger; 2]) {
        // Another sum each time, so that no bundle is the same as another.
        let amount = self.gifts.len() as u64 + 1;
        let gift = Entry::Transaction(Transaction::Transfer { to: account(PURSE), amount });
        let signed = bundle(&at[0], &key(6), at[0].height() + 2000, &[gift]);
        let (mut copies, mut all) = (Vec::new(), true);
        for ledger in at {
            // What is refused, for instance because the other copy's block was here first, is not recorded.
            let Ok(pending) = ledger.submit(signed.clone()) else { continue };
            match pending.durable().await {
                Ok(()) => copies.push(pending.id()),
                Err(_) => all = false,
            }
        }
        self.gifts.push(Gift { amount, copies, all });
    }

    pub(crate) fn check(&self, town: &impl Replicas) {
        for (me, ledger) in town.running() {
            let (mut least, mut most) = (0, 0);
            for Gift { amount, copies, all } in &self.gifts {
                let given = |id: &&EntryId| {
                    let outcome = ledger.transaction_outcome(**id).unwrap();
                    outcome.expect("it is in a block").result.is_ok()
                };
                let times = copies.iter().filter(given).count() as u64;
                assert!(times <= 1, "{amount} units were given {times} times at {me}: {copies:?}");
                assert!(
                    times == 1 || !all || copies.is_empty(),
                    "{amount} units were lost at {me}: {copies:?}"
                );
                least += times * amount;
                most += if *all { times * amount } else { *amount };
            }
            let has = ledger.balance(&account(PURSE)).unwrap();
            assert!((least..=most).contains(&has), "{has} units at {me}, of {least} to {most}");
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.gifts.len()
    }
}
