//! Which refusals a person gave up, by the book of the ledger.

use std::{collections::HashSet, time::Duration};

use weir_ledger::letters::{Filter, State};
use weir_model::names::RecordId;

use super::reading::Reading;
use crate::{exit::Failure, ledger};

/// How long the ledger may take to come up to the present.
const CATCH_UP: Duration = Duration::from_secs(20);

/// The documents of the flow whose letter, written since the first day, was given up; and what to know of the answer.
///
/// # Errors
/// The ledger cannot be reached.
pub async fn given_up(reading: &Reading<'_>) -> Result<(HashSet<RecordId>, Option<String>), Failure> {
    let desk = reading.desk;
    let ledger = ledger::open(&desk.project).await?;
    let follower = ledger::follower(&desk.project, &ledger, &desk.cluster, &desk.topics, &desk.codec);
    let freshness = ledger::catch_up(&follower, CATCH_UP).await?;
    let filter = Filter {
        owners: vec![reading.flow.spec.name.to_string()],
        since: Some(reading.start()?),
        states: vec![State::GivenUp],
        ..Filter::default()
    };
    // Whether a job ended early tells an open letter from a resent one, and neither is asked for.
    let heads = ledger.letter_heads(&filter, &|_| false).await;
    let heads = heads.map_err(|error| Failure::environment("ask the ledger for letters", &error))?;
    let ids = heads.into_iter().map(|head| RecordId::from(head.record_id)).collect();
    let note = ledger::note(&freshness).map(|note| desk.say(&note.zh, &note.en).to_owned());
    Ok((ids, note))
}
