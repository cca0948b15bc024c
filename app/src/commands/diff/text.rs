//! The comparison for people: counts, fields with examples, and what follows from it.

use std::fmt::Write as _;

use weir_model::Json;

use super::{
    Answer,
    compare::Kind,
    ends, rewritten,
    summary::{Example, Group},
};
use crate::{
    commands::page::{Cell, Page, Tone, side_by_side},
    output,
};

/// Groups that are shown before the rest is only counted.
const MOST_GROUPS: usize = 40;

/// The whole answer.
pub fn answer(answer: &Answer<'_>, page: Page) -> String {
    let mut text = heading(answer, page);
    counts(answer, page, &mut text);
    fields(answer, page, &mut text);
    endings(answer, page, &mut text);
    list(answer, page, &mut text);
    consequences(answer, page, &mut text);
    text
}

/// Says that there was nothing to compare.
pub fn nothing(answer: &Answer<'_>, page: Page) -> String {
    let topic = answer.topic;
    page.say(
        &format!("{topic} 在这段时间没有记录{}；放宽 --since 和 --until", between(answer, page)),
        &format!("{topic} has no record of that time{}; widen --since and --until", between(answer, page)),
    )
}

fn between(answer: &Answer<'_>, page: Page) -> String {
    match ends(answer.span) {
        (None, None) => String::new(),
        (Some(since), None) => page.say(&format!("（自 {since}）"), &format!(" (since {since})")),
        (None, Some(until)) => page.say(&format!("（{until} 之前）"), &format!(" (before {until})")),
        (Some(since), Some(until)) => {
            page.say(&format!("（{since} 至 {until}）"), &format!(" ({since} to {until})"))
        }
    }
}

fn heading(answer: &Answer<'_>, page: Page) -> String {
    let Answer { sides, read, summary, topic, left_out, .. } = answer;
    let old = match sides.version {
        Some(version) => page.say(&format!("版本 {version}"), &format!("version {version}")),
        None => sides.old.file.clone(),
    };
    let line = format!("{}: {old} → {}", sides.old.spec.name, sides.new.file);
    let mut text = format!("{}\n", page.paint(Tone::Strong, &line));
    let (found, mapped, older) = (read.found, summary.records, read.older);
    let states = match (answer.span.all_states, older) {
        (true, _) | (_, 0) => String::new(),
        _ => page.say(&format!("，略去 {older} 个旧状态"), &format!(", without {older} older states")),
    };
    let said = page.say(
        &format!("{topic}{}：读取 {found} 条，映射 {mapped} 条{states}", between(answer, page)),
        &format!("{topic}{}: {found} records read, {mapped} mapped{states}", between(answer, page)),
    );
    paragraph(&said, 0, Tone::Faint, page, &mut text);
    if *left_out > 0 {
        let said = page.say(
            &format!("另有约 {left_out} 条更早的记录未读（--limit）"),
            &format!("about {left_out} older records were not read (--limit)"),
        );
        paragraph(&said, 0, Tone::Doubtful, page, &mut text);
    }
    if let Some(why) = &read.why {
        let count = read.unreadable;
        let said = page.say(&format!("{count} 条无法读取：{why}"), &format!("{count} cannot be read: {why}"));
        paragraph(&said, 0, Tone::Bad, page, &mut text);
    }
    text
}

fn counts(answer: &Answer<'_>, page: Page, text: &mut String) {
    let known = Kind::ALL.iter().map(|kind| (*kind, answer.summary.count(*kind)));
    let shown: Vec<(Kind, u64)> = known.filter(|(kind, count)| *kind == Kind::Same || *count > 0).collect();
    let width =
        shown.iter().map(|(kind, _)| output::display_width(&name(*kind, page))).max().unwrap_or_default();
    text.push('\n');
    for (kind, count) in shown {
        let name = name(kind, page);
        let pad = " ".repeat(width - output::display_width(&name));
        let _ = writeln!(text, "  {}{pad}  {count:>9}", page.paint(tone(kind), &name));
    }
}

fn fields(answer: &Answer<'_>, page: Page, text: &mut String) {
    let fields = answer.summary.fields();
    if fields.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{}", page.paint(Tone::Strong, &page.say("字段", "Fields")));
    for (name, group) in fields.iter().take(MOST_GROUPS) {
        let _ = writeln!(text, "  {}  {}", page.paint(Tone::Doubtful, name), count_of(group, page));
        examples(group, name, page, text);
    }
    more(fields.len(), page, text);
}

/// In how many documents, how many values where they are more, and by how much in all.
fn count_of(group: &Group, page: Page) -> String {
    let (documents, values) = (group.documents, group.values);
    let mut said = page.say(&format!("{documents} 份单据"), &format!("{documents} documents"));
    if values > documents {
        said.push_str(&page.say(&format!("，{values} 个值"), &format!(", {values} values")));
    }
    if let Some(sum) = &group.sum {
        let sign = if sum.to_string().starts_with('-') { "" } else { "+" };
        said.push_str(&page.say(&format!("，合计 {sign}{sum}"), &format!(", sum {sign}{sum}")));
    }
    said
}

