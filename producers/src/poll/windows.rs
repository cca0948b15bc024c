//! Window after window: which one, its pages, and what is published with each of them.
//!
//! A page's records and the cursor that says "this page is done" are one publication (invariants 1 and 7): a crash
//! before it reads the page again, a crash after it goes on behind it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use weir_model::{
    cursor::{Cursor, Lane, OpenWindow, WindowFact},
    letter::DeadLetter,
    outcome::Refusal,
    record::RawRecord,
};
use weir_runtime::{
    poll::{Publication, PublishError, Publisher},
    telemetry,
};

use super::{
    Ended, SourcePoller,
    pages::{Page, Pages},
};
use crate::{
    code,
    feed::Ask,
    letter::{array_of, letter},
    overlap::Overlap,
    paging::{Reading, Step, Unrest},
    window::Window,
};

/// One run of a source: from taking the account over to giving it up.
pub(super) struct Session<'a> {
    source: &'a SourcePoller,
    publisher: &'a Publisher,
    stop: &'a CancellationToken,
    overlap: Overlap,
    pages: Pages<'a>,
}

/// What was counted over a window.
#[derive(Default)]
struct Counts {
    published: u64,
    late: u64,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        source: &'a SourcePoller,
        publisher: &'a Publisher,
        stop: &'a CancellationToken,
    ) -> Self {
        let pages = Pages::new(source, publisher, stop);
        Self { source, publisher, stop, overlap: Overlap::default(), pages }
    }

    /// Polls until it ends.
    pub(super) async fn poll(&mut self, cursor: Option<Cursor>) -> Ended {
        let Err(ended) = self.poll_from(cursor).await;
        ended
    }

    async fn poll_from(&mut self, cursor: Option<Cursor>) -> Result<std::convert::Infallible, Ended> {
        let (mut settled_until, mut open) = match cursor {
            Some(cursor) => (cursor.settled_until, cursor.window),
            None => (self.first_start().await?, None),
        };
        loop {
            let (mut reading, lane) = match open.take() {
                Some(open) => self.resume(open),
                None => match self.source.planner.next(settled_until, self.source.clock.now()) {
                    Some(window) => self.begin(window),
                    None => {
                        self.pause().await?;
                        continue;
                    }
                },
            };
            self.read_window(&mut reading, lane, settled_until).await?;
            settled_until = reading.open().to;
            if lane == Lane::Live {
                self.pause().await?;
            }
        }
    }

    /// A source without a cursor: its beginning is written down at once, so that "seven days ago" is counted from the
    /// first start whenever the first page comes.
    async fn first_start(&mut self) -> Result<Timestamp, Ended> {
        let start = self.source.planner.start(self.source.clock.now());
        tracing::info!(source = %self.source.name, %start, "source starts without a cursor");
        let cursors = vec![self.cursor(start, None)];
        self.publish(Publication { cursors, ..Publication::default() }).await?;
        Ok(start)
    }

    fn begin(&self, window: Window) -> (Reading, Lane) {
        let open = OpenWindow {
            from: window.from,
            to: window.to,
            page_size: self.source.settings.page_size,
            request_digest: self.source.settings.request_digest,
            pass: 1,
            total: None,
            next_page: None,
            continue_after: None,
            rows_read: 0,
            ids_read: 0,
        };
        (Reading::begin(self.source.settings.strategy, open), window.lane)
    }

    fn resume(&self, open: OpenWindow) -> (Reading, Lane) {
        let more = self.source.planner.next(open.to, self.source.clock.now()).is_some();
        let lane = if more { Lane::CatchUp } else { Lane::Live };
        tracing::info!(source = %self.source.name, from = %open.from, to = %open.to, "window resumed");
        let settings = &self.source.settings;
        (Reading::resume(settings.strategy, open, settings.page_size, settings.request_digest), lane)
    }

    /// Reads a window until it is whole.
    async fn read_window(
        &mut self,
        reading: &mut Reading,
        lane: Lane,
        settled_until: Timestamp,
    ) -> Result<(), Ended> {
        let mut counts = Counts::default();
        self.pages.forget_former();
        loop {
            let open = reading.open();
            let ask = Ask {
                from: open.from,
                to: open.to,
                at: reading.next(),
                page_size: open.page_size,
                lane,
                archived: false,
            };
            let span =
                tracing::info_span!(parent: None, "poll page", source = %self.source.name, page = %ask.at);
            let mut page = self.pages.read(&ask).instrument(span.clone()).await?;
            page.traceparent = telemetry::inject(&span);
            let step = if page.repeated { reading.repeated() } else { reading.accept(&page.seen) };
            let mut letters = std::mem::take(&mut page.letters);
            letters.extend(self.total_letter(&step, &ask, &page));
            let done = matches!(step, Step::Whole | Step::WholeBut { .. });
            self.publish_page(reading, &page, letters, (lane, done), settled_until, &mut counts).await?;
            match step {
                Step::More => {}
                Step::Again(why) => {
                    self.pages.forget_former();
                    tracing::debug!(source = %self.source.name, pass = reading.open().pass, reason = %why, "window is read again");
                }
                Step::Whole | Step::WholeBut { .. } => {
                    self.settle(reading);
                    return Ok(());
                }
                Step::Unquiet(why) => return Err(Ended::Halted(unquiet(&ask, why))),
            }
        }
    }

    /// Publishes what a page brought; with `finished`, also the fact that the window was read.
    async fn publish_page(
        &mut self,
        reading: &Reading,
        page: &Page,
        letters: Vec<DeadLetter>,
        (lane, finished): (Lane, bool),
        settled_until: Timestamp,
        counts: &mut Counts,
    ) -> Result<(), Ended> {
        let to = reading.open().to;
        let records = self.new_records(page, settled_until, counts);
        let (read, published) = (as_count(page.rows.len()) + page.seen.unidentified, as_count(records.len()));
        counts.published += published;
        let (cursor, windows) = if finished {
            (self.cursor(to, None), vec![self.fact(reading, page, lane, counts)])
        } else {
            (self.cursor(settled_until, Some(reading.open().clone())), Vec::new())
        };
        let settled_until = cursor.settled_until;
        let (cursors, traceparent) = (vec![cursor], page.traceparent.clone());
        self.publish(Publication {
            records,
            letters,
            cursors,
            windows,
            traceparent,
            ..Publication::default()
        })
        .await?;
        self.source.metrics.page_polled(&self.source.name, lane, read, published);
        self.source.metrics.settled_until(&self.source.name, Some(settled_until));
        for (id, row) in &page.rows {
            self.overlap.remember(id.clone(), row, to);
        }
        Ok(())
    }

    /// The records of the page's rows that were not published yet.
    fn new_records(&self, page: &Page, settled_until: Timestamp, counts: &mut Counts) -> Vec<RawRecord> {
        let mut records = Vec::new();
        for (id, row) in page.rows.iter().filter(|(id, row)| !self.overlap.holds(id, row)) {
            counts.late += u64::from(self.overlap.is_late(id, row, settled_until));
            records.push(self.source.maker.record(row, id.clone(), page.polled_at));
        }
        records
    }

    fn settle(&mut self, reading: &Reading) {
        let reach = self.source.look_back.saturating_add(self.source.settings.reach_before);
        let look_back = SignedDuration::try_from(reach).unwrap_or(SignedDuration::MAX);
        if reading.was_interrupted() {
            self.overlap.settle_in_part(reading.open().to, look_back);
        } else {
            self.overlap.settle(reading.open().to, look_back);
        }
    }

    /// The one reader of a source has the live lane's cursor, also while it catches up.
    fn cursor(&self, settled_until: Timestamp, window: Option<OpenWindow>) -> Cursor {
        let source = self.source.name.clone();
        Cursor { source, lane: Lane::Live, settled_until, window, at: self.source.clock.now() }
    }

    fn fact(&self, reading: &Reading, page: &Page, lane: Lane, counts: &Counts) -> WindowFact {
        let open = reading.open();
        let at = self.source.clock.now();
        tracing::info!(
            source = %self.source.name, from = %open.from, to = %open.to, lane = lane.as_str(), passes = open.pass,
            pages = reading.pages(), ids = open.ids_read, published = counts.published, late = counts.late,
            "window finished"
        );
        WindowFact {
            source: self.source.name.clone(),
            lane,
            from: open.from,
            to: open.to,
            pages: reading.pages(),
            passes: open.pass,
            total: page.seen.total,
            distinct_ids: open.ids_read,
            published: counts.published,
            late: counts.late,
            at,
        }
    }

    fn total_letter(&self, step: &Step, ask: &Ask, page: &Page) -> Option<DeadLetter> {
        let Step::WholeBut { total, read } = step else { return None };
        let message = format!(
            "the API tells {total} records from {} to {}, and two passes read the same {read}; ask the vendor which ones \
             its list leaves out",
            ask.from, ask.to
        );
        tracing::warn!(source = %self.source.name, total, read, "the api tells more records than it lists");
        let payload = array_of(page.rows.iter().map(|(_, row)| &row.bytes));
        Some(letter(&self.source.name, Refusal::new(code::TOTAL, message), payload, page.polled_at))
    }

    async fn publish(&mut self, publication: Publication) -> Result<(), Ended> {
        publish(self.publisher, publication).await
    }

    /// Rests until the next poll is due.
    async fn pause(&self) -> Result<(), Ended> {
        rest(self.source.every, self.stop).await
    }
}

