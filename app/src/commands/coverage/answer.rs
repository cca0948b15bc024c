//! The answer of `weir coverage`, for people and for programs.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::{Value, json};
use weir_ledger::coverage::Coverage;
use weir_model::{settings::Localized, time::local_text};
use weir_producers::poll::Reach;
use weir_schemas::{Job, JobProgress, JobState, TimeRange};

use super::map::{self, length};
use crate::{
    cli::Language,
    commands::jobs::{kind_word, state_text, state_word},
    output,
};

/// Holes that are listed for people; programs are given all.
const MOST_HOLES: usize = 20;

/// What is told of a source.
pub struct Answer {
    /// The source.
    pub source: String,
    /// The zone of its times.
    pub zone: TimeZone,
    /// From when on the map is drawn.
    pub since: Timestamp,
    /// Up to when.
    pub until: Timestamp,
    /// What was read.
    pub coverage: Coverage,
    /// How far the regular poll reaches back.
    pub reach: Reach,
    /// How far the regular poll has come; none when it is not known.
    pub read_until: Option<Timestamp>,
    /// Jobs that are not over.
    pub jobs: Vec<(Arc<Job>, JobState, Option<JobProgress>)>,
    /// What happened before this moment is told.
    pub as_of: Timestamp,
    /// Why it is not the present.
    pub note: Option<Localized>,
}

impl Answer {
    /// For programs.
    pub fn json(&self) -> Value {
        let range =
            |range: &TimeRange| json!({"from": range.from.to_string(), "until": range.until.to_string()});
        let Coverage { read, windows, late, .. } = &self.coverage;
        let late = late.iter().map(|late| {
            json!({
                "from": late.window.from.to_string(), "until": late.window.until.to_string(),
                "count": late.count, "lateness_ms": late.lateness_ms, "at": late.at.to_string(),
            })
        });
        let job = |(job, state, progress): &(Arc<Job>, JobState, Option<JobProgress>)| {
            let position =
                progress.as_ref().and_then(|told| serde_json::from_str::<Value>(&told.position).ok());
            json!({
                "id": job.id, "kind": kind_word(job.kind), "state": state_word(*state),
                "done": progress.as_ref().map(|told| told.done), "position": position,
                "cause": progress.as_ref().and_then(|told| told.cause.as_ref()).map(ToString::to_string),
            })
        };
        let seconds = |duration: Duration| duration.as_secs();
        json!({
            "source": self.source, "as_of": self.as_of.to_string(),
            "note": self.note.as_ref().map(|note| json!({"zh": note.zh, "en": note.en})),
            "begin": self.coverage.begin().map(|at| at.to_string()),
            "until": self.coverage.until().map(|at| at.to_string()),
            "cursor": self.read_until.map(|at| at.to_string()),
            "windows": windows, "read": read.iter().map(range).collect::<Vec<_>>(),
            "holes": self.coverage.holes().map(|hole| range(&hole)).collect::<Vec<_>>(),
            "late": late.collect::<Vec<_>>(),
            "look_back": {
                "seconds": seconds(self.reach.now), "least_seconds": seconds(self.reach.least),
                "most_seconds": seconds(self.reach.most),
                "lateness_ms": u64::try_from(self.reach.lateness.as_millis()).unwrap_or(u64::MAX),
            },
            "jobs": self.jobs.iter().map(job).collect::<Vec<_>>(),
        })
    }

    /// For people.
    pub fn text(&self, language: Language) -> String {
        let (Some(begin), Some(until)) = (self.coverage.begin(), self.coverage.until()) else {
            let mut text = match language {
                Language::Zh => format!("{}：还没有读完一个窗口\n", self.source),
                Language::En => format!("{}: no window was finished yet\n", self.source),
            };
            text.push_str(&self.jobs(language));
            return text;
        };
        let (source, windows) = (&self.source, self.coverage.windows);
        let (begin, until) = (self.time(begin), self.time(until));
        let mut text = match language {
            Language::Zh => format!("{source}：{begin} 至 {until}，{windows} 个窗口\n\n"),
            Language::En => format!("{source}: from {begin} to {until}, {windows} windows\n\n"),
        };
        text.push_str(&map::text(&map::lines(&self.coverage, self.since, self.until, &self.zone), language));
        text.push('\n');
        text.push_str(&self.holes(language));
        text.push_str(&self.lateness(language));
        text.push_str(&self.jobs(language));
        text
    }

