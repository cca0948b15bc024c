//! The target's decisions, pure: what is sent of a document, what a look-up shows, and what to do with it. What an answer
//! means is read in `outcome`.

use std::collections::HashMap;

use serde_json::Map;
use weir_clients::kingdee::{Query, Selection, answer, query};
use weir_model::Json;
use weir_model::outcome::{Code, Outcome, Refusal};
use weir_model::target::Delivery;

use super::config::{Form, OnChange, Writing};
use super::run::Sending;
use crate::erp::batch;
use crate::erp::equality::is_equal;
use crate::erp::outcome::{AUDITED, CHANGED, CONFLICT, GONE, KEY};

/// A document ready to be sent.
#[derive(Clone, Debug)]
pub(super) struct Draft<'a> {
    /// Its place in the batch.
    pub(super) at: usize,
    /// What the sink knows of it.
    pub(super) delivery: &'a Delivery,
    /// The document as sent, without its internal id.
    pub(super) model: Map<String, Json>,
    /// The number.
    pub(super) number: String,
    /// The organisation; empty for a form without one.
    pub(super) organisation: String,
}

/// A document as the target stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    /// Its internal id.
    pub(super) id: String,
    /// Its number.
    pub(super) number: String,
    /// Z draft, A created, B in review, C audited, D to be re-audited.
    pub(super) status: String,
    /// How its content compares with what was sent.
    pub(super) content: Content,
}

/// How a stored content compares with the one that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// All that was sent is what is stored.
    Same,
    /// It differs.
    Other,
    /// It cannot be seen, for this reason.
    Unseen(String),
}

impl Stored {
    /// A document whose audit was taken back.
    pub(super) fn un_audited(id: &str, number: &str) -> Self {
        let (id, number, status) = (id.to_owned(), number.to_owned(), "D".to_owned());
        Self { id, number, status, content: Content::Other }
    }

    /// Whether all that was sent is what is stored.
    pub(super) fn is_same(&self) -> bool {
        self.content == Content::Same
    }
}

/// What to do with a document.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Plan {
    /// It is not there: create it.
    Create,
    /// It is there and ours: save over it.
    Update { id: String },
    /// It is there, ours and audited: take its audit back, then save over it.
    UnAudit(Stored),
    /// It is there with this content: only its missing steps are left.
    Finish(Stored),
    /// Nothing is left to do.
    Settled(Outcome),
}

impl<'a> Draft<'a> {
    /// Reads a document's body; one without a business key is refused, for the server would number it and nothing would
    /// protect it from being written twice (contract kingdee-galaxy §9).
    pub(super) fn read(at: usize, delivery: &'a Delivery, form: &Form) -> Result<Self, Outcome> {
        let reject = |code: Code, text: String| Outcome::Reject(Refusal::new(code, text));
        let model: Map<String, Json> = serde_json::from_slice(&delivery.document.body)
            .map_err(|error| reject(KEY, format!("the document is no JSON object: {error}")))?;
        let number = answer::text(model.get(&form.number_field));
        if number.trim().is_empty() {
            let refusal =
                Refusal::new(KEY, format!("{} is empty", form.number_field)).at(form.number_field.clone());
            return Err(Outcome::Reject(refusal));
        }
        let organisation =
            form.organisation_field.as_ref().and_then(|field| model.get(field)).and_then(reference);
        batch::refuse_changed_key(delivery)?;
        Ok(Self { at, delivery, model, number, organisation: organisation.unwrap_or_default() })
    }

    /// The business key without letter case: what the server compares.
    pub(super) fn identity(&self) -> (String, String) {
        (self.organisation.to_lowercase(), self.number.to_lowercase())
    }
}

/// The number of a reference, however its key is spelt.
fn reference(value: &Json) -> Option<String> {
    let (_, number) = value.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case("FNumber"))?;
    Some(answer::text(Some(number)))
}

/// The body of BatchSave for documents, each with its internal id when it updates.
pub(super) fn request(writing: &Writing, batch: &[Sending<'_>]) -> Json {
    let model = |Sending { draft, update, .. }: &Sending<'_>| {
        let mut model = Map::new();
        if let Some(id) = update {
            let number = serde_json::from_str::<serde_json::Number>(id).ok().map(Json::Number);
            model.insert(writing.form.id_field.clone(), number.unwrap_or_else(|| Json::String(id.clone())));
        }
        // An id that the mapping sends itself never overrides the one that was found.
        let own = draft.model.iter().filter(|(key, _)| **key != writing.form.id_field);
        model.extend(own.map(|(key, value)| (key.clone(), value.clone())));
        Json::Object(model)
    };
    let mut data = writing.parameters.clone();
    data.insert("Model".to_owned(), Json::Array(batch.iter().map(model).collect()));
    Json::Object(data)
}

