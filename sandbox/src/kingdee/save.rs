//! Save, Draft and BatchSave: documents are checked and stored one by one, each all or nothing (contract
//! kingdee-galaxy §3 and §5).

use serde_json::{Map, Value, json};

use crate::{Fault, Rule, calls::Call, world::World};

use super::{
    body::{Request, text},
    check::{self, Strictness},
    envelope::{Failure, Status},
    forms::{ENTRY_ID, Form},
    store::{Column, Document, DocumentStatus, reference_number},
};

/// A status with what else the operation tells, or the failure of the call as a whole.
pub type SaveOutcome = Result<(Status, Map<String, Value>), Failure>;

/// The parameters of a save that the sandbox heeds.
struct SaveSettings {
    draft: bool,
    verify_base_data: bool,
    submit_and_audit: bool,
    /// On an update, rows that are not sent are deleted.
    delete_rows: bool,
    update_only: Vec<String>,
    return_fields: Vec<String>,
}

/// A document that was stored.
struct Saved {
    id: i64,
    number: String,
    /// What went wrong after it was stored: its submit or audit.
    later: Option<Failure>,
}

impl SaveSettings {
    fn read(request: &Request, draft: bool) -> Self {
        Self {
            draft,
            verify_base_data: request.switch("IsVerifyBaseDataField"),
            submit_and_audit: request.switch("IsAutoSubmitAndAudit") && !draft,
            delete_rows: request.get("IsDeleteEntry").is_none() || request.switch("IsDeleteEntry"),
            update_only: request.names("NeedUpDateFields"),
            return_fields: request.names("NeedReturnFields"),
        }
    }
}

/// Save and Draft: one document.
pub fn save(
    world: &mut World,
    call: &Call,
    form: &'static Form,
    request: &Request,
    draft: bool,
) -> SaveOutcome {
    let settings = SaveSettings::read(request, draft);
    let Some(Value::Object(model)) = request.get("Model") else {
        return Err(Failure::new(8, "参数Model必须是JSON对象"));
    };
    let mut status = Status::default();
    let mut more = Map::new();
    let saved = save_one(world, call, form, model, &settings);
    let (id, number) = match &saved {
        Ok(saved) => (json!(saved.id), json!(saved.number)),
        Err(_) => (json!(""), json!("")),
    };
    more.insert("Id".to_owned(), id);
    more.insert("Number".to_owned(), number);
    let returned = tell(&mut status, 0, world, form, &settings, saved);
    more.insert("NeedReturnData".to_owned(), json!([returned.unwrap_or_else(|| json!({}))]));
    Ok((status, more))
}

/// BatchSave: every document for itself, unless a knob says otherwise.
pub fn batch_save(world: &mut World, call: &Call, form: &'static Form, request: &Request) -> SaveOutcome {
    let settings = SaveSettings::read(request, false);
    let Some(Value::Array(models)) = request.get("Model") else {
        return Err(Failure::new(8, "参数Model必须是JSON数组"));
    };
    let all_or_none = world.strikes(Fault::UnnamedRefusal, call);
    let before = all_or_none.as_ref().map(|_| world.kingdee.store.clone());
    let mut status = Status::default();
    let mut returned = Vec::new();
    for (index, model) in models.iter().enumerate() {
        let saved = match model.as_object() {
            Some(model) => save_one(world, call, form, model, &settings),
            None => Err(vec![Failure::new(8, "Model的元素必须是JSON对象")]),
        };
        returned.extend(tell(&mut status, index, world, form, &settings, saved));
    }
    if let (Some(rule), Some(before)) = (all_or_none, before)
        && status.is_failure()
    {
        world.kingdee.store = before;
        return Ok((unnamed(&rule), Map::new()));
    }
    if world.strikes(Fault::HalfTold, call).is_some() {
        status.forget_from(models.len() / 2);
    }
    Ok((status, Map::from_iter([("NeedReturnData".to_owned(), Value::Array(returned))])))
}

/// A failure of all documents of a batch that does not tell whose it is.
fn unnamed(rule: &Rule) -> Status {
    let failure = Failure::new(4, "批量保存失败，所有单据均未保存");
    if rule.code.as_deref() == Some("first") {
        return Status::failed(&failure);
    }
    let mut status = Status::default();
    status.fail_unnamed(&failure);
    status
}

