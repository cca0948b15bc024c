//! `weir dlq group`: letters by their cause, so that one repair serves them all.

use serde_json::{Map, Value, json};
use weir_ledger::letters::{Filter, Group, State};

use super::{Letterbox, brief, ledger_failed, meaning, select, state_text};
use crate::{
    cli::{Cli, DlqGroup, Language},
    exit::Failure,
    output::{self, say},
};

/// Counts letters by cause, the most frequent first.
pub async fn run(options: &DlqGroup, cli: &Cli) -> Result<(), Failure> {
    let (letterbox, owners) =
        Letterbox::open(&options.project, options.owner.as_deref(), options.mask, cli).await?;
    let filter =
        select::filter(&letterbox.project, &owners, &options.filter, options.state, letterbox.language)?;
    let ended_early = letterbox.ended_early();
    let groups = letterbox.ledger.letter_groups(&filter, &ended_early).await;
    let groups = letterbox.masked_groups(groups.map_err(|error| ledger_failed(&error))?)?;
    // Of all letters that the rest of the filter lets through: what was done about the others.
    let all = letterbox.heads(&Filter { states: Vec::new(), ..filter }).await?;
    let counts = State::ALL.map(|state| all.iter().filter(|head| head.state == state).count());
    letterbox.tell_note(cli);
    if cli.json {
        let list: Vec<Value> = groups.iter().map(group_json).collect();
        say!("{}", json!({"groups": list, "states": states_json(counts), "note": letterbox.note_json()}));
        return Ok(());
    }
    for group in &groups {
        output::tell(&letterbox.paragraph(group));
    }
    let counts: Vec<String> = State::ALL
        .iter()
        .zip(counts)
        .map(|(state, count)| format!("{} {count}", state_text(*state, letterbox.language)))
        .collect();
    say!("{}", counts.join(" · "));
    Ok(())
}

fn states_json(counts: [usize; State::ALL.len()]) -> Value {
    let counts = State::ALL.iter().zip(counts);
    Value::Object(
        counts.map(|(state, count)| (state.as_str().to_owned(), json!(count))).collect::<Map<_, _>>(),
    )
}

fn group_json(group: &Group) -> Value {
    json!({
        "owner": group.owner, "cause_id": group.cause_id, "code": group.code, "cause": group.cause,
        "count": group.count, "states": states_json(group.states),
        "first": group.first.to_string(), "last": group.last.to_string(), "sample": brief(&group.sample),
    })
}

impl Letterbox {
    fn masked_groups(&self, mut groups: Vec<Group>) -> Result<Vec<Group>, Failure> {
        let samples = self.masked(groups.iter().map(|group| group.sample.clone()).collect())?;
        for (group, sample) in groups.iter_mut().zip(samples) {
            group.cause.clone_from(&sample.cause);
            group.sample = sample;
        }
        Ok(groups)
    }

    /// One cause: how many, what it means, a sample, what to do.
    fn paragraph(&self, group: &Group) -> String {
        let Group { owner, cause_id, code, cause, count, first, last, sample, .. } = group;
        let (first, last) = (self.time(owner, *first), self.time(owner, *last));
        let number = if sample.number.is_empty() { &sample.head.record_id } else { &sample.number };
        let cause = cause.lines().next().unwrap_or_default();
        let mut text = match self.language {
            Language::Zh => format!(
                "{count} 封  {code}  {cause}\n  {owner}，原因 {cause_id}，{first} 至 {last}，例如 {} {number}\n",
                sample.head.id.place
            ),
            Language::En => format!(
                "{count} × {code}  {cause}\n  {owner}, cause {cause_id}, {first} to {last}, such as {} {number}\n",
                sample.head.id.place
            ),
        };
        if let Some(meaning) = meaning::of(code, self.language) {
            text.push_str(&format!("  {}\n", meaning.means));
        }
        text.push_str(&match self.language {
            Language::Zh => format!("  重发：weir dlq replay {owner} --cause {cause_id}\n\n"),
            Language::En => format!("  send again: weir dlq replay {owner} --cause {cause_id}\n\n"),
        });
        text
    }
}
