//! Save, Draft and BatchSave: documents are checked and stored one by one, each all or nothing (contract
//! kingdee-galaxy §3 and §5).

use serde_json::{Map, Value, json};

use crate::{Fault, calls::Call, world::World};

use super::{
    body::{Request, text},
    envelope::{Failure, Status},
    forms::{Field, Form, Kind},
    store::{Column, Document, DocumentStatus, reference_number},
};

/// A status with what else the operation tells, or the failure of the call as a whole.
pub type SaveOutcome = Result<(Status, Map<String, Value>), Failure>;

/// The parameters of a save that the sandbox heeds.
struct SaveSettings {
    draft: bool,
    verify_base_data: bool,
    submit_and_audit: bool,
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

/// BatchSave: every document for itself.
pub fn batch_save(world: &mut World, call: &Call, form: &'static Form, request: &Request) -> SaveOutcome {
    let settings = SaveSettings::read(request, false);
    let Some(Value::Array(models)) = request.get("Model") else {
        return Err(Failure::new(8, "参数Model必须是JSON数组"));
    };
    let mut status = Status::default();
    let mut returned = Vec::new();
    for (index, model) in models.iter().enumerate() {
        let saved = match model.as_object() {
            Some(model) => save_one(world, call, form, model, &settings),
            None => Err(vec![Failure::new(8, "Model的元素必须是JSON对象")]),
        };
        returned.extend(tell(&mut status, index, world, form, &settings, saved));
    }
    Ok((status, Map::from_iter([("NeedReturnData".to_owned(), Value::Array(returned))])))
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
            let fields = settings
                .return_fields
                .iter()
                .filter_map(|key| Some((key.clone(), Column::parse(form, key)?.value(document))));
            Some(Value::Object(fields.collect()))
        }
        Err(failures) => {
            for failure in &failures {
                status.fail(index, failure);
            }
            None
        }
    }
}

/// Checks and stores one document.
fn save_one(
    world: &mut World,
    call: &Call,
    form: &'static Form,
    model: &Map<String, Value>,
    settings: &SaveSettings,
) -> Result<Saved, Vec<Failure>> {
    for key in model.keys().filter(|key| !form.knows(key)) {
        world.kingdee.store.note_unknown_key(form, key);
    }
    let former = former(world, form, model).map_err(|failure| vec![failure])?;
    let fields = merged(form, former.as_ref(), model, &settings.update_only);
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
        document.number = format!("CUST{id:06}");
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
    update_only: &[String],
) -> Map<String, Value> {
    let mut fields = former.map(|former| former.fields.clone()).unwrap_or_default();
    let only_some = former.is_some() && !update_only.is_empty();
    for (key, value) in model {
        let wanted = !only_some || update_only.iter().any(|named| named.eq_ignore_ascii_case(key));
        if form.knows(key) && key != form.id_key && wanted {
            fields.insert(key.clone(), value.clone());
        }
    }
    fields
}

/// Every reason for which a document cannot be stored.
fn check(
    world: &mut World,
    form: &'static Form,
    document: &Document,
    settings: &SaveSettings,
) -> Result<(), Vec<Failure>> {
    let mut failures: Vec<_> =
        form.fields.iter().filter_map(|field| check_field(field, document, settings).err()).collect();
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

fn check_field(field: &Field, document: &Document, settings: &SaveSettings) -> Result<(), Failure> {
    let refuse = |words: String| Err(Failure::of_field(field.key, words));
    let value = document.fields.get(field.key).unwrap_or(&Value::Null);
    let is_blank = match field.kind {
        Kind::Text(longest) | Kind::LocalText(longest) => {
            if value.is_object() || value.is_array() {
                return refuse(format!("字段“{}”的值格式不正确", field.label));
            }
            let length = text(value).chars().count();
            if length > longest {
                return refuse(format!("字段“{}”的长度{length}超过最大长度{longest}", field.label));
            }
            text(value).trim().is_empty()
        }
        Kind::Reference(base) => {
            if !value.is_null() && !value.is_object() {
                return refuse(format!("字段“{}”的值格式不正确", field.label));
            }
            match reference_number(value) {
                Some(number) if base.row(&number).is_none() => {
                    if settings.verify_base_data {
                        return refuse(format!("字段“{}”的基础资料编码“{number}”不存在", field.label));
                    }
                    // Not verified, an unknown number resolves to nothing.
                    true
                }
                Some(_) => false,
                None => true,
            }
        }
    };
    if is_blank && field.mandatory && !settings.draft {
        return refuse(format!("字段“{}”是必填项", field.label));
    }
    Ok(())
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
