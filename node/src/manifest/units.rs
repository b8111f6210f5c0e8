//! Sizes and durations as people write them: `"64MiB"`, `"10s"`, `"1h30m"`.
//!
//! A size without a unit is bytes. A duration always needs its unit: `10` could be seconds or milliseconds, and
//! a guess would be wrong for somebody. `64M` is refused for the same reason: it means two different numbers.

use std::time::Duration;

/// Units of a size, each with its bytes. The first letters are upper case in every one of them.
const SIZES: [(&str, u64); 9] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

/// Units of a duration, each with its milliseconds.
const DURATIONS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Why a size or duration could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// Not a number with a unit.
    #[error("{text:?} is not a size: write a number and a unit, such as \"64MiB\", \"8KiB\" or \"512B\"")]
    Size {
        /// What was written.
        text: String,
    },
    /// `64M` or `64k`: two numbers are meant by that.
    #[error(
        "{text:?} can mean two numbers: write \"{binary}\" (powers of 1024) or \"{decimal}\" (powers of 1000)"
    )]
    Ambiguous {
        /// What was written.
        text: String,
        /// The reading in powers of 1024.
        binary: String,
        /// The reading in powers of 1000.
        decimal: String,
    },
    /// Not numbers with units.
    #[error(
        "{text:?} is not a duration: write numbers with units, such as \"500ms\", \"10s\", \"1h30m\" or \"7d\""
    )]
    Duration {
        /// What was written.
        text: String,
    },
    /// More than 64 bits hold.
    #[error("{text:?} is too large to be meant")]
    TooLarge {
        /// What was written.
        text: String,
    },
}

/// Reads a size in bytes: `"64MiB"`, `"64 MiB"`, `"1.5GiB"`, `"512B"`, `"512"`.
pub fn parse_size(text: &str) -> Result<u64, UnitError> {
    let wrong = || UnitError::Size { text: text.to_owned() };
    let trimmed = text.trim();
    let split = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(trimmed.len());
    let (number, unit) = (trimmed[..split].replace('_', ""), trimmed[split..].trim());
    if number.is_empty() {
        return Err(wrong());
    }
    let scale = match SIZES.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)) {
        Some((_, scale)) => *scale,
        None if unit.is_empty() => 1,
        None if unit.len() == 1 && "kmgt".contains(&unit.to_ascii_lowercase()) => {
            let letter = unit.to_ascii_uppercase();
            return Err(UnitError::Ambiguous {
                text: text.to_owned(),
                binary: format!("{number}{letter}iB"),
                decimal: format!("{number}{letter}B"),
            });
        }
        None => return Err(wrong()),
    };
    scaled(&number, scale).ok_or_else(wrong)?.ok_or_else(|| UnitError::TooLarge { text: text.to_owned() })
}

/// Reads a duration to the millisecond: `"500ms"`, `"10s"`, `"1h30m"`, `"7d"`.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let wrong = || UnitError::Duration { text: text.to_owned() };
    let too_large = || UnitError::TooLarge { text: text.to_owned() };
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut total = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').ok_or_else(wrong)?;
        let after = rest[digits..].trim_start();
        let end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let unit = &after[..end];
        let scale = DURATIONS.iter().find(|(name, _)| *name == unit).map(|(_, ms)| *ms).ok_or_else(wrong)?;
        let part =
            scaled(&rest[..digits].replace('_', ""), scale).ok_or_else(wrong)?.ok_or_else(too_large)?;
        total = total.checked_add(part).ok_or_else(too_large)?;
        rest = after[end..].trim_start();
    }
    Ok(Duration::from_millis(total))
}

/// `number` (digits with at most one point) times `scale`, exactly. The outer `None` says it is no number, the
/// inner one that it does not fit. No floats: `1.1GiB` must be the same number on every machine.
fn scaled(number: &str, scale: u64) -> Option<Option<u64>> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || number.ends_with('.') || fraction.contains('.') || fraction.len() > 9 {
        return None;
    }
    let Ok(whole) = whole.parse::<u64>() else { return Some(None) };
    let mut total = u128::from(whole) * u128::from(scale);
    if !fraction.is_empty() {
        let digits: u128 = fraction.parse().ok()?;
        total += digits * u128::from(scale) / 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    }
    Some(u64::try_from(total).ok())
}

