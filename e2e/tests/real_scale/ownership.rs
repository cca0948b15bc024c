//! Who called for what: an account is polled, and a partition written, by one process at a time.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::ControlFlow,
    time::Instant,
};

use weir_kafka::{Isolation, StartOffset, TopicPartition, reader::read_to_end};
use weir_runtime::topics::FLOW_PARTITIONS;

use crate::{gate::Call, project::CUSTOMERS, stand::Stand};

/// The accounts that are polled, by the start of their calls' paths.
const ACCOUNTS: [(&str, &str); 4] = [
    ("/openapi2/", "wangdiantong-enterprise"),
    ("/openapi", "wangdiantong-flagship"),
    ("/open/", "jushuitan"),
    ("/v1/", "xiaoman-okki"),
];

/// The callers of each thing that is owned, in the order in which their calls began.
#[derive(Debug, Default)]
pub struct Callers(BTreeMap<String, Vec<(String, Instant, Option<Instant>)>>);

impl Callers {
    /// Of the accounts that are polled.
    pub fn of_accounts(calls: &[Call]) -> Self {
        let mut callers = Self::default();
        for call in calls {
            let account = ACCOUNTS.iter().find(|(start, _)| call.path.starts_with(start));
            if let Some((_, account)) = account {
                callers.add((*account).to_owned(), call);
            }
        }
        callers
    }

    /// Of the partitions of the flow whose documents are named in the calls by the ids of their records.
    pub fn of_partitions(stand: &Stand, calls: &[Call]) -> Self {
        let partitions = partitions(stand);
        let mut callers = Self::default();
        for call in calls.iter().filter(|call| call.body.contains("BD_Customer")) {
            let numbers = call.body.split(|letter: char| !letter.is_ascii_digit());
            let named: BTreeSet<i32> = numbers.filter_map(|number| partitions.get(number).copied()).collect();
            named.iter().for_each(|partition| callers.add(partition.to_string(), call));
        }
        callers
    }

    fn add(&mut self, owned: String, call: &Call) {
        let callers = self.0.entry(owned).or_default();
        callers.push((call.caller.clone(), call.begun, call.ended));
    }

    /// What is owned, and by how many different processes it was called for.
    pub fn counts(&self) -> BTreeMap<&str, usize> {
        let count = |calls: &Vec<(String, Instant, Option<Instant>)>| {
            calls.iter().map(|(caller, ..)| caller).collect::<BTreeSet<_>>().len()
        };
        self.0.iter().map(|(owned, calls)| (owned.as_str(), count(calls))).collect()
    }

    /// Everyone who called.
    pub fn all(&self) -> BTreeSet<&str> {
        self.0.values().flatten().map(|(caller, ..)| caller.as_str()).collect()
    }

    /// No process begins a call while another's for the same thing lasts, and none comes back to what it lost: between
    /// two processes ownership changes hands at most so many times.
    pub fn expect_one_at_a_time(&self, what: &str, most_handovers: usize) {
        for (owned, calls) in &self.0 {
            let mut handovers = 0;
            let mut last = None;
            // Until when the calls of each process lasted; none where one has not ended.
            let mut ends: BTreeMap<&str, Option<Instant>> = BTreeMap::new();
            for (caller, begun, ended) in calls {
                handovers += usize::from(last.is_some_and(|last| last != caller));
                last = Some(caller);
                let others = ends.iter().filter(|(other, _)| *other != caller);
                for (other, end) in others {
                    let over = end.is_some_and(|end| end <= *begun);
                    assert!(over, "{what} {owned}: {caller} called while a call of {other} went on");
                }
                let latest = ends.entry(caller.as_str()).or_insert(*ended);
                *latest = latest.zip(*ended).map(|(one, other)| one.max(other));
            }
            assert!(
                handovers <= most_handovers,
                "{what} {owned} changed hands {handovers} times, its owners called in turns"
            );
        }
    }
}

/// The partition of each record of the flow.
fn partitions(stand: &Stand) -> HashMap<String, i32> {
    let topic = stand.topics().doc(&CUSTOMERS.into());
    let mut partitions = HashMap::new();
    for number in 0..FLOW_PARTITIONS {
        let partition = TopicPartition::new(topic.as_str(), number);
        let (start, isolation) = (StartOffset::Beginning, Isolation::Committed);
        read_to_end(stand.cluster(), &partition, start, isolation, |message| {
            if let Some(key) = message.key {
                partitions.insert(String::from_utf8_lossy(&key).into_owned(), number);
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    }
    partitions
}
