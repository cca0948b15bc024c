//! Readers, tails and tables.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::{PATIENCE, cluster, first_partition, publish, values};
use crate::{
    Admin, AssignedReader, Class, Cluster, Error, Isolation, OutRecord, Publisher, Settings, StartOffset,
    Stretch, StretchReader, Sweep, Table, Tail, TopicChange, TopicPartition, TopicSpec, reader,
};

#[test]
fn reading_ends_at_the_end_and_says_where_to_go_on() {
    let cluster = cluster(1);
    publish(&cluster, "in", 3);
    let mut records = Vec::new();
    let end = reader::read_to_end(
        &cluster,
        &first_partition("in"),
        StartOffset::At(1),
        Isolation::Committed,
        |record| {
            records.push(record);
            ControlFlow::Continue(())
        },
    )
    .unwrap();
    assert_eq!(values(&records), ["v1", "v2"]);
    assert_eq!((end.next_offset, end.reached_end), (3, true));
}

#[test]
fn reading_can_be_broken_off() {
    let cluster = cluster(1);
    publish(&cluster, "in", 3);
    let end = reader::read_to_end(
        &cluster,
        &first_partition("in"),
        StartOffset::Beginning,
        Isolation::Uncommitted,
        |_| ControlFlow::Break(()),
    )
    .unwrap();
    assert_eq!((end.next_offset, end.reached_end), (1, false));
}

#[test]
fn an_empty_partition_ends_at_once() {
    let cluster = cluster(1);
    let end = reader::read_to_end(
        &cluster,
        &first_partition("in"),
        StartOffset::Beginning,
        Isolation::Committed,
        |_| ControlFlow::Continue(()),
    )
    .unwrap();
    assert_eq!((end.next_offset, end.reached_end), (0, true));
}

#[test]
fn a_start_beyond_the_end_is_an_error_not_a_silent_reset() {
    let cluster = cluster(1);
    publish(&cluster, "in", 3);
    let error = reader::read_to_end(
        &cluster,
        &first_partition("in"),
        StartOffset::At(17),
        Isolation::Committed,
        |_| ControlFlow::Continue(()),
    )
    .unwrap_err();
    assert_eq!(error.class(), Class::OutOfRange, "{error:?}");
    assert!(error.to_string().contains("in/0"), "{error}");
}

#[test]
fn a_tail_follows_every_partition_as_it_grows() {
    let cluster = cluster(3);
    let mut tail = Tail::open(&cluster, "in", StartOffset::Beginning).unwrap();
    let records: Vec<OutRecord> =
        (0..3).map(|partition| OutRecord::new("in", "k", "v").to_partition(partition)).collect();
    Publisher::open(&cluster).unwrap().publish(&records).unwrap();
    let start = Instant::now();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        seen.extend(tail.poll(Duration::from_millis(100)).unwrap().map(|record| record.partition));
        assert!(start.elapsed() < PATIENCE, "the tail saw only {seen:?}");
    }
    seen.sort_unstable();
    assert_eq!(seen, [0, 1, 2]);
}

#[test]
fn a_tail_of_a_missing_topic_names_it() {
    let cluster = cluster(1);
    let error = Tail::open(&cluster, "nowhere", StartOffset::Beginning).err().unwrap();
    assert_eq!(error.class(), Class::Refused);
    assert!(format!("{error:?}").contains("nowhere"), "{error:?}");
}

fn rows(table: &Table) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    table
        .for_each(|key, value| {
            rows.push((text(key), text(value)));
            ControlFlow::Continue(())
        })
        .unwrap();
    rows
}

