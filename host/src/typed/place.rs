//! Where in the arguments a reader is, how many values it has read, and what is wrong there.

use super::wit::Names;
use crate::Fault;
use crate::limits::MAX_TYPED_VALUES;
use std::cell::{Cell, RefCell};
use std::fmt::Write;
use wasmtime::component::types::Type;

/// A step from a value into a part of it.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Index(usize),
    Name(String),
}

/// What is wrong with an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) path: String,
    pub(super) expected: String,
    pub(super) got: String,
}

impl From<Wrong> for Fault {
    fn from(wrong: Wrong) -> Fault {
        Fault::BadArguments { path: wrong.path, expected: wrong.expected, got: wrong.got }
    }
}

/// The state of a reader.
pub(super) struct Walk<'a> {
    pub(super) names: &'a Names,
    path: RefCell<Vec<Step>>,
    left: Cell<usize>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(names: &'a Names) -> Walk<'a> {
        Walk { names, path: RefCell::default(), left: Cell::new(MAX_TYPED_VALUES) }
    }

    /// Does something one step further in.
    pub(super) fn at<T>(&self, step: Step, work: impl FnOnce() -> T) -> T {
        self.path.borrow_mut().push(step);
        let outcome = work();
        self.path.borrow_mut().pop();
        outcome
    }

    /// The same, at a name.
    pub(super) fn named<T>(&self, name: &str, work: impl FnOnce() -> T) -> T {
        self.at(Step::Name(name.to_owned()), work)
    }

    /// Counts one value.
    pub(super) fn count(&self) -> Result<(), Wrong> {
        match self.left.get().checked_sub(1) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(self.wrong(format!("at most {MAX_TYPED_VALUES} values in all"), "more")),
        }
    }

    /// What is wrong here.
    pub(super) fn wrong(&self, expected: impl Into<String>, got: impl Into<String>) -> Wrong {
        let mut path = String::from("arguments");
        for step in self.path.borrow().iter() {
            // Writing to a string cannot fail.
            let _ = match step {
                Step::Index(index) => write!(path, "[{index}]"),
                Step::Name(name) => write!(path, ".{}", shown(name)),
            };
        }
        Wrong { path, expected: expected.into(), got: got.into() }
    }

    /// A value of another type than the one that belongs here.
    pub(super) fn wrong_type(&self, ty: &Type, got: impl Into<String>) -> Wrong {
        self.wrong(self.names.text(ty), got)
    }

    /// A name that is none of those that could be here.
    pub(super) fn unknown<'n>(&self, what: &str, name: &str, known: impl Iterator<Item = &'n str>) -> Wrong {
        let known: Vec<&str> = known.collect();
        let mut expected = format!("{what} {}", known.join(", "));
        if let Some(nearest) = super::nearest(name, known.iter().copied())
            && known.len() > 1
        {
            let _ = write!(expected, " (perhaps {nearest})");
        }
        self.wrong(expected, quoted(name))
    }
}

/// Characters of a text that an error shows.
const SHOWN_CHARS: usize = 60;

/// A text cut to a readable length.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", &text[..end]),
    }
}

/// A text in quotes, cut to a readable length, control characters escaped.
pub(super) fn quoted(text: &str) -> String {
    format!("{:?}", shown(text))
}
