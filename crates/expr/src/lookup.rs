//! `_findCollection find <field> from <collection> where <a>={x} …` (contract qeasy-metadata §4): reference rows,
//! handed in.

use weir_model::lookup::{LookupIndex, Query};

use crate::{
    error::{Cause, CompileError},
    scope::{Context, Scope},
    template::{Macro, Template},
    value::{Value, shorten},
};

/// What starts a lookup, the blank included.
pub const KEYWORD: &str = "_findCollection ";
/// What ends a lookup inside a `_function`.
pub const END: &str = " _endFind";

/// A compiled lookup.
#[derive(Clone, Debug)]
pub struct Lookup {
    field: Box<str>,
    collection: Box<str>,
    conditions: Vec<(Box<str>, Template)>,
}

impl Lookup {
    /// Compiles what follows the keyword.
    pub fn compile(text: &str, scope: &mut Scope) -> Result<Self, CompileError> {
        let malformed = || {
            CompileError::new(
                format!("_findCollection 写法不对：{text:?}"),
                format!("_findCollection is malformed: {text:?}"),
            )
            .suggest(
                "写 _findCollection find 字段 from 集合 where 字段={值}",
                "write _findCollection find FIELD from COLLECTION where FIELD={value}",
            )
        };
        let rest = text.trim().strip_prefix("find ").ok_or_else(malformed)?;
        let (field, rest) = rest.split_once(" from ").ok_or_else(malformed)?;
        let (collection, rest) = rest.split_once(" where ").ok_or_else(malformed)?;
        let is_word = |word: &str| !word.is_empty() && !word.contains(char::is_whitespace);
        if !is_word(field.trim()) || !is_word(collection.trim()) {
            return Err(malformed());
        }
        let mut conditions = Vec::new();
        for (name, value) in
            split_conditions(rest).ok_or_else(|| not_equality(rest).unwrap_or_else(malformed))?
        {
            conditions.push((name.into(), Template::compile(value, scope)?));
        }
        let collection = scope.collection(collection.trim()).into();
        Ok(Self { field: field.trim().into(), collection, conditions })
    }

    /// The fields it looks up by.
    pub fn index(&self) -> LookupIndex {
        let mut fields: Vec<String> = self.conditions.iter().map(|(name, _)| name.to_string()).collect();
        fields.sort_unstable();
        LookupIndex { collection: self.collection.to_string(), fields }
    }

    /// The macros in it.
    pub fn macros(&self) -> impl Iterator<Item = &Macro> {
        self.conditions.iter().flat_map(|(_, template)| template.macros())
    }

    /// The answer; nothing found gives empty text.
    pub fn value<'a>(&'a self, context: &Context<'_, 'a>) -> Result<Value<'a>, Cause> {
        let found = context.world.lookups.find(&self.query(context)?).map_err(Cause::Lookup)?;
        Ok(Value::text(found.map(|found| found.text).unwrap_or_default()))
    }

    /// For a person: what is looked up, and the question with its answer.
    pub fn shown(&self, context: &Context<'_, '_>) -> (String, String) {
        let name = format!("{KEYWORD}find {} from {}", self.field, self.collection);
        let said = match self.query(context) {
            Err(cause) => cause.to_string(),
            Ok(query) => {
                let answer = match self.value(context) {
                    Ok(value) => value.to_string(),
                    Err(cause) => cause.to_string(),
                };
                format!("{}: {answer}", shorten(&query.reference()))
            }
        };
        (name, said)
    }

    fn query(&self, context: &Context<'_, '_>) -> Result<Query<'_>, Cause> {
        let mut conditions = Vec::with_capacity(self.conditions.len());
        for (name, template) in &self.conditions {
            conditions.push((name.as_ref(), template.text(context)?.into_owned()));
        }
        Ok(Query { collection: &self.collection, field: &self.field, conditions })
    }
}

/// What the vendor's language has not: other conditions than equality, other connections than AND.
fn not_equality(conditions: &str) -> Option<CompileError> {
    let lower = conditions.to_ascii_lowercase();
    let found =
        [" in (", " in(", " or ", " like ", "<", ">", "!="].into_iter().find(|word| lower.contains(word))?;
    let found = found.trim().trim_end_matches('(').trim_end().to_uppercase();
    let error = CompileError::new(
        format!("_findCollection 的条件只有相等和 AND，没有 {found}"),
        format!("a _findCollection looks up by equality and AND only, not by {found}"),
    );
    Some(error.suggest(
        "把判断放进 _function，或在集合中加一个可以相等比较的字段",
        "decide in a _function, or give the collection a field that can be equal",
    ))
}

/// `a={x} b='A' and c={y z}`: split only at a blank that is followed by `name=`.
fn split_conditions(text: &str) -> Option<Vec<(&str, &str)>> {
    let mut conditions = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        if !is_name(name) {
            return None;
        }
        let end = next_condition(after);
        let value = after.get(..end)?.trim();
        // Taken for a part of the value, an OR would turn the question into another one.
        if end < after.len() && value.to_ascii_lowercase().ends_with(" or") {
            return None;
        }
        let value =
            ["and", "AND"].iter().find_map(|and| value.strip_suffix(and)?.strip_suffix(' ')).unwrap_or(value);
        let quoted = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\''));
        conditions.push((name, quoted.unwrap_or(value)));
        rest = after.get(end..)?.trim_start();
    }
    (!conditions.is_empty()).then_some(conditions)
}

fn next_condition(text: &str) -> usize {
    let starts = text.match_indices(' ').map(|(at, _)| at);
    let mut begins = starts.filter(|at| {
        let after = text.get(at + 1..).unwrap_or_default();
        after.split_once('=').is_some_and(|(name, _)| is_name(name))
    });
    begins.next().unwrap_or(text.len())
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_split_at_names_only() {
        let split = split_conditions("a={x} b='A B' and c={{arr.c}}").unwrap();
        assert_eq!(split, [("a", "{x}"), ("b", "A B"), ("c", "{{arr.c}}")]);
        assert_eq!(split_conditions("state in (1,2)"), None);
        assert_eq!(split_conditions("a={x} or b={y}"), None);
        assert_eq!(split_conditions("a=x or y").unwrap(), [("a", "x or y")]);
        assert_eq!(split_conditions(""), None);
    }
}
