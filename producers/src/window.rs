//! Settled windows: which stretch of time a source reads next (design §5, contract decisions "All sources").
//!
//! Pure: the present is handed in. A window is closed at both ends and in whole seconds, for that is what the vendors'
//! filters take. It ends no later than now − `settle_lag`, so that the remote system has finished writing it, and reaches
//! `look_back` into its predecessor, so that clock skew costs a re-read and never a loss.

use std::time::Duration;

use jiff::{
    SignedDuration, Timestamp,
    tz::{AmbiguousOffset, TimeZone},
};
use thiserror::Error;
use weir_model::{
    cursor::Lane,
    flow::{Poll, StartFrom},
    time::parse_local,
};

#[cfg(test)]
mod tests;

/// How far a look at a source reaches whose windows nothing limits.
const LONGEST_LOOK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How far a window with archived records reaches beyond the age at which records are archived: that age moves on while
/// windows are read, and the windows behind it must not follow it one by one.
const ARCHIVE_MARGIN: SignedDuration = SignedDuration::from_hours(1);

/// A stretch of time to read, both ends inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its begin.
    pub from: Timestamp,
    /// Its end; what it covers is settled.
    pub to: Timestamp,
    /// [`Lane::CatchUp`] when more windows follow at once, else [`Lane::Live`].
    pub lane: Lane,
    /// Whether records of it may have been archived: it is read from both lists.
    pub archived: bool,
}

/// Plans the windows of one source.
#[derive(Clone, Debug)]
pub struct Planner {
    zone: TimeZone,
    settle_lag: SignedDuration,
    look_back: SignedDuration,
    /// The longest window by the flow's setting, counted from the cursor.
    max_window: Option<SignedDuration>,
    /// The longest window the API takes, overlap included.
    api_limit: Option<SignedDuration>,
    start: StartFrom,
    /// Nothing before this local time is read; set when the source starts at a fixed time.
    floor: Option<Timestamp>,
    /// How old a record is before it may be archived.
    archived_after: Option<SignedDuration>,
}

/// Why no window can be planned for a source.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PlanError {
    /// The overlap alone is as long as the API's longest window, so the source could never go on.
    #[error("look_back ({look_back:?}) must be shorter than the longest window the API takes ({limit:?})")]
    LookBackTooLong {
        /// The setting.
        look_back: Duration,
        /// The API's limit.
        limit: Duration,
    },
    /// `start_from` is no time in this zone.
    #[error("start_from {0:?} is no local time; write it as \"2024-01-01 00:00:00\"")]
    Start(String),
}

impl Planner {
    /// Plans by a source's settings, in the connection's zone, under the API's own limit of a window.
    ///
    /// # Errors
    /// When the settings leave no room for a window.
    pub fn new(poll: &Poll, zone: TimeZone, api_limit: Option<Duration>) -> Result<Self, PlanError> {
        if let Some(limit) = api_limit.filter(|limit| poll.look_back >= *limit) {
            return Err(PlanError::LookBackTooLong { look_back: poll.look_back, limit });
        }
        let floor = match &poll.start_from {
            StartFrom::Ago(_) => None,
            StartFrom::At(text) => {
                Some(parse_local(text, &zone).ok_or_else(|| PlanError::Start(text.clone()))?)
            }
        };
        Ok(Self {
            zone,
            settle_lag: signed(poll.settle_lag),
            look_back: signed(poll.look_back),
            max_window: poll.max_window.map(signed),
            api_limit: api_limit.map(signed),
            start: poll.start_from.clone(),
            floor,
            archived_after: None,
        })
    }

    /// The same, for a source whose records are archived once they are as old as `after`.
    #[must_use]
    pub fn with_archive(self, after: Option<Duration>) -> Self {
        Self { archived_after: after.map(signed), ..self }
    }

    /// The same, but windows reach `look_back` into their predecessor.
    #[must_use]
    pub fn reaching_back(self, look_back: SignedDuration) -> Self {
        Self { look_back, ..self }
    }

    /// How far windows reach into their predecessor.
    pub fn look_back(&self) -> SignedDuration {
        self.look_back
    }

    /// Whether a record of this time may have been archived by `now`.
    pub fn is_archived(&self, at: Timestamp, now: Timestamp) -> bool {
        self.archived_until(now).is_some_and(|until| at < until)
    }

