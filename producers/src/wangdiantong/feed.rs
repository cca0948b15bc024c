//! One page of one list, live or archived: the flow's request, the page as this API counts, and a second look at an empty
//! one.

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;
use jiff::tz::TimeZone;
use serde_json::Map;
use weir_clients::{
    error::CallError,
    wangdiantong::{self, Call, Client},
};
use weir_model::{Json, cursor::Lane, names::ConnectionName};
use weir_runtime::telemetry::Metrics;

use super::source::{CalledList, CalledSource};
use crate::{
    calls::{failed, lane_of, not_made, tell_call, tell_quota},
    feed::{self, Answer, Ask, FeedError, PageAt},
    registry::Connection,
    request::{Moment, NotANumber},
};

/// Calls one list for one source.
#[derive(Clone)]
pub(super) struct Feed {
    client: Arc<Client>,
    source: Arc<CalledSource>,
    connection: ConnectionName,
    zone: TimeZone,
    metrics: Metrics,
}

impl Feed {
    pub fn new(client: Arc<Client>, source: CalledSource, connection: &Connection, metrics: Metrics) -> Self {
        let (name, zone) = (connection.name.clone(), connection.zone.clone());
        Self { client, source: Arc::new(source), connection: name, zone, metrics }
    }

    /// The path or method of the live list.
    pub fn operation(&self) -> &str {
        &self.source.list.endpoint.operation
    }

    /// The query without its page, which travels apart from it.
    fn query(&self, ask: &Ask, list: &CalledList, page: u32) -> Result<Map<String, Json>, NotANumber> {
        let moment = Moment { from: ask.from, to: ask.to, page, page_size: ask.page_size, zone: &self.zone };
        let mut query = self.source.request.render(&moment)?;
        query.shift_remove(list.page.index);
        query.shift_remove(list.page.size);
        Ok(query)
    }

    async fn call(
        &self,
        list: &CalledList,
        call: &Call<'_>,
        lane: Lane,
    ) -> Result<wangdiantong::Answer, CallError> {
        let started = Instant::now();
        let called = self.client.call(&list.endpoint, call, lane_of(lane)).await;
        let error = called.as_ref().err();
        tell_call(&self.metrics, &self.connection, call.operation, error, started.elapsed());
        tell_quota(&self.metrics, &self.connection, self.client.governor());
        called
    }
}

#[async_trait]
impl feed::Feed for Feed {
    async fn page(&self, ask: &Ask) -> Result<Answer, FeedError> {
        let page = match &ask.at {
            PageAt::Number(number) => *number,
            PageAt::After(_) => 1,
        };
        let list = self.source.list(ask.archived);
        let parameters = self.query(ask, list, page).map_err(|error| not_made(&ask.at, error))?;
        let call = Call {
            operation: &list.endpoint.operation,
            parameters: &parameters,
            page_no: page - 1 + list.page.first,
            page_size: ask.page_size,
            wants_total: page == 1,
        };
        let mut called = self.call(list, &call, ask.lane).await;
        // The list is left out both when nothing matches and, now and then, when something does (contract
        // wangdiantong-flagship §7): an empty page is believed the second time.
        if called.as_ref().is_ok_and(|answer| answer.rows.is_empty()) {
            called = self.call(list, &call, ask.lane).await;
        }
        let answer = called.map_err(|error| failed(&ask.at, error))?;
        Ok(Answer { rows: answer.rows, total: answer.total, ..Answer::default() })
    }
}
