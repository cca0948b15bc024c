//! `weir dlq list`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use weir_ledger::letters::{Letter, LetterId};

use super::{Letterbox, brief, ledger_failed, payload::content, select, state_text};
use crate::{
    cli::{Cli, DlqList, Language},
    exit::Failure,
    output::{self, say},
};

/// Lists letters, the newest last.
pub async fn run(options: &DlqList, cli: &Cli) -> Result<(), Failure> {
    let (letterbox, owners) =
        Letterbox::open(&options.project, options.owner.as_deref(), options.mask, cli).await?;
    let filter =
        select::filter(&letterbox.project, &owners, &options.filter, options.state, letterbox.language)?;
    let heads = letterbox.heads(&filter).await?;
    let page: Vec<_> = heads.iter().skip(options.skip).take(options.limit).rev().cloned().collect();
    let letters = letterbox.ledger.letters(&page).await.map_err(|error| ledger_failed(&error))?;
    let letters = letterbox.masked(letters)?;
    letterbox.tell_note(cli);
    if cli.json {
        let list: Vec<Value> = letters.iter().map(brief).collect();
        say!("{}", json!({"total": heads.len(), "letters": list, "note": letterbox.note_json()}));
        return Ok(());
    }
    let rows: Vec<Vec<String>> = letters.iter().map(|letter| letterbox.row(letter)).collect();
    let headings = match letterbox.language {
        Language::Zh => ["流程", "死信", "时间", "单号", "状态", "错误码", "原因"],
        Language::En => ["owner", "letter", "at", "number", "state", "code", "cause"],
    };
    output::tell(&output::table(&headings, &rows));
    let (total, shown) = (heads.len(), rows.len());
    say!(
        "{}",
        letterbox.say(format!("{total} 封死信，显示 {shown} 封"), format!("{total} letters, {shown} shown"))
    );
    Ok(())
}

impl Letterbox {
    fn row(&self, letter: &Letter) -> Vec<String> {
        let head = &letter.head;
        vec![
            head.id.owner.clone(),
            head.id.place.to_string(),
            self.time(&head.id.owner, head.at),
            if letter.number.is_empty() { head.record_id.clone() } else { letter.number.clone() },
            state_text(head.state, self.language).to_owned(),
            head.code.clone(),
            letter.message.lines().next().unwrap_or_default().to_owned(),
        ]
    }

    /// The letters with personal data masked in their words, when that is wished: what is personal stands in their
    /// payloads.
    pub fn masked(&self, mut letters: Vec<Letter>) -> Result<Vec<Letter>, Failure> {
        if !self.masking.is_on() {
            return Ok(letters);
        }
        let ids: Vec<LetterId> = letters.iter().map(|letter| letter.head.id.clone()).collect();
        let owners: BTreeSet<&str> = ids.iter().map(|id| id.owner.as_str()).collect();
        let mut words: BTreeMap<LetterId, [String; 2]> = BTreeMap::new();
        for owner in owners.iter().filter(|_| self.kafka.is_ok()) {
            let of_owner: Vec<&LetterId> = ids.iter().filter(|id| id.owner == **owner).collect();
            self.read(owner, &of_owner, |place, whole| {
                let id = LetterId { owner: (*owner).to_owned(), place };
                let (payload, body) = (content(&whole.payload), content(&whole.body));
                let mask = self.masking.learn([&payload, &body]);
                let known = letters.iter().find(|letter| letter.head.id == id);
                let shown = known
                    .map(|letter| [&letter.message, &letter.cause].map(|text| mask.text(text).into_owned()));
                words.extend(shown.map(|shown| (id, shown)));
            })?;
        }
        for letter in &mut letters {
            // Without the payload nobody knows what of the words is personal.
            let hidden = || [self.say("（已遮盖）", "(masked)"), String::new()];
            [letter.message, letter.cause] = words.remove(&letter.head.id).unwrap_or_else(hidden);
        }
        Ok(letters)
    }
}
