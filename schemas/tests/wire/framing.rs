//! Frames: which one is written, that both are read, and what is said of bytes that are neither.

use std::{collections::HashMap, sync::Mutex};

use apache_avro::{Schema, reader::single_object::GenericSingleObjectReader};
use bytes::Bytes;
use futures_executor::block_on;
use serde_json::json;
use weir_model::{document::Document, record::RawRecord};
use weir_schemas::{Codec, Control, DecodeError, LearnError, Registry, RegistryError, Wire};

use crate::samples;

/// A registry in memory; ids count from 300, so that they take two bytes of the frame.
#[derive(Default)]
struct MemoryRegistry {
    schemas: Mutex<HashMap<u32, String>>,
}

impl MemoryRegistry {
    fn register(&self, schema: &str) -> u32 {
        let mut schemas = self.schemas.lock().unwrap();
        let known = schemas.iter().find(|(_, known)| *known == schema).map(|(id, _)| *id);
        let id = known.unwrap_or(300 + u32::try_from(schemas.len()).unwrap());
        schemas.insert(id, schema.to_owned());
        id
    }
}

#[async_trait::async_trait]
impl Registry for MemoryRegistry {
    async fn id_for(&self, subject: &str, schema: &str) -> Result<u32, RegistryError> {
        assert!(subject.starts_with("io.weir."), "{subject}");
        Ok(self.register(schema))
    }

    async fn schema_for(&self, id: u32) -> Result<String, RegistryError> {
        self.schemas.lock().unwrap().get(&id).cloned().ok_or_else(|| format!("no schema {id}").into())
    }
}

fn raw() -> RawRecord {
    samples::raw().remove(0)
}

#[test]
fn without_a_registry_any_avro_reader_reads_the_single_object() {
    let framed = Codec::single_object().encode(&raw());
    assert_eq!(framed[..2], [0xc3, 0x01]);
    let schema = Schema::parse_str(RawRecord::CURRENT.text).unwrap();
    let reader = GenericSingleObjectReader::builder().schema(schema).build().unwrap();
    reader.read_value(&mut framed.as_slice()).unwrap();
}

#[test]
fn with_a_registry_the_frame_names_its_id() {
    let registry = MemoryRegistry::default();
    let codec = block_on(Codec::with_registry(&registry)).unwrap();
    let framed = Bytes::from(codec.encode(&raw()));
    let id = registry.register(RawRecord::CURRENT.text);
    assert_eq!(framed[0], 0);
    assert_eq!(framed[1..5], id.to_be_bytes());
    assert_eq!(codec.decode::<RawRecord>(&framed).unwrap(), raw());
}

#[test]
fn a_reader_takes_both_frames() {
    let registry = MemoryRegistry::default();
    let with = block_on(Codec::with_registry(&registry)).unwrap();
    let without = Codec::single_object();

    assert_eq!(with.decode::<RawRecord>(&without.encode(&raw()).into()).unwrap(), raw());

    let framed = Bytes::from(with.encode(&raw()));
    let Err(DecodeError::UnknownId { id, .. }) = without.decode::<RawRecord>(&framed) else {
        panic!("the id must be unknown before it is learned");
    };
    block_on(without.clone().learn(&registry, id)).unwrap();
    assert_eq!(without.decode::<RawRecord>(&framed).unwrap(), raw());
}

/// Bytes of `value` as a writer of tomorrow would write them: its schema has one more field at the end.
fn written_tomorrow<T: Wire>(registry: &MemoryRegistry, value: &T) -> (u32, Bytes) {
    let mut schema: serde_json::Value = serde_json::from_str(T::CURRENT.text).unwrap();
    let field = json!({ "name": "colour", "type": "string", "doc": "New.", "default": "" });
    schema["fields"].as_array_mut().unwrap().push(field);
    let id = registry.register(&schema.to_string());
    let mut framed = vec![0];
    framed.extend(id.to_be_bytes());
    framed.extend(&Codec::single_object().encode(value)[10..]);
    framed.extend([6, b'r', b'e', b'd']);
    (id, framed.into())
}

fn reads_tomorrow<T: Wire + PartialEq + std::fmt::Debug>(values: Vec<T>) {
    let registry = MemoryRegistry::default();
    let codec = Codec::single_object();
    for value in values {
        let (id, framed) = written_tomorrow(&registry, &value);
        block_on(codec.learn(&registry, id)).unwrap();
        assert_eq!(codec.decode::<T>(&framed).unwrap(), value);
    }
}

