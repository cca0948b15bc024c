//! What the site holds: documents by form, and the history of every write, so that a test can see a double.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    base_data::BaseRow,
    forms::{Entity, Field, Form, Kind},
};

/// Where a document stands (contract kingdee-galaxy §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum DocumentStatus {
    /// Z: 暂存.
    #[serde(rename = "Z")]
    Draft,
    /// A: 创建.
    #[serde(rename = "A")]
    Created,
    /// B: 审核中.
    #[serde(rename = "B")]
    InReview,
    /// C: 已审核.
    #[serde(rename = "C")]
    Audited,
    /// D: 重新审核.
    #[serde(rename = "D")]
    ToReaudit,
}

impl DocumentStatus {
    /// The letter of the field `FDocumentStatus`.
    pub(super) fn letter(self) -> &'static str {
        match self {
            Self::Draft => "Z",
            Self::Created => "A",
            Self::InReview => "B",
            Self::Audited => "C",
            Self::ToReaudit => "D",
        }
    }

    /// Whether the document may be changed or deleted.
    pub(super) fn is_open(self) -> bool {
        matches!(self, Self::Draft | Self::Created | Self::ToReaudit)
    }
}

/// A stored document.
#[derive(Debug, Clone, Serialize)]
pub struct Document {
    /// The internal id.
    pub id: i64,
    /// The business number.
    pub number: String,
    /// The number of the organisation within which the business number is unique.
    pub organisation: String,
    /// Where it stands.
    pub status: DocumentStatus,
    /// Its fields as they were last sent.
    pub fields: Map<String, Value>,
    /// How often a document of this number and organisation was created: more than 1 is a double, or a create after a delete.
    pub creates: usize,
    /// How often it was updated.
    pub updates: u32,
}

/// One write, in the order of the writes.
#[derive(Debug, Clone, Serialize)]
pub struct Write {
    /// What was done: `create`, `update`, `submit`, `audit`, `unaudit`, `delete`.
    pub action: &'static str,
    /// The form.
    pub form: &'static str,
    /// The internal id.
    pub id: i64,
    /// The business number.
    pub number: String,
}

/// Everything that was stored.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Store {
    /// The documents by form, in the order of their ids.
    documents: BTreeMap<&'static str, BTreeMap<i64, Document>>,
    /// Every write in its order.
    writes: Vec<Write>,
    /// Keys of `Model` the form does not know, as `<form>.<key>`, and how often they came.
    unknown_keys: BTreeMap<String, u64>,
    /// Creates that were refused because the number is in use, by number.
    duplicate_creates: BTreeMap<String, u64>,
    /// What is known of each number, by form and lower-case number.
    #[serde(skip)]
    numbers: BTreeMap<(&'static str, String), KnownNumber>,
    /// How many documents were ever created.
    #[serde(skip)]
    created: i64,
}

/// What is known of a number: which documents have it now, and how often one was created with it.
#[derive(Debug, Clone, Default)]
struct KnownNumber {
    ids: Vec<i64>,
    /// By the number of the organisation.
    creates: BTreeMap<String, usize>,
}

impl Store {
    /// A stored document by its form and number, for tests.
    pub fn document(&self, form: &str, number: &str) -> Option<&Document> {
        self.documents.get(form)?.values().find(|document| document.number == number)
    }

    /// The documents of a form in the order of their ids, for tests.
    pub fn documents(&self, form: &str) -> impl Iterator<Item = &Document> {
        self.documents.get(form).into_iter().flat_map(BTreeMap::values)
    }

    /// Keys of `Model` no form knows, as `<form>.<key>`, and how often they came.
    pub fn unknown_keys(&self) -> &BTreeMap<String, u64> {
        &self.unknown_keys
    }

    /// Creates that were refused because the number is in use, by number.
    pub fn duplicate_creates(&self) -> &BTreeMap<String, u64> {
        &self.duplicate_creates
    }

    /// Every write in its order, for tests.
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// A document by its internal id.
    pub(super) fn by_id(&self, form: &Form, id: i64) -> Option<&Document> {
        self.documents.get(form.id)?.get(&id)
    }

