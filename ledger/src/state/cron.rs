//! Schedules: five fields of cron, in UTC.
//!
//! ```text
//!  minute 0-59   hour 0-23   day of the month 1-31   month 1-12   day of the week 0-7 (0 and 7: Sunday)
//!  *   7   1-5   1,3,5   */15   10-40/10
//! ```
//!
//! Where both days are restricted, either is enough, as cron has it everywhere. Integers only: every replica comes to the
//! same minute.

const MINUTE_MS: u64 = 60_000;
const DAY_MINUTES: u64 = 24 * 60;

/// Days that are looked at for the next time: from a 29th of February to the next is eight years at most.
const MAX_DAYS: u64 = 366 * 9;

/// A schedule that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cron {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Either day suffices.
    either: bool,
}

impl Cron {
    /// Reads five fields.
    pub(super) fn parse(text: &str) -> Result<Cron, String> {
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else {
            let count = fields.len();
            return Err(format!("it has {count} fields, and five are needed: minute hour day month weekday"));
        };
        let weekdays = set("weekday", weekday, 0, 7)?;
        let cron = Cron {
            minutes: set("minute", minute, 0, 59)?,
            hours: set("hour", hour, 0, 23)?,
            days: set("day", day, 1, 31)?,
            months: set("month", month, 1, 12)?,
            // Sunday has two numbers.
            weekdays: weekdays & 0x7f | weekdays >> 7,
            either: !day.starts_with('*') && !weekday.starts_with('*'),
        };
        match cron.next(0) {
            Some(_) => Ok(cron),
            None => Err("no such day ever comes".to_owned()),
        }
    }

    /// The first of its times after a moment, both in milliseconds since 1970.
    pub(super) fn next(&self, after_ms: u64) -> Option<u64> {
        let first = after_ms / MINUTE_MS + 1;
        let today = first / DAY_MINUTES;
        for day in today..today.saturating_add(MAX_DAYS) {
            if !self.has_day(day) {
                continue;
            }
            let from = if day == today { first % DAY_MINUTES } else { 0 };
            let (hour, minute) = (from / 60, from % 60);
            for at in hour..24 {
                if self.hours >> at & 1 == 0 {
                    continue;
                }
                let minutes = if at == hour { self.minutes >> minute << minute } else { self.minutes };
                if minutes != 0 {
                    let minute = u64::from(minutes.trailing_zeros());
                    return Some((day * DAY_MINUTES + at * 60 + minute) * MINUTE_MS);
                }
            }
        }
        None
    }

    fn has_day(&self, day: u64) -> bool {
        let (month, of_month) = month_and_day(day);
        if self.months >> month & 1 == 0 {
            return false;
        }
        // The first day of 1970 was a Thursday.
        let (of_month, of_week) = (self.days >> of_month & 1 == 1, self.weekdays >> ((day + 4) % 7) & 1 == 1);
        if self.either { of_month || of_week } else { of_month && of_week }
    }
}

/// The numbers that a field names, as bits.
fn set(what: &str, field: &str, min: u64, max: u64) -> Result<u64, String> {
    let number = |text: &str| -> Result<u64, String> {
        let plain = !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
        let number = text.parse().ok().filter(|number| plain && (min..=max).contains(number));
        number.ok_or_else(|| format!("{what} {text:?} is not a number from {min} to {max}"))
    };
    let mut found = 0;
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (part, None),
        };
        let (from, to) = match (range, range.split_once('-'), step) {
            ("*", _, _) => (min, max),
            (_, Some((from, to)), _) => (number(from)?, number(to)?),
            (one, None, None) => (number(one)?, number(one)?),
            // As cron has it: from there to the end.
            (one, None, Some(_)) => (number(one)?, max),
        };
        let step = match step {
            None => 1,
            Some(text) => {
                let step = text.parse::<u64>().ok().filter(|step| (1..=max).contains(step));
                step.ok_or_else(|| format!("step {text:?} of {what} is not a number from 1 to {max}"))?
            }
        };
        if from > to {
            return Err(format!("{what} {range:?} ends before it begins"));
        }
        let mut at = from;
        while at <= to {
            found |= 1 << at;
            at += step;
        }
    }
    Ok(found)
}

