//! One page of one list, and the orders on it.
//!
//! A page of removed orders comes with the page of the others of the same number, so that both lists are read last page
//! first in one pass, and the sum of their totals proves it whole. The others are asked for first: an order that is
//! removed between the two calls is then in both lists and never in none.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::tz::TimeZone;
use weir_clients::{
    error::CallError,
    okki::{Client, List, endpoints::ORDER_INFO},
};
use weir_model::{Json, cursor::Lane, digest::Digest, names::ConnectionName, outcome::Refusal};
use weir_runtime::telemetry::Metrics;

use super::{
    details::Details,
    source::{Removed, SourceSettings},
};
use crate::{
    calls::{failed, lane_of, not_made, tell_call, tell_quota},
    code,
    feed::{self, Answer, Ask, FeedError, PageAt, Unfit},
    registry::Connection,
    request::{Moment, NotANumber},
};

type Query = Vec<(String, String)>;

/// Calls one list for one source.
#[derive(Clone)]
pub(super) struct Feed {
    client: Arc<Client>,
    source: Arc<SourceSettings>,
    details: Arc<Mutex<Details>>,
    connection: ConnectionName,
    zone: TimeZone,
    metrics: Metrics,
}

impl Feed {
    pub fn new(
        client: Arc<Client>,
        source: SourceSettings,
        connection: &Connection,
        metrics: Metrics,
    ) -> Self {
        let (name, zone) = (connection.name.clone(), connection.zone.clone());
        let details = Arc::default();
        Self { client, source: Arc::new(source), details, connection: name, zone, metrics }
    }

    /// The list's path.
    pub fn path(&self) -> &str {
        self.source.path
    }

    /// A page of the list itself.
    pub async fn listed(&self, ask: &Ask) -> Result<List, FeedError> {
        let query = self.query(ask).map_err(|error| not_made(&ask.at, error))?;
        self.list(&query, ask).await
    }

    /// The page of removed orders with the same number; `None` where they are not asked for.
    async fn removed(&self, ask: &Ask) -> Result<Option<List>, FeedError> {
        if self.source.removed == Removed::Ignored {
            return Ok(None);
        }
        let mut query = self.query(ask).map_err(|error| not_made(&ask.at, error))?;
        set(&mut query, "removed", "1".to_owned());
        if self.source.removed == Removed::ByRemoval {
            set(&mut query, "time_type", "4".to_owned());
        }
        self.list(&query, ask).await.map(Some)
    }

    /// The parameters of a page. One that is empty is not sent; which orders are listed is decided by the call and not by
    /// the flow.
    pub(super) fn query(&self, ask: &Ask) -> Result<Query, NotANumber> {
        let page = match &ask.at {
            PageAt::Number(number) => *number,
            PageAt::After(_) => 1,
        };
        let moment = Moment { from: ask.from, to: ask.to, page, page_size: ask.page_size, zone: &self.zone };
        let rendered = self.source.request.render(&moment)?.into_iter().map(|(name, value)| match value {
            Json::String(text) => (name, text),
            other => (name, other.to_string()),
        });
        let mut query: Query =
            rendered.filter(|(name, value)| name != "removed" && !value.is_empty()).collect();
        let names = &self.source.page;
        set(&mut query, names.index, (page - 1 + names.first).to_string());
        set(&mut query, names.size, ask.page_size.to_string());
        Ok(query)
    }

    async fn list(&self, query: &Query, ask: &Ask) -> Result<List, FeedError> {
        let started = Instant::now();
        let called = self.client.list(self.path(), query, &self.source.list_path, lane_of(ask.lane)).await;
        self.tell(self.path(), called.as_ref().err(), started);
        called.map_err(|error| failed(&ask.at, error))
    }

    /// The order that a row tells of, as the detail answer has it.
    async fn order(&self, row: Bytes, ask: &Ask) -> Result<Result<Bytes, Unfit>, FeedError> {
        let Some(id) = order_id(&row) else {
            return Ok(Err(unfit(row, code::NO_ID, "a row of the list has no order_id".to_owned())));
        };
        let digest = Digest::of(&row);
        // A re-read by the omission remedy trusts no memory (design §5).
        let known = self.details().of(&id, digest).filter(|_| ask.lane != Lane::Backfill);
        if let Some(detail) = known {
            return Ok(Ok(detail));
        }
        let started = Instant::now();
        let query = [("order_id".to_owned(), id.clone())];
        let called = self.client.object(ORDER_INFO.path, &query, lane_of(ask.lane)).await;
        self.tell(ORDER_INFO.path, called.as_ref().err(), started);
        let Some(detail) = called.map_err(|error| failed(&ask.at, error))? else {
            let message = format!(
                "order {id} is listed and cannot be read: it was removed meanwhile, or this account may not see it"
            );
            return Ok(Err(unfit(row, code::NO_DETAIL, message)));
        };
        if order_id(&detail).is_none_or(|told| told != id) {
            let message = format!("the detail call for order {id} was answered with another order");
            return Ok(Err(unfit(detail, code::NO_DETAIL, message)));
        }
        self.details().remember(id, digest, detail.clone());
        Ok(Ok(detail))
    }

    fn details(&self) -> MutexGuard<'_, Details> {
        self.details.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, path: &str, error: Option<&CallError>, started: Instant) {
        tell_call(&self.metrics, &self.connection, path, error, started.elapsed());
        tell_quota(&self.metrics, &self.connection, self.client.governor());
    }
}

#[async_trait]
impl feed::Feed for Feed {
    async fn page(&self, ask: &Ask) -> Result<Answer, FeedError> {
        let list = self.listed(ask).await?;
        let removed = self.removed(ask).await?.unwrap_or(List { rows: Vec::new(), total: Some(0) });
        let is_full = |list: &List| u32::try_from(list.rows.len()).is_ok_and(|rows| rows >= ask.page_size);
        let mut answer = Answer {
            total: list.total.zip(removed.total).map(|(total, removed)| total + removed),
            has_next: Some(is_full(&list) || is_full(&removed)),
            ..Answer::default()
        };
        for row in list.rows {
            let order = if self.source.expands { self.order(row, ask).await? } else { Ok(row) };
            match order {
                Ok(order) => answer.rows.push(order),
                Err(unfit) => answer.unfit.push(unfit),
            }
        }
        answer.deleted = removed.rows;
        Ok(answer)
    }
}

fn unfit(bytes: Bytes, code: weir_model::outcome::Code, message: String) -> Unfit {
    Unfit { bytes, refusal: Refusal::new(code, message) }
}

/// The id of an order, a number or its text.
fn order_id(order: &[u8]) -> Option<String> {
    let fields: Json = serde_json::from_slice(order).ok()?;
    match fields.get("order_id")? {
        Json::String(text) if !text.is_empty() => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn set(query: &mut Query, name: &str, value: String) {
    query.retain(|(known, _)| known != name);
    query.push((name.to_owned(), value));
}
