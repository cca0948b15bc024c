//! Reading a record once: the fields that expressions name are known at load, so only those are kept, as slices of
//! the record's own text.

use std::{borrow::Cow, collections::HashMap, fmt};

use serde::de::{self, DeserializeSeed, Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::{error::Cause, value::Value};

/// What a record has for one field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cell<'a> {
    /// No such key.
    #[default]
    Missing,
    /// Its JSON text.
    Json(&'a str),
    /// The path goes through a list.
    InList,
}

impl<'a> Cell<'a> {
    /// The cell as a value; a missing key is nothing.
    pub fn value(self) -> Result<Value<'a>, Cause> {
        match self {
            Self::Missing => Ok(Value::Null),
            Self::Json(json) => Value::from_json(json),
            Self::InList => Err(Cause::InList),
        }
    }
}

/// One object's cells, in the order of its shape's slots.
pub type Cells<'a> = Vec<Cell<'a>>;

/// The fields of an object that are read, as a tree of keys.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    keys: Keys,
    slots: usize,
}

#[derive(Clone, Debug, Default)]
struct Keys(HashMap<Box<str>, Key>);

#[derive(Clone, Debug, Default)]
struct Key {
    slot: Option<usize>,
    below: Keys,
}

/// The text is no JSON object.
#[derive(Debug, thiserror::Error)]
#[error("not a JSON object")]
pub struct NotObject(#[source] serde_json::Error);

impl Shape {
    /// The slot of a path of keys, the same for equal paths.
    pub fn slot(&mut self, path: &[&str]) -> usize {
        let next = self.slots;
        let mut keys = &mut self.keys;
        let mut slot = None;
        for (index, name) in path.iter().enumerate() {
            let key = keys.0.entry((*name).into()).or_default();
            if index + 1 == path.len() {
                slot = Some(*key.slot.get_or_insert(next));
            }
            keys = &mut key.below;
        }
        let slot = slot.unwrap_or(next);
        self.slots = self.slots.max(slot + 1);
        slot
    }

    /// Reads one object into `cells`, which are emptied first. The whole text is checked to be JSON.
    pub fn read<'a>(&self, text: &'a str, cells: &mut Cells<'a>) -> Result<(), NotObject> {
        cells.clear();
        cells.resize(self.slots, Cell::Missing);
        let mut reader = serde_json::Deserializer::from_str(text);
        Fill { keys: &self.keys, cells }.deserialize(&mut reader).map_err(NotObject)?;
        reader.end().map_err(NotObject)
    }
}

impl Keys {
    /// Sets every cell below to `cell`.
    fn set<'a>(&self, cells: &mut Cells<'a>, cell: Cell<'a>) {
        for key in self.0.values() {
            key.put(cells, cell);
            key.below.set(cells, cell);
        }
    }
}

impl Key {
    fn put<'a>(&self, cells: &mut Cells<'a>, cell: Cell<'a>) {
        if let Some(place) = self.slot.and_then(|slot| cells.get_mut(slot)) {
            *place = cell;
        }
    }

    /// Takes the value of this key; of a repeated key the last value counts.
    fn take<'a>(&self, json: &'a str, cells: &mut Cells<'a>) -> Result<(), serde_json::Error> {
        self.put(cells, Cell::Json(json));
        if self.below.0.is_empty() {
            return Ok(());
        }
        self.below.set(cells, if json.starts_with('[') { Cell::InList } else { Cell::Missing });
        if json.starts_with('{') {
            let mut reader = serde_json::Deserializer::from_str(json);
            Fill { keys: &self.below, cells }.deserialize(&mut reader)?;
        }
        Ok(())
    }
}

struct Fill<'s, 'a> {
    keys: &'s Keys,
    cells: &'s mut Cells<'a>,
}

impl<'de> DeserializeSeed<'de> for Fill<'_, 'de> {
    type Value = ();

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fill<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key_seed(KeyText)? {
            match self.keys.0.get(name.as_ref()) {
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
                Some(key) => {
                    let json: &'de RawValue = map.next_value()?;
                    key.take(json.get(), self.cells).map_err(de::Error::custom)?;
                }
            }
        }
        Ok(())
    }
}

/// A key, borrowed unless it has escapes.
struct KeyText;

impl<'de> DeserializeSeed<'de> for KeyText {
    type Value = Cow<'de, str>;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeyText {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// The elements of a JSON list, as slices of its text. `None` when the text is no list.
pub fn elements(json: &str) -> Option<Vec<&str>> {
    if !json.starts_with('[') {
        return None;
    }
    let mut reader = serde_json::Deserializer::from_str(json);
    reader.deserialize_seq(Elements).ok()
}

struct Elements;

impl<'de> Visitor<'de> for Elements {
    type Value = Vec<&'de str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Vec<&'de str>, A::Error> {
        let mut elements = Vec::new();
        while let Some(json) = list.next_element::<&'de RawValue>()? {
            elements.push(json.get());
        }
        Ok(elements)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a>(shape: &Shape, text: &'a str) -> Cells<'a> {
        let mut cells = Vec::new();
        shape.read(text, &mut cells).unwrap();
        cells
    }

    #[test]
    fn only_named_fields_are_kept() {
        let mut shape = Shape::default();
        let (a, b, c) = (shape.slot(&["a"]), shape.slot(&["o", "b"]), shape.slot(&["o", "p", "c"]));
        assert_eq!(shape.slot(&["o", "b"]), b);
        let cells = read(&shape, r#" {"x":[{"a":1}], "a" : 0.10 ,"o":{"b":"y","p":{"c":null}}} "#);
        assert_eq!(
            [cells[a], cells[b], cells[c]],
            [Cell::Json("0.10"), Cell::Json("\"y\""), Cell::Json("null")]
        );
    }

    #[test]
    fn the_last_of_equal_keys_counts_and_lists_are_seen() {
        let mut shape = Shape::default();
        let (b, o) = (shape.slot(&["o", "b"]), shape.slot(&["o"]));
        assert_eq!(read(&shape, r#"{"o":{"b":1},"\u006f":{}}"#)[b], Cell::Missing);
        let cells = read(&shape, r#"{"o":[{"b":1}]}"#);
        assert_eq!([cells[b], cells[o]], [Cell::InList, Cell::Json(r#"[{"b":1}]"#)]);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        let shape = Shape::default();
        let deep = "[".repeat(100_000);
        for bad in ["", "[]", "1", "{", "{\"a\":}", "{} {}", "{\"a\":1,}", &deep] {
            assert!(shape.read(bad, &mut Vec::new()).is_err(), "{:?}", &bad[..bad.len().min(9)]);
        }
    }

    #[test]
    fn lists_are_cut_into_elements() {
        assert_eq!(elements("[1, {\"a\":[2]} ,\"x\"]").unwrap(), ["1", "{\"a\":[2]}", "\"x\""]);
        assert_eq!(elements("{}"), None);
    }
}
