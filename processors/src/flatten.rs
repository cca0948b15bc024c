//! `beatFlat` (contract qeasy-metadata §7): one row per element of a list, several lists as a cross product. A list
//! without elements, or that is not there, keeps one row; `empty_list: drop` leaves the record out.

use weir_expr::{Cell, Cells, Context, Reference, Scope, Shape, elements};
use weir_model::{Json, flow::language::EmptyList, outcome::Refusal};

use crate::{codes, filter::RowMasks, stop::Stop};

/// A record as flat rows, each with keys of the head and `<list>_<key>` of the elements.
pub type FlatRow = serde_json::Map<String, Json>;

/// The lists that are flattened.
#[derive(Debug, Default)]
pub struct Flatten {
    lists: Vec<FlatList>,
    drop_empty: bool,
}

#[derive(Debug)]
struct FlatList {
    name: String,
    list: Reference,
    shape: Shape,
}

/// How a row came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowOrigin {
    /// Every list is empty: the row is the whole record.
    Record,
    /// Of elements that the filter keeps.
    Kept,
    /// Of elements, one of which the filter removed.
    Removed,
}

impl RowOrigin {
    /// The row with one more element.
    fn with(self, kept: bool) -> Self {
        if kept && self != Self::Removed { Self::Kept } else { Self::Removed }
    }
}

/// What is done with a row.
type Visit<'v, 'a> = dyn FnMut(RowOrigin, &mut Context<'_, 'a>) -> Result<(), Stop> + 'v;

impl Flatten {
    /// Enters the lists into `scope`; [`Flatten::finish`] completes it.
    pub fn compile(names: &[String], scope: &mut Scope) -> Self {
        let list = |name: &String| FlatList {
            name: name.clone(),
            list: scope.flatten(name),
            shape: Shape::default(),
        };
        let lists = names.iter().map(list).collect();
        Self { lists, drop_empty: scope.language().empty_list == EmptyList::Drop }
    }

    /// Takes the shapes that the mapping's expressions asked of the elements.
    pub fn finish(&mut self, shapes: impl Iterator<Item = Shape>) {
        for (list, shape) in self.lists.iter_mut().zip(shapes) {
            list.shape = shape;
        }
    }

    /// Whether nothing is flattened.
    pub fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    /// Calls `row` for each combination of elements, which stand in the context's frames meanwhile. Those that the
    /// filter removed come too, so that what is numbered keeps its number.
    pub fn rows<'a>(
        &'a self,
        context: &mut Context<'_, 'a>,
        masks: &RowMasks,
        row: &mut Visit<'_, 'a>,
    ) -> Result<(), Stop> {
        self.descend(&self.lists, RowOrigin::Record, context, masks, row)
    }

    /// The flat rows of a record for a person; the record itself when nothing is flattened.
    pub fn shown(&self, text: &str, masks: &RowMasks) -> Vec<Json> {
        let Ok(record) = serde_json::from_str::<FlatRow>(text) else { return Vec::new() };
        let lists: Vec<String> = self.lists.iter().map(|list| list.name.clone()).collect();
        let empty = if self.drop_empty { EmptyList::Drop } else { EmptyList::Keep };
        let rows = flat_rows(&record, &lists, masks, empty).unwrap_or_default();
        rows.into_iter().map(Json::Object).collect()
    }

    fn descend<'a>(
        &'a self,
        lists: &'a [FlatList],
        origin: RowOrigin,
        context: &mut Context<'_, 'a>,
        masks: &RowMasks,
        row: &mut Visit<'_, 'a>,
    ) -> Result<(), Stop> {
        let Some((list, rest)) = lists.split_first() else { return row(origin, context) };
        let rows = all_elements(&list.list, &list.name, context)?.unwrap_or_default();
        let kept = masks.of(&list.name);
        let is_kept = |index: usize| kept.is_none_or(|kept| kept.get(index).copied().unwrap_or(false));
        if !(0..rows.len()).any(is_kept) {
            if self.drop_empty {
                return Ok(());
            }
            context.frames.push(Cells::new());
            let done = self.descend(rest, origin, context, masks, row);
            context.frames.pop();
            return done;
        }
        // One buffer serves all elements.
        let mut cells = Cells::new();
        for (index, json) in rows.into_iter().enumerate() {
            read_element(&list.shape, json, &list.name, &mut cells)?;
            context.frames.push(cells);
            let done = self.descend(rest, origin.with(is_kept(index)), context, masks, row);
            cells = context.frames.pop().unwrap_or_default();
            done?;
        }
        Ok(())
    }
}

/// A record as a tree. Numbers keep their text (invariant 5).
pub fn read_tree(text: &str) -> Result<FlatRow, Refusal> {
    serde_json::from_str(text).map_err(|error| {
        Refusal::new(
            codes::PAYLOAD,
            format!("the record is not a JSON object that can be rearranged: {error}"),
        )
    })
}

/// The flat rows of a record as trees, without the elements that the filter removed: for what needs every field, such
/// as grouping, and for people.
pub fn flat_rows(
    record: &FlatRow,
    lists: &[String],
    masks: &RowMasks,
    empty: EmptyList,
) -> Result<Vec<FlatRow>, Refusal> {
    let mut rows = vec![record.clone()];
    for list in lists {
        let mut longer = Vec::new();
        for mut row in rows {
            let mut elements = match row.shift_remove(list) {
                Some(Json::Array(elements)) => elements,
                None | Some(Json::Null) => Vec::new(),
                Some(_) => return Err(no_list(list, "is not a list")),
            };
            masks.retain(list, &mut elements);
            if elements.is_empty() && empty == EmptyList::Keep {
                longer.push(row);
                continue;
            }
            for element in elements {
                let Json::Object(element) = element else {
                    return Err(no_list(list, "holds an element that is not an object"));
                };
                let mut flat = row.clone();
                flat.extend(element.into_iter().map(|(key, value)| (format!("{list}_{key}"), value)));
                longer.push(flat);
            }
        }
        rows = longer;
    }
    Ok(rows)
}

/// The elements of a list that the filter keeps; `None` when the record has no such list.
pub fn kept_elements<'a>(
    list: &Reference,
    name: &str,
    context: &Context<'_, 'a>,
    masks: &RowMasks,
) -> Result<Option<Vec<&'a str>>, Refusal> {
    let mut rows = all_elements(list, name, context)?;
    if let Some(rows) = &mut rows {
        masks.retain(name, rows);
    }
    Ok(rows)
}

fn all_elements<'a>(
    list: &Reference,
    name: &str,
    context: &Context<'_, 'a>,
) -> Result<Option<Vec<&'a str>>, Refusal> {
    match list.cell(context) {
        Cell::Json("null") | Cell::Missing => Ok(None),
        Cell::Json(json) => elements(json).map(Some).ok_or_else(|| no_list(name, "is not a list")),
        Cell::InList => Err(no_list(name, "lies in another list")),
    }
}

/// Reads the fields of one element into `cells`.
pub fn read_element<'a>(
    shape: &Shape,
    json: &'a str,
    name: &str,
    cells: &mut Cells<'a>,
) -> Result<(), Refusal> {
    shape.read(json, cells).map_err(|_| no_list(name, "holds an element that is not an object"))
}

fn no_list(name: &str, problem: &str) -> Refusal {
    Refusal::new(codes::PAYLOAD, format!("the record's field {name:?} {problem}")).at(name)
}
