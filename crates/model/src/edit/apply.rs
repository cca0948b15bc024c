//! Applying a rule to a payload.

use bytes::Bytes;

use super::{Change, Edit, EditError, Step, path::Segment};
use crate::Json;

impl Edit {
    /// The payload with the changes made; the same bytes where they change nothing.
    ///
    /// # Errors
    ///
    /// The payload is no JSON, or a step finds nothing to change: the error names its path.
    pub fn apply(&self, payload: &Bytes) -> Result<Bytes, EditError> {
        let before: Json =
            serde_json::from_slice(payload).map_err(|error| EditError::Payload(error.to_string()))?;
        let mut after = before.clone();
        for step in &self.steps {
            step.apply(&mut after)?;
        }
        // Order of keys counts for nothing in this comparison, and a renamed key is another one.
        Ok(if after == before { payload.clone() } else { Bytes::from(after.to_string()) })
    }
}

impl Step {
    fn apply(&self, payload: &mut Json) -> Result<(), EditError> {
        let matched = self.descend(payload, self.path.segments())?;
        match &self.change {
            _ if matched.changed > 0 => Ok(()),
            Change::Replace { from, .. } if matched.found > 0 => {
                Err(EditError::NoSuchText { path: self.path.to_string(), text: from.clone() })
            }
            _ => Err(EditError::Unmatched(self.path.to_string())),
        }
    }

    /// Goes down to the parents of what is changed.
    fn descend(&self, value: &mut Json, segments: &[Segment]) -> Result<Matched, EditError> {
        let (Some(first), rest) = (segments.first(), segments.get(1..).unwrap_or_default()) else {
            return Ok(Matched::default());
        };
        if rest.is_empty() {
            return self.change(value, first);
        }
        let mut matched = Matched::default();
        for child in children(value, first) {
            matched.add(&self.descend(child, rest)?);
        }
        Ok(matched)
    }

    fn change(&self, parent: &mut Json, last: &Segment) -> Result<Matched, EditError> {
        match (&self.change, last, parent) {
            (Change::Set(new), Segment::Key(key), Json::Object(entries)) => {
                entries.insert(key.clone(), new.clone());
                Ok(Matched::of(1))
            }
            (Change::Set(new), segment, parent) => {
                Ok(Matched::of(children(parent, segment).map(|child| *child = new.clone()).count()))
            }
            (Change::Remove, Segment::Key(key), Json::Object(entries)) => {
                Ok(Matched::of(usize::from(entries.shift_remove(key).is_some())))
            }
            (Change::Remove, Segment::Item(item), Json::Array(items)) if *item < items.len() => {
                items.remove(*item);
                Ok(Matched::of(1))
            }
            (Change::Remove, Segment::Items, Json::Array(items)) => Ok(Matched::of(items.drain(..).count())),
            (Change::Replace { from, to }, segment, parent) => {
                let mut matched = Matched::default();
                for child in children(parent, segment) {
                    matched.found += 1;
                    matched.changed += usize::from(self.replace_text(child, from, to)?);
                }
                Ok(matched)
            }
            (Change::Rename(name), Segment::Key(key), Json::Object(entries)) if entries.contains_key(key) => {
                if name != key && entries.contains_key(name) {
                    return Err(EditError::Taken { path: self.path.to_string(), to: name.clone() });
                }
                let renamed = std::mem::take(entries).into_iter();
                *entries = renamed
                    .map(|(old, value)| (if old == *key { name.clone() } else { old }, value))
                    .collect();
                Ok(Matched::of(1))
            }
            _ => Ok(Matched::default()),
        }
    }

    /// Whether the value held the text.
    fn replace_text(&self, value: &mut Json, from: &str, to: &str) -> Result<bool, EditError> {
        let before = match &*value {
            Json::String(text) => text.clone(),
            Json::Number(number) => number.to_string(),
            Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => return Ok(false),
        };
        if !before.contains(from) {
            return Ok(false);
        }
        let after = before.replace(from, to);
        *value = if value.is_string() {
            Json::String(after)
        } else {
            match serde_json::from_str::<Json>(&after) {
                Ok(number @ Json::Number(_)) => number,
                _ => return Err(EditError::NoNumber { path: self.path.to_string(), text: after }),
            }
        };
        Ok(true)
    }
}

/// How much a step found at its path.
#[derive(Debug, Default)]
struct Matched {
    /// Values there are at the path.
    found: usize,
    /// Values that the step applied to.
    changed: usize,
}

impl Matched {
    fn of(changed: usize) -> Self {
        Self { found: changed, changed }
    }

    fn add(&mut self, other: &Self) {
        self.found += other.found;
        self.changed += other.changed;
    }
}

/// The values one step down.
fn children<'v>(value: &'v mut Json, segment: &Segment) -> Box<dyn Iterator<Item = &'v mut Json> + 'v> {
    match (value, segment) {
        (Json::Object(entries), Segment::Key(key)) => Box::new(entries.get_mut(key).into_iter()),
        (Json::Array(items), Segment::Item(item)) => Box::new(items.get_mut(*item).into_iter()),
        (Json::Array(items), Segment::Items) => Box::new(items.iter_mut()),
        _ => Box::new(std::iter::empty()),
    }
}
