//! One window: its pages, from the live list and where needed from the archive, and what is published with each of them.
//!
//! A page's records and the cursor that says "this page is done" are one publication (invariants 1 and 7): a crash
//! before it reads the page again, a crash after it goes on behind it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use weir_model::{
    cursor::{Cursor, Lane, OpenWindow, WindowFact},
    digest::Digest,
    letter::DeadLetter,
    names::RecordId,
    outcome::Refusal,
    record::RawRecord,
};
use weir_runtime::{
    poll::{Publication, PublishError, Publisher},
    telemetry,
};

use super::{
    Ended, Reader, SourcePoller,
    errand::Errand,
    pages::{Page, Pages},
};
use crate::{
    code,
    feed::Ask,
    lateness::LookBack,
    letter::{array_of, letter},
    overlap::Overlap,
    paging::{Reading, Step, Strategy, Unrest},
    record::Row,
    window::{Planner, Window},
};

/// One run of one reader of a source: from taking the account over to giving it up.
pub(super) struct Session<'a> {
    pub(super) source: &'a SourcePoller,
    pub(super) publisher: &'a Publisher,
    stop: &'a CancellationToken,
    reader: Reader,
    /// Plans its windows; reaches back as far as this reader does.
    pub(super) planner: Planner,
    pub(super) look_back: LookBack,
    pub(super) overlap: Overlap,
    pages: Pages<'a>,
    /// What the job asks for, when the reader is one.
    pub(super) errand: Option<Errand<'a>>,
}

/// How far a reader has come: what its cursor says once a publication is durable.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    /// Everything before it was read.
    pub settled_until: Timestamp,
    /// The window that is being read, or that is read next.
    pub window: Option<OpenWindow>,
}

/// A window that is to be read, from its beginning or from where the cursor says.
pub(super) struct Opened {
    reading: Reading,
    lane: Lane,
    list: List,
}

/// Which of a source's lists is read, and whether the other follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum List {
    /// The live list has all of the window.
    Live,
    /// The live list, and then the archive: a record that is moved meanwhile is in the one or in the other.
    LiveThenArchive,
    /// The archive; the live list was read.
    Archive,
}

/// What one list has of a window.
struct Part {
    reading: Reading,
    lane: Lane,
    archived: bool,
    /// Everything before it had been read when the window was begun.
    settled_until: Timestamp,
    counts: Counts,
}

/// What was counted over a part.
#[derive(Default)]
struct Counts {
    published: u64,
    late: u64,
    /// The largest lateness of the late ones, in milliseconds.
    lateness_ms: u64,
}

impl Part {
    /// The next call.
    fn ask(&self) -> Ask {
        let open = self.reading.open();
        let (lane, archived) = (self.lane, self.archived);
        Ask {
            from: open.from,
            to: open.to,
            at: self.reading.next(),
            page_size: open.page_size,
            lane,
            archived,
        }
    }

    /// In the middle of it.
    fn progress(&self) -> Progress {
        Progress { settled_until: self.settled_until, window: Some(self.reading.open().clone()) }
    }
}

impl Opened {
    /// Its state, for a cursor.
    pub(super) fn open(&self) -> &OpenWindow {
        self.reading.open()
    }

    /// The window's end.
    pub(super) fn to(&self) -> Timestamp {
        self.reading.open().to
    }

    /// Whose turn its calls are.
    pub(super) fn lane(&self) -> Lane {
        self.lane
    }
}

impl<'a> Session<'a> {
    pub(super) fn new(
        source: &'a SourcePoller,
        reader: Reader,
        publisher: &'a Publisher,
        stop: &'a CancellationToken,
    ) -> Self {
        let pages = Pages::new(source, reader, publisher, stop);
        let look_back = LookBack::new(source.look_back, 0, source.clock.now());
        let (planner, overlap) = (source.planner.clone(), Overlap::default());
        Self { source, publisher, stop, reader, planner, look_back, overlap, pages, errand: None }
    }

    /// The reader of a job: its windows reach into no other, and its calls come after those of the regular poll.
    pub(super) fn of_job(errand: Errand<'a>, publisher: &'a Publisher, stop: &'a CancellationToken) -> Self {
        let (source, reader) = (errand.source, Reader::Job(errand.job.kind));
        let session = Self::new(source, reader, publisher, stop);
        let planner = source.planner.clone().reaching_back(SignedDuration::ZERO);
        Self { planner, errand: Some(errand), ..session }
    }

    /// A planned window, not begun.
    pub(super) fn begin(&self, window: Window) -> Opened {
        let list = if window.archived { List::LiveThenArchive } else { List::Live };
        let settings = &self.source.settings;
        let reading = self.unread(window.from, window.to, settings.strategy, settings.request_digest);
        Opened { reading, lane: window.lane, list }
    }

