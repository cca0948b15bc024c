//! One page: the call, called again when it fails, and a look at what came.
//!
//! What cannot become a record is explained in a letter with the bytes that came, and the page is read again a few
//! times, so that a passing fault loses nothing (invariant 3).

use std::{collections::HashSet, time::Duration};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::Span;
use weir_model::{digest::Digest, letter::DeadLetter, names::RecordId, outcome::Refusal};
use weir_runtime::{
    backoff::Backoff,
    health::Condition,
    poll::{Publication, Publisher},
    telemetry,
};

use super::{
    Ended, Reader, SourcePoller,
    windows::{publish, rest},
};
use crate::{
    code,
    feed::{Answer, Ask, FeedError, PageAt, Reaction, Unfit},
    letter::{array_of, letter},
    paging::PageSeen,
    record::Row,
};

/// The first rest of a streak of failures, and the longest but for a vendor's hint.
const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(60);
/// How often a page with a flaw is read again before it is taken as it is.
const MOST_REREADS: u32 = 3;
/// How often a call is repeated when nobody knows what its failure means.
const MOST_UNCLEAR: u32 = 6;
/// Letters about unreadable answers in one streak: the first ones explain all.
const MOST_ANSWER_LETTERS: u32 = 3;
/// Bad rows that are remembered, so that each is only read again and lettered once.
const MOST_HOPELESS: usize = 10_000;
/// How long a call may go on after a stop: a token renewal inside it should not be cut.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// A page, ready to be published.
#[derive(Debug)]
pub(super) struct Page {
    /// Rows with the ids they are published under, in the page's order.
    pub rows: Vec<(RecordId, Row)>,
    /// What paging looks at.
    pub seen: PageSeen,
    /// Letters to publish with it.
    pub letters: Vec<DeadLetter>,
    /// When its answer arrived.
    pub polled_at: Timestamp,
    /// Whether it holds the rows of the page before it, reading after reading; it has no rows then.
    pub repeated: bool,
    /// The trace of its reading, for the header of its records.
    pub traceparent: Option<String>,
}

/// Reads the pages of one source.
pub(super) struct Pages<'a> {
    source: &'a SourcePoller,
    reader: Reader,
    publisher: &'a Publisher,
    stop: &'a CancellationToken,
    /// The page before this one, and the digest of its rows.
    former: Option<(PageAt, Digest)>,
    /// Whether rows came with the source's first key; then one without it is a fault and no older answer.
    keyed: bool,
    /// Rows that stay without an id however often they are read.
    hopeless: HashSet<Digest>,
}

impl<'a> Pages<'a> {
    pub(super) fn new(
        source: &'a SourcePoller,
        reader: Reader,
        publisher: &'a Publisher,
        stop: &'a CancellationToken,
    ) -> Self {
        Self { source, reader, publisher, stop, former: None, keyed: false, hopeless: HashSet::new() }
    }

    /// The next page has no page before it.
    pub(super) fn forget_former(&mut self) {
        self.former = None;
    }

    /// Reads a page, again when it has a flaw that may pass.
    pub(super) async fn read(&mut self, ask: &Ask) -> Result<Page, Ended> {
        let mut letters = Vec::new();
        let mut rereads = 0;
        loop {
            let answer = self.call(ask).await?;
            let polled_at = self.source.clock.now();
            let (total, has_next) = (answer.total, answer.has_next);
            let maker = &self.source.maker;
            let removed = answer.deleted.into_iter().map(|bytes| maker.read_deleted(bytes));
            let rows: Vec<Row> =
                answer.rows.into_iter().map(|bytes| maker.read(bytes)).chain(removed).collect();
            let digest = Digest::of_parts(rows.iter().map(|row| row.digest.as_bytes().as_slice()));
            let repeated = self.repeats_former(ask, &rows, digest);
            let nameless = self.nameless(&rows);
            if rereads < MOST_REREADS && (repeated || !nameless.is_empty()) {
                rereads += 1;
                tracing::warn!(source = %self.source.name, page = %ask.at, repeated, rows_without_id = nameless.len(), "page is read again");
                self.complain(repeated, ask, &rows, &nameless, polled_at, &mut letters);
                continue;
            }
            if repeated {
                let seen = PageSeen::default();
                return Ok(Page { rows: Vec::new(), seen, letters, polled_at, repeated, traceparent: None });
            }
            self.former = Some((ask.at.clone(), digest));
            let row_cursors = rows.iter().map(|row| row.row_cursor.clone()).collect();
            let unfit = self.explain(answer.unfit, polled_at, &mut letters);
            let (rows, unidentified) = self.identify(rows);
            let unidentified = unidentified + unfit;
            let digests = rows.iter().map(|(id, row)| (Digest::of(id.as_str().as_bytes()), row.digest));
            let seen = PageSeen { rows: digests.collect(), unidentified, row_cursors, total, has_next };
            return Ok(Page { rows, seen, letters, polled_at, repeated: false, traceparent: None });
        }
    }

    /// Whether another page number was answered with the rows of the page before it. What the API's own cursor brings is
    /// judged by its order instead.
    fn repeats_former(&self, ask: &Ask, rows: &[Row], digest: Digest) -> bool {
        let by_number = matches!(ask.at, PageAt::Number(_));
        let same = |(at, former): &(PageAt, Digest)| *at != ask.at && *former == digest;
        by_number && !rows.is_empty() && self.former.as_ref().is_some_and(same)
    }

