//! Waiting for a request: what is to be met, at which moment, and what is done to the process that sent it.

use std::collections::HashMap;
use std::fmt;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::process::{halt, kill};

use super::Call;

/// The moments of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Moment {
    /// The program has sent it, the server has not received it and never will.
    Sent,
    /// The server has answered, the program has not heard it and never will.
    Answered,
    /// The program has just heard the answer.
    Heard,
}

/// What happens to the process whose request is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Killed,
    Halted,
}

/// Whether a request from a process of this name is the one.
type Matches = Box<dyn Fn(&str, &Call) -> bool + Send>;

/// Traps shared by the proxies of a test, and the processes that may step into them. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Ambush(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    traps: Vec<Set>,
    /// Process ids by the names that proxies know them by.
    processes: HashMap<String, u32>,
}

/// A trap that waits.
struct Set {
    moment: Moment,
    /// So many requests that match are let go first.
    spare: u32,
    fate: Fate,
    matches: Matches,
    sprung: Sender<String>,
}

/// A trap that was set; dropped, it stays set.
#[derive(Debug)]
pub struct Trap(Receiver<String>);

impl Trap {
    /// Waits until a process stepped into it, gives the process's name; none came before the limit.
    #[must_use]
    pub fn sprung(&self, limit: Duration) -> Option<String> {
        self.0.recv_timeout(limit).ok()
    }
}

impl Ambush {
    /// Names a process: requests from `name` are its own.
    pub fn name(&self, name: &str, process: u32) {
        self.lock().processes.insert(name.to_owned(), process);
    }

    /// Kills whoever sends the request that matches after `spare` others have been let go, once, at that moment. The
    /// process has its SIGKILL before the proxy does anything else.
    pub fn kill(
        &self,
        moment: Moment,
        spare: u32,
        matches: impl Fn(&str, &Call) -> bool + Send + 'static,
    ) -> Trap {
        self.set(Fate::Killed, moment, spare, Box::new(matches))
    }

    /// As [`Ambush::kill`], with SIGSTOP. The request goes its way: at [`Moment::Sent`] the server gets it.
    pub fn halt(
        &self,
        moment: Moment,
        spare: u32,
        matches: impl Fn(&str, &Call) -> bool + Send + 'static,
    ) -> Trap {
        self.set(Fate::Halted, moment, spare, Box::new(matches))
    }

    /// Takes away all traps that nobody has stepped into.
    pub fn lift(&self) {
        self.lock().traps.clear();
    }

    fn set(&self, fate: Fate, moment: Moment, spare: u32, matches: Matches) -> Trap {
        let (sprung, trap) = channel();
        self.lock().traps.push(Set { moment, spare, fate, matches, sprung });
        Trap(trap)
    }

    /// A request passes: says whether its sender was killed.
    pub(super) fn meet(&self, moment: Moment, sender: &str, call: &Call) -> bool {
        let mut state = self.lock();
        let Some(&process) = state.processes.get(sender) else { return false };
        let met = state.traps.iter_mut().position(|trap| {
            let matches = trap.moment == moment && (trap.matches)(sender, call);
            let lets_go = matches && trap.spare > 0;
            trap.spare -= u32::from(lets_go);
            matches && !lets_go
        });
        let Some(met) = met else { return false };
        let trap = state.traps.swap_remove(met);
        match trap.fate {
            Fate::Killed => kill(process),
            Fate::Halted => halt(process),
        }
        // Whoever set the trap may have stopped waiting for it.
        let _not_awaited = trap.sprung.send(sender.to_owned());
        trap.fate == Fate::Killed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Set {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { moment, spare, fate, .. } = self;
        write!(formatter, "trap {moment:?}, {fate:?}, after {spare}")
    }
}