fn unquiet(ask: &Ask, why: Unrest) -> Refusal {
    let window = format!("from {} to {}", ask.from, ask.to);
    match why {
        Unrest::RepeatedPage => {
            let message =
                format!("{why}, pass after pass ({window}, {}); is the page parameter right?", ask.at);
            Refusal::new(code::REPEATED_PAGE, message)
        }
        _ => {
            let message = format!(
                "the window {window} did not come to rest: {why}; a longer settle_lag or a shorter max_window helps"
            );
            Refusal::new(code::UNQUIET, message)
        }
    }
}

fn as_count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Publishes in one transaction.
pub(super) async fn publish(publisher: &Publisher, publication: Publication) -> Result<(), Ended> {
    match publisher.publish(publication).await {
        Ok(()) => Ok(()),
        Err(PublishError::Lost | PublishError::Stopped) => Err(Ended::Stopped),
        Err(refused @ PublishError::Refused(_)) => {
            Err(Ended::Halted(Refusal::new(code::PUBLISH, refused.to_string())))
        }
    }
}

/// Rests, unless the stage stops.
pub(super) async fn rest(duration: Duration, stop: &CancellationToken) -> Result<(), Ended> {
    match stop.run_until_cancelled(tokio::time::sleep(duration)).await {
        Some(()) => Ok(()),
        None => Err(Ended::Stopped),
    }
}
