//! Flow files with one side (`kind: fragment`): checked as far as one side goes, never run.

use jiff::tz::TimeZone;
use weir_model::{
    flow::{FragmentSide, FragmentSpec},
    settings::{Localized, Problems, Severity},
    time::DEFAULT_ZONE,
};

/// Where a file says that it is a fragment.
const PATH: &str = "kind";

/// Checks a fragment: its keys, its side's settings, its expressions. A warning says what it is.
pub fn check(text: &str, problems: &mut Problems) {
    let Some(fragment) = FragmentSpec::parse(text, problems) else { return };
    let (zh, en) = match &fragment.side {
        FragmentSide::Source(source) => {
            weir_producers::check(source, problems);
            ("只有来源一侧", "only the source's side")
        }
        FragmentSide::Target(target) => {
            weir_sinks::check(target, problems);
            ("只有目标一侧", "only the target's side")
        }
    };
    compile(&fragment, problems);
    let message = Localized::new(
        format!("这是片段，{zh}，不会运行"),
        format!("is a fragment with {en}: it is not run"),
    );
    let suggestion = Localized::new(
        "补上另一侧并删除 kind: fragment，它就成为流程",
        "add the other side and remove kind: fragment to make it a flow",
    );
    problems.warn_with(PATH, message, suggestion);
}

/// Compiles its expressions beside an empty other side, whose own lacks are no problems of the file.
fn compile(fragment: &FragmentSpec, problems: &mut Problems) {
    let zone = TimeZone::get(DEFAULT_ZONE).unwrap_or(TimeZone::UTC);
    let flow = fragment.as_flow();
    let mut found = problems.fork();
    weir_processors::compile(&flow, zone, &mut found);
    let other = match &fragment.side {
        FragmentSide::Source(_) => "target.",
        FragmentSide::Target(_) => "source.",
    };
    let mut own = problems.fork();
    for problem in found.list().iter().filter(|problem| !problem.path.starts_with(other)) {
        let (path, message) = (problem.path.clone(), problem.message.clone());
        match (problem.severity, problem.suggestion.clone()) {
            (Severity::Error, Some(suggestion)) => own.error_with(path, message, suggestion),
            (Severity::Error, None) => own.error(path, message),
            (Severity::Warning, Some(suggestion)) => own.warn_with(path, message, suggestion),
            (Severity::Warning, None) => own.warn(path, message),
        }
    }
    problems.merge(own);
}

/// How many fragments were read.
pub fn count(problems: &Problems) -> usize {
    let is_fragment = |severity: Severity, path: &str| severity == Severity::Warning && path == PATH;
    problems.list().iter().filter(|problem| is_fragment(problem.severity, &problem.path)).count()
}
