//! What the events of a life mean, in a word for programs and a sentence for people.

use weir_ledger::trace::Event;
use weir_model::settings::Localized;

use super::story::Story;

/// One word for programs, and a sentence for people.
pub fn of(event: &Event, story: &Story<'_>) -> (&'static str, Localized) {
    match event.stream.as_str() {
        "doc" => of_document(event),
        "receipt" => of_receipt(event, story),
        "wait" => of_waiting(event),
        // Its words stand at the refusal before.
        _ => {
            let code = &event.code;
            ("lettered", Localized::new(format!("进入死信，{code}"), format!("became a dead letter, {code}")))
        }
    }
}

fn of_document(event: &Event) -> (&'static str, Localized) {
    let version = event.flow_ordinal.unwrap_or(0);
    match event.kind.as_str() {
        "filtered" => {
            let rule = event.text("text");
            let told = Localized::new(
                format!("被流程第 {version} 版的规则筛除：{rule}"),
                format!("left out by a rule of version {version} of the flow: {rule}"),
            );
            ("filtered", told)
        }
        "refused-by-mapping" => {
            let (zh, en) = refusal(event);
            let told = Localized::new(
                format!("流程第 {version} 版转换失败，{zh}"),
                format!("version {version} of the flow could not map it, {en}"),
            );
            ("refused", told)
        }
        _ => {
            let key = event.text("key");
            let told = Localized::new(
                format!("按流程第 {version} 版转换，主键 {key}"),
                format!("mapped by version {version} of the flow, key {key}"),
            );
            ("mapped", told)
        }
    }
}

fn of_receipt(event: &Event, story: &Story<'_>) -> (&'static str, Localized) {
    let target = Localized::new(story.target("zh"), story.target("en"));
    let name = named(event);
    let (zh, en) = refusal(event);
    match event.kind.as_str() {
        "sending" => (
            "sending",
            Localized::new(format!("即将发往{}", target.zh), format!("about to be sent to {}", target.en)),
        ),
        "delivered" => (
            "delivered",
            Localized::new(
                format!("{}已保存{}", target.zh, name.zh),
                format!("stored at {}{}", target.en, name.en),
            ),
        ),
        "incomplete" => (
            "incomplete",
            Localized::new(
                format!("{}已保存{}，后续步骤被拒绝，{zh}", target.zh, name.zh),
                format!("stored at {}{}, a later step was refused, {en}", target.en, name.en),
            ),
        ),
        "refused" => ("refused", Localized::new(format!("被拒绝，{zh}"), format!("refused, {en}"))),
        "left" => (
            "left",
            Localized::new(
                "被规则筛除，目标系统中的内容保留",
                "left out by a rule, what the target holds stays",
            ),
        ),
        "removed" => (
            "removed",
            Localized::new(format!("已从{}撤回或删除", target.zh), format!("taken back at {}", target.en)),
        ),
        _ => ("decided", Localized::new("已处理，无需写入", "decided: nothing to write")),
    }
}

fn of_waiting(event: &Event) -> (&'static str, Localized) {
    if event.kind == "released" {
        return ("released", Localized::new("等待结束", "waits no more"));
    }
    let (collection, reference) = (event.text("collection"), event.text("reference"));
    let told = Localized::new(
        format!("开始等待集合 {collection} 中的 {reference}"),
        format!("begins to wait for {reference} in the collection {collection}"),
    );
    ("waits", told)
}

/// Code and words, in Chinese and English punctuation.
fn refusal(event: &Event) -> (String, String) {
    let message = event.text("message") + &event.text("text");
    (format!("{}：「{message}」", event.code), format!("{}: 「{message}」", event.code))
}

/// As what the target holds it.
fn named(event: &Event) -> Localized {
    let (id, number) = (event.text("id"), event.text("number"));
    match (number.is_empty(), id.is_empty()) {
        (false, false) => {
            Localized::new(format!("为 {number}（内码 {id}）"), format!(" as {number} (id {id})"))
        }
        (false, true) => Localized::new(format!("为 {number}"), format!(" as {number}")),
        (true, false) => Localized::new(format!("，内码 {id}"), format!(" with the id {id}")),
        (true, true) => Localized::default(),
    }
}

/// What a person did with a letter.
pub fn said(kind: &str, by: &str, reason: &str) -> Localized {
    let (zh, en) = match kind {
        "edit" => ("修改了死信", "edited the letter"),
        "replay" => ("重发了死信", "sent the letter again"),
        "drop" => ("放弃了死信", "gave the letter up"),
        other => (other, other),
    };
    if reason.is_empty() {
        return Localized::new(format!("{by} {zh}"), format!("{by} {en}"));
    }
    Localized::new(format!("{by} {zh}：{reason}"), format!("{by} {en}: {reason}"))
}
