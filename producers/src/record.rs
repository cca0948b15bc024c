//! Making records of rows: what identifies a row, when it was modified, and its bytes untouched (invariant 6).
//!
//! Ids follow contract decisions "聚水潭": the vendor's own row id, the composite where an answer carries none.

use bytes::Bytes;
use jiff::{Timestamp, tz::TimeZone};
use weir_model::{
    Json,
    digest::Digest,
    flow::SourceSpec,
    names::{RecordId, SourceName},
    record::{RawRecord, Reason},
    time::parse_local,
};

/// Reads rows by a source's settings.
#[derive(Clone, Debug)]
pub struct RecordMaker {
    source: SourceName,
    key: Vec<String>,
    key_fallback: Vec<String>,
    modified: String,
    /// The field that the API's own cursor goes by, where it has one.
    row_cursor: Option<&'static str>,
    zone: TimeZone,
}

/// A row, read as far as polling needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The bytes that came.
    pub bytes: Bytes,
    /// Their digest.
    pub digest: Digest,
    /// Its id by the source's key; `None` when a field of the key is missing or the row is no JSON object.
    pub id: Option<RecordId>,
    /// Its id by the fallback key.
    pub fallback_id: Option<RecordId>,
    /// The source's own modification time.
    pub modified: Option<Timestamp>,
    /// The value of the API's own cursor.
    pub row_cursor: Option<String>,
    /// Whether the remote system removed the record.
    pub deleted: bool,
}

impl RecordMaker {
    /// Reads rows of `spec`, whose times are local to `zone`; `row_cursor` names the field of the API's own cursor.
    pub fn new(spec: &SourceSpec, row_cursor: Option<&'static str>, zone: TimeZone) -> Self {
        Self {
            source: spec.name.clone(),
            key: spec.key.clone(),
            key_fallback: spec.key_fallback.clone(),
            modified: spec.modified.clone(),
            row_cursor,
            zone,
        }
    }

    /// Reads a row.
    pub fn read(&self, bytes: Bytes) -> Row {
        let fields = serde_json::from_slice(&bytes).unwrap_or(Json::Null);
        let modified = text_at(&fields, &self.modified).and_then(|text| time_of(&text, &self.zone));
        Row {
            digest: Digest::of(&bytes),
            id: id_of(&fields, &self.key),
            fallback_id: id_of(&fields, &self.key_fallback),
            modified,
            row_cursor: self.row_cursor.and_then(|field| text_at(&fields, field)),
            bytes,
            deleted: false,
        }
    }

    /// Reads a row of a record that was removed.
    pub fn read_deleted(&self, bytes: Bytes) -> Row {
        Row { deleted: true, ..self.read(bytes) }
    }

    /// The record of a row under `id`, whose answer arrived at `polled_at`.
    pub fn record(&self, row: &Row, id: RecordId, polled_at: Timestamp) -> RawRecord {
        RawRecord {
            source: self.source.clone(),
            id,
            payload: row.bytes.clone(),
            digest: row.digest,
            modified: row.modified,
            polled_at,
            reason: Reason::Poll,
            deleted: row.deleted,
        }
    }
}

/// The values of `key` joined by `|`, with `|` and `\` in them escaped, so that no two rows share an id by chance.
/// `None` when one is missing or the key is empty.
fn id_of(fields: &Json, key: &[String]) -> Option<RecordId> {
    let parts: Option<Vec<String>> = key.iter().map(|path| text_at(fields, path)).collect();
    let parts = parts.filter(|parts| !parts.is_empty())?;
    let escaped = parts.iter().map(|part| part.replace('\\', "\\\\").replace('|', "\\|"));
    Some(RecordId::from(escaped.collect::<Vec<_>>().join("|")))
}

/// The text, number or boolean at `path`, a field name or names joined by dots; `None` when it is missing or blank.
fn text_at(fields: &Json, path: &str) -> Option<String> {
    let value = match fields.get(path) {
        Some(value) => value,
        None => path.split('.').try_fold(fields, |value, name| value.get(name))?,
    };
    let text = match value {
        Json::String(text) => text.clone(),
        Json::Number(number) => number.to_string(),
        Json::Bool(flag) => flag.to_string(),
        Json::Null | Json::Array(_) | Json::Object(_) => return None,
    };
    (!text.trim().is_empty()).then_some(text)
}

