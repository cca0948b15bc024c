//! The letters that come of a job's own records: enough of them end a replay, and none of them halts the flow.

use std::time::Duration;

use weir_kafka::{AssignedReader, Error, Inspector, TopicPartition};
use weir_model::{
    letter::DeadLetter,
    names::{FlowName, SourceName},
    outcome::{Code, Refusal},
};
use weir_schemas::JOB_HEADER;

use super::{
    lane::Place,
    track::{Mark, Track},
};
use crate::{map::Intake, stage::Deployment, topics::LETTER_PARTITIONS};

/// Too many records of a job were refused.
pub const REFUSED: Code = Code::new("J-REFUSED");

/// A replay ends when so many of its records were refused, and at least one in [`SHARE`] of those it sent.
const LIMIT: u64 = 100;
const SHARE: u64 = 5;
const RECORDS: usize = 500;
const BYTES: usize = 1 << 20;

/// Counts the letters of a job's records.
pub(super) struct Refused {
    reader: AssignedReader,
    job: String,
    count: u64,
    last: Option<Refusal>,
}

impl Refused {
    /// Counts from where the job began; all anew after a take-over, so that none is missed or counted twice.
    pub(super) fn open(place: &Place<'_>, job: &str, track: &mut Track) -> Result<Self, Error> {
        let topic = place.deployment.topics.dead(place.flow.as_str());
        if track.watched.is_empty() {
            track.watched = marks(place.inspector, &topic)?;
        }
        let mut starts = Vec::new();
        for Mark { partition, next } in &track.watched {
            let partition = TopicPartition::new(topic.as_str(), *partition);
            let low = place.inspector.ends(&partition)?.low;
            starts.push((partition, (*next).max(low)));
        }
        let mut reader = AssignedReader::open(&place.deployment.cluster)?;
        reader.assign(&starts)?;
        Ok(Self { reader, job: job.to_owned(), count: 0, last: None })
    }

    /// Reads what there is, waiting up to `patience` for the first; how many letters came in all.
    pub(super) fn count(&mut self, place: &Place<'_>, patience: Duration) -> Result<u64, Error> {
        let mut wait = patience;
        loop {
            let messages = self.reader.poll(RECORDS, BYTES, wait)?;
            if messages.is_empty() {
                return Ok(self.count);
            }
            wait = Duration::ZERO;
            let own = |header: &bytes::Bytes| header.as_ref() == self.job.as_bytes();
            for message in messages.iter().filter(|message| message.header(JOB_HEADER).is_some_and(own)) {
                self.count += 1;
                let letter = message.value.as_ref().map(|value| place.deployment.codec.decode(value));
                if let Some(Ok(DeadLetter { refusal, .. })) = letter {
                    self.last = Some(refusal);
                }
            }
        }
    }

    /// The cause of the last letter.
    pub(super) fn last(&self) -> Option<&Refusal> {
        self.last.as_ref()
    }
}

/// The letters that come of a job in all the flows that it feeds, from when this process took it up.
pub(crate) struct Watch {
    deployment: Deployment,
    inspector: Inspector,
    of_flows: Vec<(FlowName, Intake, Refused)>,
}

impl Watch {
    /// Begins to watch the flows that read a source.
    pub(crate) fn open(
        deployment: &Deployment,
        source: &SourceName,
        flows: &[FlowName],
        job: &str,
    ) -> Result<Self, Error> {
        let inspector = Inspector::open(&deployment.cluster)?;
        let mut of_flows = Vec::with_capacity(flows.len());
        for flow in flows {
            let intake = Intake::Raw(source.clone());
            let place = Place { deployment, inspector: &inspector, flow, intake: &intake };
            let refused = Refused::open(&place, job, &mut Track::default())?;
            of_flows.push((flow.clone(), intake, refused));
        }
        Ok(Self { deployment: deployment.clone(), inspector, of_flows })
    }

    /// Why the job must end after it has sent so many records; none while few of them are refused.
    pub(crate) fn too_much(&mut self, sent: u64) -> Result<Option<Refusal>, Error> {
        for (flow, intake, refused) in &mut self.of_flows {
            let (deployment, inspector) = (&self.deployment, &self.inspector);
            let place = Place { deployment, inspector, flow, intake };
            let count = refused.count(&place, Duration::ZERO)?;
            if is_too_much(count, sent) {
                return Ok(Some(told(count, sent, refused.last())));
            }
        }
        Ok(None)
    }
}

/// What ends a job whose records are refused.
pub(super) fn told(refused: u64, sent: u64, last: Option<&Refusal>) -> Refusal {
    let last = last.map(ToString::to_string).unwrap_or_default();
    Refusal::new(REFUSED, format!("{refused} of {sent} records were refused; the last: {last}"))
}

/// Whether so much was refused that going on would only make more letters of one cause.
pub(super) fn is_too_much(refused: u64, sent: u64) -> bool {
    refused >= LIMIT && refused.saturating_mul(SHARE) >= sent
}

fn marks(inspector: &Inspector, topic: &str) -> Result<Vec<Mark>, Error> {
    let mark = |partition| {
        let next = inspector.ends(&TopicPartition::new(topic, partition))?.high;
        Ok(Mark { partition, next })
    };
    (0..LETTER_PARTITIONS).map(mark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_ends_when_both_the_number_and_the_share_are_reached() {
        assert!(!is_too_much(99, 99));
        assert!(is_too_much(100, 500));
        assert!(!is_too_much(100, 501));
        assert!(is_too_much(2_000, 10_000));
    }
}
