//! Calls of kind typed: any component's plain exports, by reflection.

use crate::call::report::Report;
use crate::{CallContext, Fault, Function};

/// The functions a component exports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interface {
    /// In the component's order.
    pub functions: Vec<ExportedFunction>,
}

impl Interface {
    /// The functions that a component exports.
    pub(crate) fn of(component: &wasmtime::component::Component) -> Interface {
        let _ = component;
        Interface::default()
    }
}

/// One exported function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedFunction {
    /// How a call names it: `name`, or `interface#name`.
    pub path: String,
    /// Parameter names and their types as WIT text.
    pub params: Vec<(String, String)>,
    /// The result's type as WIT text.
    pub result: Option<String>,
}

/// The arguments of a typed call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arguments<'a> {
    /// A JSON array with one element a parameter. The result comes as JSON.
    Json(&'a str),
    /// One WAVE text a parameter. The result comes as WAVE.
    Wave(Vec<String>),
}

/// What came of a typed call.
#[derive(Debug, Clone)]
pub struct TypedAnswer {
    /// The result as text, in the notation of the arguments; `null` or empty when the function returns nothing.
    pub result: Result<String, Fault>,
    /// What the call used. `report.fault` is the fault in `result`.
    pub report: Report,
}

impl Function {
    /// Calls an exported function, named `name` or `interface#name`, in a fresh instance.
    pub async fn call_typed(&self, cx: CallContext, export: &str, args: Arguments<'_>) -> TypedAnswer {
        let _ = (cx, export, args);
        todo!()
    }
}
