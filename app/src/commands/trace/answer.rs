//! What `weir trace` answers: an object for programs, paragraphs for people.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::{Value, json};
use weir_model::settings::Localized;

use super::{
    payload::{Content, Part},
    story::Step,
    verdict::Verdict,
};
use crate::{
    cli::Language,
    masking::{Mask, Masking},
    output::pick,
};

/// The most numbers of a record that are shown to people.
const SHOWN_NUMBERS: usize = 12;

/// A record that a number led to.
pub struct Hit {
    /// The flow; empty for an answer of a source that never became a record.
    pub flow: String,
    /// The flow's title.
    pub title: Localized,
    /// The record's id.
    pub record_id: String,
    /// The number shown to people.
    pub number: String,
    /// `delivered`, `refused`, `waiting`, …; `unmapped` for what was only polled.
    pub state: String,
    /// How it stands.
    pub verdict: Verdict,
    /// Every number by which it is known.
    pub numbers: Vec<String>,
    /// What the target calls it: id, number, key.
    pub target: Option<[String; 3]>,
    /// What happened, in order.
    pub steps: Vec<Step>,
    /// Steps in the middle that are not told.
    pub left_out: usize,
    /// Its letters, as `weir dlq` names them.
    pub letters: Vec<String>,
    /// The zone of the times.
    pub zone: String,
    /// The bytes behind it, when they were asked for, or are to be masked.
    pub parts: Vec<Part>,
    /// Whether they are shown.
    pub shows_parts: bool,
}

/// All about one number.
pub struct Answer {
    /// What was asked for.
    pub wanted: String,
    /// What was found.
    pub hits: Vec<Hit>,
    /// Whether there are more than were asked for.
    pub more: bool,
    /// Numbers that are like it, when nothing was found.
    pub similar: Vec<String>,
}

/// Where was looked.
#[derive(Default)]
pub struct Extent {
    /// What happened before this moment is told.
    pub as_of: Timestamp,
    /// Why that is not now; empty when it is.
    pub note: Localized,
    /// How many records of each flow.
    pub records: Vec<(String, i64)>,
    /// How many polled records each flow has not mapped yet; none where Kafka did not tell.
    pub behind: Vec<(String, u64)>,
    /// What every source was read of, and its holes.
    pub coverage: Vec<Localized>,
    /// What to try next when a number is unknown.
    pub next: Vec<String>,
}

