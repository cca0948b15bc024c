//! Reading forms back, to compare them with what was delivered: those of a day, or some by their numbers, with the fields
//! that count (contract kingdee-galaxy §3: ExecuteBillQuery; row fields multiply the head over the rows).

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use weir_clients::governor::Lane;
use weir_clients::kingdee::{Client, Query, answer, query};
use weir_model::Json;
use weir_model::document::{Document, join_key, split_key};
use weir_model::figures::{Cells, Paths};
use weir_model::outcome::Refusal;
use weir_model::target::{Holding, ReadBack, TargetError};

use super::GalaxyTarget;
use super::config::Form;
use crate::erp::outcome::{KEY, target_error};

/// Numbers of one question.
const NUMBERS: usize = 200;
/// Names under which a reference tells its number or name; they stay beside the field they belong to.
const OF_REFERENCES: [&str; 2] = ["FNumber", "FName"];

/// The form of a flow, as it is read back.
#[derive(Debug)]
pub(crate) struct GalaxyReadBack {
    client: Arc<Client>,
    form: Form,
    /// Paths of the business key.
    key: Vec<String>,
    paths: Paths,
    /// Fields of a question: the id first, then the key's, then those that count.
    fields: Vec<String>,
}

/// A row of an answer, found by the paths that the flow names.
struct Named<'r> {
    fields: &'r [String],
    row: &'r [Json],
}

impl Cells for Named<'_> {
    fn cell(&self, path: &str) -> Option<Cow<'_, str>> {
        let field = query_field(path);
        let place = self.fields.iter().position(|known| *known == field)?;
        Some(Cow::Owned(answer::text(self.row.get(place))))
    }
}

impl GalaxyReadBack {
    /// Of a flow's target; its business key is `key`.
    pub(crate) fn new(target: GalaxyTarget, key: &[String], paths: &Paths) -> Self {
        let (client, writing) = target.into_parts();
        let form = writing.form;
        let mut fields = vec![form.id_field.clone()];
        let named = key.iter().map(String::as_str).chain(paths.named().map(|(_, path)| path));
        for field in named.map(query_field) {
            if !fields.contains(&field) {
                fields.push(field);
            }
        }
        Self { client, form, key: key.to_vec(), paths: paths.clone(), fields }
    }

    /// Rows of one document may come on two pages, so their order must not change between these.
    fn order(&self) -> String {
        let measures = [&self.paths.pieces, &self.paths.amount];
        let list =
            measures.into_iter().flatten().filter_map(|measure| measure.list()).find(|list| !list.is_empty());
        match list {
            Some(list) => format!("{},{list}_FEntryId", self.form.id_field),
            None => self.form.id_field.clone(),
        }
    }

    async fn ask(&self, filter: String) -> Result<Vec<Holding>, TargetError> {
        let query =
            Query { form: self.form.id.clone(), fields: self.fields.clone(), filter, order: self.order() };
        let rows = self.client.execute_bill_query(&query, Lane::Reconcile).await;
        self.holdings(&rows.map_err(|error| target_error(&error))?).map_err(TargetError::Halted)
    }

    /// One holding for each internal id.
    fn holdings(&self, rows: &[Vec<Json>]) -> Result<Vec<Holding>, Refusal> {
        let mut of_id: HashMap<String, Vec<Named<'_>>> = HashMap::new();
        let mut ids = Vec::new();
        for row in rows {
            let id = answer::text(row.first());
            let rows = of_id.entry(id.clone()).or_default();
            if rows.is_empty() {
                ids.push(id);
            }
            rows.push(Named { fields: &self.fields, row });
        }
        let holding = |id: &String| {
            let rows = of_id.get(id).map(Vec::as_slice).unwrap_or_default();
            let part =
                |path: &String| rows.first().and_then(|row| row.cell(path)).unwrap_or_default().into_owned();
            let parts: Vec<String> = self.key.iter().map(part).collect();
            let key = join_key(parts.iter().map(String::as_str));
            let figures = self.paths.of_rows(rows, &TimeZone::UTC);
            let figures = figures.map_err(|error| Refusal::new(KEY, format!("{key}: {error}")))?;
            Ok(Holding { key, figures })
        };
        ids.iter().map(holding).collect()
    }
}

/// How a query names the field at a path of the document: heads, sub-heads and rows share one name space, a reference tells
/// its number as `FCustId.FNumber`.
fn query_field(path: &str) -> String {
    let segments: Vec<&str> = path.split('.').collect();
    match segments.as_slice() {
        [.., field, last] if OF_REFERENCES.iter().any(|name| last.eq_ignore_ascii_case(name)) => {
            format!("{field}.{last}")
        }
        [.., last] => (*last).to_owned(),
        [] => String::new(),
    }
}

#[async_trait]
impl ReadBack for GalaxyReadBack {
    fn expected(&self, document: &Document) -> Result<Vec<Holding>, Refusal> {
        let refuse = |what: String| Refusal::new(KEY, format!("{}: {what}", document.key));
        let model: Json = serde_json::from_slice(&document.body)
            .map_err(|error| refuse(format!("the document is no JSON object: {error}")))?;
        let figures = self.paths.of_json(&model, &TimeZone::UTC);
        let figures = figures.map_err(|error| refuse(error.to_string()))?;
        Ok(vec![Holding { key: document.key.clone(), figures }])
    }

    fn holding_key(&self, document_key: &str) -> String {
        document_key.to_owned()
    }

    async fn find(&self, keys: &[String]) -> Result<Vec<Holding>, TargetError> {
        let place = self.key.iter().position(|path| query_field(path) == self.form.number_field).unwrap_or(0);
        let mut found = Vec::new();
        for keys in keys.chunks(NUMBERS) {
            let number = |key: &String| split_key(key).into_iter().nth(place);
            let numbers: Vec<String> = keys.iter().filter_map(number).collect();
            let filter = query::in_list(&self.form.number_field, numbers.iter().map(String::as_str));
            // The same number of another organisation is another document.
            let there = self.ask(filter).await?.into_iter();
            found.extend(there.filter(|holding| keys.contains(&holding.key)));
        }
        Ok(found)
    }

    async fn list(&self, from: Date, until: Date) -> Result<Option<Vec<Holding>>, TargetError> {
        let Some(day) = self.paths.day.as_deref() else { return Ok(None) };
        let filter = query::within(&query_field(day), &from.to_string(), &until.to_string());
        self.ask(filter).await.map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_the_names_of_a_query() {
        for (path, field) in [
            ("FBillNo", "FBillNo"),
            ("FEntity.FRealQty", "FRealQty"),
            ("SubHeadEntity.FSettleOrgId.FNumber", "FSettleOrgId.FNumber"),
            ("FCreateOrgId.FNumber", "FCreateOrgId.FNumber"),
            ("FNumber", "FNumber"),
        ] {
            assert_eq!(query_field(path), field);
        }
    }
}