    /// The documents of a number, without regard to case, of one organisation or of all.
    pub(super) fn by_number<'s>(
        &'s self,
        form: &'static Form,
        number: &str,
        organisation: Option<&str>,
    ) -> impl Iterator<Item = &'s Document> {
        let known = self.numbers.get(&(form.id, number.to_lowercase()));
        let ids = known.map(|known| known.ids.as_slice()).unwrap_or_default();
        ids.iter().filter_map(|id| self.by_id(form, *id)).filter(move |document| {
            organisation.is_none_or(|organisation| same_text(&document.organisation, organisation))
        })
    }

    /// The id of the next document; ids are not used again.
    pub(super) fn next_id(&self) -> i64 {
        100_001 + self.created
    }

    /// Puts a document in place, and notes the write.
    pub(super) fn put(&mut self, form: &'static Form, mut document: Document, action: &'static str) {
        self.note(form, &document, action);
        self.forget_number(form, document.id);
        let known = self.numbers.entry((form.id, document.number.to_lowercase())).or_default();
        known.ids.push(document.id);
        let creates = known.creates.entry(document.organisation.to_lowercase()).or_insert(0);
        if action == "create" {
            *creates += 1;
            self.created += 1;
        }
        document.creates = *creates;
        self.documents.entry(form.id).or_default().insert(document.id, document);
    }

    /// Takes a document out of the index of numbers, before its number changes or it is deleted.
    fn forget_number(&mut self, form: &'static Form, id: i64) {
        let Some(number) = self.by_id(form, id).map(|document| document.number.to_lowercase()) else {
            return;
        };
        if let Some(known) = self.numbers.get_mut(&(form.id, number)) {
            known.ids.retain(|known| *known != id);
        }
    }

    /// Moves a document to another status, and notes the step.
    pub(super) fn advance(
        &mut self,
        form: &'static Form,
        id: i64,
        status: DocumentStatus,
        action: &'static str,
    ) {
        let Some(document) = self.documents.get_mut(form.id).and_then(|documents| documents.get_mut(&id))
        else {
            return;
        };
        document.status = status;
        let document = document.clone();
        self.note(form, &document, action);
    }

    /// Takes a document away, and notes it.
    pub(super) fn delete(&mut self, form: &'static Form, id: i64) {
        self.forget_number(form, id);
        let removed = self.documents.get_mut(form.id).and_then(|documents| documents.remove(&id));
        if let Some(document) = removed {
            self.note(form, &document, "delete");
        }
    }

    /// Counts a key the form does not know.
    pub(super) fn note_unknown_key(&mut self, form: &Form, key: &str) {
        *self.unknown_keys.entry(format!("{}.{key}", form.id)).or_insert(0) += 1;
    }

    /// Counts a create that was refused because its number is in use.
    pub(super) fn note_duplicate_create(&mut self, number: &str) {
        *self.duplicate_creates.entry(number.to_owned()).or_insert(0) += 1;
    }

    fn note(&mut self, form: &'static Form, document: &Document, action: &'static str) {
        self.writes.push(Write { action, form: form.id, id: document.id, number: document.number.clone() });
    }
}

/// Equal as the site's database compares: without regard to case.
pub fn same_text(one: &str, other: &str) -> bool {
    one == other || one.to_lowercase() == other.to_lowercase()
}

/// A column of a query or filter: what the site knows of a document, or a field of its header or parts.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    entity: Option<&'static Entity>,
    part: Part,
}