/// A local date text, or Unix time in seconds (up to 10 digits) or milliseconds (13 digits).
fn time_of(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    if let Ok(number) = text.parse::<i64>() {
        return match text.len() {
            13 => Timestamp::from_millisecond(number).ok(),
            1..=10 => Timestamp::from_second(number).ok(),
            _ => None,
        };
    }
    parse_local(text, zone)
}

#[cfg(test)]
pub(crate) mod tests {
    use weir_model::{
        flow::{FlowSpec, SourceSpec},
        settings::Problems,
    };

    use super::*;

    /// A source as a flow file tells it; `source` holds lines below `source:`.
    pub(crate) fn source(source: &str) -> SourceSpec {
        let text = format!(
            "version: 1\nflow: f\nsource:\n{source}\ntarget:\n  system: mysql\n  key: [id]\n  metadata: {{api: execute}}\n"
        );
        let mut problems = Problems::new("f.yaml");
        let flow = FlowSpec::parse(&text, &mut problems).unwrap();
        assert!(!problems.has_errors(), "{:?}", problems.list());
        flow.source
    }

    fn maker(key: &str, fallback: &str) -> RecordMaker {
        let spec = source(&format!(
            "  name: s\n  system: jushuitan\n  modified: modified\n  key: [{key}]\n  key_fallback: [{fallback}]\n  metadata: {{api: /x, id: a}}"
        ));
        RecordMaker::new(&spec, Some("a"), TimeZone::get("Asia/Shanghai").unwrap())
    }

    fn id(key: &str, row: &'static str) -> Option<String> {
        maker(key, "").read(Bytes::from_static(row.as_bytes())).id.map(|id| id.to_string())
    }

    #[test]
    fn ids_keep_every_digit_and_cannot_collide() {
        assert_eq!(id("a", r#"{"a":1700000000000000001}"#).unwrap(), "1700000000000000001");
        assert_eq!(id("a", r#"{"a":"007"}"#).unwrap(), "007");
        assert_eq!(id("a, b", r#"{"a":"x|","b":"y"}"#).unwrap(), r"x\||y");
        assert_eq!(id("a, b", r#"{"a":"x","b":"|y"}"#).unwrap(), r"x|\|y");
        assert_eq!(id("o.n", r#"{"o":{"n":5}}"#).unwrap(), "5");
    }

    #[test]
    fn rows_without_an_id_have_none() {
        for row in [r#"{}"#, r#"{"a":null}"#, r#"{"a":" "}"#, r#"{"a":{}}"#, "5", "[1]", "{\"a\""] {
            assert_eq!(id("a", row), None, "{row}");
        }
        assert_eq!(id("a, b", r#"{"a":1}"#), None);
    }

    #[test]
    fn the_fallback_stands_beside_the_key() {
        let row = maker("a", "b, c").read(Bytes::from_static(br#"{"b":1,"c":"2024-01-14 10:00:00"}"#));
        assert_eq!((row.id, row.fallback_id.unwrap().as_str()), (None, "1|2024-01-14 10:00:00"));
    }

    #[test]
    fn a_record_holds_the_bytes_that_came_and_the_time_of_the_zone() {
        let bytes = Bytes::from_static(b"{ \"a\": 1, \"p\": 0.10, \"modified\": \"2024-01-15 10:00:00\" }");
        let maker = maker("a", "");
        let row = maker.read(bytes.clone());
        assert_eq!(row.row_cursor.as_deref(), Some("1"));
        let record = maker.record(&row, row.id.clone().unwrap(), Timestamp::UNIX_EPOCH);
        assert_eq!((record.payload, record.digest), (bytes.clone(), Digest::of(&bytes)));
        assert_eq!(record.modified.unwrap().as_second(), 1_705_284_000);
        for (text, second) in [("1705284000", 1_705_284_000), ("1705284000123", 1_705_284_000)] {
            assert_eq!(time_of(text, &TimeZone::UTC).unwrap().as_second(), second);
        }
        assert_eq!(time_of("soon", &TimeZone::UTC), None);
    }
}
