//! `source: {receipts: FLOW}`: a flow that reads what another one delivered, to write the target's number back or to make
//! a document that follows (design §8). It polls nothing, so of the keys of a source only the filter remains.

use std::time::Duration;

use super::{
    SourceMetadata, SourceSpec,
    language::IdCheck,
    metadata,
    spec::{Poll, StartFrom},
};
use crate::{
    Json,
    names::{ConnectionName, FlowName, SourceName, is_valid_name},
    settings::{Fields, Localized, Problems},
};

/// The word that stands for the system of such a source.
const RECEIPTS_SYSTEM: &str = "receipts";
/// The key that names the flow.
pub(super) const RECEIPTS_KEY: &str = "receipts";
/// Reads a source that has the key `receipts`.
pub(super) fn read(mut fields: Fields<'_>, problems: &mut Problems) -> SourceSpec {
    let flow = fields.required_text(RECEIPTS_KEY, problems);
    if !flow.is_empty() && !is_valid_name(&flow) {
        let message = Localized::new(format!("{flow:?} 不能用作名称"), format!("{flow:?} cannot be a name"));
        let suggestion = Localized::new("写另一个流程的名称", "write the name of another flow");
        problems.error_with(fields.path_of(RECEIPTS_KEY), message, suggestion);
    }
    let condition = metadata::conditions(&mut fields, "condition", problems);
    let path = fields.path().to_owned();
    fields.finish(problems);
    let text = str::to_owned;
    SourceSpec {
        name: SourceName::from(format!("{RECEIPTS_SYSTEM}-{flow}")),
        receipts: Some(FlowName::from(flow)),
        system: text(RECEIPTS_SYSTEM),
        connection: ConnectionName::from(""),
        key: vec![text("record_id")],
        key_fallback: Vec::new(),
        numbers: ["key", "target_id"].map(text).to_vec(),
        modified: String::new(),
        id_check: IdCheck::Digest,
        deleted_when: Vec::new(),
        poll: Poll {
            every: Duration::ZERO,
            start_from: StartFrom::Ago(Duration::ZERO),
            settle_lag: Duration::ZERO,
            look_back: Duration::ZERO,
            look_back_max: None,
            max_window: None,
        },
        settings: Json::Null,
        metadata: SourceMetadata {
            path,
            id: text("record_id"),
            number: text("number"),
            condition,
            ..SourceMetadata::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::FlowSpec;

    fn read(source: &str) -> (FlowSpec, Vec<String>) {
        let text = format!(
            "version: 1\nflow: write-back\nsource: {source}\ntarget:\n  system: mysql\n  key: [record_id]\n  metadata:\n    \
             api: upsert\n    request: [{{field: number, value: '{{number}}'}}]\n"
        );
        let mut problems = Problems::new("f.yaml");
        let flow = FlowSpec::parse(&text, &mut problems).unwrap();
        (flow, problems.list().iter().map(|problem| problem.path.clone()).collect())
    }

    #[test]
    fn another_flow_is_all_that_is_needed() {
        let (flow, problems) =
            read("{receipts: customers, condition: [[{field: number, logic: like, value: K}]]}");
        assert!(problems.is_empty(), "{problems:?}");
        let source = flow.source;
        assert_eq!(source.receipts, Some(FlowName::from("customers")));
        assert_eq!((source.name.as_str(), source.metadata.number.as_str()), ("receipts-customers", "number"));
        assert_eq!(source.metadata.condition[0][0].path, "source.condition[0][0]");
    }

    #[test]
    fn settings_of_polling_are_refused() {
        let (_, problems) = read("{receipts: customers, poll: {every: 1m}, connection: jst, conditions: []}");
        assert_eq!(problems, ["source.poll", "source.connection", "source.conditions"]);
        assert_eq!(read("{receipts: 客户}").1, ["source.receipts"]);
    }
}
