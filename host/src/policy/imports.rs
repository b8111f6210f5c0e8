//! Which imports need which grant.
//!
//! An interface that gives nothing until something is granted (an empty environment, no directories, a virtual
//! clock) may be imported by anyone: every language's standard library does. One that would reach outside must be
//! granted, or the component is refused by the interface's name.

use super::Policy;
use crate::inspect::is_wasi_0_3;
use crate::{AdmissionError, Grants};

/// The name of an imported or exported interface: `wasi:http/types@0.2.12`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InterfaceName<'a> {
    /// `wasi:http`
    pub(crate) package: &'a str,
    /// `types`
    pub(crate) interface: &'a str,
    /// `0.2.12`
    pub(crate) version: &'a str,
}

impl<'a> InterfaceName<'a> {
    /// Takes the name apart; `None` for a plain name without a package.
    pub(crate) fn parse(name: &'a str) -> Option<InterfaceName<'a>> {
        let (package, rest) = name.split_once('/')?;
        package.contains(':').then_some(())?;
        let (interface, version) = rest.split_once('@').unwrap_or((rest, ""));
        Some(InterfaceName { package, interface, version })
    }

    /// Whether the version is `line.x`, a release.
    pub(crate) fn is(&self, line: &str) -> bool {
        self.version
            .strip_prefix(line)
            .and_then(|rest| rest.strip_prefix('.'))
            .is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|b| b.is_ascii_digit()))
    }
}

/// What an import takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    Nothing,
    Http,
    Random,
    KeyValue,
    Ledger,
}

/// Checks every import against the grants, and the grants against `deterministic`.
pub(crate) fn check<'a>(
    imports: impl IntoIterator<Item = &'a str>,
    policy: &Policy,
    wasi_0_3: bool,
) -> Result<(), AdmissionError> {
    if policy.deterministic {
        deterministic(&policy.grants)?;
    }
    for import in imports {
        let need = need(import, wasi_0_3)?;
        if policy.deterministic && is_wasi_0_3(import) {
            return Err(AdmissionError::ConcurrentNotDeterministic);
        }
        let advice = match need {
            Need::Nothing => continue,
            Need::Http if policy.grants.http.is_none() => {
                "Put `http = [\"https://api.example.com:443\"]` under its grants in moot.toml with the hosts it may reach; `http = []` lets it in and denies every request"
            }
            // Seeded from the call: there is nothing to grant.
            Need::Random if policy.deterministic => continue,
            Need::Random if !policy.grants.random => "Put `random = true` under its grants in moot.toml",
            Need::KeyValue if policy.grants.key_value.is_empty() => {
                "Put `keyvalue = [\"default\"]` under its grants in moot.toml"
            }
            Need::Ledger if !policy.grants.ledger => "Put `ledger = true` under its grants in moot.toml",
            _ => continue,
        };
        return Err(AdmissionError::NotGranted { import: import.to_owned(), advice: advice.to_owned() });
    }
    Ok(())
}

/// The grants whose effect cannot be replayed.
fn deterministic(grants: &Grants) -> Result<(), AdmissionError> {
    let outside = [
        ("http", grants.http.as_ref().is_some_and(|hosts| !hosts.is_empty())),
        ("keyvalue", !grants.key_value.is_empty()),
        ("dirs", !grants.dirs.is_empty()),
        ("ledger", grants.ledger),
    ];
    match outside.iter().find(|(_, granted)| *granted) {
        Some((grant, _)) => Err(AdmissionError::NotDeterministic { grant: (*grant).to_owned() }),
        None => Ok(()),
    }
}

