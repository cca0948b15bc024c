//! Jobs in `weir.control`: how one stands, announcing one, calling one off.
//!
//! Two entries tell of a job: what persons said, and how far its owner has come. Neither writer touches the other's, so
//! none of them can undo what the other wrote.

use jiff::Timestamp;
use thiserror::Error;
use weir_kafka::Cluster;
use weir_schemas::{Cancelled, Codec, Control, Job, JobKind, JobProgress, JobState};

use super::{Known, change};
use crate::{stage::StageError, topics::Topics};

/// Why a job was not called off.
#[derive(Debug, Error)]
pub enum CancelError {
    /// There is no such job.
    #[error("there is no job {id}")]
    NoSuchJob {
        /// What was asked for.
        id: String,
    },
    /// It is over already.
    #[error("job {id} is over already")]
    Over {
        /// The job.
        id: String,
        /// How it ended.
        state: JobState,
    },
    /// Kafka did not do what was asked.
    #[error(transparent)]
    Stage(#[from] StageError),
}

impl Known {
    /// How a job stands.
    pub fn job_state(&self, job: &Job) -> JobState {
        state(job, self.progress(&job.id))
    }
}

/// How a job stands by what is known of it: a person calls it off, unless its owner was done with it before.
pub fn state(job: &Job, progress: Option<&JobProgress>) -> JobState {
    match (progress.map(|progress| progress.state), &job.cancelled) {
        (Some(state), _) if is_over(state) => state,
        (_, Some(_)) => JobState::Cancelled,
        (Some(state), None) => state,
        (None, None) => JobState::Announced,
    }
}

/// Whether nothing comes of a job any more.
pub fn is_over(state: JobState) -> bool {
    match state {
        JobState::Finished | JobState::Failed | JobState::Cancelled => true,
        JobState::Announced | JobState::Running | JobState::Held => false,
    }
}

/// An id for a new job: what it does, when, and four characters by chance.
pub fn new_id(kind: JobKind, at: Timestamp) -> String {
    let name = match kind {
        JobKind::Backfill => "backfill",
        JobKind::Replay => "replay",
        JobKind::Remedy => "remedy",
        JobKind::Repair => "repair",
        JobKind::Fix => "fix",
        JobKind::Census => "census",
    };
    format!("{name}-{}-{:04x}", at.strftime("%Y%m%d-%H%M%S"), rand::random::<u16>())
}

/// Announces a job; its owner takes it up when it hears of it.
///
/// # Errors
/// Those of [`change`].
pub fn announce(cluster: &Cluster, topics: &Topics, codec: &Codec, job: &Job) -> Result<Known, StageError> {
    change(cluster, topics, codec, |_| Ok(vec![Control::Job(job.clone())]))
}

/// Calls a job off: what it published stays, and nothing more comes of it.
///
/// # Errors
/// [`CancelError`].
pub fn cancel(
    cluster: &Cluster,
    topics: &Topics,
    codec: &Codec,
    id: &str,
    cancelled: &Cancelled,
) -> Result<Known, CancelError> {
    change(cluster, topics, codec, |known| {
        let job = known.job(id).ok_or_else(|| CancelError::NoSuchJob { id: id.to_owned() })?;
        let state = known.job_state(job);
        if is_over(state) {
            return Err(CancelError::Over { id: id.to_owned(), state });
        }
        Ok(vec![Control::Job(Job { cancelled: Some(cancelled.clone()), ..Job::clone(job) })])
    })
}

#[cfg(test)]
mod tests {
    use weir_schemas::JobLetter;

    use super::*;

    fn job(cancelled: bool) -> Job {
        let at = Timestamp::UNIX_EPOCH;
        let cancelled = cancelled.then(|| Cancelled { by: "周敏".to_owned(), note: String::new(), at });
        Job {
            id: "replay-1".to_owned(),
            kind: JobKind::Replay,
            subject: "orders".to_owned(),
            from: None,
            until: None,
            only: Vec::new(),
            ranges: Vec::new(),
            letters: Vec::new(),
            edit: String::new(),
            note: String::new(),
            by: "someone".to_owned(),
            at,
            cancelled,
        }
    }

    fn progress(state: JobState) -> JobProgress {
        JobProgress {
            job: "replay-1".to_owned(),
            state,
            cause: None,
            done: 0,
            total: None,
            position: String::new(),
            instance: "a".to_owned(),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_job_is_called_off_unless_it_was_done_before() {
        assert_eq!(state(&job(false), None), JobState::Announced);
        assert_eq!(state(&job(true), None), JobState::Cancelled);
        assert_eq!(state(&job(false), Some(&progress(JobState::Held))), JobState::Held);
        assert_eq!(state(&job(true), Some(&progress(JobState::Running))), JobState::Cancelled);
        assert_eq!(state(&job(true), Some(&progress(JobState::Finished))), JobState::Finished);
        assert_eq!(state(&job(true), Some(&progress(JobState::Failed))), JobState::Failed);
    }

    #[test]
    fn an_id_tells_what_and_when() {
        let id = new_id(JobKind::Repair, Timestamp::from_second(1_700_000_000).unwrap());
        assert!(id.starts_with("repair-20231114-221320-") && id.len() == 27, "{id}");
    }

    #[test]
    fn both_entries_of_a_job_are_known() {
        let mut known = Known::default();
        known.take(Control::Job(job(false)));
        known.take(Control::JobProgress(progress(JobState::Held)));
        assert_eq!(known.job_state(known.job("replay-1").unwrap()), JobState::Held);
        known.take(Control::Job(job(true)));
        assert_eq!(known.job_state(known.job("replay-1").unwrap()), JobState::Cancelled);
        assert_eq!(known.progress("replay-1").unwrap().state, JobState::Held);
    }

    #[test]
    fn what_a_job_sends_is_forgotten_when_it_is_over() {
        let letters = vec![JobLetter { place: "0:17".to_owned(), payload: None }];
        let mut known = Known::default();
        known.take(Control::Job(Job { letters, only: vec!["a".into()], ..job(false) }));
        let left = |known: &mut Known, state| {
            known.take(Control::JobProgress(progress(state)));
            known.forget_what_was_sent();
            known.job("replay-1").map(|job| job.letters.len() + job.only.len())
        };
        assert_eq!(left(&mut known, JobState::Held), Some(2));
        assert_eq!(left(&mut known, JobState::Finished), Some(0));
    }
}
