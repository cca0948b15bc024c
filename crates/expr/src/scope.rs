//! Which fields an expression may read: paths are resolved to slots at load, against the head of the record and the
//! lists that are bound around the expression.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use weir_model::{
    flow::{Language, language::RowKeys},
    lookup::Lookups,
};

use crate::{
    error::Cause,
    shape::{Cell, Cells, Shape},
    value::Value,
};

/// A path of a macro, resolved: the places to look, in order.
#[derive(Clone, Debug)]
pub struct Reference {
    path: Box<str>,
    /// Frame and slot.
    places: Vec<(usize, usize)>,
}

impl Reference {
    /// The path as the expression has it.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The value of the first place that has the key; nothing when none has it.
    pub fn value<'a>(&self, context: &Context<'_, 'a>) -> Result<Value<'a>, Cause> {
        self.cell(context).value()
    }

    /// The JSON text of the first place that has the key.
    pub fn cell<'a>(&self, context: &Context<'_, 'a>) -> Cell<'a> {
        for (frame, slot) in &self.places {
            let cell = context.frames.get(*frame).and_then(|cells| cells.get(*slot)).copied();
            match cell.unwrap_or_default() {
                Cell::Missing => {}
                found => return found,
            }
        }
        Cell::Missing
    }
}

/// What a flow says about its expressions: how the language is read where it is silent, and the names of collections.
#[derive(Clone, Debug, Default)]
pub struct Dialect {
    /// The settings of the language (contract decisions "Mapping language").
    pub language: Language,
    /// Names that lookups use, such as the vendor's UUIDs, and the collections they stand for.
    pub aliases: BTreeMap<String, String>,
}

/// What is known while expressions are compiled: frame 0 is the head of the record, then come the flattened lists,
/// then the lists that array items are bound to.
#[derive(Debug, Default)]
pub struct Scope {
    dialect: Dialect,
    frames: Vec<Frame>,
}

#[derive(Debug)]
struct Frame {
    /// Path of the list; empty for the head.
    list: String,
    /// Whether the element's keys are read as `<list>_<key>` of the head.
    flat: bool,
    shape: Shape,
}

impl Scope {
    /// A scope with the head of the record only.
    pub fn new(dialect: Dialect) -> Self {
        Self { dialect, frames: vec![Frame { list: String::new(), flat: false, shape: Shape::default() }] }
    }

    /// How the language is read.
    pub fn language(&self) -> &Language {
        &self.dialect.language
    }

    /// The collection that a lookup means by `name`: its alias, else the name itself.
    pub fn collection(&self, name: &str) -> String {
        self.dialect.aliases.get(name).map_or(name, String::as_str).to_owned()
    }

    /// How many frames there are: the number of the next one.
    pub fn depth(&self) -> usize {
        self.frames.len()
    }

    /// The lists that items around the expression are bound to, the innermost first.
    pub fn bound_lists(&self) -> impl Iterator<Item = &str> {
        self.frames.iter().skip(1).rev().filter(|frame| !frame.flat).map(|frame| frame.list.as_str())
    }

    /// Flattens a list of the head for all that is compiled afterwards (`beatFlat`, contract qeasy-metadata §7): its
    /// element's key `goods` is read as `<list>_goods`. The answer reads the list itself.
    pub fn flatten(&mut self, list: &str) -> Reference {
        let reference = self.resolve(list);
        self.frames.push(Frame { list: list.to_owned(), flat: true, shape: Shape::default() });
        reference
    }

    /// Binds a list for what is compiled until [`Scope::leave`]; the answer reads the list itself.
    pub fn enter(&mut self, list: &str) -> Reference {
        let reference = self.resolve(list);
        self.frames.push(Frame { list: list.to_owned(), flat: false, shape: Shape::default() });
        reference
    }

    /// Ends the innermost binding; the answer reads one element of its list.
    pub fn leave(&mut self) -> Shape {
        self.frames.pop().map(|frame| frame.shape).unwrap_or_default()
    }

    /// Resolves a path such as `a`, `a.b` or, inside an item bound to `a`, `a.b` of its element. The key is looked for
    /// as written, then, unless the flow says `row_keys: exact`, without `<list>_` (contract qeasy-metadata §3).
    pub fn resolve(&mut self, path: &str) -> Reference {
        let optional_prefix = self.dialect.language.row_keys == RowKeys::OptionalPrefix;
        let mut places = Vec::new();
        for (index, frame) in self.frames.iter_mut().enumerate().rev() {
            let separator = if frame.flat { '_' } else { '.' };
            let of_list =
                path.strip_prefix(frame.list.as_str()).and_then(|rest| rest.strip_prefix(separator));
            let Some(key) = of_list.filter(|_| index > 0) else { continue };
            places.push((index, frame.shape.slot(&split(key))));
            if frame.flat {
                continue;
            }
            let last = frame.list.rsplit('.').next().unwrap_or_default();
            let short = key.strip_prefix(last).and_then(|rest| rest.strip_prefix('_'));
            if let Some(short) = short.filter(|_| optional_prefix) {
                places.push((index, frame.shape.slot(&split(short))));
            }
            return Reference { path: path.into(), places };
        }
        if let Some(head) = self.frames.first_mut() {
            places.push((0, head.shape.slot(&split(path))));
        }
        Reference { path: path.into(), places }
    }

