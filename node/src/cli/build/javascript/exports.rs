//! The exports of a component, without the one that QuickJS leaves behind.
//!
//! componentize-qjs initialises its engine through an export `init(shim, script, ...)`, which evaluates any text that it
//! is given, and leaves it in the component. As an export of a typed function anybody could call it, and have their own
//! script run with this function's grants.

use anyhow::Context as _;
use wasm_encoder::{Component, ComponentExportKind, ComponentExportSection, RawSection};
use wasmparser::{
    CanonicalFunction, ComponentAlias, ComponentExport, ComponentExternalKind, ComponentTypeRef, Parser,
    Payload,
};

/// Its name. A world that has a function of that name itself cannot be built with this engine.
const LEFT_BEHIND: &str = "init";

/// The same component, without `init`. An export is an item of its own, so those after it are counted one less.
pub(super) fn without_init(component: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut kept = Component::new();
    let mut depth = 0_u32;
    // Functions of the outermost component so far, and the number of the export that is left out.
    let mut functions = 0_u32;
    let mut left_out = None;
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload.context("the component cannot be read")?;
        if depth == 0 {
            functions += made(&payload)?;
            match &payload {
                Payload::ComponentExportSection(section) => {
                    let mut exports = ComponentExportSection::new();
                    for export in section.clone() {
                        let export = export?;
                        if export.kind == ComponentExternalKind::Func {
                            functions += 1;
                            if export.name.name == LEFT_BEHIND && left_out.is_none() {
                                left_out = Some(functions - 1);
                                continue;
                            }
                        }
                        copy(&export, left_out, &mut exports)?;
                    }
                    if !exports.is_empty() {
                        kept.section(&exports);
                    }
                }
                _ => {
                    if let Some((id, range)) = payload.as_section() {
                        kept.section(&RawSection { id, data: &component[range] });
                    }
                }
            }
        }
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(kept.finish())
}

/// How many functions a section adds, exports aside.
fn made(payload: &Payload<'_>) -> anyhow::Result<u32> {
    let mut count = 0;
    match payload {
        Payload::ComponentImportSection(section) => {
            for import in section.clone() {
                count += u32::from(matches!(import?.ty, ComponentTypeRef::Func(_)));
            }
        }
        Payload::ComponentAliasSection(section) => {
            for alias in section.clone() {
                let kind = ComponentExternalKind::Func;
                count += u32::from(
                    matches!(alias?, ComponentAlias::InstanceExport { kind: found, .. } if found == kind),
                );
            }
        }
        Payload::ComponentCanonicalSection(section) => {
            for function in section.clone() {
                count += u32::from(matches!(function?, CanonicalFunction::Lift { .. }));
            }
        }
        _ => {}
    }
    Ok(count)
}

fn copy(
    export: &ComponentExport<'_>,
    left_out: Option<u32>,
    exports: &mut ComponentExportSection,
) -> anyhow::Result<()> {
    anyhow::ensure!(export.ty.is_none(), "the export {} has a type of its own", export.name.name);
    let (kind, index) = match export.kind {
        ComponentExternalKind::Func => {
            let shift = left_out.is_some_and(|left_out| export.index > left_out);
            (ComponentExportKind::Func, export.index - u32::from(shift))
        }
        ComponentExternalKind::Instance => (ComponentExportKind::Instance, export.index),
        ComponentExternalKind::Type => (ComponentExportKind::Type, export.index),
        other => anyhow::bail!("the export {} is a {other:?}, not a function", export.name.name),
    };
    exports.export(export.name.name, kind, index, None);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A component as componentize-qjs leaves it: everything is an alias of an inner instance's export.
    const LEFT: &str = r#"(component
        (component $inner
            (core module $m (func (export "f") (param i32) (result i32) local.get 0))
            (core instance $i (instantiate $m))
            (func $f (param "n" u32) (result u32) (canon lift (core func $i "f")))
            (export "init" (func $f)) (export "add" (func $f)) (export "half" (func $f)))
        (instance $made (instantiate $inner))
        (alias export $made "init" (func $init))
        (export "init" (func $init))
        (alias export $made "add" (func $add))
        (export $added "add" (func $add))
        (alias export $made "half" (func $half))
        (export "half" (func $half))
        (export "again" (func $added)))"#;

    fn exports(component: &[u8]) -> Vec<String> {
        let mut depth = 0;
        let mut names = Vec::new();
        for payload in Parser::new(0).parse_all(component) {
            match payload.unwrap() {
                Payload::ComponentExportSection(section) if depth == 0 => {
                    names.extend(section.into_iter().map(|export| export.unwrap().name.name.to_owned()));
                }
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth -= 1,
                _ => {}
            }
        }
        names
    }

    #[test]
    fn init_goes_and_the_others_stay_what_they_were() {
        let component = wat::parse_str(LEFT).unwrap();
        assert_eq!(exports(&component), ["init", "add", "half", "again"]);
        let kept = without_init(&component).unwrap();
        assert_eq!(exports(&kept), ["add", "half", "again"]);
        wasmparser::Validator::new().validate_all(&kept).unwrap();
        // There is nothing left to leave out.
        assert_eq!(without_init(&kept).unwrap(), kept);
    }

    #[test]
    fn what_is_no_component_is_refused() {
        assert!(without_init(b"no component").is_err());
    }
}
