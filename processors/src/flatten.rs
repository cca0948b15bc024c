//! `beatFlat` (contract qeasy-metadata §7): one row per element of a list, several lists as a cross product. A list
//! without elements, or that is not there, keeps one row.

use weir_expr::{Cell, Cells, Context, Reference, Scope, Shape, elements};
use weir_model::outcome::Refusal;

use crate::{codes, filter::RowMasks};

/// The lists that are flattened.
#[derive(Debug, Default)]
pub struct Flatten {
    lists: Vec<FlatList>,
}

#[derive(Debug)]
struct FlatList {
    name: String,
    list: Reference,
    shape: Shape,
}

impl Flatten {
    /// Enters the lists into `scope`; [`Flatten::finish`] completes it.
    pub fn compile(names: &[String], scope: &mut Scope) -> Self {
        let list = |name: &String| FlatList {
            name: name.clone(),
            list: scope.flatten(name),
            shape: Shape::default(),
        };
        Self { lists: names.iter().map(list).collect() }
    }

    /// Takes the shapes that the mapping's expressions asked of the elements.
    pub fn finish(&mut self, shapes: impl Iterator<Item = Shape>) {
        for (list, shape) in self.lists.iter_mut().zip(shapes) {
            list.shape = shape;
        }
    }

    /// Calls `row` for each combination of elements, which stand in the context's frames meanwhile.
    pub fn rows<'a>(
        &'a self,
        context: &mut Context<'_, 'a>,
        masks: &RowMasks,
        row: &mut dyn FnMut(&mut Context<'_, 'a>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        descend(&self.lists, context, masks, row)
    }
}

fn descend<'a>(
    lists: &'a [FlatList],
    context: &mut Context<'_, 'a>,
    masks: &RowMasks,
    row: &mut dyn FnMut(&mut Context<'_, 'a>) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let Some((list, rest)) = lists.split_first() else { return row(context) };
    let rows = kept_elements(&list.list, &list.name, context, masks)?.unwrap_or_default();
    if rows.is_empty() {
        context.frames.push(Cells::new());
        let done = descend(rest, context, masks, row);
        context.frames.pop();
        return done;
    }
    for json in rows {
        context.frames.push(read_element(&list.shape, json, &list.name)?);
        let done = descend(rest, context, masks, row);
        context.frames.pop();
        done?;
    }
    Ok(())
}

/// The elements of a list that the filter keeps; `None` when the record has no such list.
pub fn kept_elements<'a>(
    list: &Reference,
    name: &str,
    context: &Context<'_, 'a>,
    masks: &RowMasks,
) -> Result<Option<Vec<&'a str>>, Refusal> {
    let json = match list.cell(context) {
        Cell::Json("null") | Cell::Missing => return Ok(None),
        Cell::Json(json) => json,
        Cell::InList => return Err(no_list(name, "lies in another list")),
    };
    let Some(mut rows) = elements(json) else { return Err(no_list(name, "is not a list")) };
    masks.retain(name, &mut rows);
    Ok(Some(rows))
}

/// Reads the fields of one element.
pub fn read_element<'a>(shape: &Shape, json: &'a str, name: &str) -> Result<Cells<'a>, Refusal> {
    let mut cells = Cells::new();
    match shape.read(json, &mut cells) {
        Ok(()) => Ok(cells),
        Err(_) => Err(no_list(name, "holds an element that is not an object")),
    }
}

fn no_list(name: &str, problem: &str) -> Refusal {
    Refusal::new(codes::PAYLOAD, format!("the record's field {name:?} {problem}")).at(name)
}
