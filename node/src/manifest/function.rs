//! One `[functions.<name>]` table and its limits.

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use moot_record::{FunctionKind, FunctionName, Lifecycle, Payer, PayloadMode, Spec, SpecGrants, SpecLimits};

use super::FunctionManifest;
use super::access;
use super::build;
use super::grants;
use super::section::{Found, Section};
use crate::limits::{
    MAX_DEADLINE, MAX_FUEL, MAX_LOG_BYTES, MAX_MANIFEST_TEXT_BYTES, MAX_MEMORY_BYTES, MAX_PAYLOAD_BYTES,
    MAX_RETENTION,
};
use crate::workers::MAX_DEADLINE_ELSEWHERE;
use moot_record::limits::MAX_REPLICAS_K;

/// Reads one function; `None` when it has no component to speak of. Problems are noted in the source.
pub(crate) fn read(name: &FunctionName, section: Section<'_, '_>, folder: &Path) -> Option<FunctionManifest> {
    let external = read_external(&section);
    let component = match &external {
        Some(_) => Some(super::FILE_NAME),
        None => read_component(&section),
    };
    let build = build::read(&section);
    let route = read_route(&section).unwrap_or_else(|| format!("/{name}"));
    let access = access::read(&section);
    let payer = read_payer(&section);
    let deterministic = section.flag("deterministic");
    let idempotent = section.flag("idempotent").is_some_and(|(flag, _)| flag);
    let upgradable = section.flag("upgradable").is_none_or(|(flag, _)| flag);
    let destructible = section.flag("destructible").is_some_and(|(flag, _)| flag);
    let payloads = read_payloads(&section);
    let grants = match section.section("grants", "a table: [functions.<name>.grants]") {
        Some(below) => grants::read(below),
        None => SpecGrants::default(),
    };
    let limits = match section.section("limits", "a table: [functions.<name>.limits]") {
        Some(below) => read_limits(below),
        None => SpecLimits::default(),
    };
    if let Some((true, at)) = &deterministic {
        check_deterministic(&section, &grants, at.clone());
    }
    let may_differ = !deterministic.as_ref().is_some_and(|(flag, _)| *flag);
    let replicas_k = read_replicas(&section, &limits, may_differ, grants.http.is_some());
    let spec = Spec {
        kind: FunctionKind::Event,
        route,
        access,
        payer,
        lifecycle: Lifecycle { upgradable, destructible },
        deterministic: deterministic.as_ref().is_some_and(|(flag, _)| *flag),
        idempotent,
        payloads,
        grants,
        limits,
        replicas_k,
    }
    .sorted();
    // The ledger's own rules have the last word; what they refuse was refused with its line above, nearly always.
    if !section.source().has_problems()
        && let Err(invalid) = spec.check()
    {
        section.source().problem(section.at(), invalid.to_string(), None);
    }
    section.finish();
    Some(FunctionManifest { name: name.clone(), component: folder.join(component?), external, build, spec })
}

/// What the owner says that runs, of a function of kind external.
fn read_external(section: &Section<'_, '_>) -> Option<String> {
    const WANT: &str = "\"external\"; it is left out for a component, whose kind is seen";
    let kind = section.text("kind", WANT);
    let program = section.text("program", "what runs, in words, such as \"resize 1.4\"");
    let problem =
        |at, message: String, help: &str| section.source().problem(at, message, Some(help.to_owned()));
    match (kind, program.clone()) {
        (None, None) => return None,
        (None, Some((_, at))) => {
            problem(at, "`program` is for functions of kind external".to_owned(), "add kind = \"external\"");
            return None;
        }
        (Some(("external", _)), _) => {}
        (Some((other, at)), _) => {
            problem(at, format!("`kind` must be {WANT}, not {other:?}"), "leave it out");
            return None;
        }
    }
    for key in ["component", "build"] {
        if let Some((_, at)) = section.text(key, "left out") {
            problem(
                at,
                format!("an external function has no `{key}`"),
                "a worker is given its command: `moot worker --external`",
            );
        }
    }
    let text = program.as_ref().map_or("", |(text, _)| *text);
    if let (Err(error), Some((_, at))) = (crate::worker::external_artifact(text), program) {
        section.source().problem(at, format!("`program`: {error}"), None);
    }
    Some(text.to_owned())
}

fn read_component<'s>(section: &Section<'s, '_>) -> Option<&'s str> {
    let Some((path, at)) = section.text("component", "the path of a component in quotes") else {
        // A wrong type has been noted already; only a missing key has not.
        if !section.entries().iter().any(|((key, _), _)| *key == "component") {
            section.source().problem(
                section.at(),
                format!("[{}] does not say where its component is", section.name()),
                Some("add component = \"target/wasm32-wasip2/release/<name>.wasm\"".to_owned()),
            );
        }
        return None;
    };
    if path.trim().is_empty() {
        section.source().problem(at, "`component` is empty: it must be the path of a file", None);
        return None;
    }
    Some(path)
}

fn read_route(section: &Section<'_, '_>) -> Option<String> {
    let (route, at) = section.text("route", "a path in quotes, such as \"/hello\"")?;
    match check_route(route) {
        Ok(()) => Some(if route == "/" { route.to_owned() } else { route.trim_end_matches('/').to_owned() }),
        Err(why) => {
            section.source().problem(at, format!("`route` {route:?} {why}"), None);
            None
        }
    }
}