    fn archived_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.archived_after.map(|after| back(now, after))
    }

    /// Where a source without a cursor begins.
    pub fn start(&self, now: Timestamp) -> Timestamp {
        match (&self.start, self.floor) {
            (StartFrom::Ago(ago), _) => self.unambiguous_before(whole_second(back(now, signed(*ago)))),
            (StartFrom::At(_), floor) => floor.unwrap_or(now),
        }
    }

    /// The longest window that ends at `now`, for a look at what there is.
    pub fn newest(&self, now: Timestamp) -> Window {
        let to = whole_second(now);
        let longest = [self.max_window, self.api_limit].into_iter().flatten().min().unwrap_or(LONGEST_LOOK);
        Window { from: back(to, longest), to, lane: Lane::Reconcile, archived: false }
    }

    /// The next window after everything before `settled_until` was read; none while nothing more is settled.
    pub fn next(&self, settled_until: Timestamp, now: Timestamp) -> Option<Window> {
        self.next_up_to(settled_until, self.settled(now), now)
    }

    /// Up to when everything is settled.
    pub fn settled(&self, now: Timestamp) -> Timestamp {
        self.unambiguous_before(whole_second(back(now, self.settle_lag)))
    }

    /// `at`, or the configured beginning when that is later.
    pub fn not_before_start(&self, at: Timestamp) -> Timestamp {
        self.floor.map_or(at, |floor| at.max(floor))
    }

    /// The next window of those that end at `settled`, which is in no hour that happens twice.
    pub fn next_up_to(&self, settled_until: Timestamp, settled: Timestamp, now: Timestamp) -> Option<Window> {
        if settled <= settled_until {
            return None;
        }
        let overlap = back(settled_until, self.look_back);
        let mut from = self.unambiguous_before(whole_second(overlap));
        if let Some(floor) = self.floor {
            from = from.max(floor.min(settled_until));
        }
        let archived_until = self.archived_until(now).filter(|until| overlap < *until);
        let longest = [
            self.max_window.map(|limit| forth(settled_until, limit)),
            self.api_limit.map(|limit| self.longest_from(from, limit)),
            // Younger records are in the live list alone.
            archived_until.map(|until| forth(forth(until, self.look_back), ARCHIVE_MARGIN)),
        ];
        let limit = longest.into_iter().flatten().min().unwrap_or(Timestamp::MAX);
        let lane = if limit < settled { Lane::CatchUp } else { Lane::Live };
        let to = self.end_within(settled_until, limit.min(settled));
        Some(Window { from, to, lane, archived: archived_until.is_some() })
    }

    /// The window's end: `limit`, or before an hour that happens twice, unless that would be no progress: then after it.
    fn end_within(&self, settled_until: Timestamp, limit: Timestamp) -> Timestamp {
        let end = self.unambiguous_before(whole_second(limit));
        if end > settled_until { end } else { self.after_fold(limit) }
    }

    /// The latest end that the API's limit allows, whether it counts elapsed time or clock time.
    fn longest_from(&self, from: Timestamp, limit: SignedDuration) -> Timestamp {
        let end = forth(from, limit);
        let clock = self.zone.to_datetime(end).duration_since(self.zone.to_datetime(from));
        back(end, (clock - limit).max(SignedDuration::ZERO))
    }

    /// `at`, or the last moment before the fold that it lies in: a local time that happens twice (the end of daylight
    /// saving) would be read by the API as either, and half of an hour could be missed.
    fn unambiguous_before(&self, at: Timestamp) -> Timestamp {
        self.fold_around(at).map_or(at, |(begin, _)| back(begin, SignedDuration::from_secs(1)))
    }

    /// `at`, or the end of the hour that happens twice when it lies in one.
    pub fn after_fold(&self, at: Timestamp) -> Timestamp {
        self.fold_around(at).map_or(at, |(_, end)| end)
    }

    /// The real time during which local times happen for the first or the second time, when `at` lies in it.
    fn fold_around(&self, at: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let local = self.zone.to_datetime(at);
        let AmbiguousOffset::Fold { before, after } = self.zone.to_ambiguous_timestamp(local).offset() else {
            return None;
        };
        let length = SignedDuration::from_secs(i64::from(before.seconds() - after.seconds()));
        let transition = if self.zone.to_offset(at) == before {
            self.zone.following(at).next()
        } else {
            self.zone.preceding(forth(at, SignedDuration::from_secs(1))).next()
        };
        let turned = transition?.timestamp();
        Some((back(turned, length), forth(turned, length)))
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

fn back(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}

fn forth(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
