//! What stands in topics, held against the Avro library and against every version that was ever written.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail them"
)]

mod framing;
mod history;
mod samples;
