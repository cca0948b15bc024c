//! What things cost: a transaction by the number of its records, taking an id over, restoring a table.

use std::time::Instant;

use weir_kafka::{Isolation, OutRecord, ProducerOptions, Publisher, Table, TransactionalProducer};

use super::{cluster, producer, read, topic, unique};

#[test]
fn time_per_transaction_by_batch_size() {
    let cluster = cluster();
    let out = topic(&cluster, "cost", &[("max.message.bytes", "4194304")]);
    let mut producer = producer(&cluster, &unique("cost"));
    let value = vec![b'x'; 1_500];
    let mut written = 0;
    for (batch, rounds) in [(1, 40), (100, 40), (1_000, 20), (10_000, 5)] {
        let mut times = Vec::with_capacity(rounds);
        for _ in 0..rounds {
            let start = Instant::now();
            producer
                .transaction(|open| {
                    for number in 0..batch {
                        open.send(&OutRecord::new(out.topic.clone(), format!("{number}"), value.clone()))?;
                    }
                    Ok::<(), weir_kafka::Error>(())
                })
                .unwrap();
            times.push(start.elapsed());
            written += batch;
        }
        times.sort_unstable();
        println!(
            "transaction of {batch:>6} records of 1.5 KB: median {:?}, least {:?}, most {:?}",
            times[rounds / 2],
            times[0],
            times[rounds - 1]
        );
    }
    let (values, _) = read(&cluster, &out, Isolation::Committed);
    assert_eq!(values.len(), written);
}

#[test]
fn time_to_take_a_transactional_id() {
    let cluster = cluster();
    let out = topic(&cluster, "init", &[]);
    let id = unique("init");
    let init = |what: &str| {
        let start = Instant::now();
        let producer = TransactionalProducer::init(&cluster, ProducerOptions::new(&id)).unwrap();
        println!("init of {what}: {:?}", start.elapsed());
        producer
    };
    let mut fresh = init("an id never used");
    fresh.transaction(|open| open.send(&OutRecord::new(out.topic.clone(), "k", "v"))).unwrap();
    drop(fresh);
    let mut known = init("an id whose holder has gone");
    known.begin().unwrap();
    known.send(&OutRecord::new(out.topic.clone(), "k", "v")).unwrap();
    known.send(&OutRecord::new(out.topic.clone(), "k", "v")).unwrap();
    super::wait_for("delivery", || {
        let ends = weir_kafka::reader::watermarks(&cluster, &out, Isolation::Uncommitted).unwrap();
        (ends.high == 4).then_some(())
    });
    let heir = init("an id with an open transaction");
    drop((known, heir));
    assert_eq!(read(&cluster, &out, Isolation::Committed).0, ["v"]);
}

#[test]
fn time_to_restore_a_table() {
    const ROWS: usize = 50_000;
    let cluster = cluster();
    let source = topic(&cluster, "restore", &[]);
    let value = vec![b'x'; 200];
    let records: Vec<OutRecord> = (0..ROWS)
        .map(|row| OutRecord::new(source.topic.clone(), format!("row-{row}"), value.clone()))
        .collect();
    Publisher::open(&cluster).unwrap().publish(&records).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table");
    let start = Instant::now();
    let table = Table::restore(&cluster, &source, &path, Isolation::Uncommitted).unwrap();
    println!(
        "restore of {ROWS} rows of 200 bytes: {:?}, a file of {} KiB",
        start.elapsed(),
        std::fs::metadata(&path).unwrap().len() / 1024
    );
    assert_eq!(table.len().unwrap(), ROWS as u64);
}
