//! The stage loops of Weir and what they share.

pub mod poll;
