//! Groups: events answered from the loop, metadata taken with the batch, offsets behind open transactions.

use std::time::{Duration, Instant};

use weir_kafka::{Class, Polled, ProducerOptions, StartOffset, TopicPartition, TransactionalProducer};

use super::{
    PATIENCE, cluster, join, partitioned_topic, poll, producer, publish, record, take_assignment, take_batch,
    topic, unique, wait_for, wait_for_assignment,
};

#[test]
fn an_assignment_is_answered_after_the_callback_has_returned() {
    let cluster = cluster();
    let source = topic(&cluster, "deferred", &[]);
    publish(&cluster, &source, &["0", "1", "2"]);
    let mut consumer = join(&cluster, &unique("group"), "a", &source.topic);
    let started = Instant::now();
    let partitions = wait_for_assignment(&mut consumer);
    println!("first assignment of a new group: {:?}", started.elapsed());
    assert_eq!(partitions, std::slice::from_ref(&source));
    assert!(matches!(poll(&mut consumer), Polled::Idle), "nothing is read before the answer");
    consumer.assign(&[(source, StartOffset::At(1))]).unwrap();
    assert_eq!(take_batch(&mut consumer).records[0].offset, 1);
}

#[test]
fn a_revocation_is_answered_after_the_callback_has_returned() {
    let cluster = cluster();
    let source = partitioned_topic(&cluster, "shared", 2, &[]);
    let group = unique("group");
    let mut first = join(&cluster, &group, "a", &source.topic);
    assert_eq!(take_assignment(&mut first).len(), 2);
    let mut second = join(&cluster, &group, "b", &source.topic);
    let started = Instant::now();
    let revoked = wait_for("the revocation", || match (poll(&mut first), poll(&mut second)) {
        (Polled::Revoked(partitions), _) => Some(partitions),
        (_, Polled::Assigned(_)) => panic!("the second member was served before the first let go"),
        _ => None,
    });
    assert_eq!(revoked.len(), 1);
    for _ in 0..5 {
        assert!(!matches!(poll(&mut second), Polled::Assigned(_)), "the group waits for the answer");
    }
    first.release(&revoked).unwrap();
    let assigned = wait_for("the share of the second", || match (poll(&mut first), poll(&mut second)) {
        (_, Polled::Assigned(partitions)) => Some(partitions),
        _ => None,
    });
    println!("hand-over of a partition between two live members: {:?}", started.elapsed());
    assert_eq!(assigned, revoked);
}

#[test]
fn who_stands_still_for_a_session_before_it_lets_go_is_no_member_any_more() {
    let cluster = cluster();
    let source = partitioned_topic(&cluster, "frozen", 2, &[]);
    let group = unique("group");
    let mut first = join(&cluster, &group, "a", &source.topic);
    assert_eq!(take_assignment(&mut first).len(), 2);
    let mut second = join(&cluster, &group, "b", &source.topic);
    let revoked = wait_for("the revocation", || match (poll(&mut first), poll(&mut second)) {
        (Polled::Revoked(partitions), _) => Some(partitions),
        _ => None,
    });
    assert!(first.membership().unwrap().is_some());
    // Longer than the session of `join`.
    std::thread::sleep(Duration::from_secs(7));
    let error = first.release(&revoked).unwrap_err();
    assert_eq!(error.class(), Class::Fatal, "{error}");
    assert!(first.membership().unwrap().is_none(), "nothing is written in the name of what it was");
}

#[test]
fn a_partition_whose_hand_over_was_interrupted_finds_an_owner_again() {
    let cluster = cluster();
    let source = partitioned_topic(&cluster, "orphaned", 2, &[]);
    let group = unique("group");
    let mut first = join(&cluster, &group, "a", &source.topic);
    assert_eq!(take_assignment(&mut first).len(), 2);
    let mut second = join(&cluster, &group, "b", &source.topic);
    wait_for("the revocation", || match (poll(&mut first), poll(&mut second)) {
        (Polled::Revoked(partitions), _) => Some(partitions),
        _ => None,
    });
    // It dies before it lets go, and comes back under its name: it gets what it was to keep, and that is all.
    let mut again = join(&cluster, &group, "a", &source.topic);
    assert_eq!(take_assignment(&mut again).len(), 1);
    let orphan = wait_for("an owner of the other", || match (poll(&mut again), poll(&mut second)) {
        (_, Polled::Assigned(partitions)) => Some(partitions),
        (polled, _) => {
            assert!(matches!(polled, Polled::Idle), "{polled:?}");
            None
        }
    });
    assert_eq!(orphan.len(), 1);
    drop(first);
}