/// Why a route cannot be one.
fn check_route(route: &str) -> Result<(), &'static str> {
    if !route.starts_with('/') {
        return Err("must begin with \"/\"");
    }
    if route == "/_moot" || route.starts_with("/_moot/") {
        return Err("belongs to the node itself: choose one that does not begin with /_moot");
    }
    if route.len() > MAX_MANIFEST_TEXT_BYTES {
        return Err("is longer than 1024 bytes");
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/-_.~".contains(c);
    if !route.chars().all(allowed) {
        return Err("may hold letters, digits and - _ . ~ / only");
    }
    let mut labels = route.trim_matches('/').split('/');
    if route != "/" && labels.any(|label| matches!(label, "" | "." | "..")) {
        return Err("has an empty label, \".\" or \"..\" in it");
    }
    Ok(())
}

fn read_payer(section: &Section<'_, '_>) -> Payer {
    const WANT: &str = "\"owner\" or \"caller\"";
    match section.text("payer", WANT) {
        None | Some(("owner", _)) => Payer::Owner,
        Some(("caller", _)) => Payer::Caller,
        Some((other, at)) => {
            section.source().problem(at, format!("`payer` must be {WANT}, not {other:?}"), None);
            Payer::Owner
        }
    }
}

fn read_payloads(section: &Section<'_, '_>) -> PayloadMode {
    const WANT: &str = "\"keep\", \"inline\" or \"digest\"";
    let mode = section.text("payloads", WANT);
    let retention = section.duration("retention", MAX_RETENTION);
    let kept = |found: Option<Found<Duration>>| match found {
        Some((retention, _)) => PayloadMode::Keep { retention_s: retention.as_secs().max(1) },
        None => PayloadMode::default(),
    };
    let other = match mode {
        None | Some(("keep", _)) => return kept(retention),
        Some(("inline", _)) => PayloadMode::Inline,
        Some(("digest", _)) => PayloadMode::Digest,
        Some((text, at)) => {
            section.source().problem(at, format!("`payloads` must be {WANT}, not {text:?}"), None);
            return kept(retention);
        }
    };
    if let (Some((text, _)), Some((_, at))) = (mode, retention.clone()) {
        let message = format!("`retention` is for payloads = \"keep\" alone, and this function has {text:?}");
        section.source().problem(at, message, Some("leave one of the two out".to_owned()));
    }
    other
}

fn read_limits(section: Section<'_, '_>) -> SpecLimits {
    let mut limits = SpecLimits::default();
    if let Some(fuel) = section.count("fuel", MAX_FUEL) {
        limits.fuel = fuel;
    }
    if let Some((deadline, _)) = section.duration("deadline", MAX_DEADLINE) {
        limits.deadline_ms = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
    }
    let sizes = [
        ("memory", MAX_MEMORY_BYTES, &mut limits.memory_bytes),
        ("request", MAX_PAYLOAD_BYTES, &mut limits.request_bytes),
        ("response", MAX_PAYLOAD_BYTES, &mut limits.response_bytes),
        ("log", MAX_LOG_BYTES, &mut limits.log_bytes),
    ];
    for (key, max, place) in sizes {
        if let Some(bytes) = section.size(key, max) {
            *place = bytes;
        }
    }
    section.finish();
    limits
}

/// On how many workers each call is run.
fn read_replicas(section: &Section<'_, '_>, limits: &SpecLimits, may_differ: bool, http: bool) -> u8 {
    let Some(k) = section.count("replicas_k", u64::from(MAX_REPLICAS_K)) else { return 1 };
    let problem = |message: String, help: &str| {
        section.source().problem(section.at(), message, Some(help.to_owned()));
    };
    if k > 1 && may_differ {
        problem(
            format!("`replicas_k = {k}` is for deterministic functions: receipts of others differ by right"),
            "add deterministic = true, or leave replicas_k out",
        );
    }
    if k > 1 && http {
        problem(
            format!(
                "`replicas_k = {k}` does not go with the grant http: when a request ends differs by machine"
            ),
            "leave out http, even an empty list, or replicas_k",
        );
    }
    if k > 1 && u128::from(limits.deadline_ms) > MAX_DEADLINE_ELSEWHERE.as_millis() {
        let most = super::units::show_duration(MAX_DEADLINE_ELSEWHERE);
        problem(
            format!(
                "`replicas_k = {k}` has calls run by workers, who take none with a deadline above {most}"
            ),
            "write a shorter deadline, or leave replicas_k out",
        );
    }
    u8::try_from(k).unwrap_or(1)
}

/// A deterministic function can be run again by anyone: nothing from outside may reach it.
fn check_deterministic(section: &Section<'_, '_>, grants: &SpecGrants, at: Range<usize>) {
    let outside = [
        ("http", grants.http.as_ref().is_some_and(|hosts| !hosts.is_empty())),
        ("secrets", !grants.secrets.is_empty()),
        ("keyvalue", !grants.key_value.is_empty()),
        ("dirs", !grants.dirs.is_empty()),
        ("clock", grants.clock),
        ("random", grants.random),
        ("ledger", grants.ledger),
    ];
    let named: Vec<&str> = outside.iter().filter(|(_, granted)| *granted).map(|(name, _)| *name).collect();
    if !named.is_empty() {
        let message = format!("`deterministic = true` does not go with the grants {}", named.join(", "));
        let help =
            "what comes from outside is not there when the call is run again: leave one of the two out";
        section.source().problem(at, message, Some(help.to_owned()));
    }
}
