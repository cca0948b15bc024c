//! The Kafka records of a publication.

use weir_kafka::OutRecord;
use weir_model::{
    cursor::Cursor,
    letter::Stage,
    names::SourceName,
    record::RawRecord,
    tally::{Counts, Tally},
};
use weir_schemas::{Control, JOB_HEADER, REASON_HEADER, TRACEPARENT_HEADER};

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
        let carrying = |topic: String, record: &RawRecord| {
            let out = OutRecord::new(topic, record.id.as_str().to_owned(), codec.encode(record));
            brought(out.with_header(REASON_HEADER, record.reason.as_str()), publication)
        };
        records.extend(publication.records.iter().map(|record| carrying(topics.raw(&record.source), record)));
        records.extend(publication.census.iter().map(|record| carrying(topics.census(), record)));
        for letter in &publication.letters {
            let key = letter.record_id.clone();
            let record = OutRecord::new(topics.dead(&letter.owner), key, codec.encode(letter));
            records.push(brought(record, publication));
        }
        for window in &publication.windows {
            records.push(OutRecord::new(topics.window(), window.source.to_string(), codec.encode(window)));
        }
        records.extend(tallies(deployment, publication));
        // Cursors and token stand in their account's own partition: whoever owns that reads them there.
        for cursor in &publication.cursors {
            let record = OutRecord::new(topics.cursor(), key_of(cursor), codec.encode(cursor));
            records.push(record.to_partition(partition));
        }
        for (source, job) in &publication.ended {
            let record = OutRecord::tombstone(topics.cursor(), key_of_job(source, job));
            records.push(record.to_partition(partition));
        }
        for progress in &publication.progress {
            let entry = Control::JobProgress(progress.clone());
            records.push(OutRecord::new(topics.control(), entry.key(), codec.encode(&entry)).to_partition(0));
        }
        if let Some(token) = &publication.token {
            let key = format!("{TOKEN_KEY}{}", token.account);
            records.push(OutRecord::new(topics.cursor(), key, codec.encode(token)).to_partition(partition));
        }
        records
    }
}

/// The key of a cursor: its source, and its lane or job.
fn key_of(cursor: &Cursor) -> String {
    if cursor.job.is_empty() {
        format!("{}/{}", cursor.source, cursor.lane.as_str())
    } else {
        key_of_job(&cursor.source, &cursor.job)
    }
}

fn key_of_job(source: &SourceName, job: &str) -> String {
    format!("{source}/job:{job}")
}

/// With the headers that tell where it came from.
fn brought(mut record: OutRecord, publication: &Publication) -> OutRecord {
    if !publication.job.is_empty() {
        record = record.with_header(JOB_HEADER, publication.job.clone());
    }
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