#[test]
fn commit_with_metadata_taken_late_passes_and_early_fails() {
    let cluster = cluster();
    let source = topic(&cluster, "metadata", &[]);
    publish(&cluster, &source, &["0", "1"]);
    let mut consumer = join(&cluster, &unique("group"), "a", &source.topic);
    take_assignment(&mut consumer);
    let stale = take_batch(&mut consumer);
    let lease = consumer.lease();
    assert!(lease.holds());
    // Not polling for longer than allowed is what this test does: the member is thrown out meanwhile.
    std::thread::sleep(Duration::from_secs(8));
    assert!(!lease.holds());
    let lost = wait_for("the loss", || match poll(&mut consumer) {
        Polled::Lost(partitions) => Some(partitions),
        Polled::Batch(batch) => panic!("a lost member must not hand out {batch:?}"),
        _ => None,
    });
    assert!(!lease.holds(), "a lease does not come back by polling");
    consumer.release(&lost).unwrap();
    take_assignment(&mut consumer);
    let fresh = take_batch(&mut consumer);
    let mut producer = producer(&cluster, &unique("metadata"));
    let next = [(source.clone(), stale.records.last().unwrap().offset + 1)];

    producer.begin().unwrap();
    let early = producer.send_offsets(&next, &stale.group).unwrap_err();
    println!("offsets with the metadata of the batch, membership gone: {:?}, {early:?}", early.class());
    assert_eq!(early.class(), Class::AbortTransaction);
    assert!(early.is_of_no_member(), "{early:?}");
    producer.abort().unwrap();
    assert_eq!(
        consumer.committed(std::slice::from_ref(&source), PATIENCE).unwrap(),
        [(source.clone(), None)]
    );

    // The danger the batch's own metadata keeps away: old records vouched for by a new membership.
    producer.transaction(|open| open.send_offsets(&next, &fresh.group)).unwrap();
    assert_eq!(consumer.committed(std::slice::from_ref(&source), PATIENCE).unwrap(), [(source, Some(2))]);
}

#[test]
fn committed_offsets_wait_for_open_transactions() {
    let cluster = cluster();
    let source = topic(&cluster, "unstable", &[]);
    publish(&cluster, &source, &["0"]);
    let mut consumer = join(&cluster, &unique("group"), "a", &source.topic);
    take_assignment(&mut consumer);
    let batch = take_batch(&mut consumer);
    let mut open = producer(&cluster, &unique("unstable"));
    open.begin().unwrap();
    open.send_offsets(&[(source.clone(), 1)], &batch.group).unwrap();
    let waiting = consumer.committed(std::slice::from_ref(&source), Duration::from_secs(1)).unwrap_err();
    println!("committed offsets behind an open transaction: {:?}, {waiting:?}", waiting.class());
    assert_eq!(waiting.class(), Class::Retriable);
    open.commit().unwrap();
    assert_eq!(consumer.committed(std::slice::from_ref(&source), PATIENCE).unwrap(), [(source, Some(1))]);
}

#[test]
fn a_second_process_of_the_same_instance_fences_the_first() {
    let cluster = cluster();
    let source = topic(&cluster, "twins", &[]);
    let group = unique("group");
    let mut first = join(&cluster, &group, "twin", &source.topic);
    take_assignment(&mut first);
    let mut second = join(&cluster, &group, "twin", &source.topic);
    take_assignment(&mut second);
    let error = wait_for("the fencing", || first.poll(10, 1_000, Duration::from_millis(100)).err());
    println!("the older twin: {:?}, {error:?}", error.class());
    assert_eq!(error.class(), Class::Fenced);
}

#[test]
fn an_offset_that_is_gone_is_an_error() {
    let cluster = cluster();
    let source = topic(&cluster, "gone", &[]);
    publish(&cluster, &source, &["0"]);
    let mut consumer = join(&cluster, &unique("group"), "a", &source.topic);
    wait_for_assignment(&mut consumer);
    consumer.assign(&[(source, StartOffset::At(40))]).unwrap();
    let error = wait_for("the error", || consumer.poll(10, 1_000, Duration::from_millis(100)).err());
    assert_eq!(error.class(), Class::OutOfRange, "{error:?}");
}

#[test]
fn after_an_abort_the_batch_is_read_again() {
    let cluster = cluster();
    let (source, out) = (topic(&cluster, "again-in", &[]), topic(&cluster, "again-out", &[]));
    publish(&cluster, &source, &["0", "1", "2"]);
    let mut consumer = join(&cluster, &unique("group"), "a", &source.topic);
    take_assignment(&mut consumer);
    let mut options = ProducerOptions::new(unique("again"));
    options.max_record_bytes = 2_000;
    let mut producer = TransactionalProducer::init(&cluster, options).unwrap();
    let batch = take_batch(&mut consumer);
    producer.begin().unwrap();
    producer.send(&record(&out, "k", "first try")).unwrap();
    let oversize = producer.send(&record(&out, "k", &"x".repeat(3_000))).unwrap_err();
    assert_eq!(oversize.class(), Class::Refused);
    assert_eq!(producer.commit().unwrap_err().class(), Class::AbortTransaction);
    producer.abort().unwrap();
    let first: TopicPartition = batch.records[0].topic_partition();
    consumer.rewind(&[(first.clone(), batch.records[0].offset)]).unwrap();
    let again = take_batch(&mut consumer);
    assert_eq!(again.records[0].offset, batch.records[0].offset);
    producer
        .transaction(|open| {
            open.send(&record(&out, "k", "second try"))?;
            open.send_offsets(&[(first, again.records.last().unwrap().offset + 1)], &again.group)
        })
        .unwrap();
    assert_eq!(super::committed_values(&cluster, &out), ["second try"]);
}

#[test]
fn a_member_without_a_partition_knows_that_it_has_joined() {
    let cluster = cluster();
    let input = topic(&cluster, "spare", &[]);
    let group = unique("spare");
    let mut first = join(&cluster, &group, "one", &input.topic);
    assert!(!first.has_joined());
    take_assignment(&mut first);
    assert!(first.has_joined());
    let mut spare = join(&cluster, &group, "two", &input.topic);
    wait_for("the spare member to be taken in", || {
        poll(&mut first);
        let polled = poll(&mut spare);
        assert!(matches!(polled, Polled::Idle), "one partition, and it stays where it is: {polled:?}");
        spare.has_joined().then_some(())
    });
}