    /// The shapes of the head and of the flattened lists, in order.
    pub fn finish(self) -> Vec<Shape> {
        self.frames.into_iter().map(|frame| frame.shape).collect()
    }
}

fn split(path: &str) -> Vec<&str> {
    path.split('.').collect()
}

/// What an evaluation sees: the cells of each frame and the world around the record.
pub struct Context<'w, 'a> {
    /// Cells of the head, the flattened elements and the bound elements.
    pub frames: Vec<Cells<'a>>,
    /// The world.
    pub world: &'w World<'w>,
    /// The rows that a filter kept; `None` keeps all.
    pub kept: Option<&'w dyn KeptRows>,
}

impl<'w, 'a> Context<'w, 'a> {
    /// A record whose lists are whole.
    pub fn new(world: &'w World<'w>, frames: Vec<Cells<'a>>) -> Self {
        Self { frames, world, kept: None }
    }
}

/// The rows of the record's lists that a filter kept: aggregates see no others.
pub trait KeptRows {
    /// Removes from `rows`, the elements of `list` in order, those that the filter removed.
    fn retain(&self, list: &str, rows: &mut Vec<&str>);
}

/// Told which branches of expressions are taken, for the coverage of tests.
pub trait Probe {
    /// A branch was taken: its place in [`crate::Expression::branches`] of the expression with this text.
    fn branch(&self, expression: &str, branch: usize);
}

/// What is the same for a whole record.
pub struct World<'w> {
    /// `NOW()`: when the raw topic took the record, so that a replay gives the same document.
    pub now: Timestamp,
    /// The connection's zone.
    pub zone: &'w TimeZone,
    /// Reference rows.
    pub lookups: &'w dyn Lookups,
    /// Who wants to know which branches are taken.
    pub probe: Option<&'w dyn Probe>,
}

impl World<'_> {
    /// `NOW()` in whole seconds, as MySQL gives it.
    pub fn local_now(&self) -> DateTime {
        let second = Timestamp::from_second(self.now.as_second()).unwrap_or(self.now);
        self.zone.to_datetime(second)
    }
}

#[cfg(test)]
mod tests {
    use weir_model::lookup::NoLookups;

    use super::*;

    fn value(reference: &Reference, shapes: &[&Shape], texts: &[&'static str]) -> String {
        let world =
            World { now: Timestamp::UNIX_EPOCH, zone: &TimeZone::UTC, lookups: &NoLookups, probe: None };
        let mut context = Context::new(&world, Vec::new());
        for (shape, text) in shapes.iter().zip(texts) {
            let mut cells = Cells::new();
            shape.read(text, &mut cells).unwrap();
            context.frames.push(cells);
        }
        reference.value(&context).map_or_else(|cause| cause.to_string(), |value| value.to_string())
    }

    #[test]
    fn rows_are_read_by_the_exact_key_first() {
        let mut scope = Scope::new(Dialect::default());
        scope.enter("product_list");
        let count = scope.resolve("product_list.product_list_count");
        let head = scope.resolve("order_no");
        let row = scope.leave();
        let shapes = scope.finish();
        let shapes = [&shapes[0], &row];
        let order = r#"{"order_no":"X1"}"#;
        assert_eq!(value(&count, &shapes, &[order, r#"{"count":4}"#]), "4");
        assert_eq!(value(&count, &shapes, &[order, r#"{"count":4,"product_list_count":5}"#]), "5");
        assert_eq!(value(&head, &shapes, &[order, "{}"]), "\"X1\"");
    }

    #[test]
    fn exact_keys_are_a_setting() {
        let language = Language { row_keys: RowKeys::Exact, ..Language::default() };
        let mut scope = Scope::new(Dialect { language, ..Dialect::default() });
        scope.enter("rows");
        let count = scope.resolve("rows.rows_count");
        let row = scope.leave();
        let shapes = scope.finish();
        assert_eq!(value(&count, &[&shapes[0], &row], &["{}", r#"{"count":4}"#]), "null");
    }

    #[test]
    fn flattened_keys_carry_the_name_of_the_list() {
        let mut scope = Scope::new(Dialect::default());
        scope.flatten("details");
        let goods = scope.resolve("details_goods");
        let shapes = scope.finish();
        let shapes = [&shapes[0], &shapes[1]];
        assert_eq!(value(&goods, &shapes, &["{}", r#"{"goods":"g"}"#]), "\"g\"");
        assert_eq!(value(&goods, &shapes, &[r#"{"details_goods":"h"}"#, "{}"]), "\"h\"");
    }

    #[test]
    fn a_list_that_is_not_bound_is_an_error() {
        let mut scope = Scope::new(Dialect::default());
        let lost = scope.resolve("items.name");
        let shapes = scope.finish();
        let said = value(&lost, &[&shapes[0]], &[r#"{"items":[{"name":1}]}"#]);
        assert!(said.contains("lies in a list"), "{said}");
    }
}
