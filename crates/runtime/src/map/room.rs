//! The waiting room of one flow in this process: parked records on disk, what is known of them in memory, and the
//! references that are watched for them (design §6).
//!
//! The wait topic is the truth. A partition is restored from it when it is assigned, and let go when it is revoked, so
//! that a killed process leaves nothing behind that its successor does not find (invariant 7).

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::ControlFlow,
};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use weir_kafka::{Isolation, Table, TopicPartition, reader::watermarks};
use weir_model::{
    lookup::Lookups,
    names::{FlowName, RecordId},
};
use weir_schemas::ParkedRecord;

use super::{
    batch::{Change, Rows},
    entry::Entry,
    parking::{Held, Parking, Reference, Slot},
};
use crate::{
    collections::{Collections, Watch},
    restore::restore,
    stage::{Deployment, StageError},
};

/// Everything that waits in the partitions of this process.
pub(super) struct Room<'a, R: Rows> {
    deployment: &'a Deployment,
    flow: &'a FlowName,
    topic: String,
    stop: &'a CancellationToken,
    references: R,
    parking: Parking,
    /// Parked records by partition; none where nothing was ever parked.
    tables: HashMap<i32, Table>,
}

/// The collections of this process, watched for one flow.
pub(super) struct References {
    collections: Collections,
    watch: Watch,
}

impl References {
    pub(super) fn new(collections: Collections) -> Self {
        Self { watch: collections.watch(), collections }
    }
}

impl Rows for References {
    fn reader(&self) -> Box<dyn Lookups + '_> {
        Box::new(self.collections.reader())
    }

    fn watch(&self, reference: &Reference) {
        self.watch.add(&reference.collection, &reference.row);
    }

    fn unwatch(&self, reference: &Reference) {
        self.watch.remove(&reference.collection, &reference.row);
    }

    fn arrived(&self) -> Vec<Reference> {
        let arrived = self.watch.arrived();
        arrived.iter().map(|(collection, row)| Reference::new(collection, row)).collect()
    }
}

impl<'a, R: Rows> Room<'a, R> {
    /// An empty one.
    pub(super) fn new(
        deployment: &'a Deployment,
        flow: &'a FlowName,
        references: R,
        stop: &'a CancellationToken,
    ) -> Self {
        let topic = deployment.topics.wait(flow);
        Self {
            deployment,
            flow,
            topic,
            stop,
            references,
            parking: Parking::default(),
            tables: HashMap::new(),
        }
    }

    /// What is known of parked records.
    pub(super) fn parking(&self) -> &Parking {
        &self.parking
    }

    /// The rows that parked records wait for.
    pub(super) fn references(&self) -> &R {
        &self.references
    }

