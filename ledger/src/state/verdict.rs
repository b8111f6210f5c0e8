//! What is compared of the receipts of one call, and which ends of it are the same on every machine.

use moot_record::cbor;
use moot_record::{Digest, Domain, Payload, Receipt, Status};

const VERDICT: Domain = Domain::new("moot compared receipt 1");

/// Whether a call ended as it would on every machine: by the function's own answer, or because a count says that its fuel
/// is used up. Where a stack is full depends on the processor, and how much memory there is on the machine: a worker may
/// see a trap where others see an answer, and be honest.
pub(super) const fn is_own(status: Status) -> bool {
    match status {
        Status::Ok | Status::Failed | Status::OutOfFuel => true,
        Status::Trapped
        | Status::LimitExceeded
        | Status::Denied
        | Status::Deadline
        | Status::Interrupted
        | Status::Unavailable => false,
    }
}

/// What is compared of two receipts. A receipt that speaks of the worker and not of the function (too slow, broken off,
/// not to be had) says nothing, and neither does one of a process, which nobody can repeat: it has no meter. Of calls that
/// failed by the sandbox's word only the status counts: where a stack ends depends on the machine, and with it the fuel.
pub(super) fn verdict(
    component: &Digest,
    status: Status,
    output: &Payload,
    fuel: u64,
    metered: bool,
) -> Option<Digest> {
    if !metered {
        return None;
    }
    let mut out = Vec::with_capacity(128);
    cbor::bytes(&mut out, component.as_bytes());
    cbor::uint(&mut out, status.number());
    match status {
        Status::Deadline | Status::Interrupted | Status::Unavailable => return None,
        Status::Trapped | Status::OutOfFuel | Status::LimitExceeded | Status::Denied => {}
        Status::Ok | Status::Failed => {
            cbor::bytes(&mut out, output.digest.as_bytes());
            cbor::uint(&mut out, output.bytes);
            cbor::uint(&mut out, fuel);
        }
    }
    Some(VERDICT.hash(&out))
}

/// What is compared of a receipt; none when it says nothing of what the function does.
#[must_use]
pub fn verdict_of(receipt: &Receipt) -> Option<Digest> {
    let Receipt { component, status, output, fuel, metered, .. } = receipt;
    verdict(component, *status, output, *fuel, *metered)
}

/// Whether so many may still come to say the same of a call, when these verdicts are there and some workers have not spoken.
#[must_use]
pub fn may_agree(verdicts: &[Option<Digest>], silent: usize, majority: usize) -> bool {
    let said = |verdict: &Digest| verdicts.iter().filter(|other| other.as_ref() == Some(verdict)).count();
    verdicts.iter().flatten().map(said).max().unwrap_or(0) + silent >= majority
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_may_agree_as_long_as_enough_are_silent() {
        let of = |places: usize, verdicts: &[Option<u8>]| {
            let said: Vec<_> = verdicts.iter().map(|of| of.map(|of| Digest::from_bytes([of; 32]))).collect();
            may_agree(&said, places - said.len(), places / 2 + 1)
        };
        assert!(of(3, &[]) && of(3, &[None]) && of(3, &[Some(1), Some(2)]) && of(3, &[Some(1), None]));
        assert!(!of(3, &[None, None]) && !of(3, &[Some(1), Some(2), Some(3)]) && !of(2, &[None]));
        assert!(of(5, &[Some(1), Some(2), Some(1)]) && !of(5, &[Some(1), Some(2), Some(3), None]));
    }

    #[test]
    fn what_speaks_of_the_worker_is_not_compared() {
        let component = Digest::from_bytes([1; 32]);
        let of = |status, output: &[u8], fuel| verdict(&component, status, &Payload::of(output), fuel, true);
        assert_eq!(of(Status::Ok, b"a", 5), of(Status::Ok, b"a", 5));
        assert_ne!(of(Status::Ok, b"a", 5), of(Status::Ok, b"b", 5));
        assert_ne!(of(Status::Ok, b"a", 5), of(Status::Ok, b"a", 6));
        assert_ne!(of(Status::Ok, b"a", 5), of(Status::Failed, b"a", 5));
        assert_eq!(of(Status::Trapped, b"stack at 1", 5), of(Status::Trapped, b"stack at 2", 7));
        assert_eq!((of(Status::Deadline, b"", 5), of(Status::Unavailable, b"", 0)), (None, None));
        assert_eq!(verdict(&component, Status::Ok, &Payload::of(b"a"), 0, false), None, "a process's word");
        assert!(is_own(Status::OutOfFuel) && !is_own(Status::Trapped) && !is_own(Status::LimitExceeded));
        // An output in the entry and one by digest are the same output.
        let inline = verdict(&component, Status::Ok, &Payload::inlined(b"a"), 5, true);
        assert_eq!(inline, of(Status::Ok, b"a", 5));
    }
}
