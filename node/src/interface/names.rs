//! Names in a language's spelling, none of them twice.
//!
//! WIT's names are words with hyphens. What is called alike in two interfaces gets the interface before it, then the
//! package, then its namespace and version; what is alike even then gets a number.

use std::collections::HashMap;

/// How a language writes a name.
pub(crate) type Spelling = fn(&str) -> String;

/// `unit-price` as `UnitPrice`.
pub(crate) fn pascal(name: &str) -> String {
    words(name).map(|word| capital(&word)).collect()
}

/// `unit-price` as `unitPrice`.
pub(crate) fn camel(name: &str) -> String {
    let mut words = words(name);
    let first = words.next().unwrap_or_default();
    words.fold(first, |name, word| name + &capital(&word))
}

/// `unit-price` as `unit_price`.
pub(crate) fn snake(name: &str) -> String {
    words(name).collect::<Vec<_>>().join("_")
}

/// `unit-price` as `UNIT_PRICE`.
pub(crate) fn screaming(name: &str) -> String {
    snake(name).to_ascii_uppercase()
}

/// Words may be all capitals; which, only people can tell.
fn words(name: &str) -> impl Iterator<Item = String> {
    name.split('-').map(str::to_ascii_lowercase)
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

/// A name that is a word of the language gets a line after it.
pub(crate) fn allowed(name: String, reserved: &[&str]) -> String {
    if reserved.contains(&name.as_str()) { name + "_" } else { name }
}

/// A name for each of `items` (an interface and a name in it), none twice and none of `taken`.
pub(crate) fn distinct(items: &[(Option<&str>, &str)], spelling: Spelling, taken: &[&str]) -> Vec<String> {
    let mut levels = vec![0; items.len()];
    let spell = |at: usize, level: usize| spelling(&qualified(items[at], level));
    for _ in 0..MOST_QUALIFIED {
        let names: Vec<String> = levels.iter().enumerate().map(|(at, level)| spell(at, *level)).collect();
        let counts = counted(&names);
        for (level, name) in levels.iter_mut().zip(&names) {
            if counts[name.as_str()] > 1 || taken.contains(&name.as_str()) {
                *level += 1;
            }
        }
    }
    let mut given: Vec<String> = Vec::new();
    for (at, level) in levels.into_iter().enumerate() {
        let name = spell(at, level);
        let free = |name: &String| !given.contains(name) && !taken.contains(&name.as_str());
        let numbered = (2..).map(|number| format!("{name}{number}"));
        let name = std::iter::once(name.clone()).chain(numbered).find(free).unwrap_or(name);
        given.push(name);
    }
    given
}

const MOST_QUALIFIED: usize = 3;

fn counted(names: &[String]) -> HashMap<&str, usize> {
    let mut counts = HashMap::new();
    for name in names {
        *counts.entry(name.as_str()).or_insert(0) += 1;
    }
    counts
}

/// A name with as much before it as `level` says.
fn qualified((interface, name): (Option<&str>, &str), level: usize) -> String {
    let Some(interface) = interface else { return name.to_owned() };
    let (unversioned, version) = interface.split_once('@').unwrap_or((interface, ""));
    let (package, own) = unversioned.rsplit_once('/').unwrap_or(("", unversioned));
    let (namespace, package) = package.split_once(':').unwrap_or(("", package));
    // A version's points and pluses are in no name.
    let version: String = version.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let parts = match level {
        0 => vec![name],
        1 => vec![own, name],
        2 => vec![package, own, name],
        _ => vec![namespace, package, own, &version, name],
    };
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_four_spellings() {
        assert_eq!(pascal("unit-price"), "UnitPrice");
        assert_eq!(camel("unit-price"), "unitPrice");
        assert_eq!(snake("get-URL"), "get_url");
        assert_eq!(screaming("unit-price"), "UNIT_PRICE");
        assert_eq!(allowed("class".to_owned(), &["class"]), "class_");
    }

    #[test]
    fn what_is_alike_is_told_apart_by_as_little_as_is_enough() {
        let items = [
            (Some("a:shop/orders@1.0.0"), "error"),
            (Some("a:shop/stock@1.0.0"), "error"),
            (Some("a:shop/stock@1.0.0"), "item"),
            (None, "order"),
        ];
        assert_eq!(distinct(&items, pascal, &[]), ["OrdersError", "StockError", "Item", "Order"]);
        let versions = [(Some("a:shop/x@1.0.0"), "error"), (Some("a:shop/x@2.0.0"), "error")];
        assert_eq!(distinct(&versions, snake, &[]), ["a_shop_x_1_0_0_error", "a_shop_x_2_0_0_error"]);
        // At the top level there is nothing to put before it.
        assert_eq!(
            distinct(&[(None, "client"), (None, "a-b"), (None, "a-B")], pascal, &["Client"]),
            ["Client2", "AB", "AB2"]
        );
    }
}
