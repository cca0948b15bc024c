//! The omission remedy: at the times of a crontab an older stretch of time is read again, for records that the remote
//! system brought in later than any overlap reaches (contract qeasy-metadata §9).
//!
//! Pure: the present is handed in. The re-read of a crontab's time covers everything from what `takeOverRequest` gives for
//! the window's begin up to that time itself, and begins as soon as that is settled.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use weir_clients::describe::Window;
use weir_model::{
    crontab::Crontab,
    flow::{Item, SourceSpec},
    settings::{Localized, Problems},
    time::parse_local,
};

/// The longest reach; more days are a backfill.
const MOST_DAYS: u32 = 366;

/// When a source is read again, and from when.
#[derive(Clone, Debug)]
pub(crate) struct Remedy {
    crontab: Crontab,
    reach: Reach,
    zone: TimeZone,
}

/// Before a time of the crontab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reach {
    days: u32,
    /// From the beginning of that day.
    whole_days: bool,
}

/// A stretch of time that is to be read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Its begin.
    pub from: Timestamp,
    /// Its end: a time of the crontab.
    pub to: Timestamp,
}

impl Remedy {
    /// The remedy of a source that was checked; `None` when it has none.
    pub fn of(spec: &SourceSpec, zone: TimeZone) -> Option<Self> {
        let remedy = spec.metadata.omission_remedy.as_ref()?;
        let reach = remedy.take_over.iter().find_map(reach_of)?;
        Some(Self { crontab: remedy.crontab.clone(), reach, zone })
    }

    /// The first time after `done`.
    pub fn first_after(&self, done: Timestamp) -> Option<Timestamp> {
        self.crontab.after(done, &self.zone)
    }

    /// The last time that is not after `at`.
    pub fn last_until(&self, at: Timestamp) -> Option<Timestamp> {
        self.crontab.until(at, &self.zone)
    }

    /// What is to be read at `settled` after the remedy was carried out up to `done`. Times that were missed are made up
    /// for by one run: from where the first of them begins.
    pub fn owed(&self, done: Timestamp, settled: Timestamp) -> Option<Run> {
        let first = self.first_after(done).filter(|first| *first <= settled)?;
        Some(Run { from: self.begin(first), to: self.last_until(settled)? })
    }

    fn begin(&self, time: Timestamp) -> Timestamp {
        let reach = SignedDuration::from_hours(24 * i64::from(self.reach.days));
        let moment = time.checked_sub(reach).unwrap_or(Timestamp::MIN);
        let date = self.zone.to_datetime(moment).date();
        let midnight = || parse_local(&date.to_string(), &self.zone);
        self.reach.whole_days.then(midnight).flatten().unwrap_or(moment)
    }
}

