//! Calls that triggers derive, run where the ledger says.
//!
//! ```text
//!  block ──► derived call of this lane ──► reserved by its digest ──► Call entry (caller: the trigger's owner)
//!                                              └─ recorded before: whoever recovers finishes it    │
//!                                                             barred, or begun elsewhere? ◄────────┤
//!                                                                  │ receipt that says so          ▼
//!                                                                  └──────────────► Receipt ◄─── host
//! ```
//!
//! - Requires: a ledger that names the lane, and remembers what this lane has recorded.
//! - Provides: each gets one call and one receipt from this lane, across crashes; what another lane may have begun is run
//!   here only when its function allows to be run again.
//! - Does not provide: an order among them. They run beside each other.

use crate::limits::{DERIVED_AGAIN, DERIVED_AT_ONCE, DERIVED_LONGEST_PAUSE, DERIVED_TRIES};
use crate::worker::job::{BeginError, Order, Origin};
use crate::worker::receipt::{self, About};
use crate::worker::registry::{Active, version_in};
use crate::worker::{Worker, input, kept};
use anyhow::Context as _;
use bytes::Bytes;
use moot_host::Event;
use moot_ledger::{DerivedCall, DerivedId, Idempotency, Reservation};
use moot_record::{Call, CallKind, Entry, FunctionKind, Payload, Status};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// Why a derived call is recorded and not run.
struct NotRun {
    status: Status,
    why: String,
}

impl Worker {
    /// Runs what triggers derive for this lane, until the node stops.
    pub(crate) async fn run_derived(self: Arc<Self>, mut stopping: watch::Receiver<bool>) {
        let room = Arc::new(Semaphore::new(DERIVED_AT_ONCE));
        let mut begun: BTreeSet<(DerivedId, u32)> = BTreeSet::new();
        let mut news = self.ledger.derived_news();
        loop {
            news.mark_unchanged();
            let due = self.ledger.derived_to_run();
            let now: BTreeSet<(DerivedId, u32)> = due.iter().map(|call| (call.id, call.turn)).collect();
            begun.retain(|key| now.contains(key));
            for call in due {
                if !begun.insert((call.id, call.turn)) {
                    continue;
                }
                let place = tokio::select! {
                    _ = stopping.wait_for(|stop| *stop) => return,
                    place = room.clone().acquire_owned() => place,
                };
                let worker = self.clone();
                tokio::spawn(async move {
                    worker.run_one(&call).await;
                    drop(place);
                });
            }
            tokio::select! {
                _ = stopping.wait_for(|stop| *stop) => return,
                _ = news.changed() => {}
                () = tokio::time::sleep(DERIVED_AGAIN) => {}
            }
        }
    }

