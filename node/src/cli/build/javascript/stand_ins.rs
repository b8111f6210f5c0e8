//! Names that stand in for WASI's while a component in QuickJS is made.
//!
//! componentize-qjs runs the component that it makes, and gives it `wasi:io` and `wasi:cli` of its own, but nothing for
//! `wasi:http`: whose streams are then of another type, and it refuses the two together. So a world with `wasi:http` is
//! given to it under names that it does not know. The component gets the real ones back, in a version of their own, since
//! the interpreter's library imports those that are carried.
//!
//! ```text
//! wasi:http/types@0.2.12 ──put_into──► moot:http/types@0.2.12 ──componentize-qjs──► named ──► wasi:http/types@0.2.10
//! ```
//!
//! What the component exports has such names too where it serves HTTP.

use anyhow::Context as _;
use wasmparser::{Parser, Payload};

use super::world::CARRIED;

/// The packages that have streams and such in common.
pub(super) const PACKAGES: [&str; 6] = ["io", "clocks", "cli", "filesystem", "sockets", "http"];

const REAL: &str = "wasi:";
const STAND_IN: &str = "moot:";
const VERSION: &str = "0.2.10";

// A name is replaced where it stands.
const _: () = assert!(REAL.len() == STAND_IN.len() && VERSION.len() == CARRIED.len());

/// WIT with the names that stand in.
pub(super) fn put_into(wit: &str) -> String {
    PACKAGES.iter().fold(wit.to_owned(), |text, package| {
        ["/", "@"].iter().fold(text, |text, after| {
            text.replace(&format!("{REAL}{package}{after}"), &format!("{STAND_IN}{package}{after}"))
        })
    })
}

/// The component, whose imports and exports have their real names.
pub(super) fn named(component: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut named = component.to_vec();
    let mut depth = 0_u32;
    let mut rename = |offset: usize, name: &str| {
        if let Some(real) = real(name) {
            // The name is the first thing in an import or export, after its length.
            let at = component[offset..].windows(name.len()).position(|text| text == name.as_bytes());
            let at = offset + at.context("an item has no name")?;
            named[at..at + real.len()].copy_from_slice(real.as_bytes());
        }
        anyhow::Ok(())
    };
    for payload in Parser::new(0).parse_all(component) {
        match payload.context("the component cannot be read")? {
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section.into_iter_with_offsets() {
                    let (offset, import) = import?;
                    rename(offset, import.name.name)?;
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section.into_iter_with_offsets() {
                    let (offset, export) = export?;
                    rename(offset, export.name.name)?;
                }
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(named)
}

/// The real name of an import, when it has another one; as long as that.
fn real(name: &str) -> Option<String> {
    let (package, rest) = name.strip_prefix(STAND_IN)?.split_once('/')?;
    PACKAGES.contains(&package).then(|| format!("{REAL}{package}/{}", rest.replace(CARRIED, VERSION)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packages_that_go_together_are_renamed_and_no_others() {
        let wit = "package wasi:io@0.2.12;\nuse wasi:http/types@0.2.12;\nimport wasi:random/random@0.2.12;\n";
        let stood_in =
            "package moot:io@0.2.12;\nuse moot:http/types@0.2.12;\nimport wasi:random/random@0.2.12;\n";
        assert_eq!(put_into(wit), stood_in);
    }

    #[test]
    fn items_get_their_names_back_beside_those_that_had_them() {
        let made = wat::parse_str(
            r#"(component
                (import "wasi:io/poll@0.2.12" (instance (export "pollable" (type (sub resource)))))
                (import "moot:io/poll@0.2.12" (instance $p (export "pollable" (type (sub resource)))))
                (import "moot:function/context@0.1.0" (instance))
                (component $inner (import "moot:io/poll@0.2.12" (instance (export "pollable" (type (sub resource))))))
                (instance $made (instantiate $inner (with "moot:io/poll@0.2.12" (instance $p))))
                (export "moot:http/incoming-handler@0.2.12" (instance $made)))"#,
        )
        .unwrap();
        let named = named(&made).unwrap();
        wasmparser::Validator::new().validate_all(&named).unwrap();
        let text = String::from_utf8_lossy(&named);
        for (name, times) in [
            ("wasi:io/poll@0.2.12", 1),
            ("wasi:io/poll@0.2.10", 1),
            ("moot:function/context@0.1.0", 1),
            ("wasi:http/incoming-handler@0.2.10", 1),
            // Within the component it is nobody else's business.
            ("moot:io/poll@0.2.12", 2),
        ] {
            assert_eq!(text.matches(name).count(), times, "{name}");
        }
        assert!(super::named(b"no component").is_err());
    }
}
