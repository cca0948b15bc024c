//! What a comparison tells: a block of counts for each day, then every difference with its cause and what to do.

use std::collections::HashSet;
use std::fmt::Write as _;

use jiff::civil::Date;
use serde_json::{Value, json};
use weir_model::{decimal::Decimal, figures::Figures};

use super::compare::{Difference, Explained, Kind, Line, Report, Sum};
use crate::{cli::Language, output};

/// All that is told.
pub struct Answer {
    /// The flow.
    pub flow: String,
    /// The first and the last day.
    pub days: (Date, Date),
    /// Whether the source was counted.
    pub asked_source: bool,
    /// What came out, after a fix as it is then.
    pub report: Report,
    /// What a fix did.
    pub mended: Option<Mended>,
    /// What else should be known.
    pub notes: Vec<String>,
}

/// What a fix did.
pub struct Mended {
    job: String,
    records: usize,
    is_through: bool,
    mended: Vec<Difference>,
    left: Vec<Difference>,
}

impl Mended {
    /// Of a job that read so many records again; `is_through` when all it published has been written or refused.
    pub fn new(job: String, records: usize, is_through: bool) -> Self {
        Self { job, records, is_through, mended: Vec::new(), left: Vec::new() }
    }

    /// Tells which of the differences that could be mended are gone.
    pub fn sort_out(&mut self, before: &[Difference], after: &[Difference]) {
        let still: HashSet<_> = after.iter().filter_map(|difference| difference.record.as_ref()).collect();
        let tried = before.iter().filter(|difference| difference.is_mendable());
        let (left, mended) = tried
            .cloned()
            .partition(|difference| difference.record.as_ref().is_some_and(|record| still.contains(record)));
        (self.left, self.mended) = (left, mended);
    }
}

/// A side's names, in both languages.
const SIDES: [(&str, &str); 4] =
    [("来源", "source"), ("主题", "topic"), ("已送", "delivered"), ("目标", "target")];

impl Answer {
    /// The answer for programs; decimals are texts.
    pub fn json(&self, limit: usize) -> Value {
        let lines: Vec<Value> = self
            .report
            .lines
            .iter()
            .map(|((day, shop), line)| {
                json!({
                    "day": day.to_string(), "shop": shop,
                    "source": if self.asked_source { sum_json(&line.source) } else { Value::Null },
                    "topic": sum_json(&line.topic), "delivered": sum_json(&line.delivered),
                    "target": sum_json(&line.target),
                })
            })
            .collect();
        let explained: serde_json::Map<String, Value> =
            self.report.explained.iter().map(|(why, count)| (word(*why).to_owned(), json!(count))).collect();
        let listed = |differences: &[Difference]| -> Vec<Value> {
            differences.iter().take(limit).map(difference_json).collect()
        };
        json!({
            "flow": self.flow,
            "from": self.days.0.to_string(), "to": self.days.1.to_string(),
            "lines": lines,
            "total": self.report.differences.len(),
            "differences": listed(&self.report.differences),
            "not_differences": explained,
            "fix": self.mended.as_ref().map(|mended| json!({
                "job": mended.job, "records": mended.records, "is_through": mended.is_through,
                "mended": listed(&mended.mended), "not_mended": listed(&mended.left),
            })),
            "notes": self.notes,
        })
    }

    /// The answer for people.
    pub fn text(&self, limit: usize, language: Language) -> String {
        let zh = language == Language::Zh;
        let mut text = String::new();
        for ((day, shop), line) in &self.report.lines {
            text.push_str(&self.block(*day, shop, line, language));
        }
        if self.report.lines.is_empty() {
            text.push_str(if zh {
                "这些天两侧都没有记录\n"
            } else {
                "neither side holds anything of these days\n"
            });
        }
        for (why, count) in &self.report.explained {
            let why = explanation(*why, language);
            let _ =
                writeln!(text, "{}", if zh { format!("{count} 条{why}") } else { format!("{count} {why}") });
        }
        self.tell_differences(&mut text, limit, language);
        if let Some(mended) = &self.mended {
            mended.tell(&mut text, limit, language);
        }
        for note in &self.notes {
            let _ = writeln!(text, "{}{note}", if zh { "注意：" } else { "note: " });
        }
        text
    }

    fn block(&self, day: Date, shop: &str, line: &Line, language: Language) -> String {
        let title = if shop.is_empty() { day.to_string() } else { format!("{day} {shop}") };
        let headings = match language {
            Language::Zh => [title.as_str(), "单数", "件数", "金额"],
            Language::En => [title.as_str(), "records", "pieces", "amount"],
        };
        let sums = [&line.source, &line.topic, &line.delivered, &line.target];
        let rows: Vec<Vec<String>> = SIDES
            .iter()
            .zip(sums)
            .skip(usize::from(!self.asked_source))
            .map(|((zh, en), sum)| {
                let name = if language == Language::Zh { zh } else { en };
                let (pieces, amount) = (shown(sum.pieces.as_ref()), shown(sum.amount.as_ref()));
                vec![format!("  {name}"), sum.records.to_string(), pieces, amount]
            })
            .collect();
        let mut text = output::table(&headings, &rows);
        text.push('\n');
        text
    }

