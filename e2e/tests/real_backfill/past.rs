//! What the tests share: flows that begin late, jobs and how they stand, what a source's cursors say.

use std::fs;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use weir_model::cursor::Cursor;
use weir_runtime::{control, poll::cursors_of};
use weir_schemas::{Codec, JobState};

use crate::{project::FLOWS, stand::Stand, waiting::eventually};

/// Changes a text of every flow file.
pub fn change(stand: &Stand, from: &str, to: &str) {
    for (flow, _) in FLOWS {
        let file = stand.file(&format!("flows/{flow}.yaml"));
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{from:?} stands in {flow} no more");
        fs::write(&file, text.replace(from, to)).unwrap();
    }
}

/// The windows are at most so long, so that a backfill has many.
pub fn shorten_windows(stand: &Stand, window: &str) {
    for (flow, _) in FLOWS {
        let file = stand.file(&format!("flows/{flow}.yaml"));
        let text = fs::read_to_string(&file).unwrap();
        let line = text.lines().find(|line| line.trim_start().starts_with("max_window:")).unwrap().to_owned();
        fs::write(&file, text.replace(&line, &format!("    max_window: {window}"))).unwrap();
    }
}

/// The time so many days ago, in whole seconds.
pub fn days_ago(days: i64) -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).unwrap() - SignedDuration::from_hours(24 * days)
}

/// Announces a backfill by the command, and does not wait for it; gives its id.
pub fn backfill(stand: &Stand, source: &str, from: Timestamp, until: Timestamp) -> String {
    let (from, until) = (from.to_string(), until.to_string());
    let answer =
        stand.command(&["backfill", source, "--from", &from, "--until", &until, "--detach", "--json"]);
    serde_json::from_str::<Value>(&answer).unwrap()["id"].as_str().unwrap().to_owned()
}

/// How a job stands, why, and how many records it has published.
pub fn standing(stand: &Stand, id: &str) -> (JobState, String, u64) {
    let known = control::read(stand.cluster(), &stand.topics(), &Codec::single_object()).unwrap();
    let (state, progress) = (known.job_state(known.job(id).unwrap()), known.progress(id));
    let cause = progress.and_then(|told| told.cause.as_ref()).map(ToString::to_string);
    (state, cause.unwrap_or_default(), progress.map_or(0, |told| told.done))
}

/// Waits until a job stands as expected; gives why, and how many records it has published.
pub fn until_state(stand: &Stand, id: &str, expected: JobState) -> (String, u64) {
    eventually(&format!("{id} is {expected:?}"), || {
        let (state, cause, done) = standing(stand, id);
        if state == expected { Ok((cause, done)) } else { Err(format!("{state:?} {cause}, {done} records")) }
    })
}

/// The cursors of a source.
pub fn cursors(stand: &Stand, source: &str) -> Vec<Cursor> {
    let codec = Codec::single_object();
    cursors_of(stand.cluster(), &stand.topics(), &codec, "jushuitan", &source.into()).unwrap()
}