/// Bytes for people: the largest binary unit that leaves at least one whole.
#[must_use]
pub fn show_size(bytes: u64) -> String {
    let binary = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes;
    let mut unit = None;
    let mut remainder = 0;
    for name in binary {
        if value < 1024 {
            break;
        }
        remainder = value % 1024;
        value /= 1024;
        unit = Some(name);
    }
    match unit {
        None => format!("{bytes} B"),
        Some(unit) if remainder == 0 || value >= 100 => format!("{value} {unit}"),
        Some(unit) => format!("{value}.{} {unit}", remainder * 10 / 1024),
    }
}

/// A duration for people, to about two figures.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    let micros = duration.as_micros();
    let tenths = |unit: u128, name: &str| match (micros / unit, micros % unit * 10 / unit) {
        (whole, 0) => format!("{whole} {name}"),
        (whole, tenth) => format!("{whole}.{tenth} {name}"),
    };
    let parts = |unit: u128, name: &str, small: u128, small_name: &str| match (
        micros / unit,
        micros % unit / small,
    ) {
        (whole, 0) => format!("{whole}{name}"),
        (whole, rest) => format!("{whole}{name} {rest}{small_name}"),
    };
    match micros {
        0..1_000 => format!("{micros} us"),
        1_000..100_000 => tenths(1_000, "ms"),
        100_000..1_000_000 => format!("{} ms", micros / 1_000),
        1_000_000..60_000_000 => tenths(1_000_000, "s"),
        60_000_000..3_600_000_000 => parts(60_000_000, "m", 1_000_000, "s"),
        3_600_000_000..86_400_000_000 => parts(3_600_000_000, "h", 60_000_000, "m"),
        _ => parts(86_400_000_000, "d", 3_600_000_000, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("64MiB", 64 << 20),
            ("64 MiB", 64 << 20),
            ("64mib", 64 << 20),
            ("8KiB", 8192),
            ("512B", 512),
            ("512", 512),
            ("1_024", 1024),
            ("1.5GiB", 3 << 29),
            ("1MB", 1_000_000),
            ("0", 0),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn wrong_sizes() {
        for text in ["", "MiB", "big", "-1", "64 bananas", "1.2.3KiB", "1.", ".5KiB", "64MiBs", "1e3"] {
            assert!(
                matches!(parse_size(text), Err(UnitError::Size { .. })),
                "{text}: {:?}",
                parse_size(text)
            );
        }
        assert!(matches!(parse_size("99999999999999999999B"), Err(UnitError::TooLarge { .. })));
        assert!(matches!(parse_size("99999999TiB"), Err(UnitError::TooLarge { .. })));
        let message = parse_size("64M").unwrap_err().to_string();
        assert!(message.contains("64MiB") && message.contains("64MB"), "{message}");
    }

    #[test]
    fn durations() {
        for (text, ms) in [
            ("500ms", 500),
            ("10s", 10_000),
            ("1.5s", 1_500),
            ("90m", 5_400_000),
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            ("7d", 604_800_000),
            ("0s", 0),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn wrong_durations() {
        for text in ["", "10", "s", "10 seconds", "-1s", "1s2", "10S", "1.2.3s", "1w"] {
            assert!(matches!(parse_duration(text), Err(UnitError::Duration { .. })), "{text}");
        }
        assert!(matches!(parse_duration("99999999999999999999d"), Err(UnitError::TooLarge { .. })));
        assert!(matches!(parse_duration("9999999999999999d"), Err(UnitError::TooLarge { .. })));
    }

    #[test]
    fn shown_to_people() {
        assert_eq!(show_size(0), "0 B");
        assert_eq!(show_size(1023), "1023 B");
        assert_eq!(show_size(1536), "1.5 KiB");
        assert_eq!(show_size(64 << 20), "64 MiB");
        assert_eq!(show_duration(Duration::from_micros(250)), "250 us");
        assert_eq!(show_duration(Duration::from_micros(4_230)), "4.2 ms");
        assert_eq!(show_duration(Duration::from_millis(250)), "250 ms");
        assert_eq!(show_duration(Duration::from_millis(2_540)), "2.5 s");
        assert_eq!(show_duration(Duration::from_secs(95)), "1m 35s");
        assert_eq!(show_duration(Duration::from_secs(10)), "10 s");
        assert_eq!(show_duration(Duration::from_secs(5400)), "1h 30m");
        assert_eq!(show_duration(Duration::from_secs(7 * 86_400)), "7d");
    }
}
