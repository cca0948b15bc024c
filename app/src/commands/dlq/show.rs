//! `weir dlq show`: one letter whole.

use serde_json::{Value, json};
use weir_ledger::{
    book::{Action, Repair},
    letters::Letter,
};
use weir_model::{Json, letter::DeadLetter};

use super::{Letterbox, brief, ledger_failed, meaning, meaning::Meaning, payload::content, state_text};
use crate::{
    cli::{Cli, DlqShow, Language},
    exit::Failure,
    output::say,
};

/// All that is known of a letter.
struct Whole {
    letter: Letter,
    /// None when its topic holds it no more, or Kafka is away.
    stored: Option<DeadLetter>,
    repair: Option<Repair>,
    history: Vec<Action>,
    /// All letters of its record, itself among them, the oldest first.
    of_record: Vec<Letter>,
}

/// Shows letters whole.
pub async fn run(options: &DlqShow, cli: &Cli) -> Result<(), Failure> {
    let (letterbox, _) = Letterbox::open(&options.project, Some(&options.owner), options.mask, cli).await?;
    let heads = letterbox.named(&options.owner, std::slice::from_ref(&options.letter)).await?;
    let letters = letterbox.ledger.letters(&heads).await.map_err(|error| ledger_failed(&error))?;
    letterbox.tell_note(cli);
    for letter in letters {
        let whole = letterbox.whole(letter).await?;
        let answer = letterbox.answer(&whole);
        if cli.json {
            say!("{answer}");
        } else {
            letterbox.print(&whole, &answer);
        }
    }
    Ok(())
}

impl Letterbox {
    async fn whole(&self, letter: Letter) -> Result<Whole, Failure> {
        let id = &letter.head.id;
        let ended_early = self.ended_early();
        let of_record = self.ledger.letters_of_record(&id.owner, &letter.head.record_id, &ended_early).await;
        let repair = self.ledger.repair(id).await.map_err(|error| ledger_failed(&error))?;
        let history = self.ledger.history(id).await.map_err(|error| ledger_failed(&error))?;
        let stored = self.read_one(id)?;
        let of_record = of_record.map_err(|error| ledger_failed(&error))?;
        Ok(Whole { letter, stored, repair, history, of_record })
    }

    /// The letter for programs, masked when that is wished.
    fn answer(&self, whole: &Whole) -> Value {
        let letter = &whole.letter;
        let stored = |part: fn(&DeadLetter) -> &[u8]| {
            whole.stored.as_ref().map_or(Value::Null, |letter| content(part(letter)))
        };
        let (payload, document) = (stored(|letter| &letter.payload), stored(|letter| &letter.body));
        let edited = whole.repair.as_ref().map(|repair| content(repair.payload.as_bytes()));
        let meaning = meaning::of(&letter.head.code, self.language);
        let origin =
            letter.origin.as_ref().map(|at| format!("{}/{} offset {}", at.topic, at.partition, at.offset));
        let earlier: Vec<Value> = whole
            .of_record
            .iter()
            .map(|other| {
                json!({
                    "letter": other.head.id.place.to_string(), "at": other.head.at.to_string(),
                    "code": other.head.code, "message": other.message, "state": other.head.state.as_str(),
                    "job": other.job, "repaired": other.repaired,
                })
            })
            .collect();
        let mut answer = brief(letter);
        let rest = json!({
            "origin": origin, "reason": letter.reason, "flow_version": letter.flow_ordinal, "job": letter.job,
            "part": letter.part, "repaired": letter.repaired, "deleted": letter.deleted,
            "means": meaning.map(|meaning| meaning.means), "remedy": meaning.map(|meaning| meaning.remedy),
            "payload": payload, "edited_payload": edited, "document": document,
            "letters": earlier, "history": whole.history.iter().map(super::history::entry).collect::<Vec<_>>(),
        });
        if let (Some(entries), Json::Object(rest)) = (answer.as_object_mut(), rest) {
            entries.extend(rest);
        }
        let known = [Some(&payload), Some(&document), edited.as_ref()];
        self.masking.learn(known.into_iter().flatten()).json(&answer)
    }

