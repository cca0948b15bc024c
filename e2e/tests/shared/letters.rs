//! Dead letters, as a person gets to see them: through `weir dlq`.

use serde_json::Value;

use crate::stand::Stand;

/// A letter of `weir dlq list`.
#[derive(Clone, Debug)]
pub struct Letter {
    pub owner: String,
    /// Where it stands: `PARTITION:OFFSET`.
    pub place: String,
    pub record: String,
    pub code: String,
    pub message: String,
}

/// All letters of all flows and sources, the oldest first.
pub fn list(stand: &Stand) -> Vec<Letter> {
    let answer: Value = serde_json::from_str(
        &stand.command(&["dlq", "list", "--state", "all", "--json", "--limit", "100000"]),
    )
    .unwrap();
    let letters = answer["letters"].as_array().unwrap();
    assert_eq!(answer["total"].to_string(), letters.len().to_string());
    let text = |letter: &Value, key: &str| letter[key].as_str().unwrap_or_default().to_owned();
    let read = |letter: &Value| Letter {
        owner: text(letter, "owner"),
        place: text(letter, "letter"),
        record: text(letter, "record"),
        code: text(letter, "code"),
        message: text(letter, "message"),
    };
    letters.iter().map(read).collect()
}

/// The record that a letter is about, as the source sent it.
pub fn payload(stand: &Stand, letter: &Letter) -> Value {
    let shown = stand.command(&["dlq", "show", &letter.owner, &letter.place, "--json"]);
    let mut whole: Value = serde_json::from_str(&shown).unwrap();
    whole["payload"].take()
}