/// Writes the outcome of one document into the status; gives what is to be returned of a stored one.
fn tell(
    status: &mut Status,
    index: usize,
    world: &World,
    form: &Form,
    settings: &SaveSettings,
    saved: Result<Saved, Vec<Failure>>,
) -> Option<Value> {
    match saved {
        Ok(saved) => {
            status.succeed(index, saved.id, &saved.number);
            if let Some(failure) = &saved.later {
                status.fail(index, failure);
            }
            let document = world.kingdee.store.by_id(form, saved.id)?;
            Some(returned(form, document, &settings.return_fields))
        }
        Err(failures) => {
            for failure in &failures {
                status.fail(index, failure);
            }
            None
        }
    }
}

/// The values `NeedReturnFields` asks for; those of rows stand in a list under their part.
fn returned(form: &Form, document: &Document, keys: &[String]) -> Value {
    let mut fields = Map::new();
    for key in keys {
        let Some(column) = Column::parse(form, key) else { continue };
        let Some(entity) = column.rows_of() else {
            fields.insert(key.clone(), column.value(document, 0));
            continue;
        };
        let blank = vec![json!({}); document.row_count(entity)];
        let rows = fields.entry(entity.key).or_insert_with(|| Value::Array(blank));
        let name = key.split_once('.').map_or(key.as_str(), |(_, name)| name);
        for (index, row) in rows.as_array_mut().into_iter().flatten().enumerate() {
            if let Some(row) = row.as_object_mut() {
                row.insert(name.to_owned(), column.value(document, index));
            }
        }
    }
    Value::Object(fields)
}

/// Checks and stores one document.
fn save_one(
    world: &mut World,
    call: &Call,
    form: &'static Form,
    model: &Map<String, Value>,
    settings: &SaveSettings,
) -> Result<Saved, Vec<Failure>> {
    note_unknown_keys(world, form, model);
    let former = former(world, form, model).map_err(|failure| vec![failure])?;
    let fields = merged(form, former.as_ref(), model, settings);
    let id = former.as_ref().map_or_else(|| world.kingdee.store.next_id(), |former| former.id);
    let mut document = Document {
        id,
        number: fields.get(form.number_key).map(text).unwrap_or_default(),
        organisation: fields.get(form.organisation_key).and_then(reference_number).unwrap_or_default(),
        status: former.as_ref().map_or(DocumentStatus::Created, |former| former.status),
        creates: 0,
        updates: former.as_ref().map_or(0, |former| former.updates + 1),
        fields,
    };
    if document.number.trim().is_empty() {
        // The server numbers a document that comes without a number.
        document.number = format!("{}{id:06}", form.number_prefix);
        document.fields.insert(form.number_key.to_owned(), document.number.clone().into());
    }
    check(world, form, &document, settings)?;
    document.status = match document.status {
        _ if settings.draft => DocumentStatus::Draft,
        DocumentStatus::Draft => DocumentStatus::Created,
        status => status,
    };
    let number = document.number.clone();
    world.kingdee.store.put(form, document, if former.is_some() { "update" } else { "create" });
    let later =
        if settings.submit_and_audit { submit_and_audit(world, call, form, id, &number) } else { None };
    Ok(Saved { id, number, later })
}

/// The document an update is about; `None` for a create.
fn former(world: &World, form: &Form, model: &Map<String, Value>) -> Result<Option<Document>, Failure> {
    let id = match model.get(form.id_key).map(text) {
        None => 0,
        Some(id) if id.is_empty() => 0,
        Some(id) => id
            .parse::<i64>()
            .map_err(|_| Failure::of_field(form.id_key, format!("字段“{}”的值不是整数", form.id_key)))?,
    };
    if id <= 0 {
        return Ok(None);
    }
    let former = world.kingdee.store.by_id(form, id).cloned();
    let former = former.ok_or_else(|| Failure::new(10, format!("内码为{id}的{}不存在", form.title)))?;
    if former.status.is_open() {
        return Ok(Some(former));
    }
    let state = if former.status == DocumentStatus::Audited { "已审核" } else { "已提交" };
    let words = format!("编码为“{}”的{}{state}，不允许修改", former.number, form.title);
    Err(Failure { msg_code: 11, field: Some(String::new()), message: words })
}

