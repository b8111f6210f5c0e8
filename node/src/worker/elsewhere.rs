//! A call that runs at a joined worker: handed over, held against what was asked, recorded as the worker signed it.
//!
//! ```text
//!  durable ──► lease ──► answer ──► does it fit the call? ──► recorded, durable
//!                │                        └─ no ──┐
//!                ├─ not begun ──► another worker, or here
//!                └─ gone, silent, late, wrong ────┴──► repeatable: another worker, or here
//!                                                      else: Receipt: interrupted
//! ```
//!
//! - Requires: nothing of a worker but its key.
//! - Provides: a call leaves this process when it is on the disk; what is recorded of it names this call, this
//!   component, this network, the right fee, and an output that is the one that its receipt states; a call is answered
//!   once, and begun twice only where that is harmless.
//! - Does not provide: that fuel and output are what the function makes: that is the worker's word, as its signature
//!   says, and for deterministic functions anybody's to replay.

use crate::limits::RECEIPT_ATTEMPTS;
use crate::worker::job::{Executed, Finished, Job, Runs, Unfinished, kept};
use crate::worker::receipt::{self, About};
use crate::worker::run::{Answer, Failed, failed_before};
use crate::workers::wire::{CallOrder, Sandbox};
use crate::workers::{Answered, Bounds, Lease, Lost, MAX_TRIES, kept_lines};
use bytes::Bytes;
use moot_host::Fault;
use moot_ledger::{PayloadBytes, Refused, SignedReceipts};
use moot_record::{AccountId, Payload, PayloadMode, Prices, Receipt, Status};
use std::time::Duration;

impl Job {
    /// Runs the call at a worker, and when that fails where it may still be run.
    pub(super) async fn execute_elsewhere(mut self, lease: Lease) -> Result<Executed, Unfinished> {
        self.durable().await?;
        let order = self.order();
        let mut tried: Vec<AccountId> = Vec::new();
        let mut begun = false;
        let mut next = Some(lease);
        while let Some(lease) = next.take() {
            let (account, call) = (lease.account(), self.id());
            match self.at(&lease, &order).await? {
                Ok(finished) => return Ok(Executed::Finished(Box::new(finished))),
                Err(Lost::NotRun(why)) => {
                    tracing::debug!(%account, %call, why, "a worker has not begun a call");
                }
                Err(Lost::Unknown(why)) => {
                    tracing::warn!(%account, %call, why, "a worker was lost in mid-call");
                    self.worker.metrics.worker_calls_lost.inc();
                    begun = true;
                }
            }
            if begun && !self.function.repeatable() {
                return self.interrupted().await;
            }
            tried.push(account);
            if tried.len() < MAX_TRIES {
                let assigned = self.worker.assigned(&self.function, || self.about.call_digest);
                next = self.worker.fleet.take(&self.function, &assigned, &tried);
            }
        }
        match self.come_here().await {
            Ok(()) => self.execute_here().await,
            Err(_) if begun => self.interrupted().await,
            Err(why) => {
                let outcome = failed_before(Fault::Host { message: why.clone() });
                let finished = self.finish(outcome).await?;
                let result = Err(Failed::Said { status: Status::Unavailable, text: why });
                Ok(Executed::Finished(Box::new(Finished { result, ..finished })))
            }
        }
    }

    /// The call, as a worker is asked to run it.
    pub(super) fn order(&self) -> CallOrder {
        CallOrder {
            id: self.id(),
            entry: self.entry.clone(),
            height: self.worker.ledger.height(),
            trace: self.trace.clone(),
            valid_until: self.worker.ledger.receipts_valid_until(),
        }
    }

    /// A place and the code in this process, as if the call had been meant to run here.
    async fn come_here(&mut self) -> Result<(), String> {
        let place = self.worker.places.take().await.map_err(|error| error.to_string())?;
        let code = self.worker.load(&self.function, self.worker.clock.now_us()).await;
        let code = code.map_err(|error| error.to_string())?;
        self.runs = Runs::Here { code: Box::new(code), _place: Some(place) };
        Ok(())
    }

