//! How each topic value is laid out: its fields in the order of its schema.
//!
//! One list per type serves writing and reading, so the two cannot drift apart; the tests hold each list against
//! the schema. A change here is a change of the schema: `tests/history` says how to make one.

pub(crate) mod collection;
pub(crate) mod control;
mod parts;
pub(crate) mod redo;
pub(crate) mod status;
mod values;
pub(crate) mod wait;

use crate::{
    binary::{Decoder, Encoder},
    error::Malformed,
};

/// A part of a topic value.
pub trait Layout: Sized {
    /// Appends this part.
    fn write(&self, out: &mut Encoder);

    /// Reads this part from where `from` stands.
    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed>;

    /// Roughly the bytes it takes, to reserve them in one piece. Only large parts tell.
    fn size_hint(&self) -> usize {
        0
    }
}

/// An Avro record: the fields, in the schema's order, are those of the type.
macro_rules! record_layout {
    ($type:ty { $($field:ident),+ $(,)? }) => {
        impl $crate::layout::Layout for $type {
            fn write(&self, out: &mut $crate::binary::Encoder) {
                $($crate::layout::Layout::write(&self.$field, out);)+
            }

            fn read(from: &mut $crate::binary::Decoder<'_>) -> Result<Self, $crate::error::Malformed> {
                Ok(Self { $($field: $crate::layout::Layout::read(from)?),+ })
            }

            fn size_hint(&self) -> usize {
                0 $(+ $crate::layout::Layout::size_hint(&self.$field))+
            }
        }
    };
}

/// An Avro enum: the symbols, in the schema's order, are the variants in the order of their declaration.
macro_rules! enum_layout {
    ($type:ty { $($symbol:ident),+ $(,)? }) => {
        impl $crate::layout::Layout for $type {
            fn write(&self, out: &mut $crate::binary::Encoder) {
                out.long(*self as i64);
            }

            fn read(from: &mut $crate::binary::Decoder<'_>) -> Result<Self, $crate::error::Malformed> {
                let symbols = [$(<$type>::$symbol),+];
                match usize::try_from(from.long()?).ok().and_then(|index| symbols.get(index)) {
                    Some(symbol) => Ok(*symbol),
                    None => from.fail(concat!("no symbol of ", stringify!($type))),
                }
            }
        }
    };
}

use {enum_layout, record_layout};
