//! Today's reader reads what every past version wrote.
//!
//! `history/<topic value>/v<n>.avsc` is the schema of version n, `v<n>.json` holds values it wrote, as bytes and
//! as what they say. To change a schema: edit `avsc/`, raise the version in `src/wire.rs` and list the former
//! one as past there, then run these tests with `WEIR_WRITE_HISTORY=1`: they tell the new fingerprint, and write the
//! new version's files once it is set there. Files of released versions are never changed.

use std::{fmt::Debug, fs, path::PathBuf};

use apache_avro::{
    Schema, rabin::Rabin, reader::datum::GenericDatumReader, schema_compatibility::SchemaCompatibility,
    types::Value,
};
use bytes::Bytes;
use serde_json::{Value as Json, json};
use weir_schemas::{Codec, SchemaVersion, Subject, Wire, subjects};

use crate::samples;

/// Bytes of the single-object frame.
const FRAME: usize = 10;

fn history(subject: &Subject) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("history").join(subject.file)
}

fn parse(version: SchemaVersion) -> Schema {
    Schema::parse_str(version.text).expect(version.text)
}

fn fingerprint(schema: &Schema) -> u64 {
    u64::from_le_bytes(schema.fingerprint::<Rabin>().bytes.try_into().unwrap())
}

/// Avro's value as JSON that a person can check: names and symbols spelt out, bytes as text.
fn readable(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Boolean(value) => json!(value),
        Value::Int(value) => json!(value),
        Value::Long(value) | Value::TimestampMicros(value) => json!(value),
        Value::String(text) | Value::Enum(_, text) => json!(text),
        Value::Bytes(bytes) => json!(String::from_utf8(bytes.clone()).unwrap()),
        Value::Fixed(_, bytes) => json!(bytes.iter().map(|b| format!("{b:02x}")).collect::<String>()),
        Value::Union(_, inner) => readable(inner),
        Value::Array(items) => items.iter().map(readable).collect(),
        Value::Record(fields) => fields.iter().map(|(name, value)| (name.clone(), readable(value))).collect(),
        other => panic!("{other:?} does not occur in our schemas"),
    }
}

/// What Avro's own reader makes of a value that `version` wrote.
fn as_avro_reads(version: SchemaVersion, framed: &[u8]) -> Json {
    let schema = parse(version);
    let mut datum = &framed[FRAME..];
    let value = GenericDatumReader::builder(&schema).build().unwrap().read_value(&mut datum).unwrap();
    assert!(datum.is_empty(), "Avro leaves {datum:02x?} over");
    readable(&value)
}

/// The samples' file: an array of `{"bytes": hex, "value": …}`.
fn written_by<T: Wire>(codec: &Codec, samples: &[T]) -> Json {
    samples
        .iter()
        .map(|sample| {
            let bytes = codec.encode(sample);
            let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
            json!({ "bytes": hex, "value": as_avro_reads(T::CURRENT, &bytes) })
        })
        .collect()
}

