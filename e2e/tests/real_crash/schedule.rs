//! What happens in a run of chaos, and when: made of the seed alone.

use std::{fmt, time::Duration};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use weir_sandbox::Fault;
use weir_testkit::proxy::Direction;

use crate::{crew::ROSTER, points::Point};

/// A connection between processes and one of the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    Kafka,
    Database,
    Remote,
}

/// A server that is restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    Kafka,
    Database,
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Whoever comes to a point next, or after some others, is killed there and stays away for a while.
    Ambush { point: Point, spare: u32, away: Duration },
    /// A process is killed wherever it is.
    Kill { instance: &'static str, away: Duration },
    /// A process is stopped and goes on later, perhaps after others took its work over.
    Freeze { instance: &'static str, lasting: Duration },
    /// All connections of a link are cut.
    Cut(Link),
    /// Nothing gets through one way.
    Hold { link: Link, direction: Direction, lasting: Duration },
    /// A server is ended, in order or not, and comes back.
    Restart { server: Server, killed: bool, away: Duration },
    /// The next calls meet a fault of the remote systems.
    Spoil { fault: Fault, calls: u64 },
}

/// An event and its time since the start.
#[derive(Clone, Debug, PartialEq)]
pub struct Act {
    pub at: Duration,
    pub event: Event,
}

/// The schedule of a seed.
pub fn make(seed: u64, lasting: Duration) -> Vec<Act> {
    let mut dice = StdRng::seed_from_u64(seed);
    let mut acts = Vec::new();
    let mut at = Duration::from_secs(5);
    while at < lasting {
        acts.push(Act { at, event: event(&mut dice) });
        at += millis(&mut dice, 300, 4_000);
    }
    // However short the run is, each server is killed once in it.
    for (server, part) in [(Server::Kafka, 3), (Server::Database, 2)] {
        let away = millis(&mut dice, 500, 5_000);
        acts.push(Act { at: lasting / part, event: Event::Restart { server, killed: true, away } });
    }
    acts.sort_by_key(|act| act.at);
    acts
}

fn event(dice: &mut StdRng) -> Event {
    let points: Vec<Point> = Point::all().collect();
    match dice.random_range(0..100) {
        0..45 => Event::Ambush {
            point: *points.choose(dice).unwrap(),
            spare: dice.random_range(0..4),
            away: millis(dice, 0, 15_000),
        },
        45..60 => Event::Kill { instance: anyone(dice), away: millis(dice, 0, 15_000) },
        60..70 => Event::Freeze { instance: anyone(dice), lasting: millis(dice, 500, 25_000) },
        70..80 => Event::Cut(link(dice)),
        80..88 => Event::Hold {
            link: link(dice),
            direction: *[Direction::Requests, Direction::Answers].choose(dice).unwrap(),
            lasting: millis(dice, 200, 8_000),
        },
        88..91 => Event::Restart {
            server: *[Server::Kafka, Server::Database].choose(dice).unwrap(),
            killed: dice.random_bool(0.5),
            away: millis(dice, 0, 8_000),
        },
        _ => Event::Spoil {
            fault: *[Fault::LostReply, Fault::Http5xx, Fault::CutRequest, Fault::Slow].choose(dice).unwrap(),
            calls: dice.random_range(1..6),
        },
    }
}

fn anyone(dice: &mut StdRng) -> &'static str {
    ROSTER.choose(dice).unwrap().0
}

fn link(dice: &mut StdRng) -> Link {
    *[Link::Kafka, Link::Database, Link::Remote].choose(dice).unwrap()
}

fn millis(dice: &mut StdRng, from: u64, to: u64) -> Duration {
    Duration::from_millis(dice.random_range(from..to))
}

impl Event {
    /// What it is counted as.
    pub fn kind(&self) -> String {
        match self {
            Self::Ambush { .. } => "ambush set".to_owned(),
            Self::Kill { instance, .. } => format!("kill of {instance}"),
            Self::Freeze { instance, .. } => format!("freeze of {instance}"),
            Self::Cut(link) => format!("cut of {link:?}"),
            Self::Hold { link, direction, .. } => format!("hold of {link:?} {direction:?}"),
            Self::Restart { server, killed: true, .. } => format!("kill of {server:?}"),
            Self::Restart { server, killed: false, .. } => format!("restart of {server:?}"),
            Self::Spoil { fault, .. } => format!("fault {}", fault.name()),
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:>7.1} s  ", self.at.as_secs_f32())?;
        match &self.event {
            Event::Ambush { point, spare, away } => {
                write!(formatter, "kill whoever comes to {point} after {spare}, back after {away:?}")
            }
            Event::Kill { away, .. } => write!(formatter, "{}, back after {away:?}", self.event.kind()),
            Event::Freeze { lasting, .. } | Event::Hold { lasting, .. } => {
                write!(formatter, "{} for {lasting:?}", self.event.kind())
            }
            Event::Restart { away, .. } => write!(formatter, "{}, back after {away:?}", self.event.kind()),
            Event::Spoil { calls, .. } => write!(formatter, "{} on {calls} calls", self.event.kind()),
            Event::Cut(_) => formatter.write_str(&self.event.kind()),
        }
    }
}

#[test]
fn a_seed_makes_one_schedule() {
    let lasting = Duration::from_secs(600);
    assert_eq!(make(7, lasting), make(7, lasting));
    assert_ne!(make(7, lasting), make(8, lasting));
    let restarts = make(7, lasting).into_iter().filter(|act| matches!(act.event, Event::Restart { .. }));
    assert!(restarts.count() >= 2);
}
