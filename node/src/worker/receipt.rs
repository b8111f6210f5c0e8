//! From an outcome to the receipt that states it.

use crate::worker::run::{Outcome, status_of};
use moot_host::{Report, TouchKind as HostTouch};
use moot_record::{
    Digest, Entry, EntryId, Fee, Payload, PayloadMode, Prices, Receipt, Status, Touch, TouchKind, fee,
};
use std::cell::RefCell;

/// What a receipt says about its call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About {
    pub(crate) call: EntryId,
    pub(crate) call_digest: Digest,
    pub(crate) component: Digest,
    /// Length of the call's entry, which is paid for.
    pub(crate) call_bytes: u64,
}

/// The receipt of a call that ran.
pub(crate) fn of(about: &About, outcome: &Outcome, output: Payload, prices: &Prices, now_us: u64) -> Receipt {
    of_report(about, outcome.status(), &outcome.report, output, prices, now_us)
}

/// The receipt of a call that ran where nothing counts fuel.
pub(crate) fn unmetered(
    about: &About,
    outcome: &Outcome,
    output: Payload,
    prices: &Prices,
    now_us: u64,
) -> Receipt {
    let metered = of(about, outcome, output, prices, now_us);
    let receipt = Receipt { fuel: 0, metered: false, fee: Fee::default(), ..metered };
    priced(receipt, about, prices)
}

/// The receipt of a call whose answer was streamed.
pub(crate) fn of_streamed(
    about: &About,
    report: &Report,
    output: Payload,
    prices: &Prices,
    now_us: u64,
) -> Receipt {
    let status = report.fault.as_ref().map_or(Status::Ok, status_of);
    of_report(about, status, report, output, prices, now_us)
}

fn of_report(
    about: &About,
    status: Status,
    report: &Report,
    output: Payload,
    prices: &Prices,
    now_us: u64,
) -> Receipt {
    let mut receipt = blank(about, status, output, now_us);
    receipt.fuel = report.fuel;
    receipt.metered = true;
    receipt.duration_us = report.duration.as_micros() as u64;
    receipt.touched = Touch::gather(report.touched.iter().map(|touch| Touch {
        kind: touch_kind(touch.kind),
        // Clock and randomness have no name of their own, and a record names every target.
        target: if touch.target.is_empty() {
            touch_kind(touch.kind).as_str().to_owned()
        } else {
            touch.target.clone()
        },
        count: touch.count,
    }));
    priced(receipt, about, prices)
}

/// The receipt of a call that a crash cut off, and that is not run again.
pub(crate) fn interrupted(about: &About, prices: &Prices, now_us: u64) -> Receipt {
    priced(blank(about, Status::Interrupted, Payload::empty(), now_us), about, prices)
}

/// The receipt of a call that was not run, with the reason as its output.
pub(crate) fn not_run(
    about: &About,
    status: Status,
    output: Payload,
    prices: &Prices,
    now_us: u64,
) -> Receipt {
    priced(blank(about, status, output, now_us), about, prices)
}

fn blank(about: &About, status: Status, output: Payload, time_us: u64) -> Receipt {
    Receipt {
        call: about.call,
        call_digest: about.call_digest,
        component: about.component,
        status,
        output,
        fuel: 0,
        metered: false,
        fee: Fee::default(),
        touched: Vec::new(),
        time_us,
        duration_us: 0,
    }
}

/// Puts the fee in: for the call's entry and for the receipt's, as long as it was before the fee was put in.
fn priced(mut receipt: Receipt, about: &About, prices: &Prices) -> Receipt {
    let bytes = about.call_bytes + encoded_bytes(&Entry::Receipt(receipt.clone()));
    receipt.fee = fee(prices, bytes, receipt.fuel);
    receipt
}

/// The fee that a receipt with these bytes and this fuel must have.
pub(crate) fn fee_of(about: &About, receipt: &Receipt, prices: &Prices) -> Fee {
    priced(Receipt { fee: Fee::default(), ..receipt.clone() }, about, prices).fee
}

thread_local! {
    /// Where entries are measured: no allocation a call.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// How long an entry is on the ledger.
pub(crate) fn encoded_bytes(entry: &Entry) -> u64 {
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.clear();
        entry.encode_into(scratch);
        scratch.len() as u64
    })
}

/// The payload of some bytes, with the bytes in it when the function's mode says so.
pub(crate) fn payload(mode: PayloadMode, bytes: &[u8]) -> Payload {
    match mode {
        PayloadMode::Inline => Payload::inlined(bytes),
        PayloadMode::Keep { .. } | PayloadMode::Digest => Payload::of(bytes),
    }
}

fn touch_kind(kind: HostTouch) -> TouchKind {
    match kind {
        HostTouch::Http => TouchKind::Http,
        HostTouch::KeyValue => TouchKind::KeyValue,
        HostTouch::Directory => TouchKind::Directory,
        HostTouch::Function => TouchKind::Function,
        HostTouch::Value => TouchKind::Value,
        HostTouch::Clock => TouchKind::Clock,
        HostTouch::Random => TouchKind::Random,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fee_covers_both_entries_and_the_fuel() {
        let about = About {
            call: "0-1-0-0-0".parse().unwrap(),
            call_digest: Digest::from_bytes([1; 32]),
            component: Digest::from_bytes([2; 32]),
            call_bytes: 100,
        };
        let prices = Prices { per_byte: 2, per_mega_fuel: 3, ..Prices::default() };
        let mut report = Report::default();
        report.fuel = 2_000_000;
        report.touched = vec![moot_host::Touch { kind: HostTouch::Clock, target: String::new(), count: 2 }];
        let receipt = of_report(&about, Status::Ok, &report, Payload::empty(), &prices, 7);
        assert_eq!(receipt.fee.execution, 6);
        assert!(receipt.fee.ordering > 2 * 200, "{:?}", receipt.fee);
        assert_eq!(receipt.touched[0].target, "clock");
        receipt.check().unwrap();
        assert!(!interrupted(&about, &prices, 7).metered);
    }
}
