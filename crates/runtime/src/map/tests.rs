//! What one record leaves in the draft of a transaction.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use jiff::Timestamp;
use weir_kafka::{Message, OutRecord};
use weir_model::{
    digest::Digest,
    document::{Document, FlowVersion, Verdict},
    lookup::{LookupIndex, Lookups, Missing, NoLookups},
    names::{FlowName, RecordId, SourceName},
    outcome::{Code, Refusal},
    processor::{Input, Mapped, Processed, Processor},
    record::{Position, RawRecord, Reason, Version},
};
use weir_schemas::{Codec, JOB_HEADER, ParkedRecord, REASON_HEADER, RedoRecord, Wire};

use crate::topics::DOCUMENT_BYTES;

use super::{
    batch::{CHECK, Draft, Drafted, Rows},
    intake::Intake,
    mapper::{Mapper, TOO_LARGE},
    parking::{Parking, Reference},
};

/// Gives this for every record.
struct Always(FlowName, Processed);

impl Processor for Always {
    fn flow(&self) -> &FlowName {
        &self.0
    }

    fn lookups(&self) -> &[LookupIndex] {
        &[]
    }

    fn process(&self, _: &Input, _: &dyn Lookups) -> Processed {
        self.1.clone()
    }
}

struct NoRows;

impl Rows for NoRows {
    fn reader(&self) -> Box<dyn Lookups + '_> {
        Box::new(NoLookups)
    }

    fn watch(&self, _: &Reference) {}

    fn unwatch(&self, _: &Reference) {}

    fn arrived(&self) -> Vec<Reference> {
        Vec::new()
    }
}

fn mapper(processed: Processed) -> Mapper {
    Mapper {
        intake: Intake::Raw(SourceName::from("source")),
        processor: Arc::new(Always(FlowName::from("flow"), processed)),
        flow_version: FlowVersion::default(),
        codec: Codec::single_object(),
        doc_topic: Arc::from("doc"),
        wait_topic: Arc::from("wait"),
        has_append_times: true,
    }
}

fn record() -> RawRecord {
    RawRecord {
        source: SourceName::from("source"),
        id: RecordId::from("r"),
        payload: Bytes::from_static(b"{}"),
        digest: Digest::of(b"{}"),
        modified: None,
        polled_at: Timestamp::UNIX_EPOCH,
        reason: Reason::Poll,
        deleted: false,
    }
}

fn message(value: &impl Wire, headers: &[(&str, &'static str)]) -> Message {
    Message {
        topic: Arc::from("raw"),
        partition: 4,
        offset: 7,
        timestamp_ms: Some(1_000),
        key: None,
        value: Some(Bytes::from(Codec::single_object().encode(value))),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), Bytes::from(*value))).collect(),
    }
}

fn drafted(processed: Processed) -> Drafted {
    let (mapper, parking) = (mapper(processed), Parking::default());
    let mut draft = Draft::new(&mapper, &parking, &NoRows, Timestamp::UNIX_EPOCH);
    draft.take(&message(&record(), &[])).unwrap();
    draft.finish().1
}

/// What a person made of the record, as a job sends it.
fn repaired() -> RedoRecord {
    RedoRecord {
        record: RawRecord { payload: Bytes::from_static(b"[]"), reason: Reason::Retry, ..record() },
        version: Version { modified_us: 1, appended_ms: 2_000, offset: 3 },
        origin: Position { topic: "raw".to_owned(), partition: 4, offset: 3 },
        repaired: true,
        job: "7".to_owned(),
    }
}

fn header<'r>(record: &'r OutRecord, name: &str) -> Option<&'r [u8]> {
    record.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_ref())
}

fn mapped(verdict: Verdict, warnings: &[&str]) -> Mapped {
    let warnings = warnings.iter().map(|name| (*name).to_owned()).collect();
    Mapped { warnings, ..Mapped::without_body(verdict, String::new()) }
}

fn keys(drafted: &Drafted) -> Vec<&[u8]> {
    drafted.records.iter().filter_map(|record| record.key.as_deref()).collect()
}

#[test]
fn failed_checks_are_counted_by_name_and_severity() {
    let refusal = Refusal::new(Code::new(CHECK), "no lines").at("has-lines");
    let parts =
        vec![mapped(Verdict::Mapped, &["cheap", "late"]), mapped(Verdict::Refused(refusal), &["late"])];
    let drafted = drafted(Processed::Parts(parts));
    let failed: Vec<_> =
        drafted.failed_checks.iter().map(|((name, how), n)| (name.as_str(), *how, *n)).collect();
    assert_eq!(failed, [("cheap", "warn", 1), ("has-lines", "reject", 1), ("late", "warn", 2)]);
}

