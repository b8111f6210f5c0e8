//! Random trouble: whatever can go wrong, in an order that follows from throws of dice.
//!
//! Validators crash and come back, disks are slow or fail, the network splits, loses, delays, repeats and reorders, no
//! clock is quite right, and one validator may break the rules.

use super::{
    Simulated,
    byzantine::Puppet,
    wire::Dice,
    world::{Quality, World},
};
use crate::{Wanted, testing::Misrule};
use std::sync::Arc;

/// How one validator is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evil {
    /// It is not.
    Nobody,
    /// Its engine keeps the rules; what its application does is the scenario's.
    Application,
    /// It answers votes with others.
    Puppet(Puppet),
    /// It misuses the views that are its own.
    Leader(Misrule),
    /// Its key runs two engines.
    Twins,
    /// It sends junk and requests, and nothing else.
    Flooder,
    /// Its clock is wrong by so many milliseconds.
    Clock(i64),
}

/// How wrong an honest validator's clock may be. Two that differ by more than
/// [`MAX_TIME_AHEAD_MS`](crate::limits::MAX_TIME_AHEAD_MS) would wait for each other.
pub const DRIFT_MS: u64 = crate::limits::MAX_TIME_AHEAD_MS / 2;

impl World {
    /// Something goes wrong with one of the honest, or between them, or is mended.
    pub async fn mischief(&mut self, dice: &mut Dice, honest: &[usize]) {
        let n = honest[dice.roll(honest.len() as u64) as usize];
        match dice.roll(160) {
            0..12 => self.crash(n),
            12..28 if !self.runs(n) => self.start(n).await,
            28..30 => honest.iter().for_each(|n| self.crash(*n)),
            30..36 => {
                self.groups.iter_mut().for_each(|group| *group = dice.roll(2));
                self.link().await;
            }
            36..44 => {
                self.groups.fill(0);
                self.link().await;
            }
            44..54 => {
                let lost = (dice.roll(30) as u32, dice.roll(60) as u32);
                self.quality = Quality { latency_ms: 1 + dice.roll(200), jitter_ms: dice.roll(50), lost };
                self.link().await;
            }
            54..64 => self.post.disturb(dice.roll(4) * 8),
            // A write or a sync takes as long as a trip of the network, or as several.
            64..70 => self.disks[n].slow(dice.roll(4) * 25),
            70..74 if self.runs(n) => self.disks[n].fail_after(dice.roll(40)),
            _ => {}
        }
    }

    /// Everything works again, over links of this quality.
    pub async fn mend(&mut self, honest: &[usize], quality: Quality) {
        self.post.disturb(0);
        self.groups.fill(0);
        self.quality = quality;
        self.link().await;
        for n in honest {
            if self.disks[*n].fails() {
                // It has not noticed yet.
                self.crash(*n);
            }
            self.disks[*n].mend();
            if !self.runs(*n) {
                self.start(*n).await;
            }
        }
    }

    /// The honest ones' clocks go wrong, as far as they may, and a bad one's as it is bad; for engines that start from now
    /// on.
    pub fn skew(&mut self, dice: &mut Dice, bad: (usize, Evil)) {
        let drift = DRIFT_MS as i64;
        self.skews.iter_mut().for_each(|skew| *skew = dice.roll(DRIFT_MS) as i64 - drift / 2);
        if let (n, Evil::Clock(skew)) = bad {
            self.skews[n] = skew;
        }
    }

    /// Puts a bad validator in its place: `twins` makes the applications of two with one key, and `asked` what one that
    /// floods asks for.
    pub async fn admit(
        &mut self,
        (n, evil): (usize, Evil),
        dice: &mut Dice,
        twins: impl FnOnce() -> [Arc<dyn Simulated>; 2],
        asked: fn(u64) -> Wanted,
    ) {
        match evil {
            Evil::Nobody | Evil::Application | Evil::Clock(_) => self.start(n).await,
            Evil::Puppet(puppet) => self.start_puppet(n, puppet).await,
            Evil::Leader(misrule) => drop(self.start_leader(n, misrule).await),
            Evil::Twins => {
                let sides: Vec<u64> = self.keys.iter().map(|_| dice.roll(3)).collect();
                self.start_twins(n, &sides, twins()).await;
            }
            Evil::Flooder => self.start_flood(n, asked).await,
        }
    }
}
