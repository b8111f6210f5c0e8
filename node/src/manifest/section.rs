//! A table of the manifest, read key by key.
//!
//! Every key that is asked for is remembered; what was never asked for is unknown and is refused at
//! [`Section::finish`] with the nearest key that exists. So the list of known keys cannot differ from the code.

use std::cell::RefCell;
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::Source;
use super::units::{parse_duration, parse_size};

/// A value and the bytes of the file it came from.
pub(crate) type Found<T> = (T, Range<usize>);

/// Names that other platforms use for what is called something else here, and keys that live in another table.
/// `{}` stands for the function's table.
const ELSEWHERE: [(&str, &str); 34] = [
    ("source", "`component` in [{}]"),
    ("wasm", "`component` in [{}]"),
    ("module", "`component` in [{}]"),
    ("main", "`component` in [{}]"),
    ("command", "`build` in [{}]"),
    ("language", "`language` in [{}.build]"),
    ("engine", "`engine` in [{}.build]"),
    ("warm_up", "`warm_up` in [{}.build]"),
    ("wit", "`wit` in [{}.build]"),
    ("world", "`world` in [{}.build]"),
    ("path", "`route` in [{}]"),
    ("url", "`route` in [{}]"),
    ("http", "`http` in [{}.grants]"),
    ("allowed_outbound_hosts", "`http` in [{}.grants]"),
    ("allowed_hosts", "`http` in [{}.grants]"),
    ("hosts", "`http` in [{}.grants]"),
    ("env", "`env` in [{}.grants]"),
    ("environment", "`env` in [{}.grants]"),
    ("vars", "`env` in [{}.grants]"),
    ("variables", "`env` in [{}.grants]"),
    ("secrets", "`secrets` in [{}.grants]"),
    ("keyvalue", "`keyvalue` in [{}.grants]"),
    ("key_value_stores", "`keyvalue` in [{}.grants]"),
    ("kv", "`keyvalue` in [{}.grants]"),
    ("dirs", "`dirs` in [{}.grants]"),
    ("files", "`dirs` in [{}.grants]"),
    ("clock", "`clock` in [{}.grants]"),
    ("random", "`random` in [{}.grants]"),
    ("ledger", "`ledger` in [{}.grants]"),
    ("fuel", "`fuel` in [{}.limits]"),
    ("timeout", "`deadline` in [{}.limits]"),
    ("deadline", "`deadline` in [{}.limits]"),
    ("memory", "`memory` in [{}.limits]"),
    ("ttl", "`retention` in [{}]"),
];

/// One table of the manifest.
pub(crate) struct Section<'s, 't> {
    source: &'s Source<'t>,
    name: String,
    table: &'s DeTable<'t>,
    at: Range<usize>,
    asked: RefCell<Vec<&'static str>>,
}

impl<'s, 't> Section<'s, 't> {
    /// The table called `name` (dotted, empty for the whole file).
    pub(crate) fn new(
        source: &'s Source<'t>,
        name: String,
        table: &'s DeTable<'t>,
        at: Range<usize>,
    ) -> Self {
        Section { source, name, table, at, asked: RefCell::new(Vec::new()) }
    }

    pub(crate) fn source(&self) -> &'s Source<'t> {
        self.source
    }

    /// The dotted name, for messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Where the table begins.
    pub(crate) fn at(&self) -> Range<usize> {
        self.at.clone()
    }

    /// Every key with its value, in the order of the file.
    pub(crate) fn entries(&self) -> Vec<(Found<&'s str>, &'s Spanned<DeValue<'t>>)> {
        let mut entries: Vec<_> =
            self.table.iter().map(|(key, value)| ((key.get_ref().as_ref(), key.span()), value)).collect();
        entries.sort_by_key(|((_, at), _)| at.start);
        entries
    }

    fn get(&self, key: &'static str) -> Option<&'s Spanned<DeValue<'t>>> {
        self.asked.borrow_mut().push(key);
        self.table.get(key)
    }

    /// Notes that `key` holds the wrong type of value.
    fn wrong(&self, key: &str, value: &Spanned<DeValue<'t>>, want: &str) {
        let got = describe(value.get_ref());
        self.source.problem(value.span(), format!("`{key}` must be {want}, not {got}"), None);
    }