#[test]
fn other_versions_are_resolved_to_today_s() {
    reads_tomorrow(samples::raw());
    reads_tomorrow(samples::document());
    reads_tomorrow(samples::receipt());
    reads_tomorrow(samples::dead());
    reads_tomorrow(samples::cursor());
    reads_tomorrow(samples::token());
    reads_tomorrow(samples::window());
    reads_tomorrow(samples::tally());
    reads_tomorrow(samples::wait());
    reads_tomorrow(samples::redo());
    reads_tomorrow(samples::collection());
    reads_tomorrow(samples::control());
    reads_tomorrow(samples::status());
}

#[test]
fn a_version_that_lacks_a_needed_field_is_refused() {
    let registry = MemoryRegistry::default();
    let mut schema: serde_json::Value = serde_json::from_str(RawRecord::CURRENT.text).unwrap();
    schema["fields"].as_array_mut().unwrap().pop();
    let id = registry.register(&schema.to_string());
    let mut framed = vec![0];
    framed.extend(id.to_be_bytes());
    let whole = Codec::single_object().encode(&raw());
    framed.extend(&whole[10..whole.len() - 1]);
    let codec = Codec::single_object();
    block_on(codec.learn(&registry, id)).unwrap();
    let refused = codec.decode::<RawRecord>(&framed.into());
    assert!(matches!(refused, Err(DecodeError::Unresolvable { version: 1, .. })), "{refused:?}");
}

#[test]
fn foreign_and_damaged_values_are_told_apart() {
    let codec = Codec::single_object();
    let framed = Bytes::from(codec.encode(&raw()));

    let other = codec.decode::<Document>(&framed);
    assert!(matches!(&other, Err(DecodeError::WrongSubject { found, .. }) if found == "io.weir.RawRecord"));

    for foreign in [&b""[..], b"{\"a\":1}", &[0xc3], &[0xc3, 2, 0], &[0xc3, 1, 7], &[0, 1, 2]] {
        let read = codec.decode::<RawRecord>(&Bytes::copy_from_slice(foreign));
        assert!(matches!(read, Err(DecodeError::UnknownFrame { .. })), "{foreign:02x?}: {read:?}");
    }

    let mut unknown = framed.to_vec();
    unknown[2] ^= 1;
    let read = codec.decode::<RawRecord>(&unknown.into());
    assert!(matches!(read, Err(DecodeError::UnknownFingerprint { .. })), "{read:?}");

    for end in 10..framed.len() {
        let read = codec.decode::<RawRecord>(&framed.slice(..end));
        assert!(matches!(read, Err(DecodeError::Malformed { .. })), "cut at {end}: {read:?}");
    }
    let mut longer = framed.to_vec();
    longer.push(0);
    let read = codec.decode::<RawRecord>(&longer.into());
    assert!(matches!(read, Err(DecodeError::Malformed { .. })), "{read:?}");
}

/// Whatever a byte turns into, reading ends with a value or an error, never with a panic or a giant list.
fn survives_damage<T: Wire>(values: Vec<T>) {
    let codec = Codec::single_object();
    for value in values {
        let framed = codec.encode(&value);
        for at in 10..framed.len() {
            for damage in [0x01, 0x80, 0xff] {
                let mut damaged = framed.clone();
                damaged[at] ^= damage;
                if let Ok(read) = codec.decode::<T>(&damaged.into()) {
                    codec.encode(&read);
                }
            }
        }
    }
}

#[test]
fn damaged_values_are_survived() {
    survives_damage(samples::raw());
    survives_damage(samples::document());
    survives_damage(samples::receipt());
    survives_damage(samples::cursor());
    survives_damage(samples::control());
    survives_damage(samples::status());
}

#[test]
fn keys_of_control_tell_the_kinds_apart() {
    let keys: Vec<String> = samples::control().iter().map(Control::key).collect();
    assert_eq!(keys[0], "jushuitan-customer-to-kingdee");
    assert_eq!(keys[3], "jushuitan-customer-to-kingdee@3");
    assert_eq!(keys[4], "job:job-1");
    assert_eq!(keys[10], "job:job-1:progress");
}

#[test]
fn a_registry_that_knows_nothing_is_an_error_that_says_so() {
    let codec = Codec::single_object();
    let unknown = block_on(codec.learn(&MemoryRegistry::default(), 7));
    assert!(matches!(unknown, Err(LearnError::Fetch { id: 7, .. })), "{unknown:?}");

    let registry = MemoryRegistry::default();
    let id = registry.register("\"string\"");
    let no_record = block_on(codec.learn(&registry, id));
    assert!(matches!(no_record, Err(LearnError::NoRecord { source: None, .. })), "{no_record:?}");
}

#[test]
fn a_payload_is_not_copied_on_its_way_in() {
    let codec = Codec::single_object();
    let framed = Bytes::from(codec.encode(&raw()));
    let read: RawRecord = codec.decode(&framed).unwrap();
    let within = framed.as_ptr_range();
    assert!(within.contains(&read.payload.as_ptr()), "the payload must share the value's memory");
}
