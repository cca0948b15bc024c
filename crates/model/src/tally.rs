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
///
/// A processor counts what it made of records: documents by verdict, parked and overtaken ones. A sink counts what became
/// of documents. [`Counts::of_flow`] puts both together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Published to the raw topic (producers), or taken from it (processors).
    pub polled: u64,
    /// Became a document with a body (processors).
    pub mapped: u64,
    /// Left out by a rule of the flow (processors, and sinks once their document has ended).
    pub filtered: u64,
    /// Stored at the target (sinks).
    pub delivered: u64,
    /// Already there in this state (sinks).
    pub unchanged: u64,
    /// Overtaken by a newer state: at the target (sinks), or while it waited (processors).
    pub superseded: u64,
    /// Parked minus released (processors).
    pub waiting: i64,
    /// Refused for good: by the mapping (processors, and sinks once the letter is written), by the target (sinks), or an
    /// answer that is no record (producers).
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

    /// What became of the records of a flow, from the sums of its source's producer, its processor and its sink.
    #[must_use]
    pub fn of_flow(producer: &Self, processor: &Self, sink: &Self) -> Self {
        Self {
            polled: producer.polled,
            mapped: processor.mapped,
            superseded: sink.superseded + processor.superseded,
            waiting: processor.waiting,
            ..*sink
        }
    }

    /// Of a processor's sum: how many documents more than records it made. A record that the flow splits ends once for
    /// each of its parts, and one that re-enters the flow ends once more.
    pub fn parts(&self) -> i128 {
        i128::from(self.mapped) + self.accounted() - i128::from(self.polled)
    }

    /// How many records have come to an end or wait, of those that were polled.
    pub fn accounted(&self) -> i128 {
        let ended = [self.filtered, self.delivered, self.unchanged, self.superseded, self.dead];
        ended.into_iter().map(i128::from).sum::<i128>() + i128::from(self.waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_adds_up_with_parts_and_those_who_wait() {
        let producer = Counts { polled: 10, ..Counts::default() };
        // 1 waits, 1 was overtaken while it waited, 1 became 3 documents, 7 became one each.
        let processor = Counts {
            polled: 10,
            mapped: 8,
            filtered: 1,
            dead: 1,
            superseded: 1,
            waiting: 1,
            ..Counts::default()
        };
        let sink = Counts { delivered: 7, superseded: 1, filtered: 1, dead: 1, ..Counts::default() };
        assert_eq!(processor.parts(), 2);
        let flow = Counts::of_flow(&producer, &processor, &sink);
        assert_eq!((flow.delivered, flow.superseded, flow.waiting), (7, 2, 1));
        assert_eq!(i128::from(flow.polled) + processor.parts(), flow.accounted());
    }
}
