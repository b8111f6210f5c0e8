//! JSON text to arguments, in one pass: what does not fit is refused where it stands, before it takes memory.

use super::super::bytes::is_bytes;
use super::super::call::{Arg, wrong_number};
use super::super::place::{Step, Walk, Wrong};
use super::super::wit::Names;
use super::bytes::Bytes;
use super::value::One;
use serde::de::{Deserializer, Error, IgnoredAny, SeqAccess, Visitor};
use std::cell::RefCell;
use std::fmt;
use wasmtime::component::types::Type;

/// Reads a JSON array with one element a parameter. No text at all is an empty array.
pub(in super::super) fn arguments(
    text: &str,
    params: &[Type],
    names: &Names,
    signature: impl Fn() -> String,
) -> Result<Vec<Arg>, Wrong> {
    let text = if text.trim().is_empty() { "[]" } else { text };
    let stop = Stop { walk: &Walk::new(names), wrong: RefCell::default() };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = deserializer
        .deserialize_any(All { stop: &stop, params, signature: &signature })
        .and_then(|args| deserializer.end().map(|()| args));
    read.map_err(|error| {
        stop.wrong.into_inner().unwrap_or_else(|| Wrong {
            path: "arguments".to_owned(),
            expected: "a JSON array with one element a parameter".to_owned(),
            got: format!("text that is not JSON: {error}"),
        })
    })
}

/// Where a reader leaves what is wrong, since a deserialiser's error is only text.
pub(super) struct Stop<'r, 'n> {
    pub(super) walk: &'r Walk<'n>,
    wrong: RefCell<Option<Wrong>>,
}

impl Stop<'_, '_> {
    pub(super) fn stop<T, E: Error>(&self, wrong: Wrong) -> Result<T, E> {
        self.wrong.borrow_mut().get_or_insert(wrong);
        Err(E::custom("does not fit"))
    }

    pub(super) fn fit<T, E: Error>(&self, outcome: Result<T, Wrong>) -> Result<T, E> {
        outcome.or_else(|wrong| self.stop(wrong))
    }
}

/// The array of arguments.
struct All<'r, 'n> {
    stop: &'r Stop<'r, 'n>,
    params: &'r [Type],
    signature: &'r dyn Fn() -> String,
}

impl<'de> Visitor<'de> for All<'_, '_> {
    type Value = Vec<Arg>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of arguments for {}", (self.signature)())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<Arg>, A::Error> {
        let mut args = Vec::with_capacity(self.params.len());
        for (index, ty) in self.params.iter().enumerate() {
            let stop = self.stop;
            let arg = stop.walk.at(Step::Index(index), || {
                if is_bytes(ty) {
                    Ok(seq.next_element_seed(Bytes(stop))?.map(Arg::Bytes))
                } else {
                    Ok(seq.next_element_seed(One { stop, ty })?.map(Arg::Val))
                }
            })?;
            match arg {
                Some(arg) => args.push(arg),
                None => return stop.stop(wrong_number(self.params.len(), index, self.signature)),
            }
        }
        let mut extra = 0;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            extra += 1;
        }
        if extra > 0 {
            return self.stop.stop(wrong_number(
                self.params.len(),
                self.params.len() + extra,
                self.signature,
            ));
        }
        Ok(args)
    }
}
