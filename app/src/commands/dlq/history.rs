//! `weir dlq history`: the book.

use serde_json::{Value, json};
use weir_ledger::book::Action;

use super::{Letterbox, ledger_failed};
use crate::{
    cli::{Cli, DlqHistory},
    exit::Failure,
    output::say,
};

/// Tells what was done, the newest last.
pub async fn run(options: &DlqHistory, cli: &Cli) -> Result<(), Failure> {
    let (letterbox, _) = Letterbox::open(&options.project, options.owner.as_deref(), false, cli).await?;
    let actions = match (&options.owner, &options.letter) {
        (Some(owner), Some(letter)) => {
            let mut actions = Vec::new();
            for head in letterbox.named(owner, std::slice::from_ref(letter)).await? {
                let of_letter = letterbox.ledger.history(&head.id).await;
                actions.extend(of_letter.map_err(|error| ledger_failed(&error))?);
            }
            actions
        }
        (owner, _) => {
            let actions = letterbox.ledger.actions(owner.as_deref(), options.limit).await;
            let mut actions = actions.map_err(|error| ledger_failed(&error))?;
            actions.reverse();
            actions
        }
    };
    if cli.json {
        say!("{}", json!({"actions": actions.iter().map(entry).collect::<Vec<_>>()}));
        return Ok(());
    }
    let owner = options.owner.as_deref().unwrap_or_default();
    for action in &actions {
        say!("{}", letterbox.history_line(owner, action));
    }
    if actions.is_empty() {
        say!("{}", letterbox.say("还没有人处理过", "nothing was done so far"));
    }
    Ok(())
}

/// An entry for programs.
pub fn entry(action: &Action) -> Value {
    json!({
        "id": action.id, "at": action.at.to_string(), "by": action.by, "kind": action.kind,
        "reason": action.reason, "letters": action.letters, "detail": action.detail,
    })
}

impl Letterbox {
    /// An entry on one line.
    pub fn history_line(&self, owner: &str, action: &Action) -> String {
        let Action { by, kind, reason, letters, id, .. } = action;
        let at = self.time(owner, action.at);
        let what = match kind.as_str() {
            "edit" => self.say("编辑", "edited"),
            "replay" => self.say("重发", "sent again"),
            "drop" => self.say("放弃", "gave up"),
            other => other.to_owned(),
        };
        let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        let plural = if *letters == 1 { "" } else { "s" };
        let count = self.say(format!("{letters} 封"), format!("{letters} letter{plural}"));
        format!("{at}  {by}  {what} {count}{why}  ({id})")
    }
}
