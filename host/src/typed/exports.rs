//! What a component exports, read once when it is loaded.

use super::bytes::Fast;
use super::wit::Names;
use super::{ExportedFunction, ExportedType, Interface};
use crate::limits::{MAX_EXPORTED_FUNCTIONS, MAX_TYPE_STEPS};
use std::sync::Arc;
use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};
use wasmtime::component::{Component, ComponentExportIndex};

/// What a call needs to know of each function, in the order of [`Interface::functions`].
#[derive(Debug, Clone, Default)]
pub(super) struct Calls(Arc<Vec<Call>>);

/// One function.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) index: ComponentExportIndex,
    pub(super) params: Vec<Type>,
    pub(super) result: Option<Type>,
    pub(super) names: Arc<Names>,
    pub(super) fast: Option<Fast>,
}

// It follows from the rest of an interface, which is compared.
impl PartialEq for Calls {
    fn eq(&self, _: &Calls) -> bool {
        true
    }
}

impl Eq for Calls {}

impl Calls {
    pub(super) fn get(&self, place: usize) -> Option<&Call> {
        self.0.get(place)
    }
}

impl Interface {
    /// The functions that a component exports: at its top level and in interfaces, but for those the platform calls
    /// itself.
    pub(crate) fn of(component: &Component) -> Interface {
        let mut reader =
            Reader { component, interface: Interface::default(), calls: vec![], steps: MAX_TYPE_STEPS };
        let ty = component.component_type();
        let engine = component.engine();
        let top: Vec<_> = ty.exports(engine).map(|(name, item)| (name, item.ty)).collect();
        let mut names = Names::default();
        for (name, item) in &top {
            reader.named(None, name, item, &mut names);
        }
        let names = Arc::new(names);
        for (name, item) in &top {
            match item {
                ComponentItem::ComponentFunc(ty) => reader.function(None, name, ty, &names),
                ComponentItem::ComponentInstance(instance) if !platform(name) => {
                    let items: Vec<_> =
                        instance.exports(engine).map(|(name, item)| (name, item.ty)).collect();
                    let mut names = (*names).clone();
                    for (ty_name, item) in &items {
                        reader.named(Some(name), ty_name, item, &mut names);
                    }
                    let names = Arc::new(names);
                    for (function, item) in &items {
                        if let ComponentItem::ComponentFunc(ty) = item {
                            reader.function(Some(name), function, ty, &names);
                        }
                    }
                }
                _ => {}
            }
        }
        Interface { calls: Calls(Arc::new(reader.calls)), ..reader.interface }
    }

    pub(super) fn call(&self, place: usize) -> Option<&Call> {
        self.calls.get(place)
    }
}

/// Interfaces that only the platform calls: it vouches for what their handlers are told.
fn platform(interface: &str) -> bool {
    interface.starts_with("wasi:") || interface.starts_with("moot:")
}

struct Reader<'c> {
    component: &'c Component,
    interface: Interface,
    calls: Vec<Call>,
    /// How many more parts of types are looked at.
    steps: usize,
}

impl Reader<'_> {
    fn named(&mut self, interface: Option<&str>, name: &str, item: &ComponentItem, names: &mut Names) {
        let ComponentItem::Type(ty) = item else { return };
        names.add(ty, name);
        if self.interface.types.len() < MAX_EXPORTED_FUNCTIONS
            && let Some(definition) = names.definition(ty, name)
        {
            self.interface.types.push(ExportedType { interface: interface.map(str::to_owned), definition });
        }
    }

    fn function(&mut self, interface: Option<&str>, name: &str, ty: &ComponentFunc, names: &Arc<Names>) {
        if self.calls.len() >= MAX_EXPORTED_FUNCTIONS {
            return;
        }
        let parent = interface.and_then(|interface| self.component.get_export_index(None, interface));
        let Some(index) = self.component.get_export_index(parent.as_ref(), name) else { return };
        let path = interface.map_or_else(|| name.to_owned(), |interface| format!("{interface}#{name}"));
        let refused = self.refusal(ty, names);
        let params: Vec<Type> = ty.params().map(|(_, ty)| ty).collect();
        let result = ty.results().next();
        self.interface.functions.push(ExportedFunction {
            path,
            params: ty.params().map(|(name, ty)| (name.to_owned(), names.text(&ty))).collect(),
            result: result.as_ref().map(|ty| names.text(ty)),
            refused,
        });
        let fast = Fast::of(&params, result.as_ref());
        self.calls.push(Call { index, params, result, names: names.clone(), fast });
    }

    fn refusal(&mut self, ty: &ComponentFunc, names: &Names) -> Option<String> {
        if ty.async_() {
            return Some("it is asynchronous, and only synchronous functions are called".to_owned());
        }
        let params = ty.params().map(|(name, ty)| (format!("parameter `{name}`"), ty));
        let results = ty.results().map(|ty| ("the result".to_owned(), ty));
        for (place, ty) in params.chain(results) {
            if let Some(what) = self.no_value(&ty) {
                return Some(format!("{place}, {}, has {what}", names.text(&ty)));
            }
        }
        None
    }

    /// What in a type is not a plain value.
    fn no_value(&mut self, ty: &Type) -> Option<&'static str> {
        let Some(left) = self.steps.checked_sub(1) else {
            return Some("more parts than can be looked at");
        };
        self.steps = left;
        match ty {
            Type::Own(_) | Type::Borrow(_) => Some("a resource, which only has meaning inside the component"),
            Type::Future(_) => Some("a future, which has no text form"),
            Type::Stream(_) => Some("a stream, which has no text form"),
            Type::ErrorContext => Some("an error context, which has no text form"),
            Type::Map(_) => Some("a map, which is not supported yet: use a list of tuples"),
            Type::List(list) => self.no_value(&list.ty()),
            Type::FixedLengthList(list) => self.no_value(&list.ty()),
            Type::Option(option) => self.no_value(&option.ty()),
            Type::Record(record) => record.fields().find_map(|field| self.no_value(&field.ty)),
            Type::Tuple(tuple) => tuple.types().find_map(|ty| self.no_value(&ty)),
            Type::Variant(variant) => {
                variant.cases().filter_map(|case| case.ty).find_map(|ty| self.no_value(&ty))
            }
            Type::Result(result) => {
                [result.ok(), result.err()].into_iter().flatten().find_map(|ty| self.no_value(&ty))
            }
            _ => None,
        }
    }
}