/// Whether the remedy can be carried out for a source whose windows are `window`.
pub(crate) fn check(spec: &SourceSpec, window: &Window, problems: &mut Problems) {
    let Some(remedy) = &spec.metadata.omission_remedy else { return };
    let path = format!("{}.omissionRemedy", spec.metadata.path);
    let begin = window.begin;
    let written = format!(r#"{{field: {begin}, value: "{{{{DAYS_AGO_2|datetime}}}}"}}"#);
    let suggestion = Localized::new(format!("写 {written}"), format!("write {written}"));
    if remedy.take_over.is_empty() {
        let message = Localized::new(
            format!("takeOverRequest 必须给出 {begin}：补读从何时开始"),
            format!("takeOverRequest must give {begin}: from when to read again"),
        );
        problems.error_with(format!("{path}.takeOverRequest"), message, suggestion.clone());
    }
    for item in &remedy.take_over {
        if item.field != begin {
            let message = Localized::new(
                format!("补读只能替换窗口的开始 {begin}，不能替换 {:?}", item.field),
                format!("a re-read replaces the window's begin, {begin}, and not {:?}", item.field),
            );
            problems.error_with(format!("{}.field", item.path), message, suggestion.clone());
        } else if reach_of(item).is_none() {
            let message = Localized::new(
                format!("补读的开始必须是 DAYS_AGO_n，n 为 0 到 {MOST_DAYS}"),
                format!("a re-read begins at DAYS_AGO_n, n from 0 to {MOST_DAYS}"),
            );
            problems.error_with(format!("{}.value", item.path), message, suggestion.clone());
        }
    }
    if spec.modified.is_empty() {
        let message = Localized::new(
            "补读与常规读取并行，没有 modified 就无法分辨记录的新旧",
            "a re-read runs beside the regular poll, and without modified an older state could overwrite a newer one",
        );
        let suggestion = Localized::new(
            "写记录中修改时间的字段，例如 modified: modified，或删除 omissionRemedy",
            "name the record's field of its modification time, such as modified: modified, or remove omissionRemedy",
        );
        problems.error_with(path, message, suggestion);
    }
}

/// `{{DAYS_AGO_2|datetime}}`: that many days before; as `date`, from the beginning of that day.
fn reach_of(item: &Item) -> Option<Reach> {
    let text = item.value.as_deref()?.trim();
    let inner = text.strip_prefix('{')?.strip_suffix('}')?;
    let inner = inner.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')).unwrap_or(inner);
    let (name, filter) = inner.split_once('|').unwrap_or((inner, "timestamp"));
    let filter = filter.trim().to_ascii_lowercase();
    let known = matches!(filter.as_str(), "datetime" | "date" | "timestamp" | "timestamp_ms");
    let days: u32 = name.trim().strip_prefix("DAYS_AGO_")?.parse().ok()?;
    (known && days <= MOST_DAYS).then_some(Reach { days, whole_days: filter == "date" })
}

#[cfg(test)]
mod tests {
    use weir_model::time::local_text;

    use super::*;
    use crate::record::tests::source;

    const WINDOW: Window =
        Window { begin: "start_time", end: "end_time", max_days: 30, selects_by: "modified" };

    fn spec(modified: &str, take_over: &str) -> SourceSpec {
        source(&format!(
            "  name: s\n  system: x\n{modified}  metadata:\n    api: /x\n    id: id\n    omissionRemedy:\n      \
             crontab: \"55 3 * * *\"\n      takeOverRequest: [{take_over}]"
        ))
    }

    fn remedy(value: &str) -> Remedy {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        Remedy::of(&spec("", &format!("{{field: start_time, value: \"{value}\"}}")), zone).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        parse_local(text, &TimeZone::get("Asia/Shanghai").unwrap()).unwrap()
    }

    #[test]
    fn a_run_reaches_from_days_ago_to_the_crontabs_time() {
        let remedy = remedy("{{DAYS_AGO_2|datetime}}");
        let done = at("2024-01-15 03:55:00");
        assert_eq!(remedy.owed(done, at("2024-01-16 03:54:59")), None);
        let run = remedy.owed(done, at("2024-01-16 03:56:00")).unwrap();
        assert_eq!(run, Run { from: at("2024-01-14 03:55:00"), to: at("2024-01-16 03:55:00") });
        assert_eq!(remedy.owed(run.to, at("2024-01-16 23:00:00")), None);
    }

    #[test]
    fn times_that_were_missed_are_made_up_for_at_once() {
        let run = remedy("{DAYS_AGO_2}").owed(at("2024-01-10 03:55:00"), at("2024-01-15 12:00:00")).unwrap();
        assert_eq!(run, Run { from: at("2024-01-09 03:55:00"), to: at("2024-01-15 03:55:00") });
    }

    #[test]
    fn a_date_means_its_beginning() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let run = remedy("{{DAYS_AGO_1|Date}}").owed(at("2024-01-15 03:55:00"), at("2024-01-16 12:00:00"));
        assert_eq!(local_text(run.unwrap().from, &zone), "2024-01-15 00:00:00");
    }

    #[test]
    fn what_cannot_be_carried_out_is_refused() {
        let refused = |modified: &str, take_over: &str| {
            let mut problems = Problems::new("f.yaml");
            check(&spec(modified, take_over), &WINDOW, &mut problems);
            problems.list().iter().map(|problem| problem.path.clone()).collect::<Vec<_>>()
        };
        let told = "  modified: modified\n";
        let base = "source.metadata.omissionRemedy";
        let fine = "{field: start_time, value: \"{{DAYS_AGO_2|datetime}}\"}";
        assert_eq!(refused(told, fine), [""; 0]);
        assert_eq!(refused(told, ""), [format!("{base}.takeOverRequest")]);
        assert_eq!(refused(told, "{field: shop, value: x}"), [format!("{base}.takeOverRequest[0].field")]);
        for value in ["2024-01-01", "{{LAST_SYNC_TIME}}", "{{DAYS_AGO_999}}", "{{DAYS_AGO_2|week}}"] {
            let item = format!("{{field: start_time, value: \"{value}\"}}");
            assert_eq!(refused(told, &item), [format!("{base}.takeOverRequest[0].value")], "{value}");
        }
        assert_eq!(refused("", fine), [base]);
    }
}
