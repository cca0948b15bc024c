//! What a transaction costs, by the number of its records.

use std::time::Instant;

use weir_kafka::{Isolation, OutRecord};

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
