//! Newtypes for identifiers, so that a flow's name is never passed where a source's belongs.

use std::{fmt, sync::Arc};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<T: AsRef<str> + ?Sized> From<&T> for $name {
            fn from(text: &T) -> Self {
                Self(Arc::from(text.as_ref()))
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(Arc::from(text))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

name!(
    /// A flow: source → filter → flatten → check → map → target.
    FlowName
);
name!(
    /// A source: one API of one connection, polled into one raw topic.
    SourceName
);
name!(
    /// A connection: one account at a remote system.
    ConnectionName
);
name!(
    /// The id of a source record; the key of raw, document and receipt topics.
    RecordId
);
name!(
    /// A running process, unique among those that share a Kafka cluster.
    InstanceName
);

impl RecordId {
    /// The id of the record's `part`-th document, from 1, where a flow splits records (contract qeasy-metadata §7: the
    /// suffix begins with `-1`, for ever, since ids are keys).
    #[must_use]
    pub fn part(&self, part: u32) -> Self {
        Self::from(format!("{self}-{part}"))
    }
}

/// Whether `text` may name a flow, source, connection or instance: it becomes part of topic and group names.
///
/// Letters, digits, `-` and `_`, 1 to 80 of them, starting with a letter or digit.
pub fn is_valid_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=80).contains(&text.len())
        && text.chars().all(allowed)
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::is_valid_name;

    #[test]
    fn names_fit_into_topic_names() {
        assert!(is_valid_name("jushuitan-customer-to-kingdee"));
        for bad in ["", "a.b", "店铺", "-x", "a b", &"x".repeat(81)] {
            assert!(!is_valid_name(bad), "{bad:?} must be refused");
        }
    }
}
