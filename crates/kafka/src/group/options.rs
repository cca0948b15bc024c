//! How a member takes part in a group.

use std::time::Duration;

use crate::cluster::Cluster;

/// How often a member asks whether a rebalance has begun. Handing a partition over between live members takes two of
/// these, so it is shorter than the third of a session that would do for staying alive.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// How a member takes part in a group.
#[derive(Debug, Clone)]
pub struct GroupOptions {
    /// The group.
    pub group: String,
    /// The name of this member, stable over restarts: a member that comes back within the session gets its partitions
    /// back without a rebalance, and a second process of the same name fences the first.
    pub instance: String,
    /// The topics whose partitions the group shares out.
    pub topics: Vec<String>,
    /// After how long without a heartbeat others take over.
    pub session_timeout: Duration,
    /// How long the loop may take between two polls before it is thrown out.
    pub max_poll_interval: Duration,
    /// How many bytes the client reads ahead, all partitions together.
    pub queue_bytes: usize,
}

impl GroupOptions {
    /// A member with a session of 10 s, 5 minutes between polls and 1 MiB of reading ahead: a process has one for each
    /// flow, and a backlog fills them all.
    pub fn new(group: impl Into<String>, instance: impl Into<String>, topics: &[&str]) -> Self {
        Self {
            group: group.into(),
            instance: instance.into(),
            topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
            session_timeout: Duration::from_secs(10),
            max_poll_interval: Duration::from_secs(300),
            queue_bytes: 1 << 20,
        }
    }

    /// The settings of the member's client.
    pub(super) fn settings(&self, cluster: &Cluster) -> Vec<(&'static str, String)> {
        let millis = |time: Duration| time.as_millis().to_string();
        let mut settings = vec![
            ("group.id", self.group.clone()),
            ("group.instance.id", self.instance.clone()),
            ("max.poll.interval.ms", millis(self.max_poll_interval.max(self.session_timeout))),
            ("auto.offset.reset", "error".to_owned()),
            ("enable.auto.commit", "false".to_owned()),
            ("enable.auto.offset.store", "false".to_owned()),
            ("isolation.level", "read_committed".to_owned()),
            ("queued.max.messages.kbytes", (self.queue_bytes / 1024).max(1).to_string()),
            // An answer overshoots the queue, and is compressed: left alone it may hold 50 MiB. A larger batch of records
            // comes nevertheless, alone.
            ("fetch.max.bytes", self.queue_bytes.to_string()),
            // The queue may be overrun by this for each partition, ten times over once it is unpacked, and partitions that
            // come in small turns are worked on side by side.
            ("max.partition.fetch.bytes", "16384".to_owned()),
            // A full queue waits this long; the default of 1 s starves a loop whose queue was made small.
            ("fetch.queue.backoff.ms", "10".to_owned()),
            ("fetch.wait.max.ms", cluster.fetch_wait_ms(100)),
        ];
        if cluster.is_in_process() {
            // Its classic coordinator makes a new group wait 3 s, and the loop sees the same events either way.
            settings.push(("group.protocol", "consumer".to_owned()));
        } else {
            settings.extend([
                ("partition.assignment.strategy", "cooperative-sticky".to_owned()),
                ("session.timeout.ms", millis(self.session_timeout)),
                ("heartbeat.interval.ms", millis((self.session_timeout / 3).min(HEARTBEAT))),
            ]);
        }
        settings
    }
}
