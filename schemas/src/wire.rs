//! What makes a type a topic value: its subject and the versions of its schema.

use crate::layout::{
    Layout, collection::CollectionRow, control::Control, redo::RedoRecord, status::Status, wait::ParkedRecord,
};
use weir_model::{
    cursor::{Cursor, WindowFact},
    document::Document,
    letter::DeadLetter,
    receipt::Receipt,
    record::RawRecord,
    tally::Tally,
    token::SealedToken,
};

/// One version of a topic value's schema.
#[derive(Clone, Copy, Debug)]
pub struct SchemaVersion {
    /// 1 for the first; the file name in `history/`.
    pub number: u32,
    /// CRC-64-AVRO of the schema's canonical form: what single-object encoding names it by.
    pub fingerprint: u64,
    /// The schema as JSON text.
    pub text: &'static str,
}

/// A value of a topic, written by today's schema and read from every schema it ever had.
///
/// Implemented here only: a topic value is part of the contract between versions of Weir.
pub trait Wire: Layout {
    /// Full name of the Avro record; the subject under which a registry knows it (record name strategy: one
    /// schema serves the topics of every flow).
    const SUBJECT: &'static str;
    /// The version that is written.
    const CURRENT: SchemaVersion;
    /// Versions that were written before, oldest first.
    const PAST: &'static [SchemaVersion];
}

/// A topic value's subject and schema versions, for registration and for checks.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// Folder in `history/` and file name in `avsc/`.
    pub file: &'static str,
    /// See [`Wire::SUBJECT`].
    pub name: &'static str,
    /// See [`Wire::CURRENT`].
    pub current: SchemaVersion,
    /// See [`Wire::PAST`].
    pub past: &'static [SchemaVersion],
}

impl Subject {
    /// Every version that may stand in a topic.
    pub fn versions(&self) -> impl Iterator<Item = SchemaVersion> + use<> {
        self.past.iter().copied().chain([self.current])
    }
}

macro_rules! topic_values {
    ($($type:ty: $file:literal as $name:literal, version $number:literal = $fingerprint:literal
        $(, past $past_number:literal = $past_fingerprint:literal)*;)*) => {
        $(impl Wire for $type {
            const SUBJECT: &'static str = concat!("io.weir.", $name);
            const CURRENT: SchemaVersion = SchemaVersion {
                number: $number,
                fingerprint: $fingerprint,
                text: include_str!(concat!("../avsc/", $file, ".avsc")),
            };
            const PAST: &'static [SchemaVersion] = &[$(SchemaVersion {
                number: $past_number,
                fingerprint: $past_fingerprint,
                text: include_str!(concat!("../history/", $file, "/v", $past_number, ".avsc")),
            }),*];
        })*

        /// All topic values, in the order of design §4.
        pub fn subjects() -> impl Iterator<Item = Subject> {
            [$(Subject {
                file: $file,
                name: <$type>::SUBJECT,
                current: <$type>::CURRENT,
                past: <$type>::PAST,
            }),*].into_iter()
        }
    };
}

topic_values! {
    RawRecord: "raw" as "RawRecord", version 1 = 0x15f1_c349_1256_e738;
    Document: "document" as "Document", version 2 = 0x4986_b895_99ff_f458, past 1 = 0x3b80_818c_1d66_994e;
    Receipt: "receipt" as "Receipt", version 3 = 0xfc08_016e_a9bd_b31a, past 1 = 0xf82a_1c8e_f5b4_f748, past 2 = 0xb606_abb7_9387_8ea3;
    ParkedRecord: "wait" as "ParkedRecord", version 2 = 0xe9da_48a9_3dc7_6fc2, past 1 = 0xcf02_84b0_bb82_fbb3;
    RedoRecord: "redo" as "RedoRecord", version 1 = 0xaac0_b62b_c556_d0ce;
    DeadLetter: "dead" as "DeadLetter", version 2 = 0x81ca_ea56_90f0_17e1, past 1 = 0x709d_5617_8f51_8a38;
    Cursor: "cursor" as "Cursor", version 2 = 0x6642_e056_46c0_5187, past 1 = 0x2601_1d41_32ab_1d6d;
    SealedToken: "token" as "SealedToken", version 1 = 0x155a_6326_9f56_6799;
    WindowFact: "window" as "WindowFact", version 2 = 0x6a81_e83a_6d2f_6a0e, past 1 = 0xbb70_2256_3829_2e9a;
    Tally: "tally" as "Tally", version 1 = 0x6559_8ed0_7517_7c1c;
    CollectionRow: "collection" as "CollectionRow", version 1 = 0xe67c_7a0d_7900_2fa9;
    Control: "control" as "Control", version 2 = 0xfe0b_98a5_7381_856e, past 1 = 0x36d6_68c0_a566_b01a;
    Status: "status" as "Status", version 1 = 0xe133_69ea_a61d_39a8;
}
