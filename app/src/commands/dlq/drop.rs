//! `weir dlq drop`: letters that nothing more is to come of, given up by a named person for a reason (invariant 3).

use jiff::Timestamp;
use serde_json::json;
use weir_ledger::{
    book::{Action, Deed},
    letters::{LetterId, State, Verdict},
};

use super::{Letterbox, ask, ledger_failed};
use crate::{
    cli::{Cli, DlqDrop},
    exit::Failure,
    output::say,
};

/// Gives letters up.
pub async fn run(options: &DlqDrop, cli: &Cli) -> Result<(), Failure> {
    let (letterbox, _) = Letterbox::open(&options.project, Some(&options.owner), false, cli).await?;
    let owner = &options.owner;
    if options.reason.trim().is_empty() {
        return Err(Failure::invalid(
            letterbox.say("写明理由：--reason …", "say why: --reason …; it is kept with your name"),
        ));
    }
    let mut heads = letterbox.chosen(owner, &options.letters, &options.filter, options.all).await?;
    heads.retain(|head| !matches!(head.state, State::Solved | State::GivenUp | State::FailedAgain));
    let count = heads.len();
    if count == 0 {
        return letterbox.nothing_to_do(cli);
    }
    let question = letterbox
        .say(format!("放弃 {owner} 的 {count} 封死信？"), format!("Give up {count} letters of {owner}?"));
    if !ask::confirm(&question, &options.person, cli, letterbox.language)? {
        return Ok(());
    }
    let at = Timestamp::now();
    let action = Action {
        id: super::edit::id_of(Deed::Drop, at),
        at,
        by: ask::name(&options.person),
        kind: Deed::Drop.as_str().to_owned(),
        reason: options.reason.clone(),
        detail: json!({"owner": owner, "filter": super::replay::asked(&options.letters, &options.filter)}),
        letters: 0,
    };
    let ids: Vec<LetterId> = heads.into_iter().map(|head| head.id).collect();
    let noted = letterbox.ledger.note_decision(&action, Verdict::GiveUp, &ids).await;
    noted.map_err(|error| ledger_failed(&error))?;
    if cli.json {
        say!("{}", json!({"given_up": count, "action": action.id}));
    } else {
        say!(
            "{}",
            letterbox.say(
                format!("{count} 封已放弃（{}）", action.id),
                format!("{count} letters given up ({})", action.id)
            )
        );
    }
    Ok(())
}

impl Letterbox {
    /// Says that no letter is meant.
    pub fn nothing_to_do(&self, cli: &Cli) -> Result<(), Failure> {
        if cli.json {
            say!("{}", json!({"letters": 0}));
        } else {
            say!("{}", self.say("没有符合的待处理死信", "no letter is to be dealt with"));
        }
        Ok(())
    }
}
