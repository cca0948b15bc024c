//! Flow versions: each published text of a flow gets an ordinal, kept in `weir.control` for good (design §9).

use weir_model::document::FlowVersion;
use weir_runtime::{
    control::{self, Known},
    stage::{Deployment, StageError},
};
use weir_schemas::{Control, FlowText};

use crate::project::Flow;

/// Makes sure that every flow's text is known: one that was never published becomes its flow's next version. Gives what
/// `weir.control` says then.
///
/// A text that is an older version is not published again: the file of a process that was left behind must not turn all
/// others back.
pub fn register(deployment: &Deployment, flows: &[Flow]) -> Result<Known, StageError> {
    let Deployment { cluster, topics, codec, .. } = deployment;
    let mut known = control::read(cluster, topics, codec)?;
    if flows.iter().any(|flow| is_unknown(flow, &known)) {
        known = control::change::<StageError>(cluster, topics, codec, |known| {
            let unknown = flows.iter().filter(|flow| is_unknown(flow, known));
            let at = deployment.clock.now();
            Ok(unknown.map(|flow| next_version(flow, known, deployment.instance.as_str(), at)).collect())
        })?;
    }
    for flow in flows {
        let name = &flow.spec.name;
        let (Some(own), Some(newest)) = (known.version_of(name, flow.spec.digest), known.newest(name)) else {
            continue;
        };
        if own.version.ordinal < newest.version.ordinal {
            tracing::warn!(
                flow = %name, file = flow.file, version = own.version.ordinal, newest = newest.version.ordinal,
                "the file holds an older version of the flow; the newest one runs. To go back to the file, call \
                 `weir flows apply {name}`"
            );
        }
    }
    Ok(known)
}

/// The text of a flow as its next version.
pub fn next_version(flow: &Flow, known: &Known, by: &str, at: jiff::Timestamp) -> Control {
    let ordinal = known.newest(&flow.spec.name).map_or(1, |newest| newest.version.ordinal + 1);
    Control::FlowText(FlowText {
        flow: flow.spec.name.clone(),
        version: FlowVersion { ordinal, digest: flow.spec.digest },
        text: flow.spec.text.clone(),
        by: by.to_owned(),
        at,
    })
}

fn is_unknown(flow: &Flow, known: &Known) -> bool {
    known.version_of(&flow.spec.name, flow.spec.digest).is_none()
}