    /// A text.
    pub(crate) fn text(&self, key: &'static str, want: &str) -> Option<Found<&'s str>> {
        let value = self.get(key)?;
        match value.get_ref() {
            DeValue::String(text) => Some((text.as_ref(), value.span())),
            _ => {
                self.wrong(key, value, want);
                None
            }
        }
    }

    /// `true` or `false`.
    pub(crate) fn flag(&self, key: &'static str) -> Option<Found<bool>> {
        let value = self.get(key)?;
        match value.get_ref() {
            DeValue::Boolean(flag) => Some((*flag, value.span())),
            _ => {
                self.wrong(key, value, "true or false");
                None
            }
        }
    }

    /// A list of texts, each with its place. `None` when the key is absent.
    pub(crate) fn texts(&self, key: &'static str, want: &str) -> Option<Vec<Found<&'s str>>> {
        let value = self.get(key)?;
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong(key, value, want);
            return None;
        };
        let mut texts = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::String(text) => texts.push((text.as_ref(), item.span())),
                _ => self.wrong(key, item, want),
            }
        }
        Some(texts)
    }

    /// A text or a list of texts: `Ok` is the text.
    pub(crate) fn text_or_texts(
        &self,
        key: &'static str,
        want: &str,
    ) -> Option<Result<Found<&'s str>, Vec<Found<&'s str>>>> {
        match self.table.get(key).map(Spanned::get_ref) {
            Some(DeValue::Array(_)) => self.texts(key, want).map(Err),
            _ => self.text(key, want).map(Ok),
        }
    }

    /// Whether a key is there.
    pub(crate) fn has(&self, key: &'static str) -> bool {
        self.table.contains_key(key)
    }

    /// Whether a key holds a table.
    pub(crate) fn is_table(&self, key: &'static str) -> bool {
        matches!(self.table.get(key).map(Spanned::get_ref), Some(DeValue::Table(_)))
    }

    /// A text or a table: `Ok` is the text.
    pub(crate) fn text_or_section(
        &self,
        key: &'static str,
        want: &str,
    ) -> Option<Result<Found<&'s str>, Section<'s, 't>>> {
        if self.is_table(key) { self.section(key, want).map(Err) } else { self.text(key, want).map(Ok) }
    }

    /// A table of texts.
    pub(crate) fn text_table(
        &self,
        key: &'static str,
        want: &str,
    ) -> Option<Vec<(Found<&'s str>, Found<&'s str>)>> {
        let table = self.section(key, want)?;
        let mut rows = Vec::new();
        for (name, value) in table.entries() {
            match value.get_ref() {
                DeValue::String(text) => rows.push((name, (text.as_ref(), value.span()))),
                _ => self.wrong(name.0, value, "a text in quotes"),
            }
        }
        Some(rows)
    }

    /// A table below this one.
    pub(crate) fn section(&self, key: &'static str, want: &str) -> Option<Section<'s, 't>> {
        let value = self.get(key)?;
        match value.get_ref() {
            DeValue::Table(table) => Some(self.below(key, table, value.span())),
            _ => {
                self.wrong(key, value, want);
                None
            }
        }
    }

    /// A list of tables.
    pub(crate) fn sections(&self, key: &'static str, want: &str) -> Vec<Section<'s, 't>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong(key, value, want);
            return Vec::new();
        };
        let mut sections = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::Table(table) => sections.push(self.below(key, table, item.span())),
                _ => self.wrong(key, item, want),
            }
        }
        sections
    }

    /// The table `key` of this one.
    pub(crate) fn below(&self, key: &str, table: &'s DeTable<'t>, at: Range<usize>) -> Section<'s, 't> {
        let name = if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) };
        Section::new(self.source, name, table, at)
    }

    /// A whole number from 1 to `max`.
    pub(crate) fn count(&self, key: &'static str, max: u64) -> Option<u64> {
        let value = self.get(key)?;
        let DeValue::Integer(number) = value.get_ref() else {
            self.wrong(key, value, "a whole number, such as 10_000_000_000");
            return None;
        };
        let read = u64::from_str_radix(number.as_str(), number.radix()).ok();
        self.bounded(key, read, value.span(), 1, max, &|n| n.to_string())
    }

    /// A size in bytes from 1 to `max`: a whole number or a text with a unit.
    pub(crate) fn size(&self, key: &'static str, max: u64) -> Option<u64> {
        let value = self.get(key)?;
        let read = match value.get_ref() {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
            DeValue::String(text) => match parse_size(text) {
                Ok(bytes) => Some(bytes),
                Err(error) => {
                    self.source.problem(value.span(), format!("`{key}`: {error}"), None);
                    return None;
                }
            },
            _ => {
                self.wrong(key, value, "a size such as \"64MiB\"");
                return None;
            }
        };
        self.bounded(key, read, value.span(), 1, max, &super::units::show_size)
    }

    /// A duration from a millisecond to `max`.
    pub(crate) fn duration(&self, key: &'static str, max: Duration) -> Option<Found<Duration>> {
        let value = self.get(key)?;
        let DeValue::String(text) = value.get_ref() else {
            self.wrong(key, value, "a duration with its unit, such as \"10s\" or \"500ms\"");
            return None;
        };
        let read = match parse_duration(text) {
            Ok(duration) => u64::try_from(duration.as_millis()).ok(),
            Err(error) => {
                self.source.problem(value.span(), format!("`{key}`: {error}"), None);
                return None;
            }
        };
        let max_ms = u64::try_from(max.as_millis()).unwrap_or(u64::MAX);
        let show = |ms| super::units::show_duration(Duration::from_millis(ms));
        let ms = self.bounded(key, read, value.span(), 1, max_ms, &show)?;
        Some((Duration::from_millis(ms), value.span()))
    }

    fn bounded(
        &self,
        key: &str,
        read: Option<u64>,
        at: Range<usize>,
        min: u64,
        max: u64,
        show: &dyn Fn(u64) -> String,
    ) -> Option<u64> {
        match read {
            Some(number) if (min..=max).contains(&number) => Some(number),
            _ => {
                let message = format!("`{key}` must be between {} and {}", show(min), show(max));
                self.source.problem(at, message, None);
                None
            }
        }
    }

    /// Refuses every key that nobody asked for.
    pub(crate) fn finish(self) {
        let asked = self.asked.borrow();
        for ((key, at), _) in self.entries() {
            if asked.contains(&key) {
                continue;
            }
            let place = if self.name.is_empty() { "the file".to_owned() } else { format!("[{}]", self.name) };
            self.source.problem(
                at,
                format!("unknown key `{key}` in {place}"),
                Some(self.suggest(key, &asked)),
            );
        }
    }

    fn suggest(&self, key: &str, known: &[&'static str]) -> String {
        if let Some(near) = nearest(key, known.iter().copied()) {
            return format!("did you mean `{near}`?");
        }
        let function: Vec<&str> = self.name.split('.').take(2).collect();
        let elsewhere = ELSEWHERE.iter().find(|(name, _)| *name == key.to_ascii_lowercase());
        match (elsewhere, function.as_slice()) {
            (Some((_, place)), ["functions", _]) => {
                format!("did you mean {}?", place.replace("{}", &function.join(".")))
            }
            _ => format!("known here: {}", known.join(", ")),
        }
    }
}

/// The known name closest to `name`, when one is close enough to be a slip of the hand.
pub(crate) fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let lower = name.to_lowercase();
    known
        .map(|candidate| (strsim::damerau_levenshtein(&lower, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(3) / 3)
        .min()
        .map(|(_, candidate)| candidate)
}

/// A value as a message names it.
fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the text {text:?}"),
        DeValue::Integer(number) => format!("the number {number}"),
        DeValue::Float(number) => format!("the number {}", number.as_str()),
        DeValue::Boolean(flag) => format!("{flag}"),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_is_a_slip_of_the_hand_only() {
        let known = ["component", "route", "build", "env"];
        assert_eq!(nearest("componnent", known.into_iter()), Some("component"));
        assert_eq!(nearest("Route", known.into_iter()), Some("route"));
        assert_eq!(nearest("biuld", known.into_iter()), Some("build"));
        assert_eq!(nearest("envs", known.into_iter()), Some("env"));
        assert_eq!(nearest("elephant", known.into_iter()), None);
        assert_eq!(nearest("x", known.into_iter()), None);
    }
}
