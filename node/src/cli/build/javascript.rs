//! JavaScript and TypeScript: bundled by rolldown, made into a component by componentize-js or componentize-qjs. All
//! three come with jco, which the project installs.
//!
//! ```text
//! moot.toml ──► .moot/build/<function>/{wit, sdk, componentize.mjs} ──node──► component
//! package.json ──npm──► node_modules/@bytecodealliance/jco ──┘          └──► types/*.d.ts, for editors
//! ```

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use serde_json::json;

use super::super::failure::Failure;
use super::super::toolchain::{self, Missing};
use super::project::Project;
use crate::limits::MAX_MANIFEST_PARENTS;
use crate::manifest::Engine;

mod exports;
mod stand_ins;
mod world;

/// A source of the JavaScript SDK, in the binary.
macro_rules! sdk {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../sdk-js/src/", $path))
    };
}

/// The package whose tools are driven, and the one version that is known to work: the one after it fails on every path
/// of WIT.
const JCO: &str = "@bytecodealliance/jco";
const JCO_VERSION: &str = "1.34.0";

/// What drives the tools, and what is bundled into every function, as they are in the checkout.
const SCRIPTS: [(&str, &str); 42] = [
    ("componentize.mjs", include_str!("javascript/componentize.mjs")),
    ("generators.mjs", include_str!("javascript/generators.mjs")),
    ("lines.mjs", include_str!("javascript/lines.mjs")),
    ("sdk/guest.ts", sdk!("guest.ts")),
    ("sdk/guest/console.ts", sdk!("guest/console.ts")),
    ("sdk/guest/context.ts", sdk!("guest/context.ts")),
    ("sdk/guest/engine.ts", sdk!("guest/engine.ts")),
    ("sdk/guest/environment.ts", sdk!("guest/environment.ts")),
    ("sdk/guest/errors.ts", sdk!("guest/errors.ts")),
    ("sdk/guest/event.ts", sdk!("guest/event.ts")),
    ("sdk/guest/http.ts", sdk!("guest/http.ts")),
    ("sdk/guest/interfaces.d.ts", sdk!("guest/interfaces.d.ts")),
    ("sdk/guest/keyvalue.ts", sdk!("guest/keyvalue.ts")),
    ("sdk/guest/log.ts", sdk!("guest/log.ts")),
    ("sdk/guest/quickjs-abort.ts", sdk!("guest/quickjs-abort.ts")),
    ("sdk/guest/quickjs-body.ts", sdk!("guest/quickjs-body.ts")),
    ("sdk/guest/quickjs-bytes.ts", sdk!("guest/quickjs-bytes.ts")),
    ("sdk/guest/quickjs-console.ts", sdk!("guest/quickjs-console.ts")),
    ("sdk/guest/quickjs-crypto.ts", sdk!("guest/quickjs-crypto.ts")),
    ("sdk/guest/quickjs-fetch.ts", sdk!("guest/quickjs-fetch.ts")),
    ("sdk/guest/quickjs-form.ts", sdk!("guest/quickjs-form.ts")),
    ("sdk/guest/quickjs-globals.ts", sdk!("guest/quickjs-globals.ts")),
    ("sdk/guest/quickjs-headers.ts", sdk!("guest/quickjs-headers.ts")),
    ("sdk/guest/quickjs-http.ts", sdk!("guest/quickjs-http.ts")),
    ("sdk/guest/quickjs-loop.ts", sdk!("guest/quickjs-loop.ts")),
    ("sdk/guest/quickjs-pipe.ts", sdk!("guest/quickjs-pipe.ts")),
    ("sdk/guest/quickjs-promise.ts", sdk!("guest/quickjs-promise.ts")),
    ("sdk/guest/quickjs-readable.ts", sdk!("guest/quickjs-readable.ts")),
    ("sdk/guest/quickjs-reading.ts", sdk!("guest/quickjs-reading.ts")),
    ("sdk/guest/quickjs-request.ts", sdk!("guest/quickjs-request.ts")),
    ("sdk/guest/quickjs-response.ts", sdk!("guest/quickjs-response.ts")),
    ("sdk/guest/quickjs-text.ts", sdk!("guest/quickjs-text.ts")),
    ("sdk/guest/quickjs-timers.ts", sdk!("guest/quickjs-timers.ts")),
    ("sdk/guest/quickjs-url.ts", sdk!("guest/quickjs-url.ts")),
    ("sdk/guest/quickjs-waiting.ts", sdk!("guest/quickjs-waiting.ts")),
    ("sdk/guest/quickjs-web.ts", sdk!("guest/quickjs-web.ts")),
    ("sdk/guest/quickjs-wire.ts", sdk!("guest/quickjs-wire.ts")),
    ("sdk/guest/quickjs-writable.ts", sdk!("guest/quickjs-writable.ts")),
    ("sdk/guest/quickjs.ts", sdk!("guest/quickjs.ts")),
    ("sdk/guest/random.ts", sdk!("guest/random.ts")),
    ("sdk/guest/stack.ts", sdk!("guest/stack.ts")),
    ("sdk/guest/typed.ts", sdk!("guest/typed.ts")),
];