fn bytes_of(entry: &Json) -> Bytes {
    let hex = entry["bytes"].as_str().unwrap();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn check<T: Wire + PartialEq + Debug>(samples: &[T]) {
    let subject = subjects().find(|subject| subject.name == T::SUBJECT).unwrap();
    let folder = history(&subject);
    let codec = Codec::single_object();
    if std::env::var_os("WEIR_WRITE_HISTORY").is_some() {
        write_history(&subject, &written_by(&codec, samples));
    }
    for version in subject.versions() {
        let place = folder.join(format!("v{}", version.number));
        let text = fs::read_to_string(place.with_extension("avsc")).unwrap_or_default();
        assert_eq!(
            text,
            version.text,
            "{} is not {}.avsc: a schema that was written never changes, see tests/wire/history.rs",
            subject.file,
            place.display()
        );
        let file: Json =
            serde_json::from_str(&fs::read_to_string(place.with_extension("json")).unwrap()).unwrap();
        let entries = file.as_array().unwrap();
        assert!(!entries.is_empty());
        for entry in entries {
            let bytes = bytes_of(entry);
            assert_eq!(as_avro_reads(version, &bytes), entry["value"], "{}", place.display());
            let read: T = codec.decode(&bytes).unwrap();
            assert_eq!(codec.decode::<T>(&Bytes::from(codec.encode(&read))).unwrap(), read);
        }
        if version.number == subject.current.number {
            assert_eq!(file, written_by(&codec, samples), "{} reads or writes otherwise", place.display());
            let read: Vec<T> = entries.iter().map(|entry| codec.decode(&bytes_of(entry)).unwrap()).collect();
            assert_eq!(read, samples);
        }
    }
    let versions = fs::read_dir(folder).unwrap().count();
    assert_eq!(versions, 2 * subject.versions().count(), "a version of {} is not listed", subject.file);
}

fn write_history(subject: &Subject, samples: &Json) {
    let place = history(subject).join(format!("v{}", subject.current.number));
    if place.with_extension("json").exists() {
        return;
    }
    let real = fingerprint(&parse(subject.current));
    assert_eq!(real, subject.current.fingerprint, "{}: set {real:#018x} in src/wire.rs first", subject.file);
    fs::create_dir_all(history(subject)).unwrap();
    fs::write(place.with_extension("avsc"), subject.current.text).unwrap();
    let text = serde_json::to_string_pretty(samples).unwrap();
    fs::write(place.with_extension("json"), text + "\n").unwrap();
}

#[test]
fn raw_records_of_every_version_are_read() {
    check(&samples::raw());
}

#[test]
fn documents_of_every_version_are_read() {
    check(&samples::document());
}

#[test]
fn receipts_of_every_version_are_read() {
    check(&samples::receipt());
}

#[test]
fn dead_letters_of_every_version_are_read() {
    check(&samples::dead());
}

#[test]
fn cursors_of_every_version_are_read() {
    check(&samples::cursor());
}

#[test]
fn sealed_tokens_of_every_version_are_read() {
    check(&samples::token());
}

#[test]
fn window_facts_of_every_version_are_read() {
    check(&samples::window());
}

#[test]
fn tallies_of_every_version_are_read() {
    check(&samples::tally());
}

#[test]
fn parked_records_of_every_version_are_read() {
    check(&samples::wait());
}

#[test]
fn records_to_redo_of_every_version_are_read() {
    check(&samples::redo());
}

#[test]
fn collection_rows_of_every_version_are_read() {
    check(&samples::collection());
}

#[test]
fn control_entries_of_every_version_are_read() {
    check(&samples::control());
}

#[test]
fn heartbeats_of_every_version_are_read() {
    check(&samples::status());
}

#[test]
fn fingerprints_are_those_of_their_schemas() {
    let told: Vec<(&str, u32, String)> = subjects()
        .flat_map(|subject| subject.versions().map(move |version| (subject.file, version)))
        .map(|(file, version)| (file, version.number, format!("{:#018x}", version.fingerprint)))
        .collect();
    let real: Vec<(&str, u32, String)> = subjects()
        .flat_map(|subject| subject.versions().map(move |version| (subject.file, version)))
        .map(|(file, version)| (file, version.number, format!("{:#018x}", fingerprint(&parse(version)))))
        .collect();
    assert_eq!(told, real, "set the fingerprints in src/wire.rs to those on the right");
}

#[test]
fn versions_are_numbered_and_told_apart() {
    for subject in subjects() {
        let numbers: Vec<u32> = subject.versions().map(|version| version.number).collect();
        assert!(numbers.iter().copied().eq(1..=subject.current.number), "{}: {numbers:?}", subject.file);
        assert_eq!(parse(subject.current).name().unwrap().to_string(), subject.name);
        for past in subject.past {
            assert_ne!(
                past.fingerprint, subject.current.fingerprint,
                "{} must differ in its form",
                subject.file
            );
            SchemaCompatibility::can_read(&parse(*past), &parse(subject.current)).unwrap();
        }
    }
}

#[test]
fn every_record_and_field_is_explained() {
    fn visit(schema: &Json, place: &str) {
        match schema {
            Json::Array(branches) => branches.iter().for_each(|branch| visit(branch, place)),
            Json::Object(object) => {
                if object.contains_key("name") {
                    assert!(object["doc"].as_str().is_some_and(|doc| doc.ends_with('.')), "{place}");
                }
                visit(object.get("type").unwrap_or(&Json::Null), place);
                visit(object.get("items").unwrap_or(&Json::Null), place);
                for field in object.get("fields").and_then(Json::as_array).into_iter().flatten() {
                    visit(field, &format!("{place}/{}", field["name"]));
                }
            }
            _ => {}
        }
    }
    for subject in subjects() {
        visit(&serde_json::from_str(subject.current.text).unwrap(), subject.file);
    }
}
