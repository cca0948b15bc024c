//! How a member takes part in a group.

use std::time::Duration;

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
}
