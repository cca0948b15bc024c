//! Frames and reads topic values (design §4).
//!
//! Relies on the fingerprints in [`crate::wire`], which the tests hold against the schemas, so that starting
//! parses nothing: a schema is parsed when a value of another version is met.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use apache_avro::{
    Schema, rabin::Rabin, reader::datum::GenericDatumReader, writer::datum::GenericDatumWriter,
};
use bytes::{Buf, Bytes};

use crate::{
    binary::{Decoder, Encoder},
    error::{DecodeError, LearnError},
    registry::Registry,
    wire::{SchemaVersion, Wire, subjects},
};

/// First bytes of Avro single-object encoding; eight bytes of fingerprint follow, the lowest first.
const SINGLE_OBJECT: [u8; 2] = [0xc3, 0x01];

/// First byte of the Confluent frame; four bytes of schema id follow, the highest first.
const CONFLUENT: u8 = 0x00;

/// Room for what surrounds a value's byte fields: frame, names, times, numbers.
const USUAL_OVERHEAD: usize = 512;

/// Writes and reads topic values. Clones are cheap and share what they learn.
#[derive(Clone, Default)]
pub struct Codec {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Subject → id for writing; empty when no registry is configured.
    ids: HashMap<&'static str, u32>,
    /// What a registry told of ids.
    learned: RwLock<HashMap<u32, Arc<Writer>>>,
    /// Parsed schemas by fingerprint, filled when a value of another version is read.
    parsed: RwLock<HashMap<u64, Arc<Schema>>>,
}

/// A schema that some writer used.
struct Writer {
    subject: String,
    fingerprint: u64,
    schema: Arc<Schema>,
}

impl Codec {
    /// Writes Avro single-object encoding. Reads it, and the Confluent frame with ids that were [learned].
    ///
    /// [learned]: Codec::learn
    pub fn single_object() -> Self {
        Self::default()
    }

    /// Registers the schemas of every topic value and writes the Confluent frame with the ids it gets. Reads
    /// both frames, so a registry can be introduced, or given up, while the topics keep what they hold.
    ///
    /// # Errors
    /// The registry gave no id for one of the schemas.
    pub async fn with_registry(registry: &dyn Registry) -> Result<Self, LearnError> {
        let mut ids = HashMap::new();
        for subject in subjects() {
            let id = registry
                .id_for(subject.name, subject.current.text)
                .await
                .map_err(|source| LearnError::Register { subject: subject.name, source })?;
            ids.insert(subject.name, id);
        }
        Ok(Self { shared: Arc::new(Shared { ids, ..Shared::default() }) })
    }

    /// Fetches the schema behind an id that [`Codec::decode`] did not know, for all clones of this codec.
    ///
    /// # Errors
    /// The registry does not tell, or what it tells is no Avro record.
    pub async fn learn(&self, registry: &dyn Registry, id: u32) -> Result<(), LearnError> {
        let text = registry.schema_for(id).await.map_err(|source| LearnError::Fetch { id, source })?;
        let schema = Schema::parse_str(&text)
            .map_err(|source| LearnError::NoRecord { id, source: Some(Box::new(source)) })?;
        let Some(subject) = schema.name().map(ToString::to_string) else {
            return Err(LearnError::NoRecord { id, source: None });
        };
        let writer = Writer { subject, fingerprint: fingerprint(&schema), schema: Arc::new(schema) };
        let mut learned = self.shared.learned.write().unwrap_or_else(PoisonError::into_inner);
        learned.insert(id, Arc::new(writer));
        Ok(())
    }

    /// The value with its frame, as it goes into the topic.
    pub fn encode<T: Wire>(&self, value: &T) -> Vec<u8> {
        let capacity = USUAL_OVERHEAD + value.size_hint();
        let mut out = match self.shared.ids.get(T::SUBJECT) {
            Some(id) => {
                let mut out = Encoder::new(&[CONFLUENT], capacity);
                out.fixed(&id.to_be_bytes());
                out
            }
            None => {
                let mut out = Encoder::new(&SINGLE_OBJECT, capacity);
                out.fixed(&T::CURRENT.fingerprint.to_le_bytes());
                out
            }
        };
        value.write(&mut out);
        out.finish()
    }

