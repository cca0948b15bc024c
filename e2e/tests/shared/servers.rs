//! The shared servers: where they are, and what a test leaves on them.

use weir_kafka::{Admin, Cluster};

/// The address that an environment variable names; without one the test fails and says what to do.
pub fn address(variable: &str, example: &str) -> String {
    std::env::var(variable).ok().filter(|value| !value.is_empty()).unwrap_or_else(|| {
        panic!("{variable} is not set: name a server, such as {example}, or run these tests through `cargo xtask test`")
    })
}

/// Deletes the topics of a test; one that cannot be deleted is told and fails nothing.
pub fn remove_topics(cluster: &Cluster, prefix: &str) {
    let remove = || {
        let admin = Admin::open(cluster)?;
        let start = format!("{prefix}.");
        let topics = admin.partition_counts()?;
        let own: Vec<&str> =
            topics.keys().map(String::as_str).filter(|topic| topic.starts_with(&start)).collect();
        if own.is_empty() { Ok(()) } else { admin.delete(&own) }
    };
    let removed: Result<(), weir_kafka::Error> = remove();
    if let Err(error) = removed {
        eprintln!("could not delete the topics of {prefix}: {error}");
    }
}
