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
use crate::{codes, explain::FieldInfo, key::KeyParts, stop::Stop, trace::Watch};

/// The columns and what goes into each.
#[derive(Debug, Default)]
pub struct Rows {
    columns: Vec<MappedColumn>,
}

#[derive(Debug)]
struct MappedColumn {
    column: Column,
    /// The column's place in the rows of an explanation.
    shown: String,
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
                    let suggestion = Localized::new(
                        "拆成几列，或用 beatFlat 展开成行",
                        "make columns of its parts, or flatten the list into rows with beatFlat",
                    );
                    problems.error_with(item.path, message, suggestion);
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
                let suggestion = Localized::new(
                    "给该项写 value 或 default，或把列改为可空",
                    "give the item a value or a default, or make the column nullable",
                );
                problems.error_with(column.path.clone(), message, suggestion);
            }
            let key_part = target.key.iter().position(|name| *name == column.name);
            let shown = format!("rows.{}", column.name);
            columns.push(MappedColumn { column, shown, scalar, key_part });
        }
        Self { columns }
    }

    /// The columns, for the reader of a report.
    pub fn fields(&self) -> Vec<FieldInfo> {
        self.columns
            .iter()
            .map(|mapped| FieldInfo::new(&mapped.column.name, mapped.scalar.as_deref()))
            .collect()
    }

    /// The items, for what they look up.
    pub fn scalars(&self) -> impl Iterator<Item = &Scalar> {
        self.columns.iter().filter_map(|mapped| mapped.scalar.as_deref())
    }

    /// Appends one row, and takes the key from it.
    pub fn write<'a>(
        &'a self,
        context: &Context<'_, 'a>,
        key: &mut KeyParts<'_>,
        body: &mut Vec<u8>,
        watch: Watch<'_>,
    ) -> Result<(), Stop> {
        body.push(b'[');
        for (index, mapped) in self.columns.iter().enumerate() {
            if index > 0 {
                body.push(b',');
            }
            let value = mapped.value(context);
            watch.field(&mapped.shown, mapped.scalar.as_deref(), context, value.as_ref());
            let value = value?;
            if let (Some(part), Some(text)) = (mapped.key_part, value.key_text()) {
                key.take(part, text);
            }
            value.write(body);
        }
        body.push(b']');
        Ok(())
    }
}

impl MappedColumn {
    /// The column's value, which fits into it.
    fn value<'a>(&'a self, context: &Context<'_, 'a>) -> Result<Output<'a>, Stop> {
        let name = self.column.name.as_str();
        let value = match &self.scalar {
            Some(scalar) => scalar.value(name, context)?,
            None => Output::Null,
        };
        let value = column::fit(value, self.column.kind, context.world.zone)
            .map_err(|problem| Refusal::new(codes::COLUMN, problem).at(name))?;
        if self.key_part.is_some() {
            if value.key_text().is_none() {
                let message = format!("the key column {name} has no value");
                return Err(Refusal::new(codes::NO_KEY, message).at(name).into());
            }
        } else if value == Output::Null && !self.column.nullable {
            let message = format!("the column {name} cannot be NULL");
            return Err(Refusal::new(codes::COLUMN, message).at(name).into());
        }
        Ok(value)
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
