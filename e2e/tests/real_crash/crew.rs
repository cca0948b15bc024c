//! The processes of a test: two of each stage.

use std::collections::BTreeMap;

use crate::{process::Weir, stand::Stand};

/// The processes by instance, each with the stages that it runs.
pub const ROSTER: [(&str, &str); 6] = [
    ("producers-1", "producers"),
    ("producers-2", "producers"),
    ("processors-1", "processors"),
    ("processors-2", "processors"),
    ("sinks-1", "sinks"),
    ("sinks-2", "sinks"),
];

/// Those that run.
pub struct Crew<'a> {
    stand: &'a Stand,
    members: BTreeMap<&'static str, Weir>,
}

impl<'a> Crew<'a> {
    /// Starts all.
    pub fn start(stand: &'a Stand) -> Self {
        let mut crew = Self { stand, members: BTreeMap::new() };
        ROSTER.iter().for_each(|(instance, _)| crew.revive(instance));
        crew
    }

    /// Kills a process, or collects one that was killed.
    pub fn bury(&mut self, instance: &str) {
        if let Some(weir) = self.members.remove(instance) {
            weir.kill();
        }
    }

    /// Starts a process that does not run.
    pub fn revive(&mut self, instance: &str) {
        let (instance, stages) = ROSTER.into_iter().find(|(name, _)| *name == instance).unwrap();
        self.members.entry(instance).or_insert_with(|| self.stand.start(instance, stages));
    }

    /// Kills a process, or collects one that was killed, and starts it anew.
    pub fn replace(&mut self, instance: &str) {
        self.bury(instance);
        self.revive(instance);
    }

    /// The id of a process that runs.
    pub fn id(&self, instance: &str) -> Option<u32> {
        self.members.get(instance).map(Weir::id)
    }

    /// How often each process has taken partitions over.
    pub fn takeovers(&self) -> BTreeMap<&'static str, usize> {
        let count = |weir: &Weir| weir.log().lines().filter(|line| line.contains(" took ")).count();
        self.members.iter().map(|(instance, weir)| (*instance, count(weir))).collect()
    }

    /// Ends the test if a process has ended by itself.
    pub fn expect_running(&mut self) {
        assert_eq!(self.members.len(), ROSTER.len());
        self.members.values_mut().for_each(Weir::expect_running);
    }
}
