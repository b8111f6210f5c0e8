//! The `[functions.<name>.grants]` table: what a function may reach.

use std::collections::BTreeSet;

use moot_host::AllowedHost;
use moot_record::{SpecDir, SpecGrants};

use super::section::{Found, Section};
use crate::limits::{MAX_GRANTS, MAX_MANIFEST_TEXT_BYTES};

/// Reads the table. Problems are noted in the source.
pub(crate) fn read(section: Section<'_, '_>) -> SpecGrants {
    let grants = SpecGrants {
        http: read_http(&section),
        env: read_env(&section),
        secrets: read_names(&section, "secrets", "a list of names, such as [\"API_KEY\"]", check_variable),
        key_value: read_names(&section, "keyvalue", "a list of stores, such as [\"default\"]", check_label),
        dirs: read_dirs(&section),
        clock: section.flag("clock").is_some_and(|(flag, _)| flag),
        random: section.flag("random").is_some_and(|(flag, _)| flag),
        ledger: section.flag("ledger").is_some_and(|(flag, _)| flag),
    };
    section.finish();
    grants
}

fn read_http(section: &Section<'_, '_>) -> Option<Vec<String>> {
    const WANT: &str = "a list of hosts, such as [\"https://api.example.com:443\"]";
    let list = section.texts("http", WANT)?;
    let mut hosts = BTreeSet::new();
    for (text, at) in bounded(section, "http", list) {
        match text.parse::<AllowedHost>() {
            Ok(host) => {
                hosts.insert(host.to_string());
            }
            Err(error) => section.source().problem(at, error.to_string(), None),
        }
    }
    Some(hosts.into_iter().collect())
}

fn read_env(section: &Section<'_, '_>) -> Vec<(String, String)> {
    let Some(rows) = section.text_table("env", "a table, such as { GREETING = \"hello\" }") else {
        return Vec::new();
    };
    if rows.len() > MAX_GRANTS {
        let message = format!("`env` has {} names, at most {MAX_GRANTS} are possible", rows.len());
        section.source().problem(section.at(), message, None);
    }
    let mut env = Vec::new();
    for ((name, at), (value, value_at)) in rows {
        if let Err(why) = check_variable(name) {
            section.source().problem(at, format!("`env`: {name:?} {why}"), None);
        } else if value.len() > MAX_MANIFEST_TEXT_BYTES || value.contains('\0') {
            let message =
                format!("`env`: the value of {name} must be at most {MAX_MANIFEST_TEXT_BYTES} bytes of text");
            section.source().problem(value_at, message, None);
        } else {
            env.push((name.to_owned(), value.to_owned()));
        }
    }
    env.sort();
    env
}

fn read_names(
    section: &Section<'_, '_>,
    key: &'static str,
    want: &str,
    check: fn(&str) -> Result<(), &'static str>,
) -> Vec<String> {
    let mut names = BTreeSet::new();
    for (text, at) in bounded(section, key, section.texts(key, want).unwrap_or_default()) {
        match check(text) {
            Ok(()) => {
                names.insert(text.to_owned());
            }
            Err(why) => section.source().problem(at, format!("`{key}`: {text:?} {why}"), None),
        }
    }
    names.into_iter().collect()
}

fn read_dirs(section: &Section<'_, '_>) -> Vec<SpecDir> {
    const WANT: &str = "a list of tables, such as [{ name = \"assets\", at = \"/assets\" }]";
    let mut dirs: Vec<SpecDir> = Vec::new();
    for below in section.sections("dirs", WANT) {
        let name = below.text("name", "a name in quotes");
        let at = below.text("at", "an absolute path in quotes");
        let write = below.flag("write").is_some_and(|(flag, _)| flag);
        match (name, at) {
            (Some(name), Some(at)) => read_dir(&below, name, at, write, &mut dirs),
            _ => {
                let message = "a directory needs a `name`, which the operator maps to a folder, and `at`, where it is seen";
                let help = Some("{ name = \"assets\", at = \"/assets\", write = false }".to_owned());
                below.source().problem(below.at(), message, help);
            }
        }
        below.finish();
    }
    dirs.sort_by(|a, b| a.name.cmp(&b.name));
    dirs
}

fn read_dir(
    below: &Section<'_, '_>,
    (name, name_at): Found<&str>,
    (at, at_at): Found<&str>,
    write: bool,
    dirs: &mut Vec<SpecDir>,
) {
    if let Err(why) = check_label(name) {
        below.source().problem(name_at.clone(), format!("`name` {name:?} {why}"), None);
    }
    if let Err(why) = check_mount(at) {
        below.source().problem(at_at.clone(), format!("`at` {at:?} {why}"), None);
    }
    if dirs.iter().any(|other| other.name == name) {
        below.source().problem(name_at, format!("the directory {name:?} is granted twice"), None);
    }
    if dirs.iter().any(|other| other.at == at) {
        below.source().problem(at_at, format!("two directories are to be seen at {at:?}"), None);
    }
    dirs.push(SpecDir { name: name.to_owned(), at: at.to_owned(), write });
}

fn bounded<'s>(section: &Section<'_, '_>, key: &str, list: Vec<Found<&'s str>>) -> Vec<Found<&'s str>> {
    if list.len() > MAX_GRANTS {
        let message = format!("`{key}` has {} names, at most {MAX_GRANTS} are possible", list.len());
        section.source().problem(section.at(), message, None);
    }
    list
}

/// The name of an environment variable or secret, as every shell takes it.
fn check_variable(name: &str) -> Result<(), &'static str> {
    let mut chars = name.chars();
    let first = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if first && chars.all(|c| c.is_ascii_alphanumeric() || c == '_') && name.len() <= 128 {
        Ok(())
    } else {
        Err("is not a name: letters, digits and _, not beginning with a digit, at most 128")
    }
}

/// The name of a store or directory.
fn check_label(name: &str) -> Result<(), &'static str> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if (1..=63).contains(&name.len()) && name.chars().all(allowed) {
        Ok(())
    } else {
        Err("is not a name: 1 to 63 of a-z, 0-9, - and _")
    }
}

/// Where a guest sees a directory.
fn check_mount(at: &str) -> Result<(), &'static str> {
    if !at.starts_with('/') {
        return Err("must begin with \"/\"");
    }
    if at.len() > MAX_MANIFEST_TEXT_BYTES || at.chars().any(char::is_control) {
        return Err("must be at most 1024 bytes of plain text");
    }
    if at != "/" && at[1..].split('/').any(|label| matches!(label, "" | "." | "..")) {
        return Err("has an empty label, \".\" or \"..\" in it");
    }
    Ok(())
}