#[test]
fn a_table_holds_the_newest_value_of_each_key() {
    let cluster = cluster(1);
    let records = [
        OutRecord::new("in", "a", "1").to_partition(0),
        OutRecord::new("in", "b", "1").to_partition(0),
        OutRecord::new("in", "a", "2").to_partition(0),
        OutRecord::tombstone("in", "b").to_partition(0),
        OutRecord::new("in", "c", "3").to_partition(0),
    ];
    Publisher::open(&cluster).unwrap().publish(&records).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in-0.redb");
    let mut table = Table::restore(&cluster, &first_partition("in"), &path, Isolation::Uncommitted).unwrap();
    assert_eq!(rows(&table), [("a".into(), "2".into()), ("c".into(), "3".into())]);
    assert_eq!((table.len().unwrap(), table.next_offset()), (2, 5));
    table.apply([(b"c".as_slice(), None), (b"d".as_slice(), Some(b"4".as_slice()))]).unwrap();
    assert_eq!(table.get(b"c").unwrap(), None);
    assert_eq!(table.get(b"d").unwrap().as_deref(), Some(b"4".as_slice()));
    drop(table);
    let rebuilt = Table::restore(&cluster, &first_partition("in"), &path, Isolation::Uncommitted).unwrap();
    assert_eq!(rows(&rebuilt).len(), 2, "a restore starts from the topic, not from the old file");
}

#[test]
fn topics_of_the_in_process_broker_have_their_partitions() {
    let cluster = Cluster::in_process(&[]).unwrap();
    let admin = Admin::open(&cluster).unwrap();
    admin.wait_ready(PATIENCE).unwrap();
    let wanted =
        [TopicSpec::new("weir.raw.x", 6), TopicSpec::new("weir.cursor", 8).with("cleanup.policy", "compact")];
    let created = admin.apply(&wanted, 1).unwrap();
    assert_eq!(created.len(), 2);
    assert_eq!(created[0], TopicChange::Create { topic: "weir.raw.x".to_owned() });
    assert_eq!(admin.apply(&wanted, 1).unwrap(), []);
    assert_eq!(admin.partition_counts().unwrap().get("weir.cursor"), Some(&8));
    let error = admin.apply(&[TopicSpec::new("weir.raw.x", 7)], 1).unwrap_err();
    assert!(matches!(error, Error::PartitionCount { wanted: 7, found: 6, .. }), "{error:?}");
    let ends =
        reader::watermarks(&cluster, &TopicPartition::new("weir.raw.x", 5), Isolation::Committed).unwrap();
    assert_eq!((ends.low, ends.high), (0, 0));
}

#[test]
fn settings_the_guarantees_rest_on_cannot_be_overridden() {
    let mut settings = Settings::plaintext("127.0.0.1:9");
    settings.overrides.insert("enable.auto.commit".to_owned(), "true".to_owned());
    let error = Cluster::remote(settings).unwrap_err();
    assert!(matches!(error, Error::Override { .. }), "{error:?}");
}

#[cfg(not(feature = "tls"))]
#[test]
fn tls_without_the_feature_says_how_to_build() {
    let mut settings = Settings::plaintext("127.0.0.1:9");
    settings.security = crate::Security::Tls(crate::Tls::default());
    let error = Cluster::remote(settings).unwrap_err();
    assert!(error.to_string().contains("--features tls"), "{error}");
}

#[test]
fn another_process_reads_the_in_process_broker_by_its_address() {
    let host = cluster(1);
    publish(&host, "in", 3);
    let guest = Cluster::remote(Settings::plaintext(host.brokers())).unwrap();
    let admin = Admin::open(&guest).unwrap();
    admin.wait_ready(PATIENCE).unwrap();
    assert_eq!(admin.partition_counts().unwrap()["in"], 1);
    let mut records = Vec::new();
    reader::read_to_end(
        &guest,
        &first_partition("in"),
        StartOffset::Beginning,
        Isolation::Committed,
        |record| {
            records.push(record);
            ControlFlow::Continue(())
        },
    )
    .unwrap();
    assert_eq!(values(&records), ["v0", "v1", "v2"]);
}

/// Reads until that many records are in hand.
fn read(reader: &mut AssignedReader, count: usize) -> Vec<String> {
    let start = Instant::now();
    let mut records = Vec::new();
    while records.len() < count {
        records.extend(reader.poll(count - records.len(), 1 << 20, Duration::from_millis(100)).unwrap());
        assert!(start.elapsed() < PATIENCE, "what was waited for did not come");
    }
    values(&records)
}

