//! A job in words and as JSON.

use jiff::Timestamp;
use serde_json::{Value, json};
use weir_model::outcome::Refusal;
use weir_runtime::{control::Known, jobs::Track};
use weir_schemas::{Job, JobKind, JobProgress, JobState};

use crate::cli::Language;

/// A job and what is known of it.
pub struct View<'a> {
    /// What was announced.
    pub job: &'a Job,
    /// How it stands.
    pub state: JobState,
    /// How far it has come; none before its owner took it up.
    pub progress: Option<&'a JobProgress>,
    /// Of a replay or repair: what became of its records.
    pub track: Option<Track>,
}

impl<'a> View<'a> {
    /// One job of those that are known.
    pub fn of(known: &'a Known, id: &str) -> Option<Self> {
        let job = known.job(id)?;
        let progress = known.progress(id);
        let copies = matches!(job.kind, JobKind::Replay | JobKind::Repair);
        let track = progress.filter(|_| copies).and_then(|progress| Track::parse(&progress.position));
        Some(Self { job, state: known.job_state(job), progress, track })
    }

    /// What holds it, or made it fail.
    pub fn cause(&self) -> Option<&Refusal> {
        self.progress.and_then(|progress| progress.cause.as_ref())
    }

    /// How much of it is done.
    pub fn share(&self) -> String {
        match self.progress {
            None => String::new(),
            Some(JobProgress { done, total: None, .. }) => done.to_string(),
            Some(JobProgress { done, total: Some(total), .. }) => format!("{done}/{total}"),
        }
    }

    /// What became of its records, on one line; empty for a job that brings none into a flow by itself.
    pub fn told(&self, language: Language) -> String {
        let Some(Track { sent, refused, unsent, older, .. }) = &self.track else { return String::new() };
        let mut told = match language {
            Language::Zh => format!("已发 {sent}，被拒 {refused}"),
            Language::En => format!("{sent} sent, {refused} refused"),
        };
        let more = match language {
            Language::Zh => [("，无法发送 ", unsent), ("，由更新的死信代替 ", older)],
            Language::En => [(", could not be sent: ", unsent), (", stood for by newer letters: ", older)],
        };
        for (words, count) in more.into_iter().filter(|(_, count)| **count > 0) {
            told.push_str(words);
            told.push_str(&count.to_string());
        }
        told
    }

    /// A line of the list.
    pub fn row(&self, language: Language) -> Vec<String> {
        vec![
            self.job.id.clone(),
            self.job.subject.clone(),
            state_text(self.state, language).to_owned(),
            self.share(),
            self.told(language),
            self.job.by.clone(),
            short(self.job.at),
            self.cause().map(ToString::to_string).unwrap_or_default(),
        ]
    }

    /// All of it for programs.
    pub fn json(&self) -> Value {
        let Job { id, subject, from, until, only, ranges, letters, edit, note, by, at, cancelled, .. } =
            self.job;
        let time = |at: &Option<Timestamp>| at.map(|at| at.to_string());
        let cause = |cause: &Refusal| json!({"code": cause.code.as_str(), "message": cause.message});
        let mut value = json!({
            "id": id, "kind": kind_word(self.job.kind), "subject": subject, "state": state_word(self.state),
            "from": time(from), "until": time(until),
            "only": only.iter().map(|id| id.as_str()).collect::<Vec<_>>(),
            "ranges": ranges.iter().map(|range| json!({"from": range.from.to_string(), "until": range.until.to_string()})).collect::<Vec<_>>(),
            "letters": letters.len(), "edit": serde_json::from_str::<Value>(edit).ok(),
            "note": note, "by": by, "at": at.to_string(),
            "cancelled": cancelled.as_ref().map(|cancelled| json!({
                "by": cancelled.by, "note": cancelled.note, "at": cancelled.at.to_string(),
            })),
            "done": self.progress.map(|progress| progress.done),
            "total": self.progress.and_then(|progress| progress.total),
            "cause": self.cause().map(cause),
            "instance": self.progress.map(|progress| progress.instance.clone()),
            "told_at": self.progress.map(|progress| progress.at.to_string()),
        });
        let details = match (&self.track, self.progress) {
            (Some(track), _) => json!({
                "sent": track.sent, "refused": track.refused, "unsent": track.unsent,
                "unsent_because": track.unsent_because, "older": track.older, "kept_since": track.kept_since,
            }),
            (None, Some(progress)) => {
                json!({"position": serde_json::from_str::<Value>(&progress.position).ok()})
            }
            (None, None) => json!({}),
        };
        if let (Some(value), Value::Object(details)) = (value.as_object_mut(), details) {
            value.extend(details);
        }
        value
    }