    fn tell_differences(&self, text: &mut String, limit: usize, language: Language) {
        let (differences, zh) = (&self.report.differences, language == Language::Zh);
        let count = differences.len();
        let _ = match (count, zh) {
            (0, true) => writeln!(text, "没有差异"),
            (0, false) => writeln!(text, "no differences"),
            (_, true) => writeln!(text, "差异 {count} 条："),
            (_, false) => writeln!(text, "differences: {count}"),
        };
        for difference in differences.iter().take(limit) {
            let _ = writeln!(text, "  {}", told(difference, language));
        }
        if count > limit {
            let more = count - limit;
            let _ = writeln!(
                text,
                "{}",
                if zh {
                    format!("  另有 {more} 条（--limit）")
                } else {
                    format!("  and {more} more (--limit)")
                }
            );
        }
    }
}

impl Mended {
    fn tell(&self, text: &mut String, limit: usize, language: Language) {
        let zh = language == Language::Zh;
        let (job, records) = (&self.job, self.records);
        let (mended, left) = (self.mended.len(), self.left.len());
        let _ = match zh {
            true => writeln!(text, "作业 {job} 重读了 {records} 条记录：修好 {mended} 条，未修好 {left} 条"),
            false => writeln!(text, "job {job} read {records} records again: {mended} mended, {left} not"),
        };
        if !self.is_through {
            let told = if zh {
                "重读的记录尚未全部写完，稍后再对一次"
            } else {
                "not all of them were written yet: compare again later"
            };
            let _ = writeln!(text, "{told}");
        }
        for difference in self.mended.iter().take(limit) {
            let _ = writeln!(text, "  {} {}", if zh { "已修好" } else { "mended" }, difference.number);
        }
        for difference in self.left.iter().take(limit) {
            let _ = writeln!(text, "  {} {}", if zh { "未修好" } else { "not mended" }, difference.number);
        }
    }
}

/// A difference in one line: what it is about, what differs, what to do.
fn told(difference: &Difference, language: Language) -> String {
    let zh = language == Language::Zh;
    let figures = |figures: &Option<Figures>| {
        figures.as_ref().map(|figures| counted(figures, language)).unwrap_or_default()
    };
    let (expected, found) = (figures(&difference.expected), figures(&difference.found));
    let what = match (&difference.kind, zh) {
        (Kind::NotPolled, true) => format!("来源有（{expected}），从未取到；用 --fix 补取"),
        (Kind::NotPolled, false) => format!("at the source ({expected}) and never polled; --fix reads it"),
        (Kind::PolledOlder, true) => format!("来源是 {expected}，取到的是 {found}；用 --fix 重取"),
        (Kind::PolledOlder, false) => {
            format!("{expected} at the source, {found} as it was polled; --fix reads it again")
        }
        (Kind::NotAtSource, true) => format!("取到过（{found}），来源已不列出；到来源查看"),
        (Kind::NotAtSource, false) => {
            format!("polled ({found}) and no longer listed by the source; look there")
        }
        (Kind::Refused(code, message), true) => format!("被拒绝 {code}：{message}；见 weir dlq"),
        (Kind::Refused(code, message), false) => format!("refused, {code}: {message}; see weir dlq"),
        (Kind::Waiting(collection, reference), true) => {
            format!("等待集合 {collection} 中的 {reference}；见 weir wait list")
        }
        (Kind::Waiting(collection, reference), false) => {
            format!("waits for {reference} in {collection}; see weir wait list")
        }
        (Kind::OnItsWay, true) => "还在途中；稍后再对".to_owned(),
        (Kind::OnItsWay, false) => "on its way; compare again later".to_owned(),
        (Kind::Missing, true) => {
            format!("已送达（{expected}），目标中没有；{}", remedy(difference, language))
        }
        (Kind::Missing, false) => {
            format!("delivered ({expected}), the target does not hold it; {}", remedy(difference, language))
        }
        (Kind::Differs, true) => {
            format!("送达的是 {expected}，目标中是 {found}；{}", remedy(difference, language))
        }
        (Kind::Differs, false) => {
            format!("{expected} as delivered, {found} at the target; {}", remedy(difference, language))
        }
        (Kind::TooMany, true) => format!("目标中多出（{found}），不是本流程写入的；由人核对，不会删除"),
        (Kind::TooMany, false) => format!(
            "too many at the target ({found}), not written by this flow; for a person to look at, never deleted"
        ),
    };
    let record =
        difference.record.as_ref().map(ToString::to_string).filter(|record| *record != difference.number);
    let record = record.map(|record| format!(" [{record}]")).unwrap_or_default();
    format!("{}{record}{}{what}", difference.number, if zh { "：" } else { ": " })
}

