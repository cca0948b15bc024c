//! Reading: ExecuteBillQuery, BillQuery, View and QueryBusinessInfo (contract kingdee-galaxy §3 and §4).

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use super::{
    body::{Request, split, text},
    envelope::{Failure, Status},
    filter::Filter,
    forms::{Entity, Field, Form, Kind, property},
    steps::organisation,
    store::{Column, Document, Store, referred, told},
};

/// The most rows an answer has.
const LARGEST_LIMIT: usize = 10_000;
/// The rows of an answer whose call names no limit (the older help's maximum).
const DEFAULT_LIMIT: usize = 2_000;

/// What a query found: the keys asked for, and a row of values per document.
pub struct Rows {
    keys: Vec<String>,
    rows: Vec<Vec<Value>>,
}

impl Rows {
    /// As ExecuteBillQuery tells them.
    pub fn into_arrays(self) -> Value {
        json!(self.rows)
    }

    /// As BillQuery tells them.
    pub fn into_objects(self) -> Value {
        let object = |row: Vec<Value>| Value::Object(self.keys.iter().cloned().zip(row).collect());
        Value::Array(self.rows.into_iter().map(object).collect())
    }
}

/// Runs a query.
pub fn rows(store: &Store, form: &Form, request: &Request) -> Result<Rows, Failure> {
    let keys = split(&request.text("FieldKeys"));
    if keys.is_empty() {
        return Err(Failure::new(8, "参数FieldKeys不能为空"));
    }
    let column =
        |key: &String| Column::parse(form, key).ok_or_else(|| Failure::new(9, format!("字段{key}不存在")));
    let columns = keys.iter().map(column).collect::<Result<Vec<_>, _>>()?;
    let filter = Filter::read(form, request.get("FilterString"))?;
    let (start, top) = (request.whole("StartRow")?, request.whole("TopRowCount")?);
    let limit = match request.whole("Limit")? {
        0 => DEFAULT_LIMIT,
        limit if limit <= LARGEST_LIMIT => limit,
        _ => return Err(Failure::new(8, format!("参数Limit不能超过{LARGEST_LIMIT}"))),
    };
    // A column of rows multiplies the document over its rows.
    let used = columns.iter().copied().chain(filter.columns());
    let entity = used.filter_map(|column| column.rows_of()).next();
    let row_count = |document: &Document| entity.map_or(1, |entity| document.row_count(entity));
    let mut found: Vec<_> = store
        .documents(form.id)
        .flat_map(|document| (0..row_count(document)).map(move |row| (document, row)))
        .filter(|(document, row)| filter.passes(document, *row))
        .collect();
    sort(form, &mut found, &request.text("OrderString"))?;
    // TopRowCount is an absolute last row, not a page size.
    let end = if top == 0 { found.len() } else { top.min(found.len()) };
    let rows = found.into_iter().take(end).skip(start).take(limit);
    let rows = rows
        .map(|(document, row)| columns.iter().map(|column| column.value(document, row)).collect())
        .collect();
    Ok(Rows { keys, rows })
}

/// Sorts by `FNumber asc, FCUSTID desc`; documents that are equal in it stay in the order of their ids.
fn sort(form: &Form, documents: &mut [(&Document, usize)], order: &str) -> Result<(), Failure> {
    let mut keys = Vec::new();
    for part in split(order) {
        let mut words = part.split_whitespace();
        let key = words.next().unwrap_or_default();
        let column = Column::parse(form, key).ok_or_else(|| Failure::new(9, format!("字段{key}不存在")))?;
        keys.push((column, words.next().is_some_and(|word| word.eq_ignore_ascii_case("desc"))));
    }
    documents.sort_by(|one, other| {
        let by_key = |(column, descending): &(Column, bool)| {
            let order = compare(&column.value(one.0, one.1), &column.value(other.0, other.1));
            if *descending { order.reverse() } else { order }
        };
        keys.iter().map(by_key).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    });
    Ok(())
}