fn need(import: &str, wasi_0_3: bool) -> Result<Need, AdmissionError> {
    let unknown =
        |advice: &str| AdmissionError::Unknown { import: import.to_owned(), advice: advice.to_owned() };
    let Some(name) = InterfaceName::parse(import) else {
        return Err(unknown(
            "A component can import only interfaces of WASI and of moot:function; compose it with whatever provides this",
        ));
    };
    let need = match (name.package, name.interface) {
        // Python's standard library imports them. There is nothing behind them: see `state::sockets`.
        ("wasi:sockets", _) if name.is("0.2") => Need::Nothing,
        ("wasi:sockets", _) => {
            return Err(unknown(
                "There are no sockets here: outbound HTTP goes through wasi:http/outgoing-handler, with a grant `http = [..]`",
            ));
        }
        ("wasi:http", "types") | ("wasi:io" | "wasi:cli" | "wasi:clocks", _) => Need::Nothing,
        ("wasi:filesystem", "types" | "preopens") => Need::Nothing,
        ("wasi:random", "insecure" | "insecure-seed") => Need::Nothing,
        ("wasi:random", "random") => Need::Random,
        ("wasi:http", "outgoing-handler" | "client") => Need::Http,
        ("wasi:logging", "logging") | ("wasi:config", "store") => return Ok(Need::Nothing),
        ("wasi:keyvalue", "store" | "atomics" | "batch") => return Ok(Need::KeyValue),
        ("moot:function", "context" | "types") => return Ok(Need::Nothing),
        ("moot:function", "ledger") => return Ok(Need::Ledger),
        _ => {
            return Err(unknown(
                "Build it without this interface, or compose it with a component that provides it",
            ));
        }
    };
    if name.is("0.2") || (wasi_0_3 && name.is("0.3")) {
        Ok(need)
    } else if name.is("0.3") {
        Err(unknown(
            "WASI 0.3 is behind a switch of the host that is off; build the component for WASI 0.2, or have the operator turn it on",
        ))
    } else {
        Err(unknown("Build the component for WASI 0.2"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(import: &str, policy: &Policy) -> String {
        check([import], policy, false).unwrap_err().to_string()
    }

    #[test]
    fn what_gives_nothing_may_be_imported() {
        for import in [
            "wasi:cli/environment@0.2.3",
            "wasi:io/poll@0.2.0",
            "wasi:clocks/wall-clock@0.2.12",
            "wasi:filesystem/types@0.2.0",
            "wasi:random/insecure-seed@0.2.4",
            "wasi:sockets/tcp@0.2.9",
            "wasi:http/types@0.2.12",
            "wasi:logging/logging@0.1.0-draft",
            "moot:function/context@0.1.0",
        ] {
            check([import], &Policy::default(), false).unwrap();
        }
    }

    #[test]
    fn what_reaches_outside_is_refused_by_name_with_the_line_that_grants_it() {
        for (import, line) in [
            ("wasi:random/random@0.2.0", "random = true"),
            ("wasi:http/outgoing-handler@0.2.0", "http = ["),
            ("wasi:keyvalue/store@0.2.0-draft", "keyvalue = ["),
            ("moot:function/ledger@0.1.0", "ledger = true"),
        ] {
            let message = refused(import, &Policy::default());
            assert!(message.contains(import) && message.contains(line), "{message}");
        }
    }

    #[test]
    fn an_empty_list_of_hosts_lets_the_import_in() {
        let grants = Grants { http: Some(Vec::new()), ..Grants::default() };
        let policy = Policy { grants, ..Policy::default() };
        check(["wasi:http/outgoing-handler@0.2.0"], &policy, false).unwrap();
    }

    #[test]
    fn sockets_and_strangers_are_never_let_in() {
        let all = Policy {
            grants: Grants { clock: true, random: true, ledger: true, ..Grants::default() },
            ..Policy::default()
        };
        for import in
            ["wasi:sockets/types@0.3.0", "env", "acme:thing/api@1.0.0", "wasi:http/types@0.2.0-rc-2023-11-10"]
        {
            assert!(refused(import, &all).contains(import));
        }
    }

    #[test]
    fn a_deterministic_function_needs_no_grant_for_the_randomness_that_its_call_seeds() {
        let policy = Policy { deterministic: true, ..Policy::default() };
        check(["wasi:random/random@0.2.0"], &policy, false).unwrap();
    }

    #[test]
    fn wasi_0_3_is_behind_its_switch() {
        let import = "wasi:clocks/monotonic-clock@0.3.0";
        assert!(refused(import, &Policy::default()).contains("switch"));
        check([import], &Policy::default(), true).unwrap();
    }

    #[test]
    fn a_deterministic_function_cannot_reach_outside() {
        let policy = Policy {
            grants: Grants { ledger: true, ..Grants::default() },
            deterministic: true,
            ..Policy::default()
        };
        assert!(check([], &policy, false).unwrap_err().to_string().contains("`ledger`"));
    }
}