    /// Reads a value with its frame. Byte fields of what it returns share the memory of `bytes`.
    ///
    /// # Errors
    /// See [`DecodeError`]; after [`DecodeError::UnknownId`] the id can be [learned](Codec::learn).
    pub fn decode<T: Wire>(&self, bytes: &Bytes) -> Result<T, DecodeError> {
        let unknown = || DecodeError::UnknownFrame {
            subject: T::SUBJECT,
            start: bytes.iter().take(4).copied().collect(),
        };
        let mut rest = bytes.clone();
        match bytes.first() {
            Some(&CONFLUENT) => {
                rest.advance(1);
                let id = rest.try_get_u32().map_err(|_| unknown())?;
                self.decode_confluent(id, &rest)
            }
            Some(_) if bytes.starts_with(&SINGLE_OBJECT) => {
                rest.advance(SINGLE_OBJECT.len());
                let fingerprint = rest.try_get_u64_le().map_err(|_| unknown())?;
                self.decode_single_object(fingerprint, &rest)
            }
            _ => Err(unknown()),
        }
    }

    fn decode_single_object<T: Wire>(&self, fingerprint: u64, datum: &Bytes) -> Result<T, DecodeError> {
        if fingerprint == T::CURRENT.fingerprint {
            return decode_current(datum);
        }
        if let Some(version) = T::PAST.iter().find(|past| past.fingerprint == fingerprint) {
            let writer = self.parsed(version).map_err(|source| unresolvable::<T>(fingerprint, source))?;
            return self.decode_resolved(fingerprint, &writer, datum);
        }
        let other =
            subjects().find(|subject| subject.versions().any(|known| known.fingerprint == fingerprint));
        Err(match other {
            Some(other) => DecodeError::WrongSubject { subject: T::SUBJECT, found: other.name.to_owned() },
            None => DecodeError::UnknownFingerprint { subject: T::SUBJECT, fingerprint },
        })
    }

    fn decode_confluent<T: Wire>(&self, id: u32, datum: &Bytes) -> Result<T, DecodeError> {
        if self.shared.ids.get(T::SUBJECT) == Some(&id) {
            return decode_current(datum);
        }
        if let Some((other, _)) = self.shared.ids.iter().find(|(_, known)| **known == id) {
            return Err(DecodeError::WrongSubject { subject: T::SUBJECT, found: (*other).to_owned() });
        }
        let learned = self.shared.learned.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        match learned {
            None => Err(DecodeError::UnknownId { subject: T::SUBJECT, id }),
            Some(writer) if writer.subject != T::SUBJECT => {
                Err(DecodeError::WrongSubject { subject: T::SUBJECT, found: writer.subject.clone() })
            }
            Some(writer) if writer.fingerprint == T::CURRENT.fingerprint => decode_current(datum),
            Some(writer) => self.decode_resolved(writer.fingerprint, &writer.schema, datum),
        }
    }

    /// Reads what another version wrote: Avro resolves it to today's schema, and today's layout reads that.
    fn decode_resolved<T: Wire>(
        &self,
        fingerprint: u64,
        writer: &Schema,
        datum: &Bytes,
    ) -> Result<T, DecodeError> {
        let resolve = || -> Result<Vec<u8>, apache_avro::Error> {
            let reader = self.parsed(&T::CURRENT)?;
            let resolving = GenericDatumReader::builder(writer).reader_schema(&reader).build()?;
            let value = resolving.read_value(&mut datum.as_ref())?;
            GenericDatumWriter::builder(&reader).build()?.write_value_to_vec(value)
        };
        let current = resolve().map_err(|source| unresolvable::<T>(fingerprint, source))?;
        decode_current(&Bytes::from(current))
    }

    fn parsed(&self, version: &SchemaVersion) -> Result<Arc<Schema>, apache_avro::Error> {
        let known = self.shared.parsed.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(schema) = known.get(&version.fingerprint) {
            return Ok(Arc::clone(schema));
        }
        drop(known);
        let schema = Arc::new(Schema::parse_str(version.text)?);
        let mut known = self.shared.parsed.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(version.fingerprint, Arc::clone(&schema));
        Ok(schema)
    }
}

fn decode_current<T: Wire>(datum: &Bytes) -> Result<T, DecodeError> {
    let mut from = Decoder::new(datum);
    T::read(&mut from)
        .and_then(|value| from.end().map(|()| value))
        .map_err(|source| DecodeError::Malformed { subject: T::SUBJECT, source })
}

fn unresolvable<T: Wire>(fingerprint: u64, source: apache_avro::Error) -> DecodeError {
    DecodeError::Unresolvable {
        subject: T::SUBJECT,
        fingerprint,
        version: T::CURRENT.number,
        source: Box::new(source),
    }
}

/// CRC-64-AVRO of the schema's canonical form. The library gives its bytes as they stand in the frame.
fn fingerprint(schema: &Schema) -> u64 {
    let bytes = schema.fingerprint::<Rabin>().bytes;
    bytes.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
