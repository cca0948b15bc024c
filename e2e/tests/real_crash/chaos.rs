//! Random kills, stops, cuts and restarts by a schedule that the seed makes; `cargo xtask chaos` runs it for longer.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use weir_sandbox::{Change, Fault, Options, Rule, When};
use weir_testkit::{
    process::{halt, resume},
    proxy::{Proxy, Trap},
};

use crate::{
    crew::{Crew, ROSTER},
    points::Point,
    schedule::{Act, Event, Link, Server, make},
    stand::Stand,
    verdict::expect_exact,
};

/// How long the schedule is, in minutes; the end of everything that is under way comes on top.
const MINUTES: &str = "WEIR_CHAOS_MINUTES";
/// What the schedule is made of, and the sandbox's data.
const SEED: &str = "WEIR_CHAOS_SEED";
const TICK: Duration = Duration::from_millis(50);

/// Data that changes as far as the stand allows, answers to writes that get lost, and late customers.
pub fn changing(seed: u64) -> Options {
    let mut options = Options {
        seed,
        customers: 60,
        movements: 300,
        orders: 60,
        companies: 24,
        refunds: 120,
        span_seconds: 4 * 86_400,
        change: Change { rate: 0.25, limit: 0, late_by_seconds: 1 },
        ..Options::default()
    };
    options.okki.late_company_seconds = 10;
    options.knobs.set(Fault::LostReply, Rule::new(When::Every(7)).on("Save"));
    options
}

/// A run under way.
struct Run<'a> {
    stand: &'a Stand,
    crew: Crew<'a>,
    /// Ambushes that nobody has come to.
    traps: Vec<(Point, Duration, Trap)>,
    /// What is to be put right again, and when.
    agenda: Vec<(Instant, Remedy)>,
    counts: BTreeMap<String, u32>,
}

enum Remedy {
    Revive(String),
    Resume(&'static str),
    Release(Link),
    Start(Server),
}

#[test]
fn chaos_loses_and_doubles_nothing() {
    let number = |variable: &str, otherwise: u64| {
        std::env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
    };
    let (minutes, seed) = (number(MINUTES, 1), number(SEED, 1));
    let stand = Stand::new(changing(seed));
    let crew = Crew::start(&stand);
    let mut run = Run { stand: &stand, crew, traps: Vec::new(), agenda: Vec::new(), counts: BTreeMap::new() };
    println!("chaos of {minutes} min, seed {seed}");
    let start = Instant::now();
    for act in make(seed, Duration::from_secs(60 * minutes)) {
        while start.elapsed() < act.at {
            run.look();
            thread::sleep(TICK);
        }
        run.play(&act);
    }
    run.end();
    let result = expect_exact(&stand, &mut run.crew);
    let kills: u32 = run.counts.iter().filter(|(what, _)| what.contains('/')).map(|(_, count)| count).sum();
    for (what, count) in &run.counts {
        println!("  {count:>4} {what}");
    }
    println!("chaos of {minutes} min, seed {seed}: {kills} kills at points; {result}");
}

impl Run<'_> {
    fn play(&mut self, act: &Act) {
        println!("{act}");
        self.count(act.event.kind());
        match act.event.clone() {
            Event::Ambush { point, spare, away } => {
                let step = point.step;
                let trap =
                    self.stand.ambush.kill(point.moment, spare, move |sender, call| step.is(sender, call));
                self.traps.push((point, away, trap));
            }
            Event::Kill { instance, away } => self.kill(instance, away),
            Event::Freeze { instance, lasting } => {
                self.crew.id(instance).into_iter().for_each(halt);
                self.later(lasting, Remedy::Resume(instance));
            }
            Event::Cut(link) => self.proxy(link).cut(),
            Event::Hold { link, direction, lasting } => {
                self.proxy(link).hold(direction);
                self.later(lasting, Remedy::Release(link));
            }
            Event::Restart { server, killed, away } => {
                self.end_server(server, killed);
                self.later(away, Remedy::Start(server));
            }
            Event::Spoil { fault, calls } => {
                self.stand.sandbox.set(fault, Rule::new(When::Next(calls)).millis(1_500));
            }
        }
    }

    /// Collects those who were killed at a point, and puts right what is due.
    fn look(&mut self) {
        let mut killed = Vec::new();
        self.traps.retain(|(point, away, trap)| match trap.sprung(Duration::ZERO) {
            Some(victim) => {
                killed.push((*point, *away, victim));
                false
            }
            None => true,
        });
        for (point, away, victim) in killed {
            println!("           {victim} came to {point}");
            self.count(point.to_string());
            self.kill(&victim, away);
        }
        let now = Instant::now();
        let due: Vec<_> = self.agenda.extract_if(.., |(at, _)| *at <= now).collect();
        due.into_iter().for_each(|(_, remedy)| self.put_right(remedy));
    }

    fn end_server(&self, server: Server, killed: bool) {
        let (mut broker, mut database) = (self.stand.broker(), self.stand.server());
        match (server, killed) {
            (Server::Kafka, true) => broker.kill(),
            (Server::Kafka, false) => broker.stop(),
            (Server::Database, true) => database.kill(),
            (Server::Database, false) => database.stop(),
        }
    }

    fn kill(&mut self, instance: &str, away: Duration) {
        self.crew.bury(instance);
        self.later(away, Remedy::Revive(instance.to_owned()));
    }

    fn put_right(&mut self, remedy: Remedy) {
        match remedy {
            Remedy::Revive(instance) => self.crew.revive(&instance),
            Remedy::Resume(instance) => self.crew.id(instance).into_iter().for_each(resume),
            Remedy::Release(link) => self.proxy(link).release(),
            Remedy::Start(Server::Kafka) => self.stand.broker().restart().unwrap(),
            Remedy::Start(Server::Database) => self.stand.server().restart().unwrap(),
        }
    }

    /// Nothing happens any more, and everybody is back.
    fn end(&mut self) {
        self.stand.ambush.lift();
        self.look();
        let agenda = std::mem::take(&mut self.agenda);
        agenda.into_iter().for_each(|(_, remedy)| self.put_right(remedy));
        ROSTER.iter().for_each(|(instance, _)| self.crew.revive(instance));
        for link in [Link::Kafka, Link::Database, Link::Remote] {
            self.proxy(link).release();
        }
    }

    fn later(&mut self, delay: Duration, remedy: Remedy) {
        self.agenda.push((Instant::now() + delay, remedy));
    }

    fn count(&mut self, what: String) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn proxy(&self, link: Link) -> &Proxy {
        let proxies = &self.stand.proxies;
        match link {
            Link::Kafka => &proxies.kafka,
            Link::Database => &proxies.database,
            Link::Remote => &proxies.remote,
        }
    }
}
