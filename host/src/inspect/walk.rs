//! Walks over the sections of a component once, counting and validating as it goes.
//!
//! Counts come before validation: a section that claims too much is refused before any work is done for it. The
//! validator is the one that the compiler uses, so what passes here is well-formed there; it also bounds the size of
//! types after all aliases are resolved, which is what defuses type bombs.

use super::{AdmissionError, Kind};
use crate::limits::{self, Count};
use crate::policy::imports::InterfaceName;
use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType};
use wasmparser::types::TypesRef;
use wasmparser::{
    ComponentExternalKind, ComponentTypeRef, DataKind, Encoding, FuncValidatorAllocations, Parser, Payload,
    TypeRef, ValidPayload, Validator, WasmFeatures,
};

/// What the walk finds.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) imports: Vec<String>,
    pub(super) exports: Vec<String>,
    pub(super) callable: Vec<String>,
    pub(super) functions: u64,
    pub(super) modules: u64,
    pub(super) initial_memory_bytes: u64,
    components: u64,
    types: u64,
    instances: u64,
    memories: u64,
    tables: u64,
    segments: u64,
    core_imports: u64,
    core_exports: u64,
    globals: u64,
    depth: u64,
}

/// Walks over a component.
pub(super) fn walk(wasm: &[u8], features: WasmFeatures) -> Result<Found, AdmissionError> {
    let mut found = Found::default();
    let mut validator = Validator::new_with_features(features);
    let mut allocations = FuncValidatorAllocations::default();
    let mut encodings = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.map_err(invalid)?;
        match &payload {
            Payload::Version { encoding, .. } => {
                encodings.push(*encoding);
                found.enter(*encoding, encodings.len())?;
            }
            Payload::End(_) => {
                encodings.pop();
            }
            payload => found.count(payload, encodings.len() == 1)?,
        }
        match validator.payload(&payload).map_err(invalid)? {
            ValidPayload::Func(func, body) => {
                let mut func = func.into_validator(std::mem::take(&mut allocations));
                func.validate(&body).map_err(invalid)?;
                allocations = func.into_allocations();
            }
            ValidPayload::Ok | ValidPayload::Parser(_) | ValidPayload::End(_) => {}
        }
        if let (Payload::ComponentImportSection(section), 1, Some(types)) =
            (&payload, encodings.len(), validator.types(0))
        {
            found.component_imports(section, types)?;
        }
    }
    Ok(found)
}

fn invalid(error: wasmparser::BinaryReaderError) -> AdmissionError {
    AdmissionError::Invalid { offset: error.offset(), message: error.message().to_owned() }
}

impl Found {
    fn enter(&mut self, encoding: Encoding, depth: usize) -> Result<(), AdmissionError> {
        self.depth = self.depth.max(depth as u64);
        limits::NESTING.check(self.depth)?;
        match encoding {
            Encoding::Module => add(&mut self.modules, 1u32, &limits::MODULES),
            Encoding::Component => add(&mut self.components, 1u32, &limits::COMPONENTS),
        }
    }

    fn count(&mut self, payload: &Payload<'_>, top: bool) -> Result<(), AdmissionError> {
        match payload {
            Payload::TypeSection(s) => add(&mut self.types, s.count(), &limits::TYPES),
            Payload::CoreTypeSection(s) => add(&mut self.types, s.count(), &limits::TYPES),
            Payload::ComponentTypeSection(s) => add(&mut self.types, s.count(), &limits::TYPES),
            Payload::ComponentAliasSection(s) => add(&mut self.types, s.count(), &limits::TYPES),
            Payload::ComponentCanonicalSection(s) => add(&mut self.types, s.count(), &limits::TYPES),
            Payload::FunctionSection(s) => add(&mut self.functions, s.count(), &limits::FUNCTIONS),
            Payload::GlobalSection(s) => add(&mut self.globals, s.count(), &limits::GLOBALS),
            Payload::ExportSection(s) => add(&mut self.core_exports, s.count(), &limits::CORE_EXPORTS),
            Payload::InstanceSection(s) => add(&mut self.instances, s.count(), &limits::INSTANCES),
            Payload::ComponentInstanceSection(s) => add(&mut self.instances, s.count(), &limits::INSTANCES),
            Payload::ElementSection(s) => add(&mut self.segments, s.count(), &limits::SEGMENTS),
            Payload::DataSection(s) => self.data(s),
            Payload::CodeSectionEntry(body) => limits::FUNCTION_BYTES.check(body.range().len() as u64),
            Payload::ImportSection(s) => self.core_imports(s),
            Payload::MemorySection(s) => {
                add(&mut self.memories, s.count(), &limits::MEMORIES)?;
                for memory in s.clone() {
                    self.memory(&memory.map_err(invalid)?);
                }
                Ok(())
            }
            Payload::TableSection(s) => {
                add(&mut self.tables, s.count(), &limits::TABLES)?;
                for table in s.clone() {
                    limits::TABLE_ELEMENTS.check(table.map_err(invalid)?.ty.initial)?;
                }
                Ok(())
            }
            Payload::ComponentImportSection(s) => {
                limits::IMPORTS.check(u64::from(s.count()) + self.imports.len() as u64)
            }
            Payload::ComponentExportSection(s) => self.component_exports(s, top),
            _ => Ok(()),
        }
    }