/// Month (1 to 12) and day of the month of a day since 1970, in the proleptic Gregorian calendar: years that begin in
/// March have their leap day at the end.
fn month_and_day(day: u64) -> (u64, u64) {
    let shifted = day + 719_468;
    let of_era = shifted % 146_097;
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    (if from_march < 10 { from_march + 3 } else { from_march - 9 }, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Milliseconds of a moment in 2026: month, day, hour, minute.
    fn at(month: u64, day: u64, hour: u64, minute: u64) -> u64 {
        const BEFORE: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
        let days = 20_454 + BEFORE[month as usize - 1] + day - 1;
        ((days * 24 + hour) * 60 + minute) * MINUTE_MS
    }

    #[test]
    fn the_calendar_is_right() {
        assert_eq!(month_and_day(0), (1, 1));
        assert_eq!(month_and_day(20_454), (1, 1), "2026 begins");
        assert_eq!(month_and_day(19_782), (2, 29), "2024 has one");
        assert_eq!(month_and_day(11_016), (2, 29), "2000 has one");
        assert_eq!(month_and_day(47_540), (2, 28), "2100 has none");
        assert_eq!(month_and_day(47_541), (3, 1));
    }

    #[test]
    fn the_next_time_is_the_first_after() {
        let next = |cron: &str, after: u64| Cron::parse(cron).unwrap().next(after).unwrap();
        // The 3rd of March 2026 is a Tuesday.
        let now = at(3, 3, 10, 30);
        for (cron, expected) in [
            ("* * * * *", at(3, 3, 10, 31)),
            ("30 10 * * *", at(3, 4, 10, 30)),
            ("*/15 * * * *", at(3, 3, 10, 45)),
            ("0 6 * * *", at(3, 4, 6, 0)),
            ("0 6 * * 1-5", at(3, 4, 6, 0)),
            ("0 6 * * 0", at(3, 8, 6, 0)),
            ("0 6 * * 7", at(3, 8, 6, 0)),
            ("0 0 1 * *", at(4, 1, 0, 0)),
            ("5,50 10-12/2 * * *", at(3, 3, 10, 50)),
            ("0 0 31 * *", at(3, 31, 0, 0)),
            // Either day.
            ("0 0 13 * 5", at(3, 6, 0, 0)),
            ("0 0 1 1 *", at(1, 1, 0, 0) + 365 * 86_400_000),
            ("59 23 31 12 *", at(12, 31, 23, 59)),
        ] {
            assert_eq!(next(cron, now), expected, "{cron}");
        }
        assert_eq!(next("0 0 29 2 *", now), at(1, 1, 0, 0) + (365 + 365 + 31 + 28) * 86_400_000, "2028");
        assert_eq!(next("* * * * *", now - 1), now, "a time itself comes after what is before it");
        assert_eq!(next("* * * * *", now), now + MINUTE_MS);
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for (cron, why) in [
            ("* * * *", "4 fields"),
            ("* * * * * *", "6 fields"),
            ("60 * * * *", "0 to 59"),
            ("* 24 * * *", "0 to 23"),
            ("* * 0 * *", "1 to 31"),
            ("* * * 13 *", "1 to 12"),
            ("* * * * 8", "0 to 7"),
            ("*/0 * * * *", "step"),
            ("5-1 * * * *", "ends before"),
            ("1,,2 * * * *", "is not a number"),
            ("0 0 30 2 *", "ever comes"),
            ("0x1 * * * *", "is not a number"),
            ("", "0 fields"),
        ] {
            let error = Cron::parse(cron).unwrap_err();
            assert!(error.contains(why), "{cron}: {error}");
        }
    }

    /// Held against a walk minute by minute.
    #[test]
    fn it_agrees_with_walking() {
        for text in ["7 */5 * * *", "0 0 */9 2,3 *", "30 4 1,15 * 5", "*/7 3-5 * 6 1-5/2"] {
            let cron = Cron::parse(text).unwrap();
            let mut now = at(2, 20, 0, 0);
            for _ in 0..40 {
                let next = cron.next(now).unwrap();
                let hit = |minute: u64| {
                    cron.has_day(minute / DAY_MINUTES)
                        && cron.hours >> (minute / 60 % 24) & 1 == 1
                        && cron.minutes >> (minute % 60) & 1 == 1
                };
                let walked = (now / MINUTE_MS + 1..).find(|minute| hit(*minute)).unwrap() * MINUTE_MS;
                assert_eq!(next, walked, "{text}");
                now = next;
            }
        }
    }
}
