//! How a record stands, in one sentence, and what to do about it.

use jiff::Timestamp;
use weir_ledger::trace::{Delivered, Letter, Life, Record};
use weir_model::settings::Localized;

use super::story::Story;

/// One sentence, and the next steps where a person has to take some.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// How the record stands.
    pub sentence: Localized,
    /// What to do; empty where there is nothing to be done.
    pub advice: Vec<Localized>,
}

/// The verdict on a record.
pub fn verdict(life: &Life, story: &Story<'_>) -> Verdict {
    let record = &life.record;
    let since = story.time(record.changed_at);
    match record.state.as_str() {
        "delivered" => delivered(record, story),
        "incomplete" => incomplete(life, story),
        "refused" => refused(life, story),
        "waiting" => waiting(life, story),
        "filtered" => Verdict::of(Localized::new(
            format!("已被规则筛除（{since}）：{}；没有写入{}", rule(record, "zh"), story.target("zh")),
            format!(
                "left out by a rule at {since}: {}; nothing was written to {}",
                rule(record, "en"),
                story.target("en")
            ),
        )),
        "left" => left(record, story, &since),
        "removed" => Verdict::of(Localized::new(
            format!(
                "已在{}撤回或删除（{since}）{}",
                story.target("zh"),
                in_brackets(held(record, "zh"), "zh")
            ),
            format!(
                "taken back at {} at {since}{}",
                story.target("en"),
                in_brackets(held(record, "en"), "en")
            ),
        )),
        "sending" => Verdict::of(Localized::new(
            format!("{since} 已发往{}，结果未知；再次发送之前会先在目标系统中查找", story.target("zh")),
            format!(
                "sent to {} at {since}, the answer is not known yet; before anything is sent again it is looked up there",
                story.target("en")
            ),
        )),
        _ => on_the_way(record, story, &since),
    }
}

impl Verdict {
    fn of(sentence: Localized) -> Self {
        Self { sentence, advice: Vec::new() }
    }

    fn advise(mut self, zh: impl Into<String>, en: impl Into<String>) -> Self {
        self.advice.push(Localized::new(zh, en));
        self
    }
}

fn delivered(record: &Record, story: &Story<'_>) -> Verdict {
    let unknown = Delivered::default();
    let held_there = record.delivered.as_ref().unwrap_or(&unknown);
    let at = story.time(held_there.at.unwrap_or(record.changed_at));
    let version = held_there.flow_ordinal.or(record.flow_ordinal).unwrap_or(0);
    let repaired = |words| if held_there.repaired { words } else { "" };
    Verdict::of(Localized::new(
        format!(
            "已写入{}：{}；{at}，流程第 {version} 版{}",
            story.target("zh"),
            held(record, "zh"),
            repaired("，内容经人工修改")
        ),
        format!(
            "delivered to {} as {} at {at} by version {version} of the flow{}",
            story.target("en"),
            held(record, "en"),
            repaired(", with a content that a person repaired")
        ),
    ))
}

fn incomplete(life: &Life, story: &Story<'_>) -> Verdict {
    let record = &life.record;
    let (code, message) = cause(life);
    let verdict = Verdict::of(Localized::new(
        format!(
            "已写入{}：{}，但后续步骤被拒绝（{code}）：「{message}」",
            story.target("zh"),
            held(record, "zh")
        ),
        format!(
            "stored at {} as {}, but a later step was refused ({code}): 「{message}」",
            story.target("en"),
            held(record, "en")
        ),
    ));
    with_repair(verdict, life, &code)
}

fn refused(life: &Life, story: &Story<'_>) -> Verdict {
    let record = &life.record;
    let (code, message) = cause(life);
    let letter = life.letters.last();
    let by_mapping = letter.is_some_and(|letter| letter.stage == "processor");
    let who = |language| if by_mapping { story.mapping(language) } else { story.target(language) };
    let at = story.time(letter.map_or(record.changed_at, |letter| letter.at));
    let field = letter.map(|letter| letter.field.as_str()).filter(|field| !field.is_empty());
    let field =
        |open: &str, close: &str| field.map(|field| format!("{open}{field}{close}")).unwrap_or_default();
    let before = |language, words: &str| match &record.delivered {
        Some(held_there) if held_there.standing != "removed" => format!("{words}{}", held(record, language)),
        _ => String::new(),
    };
    let verdict = Verdict::of(Localized::new(
        format!(
            "{}拒绝（{at}，{code}）：「{message}」{}{}",
            who("zh"),
            field("，字段 ", ""),
            before("zh", "；此前写入的内容仍在：")
        ),
        format!(
            "refused by {} at {at} ({code}): 「{message}」{}{}",
            who("en"),
            field(" in the field ", ""),
            before("en", "; what was written before is still there: ")
        ),
    ));
    with_repair(verdict, life, &code)
}

/// What a person has done about the newest letter, or can do.
fn with_repair(verdict: Verdict, life: &Life, code: &str) -> Verdict {
    let Some(letter) = life.letters.last() else { return verdict };
    let place = format!("{} {}", letter.owner, letter.place);
    match letter.actions.last() {
        Some(action) if action.kind == "drop" => {
            let Localized { zh, en } = &verdict.sentence;
            let sentence = Localized::new(
                format!("{zh}；{} 已放弃：{}", action.by, action.reason),
                format!("{en}; given up by {}: {}", action.by, action.reason),
            );
            Verdict { sentence, ..verdict }
        }
        Some(action) if action.kind == "replay" => verdict.advise(
            format!("{} 已重发，尚无结果：weir jobs list", action.by),
            format!("{} sent it again, and there is no answer yet: weir jobs list", action.by),
        ),
        _ => verdict
            .advise(
                format!("原因与处理办法：weir dlq show {place}（{code}）"),
                format!("why, and what to do: weir dlq show {place} ({code})"),
            )
            .advise(
                format!("改正之后重发：weir dlq replay {place}"),
                format!("once that is mended: weir dlq replay {place}"),
            ),
    }
}