/// A query for the stored state of documents: status, and exactly the keys that were sent.
pub(super) fn look_up(form: &Form, drafts: &[Draft<'_>]) -> Query {
    let mut query = look_up_bare(form, drafts);
    for draft in drafts {
        let (header, rows) = sent(&draft.model, form);
        for (key, _) in header.into_iter().chain(rows.into_iter().flatten().flatten()) {
            if !query.fields.contains(&key) {
                query.fields.push(key);
            }
        }
    }
    // Rows of one document may come on two pages, so their order must not change between these.
    if let Some(entry) = drafts.iter().find_map(|draft| entries(&draft.model).next()) {
        query.order = format!("{},{entry}_FEntryId", query.order);
    }
    query
}

/// A query for the status of documents alone.
pub(super) fn look_up_bare(form: &Form, drafts: &[Draft<'_>]) -> Query {
    let mut fields = vec![form.id_field.clone(), form.number_field.clone(), "FDocumentStatus".to_owned()];
    fields.extend(form.organisation_field.iter().map(|field| format!("{field}.FNumber")));
    let mut numbers: Vec<&str> = drafts.iter().map(|draft| draft.number.as_str()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    Query {
        form: form.id.clone(),
        fields,
        filter: query::in_list(&form.number_field, numbers),
        order: form.id_field.clone(),
    }
}

/// The names of a document's lists of rows.
fn entries(model: &Map<String, Json>) -> impl Iterator<Item = &str> {
    model.iter().filter(|(_, value)| value.is_array()).map(|(key, _)| key.as_str())
}

type Sent = Vec<(String, Json)>;

/// What was sent, as query keys and values: the header with its sub-heads, and the rows of its entry. `None` for rows
/// that a query cannot tell apart: those of two entries multiply each other.
fn sent(model: &Map<String, Json>, form: &Form) -> (Sent, Option<Vec<Sent>>) {
    let mut header = Sent::new();
    let mut rows = Some(Vec::new());
    let mut entries = 0;
    for (key, value) in model.iter().filter(|(key, _)| **key != form.id_field) {
        match (reference(value), value) {
            (Some(number), _) => header.push((format!("{key}.FNumber"), Json::String(number))),
            (None, Json::Object(sub_head)) => header.extend(sent(sub_head, form).0),
            (None, Json::Array(list)) => {
                entries += 1;
                rows = (entries == 1)
                    .then(|| list.iter().filter_map(Json::as_object).map(|row| sent(row, form).0).collect());
            }
            (None, scalar) => header.push((key.clone(), scalar.clone())),
        }
    }
    (header, rows)
}

/// Finds a draft among the rows of [`look_up`]. Exactly spelt keys are preferred, then those that differ in case
/// (contract decisions, "Business key"). `unseen` is why the query asks for no content.
pub(super) fn found(
    form: &Form,
    draft: &Draft<'_>,
    query: &Query,
    rows: &[Vec<Json>],
    unseen: Option<&str>,
) -> Option<Stored> {
    let columns: HashMap<&str, usize> =
        query.fields.iter().enumerate().map(|(at, field)| (field.as_str(), at)).collect();
    let cell = |row: &Vec<Json>, field: &str| columns.get(field).and_then(|at| row.get(*at)).cloned();
    let text = |row: &Vec<Json>, field: &str| answer::text(cell(row, field).as_ref());
    let organisation = form.organisation_field.as_ref().map(|field| format!("{field}.FNumber"));
    let matches = |row: &Vec<Json>, same: fn(&str, &str) -> bool| {
        let in_organisation =
            |field: &String| draft.organisation.is_empty() || same(&text(row, field), &draft.organisation);
        same(&text(row, &form.number_field), &draft.number)
            && organisation.as_ref().is_none_or(in_organisation)
    };
    let exactly = |left: &str, right: &str| left == right;
    let without_case = |left: &str, right: &str| left.to_lowercase() == right.to_lowercase();
    let first = rows
        .iter()
        .find(|row| matches(row, exactly))
        .or_else(|| rows.iter().find(|row| matches(row, without_case)))?;
    let id = text(first, &form.id_field);
    let of_document: Vec<_> = rows.iter().filter(|row| text(row, &form.id_field) == id).collect();
    let content = match unseen {
        Some(reason) => Content::Unseen(reason.to_owned()),
        None => content(&columns, &of_document, sent(&draft.model, form)),
    };
    Some(Stored {
        number: text(first, &form.number_field),
        status: text(first, "FDocumentStatus"),
        content,
        id,
    })
}

/// How the rows of one document compare with what was sent of it.
fn content(
    columns: &HashMap<&str, usize>,
    stored: &[&Vec<Json>],
    (header, entry): (Sent, Option<Vec<Sent>>),
) -> Content {
    let cell = |row: &Vec<Json>, field: &str| columns.get(field).and_then(|at| row.get(*at)).cloned();
    let agrees = |row: &Vec<Json>, sent: &Sent| {
        sent.iter().all(|(key, value)| cell(row, key).is_some_and(|stored| is_equal(value, &stored)))
    };
    if !stored.first().is_some_and(|first| agrees(first, &header)) {
        return Content::Other;
    }
    let Some(entry) = entry else {
        return Content::Unseen("rows of several lists cannot be told apart by a query".to_owned());
    };
    // Rows may come in any order, so each sent row must find a stored one of its own.
    let mut left = stored.to_vec();
    let rows_agree = entry.is_empty()
        || entry.len() == left.len()
            && entry.iter().all(|sent| {
                let at = left.iter().position(|row| agrees(row, sent));
                at.map(|at| left.swap_remove(at)).is_some()
            });
    if rows_agree { Content::Same } else { Content::Other }
}

/// What to do with a document that was looked up (design §7: found is own if its id is the receipt's, or none is known and
/// its content is equal; any other is a conflict).
pub(super) fn plan(draft: &Draft<'_>, stored: Option<Stored>, on_change: OnChange) -> Plan {
    let settle = |code: Code, text: String| Plan::Settled(Outcome::Reject(Refusal::new(code, text)));
    let known = draft
        .delivery
        .previous
        .as_ref()
        .map(|previous| previous.written.id.as_str())
        .filter(|id| !id.is_empty());
    let removed = draft.delivery.document.deleted;
    let Some(stored) = stored else {
        return match known {
            // Of a removed record nothing is there that could be taken back.
            _ if removed => Plan::Settled(Outcome::Unchanged),
            None => Plan::Create,
            // Somebody deleted it, and somebody asks for it to be as at the source.
            Some(_) if batch::is_fix(draft.delivery) => Plan::Create,
            Some(id) => settle(GONE, format!("document {id} was delivered and is no longer at the target")),
        };
    };
    match known {
        // A fix may have made it anew and not have heard of it.
        Some(id) if id != stored.id && !(batch::is_fix(draft.delivery) && stored.is_same()) => {
            settle(CONFLICT, format!("document {} has number {}, ours was {id}", stored.id, stored.number))
        }
        _ if stored.is_same() => Plan::Finish(stored),
        None => settle(CONFLICT, conflict(&stored)),
        // `on_delete` says that a removal is written: `on_change` is asked only whether an audit may be taken back.
        Some(_) if removed && on_change != OnChange::UnAudit => change(stored, OnChange::Update),
        Some(_) => change(stored, on_change),
    }
}

fn conflict(stored: &Stored) -> String {
    let Stored { id, number, content, .. } = stored;
    match content {
        Content::Unseen(reason) => {
            format!("document {id} has number {number}, and whether it is ours cannot be seen: {reason}")
        }
        _ => format!("document {id} has number {number} and another content"),
    }
}

fn change(stored: Stored, on_change: OnChange) -> Plan {
    let settle = |code: Code, text: String| Plan::Settled(Outcome::Reject(Refusal::new(code, text)));
    match (on_change, stored.status.as_str()) {
        (OnChange::Ignore, _) => Plan::Settled(Outcome::Unchanged),
        (OnChange::DeadLetter, _) => settle(
            CHANGED,
            format!("{} changed after it was written as document {}", stored.number, stored.id),
        ),
        (OnChange::UnAudit, "C") => Plan::UnAudit(stored),
        (_, "B" | "C") => {
            let state = if stored.status == "C" { "audited (已审核)" } else { "in review (审核中)" };
            settle(AUDITED, format!("document {} ({}) is {state}", stored.id, stored.number))
        }
        _ => Plan::Update { id: stored.id },
    }
}

/// Data of a step for one document.
pub(super) fn ids(ids: impl IntoIterator<Item = String>) -> Selection {
    Selection::Ids(ids.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::kingdee::config::Goal;

    fn bill() -> Map<String, Json> {
        let text = r#"{"FID":0,"FBillNo":"TK1","FDate":"2024-02-29 10:15:00","FRetcustId":{"FNUMBER":"S1"},
            "SubHeadEntity":{"FSettleOrgId":{"FNumber":"102"}},"FHeadNote":"",
            "FEntity":[{"FMaterialId":{"FNumber":"A"},"FRealQty":2,"FTaxPrice":0.10},
                       {"FMaterialId":{"FNumber":"B"},"FRealQty":1,"FTaxPrice":5}]}"#;
        serde_json::from_str(text).unwrap()
    }

    fn form() -> Form {
        Form {
            id: "SAL_RETURNSTOCK".into(),
            id_field: "FID".into(),
            number_field: "FBillNo".into(),
            organisation_field: None,
        }
    }

    #[test]
    fn what_was_sent_becomes_query_keys_of_header_and_rows() {
        let (header, rows) = sent(&bill(), &form());
        let keys: Vec<_> = header.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["FBillNo", "FDate", "FRetcustId.FNumber", "FSettleOrgId.FNumber", "FHeadNote"]);
        let rows = rows.unwrap();
        assert_eq!((rows.len(), rows[0][0].0.as_str()), (2, "FMaterialId.FNumber"));
        let mut two = bill();
        two.insert("FOther".into(), json!([{"A": 1}]));
        assert_eq!(sent(&two, &form()).1, None, "two entries cannot be told apart by a query");
    }

    #[test]
    fn an_update_carries_the_id_that_was_found_and_keeps_decimals_and_order() {
        let writing = Writing {
            form: form(),
            parameters: Map::from_iter([("IsAutoSubmitAndAudit".to_owned(), json!(true))]),
            goal: Goal::Audited,
            in_one_call: true,
            on_change: OnChange::Update,
            limits: weir_model::target::BatchLimits { documents: 1, bytes: 1, age: Duration::ZERO },
        };
        let delivery = crate::kingdee::tests::delivery("TK1", "甲");
        let draft = Draft {
            at: 0,
            delivery: &delivery,
            model: bill(),
            number: "TK1".into(),
            organisation: String::new(),
        };
        let data = request(&writing, &[Sending::un_audited(draft, "105410".into())]);
        let model = &data["Model"][0];
        assert_eq!(model["FID"], json!(105_410));
        assert_eq!(model["FEntity"][0]["FTaxPrice"].to_string(), "0.10");
        assert_eq!(model.as_object().unwrap().keys().nth(1).map(String::as_str), Some("FBillNo"));
        assert_eq!(data["IsAutoSubmitAndAudit"], json!(true));
    }

    #[test]
    fn rows_are_found_in_any_order_and_a_missing_one_is_a_difference() {
        let delivery = crate::kingdee::tests::delivery("TK1", "甲");
        let draft = Draft {
            at: 0,
            delivery: &delivery,
            model: bill(),
            number: "TK1".into(),
            organisation: String::new(),
        };
        let query = look_up(&form(), std::slice::from_ref(&draft));
        let row = |material: &str, quantity: &str, price: &str| -> Vec<Json> {
            let cell = |field: &String| match field.as_str() {
                "FID" => json!(7),
                "FBillNo" => json!("tk1"),
                "FDocumentStatus" => json!("A"),
                "FDate" => json!("2024-02-29T10:15:00"),
                "FRetcustId.FNumber" => json!("S1"),
                "FSettleOrgId.FNumber" => json!("102"),
                "FMaterialId.FNumber" => json!(material),
                "FRealQty" => serde_json::from_str(quantity).unwrap(),
                "FTaxPrice" => serde_json::from_str(price).unwrap(),
                _ => Json::Null,
            };
            query.fields.iter().map(cell).collect()
        };
        let (a, b) = (row("A", "2.0", "0.1000"), row("B", "1", "5.00"));
        let stored = |rows: &[Vec<Json>]| found(&form(), &draft, &query, rows, None).unwrap();
        // The number differs in case: found all the same, and not equal.
        assert_eq!(
            (stored(&[b.clone(), a.clone()]).id.as_str(), stored(&[b.clone(), a.clone()]).is_same()),
            ("7", false)
        );
        let mut same = draft.clone();
        same.model.insert("FBillNo".into(), json!("tk1"));
        same.number = "tk1".into();
        let equal = |rows: &[Vec<Json>]| found(&form(), &same, &query, rows, None).unwrap().is_same();
        assert!(equal(&[b.clone(), a.clone()]));
        assert!(!equal(std::slice::from_ref(&a)));
        assert!(!equal(&[a.clone(), a.clone()]));
        assert_eq!(found(&form(), &same, &query, &[], None), None);
        assert_eq!(query.order, "FID,FEntity_FEntryId");
        let unseen = found(&form(), &same, &query, &[b], Some("refused")).unwrap();
        assert_eq!(unseen.content, Content::Unseen("refused".into()));
        assert!(matches!(plan(&same, Some(unseen), OnChange::Update), Plan::Settled(_)));
    }
}
