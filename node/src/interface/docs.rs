//! Documentation from WIT sources. A component carries the types of its interface, and not what is written above them.

use std::collections::HashMap;
use std::path::Path;

use wit_parser::{UnresolvedPackage, UnresolvedPackageGroup, WorldItem};

/// Documentation by interface, item and part of the item.
#[derive(Debug, Clone, Default)]
pub(crate) struct Docs(HashMap<(String, String, String), String>);

impl Docs {
    /// What is written in the `.wit` files of a folder. What they build on need not be there.
    pub(crate) fn of_folder(folder: &Path) -> anyhow::Result<Docs> {
        let group = UnresolvedPackageGroup::parse_dir(folder)?;
        let mut docs = Docs::default();
        for package in group.nested.iter().chain([&group.main]) {
            docs.package(package);
        }
        Ok(docs)
    }

    fn package(&mut self, package: &UnresolvedPackage) {
        let name = &package.name;
        for (_, world) in package.worlds.iter() {
            for item in world.exports.values() {
                if let WorldItem::Function(function) = item {
                    self.put(None, &function.name, None, &function.docs);
                }
            }
        }
        for (_, interface) in package.interfaces.iter() {
            let Some(own) = &interface.name else { continue };
            let version = name.version.as_ref().map_or(String::new(), |version| format!("@{version}"));
            let id = format!("{}:{}/{own}{version}", name.namespace, name.name);
            for function in interface.functions.values() {
                self.put(Some(&id), &function.name, None, &function.docs);
            }
            for ty in interface.types.values() {
                self.ty(Some(&id), &package.types[*ty]);
            }
        }
        for (_, ty) in package.types.iter() {
            if matches!(ty.owner, wit_parser::TypeOwner::World(_)) {
                self.ty(None, ty);
            }
        }
    }

    fn ty(&mut self, interface: Option<&str>, ty: &wit_parser::TypeDef) {
        use wit_parser::TypeDefKind::{Enum, Flags, Record, Variant};
        let Some(name) = &ty.name else { return };
        self.put(interface, name, None, &ty.docs);
        let parts: Vec<_> = match &ty.kind {
            Record(record) => record.fields.iter().map(|part| (&part.name, &part.docs)).collect(),
            Variant(variant) => variant.cases.iter().map(|part| (&part.name, &part.docs)).collect(),
            Enum(cases) => cases.cases.iter().map(|part| (&part.name, &part.docs)).collect(),
            Flags(flags) => flags.flags.iter().map(|part| (&part.name, &part.docs)).collect(),
            _ => Vec::new(),
        };
        for (part, docs) in parts {
            self.put(interface, name, Some(part), docs);
        }
    }

    fn put(&mut self, interface: Option<&str>, item: &str, part: Option<&str>, docs: &wit_parser::Docs) {
        if let Some(text) = &docs.contents {
            self.0.insert(key(interface, item, part), text.trim().to_owned());
        }
    }

    /// The documentation of an item or a part of it; `own` is what the component says itself.
    pub(super) fn of(
        &self,
        interface: Option<&str>,
        item: &str,
        part: Option<&str>,
        own: &wit_parser::Docs,
    ) -> String {
        let given = self.0.get(&key(interface, item, part)).cloned();
        given.or_else(|| own.contents.as_deref().map(|text| text.trim().to_owned())).unwrap_or_default()
    }
}

fn key(interface: Option<&str>, item: &str, part: Option<&str>) -> (String, String, String) {
    (interface.unwrap_or_default().to_owned(), item.to_owned(), part.unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_above_an_item_is_found_by_its_name() {
        let calculator = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guests/calculator/wit");
        let docs = Docs::of_folder(&calculator).unwrap();
        let none = wit_parser::Docs::default();
        let arithmetic = Some("folkmoot:calculator/arithmetic@0.1.0");
        assert_eq!(docs.of(arithmetic, "divide", None, &none), "Quotient and remainder.");
        assert_eq!(docs.of(arithmetic, "error", Some("division-by-zero"), &none), "The divisor was zero.");
        assert_eq!(docs.of(None, "reverse", None, &none), "Bytes in reverse order.");
        assert_eq!(docs.of(None, "divide", None, &none), "");
        assert!(Docs::of_folder(&calculator.join("nowhere")).is_err());
    }
}
