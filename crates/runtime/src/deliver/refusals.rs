//! When a flow stops because too much of it is refused (`halt_after`). The time is handed in.
//!
//! A source, a mapping or a target that changed refuses nearly everything: dead letters by the thousand help nobody, and the
//! flow that stops loses nothing (design §7).

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use weir_model::{
    flow::HaltAfter,
    letter::DeadLetter,
    outcome::{Code, Refusal},
    record::Reason,
};

use super::{link::Entries, recorder::Request};

const TOO_MANY: Code = Code::new("TOO-MANY-REFUSED");
/// What ended within this share of the window is counted as one.
const STEPS: u32 = 60;

/// What some entries come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sample {
    /// Letters that were written.
    refused: u64,
    /// Documents that were delivered or refused.
    ended: u64,
}

impl Sample {
    /// Of entries that are recorded together. Only what the poll brought counts: what a person or a job has sent again stops
    /// the job, not the flow (design §8). Remembered refusals have no letter.
    pub(super) fn of(requests: &[Request]) -> Self {
        let entries = || requests.iter().map(|request| &request.entries);
        let refused =
            entries().flat_map(letters).filter(|letter| is_live(letter.reason, &letter.job)).count();
        Self {
            refused: u64::try_from(refused).unwrap_or(u64::MAX),
            ended: entries().map(|entries| entries.live).sum(),
        }
    }
}

fn letters(entries: &Entries) -> impl Iterator<Item = &DeadLetter> {
    entries.letters.iter().map(|letter| &letter.value)
}

/// Whether the regular reading of the source brought it.
pub(super) fn is_live(reason: Reason, job: &str) -> bool {
    job.is_empty() && matches!(reason, Reason::Poll | Reason::Remedy)
}

/// What was refused of late.
#[derive(Debug)]
pub(super) struct Refusals {
    limit: HaltAfter,
    recent: VecDeque<(Instant, Sample)>,
}

impl Refusals {
    pub(super) fn new(limit: HaltAfter) -> Self {
        Self { limit, recent: VecDeque::new() }
    }

    /// Why the flow stops once `sample` is recorded too, if it does.
    pub(super) fn halt(&self, sample: Sample, last: Option<&Refusal>, now: Instant) -> Option<Refusal> {
        let since = now.checked_sub(self.limit.within);
        let recent = self.recent.iter().filter(|(at, _)| since.is_none_or(|since| *at >= since));
        let (refused, ended) = recent
            .map(|(_, sample)| sample)
            .chain([&sample])
            .fold((0, 0), |(refused, ended), sample| (refused + sample.refused, ended + sample.ended));
        let ended = ended.max(refused);
        let is_many = sample.refused > 0 && refused >= self.limit.refused;
        let is_large_share = u128::from(refused) * 100 >= u128::from(ended) * u128::from(self.limit.percent);
        (is_many && is_large_share).then(|| {
            let last = last.map(|last| format!("; the last one for {last}")).unwrap_or_default();
            let message = format!(
                "{refused} of the last {ended} documents were refused within {} s{last}. The flow stands still and loses \
                 nothing: mend the cause, then resume it",
                self.limit.within.as_secs()
            );
            Refusal::new(TOO_MANY, message)
        })
    }

    /// Counts what was recorded.
    pub(super) fn count(&mut self, sample: Sample, now: Instant) {
        let step = (self.limit.within / STEPS).max(Duration::from_millis(1));
        match self.recent.back_mut() {
            Some((at, last)) if now.duration_since(*at) < step => {
                last.refused += sample.refused;
                last.ended += sample.ended;
            }
            _ => self.recent.push_back((now, sample)),
        }
        while self.recent.front().is_some_and(|(at, _)| now.duration_since(*at) > self.limit.within) {
            self.recent.pop_front();
        }
    }
}

/// The last of the letters that count.
pub(super) fn last_cause(requests: &[Request]) -> Option<&Refusal> {
    let all = requests.iter().flat_map(|request| letters(&request.entries));
    all.filter(|letter| is_live(letter.reason, &letter.job)).last().map(|letter| &letter.refusal)
}

#[cfg(test)]
mod tests {
    use weir_model::{document::Document, tally::Counts};

    use super::*;
    use crate::deliver::{
        ending::Ending,
        link::{LaneId, Traced},
        samples::document,
    };

    const LIMIT: HaltAfter = HaltAfter { refused: 10, within: Duration::from_secs(60), percent: 50 };

    fn sample(refused: u64, ended: u64) -> Sample {
        Sample { refused, ended }
    }

    #[test]
    fn what_a_job_or_a_person_sends_again_stops_no_flow() {
        let letter = |reason, job: &str| {
            let document = Document { reason, job: job.to_owned(), ..document(1, "a") };
            let refused = Ending::Refused(Refusal::new(Code::new("K-X"), "no"));
            let value = refused.trace(&document, None, document.polled_at).letter.unwrap();
            Traced { value, traceparent: None }
        };
        let letters = vec![
            letter(Reason::Poll, ""),
            letter(Reason::Remedy, ""),
            letter(Reason::Poll, "job"),
            letter(Reason::Backfill, "job"),
            letter(Reason::Replay, "job"),
            letter(Reason::Retry, ""),
        ];
        let entries = Entries {
            receipts: Vec::new(),
            letters,
            rows: Vec::new(),
            collection: None,
            left: 0,
            next_offset: 0,
            live: 5,
            finished: Some(Counts { dead: 6, delivered: 9, ..Counts::default() }),
        };
        let lane = LaneId { partition: 0, assignment: 1 };
        let requests = [Request { lane, entries, done: tokio::sync::oneshot::channel().0 }];
        assert_eq!(Sample::of(&requests), sample(2, 5));
    }

    #[test]
    fn it_takes_many_and_a_large_share() {
        let now = Instant::now();
        let mut refusals = Refusals::new(LIMIT);
        assert_eq!(refusals.halt(sample(9, 9), None, now), None);
        assert_eq!(refusals.halt(sample(10, 30), None, now), None, "a poisoned batch goes on");
        let last = Refusal::new(Code::new("K-REFERENCE"), "no such customer");
        let refusal = refusals.halt(sample(10, 20), Some(&last), now).unwrap();
        assert_eq!(refusal.code, TOO_MANY);
        assert!(refusal.message.contains("10 of the last 20"), "{refusal}");
        assert!(refusal.message.contains("K-REFERENCE: no such customer"), "{refusal}");
        refusals.count(sample(6, 6), now);
        assert!(refusals.halt(sample(4, 4), None, now).is_some());
        assert_eq!(refusals.halt(sample(0, 4), None, now), None, "nothing new was refused");
    }

    #[test]
    fn what_is_long_ago_counts_no_more() {
        let start = Instant::now();
        let mut refusals = Refusals::new(LIMIT);
        for second in 0..600 {
            let now = start + Duration::from_secs(second);
            assert_eq!(refusals.halt(sample(1, 1), None, now).is_some(), second >= 9, "{second}");
            refusals.count(sample(1, 1), now);
            assert!(refusals.recent.len() <= 62, "{}", refusals.recent.len());
        }
        let later = start + Duration::from_secs(700);
        assert_eq!(refusals.halt(sample(9, 9), None, later), None);
    }
}
