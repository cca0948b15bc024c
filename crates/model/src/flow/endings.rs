//! What the sink does where a record leaves the flow (`on_leave`), and when it stops the flow (`halt_after`).

use std::time::Duration;

use crate::{
    Json,
    settings::{Fields, Localized, Problems},
};

/// What becomes of a record that was delivered and that a rule of the flow leaves out now (design §6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnLeave {
    /// What the target holds stays; it is counted.
    #[default]
    Keep,
    /// Its rows are deleted from the table of a SQL target.
    Delete,
    /// A dead letter: a person decides.
    DeadLetter,
}

impl OnLeave {
    /// The words and what they mean; the first is the default.
    pub const CHOICES: [(&'static str, Self); 3] =
        [("keep", Self::Keep), ("delete", Self::Delete), ("dead-letter", Self::DeadLetter)];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Delete => "delete",
            Self::DeadLetter => "dead-letter",
        }
    }
}

/// When a flow stops because too much of it is refused: both numbers must be reached (design §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HaltAfter {
    /// So many dead letters of a process,
    pub refused: u64,
    /// within this time,
    pub within: Duration,
    /// and of what was delivered or refused in that time at least so many in a hundred.
    pub percent: u64,
}

impl Default for HaltAfter {
    /// A source, a mapping or a target that changed refuses nearly everything; a batch with bad records in it does not.
    fn default() -> Self {
        Self { refused: 1_000, within: Duration::from_secs(600), percent: 10 }
    }
}

impl HaltAfter {
    /// What is written to never stop.
    pub const NEVER: &'static str = "never";

    /// Reads `halt_after:`; `None` for a flow that never stops by itself.
    pub(super) fn read(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Self> {
        let default = Self::default();
        match fields.get("halt_after") {
            Some(Json::String(word)) if word == Self::NEVER => None,
            Some(other @ Json::String(_)) => {
                let message = Localized::new(
                    format!("{other} 不是停止条件"),
                    format!("{other} does not say when the flow stops"),
                );
                let suggestion = Localized::new(
                    "写 never，或 {refused: 1000, within: 10m}",
                    "write never, or {refused: 1000, within: 10m}",
                );
                problems.error_with(fields.path_of("halt_after"), message, suggestion);
                Some(default)
            }
            _ => {
                let mut inner = fields.mapping("halt_after", problems);
                let halt_after = Self {
                    refused: inner.count("refused", default.refused, 1..=1_000_000_000, problems),
                    within: inner.duration("within", default.within, problems),
                    percent: inner.count("percent", default.percent, 0..=100, problems),
                };
                inner.finish(problems);
                Some(halt_after)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Json) -> (Option<HaltAfter>, Vec<String>) {
        let mut problems = Problems::new("f.yaml");
        let mut fields = Fields::of(value, "", &mut problems);
        let read = HaltAfter::read(&mut fields, &mut problems);
        (read, problems.list().iter().map(|problem| problem.path.clone()).collect())
    }

    #[test]
    fn it_is_read_in_part_in_whole_and_not_at_all() {
        let default = HaltAfter::default();
        assert_eq!(read(&json!({})), (Some(default), vec![]));
        assert_eq!(read(&json!({"halt_after": "never"})), (None, vec![]));
        let few = HaltAfter { refused: 20, percent: 0, ..default };
        assert_eq!(read(&json!({"halt_after": {"refused": 20, "percent": 0}})), (Some(few), vec![]));
        let brief = HaltAfter { within: Duration::from_secs(60), ..default };
        assert_eq!(read(&json!({"halt_after": {"within": "1m"}})), (Some(brief), vec![]));
    }

    #[test]
    fn what_says_nothing_is_refused() {
        for (bad, path) in [
            (json!({"halt_after": "nevr"}), "halt_after"),
            (json!({"halt_after": 5}), "halt_after"),
            (json!({"halt_after": {"refused": 0}}), "halt_after.refused"),
            (json!({"halt_after": {"percent": 101}}), "halt_after.percent"),
            (json!({"halt_after": {"letters": 1}}), "halt_after.letters"),
        ] {
            assert_eq!(read(&bad).1, [path], "{bad}");
        }
    }
}
