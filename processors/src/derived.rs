//! `formatResponse` (contract qeasy-metadata §5): fields derived from the record's own. The vendor derives them when a
//! record is taken, before anything reads it. So do we: filter, checks, flattening and mapping all see the record with
//! its derived fields, which makes the contract's order (expression, `formatResponse`, parser) one of steps.
//!
//! Only flows that have such fields pay for it: their records are read as trees and written out again. Numbers keep
//! their text (invariant 5).

use std::borrow::Cow;

use jiff::tz::TimeZone;
use weir_expr::{Cause, Format, Value};
use weir_model::{
    Json,
    flow::SourceMetadata,
    outcome::Refusal,
    settings::{Localized, Problems},
};

use crate::{codes, flatten::read_tree, map::report};

/// The derived fields of a source, in the flow's order: a later one may read an earlier one.
#[derive(Debug, Default)]
pub struct DerivedFields(Vec<DerivedField>);

#[derive(Debug)]
struct DerivedField {
    /// Keys of the object, or list of objects, that holds both fields; empty for the record itself.
    holder: Vec<String>,
    old: Vec<String>,
    new: String,
    format: Format,
}

impl DerivedFields {
    /// Compiles the fields of a source.
    ///
    /// A field lies beside the one it is made of. For fields of rows both paths carry the list: `details.created`, or
    /// `details_created` where `beatFlat` flattens `details`.
    pub fn compile(source: &SourceMetadata, problems: &mut Problems) -> Self {
        let mut fields = Vec::new();
        for spec in &source.derived {
            let format = match Format::compile(&spec.format) {
                Ok(format) => format,
                Err(error) => {
                    report(&format!("{}.format", spec.path), error, problems);
                    continue;
                }
            };
            if spec.old.is_empty() || spec.new.is_empty() {
                continue;
            }
            let mut old = path_of(&spec.old, &source.beat_flat);
            let mut new = path_of(&spec.new, &source.beat_flat);
            let Some(name) = new.pop() else { continue };
            if !old.starts_with(&new) || (new.is_empty() && is_row_field(&spec.old, &source.beat_flat)) {
                let holder = spec.old.trim_end_matches(|c| c != '.' && c != '_');
                let message = Localized::new(
                    format!("{:?} 应与 {:?} 在同一层", spec.new, spec.old),
                    format!("{:?} must lie beside {:?}", spec.new, spec.old),
                );
                let suggestion =
                    Localized::new(format!("写 {holder}{name}"), format!("write {holder}{name}"));
                problems.error_with(format!("{}.new", spec.path), message, suggestion);
                continue;
            }
            let old = old.split_off(new.len());
            fields.push(DerivedField { holder: new, old, new: name, format });
        }
        Self(fields)
    }

    /// The record's text with its derived fields; the text itself when the flow has none.
    pub fn apply<'t>(&self, text: &'t str, zone: &TimeZone) -> Result<Cow<'t, str>, Refusal> {
        if self.0.is_empty() {
            return Ok(Cow::Borrowed(text));
        }
        let mut record = Json::Object(read_tree(text)?);
        for field in &self.0 {
            let refuse = |cause: Cause| {
                let message = format!("the format of {:?} does not fit: {cause}", field.new);
                Refusal::new(codes::TYPE, message).at(field.new.clone())
            };
            field.derive(&mut record, &field.holder, zone).map_err(refuse)?;
        }
        Ok(Cow::Owned(record.to_string()))
    }
}

/// The keys of a path; `details_created` is the element's `created` where `details` is flattened.
fn path_of(path: &str, flattened: &[String]) -> Vec<String> {
    for list in flattened {
        if let Some(key) = path.strip_prefix(list.as_str()).and_then(|rest| rest.strip_prefix('_')) {
            return vec![list.clone(), key.to_owned()];
        }
    }
    path.split('.').map(str::to_owned).collect()
}

fn is_row_field(path: &str, flattened: &[String]) -> bool {
    flattened
        .iter()
        .any(|list| path.strip_prefix(list.as_str()).is_some_and(|rest| rest.starts_with(['_', '.'])))
}

impl DerivedField {
    /// Derives the field in the object, or in each element of the list, that `holder` leads to. A holder that is not
    /// there has nothing to derive from.
    fn derive(&self, tree: &mut Json, holder: &[String], zone: &TimeZone) -> Result<(), Cause> {
        match (tree, holder.split_first()) {
            (Json::Array(elements), _) => {
                elements.iter_mut().try_for_each(|element| self.derive(element, holder, zone))
            }
            (Json::Object(object), Some((key, rest))) => match object.get_mut(key) {
                Some(inner) => self.derive(inner, rest, zone),
                None => Ok(()),
            },
            (tree @ Json::Object(_), None) => {
                let value = self.value(tree, zone)?;
                if let (Json::Object(object), Some(value)) = (tree, value) {
                    object.insert(self.new.clone(), value);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The formatted value; `None` when there is nothing to format.
    fn value(&self, object: &Json, zone: &TimeZone) -> Result<Option<Json>, Cause> {
        let mut found = object;
        for key in &self.old {
            match found {
                Json::Array(_) => return Err(Cause::InList),
                _ => match found.get(key) {
                    Some(inner) => found = inner,
                    None => return Ok(None),
                },
            }
        }
        if found.is_null() {
            return Ok(None);
        }
        let text = found.to_string();
        Ok(Some(match self.format.apply(Value::from_json(&text)?, zone)? {
            Value::Null => Json::Null,
            Value::Bool(flag) => Json::Bool(flag),
            value @ (Value::Written(_) | Value::Number(_) | Value::Json(_)) => {
                let text = value.into_text().into_owned();
                serde_json::from_str(&text).unwrap_or(Json::String(text))
            }
            value => Json::String(value.into_text().into_owned()),
        }))
    }
}
