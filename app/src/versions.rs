//! Flow versions: each published text of a flow gets an ordinal, kept in `weir.control` for good (design §9).

use std::{collections::BTreeMap, ops::ControlFlow};

use weir_kafka::{Isolation, OutRecord, Publisher, StartOffset, TopicPartition, reader::read_to_end};
use weir_model::{document::FlowVersion, names::FlowName};
use weir_runtime::stage::{Deployment, StageError};
use weir_schemas::{Control, FlowText};

use crate::project::Flow;

/// The version of every flow's text; a text that is not the newest of its flow is published as the next one.
///
/// Two processes that start with the same new text publish the same record under the same key.
pub fn register(
    deployment: &Deployment,
    flows: &[Flow],
) -> Result<BTreeMap<FlowName, FlowVersion>, StageError> {
    let newest = newest(deployment)?;
    let mut versions = BTreeMap::new();
    let mut records = Vec::new();
    for flow in flows {
        let name = &flow.spec.name;
        let known = newest.get(name).copied();
        let version = match known.filter(|known| known.digest == flow.spec.digest) {
            Some(known) => known,
            None => {
                let ordinal = known.map_or(1, |known| known.ordinal + 1);
                let version = FlowVersion { ordinal, digest: flow.spec.digest };
                records.push(record(deployment, flow, version));
                version
            }
        };
        versions.insert(name.clone(), version);
    }
    if !records.is_empty() {
        Publisher::open(&deployment.cluster)?.publish(&records)?;
    }
    Ok(versions)
}

fn newest(deployment: &Deployment) -> Result<BTreeMap<FlowName, FlowVersion>, StageError> {
    let partition = TopicPartition::new(deployment.topics.control(), 0);
    let mut newest: BTreeMap<FlowName, FlowVersion> = BTreeMap::new();
    let mut failure = None;
    let cluster = &deployment.cluster;
    read_to_end(cluster, &partition, StartOffset::Beginning, Isolation::Committed, |message| {
        let Some(value) = message.value else { return ControlFlow::Continue(()) };
        match deployment.codec.decode::<Control>(&value) {
            Ok(Control::FlowText(text)) => {
                let known = newest.entry(text.flow).or_default();
                if text.version.ordinal > known.ordinal {
                    *known = text.version;
                }
                ControlFlow::Continue(())
            }
            Ok(_) => ControlFlow::Continue(()),
            Err(source) => {
                let place = format!("{partition} offset {}", message.offset);
                failure = Some(StageError::Unreadable { place, source });
                ControlFlow::Break(())
            }
        }
    })?;
    failure.map_or(Ok(newest), Err)
}

fn record(deployment: &Deployment, flow: &Flow, version: FlowVersion) -> OutRecord {
    let text = Control::FlowText(FlowText {
        flow: flow.spec.name.clone(),
        version,
        text: flow.spec.text.clone(),
        by: deployment.instance.to_string(),
        at: deployment.clock.now(),
    });
    OutRecord::new(deployment.topics.control(), text.key(), deployment.codec.encode(&text)).to_partition(0)
}
