//! Calls of kind typed: any component's plain exports, by reflection, with JSON or WAVE.
//!
//! ```text
//!  export name ──► Interface (read once, at load) ──► signature
//!  JSON / WAVE text ──read by the signature's types──► values ──► guest ──► values ──written──► JSON / WAVE text
//!                                                     └─ byte lists: plain bytes all the way ─┘
//! ```
//!
//! # Types in JSON
//!
//! | WIT | JSON |
//! |---|---|
//! | `bool` | `true`, `false` |
//! | `u8` `u16` `u32` `s8` `s16` `s32` | number; `3.0` is 3, `3.5` is an error |
//! | `u64` `s64` | number, or decimal string. Written as a number up to 2^53-1 either way and as a string beyond, so that no reader of JSON rounds it silently |
//! | `f32` `f64` | number, or `"NaN"`, `"Infinity"`, `"-Infinity"`. An integer that the type cannot hold exactly is an error |
//! | `char` | string of one Unicode scalar value |
//! | `string` | string, byte for byte: nothing is normalised |
//! | `list<u8>` | base64 string (standard alphabet, padded), as it is written; or array of numbers |
//! | `list<T>`, `tuple<...>` | array |
//! | `record` | object with every field; an `option` field may be left out; unknown and repeated fields are errors |
//! | `enum` | string: the case's name |
//! | `variant` | string for a case without payload, else object with one field: `{"case": payload}` |
//! | `flags` | array of names |
//! | `option<T>` | `null`, or `T`; if `T` is an option too, `{"some": T}` |
//! | `result<T, E>` | `{"ok": T}` or `{"err": E}`, with `null` where there is no payload |
//!
//! Names are as in WIT (`unit-price`). Arguments are an array with one element a parameter. The result is one value,
//! `null` if there is none. A function whose result is a `result<T, E>` answers with `T`; its `E` is the call's failure
//! ([`Fault::Guest`] of kind [`Typed`](crate::FailureKind::Typed)).
//!
//! WAVE is as its specification has it, with the same rules for unknown fields, numbers of arguments and failures.
//!
//! # What is fast
//!
//! A value costs about 40 bytes and 25 ns; a byte in a `list<u8>` would too. Where a function's parameters are `()`,
//! `(list<u8>)` or `(string, list<u8>)` and its result is nothing, `list<u8>`, `option<list<u8>>`, `result<list<u8>, string>` or
//! `result<_, string>`, bytes are copied as bytes: 64 KiB in some microseconds. Byte lists anywhere else work, slowly.
//!
//! # What is refused
//!
//! Functions with resources, futures, streams, maps or error contexts anywhere in their signature, and those of
//! `wasi:` and `moot:` interfaces: the platform calls these itself.

mod bytes;
mod call;
mod exports;
mod find;
mod json;
mod place;
#[cfg(test)]
mod tests;
mod wave;
mod wit;

pub(crate) use find::nearest;

use crate::Fault;
use crate::call::report::Report;
use std::fmt;

/// The functions a component exports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interface {
    /// In the component's order.
    pub functions: Vec<ExportedFunction>,
    /// The named types that they use.
    pub types: Vec<ExportedType>,
    calls: exports::Calls,
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
    /// Why it cannot be called, if it cannot.
    pub refused: Option<String>,
}

/// One exported type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedType {
    /// The interface that exports it; `None` at the component's top level.
    pub interface: Option<String>,
    /// Its definition as WIT text: `enum operation { add, subtract }`.
    pub definition: String,
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

impl ExportedFunction {
    /// The interface it belongs to, and its own name.
    pub fn split(&self) -> (Option<&str>, &str) {
        match self.path.rsplit_once('#') {
            Some((interface, name)) => (Some(interface), name),
            None => (None, &self.path),
        }
    }

    /// Its signature: `func(a: u32, b: u32) -> u32`.
    pub fn signature(&self) -> String {
        let params: Vec<String> = self.params.iter().map(|(name, ty)| format!("{name}: {ty}")).collect();
        let result = self.result.as_ref().map_or(String::new(), |ty| format!(" -> {ty}"));
        format!("func({}){result}", params.join(", "))
    }
}

/// The whole interface as WIT text.
impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut interfaces: Vec<Option<&str>> = Vec::new();
        for function in &self.functions {
            if !interfaces.contains(&function.split().0) {
                interfaces.push(function.split().0);
            }
        }
        for interface in interfaces {
            let indent = if interface.is_some() { "  " } else { "" };
            if let Some(name) = interface {
                writeln!(f, "interface {name} {{")?;
            }
            for ty in self.types.iter().filter(|ty| ty.interface.as_deref() == interface) {
                writeln!(f, "{indent}{}", ty.definition)?;
            }
            for function in self.functions.iter().filter(|function| function.split().0 == interface) {
                if let Some(why) = &function.refused {
                    writeln!(f, "{indent}// cannot be called: {why}")?;
                }
                writeln!(f, "{indent}{}: {}", function.split().1, function.signature())?;
            }
            if interface.is_some() {
                writeln!(f, "}}")?;
            }
        }
        Ok(())
    }
}
