//! Values with parts: arrays and objects.

use super::super::place::{Step, Wrong, quoted, shown};
use super::read::Stop;
use super::value::One;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess};
use wasmtime::component::Val;
use wasmtime::component::types::Type;

impl One<'_, '_> {
    pub(super) fn elements<'de, A: SeqAccess<'de>>(
        &self,
        mut seq: A,
        ty: &Type,
    ) -> Result<Vec<Val>, A::Error> {
        let mut vals = Vec::new();
        while let Some(val) =
            self.stop.walk.at(Step::Index(vals.len()), || seq.next_element_seed(self.inner(ty)))?
        {
            vals.push(val);
        }
        Ok(vals)
    }

    pub(super) fn exactly<'de, A: SeqAccess<'de>>(
        &self,
        mut seq: A,
        types: impl ExactSizeIterator<Item = Type>,
    ) -> Result<Vec<Val>, A::Error> {
        let wanted = types.len();
        let mut vals = Vec::new();
        for ty in types {
            match self.stop.walk.at(Step::Index(vals.len()), || seq.next_element_seed(self.inner(&ty)))? {
                Some(val) => vals.push(val),
                None => return self.wrong(format!("an array of {}", vals.len())),
            }
        }
        if seq.next_element::<IgnoredAny>()?.is_some() {
            return self.wrong(format!("an array of more than {wanted}"));
        }
        Ok(vals)
    }

    pub(super) fn flags<'de, A: SeqAccess<'de>>(
        &self,
        mut seq: A,
        known: Vec<&str>,
    ) -> Result<Val, A::Error> {
        let mut set: Vec<String> = Vec::new();
        while let Some(name) = seq.next_element_seed(One { stop: self.stop, ty: &Type::String })? {
            let Val::String(name) = name else { return self.wrong("something else") };
            let walk = self.stop.walk;
            let here = |work: &dyn Fn() -> Wrong| walk.at(Step::Index(set.len()), work);
            if !known.contains(&name.as_str()) {
                let wrong = here(&|| walk.unknown("one of the flags", &name, known.iter().copied()));
                return self.stop.stop(wrong);
            }
            if set.contains(&name) {
                return self.stop.stop(here(&|| walk.wrong("each flag once", quoted(&name))));
            }
            set.push(name);
        }
        Ok(Val::Flags(
            known.into_iter().filter(|name| set.iter().any(|on| on == name)).map(str::to_owned).collect(),
        ))
    }

    pub(super) fn record<'de, A: MapAccess<'de>>(
        &self,
        mut map: A,
        fields: Vec<(&str, Type)>,
    ) -> Result<Val, A::Error> {
        let walk = self.stop.walk;
        let mut vals: Vec<Option<Val>> = vec![None; fields.len()];
        while let Some(key) = map.next_key::<String>()? {
            let Some(place) = fields.iter().position(|(name, _)| *name == key) else {
                let names = fields.iter().map(|(name, _)| *name);
                return self.stop.stop(walk.named(&key, || walk.unknown("one of the fields", &key, names)));
            };
            if vals[place].is_some() {
                return self.stop.stop(walk.named(&key, || walk.wrong("each field once", "it twice")));
            }
            vals[place] = Some(walk.named(&key, || map.next_value_seed(self.inner(&fields[place].1)))?);
        }
        let mut record = Vec::with_capacity(fields.len());
        for ((name, ty), val) in fields.into_iter().zip(vals) {
            let val = match val {
                Some(val) => val,
                None if matches!(ty, Type::Option(_)) => Val::Option(None),
                None => return self.stop.stop(walk.named(name, || walk.wrong_type(&ty, "nothing"))),
            };
            record.push((name.to_owned(), val));
        }
        Ok(Val::Record(record))
    }

    /// An object with one field, whose name says what its value is.
    pub(super) fn single<'de, A: MapAccess<'de>>(
        &self,
        mut map: A,
        cases: Vec<(&str, Option<Type>)>,
    ) -> Result<(String, Option<Val>), A::Error> {
        let walk = self.stop.walk;
        let Some(key) = map.next_key::<String>()? else { return self.wrong("an empty object") };
        let Some((_, payload)) = cases.iter().find(|(name, _)| *name == key) else {
            let names = cases.iter().map(|(name, _)| *name);
            return self.stop.stop(walk.unknown("one of the cases", &key, names));
        };
        let val = walk.named(&key, || match payload {
            Some(ty) => map.next_value_seed(self.inner(ty)).map(Some),
            None => map.next_value_seed(Null { stop: self.stop, case: &key }).map(|()| None),
        })?;
        if let Some(other) = map.next_key::<String>()? {
            return self.wrong(format!("an object with {} and {}", quoted(&key), quoted(&other)));
        }
        Ok((key, val))
    }
}

/// The `null` of a case without payload.
struct Null<'r, 'n> {
    stop: &'r Stop<'r, 'n>,
    case: &'r str,
}

impl<'de> DeserializeSeed<'de> for Null<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match Option::<IgnoredAny>::deserialize(deserializer)? {
            None => Ok(()),
            Some(_) => {
                let expected = format!("null: the case {} has no payload", shown(self.case));
                self.stop.stop(self.stop.walk.wrong(expected, "something"))
            }
        }
    }
}
