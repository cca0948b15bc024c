//! A broker that goes away and comes back.

use std::time::Instant;

use weir_kafka::{Class, Cluster, Settings};
use weir_testkit::broker::Broker;

use super::{PATIENCE, committed_values, producer, record, topic, unique, wait_for};

#[test]
fn restart_time_of_the_broker() {
    let started = Instant::now();
    let mut broker = Broker::start().unwrap();
    println!("first start of a broker: {:?}", started.elapsed());
    let cluster = Cluster::remote(Settings::plaintext(broker.bootstrap())).unwrap();
    let out = topic(&cluster, "restart", &[]);
    let mut producer = producer(&cluster, &unique("restart"));
    producer.transaction(|open| open.send(&record(&out, "k", "before"))).unwrap();

    let stopped = Instant::now();
    broker.restart().unwrap();
    println!("orderly restart: {:?}", stopped.elapsed());
    producer.transaction(|open| open.send(&record(&out, "k", "between"))).unwrap();

    broker.kill();
    let killed = Instant::now();
    producer.begin().unwrap();
    producer.send(&record(&out, "k", "sent while the broker was away")).unwrap();
    broker.restart().unwrap();
    println!("restart after a kill: {:?}", killed.elapsed());
    // The transaction may have outlived the absence or not; the loop's reaction to either loses nothing.
    match producer.commit() {
        Ok(()) => println!("the transaction over the restart was committed after {:?}", killed.elapsed()),
        Err(error) => {
            println!("the transaction over the restart: {:?}, {error:?}", error.class());
            let again = record(&out, "k", "sent while the broker was away");
            if error.class() == Class::AbortTransaction {
                producer.abort().unwrap();
            }
            assert!(producer.is_usable(), "{error:?}");
            producer.transaction(|open| open.send(&again)).unwrap();
        }
    }
    let values = wait_for("the records after the restart", || {
        let values = committed_values(&cluster, &out);
        (values.len() == 3).then_some(values)
    });
    assert_eq!(values, ["before", "between", "sent while the broker was away"]);
    println!("records readable {:?} after the kill (limit {PATIENCE:?})", killed.elapsed());
}
