//! A collection as a target: documents become reference rows that other flows look up.
//!
//! There is nothing to call. The sink loop writes the rows in the Kafka transaction that records their receipts, so a
//! row is written exactly once with them (invariant 7); this target only says which collection it is.

use std::time::Duration;

use async_trait::async_trait;
use weir_model::{
    Json,
    flow::TargetSpec,
    names::is_valid_name,
    outcome::{Outcome, Written},
    settings::{Fields, Localized, Problems},
    target::{Batch, BatchLimits, Claim, ProbeReport, Target, TargetError},
};

/// As written in `target.system`.
pub const SYSTEM: &str = "collection";

/// A collection that a flow fills.
#[derive(Debug)]
pub struct CollectionTarget {
    name: String,
}

impl CollectionTarget {
    /// Reads the flow's target section. `None` when it has errors.
    pub fn build(target: &TargetSpec, problems: &mut Problems) -> Option<Self> {
        name(target, problems).map(|name| Self { name })
    }
}

/// The collection that a flow with this target fills; `None` when the target section has errors.
pub fn name(target: &TargetSpec, problems: &mut Problems) -> Option<String> {
    let before = problems.list().len();
    let mut fields = Fields::of(&target.settings, "target.settings", problems);
    let name = fields.required_text("collection", problems);
    if !name.is_empty() && !is_valid_name(&name) {
        let message = Localized::new(format!("{name:?} 不能用作名称"), format!("{name:?} cannot be a name"));
        let suggestion = Localized::new("使用字母、数字、- 和 _", "use letters, digits, - and _");
        problems.error_with(fields.path_of("collection"), message, suggestion);
    }
    fields.finish(problems);
    (problems.list().len() == before).then_some(name)
}

/// A collection lies in the project's own Kafka: no connection leads to it.
pub(crate) fn check_connection(_: &Json, path: &str, problems: &mut Problems) {
    let message = Localized::new("集合不需要连接", "a collection needs no connection");
    let suggestion = Localized::new(
        "删除此连接；集合在 collections 下声明",
        "remove it; collections are declared under collections",
    );
    problems.error_with(path, message, suggestion);
}

#[async_trait]
impl Target for CollectionTarget {
    fn limits(&self) -> BatchLimits {
        BatchLimits { documents: 1_000, bytes: 4 << 20, age: Duration::from_millis(50) }
    }

    fn announces(&self) -> bool {
        false
    }

    fn collection(&self) -> Option<&str> {
        Some(&self.name)
    }

    async fn probe(&self) -> Result<ProbeReport, TargetError> {
        Ok(ProbeReport { facts: vec![format!("collection {}", self.name)], problems: Vec::new() })
    }

    async fn claim(&self, _: i32) -> Result<Claim, TargetError> {
        Ok(Claim::default())
    }

    async fn deliver(&self, batch: Batch<'_>) -> Result<Vec<Outcome>, TargetError> {
        let delivered = batch.deliveries.iter().map(|delivery| {
            let document = &delivery.document;
            Outcome::Delivered(Written { id: document.key.clone(), number: document.number.clone() })
        });
        Ok(delivered.collect())
    }

    async fn release(&self, _: i32) {}
}

#[cfg(test)]
mod tests {
    use weir_model::flow::FlowSpec;

    use super::*;

    fn target(settings: &str) -> (TargetSpec, Problems) {
        let text = format!("target: {{system: collection, key: [id], settings: {settings}}}");
        let spec = FlowSpec::parse(&text, &mut Problems::new("f.yaml")).unwrap();
        (spec.target, Problems::new("f.yaml"))
    }

    #[test]
    fn the_settings_name_the_collection_and_nothing_else() {
        let (good, mut problems) = target("{collection: customers}");
        assert_eq!(name(&good, &mut problems).as_deref(), Some("customers"));
        for bad in ["{}", "{collection: a b}", "{collection: a, table: t}"] {
            let (bad, mut problems) = target(bad);
            assert_eq!(name(&bad, &mut problems), None);
            assert_eq!(problems.list().len(), 1, "{:?}", problems.list());
        }
    }
}
