//! Rebalances as events: the answer comes after the callback has returned, from the loop.

use std::time::{Duration, Instant};

use super::{
    PATIENCE, cluster, first_partition, options, poll_until, publish, take_assignment, take_records, values,
};
use crate::{Class, GroupConsumer, Polled, StartOffset};

#[test]
fn an_assignment_is_an_event_and_reading_starts_where_the_answer_says() {
    let cluster = cluster(1);
    publish(&cluster, "in", 5);
    let mut consumer = GroupConsumer::join(&cluster, options("a")).unwrap();
    let partitions = poll_until(&mut consumer, |polled| match polled {
        Polled::Assigned(partitions) => Some(partitions),
        _ => None,
    });
    assert_eq!(partitions, [first_partition("in")]);
    assert!(
        matches!(consumer.poll(10, 1_000, Duration::from_millis(300)).unwrap(), Polled::Idle),
        "nothing is read before the assignment is answered"
    );
    consumer.assign(&[(first_partition("in"), StartOffset::At(3))]).unwrap();
    let records = take_records(&mut consumer, 2);
    assert_eq!(values(&records), ["v3", "v4"]);
    assert_eq!(records[0].offset, 3);
    assert_eq!(records[0].header("traceparent").unwrap().as_ref(), b"00-1-2-03");
}

#[test]
fn a_batch_ends_at_its_limits() {
    let cluster = cluster(1);
    publish(&cluster, "in", 10);
    let mut consumer = GroupConsumer::join(&cluster, options("a")).unwrap();
    take_assignment(&mut consumer);
    let mut batch_of = |max_records, max_bytes| {
        let start = Instant::now();
        loop {
            if let Polled::Batch(batch) =
                consumer.poll(max_records, max_bytes, Duration::from_millis(100)).unwrap()
            {
                return batch.records;
            }
            assert!(start.elapsed() < PATIENCE);
        }
    };
    assert_eq!(values(&batch_of(1, 1_000)), ["v0"]);
    assert_eq!(values(&batch_of(100, 1)), ["v1"], "a batch holds at least one record however large it is");
}

#[test]
fn rewinding_reads_the_batch_again() {
    let cluster = cluster(1);
    publish(&cluster, "in", 4);
    let mut consumer = GroupConsumer::join(&cluster, options("a")).unwrap();
    take_assignment(&mut consumer);
    assert_eq!(take_records(&mut consumer, 4).len(), 4);
    consumer.rewind(&[(first_partition("in"), 1)]).unwrap();
    assert_eq!(values(&take_records(&mut consumer, 3)), ["v1", "v2", "v3"]);
}

#[test]
fn a_second_member_gets_its_share_after_the_first_lets_go() {
    let cluster = cluster(2);
    let mut first = GroupConsumer::join(&cluster, options("a")).unwrap();
    assert_eq!(take_assignment(&mut first).len(), 2);
    let mut second = GroupConsumer::join(&cluster, options("b")).unwrap();
    let start = Instant::now();
    let (mut released, mut taken) = (None, None);
    while taken.is_none() {
        if let Polled::Revoked(partitions) = first.poll(10, 1_000, Duration::from_millis(50)).unwrap() {
            assert!(
                !matches!(second.poll(10, 1_000, Duration::from_millis(300)).unwrap(), Polled::Assigned(_)),
                "the group waits for the first to let go"
            );
            first.release(&partitions).unwrap();
            released = Some(partitions);
        }
        if let Polled::Assigned(partitions) = second.poll(10, 1_000, Duration::from_millis(50)).unwrap() {
            taken = Some(partitions);
        }
        assert!(start.elapsed() < PATIENCE, "the second member got no share");
    }
    assert_eq!(released, taken);
    assert_eq!(taken.unwrap().len(), 1);
}

#[test]
fn a_paused_partition_is_silent_until_resumed() {
    let cluster = cluster(1);
    let mut consumer = GroupConsumer::join(&cluster, options("a")).unwrap();
    take_assignment(&mut consumer);
    consumer.pause(&[first_partition("in")]).unwrap();
    publish(&cluster, "in", 3);
    assert!(matches!(consumer.poll(10, 1_000, Duration::from_millis(500)).unwrap(), Polled::Idle));
    consumer.resume(&[first_partition("in")]).unwrap();
    assert_eq!(take_records(&mut consumer, 3).len(), 3);
}

#[test]
fn closing_does_not_wait_for_an_answer_that_never_came() {
    let cluster = cluster(1);
    let mut consumer = GroupConsumer::join(&cluster, options("a")).unwrap();
    poll_until(&mut consumer, |polled| matches!(polled, Polled::Assigned(_)).then_some(()));
    // Would hang for ever, and the test runner with it, if the open event were left open.
    consumer.close();
}

#[test]
fn a_group_without_commits_says_so() {
    let cluster = cluster(1);
    let mut consumer = GroupConsumer::join(&cluster, options("a")).unwrap();
    let partitions = take_assignment(&mut consumer);
    assert_eq!(consumer.committed(&partitions, PATIENCE).unwrap(), [(first_partition("in"), None)]);
    assert!(consumer.lease().holds());
    let ends = consumer.watermarks(&first_partition("in"), PATIENCE).unwrap();
    assert_eq!((ends.low, ends.high), (0, 0));
}

#[test]
fn a_broker_that_is_away_is_reported_and_waited_for() {
    let cluster = cluster(1);
    let mut consumer = GroupConsumer::join(&cluster, options("a")).unwrap();
    take_assignment(&mut consumer);
    cluster.set_reachable(false);
    let start = Instant::now();
    let error = loop {
        if let Err(error) = consumer.poll(10, 1_000, Duration::from_millis(100)) {
            break error;
        }
        assert!(start.elapsed() < PATIENCE, "nothing was reported");
    };
    assert_eq!(error.class(), Class::Retriable, "{error:?}");
    cluster.set_reachable(true);
    publish(&cluster, "in", 2);
    let mut read = 0;
    while read < 2 {
        match consumer.poll(10, 1_000, Duration::from_millis(100)) {
            Ok(Polled::Batch(batch)) => read += batch.records.len(),
            Ok(_) => {}
            Err(error) => assert_eq!(error.class(), Class::Retriable, "{error:?}"),
        }
        assert!(start.elapsed() < PATIENCE, "reading did not go on");
    }
}
