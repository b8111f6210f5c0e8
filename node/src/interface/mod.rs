//! What a typed function offers, in the terms that a program calling it needs: its exports and the types they speak of.
//!
//! ```text
//! component ──read──► Interface ──┬── cli::bindings: clients in four languages
//!        WIT sources ──docs──┘    └── schema: JSON Schema, for the function's OpenAPI document
//! ```
//!
//! The host reads a component's types by itself and is who decides what may be called: nothing here runs anything.

mod docs;
pub(crate) mod names;
mod read;
pub(crate) mod schema;

pub(crate) use docs::Docs;
pub(crate) use read::read;

/// The functions of a component that can be called, and the types that they use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Interface {
    /// In the component's order.
    pub(crate) exports: Vec<Export>,
    /// The named types, each after those that it is made of.
    pub(crate) types: Vec<Named>,
    /// What is exported and cannot be called, with the reason.
    pub(crate) left_out: Vec<(String, String)>,
}

/// One exported function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Export {
    /// The interface it belongs to, with package and version; none at the top level.
    pub(crate) interface: Option<String>,
    pub(crate) name: String,
    pub(crate) docs: String,
    pub(crate) parameters: Vec<(String, Type)>,
    /// What it answers, when it answers anything.
    pub(crate) answer: Option<Type>,
    pub(crate) failure: Failure,
}

/// Whether an export's result is a `result`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It is not: the function answers or traps.
    Never,
    /// It is, and an error carries this value, or nothing.
    With(Option<Type>),
}

/// A type, with its aliases resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Type {
    Bool,
    Integer(Integer),
    F32,
    F64,
    Char,
    Text,
    /// `list<u8>`
    Bytes,
    List(Box<Type>),
    /// A list of a length that never changes.
    Array(Box<Type>, u32),
    Tuple(Vec<Type>),
    Option(Box<Type>),
    Result(Option<Box<Type>>, Option<Box<Type>>),
    /// One of [`Interface::types`], by its place there.
    Named(usize),
}

/// The integer types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Integer {
    U8,
    U16,
    U32,
    U64,
    S8,
    S16,
    S32,
    S64,
}

/// A type with a name and a shape of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// The interface that has it; none at the top level.
    pub(crate) interface: Option<String>,
    pub(crate) name: String,
    pub(crate) docs: String,
    pub(crate) shape: Shape,
}

/// What a named type is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    Record(Vec<Part<Type>>),
    Variant(Vec<Part<Option<Type>>>),
    Enum(Vec<Part<()>>),
    Flags(Vec<Part<()>>),
}

/// A field, a case or a flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part<T> {
    pub(crate) name: String,
    pub(crate) docs: String,
    pub(crate) of: T,
}

impl Export {
    /// How a call names it: `name`, or `interface#name`.
    pub(crate) fn path(&self) -> String {
        match &self.interface {
            Some(interface) => format!("{interface}#{}", self.name),
            None => self.name.clone(),
        }
    }
}

impl Integer {
    pub(crate) const fn wit(self) -> &'static str {
        match self {
            Integer::U8 => "u8",
            Integer::U16 => "u16",
            Integer::U32 => "u32",
            Integer::U64 => "u64",
            Integer::S8 => "s8",
            Integer::S16 => "s16",
            Integer::S32 => "s32",
            Integer::S64 => "s64",
        }
    }

    /// The least and the greatest.
    pub(crate) const fn range(self) -> (i128, i128) {
        match self {
            Integer::U8 => (0, u8::MAX as i128),
            Integer::U16 => (0, u16::MAX as i128),
            Integer::U32 => (0, u32::MAX as i128),
            Integer::U64 => (0, u64::MAX as i128),
            Integer::S8 => (i8::MIN as i128, i8::MAX as i128),
            Integer::S16 => (i16::MIN as i128, i16::MAX as i128),
            Integer::S32 => (i32::MIN as i128, i32::MAX as i128),
            Integer::S64 => (i64::MIN as i128, i64::MAX as i128),
        }
    }

    /// Whether JSON has some of its values as text.
    pub(crate) const fn is_long(self) -> bool {
        matches!(self, Integer::U64 | Integer::S64)
    }
}
