//! Judging values: whether the rules let them be written, in the block's order.
//!
//! ```text
//!  a block with many ──► Verdicts::ahead: rules that read no state, on several threads
//!                              │ the same rule still applies?
//!  value in its turn ─ paid? ──┴─yes─► that verdict     no ──► judged here
//!                                          └──► allowed: delivered      denied: an outcome at its address
//! ```
//!
//! A verdict ahead is of the very rule that applies in the value's turn, or it is not used: so it is the same as if
//! every value had been judged one after the other.

use super::charges::Group;
use super::paths::NO_RULE;
use super::postings::{Posting, PostingKind};
use super::step::Step;
use super::{Block, OrderedBundle, Refusal, RuleRecord, Rules, State};
use crate::limits::{MAX_JUDGING_THREADS, MIN_VALUES_ABREAST};
use crate::rules::Scope;
use moot_record::{Entry, EntryId, Prices, Value, fee};
use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;

/// What a rule said, and which.
type Said = Option<(Arc<RuleRecord>, Result<(), String>)>;

/// Verdicts of a block's values that were judged ahead of their turn, in order; empty when none were.
#[derive(Default)]
pub(super) struct Verdicts(VecDeque<Said>);

impl Verdicts {
    /// Judges what can be judged before anything of the block is applied, if it is much.
    pub(super) fn ahead(block: &Block, rules: &Rules) -> Verdicts {
        let count = block.bundles.iter().map(|bundle| bundle.values.len()).sum::<usize>();
        if count < MIN_VALUES_ABREAST {
            return Verdicts::default();
        }
        let values: Vec<&Value> =
            block.bundles.iter().flat_map(|bundle| bundle.values.iter().map(|(_, value)| value)).collect();
        let threads = thread::available_parallelism().map_or(1, usize::from).min(MAX_JUDGING_THREADS);
        let judge = |part: &[&Value]| part.iter().map(|value| ahead_of(block, rules, value)).collect();
        let judge = &judge;
        let verdicts = thread::scope(|scope| {
            let parts = values.chunks(count.div_ceil(threads));
            let running: Vec<_> = parts
                .map(|part| {
                    let thread = thread::Builder::new().name("moot-judge".into());
                    (part.len(), thread.spawn_scoped(scope, move || -> Vec<Said> { judge(part) }).ok())
                })
                .collect();
            let done = running.into_iter().flat_map(|(len, thread)| {
                // Without a thread they are judged in their turn.
                thread.and_then(|thread| thread.join().ok()).unwrap_or_else(|| vec![None; len])
            });
            done.collect()
        });
        Verdicts(verdicts)
    }
}

fn ahead_of(block: &Block, rules: &Rules, value: &Value) -> Said {
    let rule = rules.find(&value.path)?;
    if rule.rule.reads_state() {
        return None;
    }
    let verdict = rule.judge(&value.path, &scope(block, value, &|_| 0));
    Some((rule.clone(), verdict))
}

fn scope<'a>(
    block: &Block,
    value: &'a Value,
    balance: &'a dyn Fn(&moot_record::AccountId) -> u64,
) -> Scope<'a> {
    let inline = value.payload.inline.as_deref();
    Scope {
        account: value.account,
        function: value.function.as_ref(),
        value: inline.or((value.payload.bytes == 0).then_some(&[][..])),
        value_bytes: value.payload.bytes,
        now_ms: block.time_ms,
        height: block.height,
        balance,
    }
}