    fn holes(&self, language: Language) -> String {
        let holes: Vec<TimeRange> = self.coverage.holes().collect();
        if holes.is_empty() {
            return match language {
                Language::Zh => "没有空洞\n".to_owned(),
                Language::En => "no holes\n".to_owned(),
            };
        }
        let (count, source) = (holes.len(), &self.source);
        let mut text = match language {
            Language::Zh => format!("空洞：{count} 个；`weir backfill {source} --holes` 补齐\n"),
            Language::En => format!("holes: {count}; `weir backfill {source} --holes` fills them\n"),
        };
        for hole in holes.iter().take(MOST_HOLES) {
            let long = length(hole.until.duration_since(hole.from), language);
            text.push_str(&format!("  {} … {}  {long}\n", self.time(hole.from), self.time(hole.until)));
        }
        if count > MOST_HOLES {
            let more = count - MOST_HOLES;
            text.push_str(&match language {
                Language::Zh => format!("  另有 {more} 个\n"),
                Language::En => format!("  and {more} more\n"),
            });
        }
        text
    }

    fn lateness(&self, language: Language) -> String {
        let told = |duration: Duration| {
            length(SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX), language)
        };
        let Reach { least, most, now, lateness } = self.reach;
        let (now, least, most) = (told(now), told(least), told(most));
        let lateness = match (lateness.is_zero(), language) {
            (true, Language::Zh) => "近来没有迟到的记录".to_owned(),
            (true, Language::En) => "lately no record came late".to_owned(),
            (false, Language::Zh) => format!("近来最多迟到 {}", told(lateness)),
            (false, Language::En) => format!("lately records came up to {} late", told(lateness)),
        };
        match language {
            Language::Zh => format!("回看：{now}（{least} 至 {most}）；{lateness}\n"),
            Language::En => format!("look-back: {now} (between {least} and {most}); {lateness}\n"),
        }
    }

    fn jobs(&self, language: Language) -> String {
        if self.jobs.is_empty() {
            return String::new();
        }
        let headings = match language {
            Language::Zh => ["作业", "状态", "记录", "进度", "原因"],
            Language::En => ["job", "state", "records", "read", "cause"],
        };
        let row = |(job, state, progress): &(Arc<Job>, JobState, Option<JobProgress>)| {
            let position =
                progress.as_ref().and_then(|told| serde_json::from_str::<Value>(&told.position).ok());
            let percent = position.and_then(|position| position.get("percent").map(ToString::to_string));
            vec![
                job.id.clone(),
                state_text(*state, language).to_owned(),
                progress.as_ref().map(|told| told.done.to_string()).unwrap_or_default(),
                percent.map(|percent| format!("{percent} %")).unwrap_or_default(),
                progress
                    .as_ref()
                    .and_then(|told| told.cause.as_ref())
                    .map(|cause| cause.code.as_str().to_owned())
                    .unwrap_or_default(),
            ]
        };
        let rows: Vec<Vec<String>> = self.jobs.iter().map(row).collect();
        format!("\n{}", output::table(&headings, &rows))
    }

    fn time(&self, at: Timestamp) -> String {
        local_text(at, &self.zone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Answer {
        let at = |hour: i64| Timestamp::from_second(1_704_067_200 + hour * 3_600).unwrap();
        let read = vec![TimeRange { from: at(0), until: at(30) }, TimeRange { from: at(33), until: at(50) }];
        Answer {
            source: "orders".to_owned(),
            zone: TimeZone::UTC,
            since: at(0),
            until: at(50),
            coverage: Coverage { read, windows: 7, ..Coverage::default() },
            reach: Reach {
                least: Duration::from_secs(300),
                most: Duration::from_secs(3_600),
                now: Duration::from_secs(500),
                lateness: Duration::from_secs(250),
            },
            read_until: Some(at(50)),
            jobs: Vec::new(),
            as_of: at(51),
            note: None,
        }
    }

    #[test]
    fn the_answer_tells_the_map_its_holes_and_how_to_fill_them() {
        let text = answer().text(Language::En);
        assert!(
            text.starts_with("orders: from 2024-01-01 00:00:00 to 2024-01-03 02:00:00, 7 windows\n"),
            "{text}"
        );
        assert!(
            text.contains(&format!("2024-01-02  {}!!!!!!{}\n", "#".repeat(12), "#".repeat(30))),
            "{text}"
        );
        assert!(text.contains("  2024-01-02 06:00:00 … 2024-01-02 09:00:00  3 h\n"), "{text}");
        assert!(text.contains("weir backfill orders --holes"), "{text}");
        let look_back =
            "look-back: 8 min 20 s (between 5 min and 1 h); lately records came up to 4 min 10 s late\n";
        assert!(text.contains(look_back), "{text}");
        assert!(answer().text(Language::Zh).contains("空洞：1 个"));
    }

    #[test]
    fn the_answer_for_programs_has_the_same() {
        let value = answer().json();
        assert_eq!(
            value["holes"],
            json!([{"from": "2024-01-02T06:00:00Z", "until": "2024-01-02T09:00:00Z"}])
        );
        assert_eq!((&value["windows"], &value["look_back"]["seconds"]), (&json!(7), &json!(500)));
        let none = Answer { coverage: Coverage::default(), ..answer() };
        assert_eq!(none.json()["begin"], Value::Null);
        assert_eq!(none.text(Language::En), "orders: no window was finished yet\n");
    }
}