    /// The rows without an id that another reading may bring with one.
    fn nameless(&self, rows: &[Row]) -> Vec<Row> {
        if self.by_fallback(rows) && !self.keyed {
            return Vec::new();
        }
        let flawed = rows.iter().filter(|row| row.id.is_none() && !self.hopeless.contains(&row.digest));
        flawed.cloned().collect()
    }

    /// Whether all rows lack the key and have the fallback: an answer of the older kind, and not a fault in one row,
    /// which under another id would be written twice.
    fn by_fallback(&self, rows: &[Row]) -> bool {
        rows.iter().all(|row| row.id.is_none() && row.fallback_id.is_some())
    }

    /// The rows with their ids, and how many have none.
    fn identify(&mut self, rows: Vec<Row>) -> (Vec<(RecordId, Row)>, u64) {
        let by_fallback = self.by_fallback(&rows);
        let mut identified = Vec::with_capacity(rows.len());
        let mut unidentified = 0;
        for row in rows {
            let id = if by_fallback { row.fallback_id.clone() } else { row.id.clone() };
            match id {
                Some(id) => identified.push((id, row)),
                None => {
                    unidentified += 1;
                    if self.hopeless.len() < MOST_HOPELESS {
                        self.hopeless.insert(row.digest);
                    }
                }
            }
        }
        self.keyed |= !by_fallback && !identified.is_empty();
        (identified, unidentified)
    }

    /// Writes the letters about rows that cannot become records, each once; tells how many rows they are.
    fn explain(&mut self, unfit: Vec<Unfit>, at: Timestamp, letters: &mut Vec<DeadLetter>) -> u64 {
        let mut count = 0;
        for Unfit { bytes, refusal } in unfit {
            count += 1;
            let digest = Digest::of(&bytes);
            if !self.hopeless.contains(&digest) {
                if self.hopeless.len() < MOST_HOPELESS {
                    self.hopeless.insert(digest);
                }
                letters.push(letter(&self.source.name, refusal, bytes, at));
            }
        }
        count
    }

    /// Writes the letters about a page's flaws, each once however often the page is read.
    fn complain(
        &self,
        repeated: bool,
        ask: &Ask,
        rows: &[Row],
        nameless: &[Row],
        at: Timestamp,
        letters: &mut Vec<DeadLetter>,
    ) {
        let mut found = Vec::new();
        if repeated {
            let message = format!("{} holds the rows of the page before it; it is read again", ask.at);
            let refusal = Refusal::new(code::REPEATED_PAGE, message);
            found.push(letter(&self.source.name, refusal, array_of(rows.iter().map(|row| &row.bytes)), at));
        }
        for row in nameless {
            let message =
                format!("a row of {} lacks a field of the source's key; the page is read again", ask.at);
            let refusal = Refusal::new(code::NO_ID, message);
            found.push(letter(&self.source.name, refusal, row.bytes.clone(), at));
        }
        for letter in found {
            if letters.iter().all(|known| known.record_id != letter.record_id) {
                letters.push(letter);
            }
        }
    }

    /// Calls until an answer comes, the source halts or the stage stops.
    async fn call(&mut self, ask: &Ask) -> Result<Answer, Ended> {
        let mut backoff = Backoff::new(FIRST_REST, LONGEST_REST);
        let (mut failures, mut unclear, mut letters) = (0_u32, 0_u32, 0_u32);
        loop {
            let error = match self.attempt(ask).await? {
                Ok(answer) => {
                    if failures > 0 {
                        self.source.tell(self.reader, Condition::Ready);
                        tracing::info!(source = %self.source.name, failures, "calls succeed again");
                    }
                    return Ok(answer);
                }
                Err(error) => error,
            };
            failures += 1;
            if let Some(bytes) = &error.unreadable
                && letters < MOST_ANSWER_LETTERS
            {
                letters += 1;
                let refusal = Refusal::new(code::ANSWER, error.explanation());
                let letter = letter(&self.source.name, refusal, bytes.clone(), self.source.clock.now());
                let letters = vec![letter];
                let traceparent = telemetry::inject(&Span::current());
                publish(self.publisher, Publication { letters, traceparent, ..Publication::default() })
                    .await?;
            }
            unclear += u32::from(error.reaction == Reaction::RepeatBounded);
            if error.reaction == Reaction::Halt || unclear >= MOST_UNCLEAR {
                return Err(Ended::Halted(Refusal::new(error.code.clone(), error.explanation())));
            }
            self.source.tell(self.reader, Condition::Waiting(error.explanation()));
            let pause = backoff.next_delay(error.rest.unwrap_or_default());
            tracing::warn!(source = %self.source.name, error = %error.explanation(), ?pause, "call failed, it is repeated");
            rest(pause, self.stop).await?;
        }
    }

    /// One call, of an account that is surely ours; after a stop it may end, but is not used.
    async fn attempt(&self, ask: &Ask) -> Result<Result<Answer, FeedError>, Ended> {
        let owned = self.stop.run_until_cancelled(self.publisher.until_owned()).await;
        if owned.is_none() || self.stop.is_cancelled() {
            return Err(Ended::Stopped);
        }
        let mut call = self.source.feed.page(ask);
        tokio::select! {
            outcome = &mut call => Ok(outcome),
            () = self.stop.cancelled() => {
                let _unused = tokio::time::timeout(STOP_GRACE, call).await;
                Err(Ended::Stopped)
            }
        }
    }
}