    /// A window that a cursor holds. Its request's digest tells which list it was being read from; a digest that is
    /// neither list's is an older request, and the window starts over.
    pub(super) fn resume(&self, open: OpenWindow, lane: Lane) -> Opened {
        tracing::info!(source = %self.source.name, from = %open.from, to = %open.to, "window resumed");
        let settings = &self.source.settings;
        let archive = settings.history.filter(|history| history.request_digest == open.request_digest);
        let list = match archive {
            Some(_) => List::Archive,
            None if self.planner.is_archived(open.from, self.source.clock.now()) => List::LiveThenArchive,
            None => List::Live,
        };
        let (strategy, digest) = match archive {
            Some(history) => (settings.strategy.of_archive(), history.request_digest),
            None => (settings.strategy, settings.request_digest),
        };
        let reading = Reading::resume(strategy, open, settings.page_size, digest);
        Opened { reading, lane, list }
    }

    fn unread(&self, from: Timestamp, to: Timestamp, strategy: Strategy, request_digest: Digest) -> Reading {
        let open = OpenWindow {
            from,
            to,
            page_size: self.source.settings.page_size,
            request_digest,
            pass: 1,
            total: None,
            next_page: None,
            continue_after: None,
            rows_read: 0,
            ids_read: 0,
        };
        Reading::begin(strategy, open)
    }

    /// Reads a window until it is whole, in both lists where it has two; the cursor then says `after`.
    pub(super) async fn read_window(
        &mut self,
        opened: Opened,
        settled_until: Timestamp,
        after: Progress,
    ) -> Result<(), Ended> {
        let Opened { mut reading, lane, list } = opened;
        let (from, to) = (reading.open().from, reading.open().to);
        // Where only the archive is left, another process read the live list.
        let mut in_part = list == List::Archive;
        let mut archived = in_part;
        if let (List::LiveThenArchive, Some(history)) = (list, self.source.settings.history) {
            let strategy = self.source.settings.strategy.of_archive();
            let archive = self.unread(from, to, strategy, history.request_digest);
            let then = Progress { settled_until, window: Some(archive.open().clone()) };
            let live = Part { reading, lane, archived, settled_until, counts: Counts::default() };
            in_part = self.read_part(live, then).await?;
            (reading, archived) = (archive, true);
        }
        let last = Part { reading, lane, archived, settled_until, counts: Counts::default() };
        in_part |= self.read_part(last, after).await?;
        self.settle(from, to, in_part);
        Ok(())
    }

    /// Reads what one list has of a window until it is whole; the cursor then says `after`. Tells whether another process
    /// read a part of it.
    async fn read_part(&mut self, mut part: Part, after: Progress) -> Result<bool, Ended> {
        self.pages.forget_former();
        loop {
            let ask = part.ask();
            let span =
                tracing::info_span!(parent: None, "poll page", source = %self.source.name, page = %ask.at);
            let mut page = self.pages.read(&ask).instrument(span.clone()).await?;
            page.traceparent = telemetry::inject(&span);
            let reading = &mut part.reading;
            let step = if page.repeated { reading.repeated() } else { reading.accept(&page.seen) };
            let mut letters = std::mem::take(&mut page.letters);
            letters.extend(self.total_letter(&step, &ask, &page));
            let finished = matches!(step, Step::Whole | Step::WholeBut { .. });
            let progress = if finished { after.clone() } else { part.progress() };
            self.publish_page(&mut part, &page, letters, progress, finished).await?;
            match step {
                Step::More => {}
                Step::Again(why) => {
                    self.pages.forget_former();
                    tracing::debug!(source = %self.source.name, pass = part.reading.open().pass, reason = %why, "window is read again");
                }
                Step::Whole | Step::WholeBut { .. } => return Ok(part.reading.was_interrupted()),
                Step::Unquiet(why) => return Err(Ended::Halted(unquiet(&ask, why))),
            }
        }
    }

    /// Publishes what a page brought; with `finished`, also the fact that the window was read.
    async fn publish_page(
        &mut self,
        part: &mut Part,
        page: &Page,
        letters: Vec<DeadLetter>,
        progress: Progress,
        finished: bool,
    ) -> Result<(), Ended> {
        let to = part.reading.open().to;
        let records = self.new_records(page, part);
        let (read, published) = (as_count(page.rows.len()) + page.seen.unidentified, as_count(records.len()));
        part.counts.published += published;
        if let Some(errand) = &mut self.errand
            && !errand.has_room(&records, self.publisher, self.stop).await?
        {
            return Err(Ended::Stopped);
        }
        if finished && self.reader == Reader::Live {
            self.follow_lateness(part.counts.lateness_ms);
        }
        let is_told = finished && self.errand.as_ref().is_none_or(Errand::covers);
        let windows = if is_told { vec![self.fact(part, page)] } else { Vec::new() };
        let settled_until = progress.settled_until;
        let (cursors, traceparent) = (vec![self.cursor(progress.clone())], page.traceparent.clone());
        let publication =
            Publication { records, letters, cursors, windows, traceparent, ..Publication::default() };
        let publication = match &mut self.errand {
            Some(errand) => errand.bring(publication, &progress),
            None => publication,
        };
        self.publish(publication).await?;
        if let Some(errand) = &mut self.errand {
            errand.kept();
        }
        self.source.metrics.page_polled(&self.source.name, part.lane, read, published);
        if self.reader == Reader::Live {
            self.source.metrics.settled_until(&self.source.name, Some(settled_until));
        }
        for (id, row) in &page.rows {
            self.overlap.remember(id, row, to);
        }
        Ok(())
    }

