//! Counts per batch, written in the batch's own transaction: their sum is the truth about every record.

use jiff::Timestamp;

use crate::letter::Stage;

/// What one batch of one stage came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Tally {
    /// The stage.
    pub stage: Stage,
    /// The source (producers) or flow (processors, sinks).
    pub subject: String,
    /// The process that counted.
    pub instance: String,
    /// When the batch ended.
    pub at: Timestamp,
    /// The counts.
    pub counts: Counts,
}

/// Where records ended, by invariant 3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Published to the raw topic (producers), or taken from it (processors).
    pub polled: u64,
    /// Became a document with a body (processors).
    pub mapped: u64,
    /// Left out by a rule of the flow (sinks).
    pub filtered: u64,
    /// Stored at the target (sinks).
    pub delivered: u64,
    /// Already there in this state (sinks).
    pub unchanged: u64,
    /// Overtaken by a newer state (sinks).
    pub superseded: u64,
    /// Parked minus released (processors).
    pub waiting: i64,
    /// Refused for good (sinks; producers for answers that are no record).
    pub dead: u64,
}

impl Counts {
    /// Adds another batch.
    pub fn add(&mut self, other: &Self) {
        self.polled += other.polled;
        self.mapped += other.mapped;
        self.filtered += other.filtered;
        self.delivered += other.delivered;
        self.unchanged += other.unchanged;
        self.superseded += other.superseded;
        self.waiting += other.waiting;
        self.dead += other.dead;
    }

    /// How many records have come to an end or wait, of those that were polled.
    pub fn accounted(&self) -> i128 {
        let ended = [self.filtered, self.delivered, self.unchanged, self.superseded, self.dead];
        ended.into_iter().map(i128::from).sum::<i128>() + i128::from(self.waiting)
    }
}