/// For programs.
pub fn json(answers: &[Answer], extent: &Extent, masking: &Masking) -> Value {
    let answers: Vec<Value> = answers
        .iter()
        .map(|answer| {
            let hits: Vec<Value> =
                answer.hits.iter().map(|hit| hit.mask(masking).json(&hit_json(hit))).collect();
            json!({"number": answer.wanted, "found": hits, "more": answer.more, "similar": answer.similar})
        })
        .collect();
    let both = |text: &Localized| json!({"zh": text.zh, "en": text.en});
    let counts = |list: &[(String, u64)]| -> Value {
        list.iter()
            .map(|(flow, count)| (flow.clone(), json!(count)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let records: serde_json::Map<String, Value> =
        extent.records.iter().map(|(flow, count)| (flow.clone(), json!(count))).collect();
    json!({
        "as_of": extent.as_of.to_string(),
        "note": (!extent.note.en.is_empty()).then(|| both(&extent.note)),
        "answers": answers,
        "searched": {
            "records": records, "not_mapped_yet": counts(&extent.behind),
            "coverage": extent.coverage.iter().map(both).collect::<Vec<_>>(),
        },
        "next": extent.next,
    })
}

impl Hit {
    /// What hides the personal data of this record.
    fn mask<'m>(&self, masking: &'m Masking) -> Mask<'m> {
        masking.learn(self.parts.iter().filter_map(|part| match &part.content {
            Content::Held(value) => Some(value),
            Content::Gone | Content::Unreadable(_) => None,
        }))
    }
}

fn hit_json(hit: &Hit) -> Value {
    let both = |text: &Localized| json!({"zh": text.zh, "en": text.en});
    let steps: Vec<Value> = hit
        .steps
        .iter()
        .map(|step| {
            let place = step.place.as_ref().map(|(topic, place)| format!("{topic} {place}"));
            json!({"at": step.at.to_string(), "kind": step.kind, "text": both(&step.text), "place": place})
        })
        .collect();
    let target = hit.target.as_ref().map(|[id, number, key]| json!({"id": id, "number": number, "key": key}));
    let mut whole = json!({
        "flow": hit.flow, "title": both(&hit.title), "record": hit.record_id, "number": hit.number,
        "state": hit.state, "verdict": both(&hit.verdict.sentence),
        "advice": hit.verdict.advice.iter().map(both).collect::<Vec<_>>(),
        "numbers": hit.numbers, "target": target, "zone": hit.zone, "steps": steps,
        "steps_left_out": hit.left_out, "letters": hit.letters,
    });
    if let Some(entries) = whole.as_object_mut() {
        for part in hit.parts.iter().filter(|_| hit.shows_parts) {
            entries.insert(part.name.to_owned(), part.json());
        }
    }
    whole
}

/// For people.
pub fn text(answer: &Answer, extent: &Extent, language: Language, masking: &Masking) -> String {
    let mut text = String::new();
    if answer.hits.is_empty() {
        unknown(answer, extent, language, &mut text);
    }
    for hit in &answer.hits {
        told(hit, language, &hit.mask(masking), &mut text);
    }
    if answer.more {
        text.push_str(match language {
            Language::Zh => "还有更多记录，用 --limit 或 --flow 查看\n\n",
            Language::En => "There are more records: see --limit and --flow.\n\n",
        });
    }
    text
}

fn told(hit: &Hit, language: Language, mask: &Mask<'_>, text: &mut String) {
    let name = if hit.number.is_empty() { &hit.record_id } else { &hit.number };
    let _ = writeln!(text, "{name}  {}  {}", hit.flow, pick(&hit.title, language));
    let mark = match hit.state.as_str() {
        "delivered" | "removed" => "✓",
        "refused" | "incomplete" => "✗",
        _ => "…",
    };
    let _ = writeln!(text, "{mark} {}", mask.text(pick(&hit.verdict.sentence, language)));
    for advice in &hit.verdict.advice {
        let _ = writeln!(text, "  → {}", pick(advice, language));
    }
    known_as(hit, language, text);
    for step in &hit.steps {
        let (at, told) = (super::local(step.at, &hit.zone), mask.text(pick(&step.text, language)));
        let place = step.place.as_ref().map(|(topic, place)| format!("  [{topic} {place}]"));
        let _ = writeln!(text, "  {at}  {told}{}", place.unwrap_or_default());
    }
    if hit.left_out > 0 {
        let _ = match language {
            Language::Zh => writeln!(text, "  中间 {} 步未列出", hit.left_out),
            Language::En => writeln!(text, "  {} steps in the middle are not told", hit.left_out),
        };
    }
    hit.parts.iter().filter(|_| hit.shows_parts).for_each(|part| content(part, language, mask, text));
    text.push('\n');
}

fn known_as(hit: &Hit, language: Language, text: &mut String) {
    let others: Vec<&str> =
        hit.numbers.iter().map(String::as_str).filter(|other| *other != hit.number).collect();
    let shown = others.get(..others.len().min(SHOWN_NUMBERS)).unwrap_or_default().join(", ");
    let more = others.len().saturating_sub(SHOWN_NUMBERS);
    let more = if more > 0 { format!(" +{more}") } else { String::new() };
    let _ = match language {
        Language::Zh => {
            writeln!(text, "  记录 {}；也叫：{shown}{more}；时间为 {}", hit.record_id, hit.zone)
        }
        Language::En => {
            writeln!(text, "  record {}; also known as: {shown}{more}; times of {}", hit.record_id, hit.zone)
        }
    };
}

fn content(part: &Part, language: Language, mask: &Mask<'_>, text: &mut String) {
    let name = match (part.name, language) {
        ("source", Language::Zh) => "来源原文",
        ("source", Language::En) => "as the source sent it",
        ("document", Language::Zh) => "单据",
        ("document", Language::En) => "document",
        (_, Language::Zh) => "死信",
        (_, Language::En) => "dead letter",
    };
    let _ = writeln!(text, "  {name} ({} {})", part.topic, part.place);
    let told = match (&part.content, language) {
        (Content::Held(Value::Null), Language::Zh) => "（空）".to_owned(),
        (Content::Held(Value::Null), Language::En) => "(empty)".to_owned(),
        (Content::Held(value), _) => format!("{:#}", mask.json(value)),
        (Content::Gone, Language::Zh) => "主题中已不再保留".to_owned(),
        (Content::Gone, Language::En) => "the topic holds it no more".to_owned(),
        (Content::Unreadable(why), Language::Zh) => format!("无法读取：{why}"),
        (Content::Unreadable(why), Language::En) => format!("cannot be read: {why}"),
    };
    for line in told.lines() {
        let _ = writeln!(text, "    {line}");
    }
}

/// What was searched, what could hide the number, and what to try.
fn unknown(answer: &Answer, extent: &Extent, language: Language, text: &mut String) {
    let wanted = &answer.wanted;
    let records: Vec<String> =
        extent.records.iter().map(|(flow, count)| format!("{flow} ({count})")).collect();
    let records = if records.is_empty() { "0".to_owned() } else { records.join(", ") };
    let as_of = extent.as_of.strftime("%Y-%m-%d %H:%M:%SZ");
    let _ = match language {
        Language::Zh => write!(text, "{wanted}：未找到\n  已查找各流程的记录：{records}；截至 {as_of}\n"),
        Language::En => {
            write!(text, "{wanted}: not found\n  searched the records of: {records}; as of {as_of}\n")
        }
    };
    for (flow, count) in extent.behind.iter().filter(|(_, count)| *count > 0) {
        let _ = match language {
            Language::Zh => writeln!(text, "  {flow} 还有 {count} 条已轮询未转换的记录，也已查找"),
            Language::En => {
                writeln!(
                    text,
                    "  {flow} has {count} polled records that are not mapped yet; they were searched too"
                )
            }
        };
    }
    for line in &extent.coverage {
        let _ = writeln!(text, "  {}", pick(line, language));
    }
    if !answer.similar.is_empty() {
        let similar = answer.similar.join(", ");
        let _ = match language {
            Language::Zh => writeln!(text, "  相近的单号：{similar}"),
            Language::En => writeln!(text, "  numbers like it: {similar}"),
        };
    }
    for next in &extent.next {
        let _ = writeln!(text, "  → {next}");
    }
    text.push('\n');
}
