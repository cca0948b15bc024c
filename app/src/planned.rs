//! Systems that flows may name although this version cannot reach them: their mappings are imported and checked today,
//! and run with the version that brings the system.

use weir_model::{
    flow::FlowSpec,
    settings::{Localized, Problems},
};

use crate::{exit::Failure, project::Flow};

/// Systems to poll.
const SOURCES: [&str; 1] = ["xiaoman-okki"];
/// Systems to write to.
const TARGETS: [&str; 0] = [];

/// Whether records are to be polled from `system` one day.
pub fn is_source(system: &str) -> bool {
    SOURCES.contains(&system)
}

/// Whether documents are to be written to `system` one day.
pub fn is_target(system: &str) -> bool {
    TARGETS.contains(&system)
}

/// Warns that a flow cannot run yet.
pub fn warn(path: &str, system: &str, problems: &mut Problems) {
    let message = Localized::new(
        format!("本版本还不能运行 {system}：只检查映射"),
        format!("this version cannot run {system} yet: only the mapping is checked"),
    );
    let suggestion = Localized::new(
        "可以检查、预览和测试；运行需等支持该系统的版本",
        "check, preview and test it; it runs with the version that brings the system",
    );
    problems.warn_with(path, message, suggestion);
}

/// Refuses to run flows whose systems this version cannot reach.
pub fn refuse(flows: &[Flow]) -> Result<(), Failure> {
    let unreachable: Vec<String> = flows.iter().filter_map(|flow| unreachable(&flow.spec)).collect();
    if unreachable.is_empty() {
        return Ok(());
    }
    let list = unreachable.join("; ");
    Err(Failure::invalid(format!(
        "this version cannot run {list}; take these flows out of the project's flows"
    )))
}

fn unreachable(flow: &FlowSpec) -> Option<String> {
    let source = Some(flow.source.system.as_str()).filter(|system| is_source(system));
    let target = Some(flow.target.system.as_str()).filter(|system| is_target(system));
    let systems: Vec<&str> = source.into_iter().chain(target).collect();
    (!systems.is_empty()).then(|| format!("flow {} (system {})", flow.name, systems.join(", ")))
}
