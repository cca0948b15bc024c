//! The parts that topic values are made of: numbers, texts, times, digests, lists and what may be absent.

use bytes::Bytes;
use jiff::Timestamp;
use weir_model::{
    digest::Digest,
    document::FlowVersion,
    names::{ConnectionName, FlowName, InstanceName, RecordId, SourceName},
    outcome::{Code, Refusal, Written},
    record::{Position, Reason, Version},
};

use super::{Layout, enum_layout, record_layout};
use crate::{
    binary::{Decoder, Encoder},
    error::Malformed,
};

record_layout!(FlowVersion { ordinal, digest });
record_layout!(Position { topic, partition, offset });
record_layout!(Refusal { code, message, field });
record_layout!(Version { modified_us, appended_ms, offset });
record_layout!(Written { id, number });
enum_layout!(Reason { Poll, Remedy, Backfill, Replay, Retry, Fix });

impl Layout for bool {
    fn write(&self, out: &mut Encoder) {
        out.fixed(&[u8::from(*self)]);
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        match from.fixed()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => from.fail("a boolean that is neither 0 nor 1"),
        }
    }
}

impl Layout for i64 {
    fn write(&self, out: &mut Encoder) {
        out.long(*self);
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        from.long()
    }
}

/// Integers that Avro has as a `long` or `int`.
macro_rules! integer_layout {
    ($($type:ty),+) => {
        $(impl Layout for $type {
            fn write(&self, out: &mut Encoder) {
                // Counts and ordinals never come near 2^63; one that did would read as the largest.
                out.long(i64::try_from(*self).unwrap_or(i64::MAX));
            }

            fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
                match Self::try_from(from.long()?) {
                    Ok(value) => Ok(value),
                    Err(_) => from.fail(concat!("a number that is no ", stringify!($type))),
                }
            }
        })+
    };
}

integer_layout!(i32, u32, u64);

impl Layout for String {
    fn write(&self, out: &mut Encoder) {
        out.bytes(self.as_bytes());
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        from.text().map(Self::from)
    }
}

/// Names and codes: a `string`.
macro_rules! text_layout {
    ($($type:ty),+) => {
        $(impl Layout for $type {
            fn write(&self, out: &mut Encoder) {
                out.bytes(self.as_str().as_bytes());
            }

            fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
                from.text().map(|text| Self::from(text))
            }
        })+
    };
}

text_layout!(ConnectionName, FlowName, InstanceName, RecordId, SourceName);

impl Layout for Code {
    fn write(&self, out: &mut Encoder) {
        out.bytes(self.as_str().as_bytes());
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        from.text().map(|text| Self::from(text.to_owned()))
    }
}

impl Layout for Bytes {
    fn write(&self, out: &mut Encoder) {
        out.bytes(self);
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        from.bytes()
    }

    fn size_hint(&self) -> usize {
        self.len()
    }
}

impl Layout for Digest {
    fn write(&self, out: &mut Encoder) {
        out.fixed(self.as_bytes());
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        from.fixed::<16>().map(Self::from)
    }
}

/// `timestamp-micros`. What is finer than a microsecond is cut off: no remote system is.
impl Layout for Timestamp {
    fn write(&self, out: &mut Encoder) {
        out.long(self.as_microsecond());
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        match Self::from_microsecond(from.long()?) {
            Ok(at) => Ok(at),
            Err(_) => from.fail("a time beyond the year 9999"),
        }
    }
}

/// A union of null and the part.
impl<T: Layout> Layout for Option<T> {
    fn write(&self, out: &mut Encoder) {
        match self {
            None => out.long(0),
            Some(part) => {
                out.long(1);
                part.write(out);
            }
        }
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        match from.long()? {
            0 => Ok(None),
            1 => T::read(from).map(Some),
            _ => from.fail("no branch of the union"),
        }
    }

    fn size_hint(&self) -> usize {
        self.as_ref().map_or(0, Layout::size_hint)
    }
}

/// An array: blocks of items, each led by their number, the last one empty.
impl<T: Layout> Layout for Vec<T> {
    fn write(&self, out: &mut Encoder) {
        if !self.is_empty() {
            out.long(self.len() as i64);
            self.iter().for_each(|item| item.write(out));
        }
        out.long(0);
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let mut items = Self::new();
        loop {
            let count = from.block()?;
            if count == 0 {
                return Ok(items);
            }
            for _ in 0..count {
                items.push(T::read(from)?);
            }
        }
    }

    fn size_hint(&self) -> usize {
        self.iter().map(Layout::size_hint).sum()
    }
}
