//! What a trimmer looks at and what trimming does: ages, ends, the offsets of a group that is not joined.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use weir_kafka::{Admin, Class, Inspector, StartOffset, TopicPartition, inspect};

use super::{
    cluster, committed_values, join, producer, publish, record, take_assignment, take_batch, topic, unique,
    wait_for, wait_for_assignment,
};

/// Reads all of a topic in a group and commits what was read.
fn read_and_commit(source: &TopicPartition, group: &str) {
    let cluster = cluster();
    let mut consumer = join(&cluster, group, "a", &source.topic);
    take_assignment(&mut consumer);
    let batch = take_batch(&mut consumer);
    let next = batch.records.last().unwrap().offset + 1;
    let mut producer = producer(&cluster, &unique("reader"));
    producer.transaction(|open| open.send_offsets(&[(source.clone(), next)], &batch.group)).unwrap();
}

#[test]
fn the_offsets_of_a_group_are_seen_from_outside() {
    let cluster = cluster();
    let source = topic(&cluster, "outside", &[]);
    publish(&cluster, &source, &["0", "1", "2"]);
    let group = unique("group");
    let partitions = std::slice::from_ref(&source);
    assert_eq!(inspect::committed_by(&cluster, &group, partitions).unwrap(), [(source.clone(), None)]);
    read_and_commit(&source, &group);
    assert_eq!(inspect::committed_by(&cluster, &group, partitions).unwrap(), [(source, Some(3))]);
}

#[test]
fn ages_are_those_of_the_append_times_and_markers_have_none() {
    let cluster = cluster();
    let out = topic(&cluster, "ages", &[("message.timestamp.type", "LogAppendTime")]);
    let mut producer = producer(&cluster, &unique("ages"));
    producer.transaction(|open| open.send(&record(&out, "k", "first"))).unwrap();
    let inspector = Inspector::open(&cluster).unwrap();
    let first = inspector.time_at(&out, 0).unwrap().unwrap();
    // Markers are written a little after the commit, with a time of their own.
    let until = |high| {
        wait_for("the marker", || (inspector.ends(&out).unwrap().high == high).then_some(()));
        let then = now_ms();
        wait_for("a later millisecond", || (now_ms() > then).then_some(()));
    };
    until(2);
    producer.transaction(|open| open.send(&record(&out, "k", "second"))).unwrap();
    // Record 0, marker 1, record 2, marker 3.
    until(4);
    let second = inspector.time_at(&out, 1).unwrap().unwrap();
    assert!(second > first, "a marker is passed over: {second} > {first}");
    assert_eq!(inspector.time_at(&out, 3).unwrap(), None, "nothing but a marker follows");
    let from = |time| inspector.offsets_for_time(std::slice::from_ref(&out), time).unwrap()[0].1;
    let later = from(second + 3_600_000);
    assert_eq!((from(first), from(second), later), (0, 2, 4), "all of it is older than an hour from now");
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap()
}

#[test]
fn trimming_moves_the_beginning_and_a_reader_left_behind_is_told() {
    let cluster = cluster();
    let source = topic(&cluster, "trimmed", &[]);
    publish(&cluster, &source, &["0", "1", "2"]);
    let admin = Admin::open(&cluster).unwrap();
    let inspector = Inspector::open(&cluster).unwrap();
    for _again in 0..2 {
        admin.trim(&[(source.clone(), 2)]).unwrap();
        assert_eq!(inspector.ends(&source).unwrap().low, 2, "trimming twice is trimming once");
    }
    admin.trim(&[(source.clone(), 1)]).unwrap();
    assert_eq!(inspector.ends(&source).unwrap().low, 2, "the beginning never moves back");
    assert_eq!(committed_values(&cluster, &source), ["2"]);

    let mut behind = join(&cluster, &unique("group"), "a", &source.topic);
    wait_for_assignment(&mut behind);
    behind.assign(&[(source.clone(), StartOffset::At(1))]).unwrap();
    let error =
        wait_for("what the reader is told", || behind.poll(10, 1 << 20, Duration::from_millis(100)).err());
    assert_eq!(error.class(), Class::OutOfRange, "halts instead of skipping: {error}");

    let mut anew = join(&cluster, &unique("group"), "a", &source.topic);
    take_assignment(&mut anew);
    assert_eq!(take_batch(&mut anew).records[0].offset, 2, "who never committed begins at the new beginning");
}
