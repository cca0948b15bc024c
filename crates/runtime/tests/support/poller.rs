//! A poller of a source that has one record a second, for ever: what it publishes is known from its cursor alone.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, Ordering},
};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use weir_model::{
    cursor::{Cursor, Lane},
    names::SourceName,
    token::SealedToken,
};
use weir_runtime::poll::{Inheritance, JobBoard, Poller, PollerHalt, Publication, Publisher, Takeover};

use super::{TRACEPARENT, raw};

/// Publishes records `0`, `1`, … in pages of ten up to a limit, each page with the cursor behind it.
pub struct CountingPoller {
    source: SourceName,
    limit: i64,
    /// It panics once before it publishes the page that begins here; negative for never.
    panic_at: AtomicI64,
    starts: Mutex<Vec<i64>>,
    /// The token each run was given.
    tokens: Mutex<Vec<Option<SealedToken>>>,
}

const PAGE: i64 = 10;

impl CountingPoller {
    pub fn new(source: &SourceName, limit: i64) -> Self {
        Self {
            source: source.clone(),
            limit,
            panic_at: AtomicI64::new(-1),
            starts: Mutex::default(),
            tokens: Mutex::default(),
        }
    }

    pub fn panic_once_at(&self, record: i64) {
        self.panic_at.store(record, Ordering::SeqCst);
    }

    /// What was sealed in the token each run was given.
    pub fn tokens(&self) -> Vec<Option<String>> {
        let text = |token: &SealedToken| String::from_utf8(token.sealed.to_vec()).unwrap();
        self.tokens.lock().unwrap().iter().map(|token| token.as_ref().map(text)).collect()
    }

    /// The record each run began with.
    pub fn starts(&self) -> Vec<i64> {
        self.starts.lock().unwrap().clone()
    }
}

#[async_trait]
impl Poller for CountingPoller {
    fn account(&self) -> &str {
        "account"
    }

    fn sources(&self) -> Vec<SourceName> {
        vec![self.source.clone()]
    }

    async fn run(
        self: Arc<Self>,
        inheritance: Inheritance,
        publisher: Publisher,
        _takeover: Takeover,
        _jobs: Arc<dyn JobBoard>,
        stop: CancellationToken,
    ) -> Vec<PollerHalt> {
        let mut next = inheritance.cursors.first().map_or(0, |cursor| cursor.settled_until.as_second());
        self.starts.lock().unwrap().push(next);
        self.tokens.lock().unwrap().push(inheritance.token);
        while next < self.limit && !stop.is_cancelled() {
            if self.panic_at.compare_exchange(next, -1, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
                panic!("as told");
            }
            let records = (next..next + PAGE).map(|number| raw(&self.source, &number.to_string())).collect();
            next += PAGE;
            let cursor = Cursor {
                source: self.source.clone(),
                lane: Lane::Live,
                settled_until: Timestamp::from_second(next).unwrap(),
                window: None,
                at: Timestamp::now(),
                job: String::new(),
                lateness_ms: 0,
            };
            let publication = Publication {
                records,
                cursors: vec![cursor],
                token: Some(SealedToken {
                    account: self.account().into(),
                    system: "x".to_owned(),
                    lineage: String::new(),
                    sealed: format!("token {next}").into(),
                    at: Timestamp::now(),
                }),
                traceparent: Some(TRACEPARENT.to_owned()),
                ..Publication::default()
            };
            if publisher.publish(publication).await.is_err() {
                return Vec::new();
            }
        }
        stop.cancelled().await;
        Vec::new()
    }
}
