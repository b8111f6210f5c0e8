//! What is wanted from peers: who has a turn, who waits for one.
//!
//! ```text
//!   want ──► waiting ──plan──► asked ──judge──► judging ──► accepted: gone
//!               ▲                │                 │
//!               └── turn over ───┴◄──── refused ───┘            forget: gone, from anywhere
//! ```
//!
//! A bounded window is asked for at a time. A name that nobody can answer (a liar made it up, or its
//! holders are away) would keep its place in the window for ever, so a turn ends while others wait.
//! Nothing here reads a clock or talks to anybody.

use crate::{
    Wanted,
    limits::{FETCH_TURN, FETCH_WINDOW, MAX_WANTED},
};
use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

/// One that peers are being asked for.
struct Asked {
    since: SystemTime,
    /// An answer is with the application: its turn cannot end now.
    judging: bool,
}

/// Everything wanted now.
#[derive(Default)]
pub(crate) struct Wants {
    /// By ticket, so in order of arrival.
    waiting: BTreeMap<u64, Wanted>,
    tickets: BTreeMap<Wanted, u64>,
    asked: BTreeMap<Wanted, Asked>,
    /// No longer to be asked for, and nobody has been told yet.
    stopped: Vec<Wanted>,
    next_ticket: u64,
}

/// What to tell the resolver.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Do not ask for these any more. Comes before `ask`.
    pub(crate) stop: Vec<Wanted>,
    /// Ask for these.
    pub(crate) ask: Vec<Wanted>,
    /// When to plan again, if nothing happens before.
    pub(crate) again: Option<SystemTime>,
}

impl Wants {
    /// Wants it, once. Refuses when too many are wanted already.
    pub(crate) fn want(&mut self, wanted: Wanted) -> bool {
        if self.asked.contains_key(&wanted) || self.tickets.contains_key(&wanted) {
            return true;
        }
        if self.asked.len() + self.waiting.len() >= MAX_WANTED {
            return false;
        }
        self.queue(wanted);
        true
    }

    fn queue(&mut self, wanted: Wanted) {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.waiting.insert(ticket, wanted);
        self.tickets.insert(wanted, ticket);
    }

    /// Wants it no more.
    pub(crate) fn forget(&mut self, wanted: &Wanted) {
        if let Some(ticket) = self.tickets.remove(wanted) {
            self.waiting.remove(&ticket);
        }
        if self.asked.remove(wanted).is_some() {
            self.stopped.push(*wanted);
        }
    }

    /// An answer has come. Whether it is still wanted.
    pub(crate) fn judge(&mut self, wanted: &Wanted) -> bool {
        let asked = self.asked.get_mut(wanted);
        asked.map(|asked| asked.judging = true).is_some()
    }

    /// What the application said of the answer.
    pub(crate) fn judged(&mut self, wanted: &Wanted, accepted: bool) {
        if accepted {
            // The resolver has retired it by itself.
            self.asked.remove(wanted);
        } else if let Some(asked) = self.asked.get_mut(wanted) {
            asked.judging = false;
        }
    }

    /// Ends turns, begins others.
    pub(crate) fn plan(&mut self, now: SystemTime) -> Plan {
        let free = FETCH_WINDOW.saturating_sub(self.asked.len());
        let crowded = self.waiting.len().saturating_sub(free);
        let mut over: Vec<(SystemTime, Wanted)> = self
            .asked
            .iter()
            .filter(|(_, asked)| !asked.judging && age(now, asked.since) >= FETCH_TURN)
            .map(|(wanted, asked)| (asked.since, *wanted))
            .collect();
        over.sort_unstable();
        for (_, wanted) in over.into_iter().take(crowded) {
            self.asked.remove(&wanted);
            self.stopped.push(wanted);
            self.queue(wanted);
        }
        let mut ask = Vec::new();
        while self.asked.len() < FETCH_WINDOW
            && let Some((_, wanted)) = self.waiting.pop_first()
        {
            self.tickets.remove(&wanted);
            self.asked.insert(wanted, Asked { since: now, judging: false });
            ask.push(wanted);
        }
        // What is stopped and asked for again in one breath is first stopped, then asked for.
        Plan { stop: std::mem::take(&mut self.stopped), ask, again: self.again(now) }
    }