/// The fields a document has after the write: those sent over those it had.
fn merged(
    form: &Form,
    former: Option<&Document>,
    model: &Map<String, Value>,
    settings: &SaveSettings,
) -> Map<String, Value> {
    let update_only = &settings.update_only;
    let mut fields = former.map(|former| former.fields.clone()).unwrap_or_default();
    let only_some = former.is_some() && !update_only.is_empty();
    for (key, value) in model {
        let named = |key: &str| update_only.iter().any(|named| named.eq_ignore_ascii_case(key));
        let entity = form.entity(key);
        let within = entity.is_some_and(|entity| entity.fields.iter().any(|field| named(field.key)));
        if !form.knows(key) || key == form.id_key || (only_some && !named(key) && !within) {
            continue;
        }
        let value = match (former, value) {
            (Some(former), Value::Array(rows)) if entity.is_some_and(|entity| entity.has_rows) => {
                merged_rows(former, key, rows, settings)
            }
            _ => value.clone(),
        };
        fields.insert(key.clone(), value);
    }
    fields
}

/// The rows after an update: a row that carries the id of a former one is laid over it; the former ones that are not
/// sent stay only when `IsDeleteEntry` is false.
fn merged_rows(former: &Document, key: &str, sent: &[Value], settings: &SaveSettings) -> Value {
    let mut former_rows = former.fields.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut rows = Vec::new();
    for row in sent {
        let id = row.get(ENTRY_ID).map(text).and_then(|id| id.parse::<i64>().ok());
        let index = (0..former_rows.len()).find(|index| Some(former.entry_id(*index)) == id);
        let known = index.and_then(|index| former_rows.get_mut(index));
        match (known, row) {
            (Some(Value::Object(known)), Value::Object(row)) => {
                known.extend(row.clone());
                rows.push(Value::Object(known.clone()));
            }
            _ => rows.push(row.clone()),
        }
    }
    if settings.delete_rows {
        return Value::Array(rows);
    }
    let is_new = |row: &Value| row.get(ENTRY_ID).map(text).is_none_or(|id| matches!(id.as_str(), "" | "0"));
    former_rows.extend(sent.iter().filter(|row| is_new(row)).cloned());
    Value::Array(former_rows)
}

/// Counts the keys neither the form nor its parts know.
fn note_unknown_keys(world: &mut World, form: &'static Form, model: &Map<String, Value>) {
    let store = &mut world.kingdee.store;
    for (key, value) in model {
        let Some(entity) = form.entity(key) else {
            if !form.knows(key) {
                store.note_unknown_key(form, key);
            }
            continue;
        };
        let rows = value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice);
        for key in rows.iter().filter_map(Value::as_object).flat_map(Map::keys) {
            if !entity.knows(key) {
                store.note_unknown_key(form, &format!("{}.{key}", entity.key));
            }
        }
    }
}

/// Every reason for which a document cannot be stored.
fn check(
    world: &mut World,
    form: &'static Form,
    document: &Document,
    settings: &SaveSettings,
) -> Result<(), Vec<Failure>> {
    let strictness = Strictness { mandatory: !settings.draft, base_data: settings.verify_base_data };
    let mut failures = check::failures(form, document, strictness);
    if world.faults.knobs().refused_numbers().contains(&document.number) {
        let words = format!("编码为“{}”的{}已被信用管控冻结，不允许保存", document.number, form.title);
        failures.push(Failure::of_field(form.number_key, words));
    }
    let store = &mut world.kingdee.store;
    let in_use = store
        .by_number(form, &document.number, Some(&document.organisation))
        .any(|other| other.id != document.id);
    if in_use {
        store.note_duplicate_create(&document.number);
        let words = format!("违反字段唯一性要求：编码唯一。[{}]在当前系统中已经被使用。", document.number);
        failures.push(Failure::of_field(form.number_key, words));
    }
    if failures.is_empty() { Ok(()) } else { Err(failures) }
}

/// The further steps of `IsAutoSubmitAndAudit`. A refused audit leaves a stored document in review.
fn submit_and_audit(
    world: &mut World,
    call: &Call,
    form: &'static Form,
    id: i64,
    number: &str,
) -> Option<Failure> {
    world.kingdee.store.advance(form, id, DocumentStatus::InReview, "submit");
    if world.strikes(Fault::AuditRefused, call).is_some() {
        let words = format!("编码为“{number}”的{}审核失败：当前用户没有审核权限", form.title);
        return Some(Failure { msg_code: 11, field: Some(String::new()), message: words });
    }
    world.kingdee.store.advance(form, id, DocumentStatus::Audited, "audit");
    None
}
