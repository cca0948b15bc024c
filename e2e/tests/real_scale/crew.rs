//! The processes of a test: some of each stage, of which any may leave and another come.

use rand::{RngExt as _, rngs::StdRng};

use crate::{process::Weir, stand::Stand};

/// How many processes of each stage there are.
const ROSTER: [(&str, usize); 3] = [("producers", 2), ("processors", 2), ("sinks", 3)];

/// How a process leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// SIGTERM: it drains.
    Terminated,
    /// `kill -9`.
    Killed,
}

/// Who comes for one that left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Successor {
    /// A process of the same name.
    Same,
    /// A process that nobody knew before.
    Another,
}

/// The processes that run.
pub struct Crew<'a> {
    stand: &'a Stand,
    members: Vec<Member>,
    started: usize,
}

struct Member {
    stages: &'static str,
    instance: String,
    weir: Weir,
}

impl<'a> Crew<'a> {
    /// Starts as many as there are to be.
    pub fn start(stand: &'a Stand) -> Self {
        let mut crew = Self { stand, members: Vec::new(), started: 0 };
        for (stages, count) in ROSTER {
            (0..count).for_each(|_| crew.add(stages));
        }
        crew
    }

    /// Lets one process leave and its successor come.
    pub fn replace(&mut self, dice: &mut StdRng, exit: Exit, successor: Successor) {
        let Member { stages, instance, weir } =
            self.members.swap_remove(dice.random_range(0..self.members.len()));
        println!("{instance} is {exit:?}, {successor:?} comes for it");
        match exit {
            Exit::Killed => weir.kill(),
            Exit::Terminated => {
                let status = weir.terminate();
                assert_eq!(status.code(), Some(0), "{instance} leaves in order: {status}");
            }
        }
        match successor {
            Successor::Same => {
                let weir = self.stand.start(stages, &instance);
                self.members.push(Member { stages, instance, weir });
            }
            Successor::Another => self.add(stages),
        }
    }

    /// Ends the test if one of them has ended by itself.
    pub fn expect_running(&mut self) {
        self.members.iter_mut().for_each(|member| member.weir.expect_running());
    }

    /// Ends all in order.
    pub fn terminate(self) {
        for Member { instance, weir, .. } in self.members {
            let status = weir.terminate();
            assert_eq!(status.code(), Some(0), "{instance} ends in order: {status}");
        }
    }

    fn add(&mut self, stages: &'static str) {
        self.started += 1;
        let instance = format!("{stages}-{}", self.started);
        let weir = self.stand.start(stages, &instance);
        self.members.push(Member { stages, instance, weir });
    }
}