    /// When the next turn ends, if somebody waits for it.
    fn again(&self, now: SystemTime) -> Option<SystemTime> {
        if self.waiting.is_empty() {
            return None;
        }
        let open = self.asked.values().filter(|asked| !asked.judging);
        let eldest = open.map(|asked| asked.since).min()?;
        // At least a little later, so that a clock set back cannot make this spin.
        eldest.checked_add(FETCH_TURN).map(|at| at.max(now + Duration::from_millis(1)))
    }

    /// Wants nothing any more.
    pub(crate) fn clear(&mut self) {
        *self = Wants::default();
    }
}

fn age(now: SystemTime, since: SystemTime) -> Duration {
    // A clock that was set back ends the turn: better too early than never.
    now.duration_since(since).unwrap_or(FETCH_TURN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use moot_record::Digest;

    fn wanted(n: usize) -> Wanted {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&(n as u64).to_be_bytes());
        Wanted { kind: 0, digest: Digest::from_bytes(bytes), part: 0 }
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn twice_is_one_request() {
        let mut wants = Wants::default();
        assert!(wants.want(wanted(1)) && wants.want(wanted(1)));
        assert_eq!(wants.plan(at(0)).ask, [wanted(1)]);
        assert!(wants.want(wanted(1)));
        assert_eq!(wants.plan(at(0)), Plan::default());
        assert!(wants.judge(&wanted(1)));
        wants.judged(&wanted(1), true);
        assert!(!wants.judge(&wanted(1)), "it is had");
        assert!(wants.want(wanted(1)));
        assert_eq!(wants.plan(at(0)).ask, [wanted(1)], "asked for anew");
    }

    #[test]
    fn forgetting_stops_what_is_asked_for_and_drops_what_waits() {
        let mut wants = Wants::default();
        (0..FETCH_WINDOW + 1).for_each(|n| assert!(wants.want(wanted(n))));
        assert_eq!(wants.plan(at(0)).ask.len(), FETCH_WINDOW);
        wants.forget(&wanted(0));
        wants.forget(&wanted(FETCH_WINDOW));
        wants.forget(&wanted(FETCH_WINDOW + 7));
        let plan = wants.plan(at(0));
        assert_eq!((plan.stop, plan.ask, plan.again), (vec![wanted(0)], vec![], None));
    }

    #[test]
    fn no_more_than_the_bound() {
        let mut wants = Wants::default();
        (0..MAX_WANTED).for_each(|n| assert!(wants.want(wanted(n))));
        assert!(!wants.want(wanted(MAX_WANTED)));
        assert!(wants.want(wanted(3)), "wanted already");
        wants.plan(at(0));
        assert!(!wants.want(wanted(MAX_WANTED)), "those asked for count too");
        wants.forget(&wanted(3));
        assert!(wants.want(wanted(MAX_WANTED)));
    }

    #[test]
    fn what_nobody_answers_makes_room() {
        let mut wants = Wants::default();
        (0..FETCH_WINDOW + 2).for_each(|n| assert!(wants.want(wanted(n))));
        let plan = wants.plan(at(0));
        assert_eq!(plan.again, Some(at(0) + FETCH_TURN));
        assert_eq!(wants.plan(at(0) + FETCH_TURN / 2).ask, [], "not yet");
        assert!(wants.judge(&wanted(0)), "an answer is being looked at");
        let plan = wants.plan(at(0) + FETCH_TURN);
        assert_eq!(plan.stop, [wanted(1), wanted(2)], "as many as wait, and not the one with an answer");
        assert_eq!(plan.ask, [wanted(FETCH_WINDOW), wanted(FETCH_WINDOW + 1)]);
        wants.judged(&wanted(0), true);
        let plan = wants.plan(at(0) + FETCH_TURN);
        assert_eq!(
            (plan.stop, plan.ask),
            (vec![wanted(3)], vec![wanted(1), wanted(2)]),
            "a free place and a turn"
        );
    }

    #[test]
    fn a_lone_request_keeps_its_place() {
        let mut wants = Wants::default();
        assert!(wants.want(wanted(1)));
        assert_eq!(wants.plan(at(0)).again, None);
        assert_eq!(wants.plan(at(1000)), Plan::default());
    }
}
