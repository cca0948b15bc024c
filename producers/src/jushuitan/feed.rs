//! One page of one endpoint: `biz` is made of the flow's request, the page and nothing else.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use jiff::tz::TimeZone;
use weir_clients::{
    class::{Class, Reaction as Advice},
    error::{CallError, Effect},
    governor,
    jushuitan::Client,
};
use weir_model::{Json, cursor::Lane, names::ConnectionName, outcome::Code};
use weir_runtime::telemetry::{CallOutcome, Metrics};

use super::source::{BizNumbers, SourceSettings};
use crate::{
    code,
    feed::{self, Answer, Ask, FeedError, PageAt, Reaction},
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

    /// How a call ended; `took` includes the wait for its place in the quota.
    fn tell_call(&self, error: Option<&CallError>, took: Duration) {
        let (outcome, class) = match error {
            None => (CallOutcome::Answered, Json::Null),
            Some(error) => {
                let lost = error.effect() == Effect::Unknown;
                let outcome = if lost { CallOutcome::Lost } else { CallOutcome::Failed };
                (outcome, serde_json::to_value(error.class()).unwrap_or_default())
            }
        };
        let class = class.as_str().unwrap_or_default();
        self.metrics.call_ended(&self.connection, self.path(), outcome, class, took);
    }

    /// What is left of each quota, in the window that is nearest to its end.
    fn tell_quota(&self) {
        for (scope, left) in self.client.governor().left() {
            let calls = left.windows.iter().map(|(_, calls)| *calls).min().unwrap_or(u32::MAX);
            self.metrics.quota_left(&self.connection, &scope, u64::from(calls));
        }
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
        let biz = self.biz(ask).map_err(|error| FeedError {
            at: ask.at.clone(),
            reaction: Reaction::Halt,
            code: code::ARGUMENT,
            rest: None,
            unreadable: None,
            remedy: "",
            source: Box::new(error),
        })?;
        let started = Instant::now();
        let called = self.client.call(&self.source.endpoint, &biz, lane_of(ask.lane)).await;
        self.tell_call(called.as_ref().err(), started.elapsed());
        self.tell_quota();
        let answer = called.map_err(|error| failed(&ask.at, error))?;
        Ok(Answer { rows: answer.rows, total: answer.page.total, has_next: answer.page.has_next })
    }
}

fn lane_of(lane: Lane) -> governor::Lane {
    match lane {
        Lane::Live => governor::Lane::Live,
        Lane::CatchUp => governor::Lane::CatchUp,
        Lane::Backfill => governor::Lane::Backfill,
        Lane::Reconcile => governor::Lane::Reconcile,
    }
}

/// What polling does about a call that failed (contract jushuitan §9; an unknown code: contract decisions "All sources").
fn failed(at: &PageAt, error: CallError) -> FeedError {
    let class = error.class();
    let reaction = match class.reaction() {
        // The contract counts an answer that is no JSON to the transport: it is asked for again without end.
        _ if class == Class::Unreadable => Reaction::Repeat,
        Advice::Repeat => Reaction::Repeat,
        Advice::Halt => Reaction::Halt,
        Advice::RepeatBounded | Advice::Refuse => Reaction::RepeatBounded,
    };
    FeedError {
        at: at.clone(),
        reaction,
        code: code_of(class),
        rest: error.rest(),
        unreadable: error.body().filter(|_| class == Class::Unreadable).cloned(),
        remedy: error.remedy().en,
        source: Box::new(error),
    }
}

fn code_of(class: Class) -> Code {
    match class {
        Class::Credential | Class::TokenExpired | Class::ClockSkew => code::CREDENTIAL,
        Class::Permission => code::PERMISSION,
        Class::Argument => code::ARGUMENT,
        Class::Unreadable => code::ANSWER,
        _ => code::UNCLEAR,
    }
}
