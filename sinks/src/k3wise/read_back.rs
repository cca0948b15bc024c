//! Reading documents back, to compare them with what was delivered: GetList names those of a day, GetDetail tells each
//! (contract kingdee-k3wise §3). Letter case of fields varies by build, so they are counted without it.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use weir_clients::governor::Lane;
use weir_clients::k3wise::Client;
use weir_model::Json;
use weir_model::document::{Document, join_key};
use weir_model::figures::{Measure, Paths};
use weir_model::outcome::Refusal;
use weir_model::target::{Holding, ReadBack, TargetError};

use super::WiseTarget;
use super::document::number_of;
use crate::erp::outcome::{KEY, target_error};

/// The documents of a flow, as they are read back.
#[derive(Debug)]
pub(crate) struct WiseReadBack {
    client: Arc<Client>,
    object: String,
    /// In lower case.
    paths: Paths,
    /// The field of the head with the day, as the flow spells it.
    day: Option<String>,
}

impl WiseReadBack {
    /// Of a flow's target.
    pub(crate) fn new(target: WiseTarget, paths: &Paths) -> Self {
        let (client, writing) = target.into_parts();
        let lower = |path: &Option<String>| path.as_ref().map(|path| path.to_lowercase());
        let measured = |measure: &Option<Measure>| measure.as_ref().map(Measure::to_lowercase);
        let day = paths.day.as_deref().and_then(|path| path.rsplit('.').next()).map(str::to_owned);
        let paths = Paths {
            day: lower(&paths.day),
            shop: lower(&paths.shop),
            pieces: measured(&paths.pieces),
            amount: measured(&paths.amount),
        };
        Self { client, object: writing.object, paths, day }
    }

    fn holding(&self, key: String, pages: &Json) -> Result<Holding, Refusal> {
        let figures = self.paths.of_json(&without_case(pages), &TimeZone::UTC);
        let figures = figures.map_err(|error| Refusal::new(KEY, format!("{key}: {error}")))?;
        Ok(Holding { key, figures })
    }

    async fn read(&self, numbers: Vec<String>) -> Result<Vec<Holding>, TargetError> {
        let mut found = Vec::new();
        // The quota is a few calls a second: side by side they would be no quicker.
        for number in numbers {
            let pages = self.client.detail(&self.object, &number, Lane::Reconcile).await;
            if let Some(pages) = pages.map_err(|error| target_error(&error))? {
                let number = number_of(&pages);
                found.push(self.holding(join_key([number.as_str()]), &pages).map_err(TargetError::Halted)?);
            }
        }
        Ok(found)
    }
}

/// The same with every key in lower case.
fn without_case(value: &Json) -> Json {
    match value {
        Json::Object(fields) => {
            fields.iter().map(|(key, value)| (key.to_lowercase(), without_case(value))).collect()
        }
        Json::Array(items) => items.iter().map(without_case).collect(),
        scalar => scalar.clone(),
    }
}

#[async_trait]
impl ReadBack for WiseReadBack {
    fn expected(&self, document: &Document) -> Result<Vec<Holding>, Refusal> {
        let pages: Json = serde_json::from_slice(&document.body).map_err(|error| {
            Refusal::new(KEY, format!("{}: the document is no JSON object: {error}", document.key))
        })?;
        Ok(vec![self.holding(document.key.clone(), &pages)?])
    }

    fn holding_key(&self, document_key: &str) -> String {
        document_key.to_owned()
    }

    async fn find(&self, keys: &[String]) -> Result<Vec<Holding>, TargetError> {
        let number = |key: &String| weir_model::document::split_key(key).into_iter().next();
        self.read(keys.iter().filter_map(number).collect()).await
    }

    async fn list(&self, from: Date, until: Date) -> Result<Option<Vec<Holding>>, TargetError> {
        let Some(day) = self.day.as_deref() else { return Ok(None) };
        let (from, until) = (from.to_string(), until.to_string());
        let numbers = self.client.numbers_within(&self.object, (day, &from, &until), Lane::Reconcile).await;
        self.read(numbers.map_err(|error| target_error(&error))?).await.map(Some)
    }
}
