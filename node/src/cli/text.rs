//! Text for a terminal: what came from elsewhere made harmless, numbers and times made readable, columns aligned.
//!
//! Everything that a node or a guest wrote passes through [`line`] or [`block`] before it is shown: an escape sequence
//! in a log line must not move the cursor, rename the window or hide what follows.

use moot_record::Prices;
use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

/// Text of others in one line: every control character, line breaks included, is shown as an escape.
pub(crate) fn line(text: &str) -> String {
    escape(text, false)
}

/// Text of others in several lines: line breaks and tabs stay, other control characters are shown as escapes.
pub(crate) fn block(text: &str) -> String {
    escape(text, true)
}

fn escape(text: &str, keep_lines: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' if keep_lines => out.push(c),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || reorders(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// Characters that are no controls to Rust and still change how their neighbours are read: bidirectional overrides,
/// line separators, and the invisible ones.
fn reorders(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A number with thin groups of three: `12,345,678`.
pub(crate) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// What things cost, in a line.
pub(crate) fn prices(prices: &Prices) -> String {
    let Prices { per_byte, per_mega_fuel, per_stored_byte } = *prices;
    let [byte, fuel, stored] = [per_byte, per_mega_fuel, per_stored_byte].map(number);
    format!("{byte} a byte, {fuel} a million of fuel, {stored} a stored byte")
}

/// `1 function`, `2 functions`.
pub(crate) fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// The first twelve digits of a digest or account: enough to tell two apart by eye.
pub(crate) fn short(digest: impl std::fmt::Display) -> String {
    digest.to_string().chars().take(12).collect()
}

/// Microseconds since 1970 as `2026-03-01 12:34:56.789Z`.
pub(crate) fn time(time_us: u64) -> String {
    let seconds = time_us / 1_000_000;
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let (year, month, day) = civil(seconds / 86_400);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{:03}Z", time_us / 1000 % 1000)
}

/// Days since 1970 as year, month, day (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

/// How long ago that was, roughly: `3 s ago`, `2 h ago`.
pub(crate) fn ago(time_us: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let seconds = now.saturating_sub(time_us / 1_000_000);
    match seconds {
        0 => "now".to_owned(),
        1..60 => format!("{seconds} s ago"),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..172_800 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}

/// Rows as aligned columns under a head. Numbers of columns must agree.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    let dim = super::terminal::DIM;
    let _ = writeln!(out, "{dim}{}{dim:#}", aligned(head.iter().copied(), &widths));
    for row in rows {
        let _ = writeln!(out, "{}", aligned(row.iter().map(String::as_str), &widths));
    }
    out
}

fn aligned<'c>(cells: impl Iterator<Item = &'c str>, widths: &[usize]) -> String {
    let mut out = String::new();
    for (cell, width) in cells.zip(widths) {
        let _ = write!(out, "{cell:<width$}  ");
    }
    out.trim_end().to_owned()
}

/// Names with their values, the names in one column. A row without a name continues the one above.
pub(crate) fn fields(indent: usize, rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let dim = super::terminal::DIM;
    let mut out = String::new();
    for (name, value) in rows {
        let _ = writeln!(out, "{:indent$}{dim}{name:<width$}{dim:#}  {value}", "");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_75_control_characters_are_shown_not_obeyed() {
        // A server's error could otherwise clear the screen, fake a prompt, or hide a line.
        let evil = "a\x1b[2Jb\rc\x07d\u{9b}31me\u{202e}f\u{200b}g\0h";
        let shown = line(evil);
        assert_eq!(shown, "a\\u{1b}[2Jb\\rc\\u{7}d\\u{9b}31me\\u{202e}f\\u{200b}g\\u{0}h");
        assert!(!block(evil).chars().any(char::is_control));
        assert_eq!(line("two\nlines\tof"), "two\\nlines\\tof");
        assert_eq!(block("two\nlines\tof"), "two\nlines\tof");
        assert_eq!(line("Grüße 👋 日本"), "Grüße 👋 日本");
    }

    #[test]
    fn numbers() {
        for (n, shown) in [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")] {
            assert_eq!(number(n), shown);
        }
        assert_eq!((count(1, "call"), count(0, "call")), ("1 call".into(), "0 calls".into()));
    }

    #[test]
    fn times() {
        assert_eq!(time(0), "1970-01-01 00:00:00.000Z");
        assert_eq!(time(951_782_400_123_456), "2000-02-29 00:00:00.123Z");
        assert_eq!(time(1_772_368_496_000_000), "2026-03-01 12:34:56.000Z");
        assert_eq!(time(4_107_542_399_999_999), "2100-02-28 23:59:59.999Z");
    }

    #[test]
    fn columns() {
        let shown = table(&["NAME", "N"], &[vec!["hello".into(), "1".into()], vec!["é".into(), "22".into()]]);
        let plain = anstream::adapter::strip_str(&shown).to_string();
        assert_eq!(plain, "NAME   N\nhello  1\né      22\n");
    }
}
