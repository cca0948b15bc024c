//! The bytes behind a life, read from Kafka at the places that the ledger knows: what the source sent, the document that
//! was made of it, the body that was refused.

use std::ops::ControlFlow;

use serde_json::{Value, json};
use weir_kafka::{Cluster, Error, Isolation, Message, StartOffset, TopicPartition, reader::read_to_end};
use weir_ledger::trace::{Life, Place};
use weir_model::{document::Document, letter::DeadLetter, names::FlowName, record::RawRecord};
use weir_runtime::stage::chain;
use weir_schemas::{Codec, Wire};

use super::story::Story;

/// What was read, or why it was not.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// JSON, or text where it is none.
    Held(Value),
    /// The topic holds it no more.
    Gone,
    /// It cannot be read, and why.
    Unreadable(String),
}

/// One of the three, with the place where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// `source`, `document` or `letter`.
    pub name: &'static str,
    /// The topic.
    pub topic: String,
    /// The place in it.
    pub place: Place,
    /// What it holds.
    pub content: Content,
}

impl Part {
    /// For programs.
    pub fn json(&self) -> Value {
        let content = match &self.content {
            Content::Held(value) => value.clone(),
            Content::Gone | Content::Unreadable(_) => Value::Null,
        };
        let missing = match &self.content {
            Content::Held(_) => None,
            Content::Gone => Some("gone".to_owned()),
            Content::Unreadable(why) => Some(why.clone()),
        };
        json!({"topic": self.topic, "place": self.place.to_string(), "content": content, "missing": missing})
    }
}

/// Reads what belongs to a life.
pub fn read(cluster: &Cluster, codec: &Codec, story: &Story<'_>, life: &Life) -> Vec<Part> {
    let topics = story.topics;
    let flow = FlowName::from(life.key.flow.clone());
    let document = life.record.document.map(|place| {
        let topic = topics.doc(&flow);
        let read = read_at::<Document>(cluster, codec, &topic, place);
        (topic, place, read)
    });
    let mut parts = Vec::new();
    if let Some(place) = life.record.raw {
        let topic = story.origin_topic(&life.record.source);
        let mut content =
            told(read_at::<RawRecord>(cluster, codec, &topic, place), |raw| shown(&raw.payload));
        // The document carries the source's bytes as well; what another flow delivered is no raw record.
        if let (Content::Gone | Content::Unreadable(_), Some((_, _, Ok(Some(document))))) =
            (&content, &document)
        {
            content = Content::Held(shown(&document.payload));
        }
        parts.push(Part { name: "source", topic, place, content });
    }
    if let Some((topic, place, read)) = document {
        let content = told(read, |document| shown(&document.body));
        parts.push(Part { name: "document", topic, place, content });
    }
    if let Some(letter) = life.letters.last() {
        let topic = topics.dead(&letter.owner);
        let read = read_at::<DeadLetter>(cluster, codec, &topic, letter.place);
        let content = told(
            read,
            |letter| json!({"payload": shown(&letter.payload), "document": shown(&letter.body), "message": letter.refusal.message}),
        );
        parts.push(Part { name: "letter", topic, place: letter.place, content });
    }
    parts
}

fn told<T>(read: Result<Option<T>, String>, show: impl FnOnce(T) -> Value) -> Content {
    match read {
        Ok(Some(value)) => Content::Held(show(value)),
        Ok(None) => Content::Gone,
        Err(why) => Content::Unreadable(why),
    }
}

/// The value at a place; none when it is there no more.
fn read_at<T: Wire>(
    cluster: &Cluster,
    codec: &Codec,
    topic: &str,
    place: Place,
) -> Result<Option<T>, String> {
    let partition = i32::try_from(place.partition).map_err(|error| error.to_string())?;
    let mut found: Option<Message> = None;
    let partition = TopicPartition::new(topic, partition);
    let start = StartOffset::At(place.offset);
    let read = read_to_end(cluster, &partition, start, Isolation::Committed, |message| {
        found = (message.offset == place.offset).then_some(message);
        ControlFlow::Break(())
    });
    match read {
        Ok(_) => {}
        Err(Error::OutOfRange { .. } | Error::NoSuchTopic { .. }) => return Ok(None),
        Err(error) => return Err(chain(&error)),
    }
    let Some(value) = found.and_then(|message| message.value) else { return Ok(None) };
    codec.decode::<T>(&value).map(Some).map_err(|error| chain(&error))
}

/// JSON as JSON, anything else as text.
fn shown(bytes: &[u8]) -> Value {
    if bytes.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned()))
}