#[derive(Debug, Clone, Copy)]
enum Part {
    Id,
    Status,
    EntryId,
    EntrySeq,
    Plain(&'static Field),
    ReferenceId(&'static Field),
    ReferenceNumber(&'static Field),
    ReferenceName(&'static Field),
}

impl Column {
    /// The column of a key such as `FCreateOrgId.FNumber` or `FEntity_FSeq`, whatever its case.
    pub fn parse(form: &Form, key: &str) -> Option<Self> {
        let key = key.trim();
        if key.eq_ignore_ascii_case(form.id_key) {
            return Some(Self { entity: None, part: Part::Id });
        }
        if key.eq_ignore_ascii_case("FDocumentStatus") {
            return Some(Self { entity: None, part: Part::Status });
        }
        if let Some(column) = Self::of_row(form, key) {
            return Some(column);
        }
        // A key may name the part before the field.
        let within = key.split_once('.').filter(|(entity, _)| form.entity(entity).is_some());
        let key = within.map_or(key, |(_, key)| key);
        let (base, sub) = key.split_once('.').map_or((key, None), |(base, sub)| (base, Some(sub)));
        let (entity, field) = form.field(base)?;
        let part = match (field.kind, sub.map(str::to_ascii_lowercase).as_deref()) {
            (Kind::Reference(_), None) => Part::ReferenceId(field),
            (Kind::Reference(_), Some("fnumber")) => Part::ReferenceNumber(field),
            (Kind::Reference(_), Some("fname")) => Part::ReferenceName(field),
            (_, None) => Part::Plain(field),
            _ => return None,
        };
        Some(Self { entity, part })
    }

    /// What the site knows of a row: `FEntity_FEntryId` and `FEntity_FSeq`, or with a dot.
    fn of_row(form: &Form, key: &str) -> Option<Self> {
        let (entity, part) = key.split_once(['_', '.'])?;
        let mut entities = form.entities.iter().filter(|entity| entity.has_rows);
        let entity = entities.find(|known| known.key.eq_ignore_ascii_case(entity))?;
        let part = match part.to_ascii_lowercase().as_str() {
            "fentryid" => Part::EntryId,
            "fseq" => Part::EntrySeq,
            _ => return None,
        };
        Some(Self { entity: Some(entity), part })
    }

    /// The part whose rows the column is about; `None` for a column of the document as a whole.
    pub fn rows_of(&self) -> Option<&'static Entity> {
        self.entity.filter(|entity| entity.has_rows)
    }

    /// What a document has in the column; `row` counts from 0 and matters to columns of rows alone.
    pub fn value(self, document: &Document, row: usize) -> Value {
        let value = |field: &Field| document.value(self.entity, row, field);
        match self.part {
            Part::Id => json!(document.id),
            Part::Status => json!(document.status.letter()),
            Part::EntryId => json!(document.entry_id(row)),
            Part::EntrySeq => json!(row + 1),
            Part::Plain(field) => told(field, value(field)),
            Part::ReferenceId(field) => json!(referred(field, value(field)).map_or(0, |row| row.id)),
            Part::ReferenceNumber(field) => json!(referred(field, value(field)).map(|row| row.number)),
            Part::ReferenceName(field) => json!(referred(field, value(field)).map(|row| row.name)),
        }
    }
}

impl Document {
    /// A value of the header, of a part, or of a row of a part; `None` when it was never sent.
    pub(super) fn value(&self, entity: Option<&Entity>, row: usize, field: &Field) -> Option<&Value> {
        let Some(entity) = entity else { return self.fields.get(field.key) };
        let part = self.fields.get(entity.key)?;
        let part = if entity.has_rows { part.get(row)? } else { part };
        part.get(field.key)
    }

    /// How many rows a part has.
    pub(super) fn row_count(&self, entity: &Entity) -> usize {
        self.fields.get(entity.key).and_then(Value::as_array).map_or(0, Vec::len)
    }

    /// The id of a row: it stays while no row before it is deleted.
    pub(super) fn entry_id(&self, row: usize) -> i64 {
        self.id * 1_000 + i64::try_from(row).unwrap_or_default() + 1
    }
}

/// A value as queries tell it: numbers and switches as such, whatever they were sent as.
pub(super) fn told(field: &Field, value: Option<&Value>) -> Value {
    let text = value.map(super::body::text).unwrap_or_default();
    match field.kind {
        Kind::Decimal => text.trim().parse().map_or_else(|_| json!(0), Value::Number),
        Kind::Flag => json!(text.eq_ignore_ascii_case("true")),
        _ => json!(text),
    }
}

/// The base data row a reference names, if there is one.
pub(super) fn referred(field: &Field, value: Option<&Value>) -> Option<BaseRow> {
    let Kind::Reference(base) = field.kind else { return None };
    base.row(&reference_number(value?)?)
}

/// The number a reference is written with; `None` when it is blank or no reference at all.
pub fn reference_number(value: &Value) -> Option<String> {
    let number = super::body::text(super::body::find(value.as_object()?, "FNumber")?);
    (!number.trim().is_empty()).then_some(number)
}
