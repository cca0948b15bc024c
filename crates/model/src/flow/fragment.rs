//! `kind: fragment`: a flow file with one side only, as metadata that was printed one-sided gives it (contract decisions
//! "Mapping language"). It cannot run; what can be checked of it is checked.

use std::collections::BTreeMap;

use super::{
    CheckSpec, FlowSpec, HaltAfter, Language, LookupSpec, SourceMetadata, SourceSpec, TargetMetadata,
    TargetSpec, rules,
    spec::{self, Poll, StartFrom},
};
use crate::{
    Json,
    digest::Digest,
    names::{ConnectionName, FlowName, SourceName},
    settings::{Fields, Localized, Problems, parse_mapping},
};

/// A flow file with one side.
#[derive(Clone, Debug, PartialEq)]
pub struct FragmentSpec {
    /// The name of the flow it is to become.
    pub name: FlowName,
    /// The side it has.
    pub side: FragmentSide,
    checks: Vec<CheckSpec>,
    lookups: BTreeMap<String, LookupSpec>,
    aliases: BTreeMap<String, String>,
    language: Language,
}

/// The side of a fragment.
#[derive(Clone, Debug, PartialEq)]
pub enum FragmentSide {
    /// Where records come from.
    Source(Box<SourceSpec>),
    /// Where documents go.
    Target(Box<TargetSpec>),
}

impl FragmentSpec {
    /// Whether the file says that it is a fragment.
    pub fn is_fragment(text: &str) -> bool {
        text.lines().any(|line| {
            let value = line.strip_prefix("kind:").map(|rest| rest.split('#').next().unwrap_or_default());
            value.is_some_and(|value| value.trim().trim_matches(['"', '\'']) == "fragment")
        })
    }

    /// Reads a fragment; `None` when the text is no YAML mapping or does not have exactly one side, which is then in
    /// `problems`.
    pub fn parse(text: &str, problems: &mut Problems) -> Option<Self> {
        let tree = parse_mapping(text, problems)?;
        let mut fields = Fields::of(&tree, "", problems);
        fields.version(problems);
        fields.text("kind", problems);
        let name = spec::name(&mut fields, "flow", problems);
        let mut title = fields.mapping("title", problems);
        title.text("zh", problems);
        title.text("en", problems);
        title.finish(problems);
        let has = [fields.get("source").is_some(), fields.get("target").is_some()];
        let side = match has {
            [true, false] => {
                let source = SourceSpec::read(fields.mapping("source", problems), problems);
                Some(FragmentSide::Source(Box::new(source)))
            }
            [false, true] => {
                let target = TargetSpec::read(fields.mapping("target", problems), problems);
                Some(FragmentSide::Target(Box::new(target)))
            }
            _ => {
                wrong_sides(has == [true, true], problems);
                None
            }
        };
        let checks = rules::checks(&mut fields, problems);
        let lookups = rules::lookups(&mut fields, problems);
        let aliases = rules::aliases(&mut fields, problems);
        let language = Language::read(fields.mapping("language", problems), problems);
        fields.finish(problems);
        Some(Self { name: FlowName::from(name), side: side?, checks, lookups, aliases, language })
    }

    /// The fragment as a flow whose other side is empty, to compile its expressions with.
    pub fn as_flow(&self) -> FlowSpec {
        let (source, target) = match &self.side {
            FragmentSide::Source(source) => ((**source).clone(), empty_target()),
            FragmentSide::Target(target) => (empty_source(), (**target).clone()),
        };
        FlowSpec {
            name: self.name.clone(),
            title: Localized::default(),
            source,
            checks: self.checks.clone(),
            lookups: self.lookups.clone(),
            aliases: self.aliases.clone(),
            language: self.language.clone(),
            target,
            halt_after: Some(HaltAfter::default()),
            reconcile: None,
            text: String::new(),
            digest: Digest::of(&[]),
        }
    }
}

fn wrong_sides(both: bool, problems: &mut Problems) {
    let (message, suggestion) = if both {
        (
            Localized::new("片段只有一侧，这里两侧都有", "a fragment has one side, this one has both"),
            Localized::new("删除 kind: fragment，它就是流程", "remove kind: fragment: it is a flow"),
        )
    } else {
        (
            Localized::new("片段没有任何一侧", "the fragment has neither side"),
            Localized::new("写 source 或 target", "write source or target"),
        )
    };
    problems.error_with("kind", message, suggestion);
}

fn empty_source() -> SourceSpec {
    SourceSpec {
        name: SourceName::from(""),
        receipts: None,
        system: String::new(),
        connection: ConnectionName::from(""),
        key: Vec::new(),
        key_fallback: Vec::new(),
        numbers: Vec::new(),
        modified: String::new(),
        id_check: super::language::IdCheck::default(),
        deleted_when: Vec::new(),
        poll: Poll {
            every: std::time::Duration::ZERO,
            start_from: StartFrom::Ago(std::time::Duration::ZERO),
            settle_lag: std::time::Duration::ZERO,
            look_back: std::time::Duration::ZERO,
            look_back_max: None,
            max_window: None,
        },
        settings: Json::Null,
        metadata: SourceMetadata { path: "source.metadata".to_owned(), ..SourceMetadata::default() },
    }
}

fn empty_target() -> TargetSpec {
    TargetSpec {
        system: String::new(),
        connection: ConnectionName::from(""),
        key: Vec::new(),
        on_delete: super::OnDelete::Ignore,
        on_leave: super::OnLeave::Keep,
        settings: Json::Null,
        metadata: TargetMetadata { path: "target.metadata".to_owned(), ..TargetMetadata::default() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: &str = "version: 1\nkind: fragment # one-sided\nflow: a\ntarget:\n  system: kingdee-galaxy\n  key: [FNumber]\n  metadata: {api: batchSave, request: [{field: FNumber, value: \"{a}\"}]}\n";

    fn read(text: &str) -> (Option<FragmentSpec>, Vec<String>) {
        let mut problems = Problems::new("f.yaml");
        let fragment = FragmentSpec::parse(text, &mut problems);
        (fragment, problems.list().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn one_side_is_read_as_in_a_flow() {
        assert!(FragmentSpec::is_fragment(TARGET));
        let (fragment, problems) = read(TARGET);
        assert!(problems.is_empty(), "{problems:?}");
        let flow = fragment.unwrap().as_flow();
        assert_eq!((flow.target.key.len(), flow.source.system.as_str()), (1, ""));
        assert_eq!(read(&TARGET.replace("key:", "keys:")).1.len(), 2);
    }

    #[test]
    fn both_sides_or_none_are_no_fragment() {
        let both = format!("{TARGET}source: {{name: a, system: b, metadata: {{api: c, id: d}}}}\n");
        assert!(read(&both).1[0].contains("remove kind: fragment"), "{:?}", read(&both).1);
        let (fragment, problems) = read("version: 1\nkind: fragment\nflow: a\n");
        assert!(fragment.is_none() && problems[0].contains("neither side"), "{problems:?}");
        assert!(!FragmentSpec::is_fragment("kind: flow\n"));
    }
}
