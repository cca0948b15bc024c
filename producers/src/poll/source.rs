//! One source's settings, put together once, and its entry to the loop.

use std::{sync::Arc, time::Duration};

use jiff::tz::TimeZone;
use tokio_util::sync::CancellationToken;
use weir_model::{cursor::Cursor, digest::Digest, flow::SourceSpec, names::SourceName, time::Clock};
use weir_runtime::{
    health::{Condition, Health, Part},
    poll::{PollerHalt, Publisher},
    telemetry::Metrics,
};

use super::{Ended, Reader, windows::Session};
use crate::{
    feed::Feed,
    lateness::Bounds,
    paging::Strategy,
    record::RecordMaker,
    registry::Services,
    remedy::Remedy,
    window::{PlanError, Planner},
};

/// What a source's API determines of its polling.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How its pages are read.
    pub strategy: Strategy,
    /// Rows per page.
    pub page_size: u32,
    /// Digest of everything in the request but window and page; when it changes an open window starts over.
    pub request_digest: Digest,
    /// The longest window the API takes.
    pub longest_window: Option<Duration>,
    /// How far before its begin a window's rows may lie, where the API takes whole days for the ends of a window.
    pub reach_before: Duration,
    /// The field that the API's own cursor goes by, where it has one.
    pub row_cursor: Option<&'static str>,
    /// The zone of the API's times.
    pub zone: TimeZone,
    /// Where its older records are, when its list does not keep them.
    pub history: Option<History>,
}

/// A second list, which the remote system moves older records to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// How old a record is before it may be moved.
    pub after: Duration,
    /// Digest of the second list's request, as [`Settings::request_digest`] of the first one's. The two differ, for it
    /// tells which list an open window is being read from.
    pub request_digest: Digest,
}

/// Polls one source.
pub struct SourcePoller {
    pub(super) name: SourceName,
    pub(super) every: Duration,
    pub(super) look_back: Bounds,
    pub(super) settings: Settings,
    pub(super) planner: Planner,
    remedy: Option<Remedy>,
    pub(super) maker: RecordMaker,
    pub(super) feed: Arc<dyn Feed>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Metrics,
    health: Health,
}

impl SourcePoller {
    /// Puts a source together; nothing is called yet.
    ///
    /// # Errors
    /// When its windows cannot be planned.
    pub fn new(
        spec: &SourceSpec,
        settings: Settings,
        feed: Arc<dyn Feed>,
        services: &Services,
    ) -> Result<Self, PlanError> {
        Ok(Self {
            name: spec.name.clone(),
            every: spec.poll.every,
            look_back: Bounds::of(&spec.poll, settings.longest_window),
            planner: Planner::new(&spec.poll, settings.zone.clone(), settings.longest_window)?
                .with_archive(settings.history.map(|history| history.after)),
            remedy: Remedy::of(spec, settings.zone.clone()),
            maker: RecordMaker::new(spec, settings.row_cursor, settings.zone.clone()),
            settings,
            feed,
            clock: services.clock.clone(),
            metrics: services.metrics.clone(),
            health: services.health.clone(),
        })
    }

    /// The source's name.
    pub fn name(&self) -> &SourceName {
        &self.name
    }

    /// Polls from `cursor` until `stop`.
    ///
    /// # Errors
    /// When a person must act; everything before the last published cursor is durable, and nothing after it is lost.
    pub async fn run(
        &self,
        cursor: Option<Cursor>,
        publisher: &Publisher,
        stop: &CancellationToken,
    ) -> Result<(), PollerHalt> {
        let ended = Session::new(self, Reader::Live, publisher, stop).poll(cursor).await;
        if matches!(ended, Ended::Stopped) {
            self.metrics.settled_until(&self.name, None);
        }
        self.tell_end(Reader::Live, ended)
    }

    /// Carries the source's omission remedy out from `cursor` until `stop`; returns at once when it has none.
    ///
    /// # Errors
    /// When a person must act. The regular poll goes on.
    pub async fn run_remedy(
        &self,
        cursor: Option<Cursor>,
        publisher: &Publisher,
        stop: &CancellationToken,
    ) -> Result<(), PollerHalt> {
        let Some(remedy) = &self.remedy else { return Ok(()) };
        let ended = Session::new(self, Reader::Remedy, publisher, stop).remedy(remedy, cursor).await;
        self.tell_end(Reader::Remedy, ended)
    }

    fn tell_end(&self, reader: Reader, ended: Ended) -> Result<(), PollerHalt> {
        match ended {
            Ended::Stopped => Ok(()),
            Ended::Halted(refusal) | Ended::Refused(refusal) => {
                self.tell(reader, Condition::Halted(refusal.to_string()));
                Err(PollerHalt { source_name: self.name.clone(), refusal })
            }
        }
    }

    /// Says how the source is. What is away passes by itself, so only a halt outlives the streak that caused it. A job
    /// tells how it is in its progress.
    pub(super) fn tell(&self, reader: Reader, condition: Condition) {
        let part = match reader {
            Reader::Live => Part::Source(self.name.clone()),
            Reader::Remedy => Part::Remedy(self.name.clone()),
            Reader::Job(_) => return,
        };
        self.health.report(&part, condition);
    }
}