#[test]
fn parts_are_documents_of_their_own_in_the_partition_of_their_record() {
    let drafted = drafted(Processed::Parts(vec![mapped(Verdict::Mapped, &[]); 2]));
    assert_eq!(keys(&drafted), [b"r-1", b"r-2"]);
    assert!(drafted.records.iter().all(|record| record.partition == Some(4)));
    assert_eq!((drafted.counts.polled, drafted.counts.mapped, drafted.counts.parts()), (1, 2, 1));
}

#[test]
fn a_record_without_parts_is_told_to_the_sink_as_well() {
    let drafted = drafted(Processed::Parts(Vec::new()));
    assert_eq!((keys(&drafted), drafted.counts.filtered), (vec![b"r".as_slice()], 1));
}

#[test]
fn a_record_that_may_not_wait_is_refused() {
    let missing = Missing { collection: "c".into(), reference: "no=1".into(), wait_max: None };
    let refused = drafted(Processed::Waits(missing.clone()));
    assert_eq!((refused.counts.dead, refused.counts.waiting, refused.changes.len()), (1, 0, 0));
    let waits = drafted(Processed::Waits(Missing { wait_max: Some(Duration::from_secs(1)), ..missing }));
    assert_eq!((waits.counts.dead, waits.counts.waiting, waits.parked), (0, 1, 1));
    assert_eq!(&*waits.records[0].topic, "wait");
}

#[test]
fn the_mapping_says_whether_a_record_was_removed() {
    let document = |deleted| {
        let drafted = drafted(Processed::One(Mapped { deleted, ..mapped(Verdict::Mapped, &[]) }));
        let value = drafted.records[0].value.clone().unwrap();
        Codec::single_object().decode::<Document>(&value).unwrap()
    };
    let (live, removed) = (document(false), document(true));
    assert_eq!((live.deleted, removed.deleted), (false, true));
    assert_eq!(live.source_digest, Digest::of(b"{}"));
    assert_ne!(
        live.source_digest, removed.source_digest,
        "the same bytes are another state once they are removed"
    );
}

#[test]
fn what_kafka_does_not_take_is_refused_and_holds_nothing() {
    let mapped = |bytes: usize| Mapped {
        verdict: Verdict::Mapped,
        key: "k".to_owned(),
        number: "n".to_owned(),
        body: Bytes::from(vec![b'x'; bytes]),
        warnings: Vec::new(),
        deleted: false,
    };
    let document = |processed| {
        let drafted = drafted(Processed::One(processed));
        let value = drafted.records[0].value.clone().unwrap();
        assert!(value.len() < DOCUMENT_BYTES, "{}", value.len());
        let document: Document = Codec::single_object().decode(&value).unwrap();
        (document, drafted.counts)
    };
    let (whole, counts) = document(mapped(DOCUMENT_BYTES - 100_000));
    assert_eq!((whole.verdict, counts.mapped, counts.dead), (Verdict::Mapped, 1, 0));
    let (refused, counts) = document(mapped(DOCUMENT_BYTES));
    let Verdict::Refused(refusal) = refused.verdict else { panic!("{:?}", refused.verdict) };
    assert_eq!((refusal.code, counts.mapped, counts.dead), (TOO_LARGE, 0, 1));
    assert!(refused.body.is_empty() && !refused.payload.is_empty());
    let left = Mapped { verdict: Verdict::Filtered("rule".to_owned()), ..mapped(DOCUMENT_BYTES) };
    assert_eq!(document(left).0.verdict, Verdict::Filtered("rule".to_owned()));
}

#[test]
fn a_record_that_re_enters_keeps_its_place_among_the_states_of_the_record() {
    let (mapper, parking) =
        (mapper(Processed::Parts(vec![mapped(Verdict::Mapped, &[]); 2])), Parking::default());
    let mut draft = Draft::new(&mapper, &parking, &NoRows, Timestamp::UNIX_EPOCH);
    draft.take_again(&message(&repaired(), &[(JOB_HEADER, "7")])).unwrap();
    let (_, drafted) = draft.finish();
    assert_eq!(keys(&drafted), [b"r-1", b"r-2"]);
    for (part, record) in (1..).zip(&drafted.records) {
        let document: Document = mapper.codec.decode(record.value.as_ref().unwrap()).unwrap();
        let RedoRecord { version, origin, .. } = repaired();
        assert_eq!((document.version, document.origin, document.part), (version, origin, part));
        assert_eq!(document.source_digest, Digest::of(b"{}"), "of the bytes that the source sent");
        assert_eq!((&*document.payload, document.repaired), (b"[]".as_slice(), true));
        assert_eq!((document.reason, document.job.as_str()), (Reason::Retry, "7"));
        assert_eq!(record.partition, Some(4));
        let told = (header(record, REASON_HEADER), header(record, JOB_HEADER));
        assert_eq!(told, (Some(b"retry".as_slice()), Some(b"7".as_slice())));
    }
}

