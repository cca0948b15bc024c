//! Rows of a SQL target: one value per column, in the columns' order.

use weir_expr::{Context, Output};
use weir_model::{
    flow::{Column, TableSpec, TargetSpec},
    outcome::Refusal,
    settings::{Localized, Problems},
};

use super::{
    column,
    item::{Content, Item, Scalar},
};
use crate::{codes, key::KeyParts};

/// The columns and what goes into each.
#[derive(Debug, Default)]
pub struct Rows {
    columns: Vec<MappedColumn>,
}

#[derive(Debug)]
struct MappedColumn {
    column: Column,
    /// `None` writes NULL: the item has neither value nor default.
    scalar: Option<Box<Scalar>>,
    /// Its place in the business key.
    key_part: Option<usize>,
}

impl Rows {
    /// Pairs the items with the columns of the same names. Every column needs an item and every item a column.
    pub fn compile(items: Vec<Item>, table: TableSpec, target: &TargetSpec, problems: &mut Problems) -> Self {
        let request = &target.metadata.request;
        check_names(&table, target, problems);
        let mut scalars = Vec::with_capacity(items.len());
        for item in items {
            match item.content {
                Content::Scalar(scalar) if scalar.parsers.keys().next().is_none() => {
                    scalars.push((item.field, scalar));
                }
                _ => {
                    let message =
                        Localized::new("列只能取单个值", "a column takes one value, no object and no list");
                    problems.error(item.path, message);
                }
            }
        }
        let mut columns = Vec::with_capacity(table.columns.len());
        for column in table.columns {
            let scalar = scalars.iter().position(|(field, _)| *field == column.name);
            let scalar = scalar.map(|index| scalars.swap_remove(index).1);
            if scalar.is_none() && !column.nullable && request.iter().any(|item| item.field == column.name) {
                let name = &column.name;
                let message = Localized::new(
                    format!("列 {name:?} 不能为空，但没有取值"),
                    format!("the column {name:?} cannot be NULL, and its item has no value"),
                );
                problems.error(column.path.clone(), message);
            }
            let key_part = target.key.iter().position(|name| *name == column.name);
            columns.push(MappedColumn { column, scalar, key_part });
        }
        Self { columns }
    }

    /// Appends one row, and takes the key from it.
    pub fn write<'a>(
        &'a self,
        context: &Context<'_, 'a>,
        key: &mut KeyParts<'_>,
        body: &mut Vec<u8>,
    ) -> Result<(), Refusal> {
        body.push(b'[');
        for (index, mapped) in self.columns.iter().enumerate() {
            if index > 0 {
                body.push(b',');
            }
            let name = mapped.column.name.as_str();
            let value = match &mapped.scalar {
                Some(scalar) => scalar.value(name, context)?,
                None => Output::Null,
            };
            let value = column::fit(value, mapped.column.kind, context.world.zone)
                .map_err(|problem| Refusal::new(codes::COLUMN, problem).at(name))?;
            match (mapped.key_part, value.key_text()) {
                (Some(part), Some(text)) => key.take(part, text),
                (None, _) if value == Output::Null && !mapped.column.nullable => {
                    let message = format!("the column {name} cannot be NULL");
                    return Err(Refusal::new(codes::COLUMN, message).at(name));
                }
                (Some(_), None) => {
                    let message = format!("the key column {name} has no value");
                    return Err(Refusal::new(codes::NO_KEY, message).at(name));
                }
                (None, _) => {}
            }
            value.write(body);
        }
        body.push(b']');
        Ok(())
    }
}

/// Wrong column count: names what is missing on either side.
fn check_names(table: &TableSpec, target: &TargetSpec, problems: &mut Problems) {
    let request = &target.metadata.request;
    let absent = |names: Vec<&str>| if names.is_empty() { "—".to_owned() } else { names.join(", ") };
    let without_item: Vec<&str> = table
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .filter(|name| request.iter().all(|item| item.field != *name))
        .collect();
    let without_column: Vec<&str> = request
        .iter()
        .map(|item| item.field.as_str())
        .filter(|field| !field.is_empty() && table.columns.iter().all(|column| column.name != *field))
        .collect();
    if table.columns.is_empty() || (without_item.is_empty() && without_column.is_empty()) {
        return;
    }
    let (columns, items) = (table.columns.len(), request.len());
    let (no_item, no_column) = (absent(without_item), absent(without_column));
    problems.error_with(
        format!("{}.request", target.metadata.path),
        Localized::new(
            format!("列数不符：表有 {columns} 列，映射有 {items} 项；缺映射的列：{no_item}；表中没有的字段：{no_column}"),
            format!(
                "wrong column count: {columns} columns, {items} items; columns without an item: {no_item}; \
                 items without a column: {no_column}"
            ),
        ),
        Localized::new(
            "使 target.settings.columns 与 request 的字段一一对应",
            "let target.settings.columns and the request's fields agree one by one",
        ),
    );
}