    /// States that nobody knows what became of the call.
    async fn interrupted(&self) -> Result<Executed, Unfinished> {
        let now_us = self.worker.clock.now_us();
        let receipt = receipt::interrupted(&self.about, &self.worker.prices(), now_us);
        let said =
            "its worker was lost in the middle, and the function does not say that it may be run again";
        let failed = Failed::Said { status: Status::Interrupted, text: said.to_owned() };
        let receipt = self.record(receipt, Bytes::new()).await?;
        receipt.durable().await?;
        Ok(Executed::Finished(Box::new(Finished {
            result: Err(failed),
            receipt,
            call: self.about.call,
            fuel: 0,
            status: Status::Interrupted,
        })))
    }

    /// One try at one worker, to the receipt on the disk.
    async fn at(&self, lease: &Lease, order: &CallOrder) -> Result<Result<Finished, Lost>, Unfinished> {
        let Said { signed, receipt, output, result } = match self.ask(lease, order).await? {
            Ok(said) => said,
            Err(lost) => return Ok(Err(lost)),
        };
        let pending = self.record_signed(&signed, &receipt, &output, false).await?;
        pending.durable().await?;
        let (fuel, status) = (receipt.fuel, receipt.status);
        Ok(Ok(Finished { result, receipt: pending, call: self.about.call, fuel, status }))
    }

    /// What comes of the call, as far as the one worker says, held against the call. Nothing is recorded yet.
    pub(super) async fn ask(
        &self,
        lease: &Lease,
        order: &CallOrder,
    ) -> Result<Result<Said, Lost>, Unfinished> {
        let limits = &self.function.spec.limits;
        let bounds = Bounds {
            deadline: Duration::from_millis(limits.deadline_ms),
            response_bytes: limits.response_bytes,
        };
        let answered = match lease.run(order, &self.input, &bounds).await {
            Ok(answered) => answered,
            Err(lost) => return Ok(Err(lost)),
        };
        let wrong = |why: String| {
            lease.distrust(&why);
            Ok(Err(Lost::Unknown(why)))
        };
        let Answered { worker, bundle, logs, output } = answered;
        if bundle.header.valid_until != order.valid_until {
            // One that runs out before its block comes would leave a call answered and nothing to prove it by.
            let (says, asked) = (bundle.header.valid_until, order.valid_until);
            return wrong(format!("its bundle is valid until height {says}, and {asked} was asked"));
        }
        let signed = match self.worker.ledger.verify_receipts(bundle, &worker) {
            Ok(signed) => signed,
            Err(Refused::Stopped(why)) => return Err(Refused::Stopped(why).into()),
            Err(refused) => return wrong(refused.to_string()),
        };
        let receipt = {
            let mut receipts = signed.receipts();
            match (receipts.next(), receipts.next()) {
                (Some(receipt), None) => receipt.clone(),
                _ => return wrong("it has signed more than one receipt".to_owned()),
            }
        };
        let external = matches!(self.worker.sandbox(&self.function), Ok(Sandbox::External));
        let expected = Expected {
            about: &self.about,
            mode: self.function.spec.payloads,
            // A vote may have changed them since; what is charged the state computes itself.
            prices: lease.prices(),
            metered: !external,
        };
        if let Err(why) = expected.check(&receipt, self.fuel_limit, &output) {
            return wrong(why);
        }
        let result = match receipt.status {
            Status::Ok => match Answer::recorded(&self.kind, output.clone(), self.is_wave()) {
                Ok(answer) => Ok(answer),
                Err(why) => return wrong(format!("its answer is none of this kind of function: {why}")),
            },
            status => Err(Failed::said(status, &output)),
        };
        for line in kept_lines(&logs, self.id()) {
            self.function.logs.push(line);
        }
        Ok(Ok(Said { signed, receipt, output, result }))
    }

    /// Appends what the worker signed; `further` when the call has its answer already. A full queue is waited for: what
    /// was done must be said.
    pub(super) async fn record_signed(
        &self,
        signed: &SignedReceipts,
        receipt: &Receipt,
        output: &Bytes,
        further: bool,
    ) -> Result<moot_ledger::Pending, Unfinished> {
        let metrics = &self.worker.metrics;
        if !further {
            metrics.called(receipt.status, receipt.fuel, receipt.duration_us);
        }
        metrics.worker_calls.inc();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let outputs: Vec<PayloadBytes> = vec![kept(self.function.spec.payloads, output)];
            let ledger = &self.worker.ledger;
            let appended = match further {
                true => ledger.append_further_receipts(signed, outputs),
                false => ledger.append_signed_receipts(signed, outputs),
            };
            match appended {
                Ok(pendings) => match pendings.into_iter().next() {
                    Some(pending) => {
                        self.paid(&pending, receipt.fee);
                        return Ok(pending);
                    }
                    None => return Err(Refused::NotOpen(self.about.call).into()),
                },
                Err(Refused::Full { retry_after, .. }) if attempts <= RECEIPT_ATTEMPTS => {
                    tokio::time::sleep(retry_after).await;
                }
                Err(refused) => return Err(refused.into()),
            }
        }
    }
}

