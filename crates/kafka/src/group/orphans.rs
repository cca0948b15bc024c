//! Partitions that a group has given to nobody, found and taken up.
//!
//! A partition changes hands in two steps: its owner lets go and joins again, then it is given to the next. An owner that
//! is killed in between and comes back under its name within the session gets what it was to keep, without a rebalance,
//! and nobody remembers the second step: the group is stable, and the partition stays without a reader until the next
//! rebalance, which may never come. So each member asks now and then who has what, and when the same partitions have no
//! owner twice in a row, the member that has least leaves the group and joins it anew: nothing is left unread in silence
//! (invariant 3).

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;

use super::GroupOptions;
use super::rebalance::GroupContext;

/// Brokers that do not answer by then are asked next time.
const ANSWER: Duration = Duration::from_secs(2);
/// The library names a named member after itself and a random id of this length.
const RANDOM_ID: usize = 36;

type Partitions = BTreeSet<(String, i32)>;

/// A member of the group and what it has.
#[derive(Debug)]
struct Member {
    id: String,
    partitions: Partitions,
}

/// Looks at the group now and then.
#[derive(Debug)]
pub(super) struct Watch {
    every: Duration,
    looked: Instant,
    /// What had no owner at the last look.
    orphans: Partitions,
}

impl Watch {
    /// A look each session.
    pub(super) fn new(options: &GroupOptions) -> Self {
        Self { every: options.session_timeout, looked: Instant::now(), orphans: Partitions::new() }
    }

    /// Says, seldom, that this member is the one to leave and join anew.
    pub(super) fn calls_for_us(
        &mut self,
        consumer: &BaseConsumer<GroupContext>,
        options: &GroupOptions,
    ) -> bool {
        if self.looked.elapsed() < self.every {
            return false;
        }
        let found = look(consumer, options);
        self.looked = Instant::now();
        let (orphans, is_ours) = match found {
            Ok(Some(members)) => members,
            Ok(None) => Default::default(),
            Err(error) => {
                tracing::debug!(group = options.group, %error, "could not ask who has which partition");
                Default::default()
            }
        };
        let again = !orphans.is_empty() && orphans == self.orphans;
        self.orphans = if again { Partitions::new() } else { orphans };
        again && is_ours
    }
}

/// What nobody has, and whether it is for us to act; none while the group is rebalancing.
fn look(
    consumer: &BaseConsumer<GroupContext>,
    options: &GroupOptions,
) -> Result<Option<(Partitions, bool)>, KafkaError> {
    let groups = consumer.fetch_group_list(Some(&options.group), ANSWER)?;
    let Some(group) = groups.groups().iter().find(|group| group.state() == "Stable") else {
        return Ok(None);
    };
    let members: Vec<Member> = group
        .members()
        .iter()
        .map(|member| Member {
            id: member.id().to_owned(),
            partitions: member.assignment().and_then(assigned).unwrap_or_default(),
        })
        .collect();
    let mut all = Partitions::new();
    for topic in &options.topics {
        let metadata = consumer.fetch_metadata(Some(topic), ANSWER)?;
        let of_topic = metadata.topics().iter().filter(|found| found.name() == topic);
        all.extend(
            of_topic
                .flat_map(|found| found.partitions().iter().map(|partition| (topic.clone(), partition.id()))),
        );
    }
    Ok(Some(judge(&members, all, &options.instance)))
}

/// What of `all` nobody has, and whether `instance` has least of all members.
fn judge(members: &[Member], all: Partitions, instance: &str) -> (Partitions, bool) {
    let owned: BTreeSet<_> = members.iter().flat_map(|member| &member.partitions).collect();
    let orphans = all.into_iter().filter(|partition| !owned.contains(partition)).collect();
    let least = members.iter().min_by_key(|member| (member.partitions.len(), &member.id));
    let is_ours = least
        .and_then(|member| member.id.strip_prefix(instance))
        .is_some_and(|rest| rest.strip_prefix('-').is_some_and(|random| random.len() == RANDOM_ID));
    (orphans, is_ours)
}

/// Reads an assignment as the consumer protocol writes it: version, topics with their partitions, data of the user.
fn assigned(bytes: &[u8]) -> Option<Partitions> {
    let mut rest = bytes;
    take::<2>(&mut rest)?;
    let mut partitions = Partitions::new();
    for _topic in 0..i32::from_be_bytes(take(&mut rest)?) {
        let length = usize::try_from(i16::from_be_bytes(take(&mut rest)?)).ok()?;
        let (name, others) = rest.split_at_checked(length)?;
        rest = others;
        let topic = String::from_utf8_lossy(name).into_owned();
        for _partition in 0..i32::from_be_bytes(take(&mut rest)?) {
            partitions.insert((topic.clone(), i32::from_be_bytes(take(&mut rest)?)));
        }
    }
    Some(partitions)
}

fn take<const WIDTH: usize>(rest: &mut &[u8]) -> Option<[u8; WIDTH]> {
    let (taken, others) = rest.split_first_chunk()?;
    *rest = others;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partitions(numbers: &[i32]) -> Partitions {
        numbers.iter().map(|number| ("t".to_owned(), *number)).collect()
    }

    fn member(name: &str, numbers: &[i32]) -> Member {
        let id = format!("{name}-{}", "0".repeat(RANDOM_ID));
        Member { id, partitions: partitions(numbers) }
    }

    #[test]
    fn the_member_that_has_least_takes_up_what_nobody_has() {
        let members = [member("a", &[0, 1]), member("a-b", &[]), member("c", &[])];
        let all = || partitions(&[0, 1, 2]);
        assert_eq!(judge(&members, all(), "a-b"), (partitions(&[2]), true));
        assert_eq!(judge(&members, all(), "a"), (partitions(&[2]), false), "a is not a-b");
        assert_eq!(judge(&members, all(), "c"), (partitions(&[2]), false));
        assert_eq!(judge(&members, partitions(&[0, 1]), "c").0, partitions(&[]));
    }

    #[test]
    fn an_assignment_is_read_from_the_consumer_protocol() {
        let bytes = [
            &[0, 1][..],
            &[0, 0, 0, 1],
            &[0, 1, b't'],
            &[0, 0, 0, 2],
            &[0, 0, 0, 4, 0, 0, 0, 5],
            &[0xFF, 0xFF, 0xFF, 0xFF],
        ]
        .concat();
        assert_eq!(assigned(&bytes), Some(partitions(&[4, 5])));
        assert_eq!(assigned(&bytes[..10]), None);
        assert_eq!(assigned(&[]), None);
    }
}
