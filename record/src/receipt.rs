//! A receipt: a worker's statement of what came of a call.

use serde::{Deserialize, Serialize};

use crate::address::EntryId;
use crate::bytes::Digest;
use crate::cbor::{self, Reader};
use crate::error::{DecodeError, Invalid};
use crate::fees::Fee;
use crate::item::Item;
use crate::limits::MAX_TOUCHES;
use crate::payload::Payload;
use crate::text::{exact, numbered};
use crate::touch::{Touch, check_touches};

/// What came of a call, as the worker says. Whose word it is, the bundle's signature says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The call's address.
    pub call: EntryId,
    /// The digest of the call's entry: binds this receipt to what was asked.
    pub call_digest: Digest,
    /// The component that ran.
    pub component: Digest,
    /// How it ended.
    pub status: Status,
    /// What came out.
    pub output: Payload,
    /// The fuel burnt.
    #[serde(with = "exact")]
    pub fuel: u64,
    /// Whether fuel was counted at all: an external worker may have no meter.
    pub metered: bool,
    /// What it costs.
    pub fee: Fee,
    /// What it touched outside, sorted, each once ([`Touch::gather`]).
    pub touched: Vec<Touch>,
    /// When it ended, in microseconds since 1970 by the worker's clock.
    #[serde(with = "exact")]
    pub time_us: u64,
    /// How long it ran, in microseconds.
    #[serde(with = "exact")]
    pub duration_us: u64,
}

numbered! {
    /// How a call ended.
    pub enum Status("status") {
        /// The function answered.
        Ok = 0, "ok";
        /// The function answered with its own failure.
        Failed = 1, "failed";
        /// The function trapped: unreachable, out of bounds, stack overflow.
        Trapped = 2, "trapped";
        /// It burnt all its fuel.
        OutOfFuel = 3, "out-of-fuel";
        /// It ran past its wall-clock deadline.
        Deadline = 4, "deadline";
        /// It went over another limit: memory, response, log.
        LimitExceeded = 5, "limit-exceeded";
        /// It asked for what its spec does not grant.
        Denied = 6, "denied";
        /// The worker died in the middle, and the function is not idempotent: it is not known whether it ran.
        Interrupted = 7, "interrupted";
        /// The worker could not run it: nothing was executed.
        Unavailable = 8, "unavailable";
    }
}

impl Receipt {
    /// Checks what the types alone cannot; `decode` does it too.
    ///
    /// # Errors
    /// Names the field.
    pub fn check(&self) -> Result<(), Invalid> {
        check_touches(&self.touched)?;
        self.output.check()
    }
}

impl Item for Receipt {
    fn write(&self, out: &mut Vec<u8>) {
        self.call.write(out);
        self.call_digest.write(out);
        self.component.write(out);
        self.status.write(out);
        self.output.write(out);
        cbor::uint(out, self.fuel);
        cbor::boolean(out, self.metered);
        self.fee.write(out);
        cbor::array(out, self.touched.len());
        for touch in &self.touched {
            touch.write(out);
        }
        cbor::uint(out, self.time_us);
        cbor::uint(out, self.duration_us);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let receipt = Self {
            call: EntryId::read(r)?,
            call_digest: Digest::read(r)?,
            component: Digest::read(r)?,
            status: Status::read(r)?,
            output: Payload::read(r)?,
            fuel: r.uint()?,
            metered: r.boolean()?,
            fee: Fee::read(r)?,
            touched: (0..r.list(MAX_TOUCHES)?).map(|_| Touch::read(r)).collect::<Result<_, _>>()?,
            time_us: r.uint()?,
            duration_us: r.uint()?,
        };
        receipt.check()?;
        Ok(receipt)
    }
}

/// Fields of a [`Receipt`] in its array, after the entry's kind.
pub(crate) const RECEIPT_FIELDS: usize = 11;
