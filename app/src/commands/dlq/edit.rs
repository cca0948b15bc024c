//! `weir dlq edit`: another payload for a letter, kept in the book until it is sent. The letter itself never changes.

use std::process::Command;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};
use weir_ledger::{
    book::{Action, Deed},
    letters::{Head, LetterId},
};
use weir_model::{Json, letter::DeadLetter};

use super::{Letterbox, ask, difference, ledger_failed, payload::content, rule};
use crate::{
    cli::{Cli, DlqEdit, Language},
    commands::preview,
    exit::Failure,
    output::{self, say},
};

/// Edits the payload of a letter.
pub async fn run(options: &DlqEdit, cli: &Cli) -> Result<(), Failure> {
    let (letterbox, _) = Letterbox::open(&options.project, Some(&options.owner), options.mask, cli).await?;
    let heads = letterbox.named(&options.owner, std::slice::from_ref(&options.letter)).await?;
    let [head] = heads.as_slice() else {
        return Err(Failure::invalid(letterbox.say(
            format!("{:?} 有 {} 封死信，请写位置", options.letter, heads.len()),
            format!("{:?} has {} letters; name one by its place", options.letter, heads.len()),
        )));
    };
    letterbox.check_sendable(head)?;
    let (letter, current) = letterbox.payloads(&head.id).await?;
    let edited = letterbox.edited(options, &current)?;
    let [before, shown] = [&letter.payload, &edited].map(|payload| content(payload));
    let mask = letterbox.masking.learn([&before, &shown]);
    let lines = difference::lines(&mask.json(&before), &mask.json(&shown));
    if edited == current {
        return Err(Failure::invalid(letterbox.say("没有任何变化", "this changes nothing")));
    }
    // Whether the flow accepts it is good to know and no condition: a collection may be away.
    let trial = letterbox.trial(&letter, edited.clone()).await.unwrap_or_else(|failure| {
        eprintln!(
            "{}",
            letterbox.say(
                format!("无法试映射：{}", failure.message()),
                format!("could not try the flow: {}", failure.message())
            )
        );
        None
    });
    if !cli.json {
        for line in &lines {
            say!("{line}");
        }
        if let Some(trial) = &trial {
            say!("{}", mask.text(&letterbox.trial_text(trial)));
        }
    }
    let question = letterbox.say("保存这些修改？", "Keep this?");
    // What is kept is sent by nobody before `replay`, so scripts need no --yes.
    if options.editor && !ask::confirm(&question, &options.person, cli, letterbox.language)? {
        return Ok(());
    }
    let at = Timestamp::now();
    let action = Action {
        id: id_of(Deed::Edit, at),
        at,
        by: ask::name(&options.person),
        kind: Deed::Edit.as_str().to_owned(),
        reason: options.reason.clone(),
        detail: json!({"changed": changed_paths(&before, &shown)}),
        letters: 1,
    };
    let text = String::from_utf8_lossy(&edited);
    let noted = letterbox.ledger.note_repair(&action, &head.id, &text).await;
    noted.map_err(|error| ledger_failed(&error))?;
    let trial = trial.as_ref().map(|trial| mask.json(&preview::result(trial)));
    letterbox.tell_edited(head, &action, &json!({"changes": lines, "trial": trial}), cli);
    Ok(())
}

/// An id for an entry in the book: what was done and when, to the microsecond, in which nobody writes two.
pub fn id_of(deed: Deed, at: Timestamp) -> String {
    let micros = at.subsec_nanosecond() / 1_000;
    format!("{}-{}-{micros:06}", deed.as_str(), at.strftime("%Y%m%d-%H%M%S"))
}

/// Where the payload was changed; the values stay out of the book's entry.
fn changed_paths(before: &Json, after: &Json) -> Vec<String> {
    let lines = difference::lines(before, after);
    let path =
        |line: &String| line.get(2..).and_then(|line| line.split_once(": ")).map(|(path, _)| path.to_owned());
    lines.iter().filter_map(path).collect()
}

