//! Asks the cluster about topics. Every question waits for the answer: these functions are for threads that may.

use std::time::Duration;

use rdkafka::error::RDKafkaErrorCode;
use rdkafka::metadata::MetadataTopic;
use rdkafka::producer::Producer as _;

use crate::courier::{Cause, Trouble};

use super::client::Producer;
use super::codes::{cause_of, cause_of_error};

/// Finds out whether a topic is there, with so many partitions or more. Returns how many it has.
///
/// # Errors
/// It is not, or the cluster does not answer.
pub(super) fn check(producer: &Producer, topic: &str, partitions: u16, limit: Duration) -> Result<usize, Cause> {
    ask(producer, topic, limit, |found| {
        let count = found.partitions().len();
        if count < usize::from(partitions) {
            let text = format!("topic {topic} has {count} partitions, but kafka_partitions = {partitions}");
            return Err(Cause::new(Trouble::Mismatch, "", text));
        }
        Ok(count)
    })
}

/// Finds out why a topic confirms nothing.
///
/// # Errors
/// The reason, if the cluster knows one.
pub(super) fn diagnose(producer: &Producer, topic: &str, limit: Duration) -> Result<(), Cause> {
    ask(producer, topic, limit, |found| {
        for partition in found.partitions() {
            let (id, leader) = (partition.id(), partition.leader());
            if let Some(error) = partition.error() {
                let code = RDKafkaErrorCode::from(error);
                return Err(cause_of(code, format!("topic {topic}, partition {id}: {code}")));
            }
            if leader < 0 {
                let code = RDKafkaErrorCode::LeaderNotAvailable;
                return Err(cause_of(code, format!("topic {topic}, partition {id} has no leader")));
            }
            // A partition with a leader has a replica in sync.
            let (replicas, in_sync) = (partition.replicas().len(), partition.isr().len());
            if in_sync < replicas {
                let text = format!("topic {topic}, partition {id}: {in_sync} of {replicas} replicas are in sync");
                return Err(cause_of(RDKafkaErrorCode::NotEnoughReplicas, text));
            }
        }
        Ok(())
    })
}

/// The offset that the next message of a partition gets; 0 if the topic has no such partition, because it was made again with fewer.
///
/// # Errors
/// The cluster does not answer, or does not have the topic.
pub(super) fn end(producer: &Producer, topic: &str, partition: i32, limit: Duration) -> Result<i64, Cause> {
    let error = match producer.client().fetch_watermarks(topic, partition, limit) {
        Ok((_, high)) => return Ok(high),
        Err(error) => error,
    };
    let has_partition = ask(producer, topic, limit, |found| {
        Ok(found.partitions().is_empty() || found.partitions().iter().any(|known| known.id() == partition))
    });
    if has_partition? { Err(cause_of_error(&error)) } else { Ok(0) }
}

fn ask<T>(
    producer: &Producer,
    topic: &str,
    limit: Duration,
    answer: impl FnOnce(&MetadataTopic) -> Result<T, Cause>,
) -> Result<T, Cause> {
    let metadata = producer.client().fetch_metadata(Some(topic), limit).map_err(|error| cause_of_error(&error))?;
    // librdkafka answers a question about one topic with one topic.
    let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else {
        return Err(cause_of(RDKafkaErrorCode::UnknownTopicOrPartition, format!("topic {topic}")));
    };
    if let Some(error) = found.error() {
        let code = RDKafkaErrorCode::from(error);
        return Err(cause_of(code, format!("topic {topic}: {code}")));
    }
    answer(found)
}