#[test]
fn what_is_handed_out_is_read_from_its_offset_until_it_is_taken_back() {
    let cluster = cluster(1);
    publish(&cluster, "in", 5);
    publish(&cluster, "out", 2);
    let mut reader = AssignedReader::open(&cluster).unwrap();
    assert!(reader.poll(9, 1 << 20, Duration::ZERO).unwrap().is_empty(), "nothing was handed out");
    reader.assign(&[(first_partition("in"), 2)]).unwrap();
    assert_eq!(read(&mut reader, 2), ["v2", "v3"]);
    reader.rewind(&[(first_partition("in"), 3)]).unwrap();
    assert_eq!(read(&mut reader, 2), ["v3", "v4"]);
    // Another one joins it, and the first goes: what comes there is not read any more.
    reader.assign(&[(first_partition("out"), 0)]).unwrap();
    reader.release(&[first_partition("in")]).unwrap();
    publish(&cluster, "in", 1);
    assert_eq!(read(&mut reader, 2), ["v0", "v1"]);
    assert!(reader.poll(9, 1 << 20, Duration::from_millis(200)).unwrap().is_empty());
    assert_eq!(reader.watermarks(&first_partition("in")).unwrap().high, 6);
    let Err(error) = reader.watermarks(&TopicPartition::new("missing", 0)) else { panic!("there is none") };
    assert!(matches!(error.class(), Class::Refused | Class::Retriable), "{error}");
}

#[test]
fn a_stretch_ends_before_its_last_offset_and_at_the_end_of_what_is_there() {
    let cluster = cluster(2);
    publish(&cluster, "in", 5);
    let stretches =
        |until| [Stretch { partition: 0, next: 1, until }, Stretch { partition: 1, next: 0, until: 0 }];
    let mut bounded = StretchReader::open(&cluster, "in", stretches(4)).unwrap();
    let first = bounded.read(2, 1 << 20, PATIENCE).unwrap();
    assert_eq!(values(&first), ["v1", "v2"]);
    assert_eq!(bounded.stretches().map(|stretch| stretch.next).collect::<Vec<_>>(), [3, 0]);
    assert_eq!(left(bounded), ["v3"]);
    // What a transaction leaves behind its records is never read, and no stretch waits for it.
    let beyond = StretchReader::open(&cluster, "in", stretches(7)).unwrap();
    assert_eq!(left(beyond), ["v1", "v2", "v3", "v4"]);
}

fn left(reader: StretchReader) -> Vec<String> {
    let mut records = Vec::new();
    reader.for_each(|record| records.push(record)).unwrap();
    values(&records)
}

#[test]
fn a_sweep_reads_many_partitions_and_knows_the_end_of_each() {
    let cluster = cluster(2);
    publish(&cluster, "in", 700);
    publish(&cluster, "out", 3);
    let mut sweep = Sweep::open(&cluster).unwrap();
    let found = sweep.find(&["in".to_owned(), "nowhere".to_owned(), "out".to_owned()]).unwrap();
    assert_eq!(found.missing, ["nowhere"]);
    let ends: Vec<i64> = found.partitions.iter().map(|(_, ends)| ends.high).collect();
    assert_eq!(ends, [700, 0, 3]);
    let starts: Vec<_> = found
        .partitions
        .iter()
        .map(|(partition, _)| (partition.clone(), i64::from(partition.topic.as_ref() == "out")))
        .collect();
    sweep.assign(&starts).unwrap();
    let start = Instant::now();
    let mut offsets = std::collections::BTreeMap::<TopicPartition, Vec<i64>>::new();
    while !sweep.has_ended() {
        for record in sweep.poll(1_000, 1 << 20, Duration::from_millis(100)).unwrap() {
            offsets.entry(record.topic_partition()).or_default().push(record.offset);
        }
        assert!(start.elapsed() < PATIENCE, "no end was seen");
    }
    assert_eq!(offsets[&first_partition("in")], (0..700).collect::<Vec<_>>());
    assert_eq!(offsets[&first_partition("out")], [1, 2]);
    assert_eq!(sweep.ended().count(), 3);
}
