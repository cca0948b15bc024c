//! A repair: dead letters of a flow, sent into it once more, mended or as they were.
//!
//! Letters are sent in the order in which they were written, and of several of one record only the newest, so the order
//! per key is kept (invariant 4). Two passes over the letters' places: the first finds the newest of each record and
//! remembers their places alone, the second sends. Letters never change, so whoever takes the job over plans the same.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use jiff::Timestamp;
use weir_kafka::{Error, Message, Stretch, StretchReader, TopicPartition};
use weir_model::{
    digest::Digest,
    edit::Edit,
    letter::{DeadLetter, Stage},
    names::RecordId,
    outcome::Refusal,
    record::{Position, RawRecord, Reason, Version},
};
use weir_schemas::{Job, JobLetter, RedoRecord};

use super::{
    chunk::{Chunk, UNSENDABLE, trace_of},
    gate::CHUNK,
    lane::Place,
    track::Track,
};
use crate::stage::chain;

/// Where a letter stands in the flow's topic: partition and offset.
type Spot = (i32, i64);

/// A repair at work.
pub(super) struct Repair {
    /// The letters to send, in their order, each with the payload that replaces its own.
    planned: Vec<(Spot, Option<Bytes>)>,
    edit: Option<Edit>,
}

impl Repair {
    /// Plans what is to be sent. A refusal ends the job.
    pub(super) fn open(
        place: &Place<'_>,
        job: &Job,
        track: &mut Track,
    ) -> Result<Result<Self, Refusal>, Error> {
        let (spots, edit) = match understood(job) {
            Ok(understood) => understood,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let mut newest: BTreeMap<RecordId, (Version, Spot)> = BTreeMap::new();
        let mut unnamed = Vec::new();
        let all: Vec<Spot> = spots.keys().copied().collect();
        for some in all.chunks(CHUNK) {
            let found = letters(place, some)?;
            for spot in some {
                // One that cannot be read is planned, and told when its turn comes.
                match found.get(spot).and_then(|(letter, _)| letter.as_ref().ok()) {
                    Some(letter) => {
                        let known = newest.entry(source_id(letter)).or_insert((letter.version, *spot));
                        *known = (*known).max((letter.version, *spot));
                    }
                    None => unnamed.push(*spot),
                }
            }
        }
        let chosen: BTreeSet<Spot> = newest.into_values().map(|(_, spot)| spot).chain(unnamed).collect();
        track.older = (spots.len() - chosen.len()) as u64;
        let planned = spots.into_iter().filter(|(spot, _)| chosen.contains(spot)).collect();
        Ok(Ok(Self { planned, edit }))
    }

    /// How many letters it sends.
    pub(super) fn total(&self) -> u64 {
        self.planned.len() as u64
    }

    /// Whether all were dealt with.
    pub(super) fn is_done(&self, track: &Track) -> bool {
        track.letters >= self.planned.len()
    }

    /// The next chunk; `track` says how far it goes.
    pub(super) fn next(&self, place: &Place<'_>, job: &Job, track: &mut Track) -> Result<Chunk, Error> {
        let mut chunk = Chunk::default();
        let left = self.planned.get(track.letters..).unwrap_or_default();
        let some: Vec<Spot> = left.iter().take(CHUNK).map(|(spot, _)| *spot).collect();
        let found = letters(place, &some)?;
        for (spot, payload) in left.iter().take(CHUNK) {
            if chunk.room() == 0 {
                break;
            }
            track.letters += 1;
            chunk.looked_at += 1;
            match self.redo(place, job, *spot, payload.as_ref(), found.get(spot))? {
                Ok(record) => {
                    let trace = found.get(spot).and_then(|(_, message)| trace_of(message));
                    chunk.add(place.deployment, place.flow, &record, trace);
                }
                Err(refusal) => chunk.leave_out(refusal),
            }
        }
        Ok(chunk)
    }

    fn redo(
        &self,
        place: &Place<'_>,
        job: &Job,
        (partition, offset): Spot,
        payload: Option<&Bytes>,
        found: Option<&(Result<DeadLetter, String>, Message)>,
    ) -> Result<Result<RedoRecord, Refusal>, Error> {
        let refuse = |why: &str| {
            let message = format!("letter {partition}:{offset} of flow {} {why}", place.flow);
            Ok(Err(Refusal::new(UNSENDABLE, message)))
        };
        let letter = match found {
            None => return refuse("is not there any more"),
            Some((Err(why), _)) => return refuse(&format!("cannot be read: {why}")),
            Some((Ok(letter), _)) => letter,
        };
        let Some(origin) = letter.origin.clone().filter(|_| letter.stage != Stage::Producer) else {
            return refuse("tells of no record that was ever published");
        };
        let mut own = letter.payload.clone();
        if own.is_empty() && payload.is_none() {
            match original(place, &origin)? {
                Some(bytes) => own = bytes,
                None => return refuse("is a mere reference, and its record was removed meanwhile"),
            }
        }
        let edited = match (payload, &self.edit) {
            (Some(payload), _) => Ok(payload.clone()),
            (None, Some(edit)) => edit.apply(&own),
            (None, None) => Ok(own),
        };
        match edited {
            Ok(payload) => Ok(Ok(resent(place, job, letter, origin, payload))),
            Err(error) => refuse(&format!("cannot be edited: {}", chain(&error))),
        }
    }
}

/// The source record of a letter with this payload. Its digest stays that of the bytes the source sent, so that the
/// source's own state is not taken for a newer one (design §7).
fn resent(place: &Place<'_>, job: &Job, letter: &DeadLetter, origin: Position, payload: Bytes) -> RedoRecord {
    let Version { modified_us, appended_ms, .. } = letter.version;
    let record = RawRecord {
        source: place.source().clone(),
        id: source_id(letter),
        digest: letter.source_digest,
        modified: Timestamp::from_microsecond(modified_us).ok().filter(|_| modified_us != 0),
        polled_at: Timestamp::from_millisecond(appended_ms).unwrap_or(letter.at),
        reason: Reason::Retry,
        deleted: letter.deleted,
        payload,
    };
    let digest = Digest::of(&record.payload);
    let repaired = ![digest, digest.of_removed()].contains(&letter.source_digest);
    RedoRecord { record, version: letter.version, origin, repaired, job: job.id.clone() }
}

/// The id of the record that a letter, or the part of it that the letter tells of, came from.
fn source_id(letter: &DeadLetter) -> RecordId {
    let part = format!("-{}", letter.part);
    let whole = letter.record_id.strip_suffix(&part).filter(|_| letter.part > 0);
    RecordId::from(whole.unwrap_or(&letter.record_id))
}

/// The places and payloads of a job's letters, and its rule.
type Understood = (BTreeMap<Spot, Option<Bytes>>, Option<Edit>);

fn understood(job: &Job) -> Result<Understood, Refusal> {
    let refused = |message: String| Refusal::new(UNSENDABLE, message);
    let spot = |letter: &JobLetter| {
        let (partition, offset) = letter.place.split_once(':')?;
        Some(((partition.parse().ok()?, offset.parse().ok()?), letter.payload.clone()))
    };
    let spots = job
        .letters
        .iter()
        .map(|letter| {
            spot(letter).ok_or_else(|| refused(format!("{} is no place of a letter", letter.place)))
        })
        .collect::<Result<_, _>>()?;
    let edit = if job.edit.is_empty() {
        None
    } else {
        Some(Edit::parse(&job.edit).map_err(|error| refused(chain(&error)))?)
    };
    Ok((spots, edit))
}

/// The letters that stand at these places, each with its message; those that are gone are missing.
#[expect(clippy::type_complexity, reason = "a letter or why it cannot be read, and what it was read from")]
fn letters(
    place: &Place<'_>,
    spots: &[Spot],
) -> Result<BTreeMap<Spot, (Result<DeadLetter, String>, Message)>, Error> {
    let topic = place.deployment.topics.dead(place.flow.as_str());
    let wanted: BTreeSet<Spot> = spots.iter().copied().collect();
    let mut stretches: BTreeMap<i32, Stretch> = BTreeMap::new();
    for (partition, offset) in &wanted {
        let stretch = stretches.entry(*partition).or_insert(Stretch {
            partition: *partition,
            next: *offset,
            until: *offset + 1,
        });
        stretch.until = *offset + 1;
    }
    for stretch in stretches.values_mut() {
        let ends = place.inspector.ends(&TopicPartition::new(topic.as_str(), stretch.partition))?;
        stretch.next = stretch.next.max(ends.low);
    }
    let mut found = BTreeMap::new();
    let reader = StretchReader::open(&place.deployment.cluster, &topic, stretches.into_values())?;
    reader.for_each(|message| {
        let spot = (message.partition, message.offset);
        if let Some(value) = message.value.as_ref().filter(|_| wanted.contains(&spot)) {
            let letter = place.deployment.codec.decode(value).map_err(|error| chain(&error));
            found.insert(spot, (letter, message));
        }
    })?;
    Ok(found)
}

/// The bytes that the source sent, from the raw topic, while it still holds them.
fn original(place: &Place<'_>, origin: &Position) -> Result<Option<Bytes>, Error> {
    let ends = place.inspector.ends(&TopicPartition::new(origin.topic.as_str(), origin.partition))?;
    if origin.offset < ends.low {
        return Ok(None);
    }
    let stretch = Stretch { partition: origin.partition, next: origin.offset, until: origin.offset + 1 };
    let reader = StretchReader::open(&place.deployment.cluster, &origin.topic, [stretch])?;
    let mut payload = None;
    reader.for_each(|message| {
        let input = place.intake.input(&place.deployment.codec, &message, true).ok().flatten();
        payload = input.map(|input| input.record.payload);
    })?;
    Ok(payload)
}

#[cfg(test)]
mod tests {
    use weir_model::{outcome::Code, record::Reason};
    use weir_schemas::JobKind;

