//! What `weir.control` says, as far as it was read.

use std::{collections::BTreeMap, sync::Arc};

use weir_model::{digest::Digest, names::FlowName};
use weir_schemas::{Control, FlowState, FlowText, Job, JobProgress, Reload, RunState};

use super::is_over;
use crate::health::Condition;

/// The newest entry of every key. Cheap to clone: texts and jobs are shared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    texts: BTreeMap<FlowName, BTreeMap<u32, Arc<FlowText>>>,
    states: BTreeMap<FlowName, FlowState>,
    reload: Option<Reload>,
    jobs: BTreeMap<String, Arc<Job>>,
    progress: BTreeMap<String, JobProgress>,
}

impl Known {
    /// Takes an entry in; a later one of the same key replaces it.
    pub fn take(&mut self, entry: Control) {
        match entry {
            Control::FlowText(text) => {
                self.texts.entry(text.flow.clone()).or_default().insert(text.version.ordinal, Arc::new(text));
            }
            Control::FlowState(state) => {
                self.states.insert(state.flow.clone(), state);
            }
            Control::Reload(reload) => self.reload = Some(reload),
            Control::Job(job) => {
                self.jobs.insert(job.id.clone(), Arc::new(job));
            }
            Control::JobProgress(progress) => {
                self.progress.insert(progress.job.clone(), progress);
            }
        }
    }

    /// The flows that have a text.
    pub fn flows(&self) -> impl Iterator<Item = &FlowName> {
        self.texts.keys()
    }

    /// All texts of a flow, the newest last.
    pub fn texts(&self, flow: &FlowName) -> impl DoubleEndedIterator<Item = &FlowText> {
        self.texts.get(flow).into_iter().flat_map(BTreeMap::values).map(Arc::as_ref)
    }

    /// The text that every process is to run.
    pub fn newest(&self, flow: &FlowName) -> Option<&FlowText> {
        self.texts(flow).next_back()
    }

    /// One version of a flow.
    pub fn text(&self, flow: &FlowName, ordinal: u32) -> Option<&FlowText> {
        self.texts.get(flow)?.get(&ordinal).map(Arc::as_ref)
    }

    /// The newest version that has this text.
    pub fn version_of(&self, flow: &FlowName, digest: Digest) -> Option<&FlowText> {
        self.texts(flow).rev().find(|text| text.version.digest == digest)
    }

    /// What was decided last about a flow; none for one that was never stopped.
    pub fn state(&self, flow: &FlowName) -> Option<&FlowState> {
        self.states.get(flow)
    }

    /// Why a flow is to stand still, if it is.
    pub fn hold(&self, flow: &FlowName) -> Option<Condition> {
        let FlowState { state, cause, reason, by, .. } = self.state(flow)?;
        match state {
            RunState::Running => None,
            RunState::Paused if reason.is_empty() => Some(Condition::Paused(by.clone())),
            RunState::Paused => Some(Condition::Paused(format!("{by}: {reason}"))),
            RunState::Halted => {
                let cause = cause.as_ref().map(ToString::to_string);
                Some(Condition::Halted(cause.unwrap_or_else(|| format!("halted by {by}"))))
            }
        }
    }

    /// The last wish that every process read its configuration anew.
    pub fn reload(&self) -> Option<&Reload> {
        self.reload.as_ref()
    }

    /// Whether both say the same of flows and configuration; jobs may have gone on.
    pub fn agrees_about_flows(&self, other: &Self) -> bool {
        self.texts == other.texts && self.states == other.states && self.reload == other.reload
    }

    /// All jobs that were ever announced, by their ids.
    pub fn jobs(&self) -> impl Iterator<Item = &Arc<Job>> {
        self.jobs.values()
    }

    /// One job.
    pub fn job(&self, id: &str) -> Option<&Arc<Job>> {
        self.jobs.get(id)
    }

    /// Forgets what jobs that are over were to send: they stay for good, and a process follows for months.
    pub(super) fn forget_what_was_sent(&mut self) {
        for (id, job) in &mut self.jobs {
            let is_over = self.progress.get(id).is_some_and(|progress| is_over(progress.state));
            if is_over && !(job.letters.is_empty() && job.only.is_empty()) {
                let job = Arc::make_mut(job);
                (job.letters, job.only) = (Vec::new(), Vec::new());
            }
        }
    }

    /// How far a job has come; none before anybody took it.
    pub fn progress(&self, id: &str) -> Option<&JobProgress> {
        self.progress.get(id)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use weir_model::{
        document::FlowVersion,
        outcome::{Code, Refusal},
    };

    use super::*;

    fn text(ordinal: u32, text: &str) -> Control {
        Control::FlowText(FlowText {
            flow: "orders".into(),
            version: FlowVersion { ordinal, digest: Digest::of(text.as_bytes()) },
            text: text.to_owned(),
            by: "someone".to_owned(),
            at: Timestamp::UNIX_EPOCH,
        })
    }

    fn state(state: RunState, reason: &str) -> Control {
        Control::FlowState(FlowState {
            flow: "orders".into(),
            state,
            cause: (state == RunState::Halted).then(|| Refusal::new(Code::new("K-CREDENTIAL"), "no")),
            reason: reason.to_owned(),
            by: "周敏".to_owned(),
            at: Timestamp::UNIX_EPOCH,
        })
    }

    #[test]
    fn the_highest_ordinal_is_the_newest_text_and_old_texts_stay() {
        let flow = FlowName::from("orders");
        let mut known = Known::default();
        assert_eq!(known.newest(&flow), None);
        for entry in [text(1, "a"), text(3, "a"), text(2, "b")] {
            known.take(entry);
        }
        assert_eq!(known.newest(&flow).unwrap().version.ordinal, 3);
        assert_eq!(known.version_of(&flow, Digest::of(b"a")).unwrap().version.ordinal, 3);
        assert_eq!(known.text(&flow, 2).unwrap().text, "b");
        assert_eq!(known.text(&flow, 4), None);
    }

    #[test]
    fn a_flow_stands_still_until_it_runs_again() {
        let flow = FlowName::from("orders");
        let mut known = Known::default();
        assert_eq!(known.hold(&flow), None);
        known.take(state(RunState::Paused, "月结"));
        assert_eq!(known.hold(&flow), Some(Condition::Paused("周敏: 月结".to_owned())));
        known.take(state(RunState::Halted, ""));
        assert_eq!(known.hold(&flow), Some(Condition::Halted("K-CREDENTIAL: no".to_owned())));
        known.take(state(RunState::Running, ""));
        assert_eq!(known.hold(&flow), None);
    }
}