/// Builds the module `source`.
pub(super) fn build(project: &Project<'_>) -> anyhow::Result<()> {
    project.needs(&["node"])?;
    let jco = match find_jco(&project.folder) {
        Ok(jco) => jco,
        Err(missing) => return Err(project.lacks(missing)),
    };
    let source = project.folder.join(project.source);
    if !source.is_file() {
        let message = format!("{} cannot be built: there is no file {}", project.name, source.display());
        return Err(Failure::new(message).hint("`source` in the manifest names the module to build").into());
    }
    let cache = project.cache()?;
    for (path, text) in SCRIPTS {
        write(&cache.join(path), text)?;
    }
    world::write(project, &cache)?;
    project.make_component_folder()?;
    let order = json!({
        "name": project.name.as_str(),
        "folder": project.folder,
        "source": source,
        "jco": jco,
        "cache": cache,
        "engine": project.engine.as_str(),
        "outbound": project.grants.http.is_some(),
        "random": project.grants.random,
        "warmUp": project.warm_up,
        "standIns": stand_ins::PACKAGES,
        "component": project.component,
    });
    let order_path = cache.join("order.json");
    write(&order_path, &order.to_string())?;
    let mut node = Command::new("node");
    node.arg(cache.join("componentize.mjs")).arg(order_path);
    project.run("the JavaScript build", &mut node)?;
    if project.engine == Engine::QuickJs {
        let path = &project.component;
        let component = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let component = stand_ins::named(&exports::without_init(&component)?)?;
        std::fs::write(path, component).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| std::fs::write(path, text)).with_context(|| format!("cannot write {}", path.display()))
}

/// Where jco is: in the `node_modules` of the folder or of one above it, as Node itself looks.
pub(crate) fn find_jco(folder: &Path) -> Result<PathBuf, Missing> {
    let how = |action: &str| format!("npm {action}");
    let package =
        folder.ancestors().take(MAX_MANIFEST_PARENTS).map(|above| above.join("node_modules").join(JCO));
    let Some(jco) = package.into_iter().find(|path| path.join("package.json").is_file()) else {
        let named = std::fs::read_to_string(folder.join("package.json")).is_ok_and(|text| text.contains(JCO));
        let action = if named { "install" } else { INSTALL };
        return Err(Missing { what: format!("{JCO} {JCO_VERSION} is not installed here"), how: how(action) });
    };
    let text = std::fs::read_to_string(jco.join("package.json")).unwrap_or_default();
    let version = serde_json::from_str::<serde_json::Value>(&text).unwrap_or_default()["version"].clone();
    match version.as_str() {
        Some(JCO_VERSION) => Ok(jco),
        other => Err(Missing {
            what: format!("{JCO} is {}, and this builds with {JCO_VERSION}", other.unwrap_or("unreadable")),
            how: how(INSTALL),
        }),
    }
}

const INSTALL: &str = "install --save-dev --save-exact @bytecodealliance/jco@1.34.0";

/// The oldest Node that the tools run on.
const OLDEST_NODE: (u32, u32) = (20, 19);

/// What is wrong with the Node of this machine.
pub(crate) fn node_too_old(version: &str) -> Option<Missing> {
    let mut numbers = version.trim_start_matches('v').split('.').map(str::parse::<u32>);
    let (major, minor) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    ((major, minor) < OLDEST_NODE)
        .then(|| Missing { what: format!("node is {version}"), how: toolchain::how_to_get("node") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_is_too_old_is_named() {
        assert!(node_too_old("v18.20.1").unwrap().what.contains("v18.20.1"));
        assert!(node_too_old("v20.9.0").is_some());
        assert_eq!(node_too_old("v20.19.0"), None);
        assert_eq!(node_too_old("v24.1.0"), None);
        assert_eq!(node_too_old("something"), None);
    }

    #[test]
    fn jco_is_looked_for_as_node_looks() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("a/b");
        std::fs::create_dir_all(&below).unwrap();
        assert!(find_jco(&below).unwrap_err().how.contains("--save-exact"));
        write(&below.join("package.json"), &format!("{{\"devDependencies\": {{\"{JCO}\": \"1\"}}}}"))
            .unwrap();
        assert_eq!(find_jco(&below).unwrap_err().how, "npm install");
        let jco = folder.path().join("node_modules").join(JCO);
        write(&jco.join("package.json"), "{\"version\": \"1.35.0\"}").unwrap();
        assert!(find_jco(&below).unwrap_err().what.contains("1.35.0"));
        write(&jco.join("package.json"), &format!("{{\"version\": \"{JCO_VERSION}\"}}")).unwrap();
        assert_eq!(find_jco(&below).unwrap(), jco);
    }

    #[test]
    fn every_guest_module_of_the_sdk_is_carried() {
        // The list above is written by hand: a module added to the SDK must reach projects.
        let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk-js/src/guest");
        for entry in std::fs::read_dir(sdk).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let path = format!("sdk/guest/{name}");
            let carried = SCRIPTS.iter().any(|(carried, _)| *carried == path);
            assert!(carried, "{name}");
        }
    }
}