    /// All of it for people.
    pub fn text(&self, language: Language) -> String {
        let zh = language == Language::Zh;
        let word = |zh_word: &'static str, en_word: &'static str| if zh { zh_word } else { en_word };
        let Job { id, kind, subject, from, until, only, ranges, letters, note, by, at, cancelled, .. } =
            self.job;
        let mut lines = vec![
            (word("作业", "job"), id.clone()),
            (word("做什么", "does"), format!("{} {subject}", kind_text(*kind, language))),
            (word("状态", "state"), state_text(self.state, language).to_owned()),
        ];
        if from.is_some() || until.is_some() {
            let time = |at: &Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
            lines.push((word("时间", "time"), format!("{} … {}", time(from), time(until))));
        }
        let counts = [
            (word("仅限", "only"), only.len()),
            (word("时段", "ranges"), ranges.len()),
            (word("死信", "letters"), letters.len()),
        ];
        let counts = counts.into_iter().filter(|(_, count)| *count > 0);
        lines.extend(counts.map(|(what, count)| (what, count.to_string())));
        lines.push((word("公布", "announced"), format!("{by} {at}")));
        lines.push((word("说明", "note"), note.clone()));
        if let Some(cancelled) = cancelled {
            let said = format!("{} {} {}", cancelled.by, cancelled.at, cancelled.note);
            lines.push((word("取消", "cancelled"), said.trim_end().to_owned()));
        }
        if let Some(progress) = self.progress {
            lines.push((word("进度", "progress"), self.share()));
            lines.push((word("结果", "records"), self.told(language)));
            lines.push((word("由", "by process"), format!("{} {}", progress.instance, progress.at)));
        }
        if let Some(track) = self.track.as_ref().filter(|track| !track.kept_since.is_empty()) {
            lines.push((word("最早保留", "kept since"), track.kept_since.clone()));
        }
        lines.push((word("原因", "cause"), self.cause().map(ToString::to_string).unwrap_or_default()));
        let told = lines.into_iter().filter(|(_, text)| !text.is_empty());
        let rows: Vec<Vec<String>> = told.map(|(what, text)| vec![what.to_owned(), text]).collect();
        crate::output::table(&["", ""], &rows).trim_start_matches(['\n', ' ']).to_owned()
    }
}

/// A state in a word that stays the same in every language.
pub fn state_word(state: JobState) -> &'static str {
    match state {
        JobState::Announced => "announced",
        JobState::Running => "running",
        JobState::Held => "held",
        JobState::Finished => "finished",
        JobState::Failed => "failed",
        JobState::Cancelled => "cancelled",
    }
}

/// A state for people.
pub fn state_text(state: JobState, language: Language) -> &'static str {
    match (language, state) {
        (Language::En, _) => state_word(state),
        (Language::Zh, JobState::Announced) => "已公布",
        (Language::Zh, JobState::Running) => "进行中",
        (Language::Zh, JobState::Held) => "等待",
        (Language::Zh, JobState::Finished) => "已完成",
        (Language::Zh, JobState::Failed) => "失败",
        (Language::Zh, JobState::Cancelled) => "已取消",
    }
}

/// A kind for people.
fn kind_text(kind: JobKind, language: Language) -> &'static str {
    match (language, kind) {
        (Language::En, _) => kind_word(kind),
        (Language::Zh, JobKind::Backfill) => "历史补数",
        (Language::Zh, JobKind::Replay) => "重放",
        (Language::Zh, JobKind::Remedy) => "补漏",
        (Language::Zh, JobKind::Repair) => "重发",
        (Language::Zh, JobKind::Fix) => "修正差异",
        (Language::Zh, JobKind::Census) => "清点来源",
    }
}

/// A kind in a word that stays the same in every language.
pub fn kind_word(kind: JobKind) -> &'static str {
    match kind {
        JobKind::Backfill => "backfill",
        JobKind::Replay => "replay",
        JobKind::Remedy => "remedy",
        JobKind::Repair => "repair",
        JobKind::Fix => "fix",
        JobKind::Census => "census",
    }
}

fn short(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use weir_model::outcome::Code;
    use weir_schemas::Control;

    use super::*;

    fn known() -> Known {
        let mut known = Known::default();
        known.take(Control::Job(Job {
            id: "replay-1".to_owned(),
            kind: JobKind::Replay,
            subject: "orders".to_owned(),
            from: Some(Timestamp::UNIX_EPOCH),
            until: None,
            only: vec!["a".into()],
            ranges: Vec::new(),
            letters: Vec::new(),
            edit: String::new(),
            note: "月结".to_owned(),
            by: "周敏".to_owned(),
            at: Timestamp::UNIX_EPOCH,
            cancelled: None,
        }));
        let track = Track { sent: 40, refused: 2, unsent: 1, ..Track::default() };
        known.take(Control::JobProgress(JobProgress {
            job: "replay-1".to_owned(),
            state: JobState::Held,
            cause: Some(Refusal::new(Code::new("J-BEHIND"), "busy")),
            done: 40,
            total: Some(90),
            position: track.text(),
            instance: "a".to_owned(),
            at: Timestamp::UNIX_EPOCH,
        }));
        known
    }

    #[test]
    fn a_job_is_told_whole() {
        let known = known();
        let view = View::of(&known, "replay-1").unwrap();
        assert_eq!(view.share(), "40/90");
        assert_eq!(view.told(Language::En), "40 sent, 2 refused, could not be sent: 1");
        let value = view.json();
        assert_eq!((&value["state"], &value["sent"]), (&json!("held"), &json!(40)));
        assert_eq!(value["cause"]["code"], json!("J-BEHIND"));
        for language in [Language::Zh, Language::En] {
            let text = view.text(language);
            assert!(text.contains("月结") && text.contains("40/90") && text.contains("J-BEHIND"), "{text}");
        }
        assert!(View::of(&known, "replay-2").is_none());
    }
}