/// What a worker said of a call.
pub(super) struct Said {
    pub(super) signed: SignedReceipts,
    pub(super) receipt: Receipt,
    pub(super) output: Bytes,
    pub(super) result: Result<Answer, Failed>,
}

/// What a worker's receipt has to say.
struct Expected<'a> {
    about: &'a About,
    mode: PayloadMode,
    prices: &'a Prices,
    /// Whether it has a meter: external functions have none.
    metered: bool,
}

impl Expected<'_> {
    fn check(&self, receipt: &Receipt, fuel_limit: u64, output: &[u8]) -> Result<(), String> {
        let about = self.about;
        if (receipt.call, receipt.call_digest) != (about.call, about.call_digest) {
            return Err(format!("its receipt is of call {}, and {} was asked", receipt.call, about.call));
        }
        if receipt.component != about.component {
            return Err(format!("it has run component {}, and not {}", receipt.component, about.component));
        }
        if receipt.status == Status::Interrupted {
            return Err("it says that it was interrupted, which only this replica can know".to_owned());
        }
        if receipt.output != receipt::payload(self.mode, output) {
            let Payload { digest, bytes, .. } = &receipt.output;
            return Err(format!(
                "its receipt states an output of {bytes} bytes with digest {digest}, and {} others came",
                output.len()
            ));
        }
        if receipt.metered != self.metered {
            let (says, is) = if self.metered { ("no", "one") } else { ("one", "none") };
            return Err(format!("its receipt says that there was {says} meter of fuel, and there is {is}"));
        }
        let most = if self.metered { fuel_limit } else { 0 };
        if receipt.fuel > most {
            return Err(format!("it states {} of fuel, and the call has {most}", receipt.fuel));
        }
        let fee = receipt::fee_of(about, receipt, self.prices);
        if receipt.fee != fee {
            return Err(format!("its fee is {:?}, and {fee:?} is right", receipt.fee));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use moot_host::Report;
    use moot_record::Digest;

    #[test]
    fn a_receipt_that_does_not_fit_is_named() {
        let about = About {
            call: "0-1-0-0-0".parse().unwrap(),
            call_digest: Digest::from_bytes([1; 32]),
            component: Digest::from_bytes([2; 32]),
            call_bytes: 100,
        };
        let prices = Prices { per_byte: 2, per_mega_fuel: 3, ..Prices::default() };
        let mut report = Report::default();
        report.fuel = 2_000_000;
        let output = Bytes::from_static(b"out");
        let outcome = crate::worker::Outcome { result: Ok(Answer::Bytes(output.clone())), report };
        let good = receipt::of(&about, &outcome, Payload::of(&output), &prices, 7);
        let expected = Expected { about: &about, mode: PayloadMode::Digest, prices: &prices, metered: true };
        let check = |receipt: &Receipt| expected.check(receipt, 2_000_000, &output);
        assert_eq!(check(&good), Ok(()));
        let bad = |change: &dyn Fn(&mut Receipt), word: &str| {
            let mut receipt = good.clone();
            change(&mut receipt);
            let said = check(&receipt).unwrap_err();
            assert!(said.contains(word), "{said}");
        };
        bad(&|r| r.call.slot = 1, "is of call");
        bad(&|r| r.call_digest = Digest::ZERO, "is of call");
        bad(&|r| r.component = Digest::ZERO, "component");
        bad(&|r| r.status = Status::Interrupted, "interrupted");
        bad(&|r| r.output = Payload::of(b"other"), "output");
        bad(&|r| r.output = Payload::inlined(b"out"), "output");
        bad(&|r| r.fuel += 1, "of fuel");
        bad(&|r| r.metered = false, "meter");
        let external = Expected { metered: false, ..expected };
        assert!(external.check(&good, 2_000_000, &output).unwrap_err().contains("meter"));
        bad(&|r| r.fee.execution -= 1, "fee");
        bad(&|r| r.fee.ordering += 1, "fee");
    }
}