/// Code and words of what stands in the way: the letter's are the target's own.
fn cause(life: &Life) -> (String, String) {
    let own = |letter: &Letter| (letter.code.clone(), letter.message.clone());
    let of_record = || (life.record.code.clone(), life.record.message.clone());
    let fits = |letter: &&Letter| life.record.code.is_empty() || letter.code == life.record.code;
    life.letters.iter().rev().find(fits).map_or_else(of_record, own)
}

fn waiting(life: &Life, story: &Story<'_>) -> Verdict {
    let Some(waiting) = &life.waiting else {
        return on_the_way(&life.record, story, &story.time(life.record.changed_at));
    };
    let (reference, collection) = (&waiting.reference, &waiting.collection);
    let row =
        format!("weir collections get {collection} --where {}", reference.replace(" and ", " --where "));
    let since = story.time(waiting.since);
    let verdict = Verdict::of(Localized::new(
        format!("自 {since} 起等待集合 {collection} 中的 {reference}"),
        format!("waits for {reference} in the collection {collection} since {since}"),
    ));
    verdict.advise(
        format!("该行出现后自动继续；查看全部等待：weir wait list {}；查该行：{row}", life.key.flow),
        format!(
            "it goes on by itself once that row is there; all that waits: weir wait list {}; the row: {row}",
            life.key.flow
        ),
    )
}

fn left(record: &Record, story: &Story<'_>, since: &str) -> Verdict {
    Verdict::of(Localized::new(
        format!(
            "曾写入{}：{}；自 {since} 起被规则筛除（{}），目标系统中的内容保留",
            story.target("zh"),
            held(record, "zh"),
            rule(record, "zh")
        ),
        format!(
            "was delivered to {} as {}; a rule leaves it out since {since} ({}), and what is there stays",
            story.target("en"),
            held(record, "en"),
            rule(record, "en")
        ),
    ))
}

fn on_the_way(record: &Record, story: &Story<'_>, since: &str) -> Verdict {
    let version = record.flow_ordinal.unwrap_or(0);
    let verdict = Verdict::of(Localized::new(
        format!("已于 {since} 按流程第 {version} 版转换，尚未写入{}", story.target("zh")),
        format!(
            "mapped at {since} by version {version} of the flow, not written to {} yet",
            story.target("en")
        ),
    ));
    verdict.advise(
        "若持续如此，看流程是否暂停或停止：weir flows list，weir status",
        "if it stays so, see whether the flow is paused or halted: weir flows list, weir status",
    )
}

/// What the target calls it; where it calls it nothing, the key it was written under.
fn held(record: &Record, language: &str) -> String {
    let Some(held_there) = &record.delivered else { return String::new() };
    let Delivered { id, number, key, .. } = held_there;
    match (number.is_empty(), id.is_empty(), language) {
        (false, false, "zh") => format!("{number}（内码 {id}）"),
        (false, false, _) => format!("{number} (id {id})"),
        (false, true, _) => number.clone(),
        (true, false, "zh") => format!("内码 {id}"),
        (true, false, _) => format!("id {id}"),
        (true, true, "zh") => format!("主键 {key}"),
        (true, true, _) => format!("key {key}"),
    }
}

fn rule(record: &Record, language: &str) -> String {
    match (record.message.is_empty(), language) {
        (false, _) => record.message.clone(),
        (true, "zh") => "规则未记录".to_owned(),
        (true, _) => "the rule was not kept".to_owned(),
    }
}

fn in_brackets(text: String, language: &str) -> String {
    match (text.is_empty(), language) {
        (true, _) => text,
        (false, "zh") => format!("（原为 {text}）"),
        (false, _) => format!(" (it was {text})"),
    }
}

/// A letter of a source: an answer that never became a record.
pub fn of_source(letter: &Letter, story: &Story<'_>) -> Verdict {
    let at = story.time(letter.at);
    let Letter { owner, place, code, message, .. } = letter;
    let verdict = Verdict::of(Localized::new(
        format!("数据源 {owner} 的回答未能成为记录（{at}，{code}）：「{message}」"),
        format!("an answer of the source {owner} could not become a record at {at} ({code}): 「{message}」"),
    ));
    verdict.advise(
        format!("详情：weir dlq show {owner} {place}"),
        format!("whole: weir dlq show {owner} {place}"),
    )
}

/// A record that was polled and that its flow has not mapped yet.
pub fn of_unmapped(flow: &str, polled_at: Timestamp, story: &Story<'_>) -> Verdict {
    let at = story.time(polled_at);
    let verdict = Verdict::of(Localized::new(
        format!("已于 {at} 轮询到，流程 {flow} 尚未转换"),
        format!("polled at {at}; the flow {flow} has not mapped it yet"),
    ));
    verdict.advise(
        "流程可能已暂停、停止或落后：weir flows list，weir status",
        "the flow may be paused, halted or behind: weir flows list, weir status",
    )
}
