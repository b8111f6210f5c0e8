//! A rehearsal says what the state machine then does, and leaves no trace.

use crate::world::{bundle, name, options, spec};
use futures::executor::block_on;
use moot_ledger::{Ledger, Refusal, Refused};
use moot_record::testing::{Network, vote_twice};
use moot_record::{
    AccountId, Allocation, Contradiction, DoubleVote, Economy, Entry, Genesis, Keypair, Prices, Transaction,
    component_digest,
};

fn key(n: u8) -> Keypair {
    Keypair::from_seed([n; 32])
}

fn account(n: u8) -> AccountId {
    key(n).account()
}

fn genesis() -> Genesis {
    let funded = (0..2).map(|n| Allocation { account: account(n), balance: 100 });
    let genesis = Network::new(1).genesis.with_accounts(funded.collect());
    let economy = Economy { lockup_blocks: 1000, seats: 4, worker_percent: 0 };
    let prices = Prices { per_byte: 0, per_mega_fuel: 0, per_stored_byte: 0 };
    Genesis { prices, ..genesis.with_economy(economy) }
}

fn deploy(code: u8, previous: Option<u32>) -> Transaction {
    let (function, spec) = (name("mine"), spec("/mine", true, true));
    Transaction::deploy(function, component_digest(&[code]), 1, &spec, previous)
}

/// What a rehearsal says, and what then comes of the same transactions.
fn both(ledger: &Ledger, by: u8, said: &[Transaction]) -> Vec<Result<u32, Refusal>> {
    let entries: Vec<Entry> = said.iter().cloned().map(Entry::Transaction).collect();
    let made = bundle(ledger, &key(by), ledger.height() + 100, &entries);
    let before = (ledger.status().state, ledger.status().next_batch);
    let verified = ledger.verify(made.clone(), |_, _, _| Ok(false)).unwrap();
    let foreseen = ledger.rehearse(&verified).outcomes;
    let again = ledger.rehearse(&verified).outcomes;
    let results = |of: Vec<moot_ledger::Outcome>| of.into_iter().map(|one| one.result).collect::<Vec<_>>();
    let foreseen = results(foreseen);
    assert_eq!(foreseen, results(again));
    assert_eq!((ledger.status().state, ledger.status().next_batch), before, "nothing was recorded");
    let pending = ledger.submit(made).unwrap();
    block_on(pending.finalized()).unwrap();
    let first = pending.id();
    let outcome = |slot| {
        let id = moot_record::EntryId { slot, ..first };
        ledger.transaction_outcome(id).unwrap().unwrap().result
    };
    let done: Vec<_> = (0..).take(said.len()).map(outcome).collect();
    assert_eq!(foreseen, done, "{said:?}");
    done
}

/// Case 70: a dry run of what cannot be undone must say the truth.
#[test]
fn case_70_a_revocation_is_foreseen_and_so_is_what_it_forbids() {
    let dir = tempfile::tempdir().unwrap();
    let with = options(dir.path());
    let ledger = Ledger::open(moot_ledger::Options::new(dir.path(), genesis(), with.key)).unwrap();
    let pay = |to, amount| Transaction::Transfer { to: account(to), amount };
    let rescue = [Transaction::Together { count: 2 }, pay(2, 90), Transaction::Revoke {}];
    assert_eq!(both(&ledger, 0, &rescue), [Ok(2), Ok(0), Ok(0)]);
    let height = ledger.revoked().at(&account(0)).unwrap();
    let unusable = || Err(Refusal::AccountRevoked { account: account(0), height });
    let hold = Transaction::Hold { to: account(0), amount: 1, until: 1 << 20 };
    let own = Transaction::Own { path: "/a".into(), owner: Some(account(0)) };
    assert_eq!(both(&ledger, 2, &[pay(0, 1), hold, own]), [unusable(), unusable(), unusable()]);
    assert_eq!(both(&ledger, 1, &[Transaction::Revoke {}]), [Err(Refusal::StillSeated)]);
    let again = bundle(&ledger, &key(0), ledger.height() + 100, &[Entry::Transaction(pay(2, 1))]);
    let refused = ledger.verify(again, |_, _, _| Ok(false)).unwrap_err();
    assert_eq!(refused, Refused::Revoked { account: account(0), height });
    block_on(ledger.close());
}