    /// The records of the page's rows that this reader did not publish yet.
    fn new_records(&self, page: &Page, part: &mut Part) -> Vec<RawRecord> {
        let mut records = Vec::new();
        let is_asked_for = |id: &RecordId| self.errand.as_ref().is_none_or(|errand| errand.asks_for(id));
        for (id, row) in page.rows.iter().filter(|(id, row)| !self.overlap.holds(id, row) && is_asked_for(id))
        {
            if self.overlap.is_late(id, row, part.settled_until) {
                part.counts.late += 1;
                part.counts.lateness_ms = part.counts.lateness_ms.max(lateness(row, page.polled_at));
            }
            let record = self.source.maker.record(row, id.clone(), page.polled_at);
            records.push(RawRecord { reason: self.reader.reason(), ..record });
        }
        records
    }

    /// After a window of the regular poll whose latest record came that late: the next one reaches back accordingly.
    fn follow_lateness(&mut self, lateness_ms: u64) {
        let before = self.look_back.length();
        self.look_back.observe(lateness_ms, self.source.clock.now());
        let length = self.look_back.length();
        self.planner = self.source.planner.clone().reaching_back(length);
        if length > before {
            tracing::info!(source = %self.source.name, look_back = ?length, lateness_ms, "records come late, the look-back grows");
        }
    }

    /// After a window from `from` to `to`, of which another process may have read a part.
    fn settle(&mut self, from: Timestamp, to: Timestamp, in_part: bool) {
        let reach =
            SignedDuration::try_from(self.source.settings.reach_before).unwrap_or(SignedDuration::MAX);
        let look_back = self.planner.look_back().saturating_add(reach);
        if in_part {
            self.overlap.settle_in_part(to, look_back);
        } else {
            let begin = from.checked_sub(reach).unwrap_or(Timestamp::MIN);
            self.overlap.settle(begin, to, look_back);
        }
    }

    /// The reader's cursor. The regular poll has one, also while it catches up.
    pub(super) fn cursor(&self, progress: Progress) -> Cursor {
        let Progress { settled_until, window } = progress;
        let source = self.source.name.clone();
        Cursor {
            source,
            lane: self.reader.lane(),
            settled_until,
            window,
            at: self.source.clock.now(),
            job: self.job().to_owned(),
            lateness_ms: self.look_back.lateness_ms(),
        }
    }

    fn fact(&self, part: &Part, page: &Page) -> WindowFact {
        let Part { reading, lane, archived, counts, .. } = part;
        let open = reading.open();
        let at = self.source.clock.now();
        tracing::info!(
            source = %self.source.name, from = %open.from, to = %open.to, lane = lane.as_str(), archived,
            passes = open.pass, pages = reading.pages(), ids = open.ids_read, published = counts.published,
            late = counts.late, "window finished"
        );
        WindowFact {
            source: self.source.name.clone(),
            lane: *lane,
            from: open.from,
            to: open.to,
            pages: reading.pages(),
            passes: open.pass,
            total: page.seen.total,
            distinct_ids: open.ids_read,
            published: counts.published,
            late: counts.late,
            at,
            job: self.job().to_owned(),
            lateness_ms: counts.lateness_ms,
        }
    }

    /// The job that reads; empty for the regular poll and the remedy.
    pub(super) fn job(&self) -> &str {
        self.errand.as_ref().map_or("", |errand| errand.job.id.as_str())
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

    /// Whose turn its calls are, but for those of the regular poll that catches up.
    pub(super) fn lane(&self) -> Lane {
        self.reader.lane()
    }

    pub(super) async fn publish(&mut self, publication: Publication) -> Result<(), Ended> {
        publish(self.publisher, publication).await
    }

    pub(super) async fn rest(&self, duration: Duration) -> Result<(), Ended> {
        rest(duration, self.stop).await
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

/// From a row's modification to the poll that saw it, in milliseconds.
fn lateness(row: &Row, polled_at: Timestamp) -> u64 {
    let late = row.modified.map(|modified| polled_at.duration_since(modified).as_millis());
    late.and_then(|late| u64::try_from(late).ok()).unwrap_or(0)
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
