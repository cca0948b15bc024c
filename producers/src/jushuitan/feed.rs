//! One page of one endpoint: `biz` is made of the flow's request, the page and nothing else.

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;
use jiff::tz::TimeZone;
use weir_clients::jushuitan::Client;
use weir_model::{Json, names::ConnectionName};
use weir_runtime::telemetry::Metrics;

use super::source::{BizNumbers, SourceSettings};
use crate::{
    calls::{failed, lane_of, not_made, tell_call, tell_quota},
    feed::{self, Answer, Ask, FeedError, PageAt},
    registry::Connection,
    request::{Moment, NotANumber},
};

/// Calls one endpoint for one source.
#[derive(Clone)]
pub(super) struct Feed {
    client: Arc<Client>,
    source: Arc<SourceSettings>,
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
        Self { client, source: Arc::new(source), connection: name, zone, metrics }
    }

    /// The endpoint's path.
    pub fn path(&self) -> &str {
        &self.source.endpoint.path
    }

    /// The business parameters as the JSON text that is signed and sent.
    pub(super) fn biz(&self, ask: &Ask) -> Result<String, NotANumber> {
        let page = match &ask.at {
            PageAt::Number(number) => *number,
            PageAt::After(_) => 1,
        };
        let moment = Moment { from: ask.from, to: ask.to, page, page_size: ask.page_size, zone: &self.zone };
        let mut biz = self.source.request.render(&moment)?;
        let names = &self.source.page;
        biz.insert(names.index.to_owned(), self.number(&page.to_string()));
        biz.insert(names.size.to_owned(), self.number(&ask.page_size.to_string()));
        if let (Some(name), PageAt::After(after)) = (names.cursor, &ask.at) {
            // Row ids begin above 0, so 0 asks for the beginning in the cursor's order.
            biz.insert(name.to_owned(), self.number(after.as_deref().unwrap_or("0")));
        }
        Ok(Json::Object(biz).to_string())
    }

    /// A number as the source is set to write them; a row id of any length keeps its digits.
    fn number(&self, digits: &str) -> Json {
        match (self.source.numbers, serde_json::from_str::<serde_json::Number>(digits)) {
            (BizNumbers::Number, Ok(number)) => Json::Number(number),
            _ => Json::String(digits.to_owned()),
        }
    }
}

#[async_trait]
impl feed::Feed for Feed {
    async fn page(&self, ask: &Ask) -> Result<Answer, FeedError> {
        let biz = self.biz(ask).map_err(|error| not_made(&ask.at, error))?;
        let started = Instant::now();
        let called = self.client.call(&self.source.endpoint, &biz, lane_of(ask.lane)).await;
        tell_call(&self.metrics, &self.connection, self.path(), called.as_ref().err(), started.elapsed());
        tell_quota(&self.metrics, &self.connection, self.client.governor());
        let answer = called.map_err(|error| failed(&ask.at, error))?;
        let (total, has_next) = (answer.page.total, answer.page.has_next);
        Ok(Answer { rows: answer.rows, total, has_next, ..Answer::default() })
    }
}
