//! How each stage of this process is: what stages report, and what `/healthz`, `/readyz` and the console tell.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// How a stage is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Not yet at work.
    Starting,
    /// At work.
    Ready,
    /// Waiting for something that is away; it goes on by itself.
    Waiting(String),
    /// Stopped until a person acts.
    Halted(String),
}

/// The conditions of all stages of this process. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Health {
    stages: Arc<Mutex<BTreeMap<String, Condition>>>,
}

impl Health {
    /// Says how a stage is.
    pub fn report(&self, stage: &str, condition: Condition) {
        self.stages.lock().unwrap_or_else(PoisonError::into_inner).insert(stage.to_owned(), condition);
    }

    /// How every stage is, by name.
    pub fn conditions(&self) -> BTreeMap<String, Condition> {
        self.stages.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether every stage is at work.
    pub fn is_ready(&self) -> bool {
        let stages = self.stages.lock().unwrap_or_else(PoisonError::into_inner);
        !stages.is_empty() && stages.values().all(|condition| *condition == Condition::Ready)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_means_all_of_them() {
        let health = Health::default();
        assert!(!health.is_ready());
        health.report("a", Condition::Ready);
        assert!(health.is_ready());
        health.report("b", Condition::Halted("wrong secret".into()));
        assert!(!health.is_ready());
    }
}