fn endings(answer: &Answer<'_>, page: Page, text: &mut String) {
    let endings = answer.summary.endings();
    if endings.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{}", page.paint(Tone::Strong, &page.say("结果不同", "Other endings")));
    for (kind, cause, group) in endings.iter().take(MOST_GROUPS) {
        let gap = if cause.is_empty() { "" } else { "  " };
        let (name, count) = (page.paint(tone(*kind), &name(*kind, page)), group.documents);
        let count = page.say(&format!("{count} 份单据"), &format!("{count} documents"));
        let _ = writeln!(text, "  {name}  {count}{gap}{cause}");
        examples(group, "", page, text);
    }
    more(endings.len(), page, text);
}

fn examples(group: &Group, field: &str, page: Page, text: &mut String) {
    for Example { number, place, old, new } in &group.examples {
        let place = if place == field || place.is_empty() { String::new() } else { format!("\n{place}") };
        let number_width = page.width / 3;
        let cells = [
            (Cell::plain(format!("{number}{place}")), number_width),
            (
                Cell::plain(format!("{} → {}", value(old.as_ref()), value(new.as_ref()))),
                page.width - number_width - 8,
            ),
        ];
        text.push_str(&side_by_side(page, 6, "  ", &cells));
    }
}

fn value(value: Option<&Json>) -> String {
    match value {
        None => "—".to_owned(),
        Some(Json::String(text)) if !text.is_empty() => text.clone(),
        Some(value) => value.to_string(),
    }
}

fn list(answer: &Answer<'_>, page: Page, text: &mut String) {
    if answer.summary.list.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{}", page.paint(Tone::Strong, &page.say("单据", "Documents")));
    for document in &answer.summary.list {
        let number_width = page.width / 3;
        let said = format!("{}  {}", name(document.kind, page), document.what);
        let cells = [
            (Cell::plain(&document.number), number_width),
            (Cell::plain(said), page.width - number_width - 4),
        ];
        text.push_str(&side_by_side(page, 2, "  ", &cells));
    }
}

/// What holds beside the comparison, and what to do next.
fn consequences(answer: &Answer<'_>, page: Page, text: &mut String) {
    let (flow, file) = (&answer.sides.old.spec.name, &answer.sides.new.file);
    let mut said = Vec::new();
    if answer.sides.polls_otherwise() {
        said.push(page.say(
            "来源一节也不同：之后轮询到的记录可能不同，这里看不出来。",
            "The source section differs as well: other records may be polled from then on, which is not seen here.",
        ));
    }
    if answer.summary.has_changes() {
        let written = rewritten(answer.summary);
        let since = answer.span.since.or(answer.read.oldest).unwrap_or_default();
        said.push(page.say(
            &format!("没有发送任何内容，已写入的单据保持不变。启用：`weir flows apply {flow}`，先让项目读取 {file}。"),
            &format!("Nothing was sent; written documents stay. To use it: put {file} in the project, `weir flows apply {flow}`."),
        ));
        said.push(page.say(
            &format!("之后 `weir replay {flow} --since {since}` 会按新映射重写这段时间的 {written} 份单据。"),
            &format!(
                "`weir replay {flow} --since {since}` would then write {written} documents of that time anew."
            ),
        ));
        if answer.summary.count(Kind::KeyChanged) > 0 {
            said.push(page.say(
                "主键不同的单据会被 ERP 目标以 KEY-CHANGED 拒绝，在 SQL 目标上成为新行。",
                "Documents with another key are refused by ERP targets (KEY-CHANGED), and are new rows of SQL targets.",
            ));
        }
    } else {
        said.push(page.say("没有差别。没有发送任何内容。", "No difference. Nothing was sent."));
    }
    text.push('\n');
    said.iter().for_each(|line| paragraph(line, 0, Tone::Good, page, text));
}

fn paragraph(said: &str, indent: usize, tone: Tone, page: Page, text: &mut String) {
    let cell = if tone == Tone::Good { Cell::plain(said) } else { Cell::toned(tone, said) };
    text.push_str(&side_by_side(page, indent, "", &[(cell, page.width - indent)]));
}

fn more(all: usize, page: Page, text: &mut String) {
    if let Some(rest) = all.checked_sub(MOST_GROUPS).filter(|rest| *rest > 0) {
        let line = page
            .say(&format!("……还有 {rest} 组，--json 显示全部"), &format!("… {rest} more; --json shows all"));
        let _ = writeln!(text, "  {line}");
    }
}

fn tone(kind: Kind) -> Tone {
    match kind {
        Kind::Same | Kind::Accepted => Tone::Good,
        Kind::Refused | Kind::RefusedOtherwise | Kind::KeyChanged => Tone::Bad,
        Kind::Changed | Kind::Filtered | Kind::Waiting | Kind::Added | Kind::Gone => Tone::Doubtful,
    }
}

fn name(kind: Kind, page: Page) -> String {
    let (zh, en) = match kind {
        Kind::Same => ("相同", "same"),
        Kind::Changed => ("内容不同", "changed"),
        Kind::KeyChanged => ("主键不同", "key changed"),
        Kind::Accepted => ("新近交付", "newly delivered"),
        Kind::Refused => ("新近拒绝", "newly refused"),
        Kind::RefusedOtherwise => ("拒绝原因不同", "refused otherwise"),
        Kind::Filtered => ("新近过滤", "newly filtered"),
        Kind::Waiting => ("新近等待", "newly waiting"),
        Kind::Added => ("多出的单据", "further documents"),
        Kind::Gone => ("减少的单据", "documents no more"),
    };
    page.say(zh, en)
}
