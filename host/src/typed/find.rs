//! From the name in a call to an exported function.

use super::{ExportedFunction, Interface};
use crate::Fault;

/// Names a call may list when there is no such export.
const MAX_LISTED: usize = 50;

impl Interface {
    /// The place of the function that a call names: by its whole path, or by as much of it as only one function has:
    /// the version, the package or the interface may be left out.
    pub(super) fn find(&self, asked: &str) -> Result<usize, Fault> {
        if let Some(place) = self.functions.iter().position(|function| function.path == asked) {
            return Ok(place);
        }
        let mut fitting = self.functions.iter().enumerate().filter(|(_, function)| fits(function, asked));
        match (fitting.next(), fitting.next()) {
            (Some((place, _)), None) => Ok(place),
            _ => Err(self.no_such(asked)),
        }
    }

    fn no_such(&self, asked: &str) -> Fault {
        let paths = || self.functions.iter().map(|function| function.path.as_str());
        let nearest = nearest(asked, paths());
        // The nearest first: a long list is read from its start.
        let mut available: Vec<String> = nearest.into_iter().map(str::to_owned).collect();
        let others = paths().filter(|path| Some(*path) != nearest);
        available.extend(others.take(MAX_LISTED - available.len()).map(str::to_owned));
        Fault::NoSuchExport { asked: super::place::shown(asked), available }
    }
}

fn fits(function: &ExportedFunction, asked: &str) -> bool {
    let (interface, name) = function.split();
    let (asked_interface, asked_name) = match asked.rsplit_once('#') {
        Some((interface, name)) => (Some(interface), name),
        None => (None, asked),
    };
    if name != asked_name {
        return false;
    }
    let (Some(asked), Some(interface)) = (asked_interface, interface) else {
        return asked_interface.is_none();
    };
    let unversioned = interface.split('@').next().unwrap_or(interface);
    let short = unversioned.rsplit('/').next().unwrap_or(unversioned);
    asked == unversioned || asked == short
}

/// The name most like `asked`, if any is like it at all: the same but for a few letters, or the same but for the
/// interface before it.
pub(crate) fn nearest<'n>(asked: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let own = |name: &str| name.rsplit('#').next().unwrap_or(name).to_ascii_lowercase().replace('_', "-");
    let asked = own(asked);
    let (distance, name) =
        names.map(|name| (distance(&asked, &own(name)), name)).min_by_key(|(far, _)| *far)?;
    (distance <= asked.chars().count().max(3) / 3).then_some(name)
}

/// Levenshtein's distance, of names cut to 64 characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().take(64).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let change = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface() -> Interface {
        let function = |path: &str| ExportedFunction {
            path: path.to_owned(),
            params: vec![],
            result: None,
            refused: None,
        };
        let paths = [
            "add",
            "a:calc/arithmetic@0.1.0#mean",
            "a:calc/arithmetic@0.1.0#add",
            "a:calc/orders@0.1.0#total",
        ];
        Interface { functions: paths.map(function).into(), ..Interface::default() }
    }

    #[test]
    fn names_may_be_shortened_as_long_as_one_function_is_meant() {
        let interface = interface();
        for (asked, place) in [
            ("add", 0),
            ("mean", 1),
            ("arithmetic#mean", 1),
            ("a:calc/arithmetic#add", 2),
            ("arithmetic#add", 2),
            ("a:calc/arithmetic@0.1.0#add", 2),
            ("total", 3),
        ] {
            assert_eq!(interface.find(asked).unwrap(), place, "{asked}");
        }
        for asked in ["", "ad", "orders#add", "calc#add", "a:calc/arithmetic@0.2.0#add"] {
            assert!(interface.find(asked).is_err(), "{asked}");
        }
    }

    #[test]
    fn an_unknown_name_gets_the_list_with_the_nearest_first() {
        let error = interface().find("totel").unwrap_err();
        let Fault::NoSuchExport { available, .. } = &error else { panic!("{error}") };
        assert_eq!(available[0], "a:calc/orders@0.1.0#total");
        assert_eq!(available.len(), 4);
        assert!(error.to_string().contains("did you mean a:calc/orders@0.1.0#total?"), "{error}");
        assert_eq!(nearest("zebra", ["add", "mean"].into_iter()), None);
        assert_eq!(nearest("unit_price", ["name", "unit-price"].into_iter()), Some("unit-price"));
    }

    #[test]
    fn distances() {
        for (a, b, far) in
            [("", "", 0), ("abc", "abc", 0), ("abc", "abd", 1), ("abc", "", 3), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(a, b), far);
        }
    }
}