impl State {
    /// Judges the values of a bundle in their turn. Those of a client's bundle that is `void` are refused with it.
    pub(super) fn judge_values(
        &mut self,
        block: &Block,
        bundle: &OrderedBundle,
        void: Option<Refusal>,
        verdicts: &mut Verdicts,
        step: &mut Step,
    ) {
        let void = void.filter(|_| !bundle.own);
        let place = (bundle.first.lane, bundle.first.batch);
        let charges = block.charges.iter().find(|charges| charges.place == place);
        for (id, value) in &bundle.values {
            let ahead = verdicts.0.pop_front().flatten();
            let result = match &void {
                Some(why) => Err(why.clone()),
                None => {
                    let call = charges.and_then(|of| of.group_of(id));
                    self.check_writer(value)
                        .and_then(|()| self.pay_for_value(bundle, value, call, step))
                        .and_then(|()| self.judge_value(block, bundle, value, ahead))
                }
            };
            match result {
                Ok(()) => {
                    step.changes.values.push((*id, value.path.clone()));
                    self.fire_value(block, *id, value, step);
                }
                // A void bundle without transactions has said so at its first entry.
                Err(_) if void.is_some() && is_first(bundle, id) => {}
                Err(why) => self.note(*id, Err(why), step),
            }
        }
    }

    /// Refuses what is written in the name of a revoked key, which pays for nothing. What a function writes is no word of
    /// its owner's key.
    fn check_writer(&self, value: &Value) -> Result<(), Refusal> {
        match (&value.account, &value.function) {
            (Some(account), None) => self.check_usable(account),
            _ => Ok(()),
        }
    }

    /// Takes what a value's entry costs from whoever pays for it, whatever the rules then say of it: its bytes are on the
    /// ledger. What a client signed, and what stands in a bundle that is paid for, costs nothing more.
    ///
    /// - An account pays for what it signed and a gateway wrote down.
    /// - For what a function wrote pays who pays for the call, if that is on the ledger.
    /// - For all else the replica pays that took it in: its word is all that there is.
    fn pay_for_value(
        &mut self,
        bundle: &OrderedBundle,
        value: &Value,
        call: Option<&Group>,
        step: &mut Step,
    ) -> Result<(), Refusal> {
        let Some(treasury) = self.treasury.as_ref().filter(|_| bundle.own && !bundle.counts) else {
            return Ok(());
        };
        let needed = value_fee(&treasury.list.prices, value);
        let payer = match &value.function {
            None => value.account,
            Some(name) => call
                .filter(|call| call.function == *name)
                .and_then(|call| self.terms(call))
                .map(|terms| terms.payer),
        };
        let payer = payer.unwrap_or(bundle.account);
        let balance = self.accounts.balance(&payer);
        if balance < needed {
            return Err(Refusal::Insufficient { balance, needed });
        }
        self.pay_pot(payer, needed, &mut step.till);
        step.till.post(Posting::new(payer, PostingKind::Values, value.function.clone(), needed));
        Ok(())
    }

    fn judge_value(
        &self,
        block: &Block,
        bundle: &OrderedBundle,
        value: &Value,
        ahead: Said,
    ) -> Result<(), Refusal> {
        if let Some(account) = value.account.filter(|account| !bundle.own && *account != bundle.account) {
            return Err(Refusal::NotSigner { account });
        }
        if let Some(name) = &value.function {
            if !bundle.own {
                return Err(Refusal::NotByFunction);
            }
            let name = || name.clone();
            let found = self.functions.get(&name()).ok_or_else(|| Refusal::Unknown { name: name() })?;
            if Some(found.owner) != value.account {
                return Err(Refusal::NotOwner { name: name(), owner: found.owner });
            }
        }
        let Some(rule) = self.rules.find(&value.path) else { return Err(Refusal::denied(None, NO_RULE)) };
        let verdict = match ahead {
            Some((same, verdict)) if Arc::ptr_eq(&same, rule) => verdict,
            _ => rule.judge(&value.path, &scope(block, value, &|account| self.balance(account))),
        };
        verdict.map_err(|why| Refusal::denied(Some(rule.pattern.as_str()), &why))
    }
}

/// What a value costs that a replica writes down: the bytes of its entry. What is longer than an entry holds stands there
/// by its digest, and is not ordered.
#[must_use]
pub fn value_fee(prices: &Prices, value: &Value) -> u64 {
    let bytes = Entry::Value(value.clone()).encode().len();
    fee(prices, bytes as u64, 0).ordering
}

fn is_first(bundle: &OrderedBundle, id: &EntryId) -> bool {
    bundle.transactions.is_empty() && *id == bundle.first
}
