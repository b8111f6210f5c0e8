//! The world that a JavaScript component is made for: the project's own, with what its runtime needs beside it.
//!
//! ```text
//! wit/            ──► deps/project/      the project's world
//! carried in moot ──► deps/...           what it builds on
//! grants          ──► world.wit          includes the former, imports what the runtime and the SDK use
//! ```
//!
//! Without a project's world the component is a plain `wasi:http` function that may import what it was granted.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::super::super::failure::Failure;
use super::super::interfaces;
use super::super::project::Project;
use super::stand_ins;
use crate::manifest::Engine;

/// The version of WASI that is carried, and the one that StarlingMonkey's own `fetch` is made of.
pub(super) const CARRIED: &str = "0.2.12";
const STARLINGMONKEY: &str = "0.2.10";

/// What a world has in it that imports or exports HTTP.
const HTTP: &str = "wasi:http/";

/// What every component imports: none needs a grant.
const ALWAYS: &str = "  import moot:function/context@0.1.0;
  import wasi:logging/logging@0.1.0-draft;
  import wasi:config/store@0.2.0-rc.1;
  import wasi:random/insecure@0.2.12;
";

/// What QuickJS imports besides, which StarlingMonkey has in itself: what it waits with.
const QUICKJS: &str = "  import wasi:io/poll@0.2.12;
  import wasi:clocks/monotonic-clock@0.2.12;
";

/// Writes `wit` for the engine and `wit-types` for editors below `cache`.
pub(super) fn write(project: &Project<'_>, cache: &Path) -> anyhow::Result<()> {
    let staged = cache.join("wit-types");
    interfaces::write(project.wit.as_deref(), &staged)?;
    let mut files = interfaces::read(&staged)?;
    let include = match project.world {
        Some(world) => Some(included(&mut files, world)?),
        None => None,
    };
    let text = world(project, include.as_deref());
    let own = |path: &Path| path.starts_with("deps/project");
    let speaks_http =
        text.contains(HTTP) || files.iter().any(|(path, text)| own(path) && text.contains(HTTP));
    files.push((PathBuf::from("world.wit"), text));
    for (folder, engine) in [("wit-types", None), ("wit", Some(project.engine))] {
        let folder = cache.join(folder);
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot replace {}", folder.display()));
            }
            _ => {}
        }
        for (path, text) in &files {
            let text = match engine {
                Some(Engine::StarlingMonkey) => for_starlingmonkey(text),
                Some(Engine::QuickJs) if speaks_http => stand_ins::put_into(text),
                Some(Engine::QuickJs) | None => text.clone(),
            };
            // What is left out of a package is the whole package.
            if !text.trim().is_empty() {
                interfaces::put(&folder.join(path), &text)?;
            }
        }
    }
    Ok(())
}

/// Moves the project's own files out of the way, and gives its world's full name.
fn included(files: &mut [(PathBuf, String)], world: &str) -> anyhow::Result<String> {
    let own: Vec<String> = files
        .iter()
        .filter(|(path, _)| !path.starts_with("deps"))
        .filter_map(|(_, text)| interfaces::package(text))
        .collect();
    let packages: Vec<String> = files.iter().filter_map(|(_, text)| interfaces::package(text)).collect();
    for (path, _) in files.iter_mut().filter(|(path, _)| !path.starts_with("deps")) {
        *path = Path::new("deps/project").join(&*path);
    }
    let (package, name) = match world.rsplit_once('/') {
        // With or without its version: there is only one of each.
        Some((package, name)) => {
            let found = packages.iter().find(|id| id.split('@').next() == Some(package));
            (found.cloned(), name.split('@').next().unwrap_or(name))
        }
        None => (own.first().cloned(), world),
    };
    let Some(package) = package else {
        return Err(Failure::new(format!("there is no package for the world {world}"))
            .hint("`wit` must be a folder with a file that begins with: package local:<name>;")
            .into());
    };
    Ok(match package.split_once('@') {
        Some((package, version)) => format!("{package}/{name}@{version}"),
        None => format!("{package}/{name}"),
    })
}

fn world(project: &Project<'_>, include: Option<&str>) -> String {
    let grants = project.grants;
    let mut text = String::from("package moot:build;\n\nworld component {\n");
    match include {
        Some(include) => text.push_str(&format!("  include {include};\n")),
        None => {
            text.push_str("  import wasi:http/types@0.2.12;\n  export wasi:http/incoming-handler@0.2.12;\n");
            if !grants.key_value.is_empty() {
                text.push_str("  include wasi:keyvalue/imports@0.2.0-draft;\n");
            }
            if grants.ledger {
                text.push_str("  import moot:function/ledger@0.1.0;\n");
            }
        }
    }
    text.push_str(ALWAYS);
    if project.engine == Engine::QuickJs {
        text.push_str(QUICKJS);
        if grants.http.is_some() {
            text.push_str("  import wasi:http/outgoing-handler@0.2.12;\n");
        }
    }
    if grants.random {
        text.push_str("  import wasi:random/random@0.2.12;\n");
    }
    text.push_str("}\n");
    text
}

/// StarlingMonkey brings `wasi:http` and its kin in its own version, and sockets with it: ours must not differ.
fn for_starlingmonkey(text: &str) -> String {
    if interfaces::package(text).is_some_and(|package| package.starts_with("wasi:sockets@")) {
        return String::new();
    }
    let kept = text.lines().filter(|line| !line.contains("wasi:sockets/"));
    kept.map(|line| line.replace(CARRIED, STARLINGMONKEY) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Vec<(PathBuf, String)> {
        vec![
            (PathBuf::from("world.wit"), "package local:hello;\nworld function {}\n".to_owned()),
            (PathBuf::from("deps/moot-function/types.wit"), "package moot:function@0.1.0;\n".to_owned()),
        ]
    }

    #[test]
    fn a_world_is_named_with_its_package_and_version() {
        let mut own = files();
        assert_eq!(included(&mut own, "function").unwrap(), "local:hello/function");
        assert_eq!(own[0].0, Path::new("deps/project/world.wit"));
        let full = "moot:function/event-function@0.1.0";
        assert_eq!(included(&mut files(), "moot:function/event-function").unwrap(), full);
        assert_eq!(included(&mut files(), full).unwrap(), full);
        assert!(included(&mut files(), "other:package/world").is_err());
    }

    #[test]
    fn starlingmonkey_has_its_own_version_and_sockets() {
        let text = "package wasi:cli@0.2.12;\nworld imports {\n  import wasi:sockets/tcp@0.2.12;\n}\n";
        assert_eq!(for_starlingmonkey(text), "package wasi:cli@0.2.10;\nworld imports {\n}\n");
        assert_eq!(for_starlingmonkey("package wasi:sockets@0.2.12;\ninterface tcp {}\n"), "");
    }
}