    /// Tries until it is recorded, or another lane's.
    async fn run_one(self: &Arc<Self>, call: &DerivedCall) {
        let mut pause = Duration::from_millis(100);
        for tries in 0.. {
            match self.try_derived(call, tries).await {
                Ok(()) => return,
                Err(error) => tracing::warn!(derived = %call.id, %error, "a derived call cannot be run yet"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(DERIVED_LONGEST_PAUSE);
            let ours = self.ledger.derived_to_run();
            if !ours.iter().any(|open| open.id == call.id && open.turn == call.turn) {
                return;
            }
        }
    }

    async fn try_derived(self: &Arc<Self>, call: &DerivedCall, tries: u32) -> anyhow::Result<()> {
        let reservation = match self.ledger.reserve_derived(call)?.context("too many calls are on the way")? {
            Idempotency::Fresh(reservation) => reservation,
            // This lane has recorded its call: before a crash, or a moment ago.
            _ => return Ok(()),
        };
        self.refresh();
        let function = match self.registry().get(&call.function) {
            Some(active) => active.clone(),
            None => {
                // Retired: what its last version was, its receipt shall say.
                let record =
                    self.ledger.function(&call.function).context("its function is not known here")?;
                version_in(&record, record.active).context("its function has no version")?
            }
        };
        let event = input::of_event(&event_of(call));
        if let Some(not_run) = not_run(call, &function, &event) {
            return self.record_only(call, &function, event, reservation, not_run).await;
        }
        let order = Order {
            function: function.clone(),
            kind: CallKind::Event,
            input: event.clone(),
            caller: Some(call.owner),
            parent: None,
            origin: Some(Origin { parent: call.at, time_us: call.time_ms.saturating_mul(1000) }),
            depth: 0,
            trace: None,
            reservation: Some(reservation),
        };
        match self.begin(order).await {
            Ok(job) => job.execute().await.map(drop).map_err(Into::into),
            Err(BeginError::Load(problem)) if tries >= DERIVED_TRIES => {
                let again = self.ledger.reserve_derived(call)?;
                let Some(Idempotency::Fresh(reservation)) = again else { return Ok(()) };
                let not_run = NotRun { status: Status::Unavailable, why: problem.to_string() };
                self.record_only(call, &function, event, reservation, not_run).await
            }
            Err(BeginError::Unpaid(unpaid)) => {
                let again = self.ledger.reserve_derived(call)?;
                let Some(Idempotency::Fresh(reservation)) = again else { return Ok(()) };
                let not_run = NotRun { status: Status::Denied, why: unpaid.to_string() };
                self.record_only(call, &function, event, reservation, not_run).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Records the call with a receipt that says why it was not run.
    async fn record_only(
        &self,
        derived: &DerivedCall,
        function: &Active,
        event: Bytes,
        reservation: Reservation,
        not_run: NotRun,
    ) -> anyhow::Result<()> {
        let mode = function.spec.payloads;
        let call = Call {
            function: function.name.clone(),
            component: function.component,
            spec: function.spec_digest,
            kind: CallKind::Event,
            caller: Some(derived.owner),
            input: receipt::payload(mode, &event),
            time_us: derived.time_ms.saturating_mul(1000),
            fuel_limit: function.spec.limits.fuel,
            idempotency: Some(reservation.key()),
            parent: derived.at,
        };
        let call_bytes = receipt::encoded_bytes(&Entry::Call(call.clone()));
        let pending = self.ledger.append_call_once(call, kept(mode, &event), reservation)?;
        let about = About {
            call: pending.id(),
            call_digest: pending.digest(),
            component: function.component,
            call_bytes,
        };
        self.state_not_run(&about, not_run.status, &not_run.why).await
    }

    /// The receipt of a call that was recorded and not run. Why, is in it: there is nothing to hide.
    pub(super) async fn state_not_run(&self, about: &About, status: Status, why: &str) -> anyhow::Result<()> {
        let output = Payload::inlined(why.as_bytes());
        self.state(receipt::not_run(about, status, output, &self.prices(), self.clock.now_us())).await
    }
}

fn not_run(call: &DerivedCall, function: &Active, event: &Bytes) -> Option<NotRun> {
    let denied = |why: &str| Some(NotRun { status: Status::Denied, why: why.to_owned() });
    if let Some(barred) = call.barred {
        return denied(barred.reason());
    }
    if function.spec.kind != FunctionKind::Event {
        return denied("the function is not of kind event any more");
    }
    if call.turn > 0 && !function.repeatable() {
        let why = format!(
            "{} other lanes had their turn, may have run it and did not answer in time; its function is not declared idempotent",
            call.turn
        );
        return Some(NotRun { status: Status::Interrupted, why });
    }
    let most = function.spec.limits.request_bytes;
    (event.len() as u64 > most).then(|| NotRun {
        status: Status::LimitExceeded,
        why: format!("the event has {} bytes, and the function takes {most}", event.len()),
    })
}

/// The event that a derived call stands for: the same on every replica.
fn event_of(call: &DerivedCall) -> Event {
    let mut attributes = vec![
        ("trigger".to_owned(), call.trigger.to_string()),
        ("derived".to_owned(), call.id.to_string()),
        ("time-ms".to_owned(), call.time_ms.to_string()),
    ];
    if let Some(at) = &call.at {
        attributes.push(("address".to_owned(), at.to_string()));
    }
    if let Some(by) = &call.by {
        attributes.push(("account".to_owned(), by.to_string()));
    }
    let Payload { digest, bytes, inline } = &call.payload;
    if inline.is_none() && *bytes > 0 {
        // What is not in its entry is not in the event: its digest is, and where it is found.
        attributes.push(("digest".to_owned(), digest.to_string()));
        attributes.push(("bytes".to_owned(), bytes.to_string()));
    }
    let json = call.source.starts_with("completion:");
    Event {
        source: call.source.clone(),
        content_type: json.then(|| "application/json".to_owned()),
        attributes,
        payload: inline.clone().unwrap_or_default().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::registry::tests::active;
    use moot_record::AccountId;

    fn derived(payload: Payload) -> DerivedCall {
        DerivedCall {
            id: DerivedId { height: 7, number: 1 },
            trigger: "moderate".parse().unwrap(),
            function: "moderator".parse().unwrap(),
            owner: AccountId::from_bytes([1; 32]),
            source: "value:/chat/lobby/1".into(),
            payload,
            at: "0-1-0-0-2".parse().ok(),
            by: None,
            time_ms: 9,
            depth: 0,
            barred: None,
            lane: 0,
            turn: 0,
            until_ms: 0,
            call: None,
        }
    }

    #[test]
    fn an_event_has_the_value_or_says_where_it_is() {
        let small = event_of(&derived(Payload::inlined(b"hi")));
        assert_eq!((small.payload.as_ref(), small.source.as_str()), (&b"hi"[..], "value:/chat/lobby/1"));
        let named = |event: &Event, name: &str| {
            event.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone())
        };
        assert_eq!((named(&small, "address").as_deref(), named(&small, "digest")), (Some("0-1-0-0-2"), None));
        let large = Payload::of(&[7; 9000]);
        let event = event_of(&derived(large.clone()));
        assert!(event.payload.is_empty());
        assert_eq!(
            (named(&event, "digest"), named(&event, "bytes")),
            (Some(large.digest.to_string()), Some("9000".into()))
        );
    }

    #[test]
    fn what_another_lane_may_have_begun_is_run_again_only_where_that_is_harmless() {
        let mut function = active("moderator", "/moderator", 1);
        Arc::get_mut(&mut function).unwrap().spec.kind = FunctionKind::Event;
        let event = Bytes::from_static(b"x");
        let call = derived(Payload::inlined(b"hi"));
        assert!(not_run(&call, &function, &event).is_none());
        let passed_on = DerivedCall { turn: 1, ..call.clone() };
        assert_eq!(not_run(&passed_on, &function, &event).unwrap().status, Status::Interrupted);
        Arc::get_mut(&mut function).unwrap().spec.idempotent = true;
        assert!(not_run(&passed_on, &function, &event).is_none());
        let barred = DerivedCall { barred: Some(moot_ledger::Barred::Loop), ..call };
        let said = not_run(&barred, &function, &event).unwrap();
        assert_eq!(said.status, Status::Denied);
        assert!(said.why.contains("loop of triggers ends here"));
    }
}
