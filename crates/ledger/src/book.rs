//! The book: what people did with letters, when and why. No topic knows it, and no rebuild touches it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value as Json;

use crate::{
    Error, Ledger, Row, Value,
    letters::{Decision, LetterId, Verdict, decision, id, of_letter, time},
};

/// What a person does with letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Keeps another payload to be sent instead.
    Edit,
    /// Has them sent again.
    Replay,
    /// Gives them up.
    Drop,
}

impl Deed {
    /// The deed's name in the book and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Edit => "edit",
            Self::Replay => "replay",
            Self::Drop => "drop",
        }
    }
}

/// An entry in the book.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// Its id; that of a replay is its job's.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// [`Deed::as_str`] of what was done.
    pub kind: String,
    /// Why, in their words; empty when nothing was said.
    pub reason: String,
    /// The filter, the rule; a JSON object.
    pub detail: Json,
    /// How many letters it was about.
    pub letters: i64,
}

/// A payload that a person edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The payload to send instead of the letter's.
    pub payload: String,
    /// Who edited it last.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What the book knows of the letters of some owners.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    decisions: BTreeMap<LetterId, Decision>,
    edited: Vec<LetterId>,
}

impl Marks {
    pub(crate) fn decision(&self, letter: &LetterId) -> Option<&Decision> {
        self.decisions.get(letter)
    }

    pub(crate) fn is_edited(&self, letter: &LetterId) -> bool {
        self.edited.binary_search(letter).is_ok()
    }
}

impl Ledger {
    /// Writes that letters are sent again, or given up: the entry, and how each of them stands then, all or nothing.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn note_decision(
        &self,
        action: &Action,
        verdict: Verdict,
        letters: &[LetterId],
    ) -> Result<(), Error> {
        let job = if verdict == Verdict::Resend { action.id.as_str() } else { "" };
        let states: Vec<Vec<Value>> = letters
            .iter()
            .map(|letter| {
                let rest = [verdict.as_str().into(), action.id.as_str().into(), job.into(), us(action.at)];
                of_letter(letter).into_iter().chain(rest).collect()
            })
            .collect();
        let mut session = self.book.begin().await?;
        enter(&mut session, action, letters).await?;
        session
            .replace("letter_state", "owner, part, log_offset, state, action_id, job, at_us", &states)
            .await?;
        session.commit().await
    }

    /// Keeps another payload for a letter, which replaces the one that was kept before.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn note_repair(&self, action: &Action, letter: &LetterId, payload: &str) -> Result<(), Error> {
        let rest = [payload.into(), action.by.as_str().into(), us(action.at)];
        let row: Vec<Value> = of_letter(letter).into_iter().chain(rest).collect();
        let mut session = self.book.begin().await?;
        enter(&mut session, action, std::slice::from_ref(letter)).await?;
        session.replace("repair", "owner, part, log_offset, payload, by_whom, at_us", &[row]).await?;
        session.commit().await
    }

    /// The payload that a person keeps for a letter.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn repair(&self, letter: &LetterId) -> Result<Option<Repair>, Error> {
        let statement =
            "SELECT payload, by_whom, at_us FROM repair WHERE owner = ? AND part = ? AND log_offset = ?";
        let rows = self.book.fetch(statement, &of_letter(letter)).await?;
        let repair = |row: &Row| {
            Ok(Repair {
                payload: row.plain_text("payload")?,
                by: row.plain_text("by_whom")?,
                at: time(row, "at_us")?.unwrap_or_default(),
            })
        };
        rows.first().map(repair).transpose()
    }

    /// What was done with a letter, the oldest first.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn history(&self, letter: &LetterId) -> Result<Vec<Action>, Error> {
        let statement = format!(
            "{ACTIONS} WHERE a.id IN (SELECT action_id FROM action_letter \
             WHERE owner = ? AND part = ? AND log_offset = ?) ORDER BY a.at_us, a.id"
        );
        self.book.fetch(&statement, &of_letter(letter)).await?.iter().map(action).collect()
    }

    /// What was done last, in all flows or with letters of one; the newest first, at most `limit`.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn actions(&self, owner: Option<&str>, limit: u32) -> Result<Vec<Action>, Error> {
        let (condition, values) = match owner {
            Some(owner) => (
                " WHERE a.id IN (SELECT action_id FROM action_letter WHERE owner = ?)",
                vec![Value::from(owner)],
            ),
            None => ("", Vec::new()),
        };
        let statement = format!("{ACTIONS}{condition} ORDER BY a.at_us DESC, a.id LIMIT {limit}");
        self.book.fetch(&statement, &values).await?.iter().map(action).collect()
    }

    /// What is decided and kept about the letters of these owners; of all when there is none.
    pub(crate) async fn marks(&self, owners: &[String]) -> Result<Marks, Error> {
        let condition = match owners.len() {
            0 => String::new(),
            count => format!(" WHERE owner IN ({})", vec!["?"; count].join(", ")),
        };
        let values: Vec<Value> = owners.iter().map(|owner| Value::from(owner.as_str())).collect();
        let mut marks = Marks::default();
        for row in self.book.fetch(&format!("SELECT * FROM letter_state{condition}"), &values).await? {
            if let Some(decision) = decision(&row)? {
                marks.decisions.insert(id(&row)?, decision);
            }
        }
        let statement = format!("SELECT owner, part, log_offset FROM repair{condition}");
        let edited = self.book.fetch(&statement, &values).await?;
        marks.edited = edited.iter().map(id).collect::<Result<_, _>>()?;
        marks.edited.sort();
        Ok(marks)
    }
}

const ACTIONS: &str = "SELECT a.id, a.at_us, a.by_whom, a.kind, a.reason, a.detail, \
    (SELECT COUNT(*) FROM action_letter l WHERE l.action_id = a.id) AS letters FROM action a";

async fn enter(session: &mut crate::Session, action: &Action, letters: &[LetterId]) -> Result<(), Error> {
    let row = vec![
        action.id.as_str().into(),
        us(action.at),
        action.by.as_str().into(),
        action.kind.as_str().into(),
        action.reason.as_str().into(),
        action.detail.to_string().into(),
    ];
    session.replace("action", "id, at_us, by_whom, kind, reason, detail", &[row]).await?;
    let about: Vec<Vec<Value>> = letters
        .iter()
        .map(|letter| std::iter::once(action.id.as_str().into()).chain(of_letter(letter)).collect())
        .collect();
    session.replace("action_letter", "action_id, owner, part, log_offset", &about).await
}

fn us(at: Timestamp) -> Value {
    at.as_microsecond().into()
}

fn action(row: &Row) -> Result<Action, Error> {
    Ok(Action {
        id: row.plain_text("id")?,
        at: time(row, "at_us")?.unwrap_or_default(),
        by: row.plain_text("by_whom")?,
        kind: row.plain_text("kind")?,
        reason: row.plain_text("reason")?,
        detail: serde_json::from_str(&row.plain_text("detail")?).unwrap_or(Json::Null),
        letters: row.plain_integer("letters")?,
    })
}