    fn data(&mut self, section: &wasmparser::DataSectionReader<'_>) -> Result<(), AdmissionError> {
        add(&mut self.segments, section.count(), &limits::SEGMENTS)?;
        for segment in section.clone() {
            let segment = segment.map_err(invalid)?;
            if let DataKind::Active { .. } = segment.kind {
                limits::SEGMENT_BYTES.check(segment.data.len() as u64)?;
            }
        }
        Ok(())
    }

    fn core_imports(&mut self, section: &wasmparser::ImportSectionReader<'_>) -> Result<(), AdmissionError> {
        add(&mut self.core_imports, section.count(), &limits::CORE_IMPORTS)?;
        for import in section.clone().into_imports() {
            if let TypeRef::Memory(memory) = import.map_err(invalid)?.ty {
                // Memories imported from another module of the component are that module's to count.
                limits::MEMORY_PAGES.check(memory.initial)?;
            }
        }
        Ok(())
    }

    fn memory(&mut self, memory: &wasmparser::MemoryType) {
        let page = 1u64 << memory.page_size_log2.unwrap_or(16);
        let bytes = memory.initial.saturating_mul(page);
        self.initial_memory_bytes = self.initial_memory_bytes.saturating_add(bytes);
    }

    /// Notes what the component itself imports. Types alone give nothing, and need no one to provide them: an
    /// interface that only names types is how `wit-bindgen` shares them between exports.
    fn component_imports(
        &mut self,
        section: &wasmparser::ComponentImportSectionReader<'_>,
        types: TypesRef<'_>,
    ) -> Result<(), AdmissionError> {
        for import in section.clone() {
            let import = import.map_err(invalid)?;
            let types_only = match import.ty {
                ComponentTypeRef::Type(_) => true,
                ComponentTypeRef::Instance(index) => only_types(types, index),
                _ => false,
            };
            if !types_only {
                self.imports.push(import.name.name.to_owned());
            }
        }
        Ok(())
    }

    fn component_exports(
        &mut self,
        section: &wasmparser::ComponentExportSectionReader<'_>,
        top: bool,
    ) -> Result<(), AdmissionError> {
        limits::EXPORTS.check(u64::from(section.count()) + self.exports.len() as u64)?;
        for export in section.clone() {
            let export = export.map_err(invalid)?;
            if top {
                let name = export.name.name.to_owned();
                if matches!(export.kind, ComponentExternalKind::Func | ComponentExternalKind::Instance) {
                    self.callable.push(name.clone());
                }
                self.exports.push(name);
            }
        }
        Ok(())
    }
}

/// Whether an instance type exports nothing but types. A resource is no such type: it has functions behind it.
fn only_types(types: TypesRef<'_>, index: u32) -> bool {
    let ComponentAnyTypeId::Instance(instance) = types.component_any_type_at(index) else { return false };
    types[instance].exports.values().all(|item| match item.ty {
        ComponentEntityType::Type { referenced, .. } => {
            !matches!(referenced, ComponentAnyTypeId::Resource(_))
        }
        _ => false,
    })
}

fn add(total: &mut u64, more: impl Into<u64>, limit: &Count) -> Result<(), AdmissionError> {
    *total += more.into();
    limit.check(*total)
}

/// What sort of calls a component with these exports takes; `None` when it takes none.
pub(crate) fn kind<'a>(exports: impl Iterator<Item = &'a str> + Clone) -> Option<Kind> {
    let has = |package: &str, interface: &str, line: &str| {
        exports
            .clone()
            .filter_map(InterfaceName::parse)
            .any(|name| name.package == package && name.interface == interface && name.is(line))
    };
    if has("wasi:http", "incoming-handler", "0.2") || has("wasi:http", "handler", "0.3") {
        return Some(Kind::Http);
    }
    if has("moot:function", "handler", "0.1") {
        return Some(Kind::Event);
    }
    let plain = |name: &str| InterfaceName::parse(name).is_none_or(|name| name.package != "wasi:cli");
    exports.clone().any(plain).then_some(Kind::Typed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_follows_from_the_exports() {
        let kind = |names: &[&str]| kind(names.iter().copied());
        assert_eq!(kind(&["wasi:http/incoming-handler@0.2.3"]), Some(Kind::Http));
        assert_eq!(kind(&["wasi:http/handler@0.3.0"]), Some(Kind::Http));
        assert_eq!(kind(&["moot:function/handler@0.1.0"]), Some(Kind::Event));
        assert_eq!(kind(&["add"]), Some(Kind::Typed));
        assert_eq!(kind(&["acme:math/api"]), Some(Kind::Typed));
        assert_eq!(kind(&["wasi:cli/run@0.2.0"]), None);
        assert_eq!(kind(&[]), None);
    }
}