    /// Restores a partition that was assigned. All of it is looked at again: rows that came while nobody watched are
    /// told by nobody.
    pub(super) fn take_over(&mut self, partition: i32) -> Result<(), StageError> {
        self.give_up(partition);
        let place = TopicPartition::new(self.topic.as_str(), partition);
        let ends = watermarks(&self.deployment.cluster, &place, Isolation::Uncommitted)?;
        if ends.low == ends.high {
            return Ok(());
        }
        let table = self.restore(partition)?;
        let mut unreadable = None;
        table.for_each(|key, value| match self.admit(partition, key, value) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                unreadable = Some(error);
                ControlFlow::Break(())
            }
        })?;
        self.tables.insert(partition, table);
        self.show();
        unreadable.map_or(Ok(()), Err)
    }

    /// Lets go of a partition that another process owns from now on.
    pub(super) fn give_up(&mut self, partition: i32) {
        self.tables.remove(&partition);
        for reference in self.parking.forget(partition) {
            self.unwatch(&reference);
        }
        self.show();
    }

    /// Some of the records whose row arrived, or whose wait is over: at most `count`, and no more once `bytes` are in
    /// hand. They stay due until [`Self::apply`] tells what became of them.
    pub(super) fn take_due(
        &mut self,
        count: usize,
        bytes: usize,
    ) -> Result<Vec<(Slot, ParkedRecord)>, StageError> {
        for reference in self.references.arrived() {
            self.parking.arrived(&reference);
        }
        self.parking.expire(self.deployment.clock.now());
        let mut taken = Vec::new();
        let mut in_hand = 0;
        for slot in self.parking.due(count) {
            if in_hand >= bytes {
                break;
            }
            match self.read(&slot)? {
                Some(parked) => {
                    in_hand += parked.record.payload.len();
                    taken.push((slot, parked));
                }
                // The topic knows nothing of it, and the topic is the truth.
                None => {
                    self.parking.remove(&slot);
                }
            }
        }
        Ok(taken)
    }

    fn read(&self, slot: &Slot) -> Result<Option<ParkedRecord>, StageError> {
        let Some(table) = self.tables.get(&slot.partition) else { return Ok(None) };
        match table.get(slot.id.as_str().as_bytes())? {
            Some(value) => self.decode(slot.partition, &slot.id, value).map(Some),
            None => Ok(None),
        }
    }

    /// What the committed transaction did to the room.
    pub(super) fn apply(&mut self, changes: BTreeMap<Slot, Change>) -> Result<(), StageError> {
        let mut rows: BTreeMap<i32, Vec<(RecordId, Option<Bytes>)>> = BTreeMap::new();
        let mut left_references = Vec::new();
        for (slot, change) in changes {
            let left = self.parking.remove(&slot);
            let Slot { partition, id } = slot.clone();
            match change {
                Change::Parked(held, value, _) => {
                    self.parking.park(slot, held);
                    rows.entry(partition).or_default().push((id, Some(value)));
                }
                Change::Waits(held) => self.parking.park(slot, held),
                Change::Gone if left.is_some() => rows.entry(partition).or_default().push((id, None)),
                Change::Gone => {}
            }
            left_references.extend(left);
        }
        // At the end only: what one record left another one of the same transaction may have come to wait for.
        left_references.iter().for_each(|reference| self.unwatch(reference));
        for (partition, rows) in rows {
            if let Some(table) = self.tables.get_mut(&partition) {
                table.apply(rows.iter().map(|(id, value)| (id.as_str().as_bytes(), value.as_deref())))?;
            } else {
                // The first that ever waits here: the topic holds it already.
                let table = self.restore(partition)?;
                self.tables.insert(partition, table);
            }
        }
        self.show();
        Ok(())
    }

    /// Watches these rows no more, as far as nobody came to wait for them.
    pub(super) fn tidy(&self, watched: &BTreeSet<Reference>) {
        watched.iter().for_each(|reference| self.unwatch(reference));
    }

    fn show(&self) {
        let waiting = (self.parking.len(), self.parking.oldest());
        self.deployment.metrics.records_waiting(self.flow, Some(waiting));
    }

    fn unwatch(&self, reference: &Reference) {
        if !self.parking.is_awaited(reference) {
            self.references.unwatch(reference);
        }
    }

    fn admit(&mut self, partition: i32, key: &[u8], value: &[u8]) -> Result<(), StageError> {
        let id = RecordId::from(&*String::from_utf8_lossy(key));
        let parked = self.decode(partition, &id, value.to_vec())?;
        let reference = Reference::new(&parked.collection, &parked.reference);
        self.references.watch(&reference);
        let slot = Slot { partition, id };
        let (entry, since) = Entry::of_parked(parked, None);
        let held = Held::new(&entry, reference, since, None);
        self.parking.park(slot.clone(), held);
        self.parking.call(slot);
        Ok(())
    }

    fn decode(&self, partition: i32, id: &RecordId, value: Vec<u8>) -> Result<ParkedRecord, StageError> {
        self.deployment.codec.decode(&Bytes::from(value)).map_err(|source| {
            let place = format!("{}/{partition} key {id}", self.topic);
            StageError::Unreadable { place, source }
        })
    }

    fn restore(&self, partition: i32) -> Result<Table, StageError> {
        let place = TopicPartition::new(self.topic.as_str(), partition);
        let path = self.deployment.state_dir.join(format!("{}-{partition}.redb", self.topic));
        restore(&self.deployment.cluster, &place, &path, self.stop)
    }
}

impl<R: Rows> Drop for Room<'_, R> {
    /// A stage that ended measures nothing.
    fn drop(&mut self) {
        self.deployment.metrics.records_waiting(self.flow, None);
    }
}
