//! Flows that read what another flow delivered (design §8): where their records come from, and that it leads somewhere.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use weir_model::{
    flow::FlowSpec,
    names::{ConnectionName, FlowName},
    settings::{Localized, Problems, nearest},
    time::DEFAULT_ZONE,
};
use weir_runtime::map::Intake;

use crate::{
    config::Connection,
    project::{Flow, Project},
};

/// The connection by whose zone a flow's local times are read: the source's, or the target's where no API is polled.
pub fn local_connection(spec: &FlowSpec) -> &ConnectionName {
    if spec.source.receipts.is_some() { &spec.target.connection } else { &spec.source.connection }
}

/// The zone of a flow's local times.
pub fn zone(spec: &FlowSpec, connections: &BTreeMap<ConnectionName, Connection>) -> TimeZone {
    let connection = connections.get(local_connection(spec));
    connection.map_or_else(default_zone, |connection| connection.zone.clone())
}

/// The zone where nothing else is said.
pub fn default_zone() -> TimeZone {
    TimeZone::get(DEFAULT_ZONE).unwrap_or(TimeZone::UTC)
}

/// Where the records of a flow come from.
pub fn intake(spec: &FlowSpec, project: &Project) -> Intake {
    let source = spec.source.name.clone();
    match &spec.source.receipts {
        None => Intake::Raw(source),
        Some(flow) => {
            Intake::Receipts { source, flow: flow.clone(), zone: zone(spec, &project.config.connections) }
        }
    }
}

/// The flow that a flow reads is there, and reading leads to an API in the end.
pub fn check<'f>(flow: &Flow, others: impl Iterator<Item = &'f Flow>, problems: &mut Problems) {
    let Some(read) = &flow.spec.source.receipts else { return };
    let mut reads: BTreeMap<&FlowName, Option<&FlowName>> =
        others.map(|other| (&other.spec.name, other.spec.source.receipts.as_ref())).collect();
    reads.insert(&flow.spec.name, Some(read));
    if !reads.contains_key(read) {
        return unknown(read, reads.keys().filter(|name| **name != &flow.spec.name), problems);
    }
    let mut way = vec![&flow.spec.name];
    let mut seen = BTreeSet::from([&flow.spec.name]);
    while let Some(next) = way.last().and_then(|last| reads.get(last).copied().flatten()) {
        way.push(next);
        if !seen.insert(next) {
            // Whoever leads into a ring without being of it is fine once the ring is mended.
            if *next == flow.spec.name {
                ring(&way, problems);
            }
            return;
        }
    }
}

fn unknown<'n>(read: &FlowName, known: impl Iterator<Item = &'n &'n FlowName>, problems: &mut Problems) {
    let known: Vec<&str> = known.map(|name| name.as_str()).collect();
    let message = Localized::new(format!("项目中没有流程 {read}"), format!("the project has no flow {read}"));
    let suggestion = match nearest(read.as_str(), &known) {
        Some(best) => Localized::new(format!("是否想写 {best:?}？"), format!("did you mean {best:?}?")),
        None => {
            let list = known.join(", ");
            Localized::new(format!("项目中的流程：{list}"), format!("flows of the project: {list}"))
        }
    };
    problems.error_with("source.receipts", message, suggestion);
}

fn ring(way: &[&FlowName], problems: &mut Problems) {
    let way: Vec<&str> = way.iter().map(|name| name.as_str()).collect();
    let way = way.join(" ← ");
    let message = Localized::new(
        format!("流程互相读取回执，没有记录能进来：{way}"),
        format!("flows read each other's receipts, so no record ever comes in: {way}"),
    );
    let suggestion = Localized::new("让其中一个流程轮询接口", "let one of them poll an API");
    problems.error_with("source.receipts", message, suggestion);
}

#[cfg(test)]
mod tests {
    use crate::project::load_flows;

    use super::*;

    fn problems_of(flows: &[(&str, &str)]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, source) in flows {
            let text = format!(
                "version: 1\nflow: {name}\nsource: {source}\ntarget:\n  system: sqlite\n  key: [record_id]\n  settings: {{table: \
                 t, columns: [{{name: record_id, type: varchar(64), nullable: false}}]}}\n  metadata:\n    api: batchexecute\n    request:\n      - {{field: record_id, type: string, value: \
                 \"{{record_id}}\"}}\n"
            );
            std::fs::write(folder.path().join(format!("{name}.yaml")), text).unwrap();
        }
        let (flows, mut problems) = load_flows(&[folder.path().to_owned()], None);
        flows.iter().for_each(|flow| check(flow, flows.iter(), &mut problems));
        problems.list().iter().map(|problem| problem.message.en.clone()).collect()
    }

    const POLLED: &str = r#"{name: things, system: jushuitan, modified: modified, metadata: {
        api: /open/jushuitan/distributor/query, id: drp_co_id, request: [
          {field: modified_begin, value: "{{LAST_SYNC_TIME|datetime}}"},
          {field: modified_end, value: "{{CURRENT_TIME|datetime}}"}]}}"#;

    #[test]
    fn a_chain_that_ends_at_an_api_is_fine() {
        let none: [String; 0] = [];
        assert_eq!(problems_of(&[("a", POLLED), ("b", "{receipts: a}"), ("c", "{receipts: b}")]), none);
    }

    #[test]
    fn unknown_flows_and_rings_are_refused() {
        let said = problems_of(&[("orders", POLLED), ("b", "{receipts: order}")]);
        assert_eq!(said, ["the project has no flow order"]);
        let said = problems_of(&[("a", "{receipts: b}"), ("b", "{receipts: a}"), ("c", "{receipts: a}")]);
        let ring = "flows read each other's receipts, so no record ever comes in: ";
        assert_eq!(said, [format!("{ring}a ← b ← a"), format!("{ring}b ← a ← b")]);
        assert_eq!(problems_of(&[("a", "{receipts: a}")]), [format!("{ring}a ← a")]);
    }
}