#[test]
fn what_a_letter_brings_stands_for_the_state_that_was_refused() {
    let digest = |redo: &RedoRecord, deleted| {
        let mapper = mapper(Processed::One(Mapped { deleted, ..mapped(Verdict::Mapped, &[]) }));
        let parking = Parking::default();
        let mut draft = Draft::new(&mapper, &parking, &NoRows, Timestamp::UNIX_EPOCH);
        draft.take_again(&message(redo, &[])).unwrap();
        let value = draft.finish().1.records[0].value.clone().unwrap();
        mapper.codec.decode::<Document>(&value).unwrap().source_digest
    };
    let removed = Digest::of(b"{}").of_removed();
    // The letter of a removal has the digest of the removed state already, and keeps it if a repair unmakes the removal.
    let letter = RedoRecord { record: RawRecord { digest: removed, ..repaired().record }, ..repaired() };
    assert_eq!([digest(&letter, true), digest(&letter, false)], [removed; 2]);
    let reason = Reason::Replay;
    let replay = RedoRecord { record: RawRecord { reason, ..record() }, repaired: false, ..repaired() };
    assert_eq!([digest(&replay, true), digest(&replay, false)], [removed, Digest::of(b"{}")]);
}

#[test]
fn the_job_of_a_raw_record_is_told_by_its_header() {
    let (mapper, parking) = (mapper(Processed::One(mapped(Verdict::Mapped, &[]))), Parking::default());
    let mut draft = Draft::new(&mapper, &parking, &NoRows, Timestamp::UNIX_EPOCH);
    draft.take(&message(&record(), &[(JOB_HEADER, "9")])).unwrap();
    draft.take(&message(&record(), &[])).unwrap();
    let (_, drafted) = draft.finish();
    let jobs = drafted.records.iter().map(|record| {
        let document: Document = mapper.codec.decode(record.value.as_ref().unwrap()).unwrap();
        (document.job, header(record, JOB_HEADER).is_some())
    });
    assert_eq!(jobs.collect::<Vec<_>>(), [("9".to_owned(), true), (String::new(), false)]);
}

#[test]
fn what_waits_remembers_that_it_was_repaired_and_by_which_job_it_came() {
    let missing =
        Missing { collection: "c".into(), reference: "no=1".into(), wait_max: Some(Duration::from_secs(9)) };
    let (waits, parking) = (mapper(Processed::Waits(missing)), Parking::default());
    let mut draft = Draft::new(&waits, &parking, &NoRows, Timestamp::UNIX_EPOCH);
    draft.take_again(&message(&repaired(), &[])).unwrap();
    // Its original comes once more, and neither replaces it nor is mapped.
    draft.take(&message(&record(), &[])).unwrap();
    let (_, drafted) = draft.finish();
    assert_eq!((drafted.counts.superseded, drafted.counts.waiting, drafted.records.len()), (1, 1, 1));
    let parked: ParkedRecord = waits.codec.decode(drafted.records[0].value.as_ref().unwrap()).unwrap();
    assert_eq!((parked.repaired, parked.job.as_str()), (true, "7"));
    assert_eq!(parked.record, repaired().record);
    assert_eq!(header(&drafted.records[0], JOB_HEADER), Some(b"7".as_slice()));
    // Released, it is what it was.
    let there = mapper(Processed::One(mapped(Verdict::Mapped, &[])));
    let mut draft = Draft::new(&there, &parking, &NoRows, Timestamp::UNIX_EPOCH);
    let slot = drafted.changes.keys().next().unwrap();
    draft.look_again(slot, parked, None).unwrap();
    let (_, drafted) = draft.finish();
    let document: Document = there.codec.decode(drafted.records[0].value.as_ref().unwrap()).unwrap();
    assert_eq!((document.repaired, document.job.as_str(), document.reason), (true, "7", Reason::Retry));
    assert_eq!(document.version, repaired().version);
}