    fn print(&self, whole: &Whole, answer: &Value) {
        let letter = &whole.letter;
        let (owner, place) = (&letter.head.id.owner, letter.head.id.place);
        let text = |key: &str| answer.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let line = |zh: &str, en: &str, value: &str| {
            if !value.is_empty() {
                say!("  {}{value}", self.say(format!("{zh}："), format!("{en}: ")));
            }
        };
        let state = state_text(letter.head.state, self.language);
        say!("{owner} {place}  {} {}  [{state}]", text("number"), text("record"));
        say!("  {} {}", text("code"), text("message"));
        line("字段", "field", &text("field"));
        line("时间", "at", &self.time(owner, letter.head.at));
        line("阶段", "refused by", &letter.head.stage);
        line("原因编号", "cause", &letter.head.cause_id);
        line("来自", "origin", &text("origin"));
        line("由任务", "brought by job", &letter.job);
        if let Some(Meaning { means, remedy }) = meaning::of(&letter.head.code, self.language) {
            line("含义", "means", means);
            line("怎么办", "what to do", remedy);
        }
        self.print_content("记录", "record", answer.get("payload"));
        self.print_content("已编辑，重发时使用", "edited, is sent instead", answer.get("edited_payload"));
        self.print_content("单据", "document", answer.get("document"));
        if whole.stored.is_none() {
            say!(
                "{}",
                self.say(
                    "内容读不到：主题中已没有，或 Kafka 不可用",
                    "The record cannot be read: its topic holds it no more, or Kafka is away."
                )
            );
        }
        self.print_past(whole, answer);
        say!("{}\n", self.next(letter));
    }

    fn print_content(&self, zh: &str, en: &str, content: Option<&Value>) {
        match content {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => say!("{}\n{text}", self.say(zh, en)),
            Some(content) => say!("{}\n{content:#}", self.say(zh, en)),
        }
    }

    /// What happened to the record's letters, and what people did with this one.
    fn print_past(&self, whole: &Whole, answer: &Value) {
        let owner = &whole.letter.head.id.owner;
        if whole.of_record.len() > 1 {
            say!("{}", self.say("此记录的死信", "letters of this record"));
            let messages = answer.get("letters").and_then(Value::as_array).into_iter().flatten();
            for (letter, shown) in whole.of_record.iter().zip(messages) {
                let message = shown.get("message").and_then(Value::as_str).unwrap_or_default();
                let message = message.lines().next().unwrap_or_default();
                let at = self.time(owner, letter.head.at);
                let state = state_text(letter.head.state, self.language);
                say!("  {at}  {}  [{state}]  {} {message}", letter.head.id.place, letter.head.code);
            }
        }
        if !whole.history.is_empty() {
            say!("{}", self.say("处理经过", "what was done"));
            for action in &whole.history {
                say!("  {}", self.history_line(owner, action));
            }
        }
    }

    /// The commands that go on from here.
    fn next(&self, letter: &Letter) -> String {
        let (owner, place) = (&letter.head.id.owner, letter.head.id.place);
        if letter.head.stage == "producer" {
            return self.say(
                format!("此答复从未成为记录，不能重发：weir backfill {owner} 重新读取其时间段，处理后 weir dlq drop {owner} {place} --reason …"),
                format!("This answer never became a record and cannot be sent again: read its time once more with `weir backfill {owner}`, and `weir dlq drop {owner} {place} --reason …` when it is dealt with."),
            );
        }
        match self.language {
            Language::Zh => format!(
                "weir dlq edit {owner} {place} · weir dlq replay {owner} {place} · weir dlq drop {owner} {place} --reason …"
            ),
            Language::En => format!(
                "weir dlq edit {owner} {place} · weir dlq replay {owner} {place} · weir dlq drop {owner} {place} --reason …"
            ),
        }
    }
}
