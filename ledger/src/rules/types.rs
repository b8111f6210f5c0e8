//! What is known of a value before a rule is asked: the kinds that it can be of.
//!
//! ```text
//!  now ──► an int      auth.account ──► a string or null      value.n ──► anything
//! ```
//!
//! What a message holds is known only when it is there, so its kinds are all of them.

use std::sync::Arc;

/// A set of kinds of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kinds(u8);

impl Kinds {
    pub(super) const NONE: Kinds = Kinds(0);
    pub(super) const BOOL: Kinds = Kinds(1);
    pub(super) const INT: Kinds = Kinds(1 << 1);
    pub(super) const UINT: Kinds = Kinds(1 << 2);
    pub(super) const TEXT: Kinds = Kinds(1 << 3);
    pub(super) const BYTES: Kinds = Kinds(1 << 4);
    pub(super) const LIST: Kinds = Kinds(1 << 5);
    pub(super) const MAP: Kinds = Kinds(1 << 6);
    pub(super) const NULL: Kinds = Kinds(1 << 7);
    pub(super) const ANY: Kinds = Kinds(u8::MAX);

    pub(super) const NUMBERS: Kinds = Kinds::INT.or(Kinds::UINT);
    const WITH_ITEMS: Kinds = Kinds::LIST.or(Kinds::MAP);

    pub(super) const fn or(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }

    pub(super) const fn and(self, other: Kinds) -> Kinds {
        Kinds(self.0 & other.0)
    }

    pub(super) const fn is_none(self) -> bool {
        self.0 == 0
    }

    pub(super) const fn has(self, other: Kinds) -> bool {
        !self.and(other).is_none()
    }

    /// Whether each of them is one of the others.
    pub(super) const fn is_within(self, others: Kinds) -> bool {
        self.and(others).0 == self.0
    }

    /// Each of them, alone.
    pub(super) fn each(self) -> impl Iterator<Item = Kinds> {
        (0..u8::BITS).map(|bit| Kinds(1 << bit)).filter(move |kind| self.has(*kind))
    }

    /// For messages.
    pub(super) fn words(self) -> String {
        match self {
            Kinds::ANY => return "anything".to_owned(),
            Kinds::NONE => return "never there".to_owned(),
            _ => {}
        }
        let names: Vec<&str> = self.each().map(Kinds::word).collect();
        match names.split_last() {
            Some((last, before)) if !before.is_empty() => format!("{} or {last}", before.join(", ")),
            _ => names.concat(),
        }
    }

    /// As `Value::kind` says it of a value.
    const fn word(self) -> &'static str {
        match self {
            Kinds::NULL => "null",
            Kinds::BOOL => "a bool",
            Kinds::INT => "an int",
            Kinds::UINT => "a uint",
            Kinds::TEXT => "a string",
            Kinds::BYTES => "bytes",
            Kinds::LIST => "a list",
            _ => "a map",
        }
    }
}

/// The kinds that an expression may come to; of lists and maps also those of what is in them.
#[derive(Debug, Clone)]
pub(super) struct Type {
    pub(super) kinds: Kinds,
    /// None where nothing is known of it, or there is neither list nor map.
    items: Option<Arc<Type>>,
}

impl Type {
    pub(super) const ANY: Type = Type::of(Kinds::ANY);
    /// Of what there is none of: the items of an empty list.
    pub(super) const NONE: Type = Type::of(Kinds::NONE);

    pub(super) const fn of(kinds: Kinds) -> Type {
        Type { kinds, items: None }
    }

    pub(super) fn list(items: Type) -> Type {
        Type { kinds: Kinds::LIST, items: Some(Arc::new(items)) }
    }

    pub(super) fn map(values: Type) -> Type {
        Type { kinds: Kinds::MAP, items: Some(Arc::new(values)) }
    }

    /// What is in it.
    pub(super) fn items(&self) -> Type {
        self.items.as_deref().cloned().unwrap_or(Type::ANY)
    }

    /// Of what is one or the other.
    pub(super) fn or(&self, other: &Type) -> Type {
        let kinds = self.kinds.or(other.kinds);
        let with_items = |of: &Type| of.kinds.has(Kinds::WITH_ITEMS);
        let items = match (with_items(self), with_items(other)) {
            (true, false) => self.items.clone(),
            (false, true) => other.items.clone(),
            (false, false) => None,
            (true, true) => match (&self.items, &other.items) {
                (Some(a), Some(b)) => Some(Arc::new(a.or(b))),
                _ => None,
            },
        };
        Type { kinds, items }
    }
}