fn compare(one: &Value, other: &Value) -> Ordering {
    match (one.as_i64(), other.as_i64()) {
        (Some(one), Some(other)) => one.cmp(&other),
        _ => text(one).cmp(&text(other)),
    }
}

/// View: one document by number or id, with the property names of the help.
pub fn view(
    store: &Store,
    form: &'static Form,
    request: &Request,
) -> Result<(Status, Map<String, Value>), Failure> {
    let (number, id) = (request.text("Number"), request.text("Id"));
    let organisation = organisation(request);
    let found = if number.is_empty() {
        id.parse().ok().and_then(|id| store.by_id(form, id))
    } else {
        store.by_number(form, &number, organisation.as_deref()).next()
    };
    let document = found.ok_or_else(Failure::no_such_document)?;
    let mut shown = Map::new();
    shown.insert("Id".to_owned(), json!(document.id));
    shown.insert("DocumentStatus".to_owned(), json!(document.status.letter()));
    for field in form.fields {
        shown.insert(property(field.key).to_owned(), told_value(field, document.value(None, 0, field)));
    }
    for entity in form.entities {
        shown.insert(property(entity.key).to_owned(), told_entity(entity, document));
    }
    Ok((Status::default(), Map::from_iter([("Result".to_owned(), Value::Object(shown))])))
}

/// A part of a document as View tells it: always a list, also when the part has no rows.
fn told_entity(entity: &Entity, document: &Document) -> Value {
    let count = if entity.has_rows { document.row_count(entity) } else { 1 };
    let row = |index: usize| {
        let mut shown = Map::new();
        if entity.has_rows {
            shown.insert("Id".to_owned(), json!(document.entry_id(index)));
            shown.insert("Seq".to_owned(), json!(index + 1));
        }
        for field in entity.fields {
            let value = document.value(Some(entity), index, field);
            shown.insert(property(field.key).to_owned(), told_value(field, value));
        }
        Value::Object(shown)
    };
    (0..count).map(row).collect()
}

fn told_value(field: &Field, value: Option<&Value>) -> Value {
    match field.kind {
        Kind::Text(_) | Kind::Decimal | Kind::Date | Kind::Flag => told(field, value),
        Kind::LocalText(_) => json!([{ "Key": 2052, "Value": told(field, value) }]),
        Kind::Reference(_) => match referred(field, value) {
            Some(row) => json!({
                "Id": row.id, "Number": row.number, "Name": [{ "Key": 2052, "Value": row.name }],
            }),
            None => Value::Null,
        },
    }
}

/// QueryBusinessInfo: the fields of a form.
pub fn business_info(form: &Form) -> (Status, Map<String, Value>) {
    let entry = |key: &str, title: &str, fields: &'static [Field]| {
        let fields: Vec<_> = fields.iter().map(field_info).collect();
        json!({ "Key": key, "Name": [{ "Key": 2052, "Value": title }], "Fields": fields })
    };
    let mut entries = vec![entry("FBillHead", "单据头", form.fields)];
    entries.extend(form.entities.iter().map(|entity| entry(entity.key, entity.title, entity.fields)));
    let info = json!({
        "Id": form.id, "Name": [{ "Key": 2052, "Value": form.title }], "PkFieldName": form.id_key,
        "Entrys": entries,
    });
    (Status::default(), Map::from_iter([("NeedReturnData".to_owned(), info)]))
}

fn field_info(field: &Field) -> Value {
    let (element, length) = match field.kind {
        Kind::Text(length) => ("TextField", length),
        Kind::LocalText(length) => ("MultiLangTextField", length),
        Kind::Decimal => ("DecimalField", 0),
        Kind::Date => ("DateTimeField", 0),
        Kind::Flag => ("CheckBoxField", 0),
        Kind::Reference(_) => ("BaseDataField", 0),
    };
    json!({
        "Key": field.key, "Name": [{ "Key": 2052, "Value": field.label }], "PropertyName": property(field.key),
        "ElementType": element, "FieldLength": length, "MustInput": u8::from(field.mandatory),
    })
}
