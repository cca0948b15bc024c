//! What a process is to run, and what that means for what it runs already. Pure: the conductor acts on it.

use std::fmt::Debug;

use weir_model::{digest::Digest, document::FlowVersion, names::FlowName};
use weir_runtime::control::Known;
use weir_schemas::FlowText;

/// The version of a flow that a process can run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice<T> {
    /// The version, and what it was compiled to; none when no version can be used here.
    pub chosen: Option<(FlowVersion, T)>,
    /// Why the newest version is not the chosen one.
    pub refused: Option<String>,
}

/// The newest version that `compile` accepts. A text that cannot be used here is refused here, and the one before it
/// goes on; after a restart the same rule gives the same version.
pub fn choose<T>(
    flow: &FlowName,
    known: &Known,
    mut compile: impl FnMut(&FlowText) -> Result<T, String>,
) -> Choice<T> {
    let mut refused = None;
    for text in known.texts(flow).rev() {
        match compile(text) {
            Ok(compiled) => return Choice { chosen: Some((text.version, compiled)), refused },
            Err(why) => {
                let version = text.version.ordinal;
                refused.get_or_insert_with(|| format!("version {version} cannot be used here: {why}"));
            }
        }
    }
    Choice { chosen: None, refused }
}

/// Everything that what runs was made of, as one value: when another comes out, it is to be made anew. A digest, since
/// settings hold secrets (invariant 8).
pub fn revision(made_of: &dyn Debug) -> Digest {
    Digest::of(format!("{made_of:?}").as_bytes())
}

/// What runs, or is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What it is made of.
    pub revision: Digest,
    /// Whether it stands still.
    pub held: bool,
}

/// What is to be done about something that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Keep,
    /// Let it stand still.
    Hold,
    /// Start it.
    Start,
    /// Let it end, and start it as it is to be.
    Restart,
    /// Let it end.
    Stop,
}

/// How to come from what runs to what is to run. What stands still never simply goes on: its lanes have ended, and what
/// it was made of may be old.
pub fn step(runs: Option<Standing>, wanted: Option<Standing>) -> Step {
    match (runs, wanted) {
        (None, None) => Step::Keep,
        (None, Some(_)) => Step::Start,
        (Some(_), None) => Step::Stop,
        (Some(runs), Some(wanted)) if runs.revision != wanted.revision => Step::Restart,
        (Some(Standing { held: true, .. }), Some(Standing { held: false, .. })) => Step::Restart,
        (Some(_), Some(Standing { held: true, .. })) => Step::Hold,
        (Some(_), Some(_)) => Step::Keep,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use weir_schemas::Control;

    use super::*;

    fn known(texts: &[&str]) -> Known {
        let mut known = Known::default();
        for (text, ordinal) in texts.iter().zip(1..) {
            known.take(Control::FlowText(FlowText {
                flow: "orders".into(),
                version: FlowVersion { ordinal, digest: Digest::of(text.as_bytes()) },
                text: (*text).to_owned(),
                by: String::new(),
                at: Timestamp::UNIX_EPOCH,
            }));
        }
        known
    }

    fn chosen(texts: &[&str]) -> (Option<u32>, Option<String>) {
        let compile = |text: &FlowText| {
            if text.text.starts_with("bad") { Err(format!("{} is bad", text.text)) } else { Ok(()) }
        };
        let Choice { chosen, refused } = choose(&"orders".into(), &known(texts), compile);
        (chosen.map(|(version, ())| version.ordinal), refused)
    }

    #[test]
    fn the_newest_usable_text_runs_and_the_newest_refused_one_is_told() {
        assert_eq!(chosen(&["a", "b"]), (Some(2), None));
        let why = "version 3 cannot be used here: bad2 is bad".to_owned();
        assert_eq!(chosen(&["a", "bad1", "bad2"]), (Some(1), Some(why)));
        assert_eq!(chosen(&["bad"]).0, None);
        assert_eq!(chosen(&[]), (None, None));
    }

    #[test]
    fn only_a_difference_makes_work() {
        let (old, new) = (revision(&"old"), revision(&"new"));
        let standing = |revision, held| Some(Standing { revision, held });
        assert_eq!(step(None, None), Step::Keep);
        assert_eq!(step(None, standing(new, true)), Step::Start);
        assert_eq!(step(standing(old, false), None), Step::Stop);
        assert_eq!(step(standing(old, false), standing(old, false)), Step::Keep);
        assert_eq!(step(standing(old, false), standing(new, false)), Step::Restart);
        assert_eq!(step(standing(old, true), standing(new, true)), Step::Restart);
        assert_eq!(step(standing(old, false), standing(old, true)), Step::Hold);
        assert_eq!(step(standing(old, true), standing(old, true)), Step::Hold);
        assert_eq!(step(standing(old, true), standing(old, false)), Step::Restart);
    }
}