impl Letterbox {
    /// Refuses letters that cannot be sent again.
    pub fn check_sendable(&self, head: &Head) -> Result<(), Failure> {
        if head.stage != "producer" {
            return Ok(());
        }
        let (owner, place) = (&head.id.owner, head.id.place);
        Err(Failure::invalid(self.say(
            format!("{owner} {place} 是来源的答复，从未成为记录，不能编辑或重发。用 `weir backfill {owner}` 重新读取其时间段，处理后 `weir dlq drop {owner} {place} --reason …`"),
            format!("{owner} {place} is an answer of the source that never became a record: it cannot be edited or sent again. Read its time once more with `weir backfill {owner}`, and `weir dlq drop {owner} {place} --reason …` when it is dealt with"),
        )))
    }

    /// The letter, and the payload that would be sent now.
    pub async fn payloads(&self, id: &LetterId) -> Result<(DeadLetter, Bytes), Failure> {
        self.kafka()?;
        let letter = self.read_one(id)?.ok_or_else(|| {
            Failure::runtime(self.say(
                format!("主题中已没有 {} {}", id.owner, id.place),
                format!("its topic holds {} {} no more", id.owner, id.place),
            ))
        })?;
        if letter.payload.is_empty() {
            return Err(Failure::invalid(self.say(
                "记录太大，死信里没有它的内容，不能编辑",
                "the record was too large for its letter, which holds no payload to edit",
            )));
        }
        let repair = self.ledger.repair(id).await.map_err(|error| ledger_failed(&error))?;
        let current = repair.map_or_else(|| letter.payload.clone(), |repair| Bytes::from(repair.payload));
        Ok((letter, current))
    }

    fn edited(&self, options: &DlqEdit, current: &Bytes) -> Result<Bytes, Failure> {
        if options.editor {
            return self.by_editor(current);
        }
        if let Some(file) = &options.payload {
            let text = std::fs::read(file)
                .map_err(|error| Failure::invalid(format!("{}: {error}", file.display())))?;
            return self.checked(&text);
        }
        let rule = rule::of(&options.change, self.language)?.ok_or_else(|| {
            Failure::invalid(self.say(
                "说明如何修改：--set、--remove、--replace、--rename、--rule、--editor 或 --payload",
                "say what to change: --set, --remove, --replace, --rename, --rule, --editor or --payload",
            ))
        })?;
        rule.apply(current).map_err(|error| Failure::invalid(output::pick(&error.localized(), self.language)))
    }

    /// Opens the payload, laid out for people, in the person's editor.
    fn by_editor(&self, current: &Bytes) -> Result<Bytes, Failure> {
        let failed = |error: &std::io::Error| Failure::environment("open the editor", error);
        let before = content(current);
        let folder = tempfile::tempdir().map_err(|error| failed(&error))?;
        let file = folder.path().join("payload.json");
        std::fs::write(&file, format!("{before:#}\n")).map_err(|error| failed(&error))?;
        let set = |name| std::env::var(name).ok().filter(|value: &String| !value.trim().is_empty());
        let editor = set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| "vi".to_owned());
        // The variable may hold arguments, so a shell takes it apart; the file's name is no part of that text.
        let mut command = Command::new("sh");
        let status = command.args(["-c", &format!("{editor} \"$1\""), "sh"]).arg(&file).status();
        let status = status.map_err(|error| failed(&error))?;
        if !status.success() {
            return Err(Failure::runtime(
                self.say(format!("编辑器 {editor} 失败"), format!("the editor {editor} failed")),
            ));
        }
        let text = std::fs::read(&file).map_err(|error| failed(&error))?;
        let edited = self.checked(&text)?;
        // Only the layout may differ.
        Ok(if content(&edited) == before { current.clone() } else { edited })
    }

    /// The JSON of a text, in the layout that topics hold.
    fn checked(&self, text: &[u8]) -> Result<Bytes, Failure> {
        let json: Value = serde_json::from_slice(text).map_err(|error| {
            Failure::invalid(self.say(format!("不是 JSON：{error}"), format!("this is no JSON: {error}")))
        })?;
        Ok(Bytes::from(json.to_string()))
    }

    fn tell_edited(&self, head: &Head, action: &Action, told: &Value, cli: &Cli) {
        let (owner, place) = (&head.id.owner, head.id.place);
        if cli.json {
            say!(
                "{}",
                json!({
                    "owner": owner, "letter": place.to_string(), "action": action.id,
                    "changes": told["changes"], "trial": told["trial"],
                })
            );
            return;
        }
        match self.language {
            Language::Zh => say!("已保存；`weir dlq replay {owner} {place}` 重发"),
            Language::En => say!("kept; `weir dlq replay {owner} {place}` sends it"),
        }
    }
}
