//! What a producer learns when another has taken its id over, and when its transaction took too long.

use std::time::Duration;

use weir_kafka::{Class, Error, Isolation, ProducerOptions, TopicPartition, TransactionalProducer, reader};

use super::{cluster, committed_values, producer, record, topic, unique, wait_for};

/// A producer with a delivered record in an open transaction, and its successor under the same id.
fn fenced(name: &str) -> (TopicPartition, TransactionalProducer, TransactionalProducer) {
    let cluster = cluster();
    let out = topic(&cluster, name, &[]);
    let id = unique(name);
    let mut old = producer(&cluster, &id);
    old.begin().unwrap();
    old.send(&record(&out, "k", "of the old")).unwrap();
    wait_for("the old holder's record", || {
        let ends = reader::watermarks(&cluster, &out, Isolation::Uncommitted).unwrap();
        (ends.high > 0).then_some(())
    });
    let new = producer(&cluster, &id);
    (out, old, new)
}

fn assert_only_the_successor_writes(out: &TopicPartition, mut new: TransactionalProducer) {
    new.transaction(|open| open.send(&record(out, "k", "of the new"))).unwrap();
    assert_eq!(committed_values(&cluster(), out), ["of the new"]);
}

#[test]
fn fenced_old_holder_on_produce() {
    let (out, mut old, new) = fenced("fenced-produce");
    // Queued locally, so the send itself may succeed; the broker refuses the batch and the commit must not pass.
    let error = old.send(&record(&out, "k", "late")).and_then(|()| old.commit()).unwrap_err();
    println!("fenced on produce: {:?}, {error:?}", error.class());
    let learned = if error.class() == Class::AbortTransaction { old.abort().unwrap_err() } else { error };
    println!("fenced on produce, then: {:?}, {learned:?}", learned.class());
    assert_eq!(learned.class(), Class::Fenced, "{learned:?}");
    assert!(!old.is_usable());
    assert_only_the_successor_writes(&out, new);
}

#[test]
fn fenced_old_holder_on_commit() {
    let (out, mut old, new) = fenced("fenced-commit");
    let error = old.commit().unwrap_err();
    println!("fenced on commit: {:?}, {error:?}", error.class());
    assert_eq!(error.class(), Class::Fenced);
    assert!(!old.is_usable());
    assert_only_the_successor_writes(&out, new);
}

#[test]
fn fenced_old_holder_on_abort() {
    let (out, mut old, new) = fenced("fenced-abort");
    let error = old.abort().unwrap_err();
    println!("fenced on abort: {:?}, {error:?}", error.class());
    assert_eq!(error.class(), Class::Fenced);
    assert!(!old.is_usable());
    assert_only_the_successor_writes(&out, new);
}

#[test]
fn transaction_past_its_timeout() {
    let cluster = cluster();
    let out = topic(&cluster, "timeout", &[]);
    let mut options = ProducerOptions::new(unique("timeout"));
    options.transaction_timeout = Duration::from_secs(2);
    let mut slow = TransactionalProducer::init(&cluster, options.clone()).unwrap();
    slow.begin().unwrap();
    slow.send(&record(&out, "k", "too late")).unwrap();
    wait_for("the broker's abort", || {
        let ends = reader::watermarks(&cluster, &out, Isolation::Committed).unwrap();
        // Record and marker: the last stable offset has passed both.
        (ends.high >= 2).then_some(())
    });
    let error = slow.commit().unwrap_err();
    println!("commit past the timeout: {:?}, {error:?}", error.class());
    // The broker answers "fenced by a newer instance"; only the producer's own clock knows better.
    assert!(matches!(error, Error::TransactionTimedOut { .. }), "{error:?}");
    assert_eq!(error.class(), Class::Fatal);
    assert!(!slow.is_usable());
    drop(slow);
    let mut next = TransactionalProducer::init(&cluster, options).unwrap();
    next.transaction(|open| open.send(&record(&out, "k", "in time"))).unwrap();
    assert_eq!(committed_values(&cluster, &out), ["in time"]);
}

#[test]
fn abort_right_after_a_send_leaves_the_producer_usable() {
    let cluster = cluster();
    let out = topic(&cluster, "quick-abort", &[]);
    let mut producer = producer(&cluster, &unique("quick-abort"));
    for round in 0..50 {
        producer.begin().unwrap();
        producer.send(&record(&out, "k", "aborted")).unwrap();
        let aborted: Result<(), Error> = producer.abort();
        assert!(aborted.is_ok(), "round {round}: {aborted:?}");
    }
    producer.transaction(|open| open.send(&record(&out, "k", "kept"))).unwrap();
    assert_eq!(committed_values(&cluster, &out), ["kept"]);
}