    use super::*;

    fn letter(record_id: &str, part: u32) -> DeadLetter {
        DeadLetter {
            owner: "orders".to_owned(),
            stage: Stage::Sink,
            record_id: record_id.to_owned(),
            key: String::new(),
            number: String::new(),
            refusal: Refusal::new(Code::new("K-VALIDATION"), "no"),
            payload: Bytes::new(),
            body: Bytes::new(),
            origin: None,
            version: Version::default(),
            source_digest: Digest::of(b""),
            flow_ordinal: 1,
            reason: Reason::Poll,
            at: Timestamp::UNIX_EPOCH,
            part,
            deleted: false,
            repaired: false,
            job: String::new(),
        }
    }

    fn job(places: &[&str], edit: &str) -> Job {
        let letter = |place: &&str| JobLetter { place: (*place).to_owned(), payload: None };
        Job {
            id: "repair-1".to_owned(),
            kind: JobKind::Repair,
            subject: "orders".to_owned(),
            from: None,
            until: None,
            only: Vec::new(),
            ranges: Vec::new(),
            letters: places.iter().map(letter).collect(),
            edit: edit.to_owned(),
            note: String::new(),
            by: String::new(),
            at: Timestamp::UNIX_EPOCH,
            cancelled: None,
        }
    }

    #[test]
    fn a_part_leads_back_to_its_record() {
        assert_eq!(source_id(&letter("TK-7", 0)).as_str(), "TK-7");
        assert_eq!(source_id(&letter("TK-7-2", 2)).as_str(), "TK-7");
        assert_eq!(source_id(&letter("TK-7", 3)).as_str(), "TK-7", "a part that is named otherwise");
    }

    #[test]
    fn a_job_is_understood_in_the_order_of_its_letters_or_refused() {
        let (spots, edit) = understood(&job(&["2:7", "0:9", "2:3"], "")).unwrap();
        assert_eq!(spots.into_keys().collect::<Vec<_>>(), [(0, 9), (2, 3), (2, 7)]);
        assert_eq!(edit, None);
        assert!(understood(&job(&[], r#"[{"path": "a", "set": 1}]"#)).unwrap().1.is_some());
        let refused = understood(&job(&["nowhere"], "")).unwrap_err();
        assert!(refused.message.contains("nowhere") && refused.code == UNSENDABLE, "{refused}");
        assert!(understood(&job(&[], "no rule")).is_err());
    }
}
