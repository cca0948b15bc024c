//! Where a partition ends, and what time means in it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use weir_kafka::{
    Admin, Isolation, OutRecord, ProducerOptions, Publisher, Table, TopicPartition, TransactionalProducer,
    reader,
};

use super::{cluster, producer, publish, read, record, topic, unique, wait_for};

#[test]
fn eof_behind_markers() {
    let cluster = cluster();
    let out = topic(&cluster, "markers", &[]);
    let mut producer = producer(&cluster, &unique("markers"));
    producer.transaction(|open| open.send(&record(&out, "k", "kept"))).unwrap();
    producer.begin().unwrap();
    producer.send(&record(&out, "k", "aborted")).unwrap();
    wait_for("delivery", || {
        (reader::watermarks(&cluster, &out, Isolation::Uncommitted).unwrap().high == 3).then_some(())
    });
    producer.abort().unwrap();
    let started = Instant::now();
    let (values, end) = read(&cluster, &out, Isolation::Committed);
    println!("reading to an end behind markers: {:?}", started.elapsed());
    assert_eq!(values, ["kept"]);
    // Record 0, marker 1, record 2, marker 3.
    assert_eq!((end.next_offset, end.reached_end), (4, true));
    assert_eq!(read(&cluster, &out, Isolation::Uncommitted).0, ["kept", "aborted"]);
}

#[test]
fn eof_before_an_open_transaction_of_another_producer() {
    let cluster = cluster();
    let out = topic(&cluster, "hidden", &[]);
    let mut options = ProducerOptions::new(unique("hidden-open"));
    options.transaction_timeout = Duration::from_secs(60);
    let mut open = TransactionalProducer::init(&cluster, options).unwrap();
    open.begin().unwrap();
    open.send(&record(&out, "k", "open")).unwrap();
    wait_for("delivery", || {
        (reader::watermarks(&cluster, &out, Isolation::Uncommitted).unwrap().high == 1).then_some(())
    });
    let mut other = producer(&cluster, &unique("hidden-other"));
    other.transaction(|inner| inner.send(&record(&out, "k", "committed behind it"))).unwrap();
    let (values, end) = read(&cluster, &out, Isolation::Committed);
    assert_eq!(
        (values.len(), end.next_offset),
        (0, 0),
        "a committed record hides behind an open transaction"
    );
    assert_eq!(read(&cluster, &out, Isolation::Uncommitted).0.len(), 2);
    open.abort().unwrap();
    assert_eq!(read(&cluster, &out, Isolation::Committed).0, ["committed behind it"]);
}

#[test]
fn eof_after_compaction() {
    let cluster = cluster();
    let settings = [
        ("cleanup.policy", "compact"),
        ("segment.ms", "100"),
        ("min.cleanable.dirty.ratio", "0.01"),
        ("delete.retention.ms", "100"),
    ];
    let out = topic(&cluster, "compacted", &settings);
    let mut next = 0;
    // The active segment is never cleaned: each write after the roll time starts another one.
    let (values, end) = wait_for("compaction", || {
        let value = format!("v{next}");
        Publisher::open(&cluster).unwrap().publish(&[record(&out, "same key", &value)]).unwrap();
        next += 1;
        std::thread::sleep(Duration::from_millis(200));
        let (values, end) = read(&cluster, &out, Isolation::Committed);
        (values.len() + 2 < next).then_some((values, end))
    });
    println!("{next} records of one key, {} left after compaction", values.len());
    assert_eq!(end.next_offset, i64::try_from(next).unwrap());
    assert_eq!(values.last(), Some(&format!("v{}", next - 1)));
    let folder = tempfile::tempdir().unwrap();
    let table = Table::restore(&cluster, &out, &folder.path().join("table"), Isolation::Committed).unwrap();
    assert_eq!(table.len().unwrap(), 1);
    assert_eq!(table.get(b"same key").unwrap(), Some(format!("v{}", next - 1).into_bytes()));
}

#[test]
fn eof_on_an_empty_partition() {
    let cluster = cluster();
    let never_written = topic(&cluster, "empty", &[]);
    let started = Instant::now();
    let (values, end) = read(&cluster, &never_written, Isolation::Committed);
    println!("reading an empty partition to its end: {:?}", started.elapsed());
    assert_eq!((values.len(), end.next_offset, end.reached_end), (0, 0, true));

    let emptied = topic(&cluster, "emptied", &[]);
    publish(&cluster, &emptied, &["0", "1", "2"]);
    Admin::open(&cluster).unwrap().trim(&[(emptied.clone(), 3)]).unwrap();
    let (values, end) = read(&cluster, &emptied, Isolation::Committed);
    assert_eq!((values.len(), end.next_offset, end.reached_end), (0, 3, true));
}

#[test]
fn log_append_time_look_ups() {
    let cluster = cluster();
    let out = topic(&cluster, "times", &[("message.timestamp.type", "LogAppendTime")]);
    let year_2001 = 1_000_000_000_000;
    let before =
        i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap() - 60_000;
    let mut publisher = Publisher::open(&cluster).unwrap();
    for value in ["0", "1", "2"] {
        let mut old: OutRecord = record(&out, "k", value);
        old.timestamp_ms = Some(year_2001);
        publisher.publish(&[old]).unwrap();
        // Append times have milliseconds: two records must not share one here.
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut times = Vec::new();
    reader::read_to_end(
        &cluster,
        &out,
        weir_kafka::StartOffset::Beginning,
        Isolation::Committed,
        |message| {
            times.push(message.timestamp_ms.unwrap());
            std::ops::ControlFlow::Continue(())
        },
    )
    .unwrap();
    assert!(times.iter().all(|time| *time > before), "the broker's time, not the record's: {times:?}");
    let at = |time| reader::offsets_for_time(&cluster, std::slice::from_ref(&out), time).unwrap()[0].1;
    assert_eq!(at(before), 0);
    assert_eq!(at(times[1]), 1);
    assert_eq!(at(times[1] + 1), 2);
    assert_eq!(at(times[2] + 1), 3, "later than all: the end");
}

#[test]
fn a_topic_that_is_not_there_is_told_with_what_to_do() {
    let missing = TopicPartition::new(unique("missing"), 0);
    let error = reader::watermarks(&cluster(), &missing, Isolation::Committed).unwrap_err();
    assert!(error.to_string().contains("weir topics apply"), "{error}");
}
