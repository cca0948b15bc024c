//! The Kafka records of a publication.

use weir_kafka::OutRecord;
use weir_model::{
    letter::Stage,
    tally::{Counts, Tally},
};
use weir_schemas::{REASON_HEADER, TRACEPARENT_HEADER};

use super::Publication;
use crate::stage::Deployment;

/// How the key of a token begins; the account follows. No source's name holds a colon, so no cursor's key begins so.
pub(super) const TOKEN_KEY: &str = "token:";

/// The records of one publication, in the order they are sent.
pub(super) struct Records;

impl Records {
    pub(super) fn of(deployment: &Deployment, partition: i32, publication: &Publication) -> Vec<OutRecord> {
        let Deployment { topics, codec, .. } = deployment;
        let mut records = Vec::new();
        for record in &publication.records {
            let key = record.id.as_str().to_owned();
            let reason = record.reason.as_str();
            let record = OutRecord::new(topics.raw(&record.source), key, codec.encode(record))
                .with_header(REASON_HEADER, reason);
            records.push(traced(record, publication));
        }
        for letter in &publication.letters {
            let key = letter.record_id.clone();
            let record = OutRecord::new(topics.dead(&letter.owner), key, codec.encode(letter));
            records.push(traced(record, publication));
        }
        for window in &publication.windows {
            records.push(OutRecord::new(topics.window(), window.source.to_string(), codec.encode(window)));
        }
        records.extend(tallies(deployment, publication));
        // Cursors and token stand in their account's own partition: whoever owns that reads them there.
        for cursor in &publication.cursors {
            let key = format!("{}/{}", cursor.source, cursor.lane.as_str());
            records.push(OutRecord::new(topics.cursor(), key, codec.encode(cursor)).to_partition(partition));
        }
        if let Some(token) = &publication.token {
            let key = format!("{TOKEN_KEY}{}", token.account);
            records.push(OutRecord::new(topics.cursor(), key, codec.encode(token)).to_partition(partition));
        }
        records
    }
}

fn traced(record: OutRecord, publication: &Publication) -> OutRecord {
    match &publication.traceparent {
        Some(value) => record.with_header(TRACEPARENT_HEADER, value.clone()),
        None => record,
    }
}

/// A count per source of what the publication holds.
fn tallies(deployment: &Deployment, publication: &Publication) -> Vec<OutRecord> {
    let mut counts: Vec<(&str, Counts)> = Vec::new();
    let mut add = |subject, change: fn(&mut Counts)| {
        let index = counts.iter().position(|(known, _)| *known == subject).unwrap_or(counts.len());
        if index == counts.len() {
            counts.push((subject, Counts::default()));
        }
        if let Some((_, counts)) = counts.get_mut(index) {
            change(counts);
        }
    };
    publication.records.iter().for_each(|record| add(record.source.as_str(), |counts| counts.polled += 1));
    publication.letters.iter().for_each(|letter| add(letter.owner.as_str(), |counts| counts.dead += 1));
    counts
        .into_iter()
        .map(|(subject, counts)| {
            let tally = Tally {
                stage: Stage::Producer,
                subject: subject.to_owned(),
                instance: deployment.instance.to_string(),
                at: deployment.clock.now(),
                counts,
            };
            OutRecord::new(deployment.topics.tally(), subject.to_owned(), deployment.codec.encode(&tally))
        })
        .collect()
}
