//! The transactional producer: what commits, what refuses to, and the class of every refusal.

use std::ops::ControlFlow;

use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::{cluster, first_partition, options, poll_until, publish, take_assignment, values};
use crate::{
    Class, Cluster, Error, GroupConsumer, Isolation, Message, OutRecord, Polled, ProducerOptions,
    StartOffset, TransactionalProducer, reader,
};

fn producer(cluster: &Cluster) -> TransactionalProducer {
    TransactionalProducer::init(cluster, ProducerOptions::new("weir-test-a")).unwrap()
}

fn written(cluster: &Cluster) -> Vec<String> {
    let mut records: Vec<Message> = Vec::new();
    let end = reader::read_to_end(
        cluster,
        &first_partition("out"),
        StartOffset::Beginning,
        Isolation::Committed,
        |record| {
            records.push(record);
            ControlFlow::Continue(())
        },
    );
    assert!(end.unwrap().reached_end);
    values(&records)
}

#[test]
fn records_and_offsets_go_out_together() {
    let cluster = cluster(1);
    publish(&cluster, "in", 3);
    let mut consumer = GroupConsumer::join(&cluster, options("a")).unwrap();
    take_assignment(&mut consumer);
    let batch = poll_until(&mut consumer, |polled| match polled {
        Polled::Batch(batch) => Some(batch),
        _ => None,
    });
    let mut producer = producer(&cluster);
    let next = batch.records.last().unwrap().offset + 1;
    let sent: Result<usize, Error> = producer.transaction(|open| {
        for record in &batch.records {
            open.send(&OutRecord::new("out", record.key.clone().unwrap(), record.value.clone().unwrap()))?;
        }
        open.send_offsets(&[(first_partition("in"), next)], &batch.group)?;
        Ok(batch.records.len())
    });
    assert_eq!(written(&cluster).len(), sent.unwrap());
}

#[test]
fn an_oversize_record_makes_the_transaction_refuse_to_commit() {
    let cluster = cluster(1);
    let mut producer = producer(&cluster);
    producer.begin().unwrap();
    producer.send(&OutRecord::new("out", "k", "small")).unwrap();
    let refused = producer.send(&OutRecord::new("out", "k", vec![b'x'; 5 << 20])).unwrap_err();
    assert_eq!(refused.class(), Class::Refused, "{refused:?}");
    let commit = producer.commit().unwrap_err();
    assert!(matches!(commit, Error::Incomplete { .. }), "{commit:?}");
    assert_eq!(commit.class(), Class::AbortTransaction);
    producer.abort().unwrap();
    producer.transaction(|open| open.send(&OutRecord::new("out", "k", "again"))).unwrap();
    assert!(written(&cluster).contains(&"again".to_owned()));
}

#[test]
fn a_failing_work_aborts_and_the_producer_stays_usable() {
    let cluster = cluster(1);
    let mut producer = producer(&cluster);
    let failed: Result<(), Box<dyn std::error::Error>> =
        producer.transaction(|_| Err("no such field".into()));
    assert_eq!(failed.unwrap_err().to_string(), "no such field");
    assert!(producer.is_usable());
    producer.transaction(|open| open.send(&OutRecord::new("out", "k", "next"))).unwrap();
}

#[test]
fn a_stale_group_membership_aborts() {
    let cluster = cluster(1);
    publish(&cluster, "in", 1);
    let mut consumer = GroupConsumer::join(&cluster, options("a")).unwrap();
    take_assignment(&mut consumer);
    let batch = poll_until(&mut consumer, |polled| match polled {
        Polled::Batch(batch) => Some(batch),
        _ => None,
    });
    let mut producer = producer(&cluster);
    for error in [
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID,
    ] {
        cluster.fail_next(RDKafkaApiKey::TxnOffsetCommit, &[error]);
        producer.begin().unwrap();
        producer.send(&OutRecord::new("out", "k", "v")).unwrap();
        let refused = producer.send_offsets(&[(first_partition("in"), 1)], &batch.group).unwrap_err();
        assert_eq!(refused.class(), Class::AbortTransaction, "{error:?}: {refused:?}");
        let commit = producer.commit().unwrap_err();
        assert!(matches!(commit, Error::Incomplete { .. }), "{error:?}: {commit:?}");
        producer.abort().unwrap();
    }
    producer.transaction(|open| open.send_offsets(&[(first_partition("in"), 1)], &batch.group)).unwrap();
}

#[test]
fn a_producer_fenced_at_commit_is_spent() {
    let cluster = cluster(1);
    let mut producer = producer(&cluster);
    producer.begin().unwrap();
    producer.send(&OutRecord::new("out", "k", "v")).unwrap();
    cluster.fail_next(RDKafkaApiKey::EndTxn, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_PRODUCER_FENCED]);
    let error = producer.commit().unwrap_err();
    assert_eq!(error.class(), Class::Fenced, "{error:?}");
    assert!(!producer.is_usable());
    assert_eq!(producer.begin().unwrap_err().class(), Class::Fenced);
}

#[test]
fn a_passing_refusal_is_repeated_inside() {
    let cluster = cluster(1);
    let mut producer = producer(&cluster);
    cluster.fail_next(
        RDKafkaApiKey::EndTxn,
        &[
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
        ],
    );
    producer.transaction(|open| open.send(&OutRecord::new("out", "k", "v"))).unwrap();
    assert_eq!(written(&cluster), ["v"]);
}

#[test]
fn calls_out_of_order_are_fatal() {
    let cluster = cluster(1);
    let mut producer = producer(&cluster);
    assert_eq!(producer.send(&OutRecord::new("out", "k", "v")).unwrap_err().class(), Class::Fatal);
    assert_eq!(producer.commit().unwrap_err().class(), Class::Fatal);
}