fn remedy(difference: &Difference, language: Language) -> String {
    if let Some((code, message)) = &difference.refusal {
        return match language {
            Language::Zh => format!("再次写入被拒绝 {code}：{message}；见 weir dlq"),
            Language::En => format!("refused when it was written again, {code}: {message}; see weir dlq"),
        };
    }
    let text = match (difference.repaired, language) {
        (false, Language::Zh) => "用 --fix 重写",
        (false, Language::En) => "--fix writes it again",
        (true, Language::Zh) => "内容由人修补过，重读会丢失修补：用 weir dlq 再发一次",
        (true, Language::En) => {
            "a person repaired it and the source's bytes would undo that: send it again with weir dlq"
        }
    };
    text.to_owned()
}

fn counted(figures: &Figures, language: Language) -> String {
    let mut parts = Vec::new();
    if let Some(day) = figures.day {
        parts.push(day.to_string());
    }
    if !figures.shop.is_empty() {
        parts.push(figures.shop.clone());
    }
    if let Some(pieces) = &figures.pieces {
        let pieces = pieces.trimmed();
        parts.push(if language == Language::Zh { format!("{pieces} 件") } else { format!("{pieces} pcs") });
    }
    parts.extend(figures.amount.as_ref().map(|amount| format!("¥{}", amount.trimmed())));
    parts.join(" ")
}

fn shown(number: Option<&Decimal>) -> String {
    number.map(|number| number.trimmed().to_string()).unwrap_or_default()
}

fn explanation(why: Explained, language: Language) -> &'static str {
    match (why, language) {
        (Explained::Filtered, Language::Zh) => "被流程的规则筛除",
        (Explained::Filtered, Language::En) => "left out by a rule of the flow",
        (Explained::Removed, Language::Zh) => "已在来源删除",
        (Explained::Removed, Language::En) => "removed at the source",
        (Explained::GivenUp, Language::Zh) => "被拒绝，已由人放弃",
        (Explained::GivenUp, Language::En) => "refused, and given up by a person",
        (Explained::Kept, Language::Zh) => "写入后被筛除，保留在目标（on_leave: keep）",
        (Explained::Kept, Language::En) => {
            "left out since they were written, and kept there (on_leave: keep)"
        }
        (Explained::Fresh, Language::Zh) => "刚刚在来源变动，下次再对",
        (Explained::Fresh, Language::En) => "changed at the source a moment ago: not yet compared",
        (Explained::Unweighed, Language::Zh) => "在目标中，送达的内容已清理，未比较数额",
        (Explained::Unweighed, Language::En) => {
            "there, and no longer known as delivered: their figures are not compared"
        }
        (Explained::OtherDay, Language::Zh) => "在目标的这些天内，属于来源的其他日期",
        (Explained::OtherDay, Language::En) => {
            "at the target within these days, of another day at the source"
        }
    }
}

fn word(why: Explained) -> &'static str {
    match why {
        Explained::Filtered => "filtered",
        Explained::Removed => "removed",
        Explained::GivenUp => "given_up",
        Explained::Kept => "kept",
        Explained::Fresh => "fresh",
        Explained::Unweighed => "unweighed",
        Explained::OtherDay => "other_day",
    }
}

fn sum_json(sum: &Sum) -> Value {
    json!({"records": sum.records, "pieces": decimal(sum.pieces.as_ref()), "amount": decimal(sum.amount.as_ref())})
}

fn decimal(number: Option<&Decimal>) -> Value {
    number.map_or(Value::Null, |number| Value::String(number.trimmed().to_string()))
}

fn figures_json(figures: &Figures) -> Value {
    json!({
        "day": figures.day.map(|day| day.to_string()), "shop": figures.shop,
        "pieces": decimal(figures.pieces.as_ref()), "amount": decimal(figures.amount.as_ref()),
    })
}

fn difference_json(difference: &Difference) -> Value {
    let (kind, cause) = match &difference.kind {
        Kind::NotPolled => ("not_polled", Value::Null),
        Kind::PolledOlder => ("polled_older", Value::Null),
        Kind::NotAtSource => ("not_at_source", Value::Null),
        Kind::Refused(code, message) => ("refused", json!({"code": code, "message": message})),
        Kind::Waiting(collection, reference) => {
            ("waiting", json!({"collection": collection, "reference": reference}))
        }
        Kind::OnItsWay => ("on_its_way", Value::Null),
        Kind::Missing | Kind::Differs => {
            let cause = difference.refusal.as_ref();
            let cause = cause.map(|(code, message)| json!({"code": code, "message": message}));
            (if difference.kind == Kind::Missing { "missing" } else { "differs" }, cause.unwrap_or_default())
        }
        Kind::TooMany => ("too_many", Value::Null),
    };
    json!({
        "kind": kind, "cause": cause,
        "number": difference.number, "record": difference.record.as_ref().map(ToString::to_string),
        "key": difference.key, "day": difference.day.map(|day| day.to_string()), "shop": difference.shop,
        "expected": difference.expected.as_ref().map(figures_json),
        "found": difference.found.as_ref().map(figures_json),
        "mendable": difference.is_mendable(), "repaired": difference.repaired,
    })
}

#[cfg(test)]
mod tests;