#[test]
fn what_is_foreseen_is_what_comes() {
    let dir = tempfile::tempdir().unwrap();
    let with = options(dir.path());
    let ledger = Ledger::open(moot_ledger::Options::new(dir.path(), genesis(), with.key)).unwrap();
    let pay = |to, amount| Transaction::Transfer { to: account(to), amount };
    let own = |path: &str, owner| Transaction::Own { path: path.into(), owner };
    let rule = |pattern: &str| Transaction::Rule { pattern: pattern.into(), rule: Some("true".into()) };
    let stake = |amount| Transaction::Stake { amount, replica: None, consent: None };
    let both = |by, said: &[Transaction]| both(&ledger, by, said);

    assert_eq!(
        both(0, &[pay(1, 30), pay(2, 71)]),
        [Ok(0), Err(Refusal::Insufficient { balance: 70, needed: 71 })]
    );
    assert!(
        both(0, &[Transaction::Together { count: 2 }, pay(1, 60), pay(2, 60)]).iter().all(Result::is_err)
    );
    assert_eq!(both(0, &[deploy(1, None)]), [Ok(1)]);
    assert!(both(1, &[deploy(2, Some(1))])[0].is_err(), "not its owner");
    assert!(both(0, &[deploy(2, None)])[0].is_err(), "stale");
    assert_eq!(
        both(0, &[deploy(2, Some(1)), Transaction::Rollback { name: name("mine"), version: 1 }]),
        [Ok(2), Ok(1)]
    );
    assert_eq!(both(0, &[own("/chat", Some(account(0))), rule("/chat/$room"), rule("/other")]).len(), 3);
    assert!(both(1, &[rule("/chat/$room")])[0].is_err(), "its owner is found above it");
    assert!(both(1, &[own("/chat/lobby/x", Some(account(1)))])[0].is_err());
    assert_eq!(both(0, &[own("/chat/lobby", Some(account(1)))]), [Ok(0)]);
    assert_eq!(both(1, &[rule("/chat/lobby")]), [Ok(0)]);
    assert_eq!(
        both(0, &[stake(20), Transaction::Unstake { amount: 5 }, Transaction::Unstake { amount: 16 }]).len(),
        3
    );
    assert!(both(1, &[Transaction::Unstake { amount: 1 }])[0].is_err());

    let until = ledger.height() + 1000;
    let hold = Transaction::Hold { to: account(1), amount: 40, until };
    let entries = [Entry::Transaction(hold)];
    let pending = ledger.submit(bundle(&ledger, &key(0), ledger.height() + 100, &entries)).unwrap();
    block_on(pending.finalized()).unwrap();
    let hold = pending.id();
    assert_eq!(both(1, &[Transaction::Release { hold, part: 1, whole: 1 }]).len(), 1);
    assert_eq!(both(2, &[Transaction::Release { hold, part: 0, whole: 1 }]).len(), 1);
    assert_eq!(both(0, &[Transaction::Release { hold, part: 1, whole: 2 }]), [Ok(0)]);
    assert_eq!(ledger.balance(&account(1)).unwrap(), 150);
    assert!(both(0, &[Transaction::Release { hold, part: 1, whole: 2 }])[0].is_err(), "it is gone");
    block_on(ledger.close());
}

/// Where bytes cost something, an accusation that holds is known to cost its signer nothing, before it is recorded and
/// then; and nothing else is.
#[test]
fn only_a_proven_accusation_alone_is_known_to_pay_for_itself() {
    let dir = tempfile::tempdir().unwrap();
    let mut genesis = genesis();
    genesis.prices.per_byte = 1;
    let validator = Network::new(1).validators[0].clone();
    let ledger = Ledger::open(moot_ledger::Options::new(dir.path(), genesis, validator.clone())).unwrap();
    let (committee, network) = (ledger.genesis().committee(), ledger.genesis().network());
    let good = vote_twice(&committee, &network, &validator, Contradiction::TwoBlocks, (0, 3));
    let forged = DoubleVote { view: 4, ..good };
    let convict = |votes: &DoubleVote| Transaction::Convict { evidence: votes.encode() };
    let poor = 7;
    let made = |by: u8, said: &[Transaction]| {
        let entries: Vec<Entry> = said.iter().cloned().map(Entry::Transaction).collect();
        bundle(&ledger, &key(by), ledger.height() + 100, &entries)
    };
    let free = |by: u8, said: &[Transaction]| {
        ledger.pays_itself(&ledger.verify(made(by, said), |_, _, _| Ok(false)).unwrap())
    };
    let pay = Transaction::Transfer { to: account(1), amount: 1 };
    assert!(free(poor, &[convict(&good)]) && free(0, &[convict(&good)]));
    for said in [vec![convict(&forged)], vec![convict(&good), pay.clone()], vec![pay.clone()]] {
        assert!(!free(poor, &said) && !free(0, &said), "{said:?}");
    }
    let broke = |needed| Err(Refusal::CannotPay { balance: 0, needed });
    let bytes = made(poor, &[convict(&forged)]).paid_bytes();
    assert_eq!(both(&ledger, poor, &[convict(&forged)]), [broke(bytes)]);
    assert_eq!(both(&ledger, poor, &[convict(&good)]), [Ok(0)]);
    assert_eq!(ledger.stakes().conviction(&validator.account()).unwrap().burned, 0, "nobody staked for it");
    assert!(!free(poor, &[convict(&good)]), "the second proves nothing new");
    assert_eq!(both(&ledger, poor, &[convict(&good)]), [broke(bytes)]);
    block_on(ledger.close());
}
