//! Submit, Audit, UnAudit and Delete: steps of documents that are stored already.

use serde_json::Value;

use crate::{Fault, calls::Call, world::World};

use super::{
    body::{Request, find, split, text},
    envelope::{Failure, Status},
    forms::Form,
    store::{Document, DocumentStatus, Store},
};

/// A step in the life of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Submit,
    Audit,
    UnAudit,
    Delete,
}

impl Step {
    /// The step that `ExcuteOperation` names.
    pub fn named(name: &str) -> Result<Self, Failure> {
        match name.to_ascii_lowercase().as_str() {
            "submit" => Ok(Self::Submit),
            "audit" => Ok(Self::Audit),
            "unaudit" => Ok(Self::UnAudit),
            "delete" => Ok(Self::Delete),
            "" => Err(Failure::new(3, "操作编码不能为空")),
            _ => Err(Failure::new(4, format!("操作{name}不存在"))),
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Submit => "提交",
            Self::Audit => "审核",
            Self::UnAudit => "反审核",
            Self::Delete => "删除",
        }
    }

    /// Why a document that stands so cannot take the step.
    fn obstacle(self, status: DocumentStatus) -> Option<&'static str> {
        match (self, status) {
            (Self::Submit | Self::Delete, status) if status.is_open() => None,
            (Self::Audit, DocumentStatus::InReview) | (Self::UnAudit, DocumentStatus::Audited) => None,
            (_, DocumentStatus::Audited) => Some("已审核"),
            (_, DocumentStatus::InReview) => Some("已提交"),
            _ => Some("未提交"),
        }
    }

    /// Takes the step with a document, whatever its status.
    fn take(self, store: &mut Store, form: &'static Form, id: i64) {
        match self {
            Self::Submit => store.advance(form, id, DocumentStatus::InReview, "submit"),
            Self::Audit => store.advance(form, id, DocumentStatus::Audited, "audit"),
            Self::UnAudit => store.advance(form, id, DocumentStatus::ToReaudit, "unaudit"),
            Self::Delete => store.delete(form, id),
        }
    }
}

/// Takes the step for every document named, each for itself.
pub fn take(
    world: &mut World,
    call: &Call,
    form: &'static Form,
    request: &Request,
    step: Step,
) -> Result<Status, Failure> {
    let named = named_documents(&world.kingdee.store, form, request)?;
    let mut status = Status::default();
    for (index, found) in named.into_iter().enumerate() {
        let taken = found.and_then(|document| {
            take_one(world, call, form, &document, step)?;
            Ok(document)
        });
        match taken {
            Ok(document) => status.succeed(index, document.id, &document.number),
            Err(failure) => status.fail(index, &failure),
        }
    }
    Ok(status)
}

fn take_one(
    world: &mut World,
    call: &Call,
    form: &'static Form,
    document: &Document,
    step: Step,
) -> Result<(), Failure> {
    let refused = |words: String| Failure { msg_code: 11, field: Some(String::new()), message: words };
    let (number, title, label) = (&document.number, form.title, step.label());
    if let Some(obstacle) = step.obstacle(document.status) {
        return Err(refused(format!("编码为“{number}”的{title}{obstacle}，不允许{label}")));
    }
    if step == Step::Audit && world.strikes(Fault::AuditRefused, call).is_some() {
        return Err(refused(format!("编码为“{number}”的{title}审核失败：当前用户没有审核权限")));
    }
    step.take(&mut world.kingdee.store, form, document.id);
    Ok(())
}

/// Takes the step as a person does who works with the same documents: those that a call names or updates, as far as
/// they stand so that it can be taken.
pub fn take_as_person(store: &mut Store, form: &'static Form, request: &Request, step: Step) {
    let named = named_documents(store, form, request).unwrap_or_default();
    let models = match request.get("Model") {
        Some(Value::Array(models)) => models.as_slice(),
        Some(model) => std::slice::from_ref(model),
        None => &[],
    };
    let updated = models
        .iter()
        .filter_map(|model| model.get(form.id_key))
        .filter_map(|id| text(id).parse::<i64>().ok());
    let mut ids: Vec<i64> = named.into_iter().flatten().map(|document| document.id).collect();
    ids.extend(updated);
    for id in ids {
        let status = store.by_id(form, id).map(|document| document.status);
        if status.is_some_and(|status| step.obstacle(status).is_none()) {
            step.take(store, form, id);
        }
    }
}

/// The documents a call names by `Numbers` or by `Ids`, in its order.
fn named_documents(
    store: &Store,
    form: &'static Form,
    request: &Request,
) -> Result<Vec<Result<Document, Failure>>, Failure> {
    let organisation = organisation(request);
    let numbers = request.names("Numbers");
    if !numbers.is_empty() {
        let find = |number: &String| {
            let mut found = store.by_number(form, number, organisation.as_deref());
            found.next().cloned().ok_or_else(Failure::no_such_document)
        };
        return Ok(numbers.iter().map(find).collect());
    }
    let ids = match request.get("Ids") {
        Some(Value::String(joined)) => split(joined),
        // A list is cut to its first element in silence, as a client measured (contract kingdee-galaxy §3).
        Some(Value::Array(ids)) => ids.iter().take(1).map(text).collect(),
        Some(id) => vec![text(id)],
        None => Vec::new(),
    };
    if ids.is_empty() {
        return Err(Failure::new(8, "参数Numbers和Ids不能同时为空"));
    }
    let find = |id: &String| {
        let document = id.parse().ok().and_then(|id| store.by_id(form, id));
        document.cloned().ok_or_else(Failure::no_such_document)
    };
    Ok(ids.iter().map(find).collect())
}

/// The organisation a call is kept to: `CreateOrgId` as a reference, or as a number.
pub fn organisation(request: &Request) -> Option<String> {
    let given = match request.get("CreateOrgId")? {
        Value::Object(reference) => find(reference, "FNumber").map(text).unwrap_or_default(),
        other => text(other),
    };
    (!matches!(given.as_str(), "" | "0")).then_some(given)
}
