//! A throw-away Apache Kafka: one node that is broker and controller (KRaft), on free loopback ports.
//!
//! Relies on `WEIR_KAFKA_CLASSPATH` (jars, run with Java 17) or `WEIR_KAFKA_IMAGE` (a container image and a Docker engine);
//! `cargo xtask services env` prints the right one. Settings: Kafka notes §12: few internal partitions, no rebalance
//! delay, a fast sweep of dead transactions, a small heap.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command};

use tempfile::TempDir;

use crate::node::{Node, throw_away_folder, with_free_ports};
use crate::process::{free_port, run, spawn};
use crate::secure::Listener;
use crate::server::Server;
use crate::{Error, wire};

/// Java class path of Kafka's jars.
pub const CLASSPATH_VARIABLE: &str = "WEIR_KAFKA_CLASSPATH";
/// Container image of Kafka, used when there is no class path.
pub const IMAGE_VARIABLE: &str = "WEIR_KAFKA_IMAGE";

const SERVER: &str = "Kafka";
/// 16 zero bytes but for the last, base64url: a cluster id as Kafka wants it.
const CLUSTER_ID: &str = "AAAAAAAAAAAAAAAAAAAAAQ";
const JVM_OPTIONS: [&str; 5] =
    ["-Xmx384m", "-Xms96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true"];

/// What Kafka is run from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// A Java class path.
    Jars(String),
    /// A container image.
    Image(String),
}

impl Program {
    /// Reads it from the environment.
    ///
    /// # Errors
    /// When neither variable is set; the message tells what to do.
    pub fn from_env() -> Result<Self, Error> {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        set(CLASSPATH_VARIABLE).map(Self::Jars).or_else(|| set(IMAGE_VARIABLE).map(Self::Image)).ok_or_else(|| {
            Error::Missing(format!(
                "a Kafka of one's own needs {CLASSPATH_VARIABLE} or {IMAGE_VARIABLE}; run the tests with `cargo xtask \
                 test`, or `eval \"$(cargo xtask services env)\"` after `cargo xtask services up`"
            ))
        })
    }
}

/// A one-node Kafka that ends, with its data, when this value is dropped.
#[derive(Debug)]
pub struct Broker {
    // The server ends before its folder goes.
    node: Node,
    folder: TempDir,
    program: Program,
    ports: Ports,
    /// Listeners with TLS, each with its port.
    secured: Vec<(Listener, u16)>,
    /// Runs in a process group of its own, so that a Ctrl-C for the starter doesn't reach it.
    detached: bool,
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    client: u16,
    controller: u16,
    behind: Option<Behind>,
}

/// A listener that is reached through somebody else's port alone.
#[derive(Debug, Clone, Copy)]
struct Behind {
    port: u16,
    /// What the broker tells clients of this listener to connect to.
    front: u16,
}

impl Broker {
    /// Starts a broker and waits until a topic can be created on it.
    ///
    /// # Errors
    /// When the environment names no Kafka, or it doesn't start; the error holds the end of its log.
    pub fn start() -> Result<Self, Error> {
        let program = Program::from_env()?;
        with_free_ports(|| Self::start_once(&program, false, None, &[]))
    }

    /// As [`Broker::start`], with listeners that speak TLS beside the one without. Needs the jars: a container's settings
    /// hold no passwords for SCRAM.
    ///
    /// # Errors
    /// As [`Broker::start`], and when Kafka is run from an image.
    pub fn start_secured(listeners: &[Listener]) -> Result<Self, Error> {
        let program = Program::from_env()?;
        if let Program::Image(image) = &program {
            return Err(Error::Missing(format!(
                "a Kafka with TLS is started from jars, not from {image}; set {CLASSPATH_VARIABLE}"
            )));
        }
        with_free_ports(|| Self::start_once(&program, false, None, listeners))
    }

    /// As [`Broker::start`], with a second listener behind a proxy: who comes from there is sent to the loopback port
    /// `front` for everything, and the proxy forwards to [`Broker::behind`].
    ///
    /// # Errors
    /// As [`Broker::start`].
    pub fn start_behind(front: u16) -> Result<Self, Error> {
        let program = Program::from_env()?;
        with_free_ports(|| Self::start_once(&program, false, Some(front), &[]))
    }

    /// Starts a broker that goes on after the calling program has ended; returns it with its address.
    ///
    /// # Errors
    /// When it doesn't start; the error holds the end of its log.
    pub fn start_detached(program: &Program) -> Result<(Server, String), Error> {
        let mut broker = with_free_ports(|| Self::start_once(program, true, None, &[]))?;
        let server = broker.node.hand_over(SERVER, &mut broker.folder)?;
        Ok((server, broker.bootstrap()))
    }

    fn start_once(
        program: &Program,
        detached: bool,
        front: Option<u16>,
        listeners: &[Listener],
    ) -> Result<Self, Error> {
        let folder = throw_away_folder("weir-kafka-")?;
        let behind = front.map(|front| Ok(Behind { port: free_port()?, front })).transpose()?;
        let ports = Ports { client: free_port()?, controller: free_port()?, behind };
        let with_port = |listener: &Listener| Ok((listener.clone(), free_port()?));
        let secured = listeners.iter().map(with_port).collect::<Result<_, Error>>()?;
        let mut broker =
            Self { node: Node::default(), folder, program: program.clone(), ports, secured, detached };
        broker.node = match program {
            Program::Jars(classpath) => {
                broker.format(classpath)?;
                Node::process(broker.spawn(classpath)?)
            }
            Program::Image(image) => broker.create_container(image)?,
        };
        broker.wait_ready()?;
        Ok(broker)
    }

    /// Where clients connect: `127.0.0.1:port`. Stays the same over restarts.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.ports.client)
    }

    /// Where a proxy forwards to; without one the same as [`Broker::bootstrap`]. Stays the same over restarts.
    #[must_use]
    pub fn behind(&self) -> String {
        format!("127.0.0.1:{}", self.ports.behind.map_or(self.ports.client, |behind| behind.port))
    }

    /// Where clients of a listener with TLS connect; none of that name is none of this broker's.
    #[must_use]
    pub fn secured(&self, name: &str) -> Option<String> {
        let found = self.secured.iter().find(|(listener, _)| listener.name == name);
        found.map(|(_, port)| format!("127.0.0.1:{port}"))
    }

    /// Changes what a listener with TLS shows and whom it lets in, from the next [`Broker::restart`] on. Passwords of SCRAM
    /// stay as they were at the start.
    ///
    /// # Errors
    /// When the settings cannot be written.
    pub fn change(&mut self, changed: &Listener) -> Result<(), Error> {
        for (listener, _) in self.secured.iter_mut().filter(|(listener, _)| listener.name == changed.name) {
            listener.clone_from(changed);
        }
        self.write_properties()
    }

    /// Lets the broker shut down in order (SIGTERM; SIGKILL after 10 s). Its data stays for [`Broker::restart`].
    pub fn stop(&mut self) {
        self.node.stop();
    }

    /// Ends the broker at once, as `kill -9` does. Its data stays for [`Broker::restart`].
    pub fn kill(&mut self) {
        self.node.kill();
    }

    /// Stops the broker if it still runs, then starts it on its old data and ports, and waits until it is ready.
    ///
    /// # Errors
    /// When it doesn't come back; the error holds the end of its log.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.stop();
        let mut node = std::mem::take(&mut self.node);
        node.start_again(|| match &self.program {
            Program::Jars(classpath) => self.spawn(classpath),
            Program::Image(image) => Err(Error::Missing(format!("the container of {image} is gone"))),
        })?;
        self.node = node;
        self.wait_ready()
    }

    fn wait_ready(&mut self) -> Result<(), Error> {
        let (bootstrap, log) = (self.bootstrap(), self.log());
        self.node.wait_ready(SERVER, &log, || wire::probe(&bootstrap))
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log.txt")
    }

    fn properties(&self) -> PathBuf {
        self.folder.path().join("server.properties")
    }

    /// Formats the data directory, once.
    fn format(&self, classpath: &str) -> Result<(), Error> {
        self.write_properties()?;
        let mut command = java(classpath);
        command
            .arg("kafka.tools.StorageTool")
            .args(["format", "-t", CLUSTER_ID, "-c"])
            .arg(self.properties());
        let mut users: Vec<String> =
            self.secured.iter().filter_map(|(listener, _)| listener.scram()).collect();
        users.sort_unstable();
        users.dedup();
        users.iter().for_each(|user| {
            command.args(["--add-scram", user]);
        });
        run(&mut command).map(|_| ())
    }

    fn write_properties(&self) -> Result<(), Error> {
        let properties = self.properties();
        let data = self.folder.path().join("data");
        let mut text = String::new();
        for (name, value) in settings(self.ports, "127.0.0.1") {
            let more = self.secured.iter().filter_map(|(listener, port)| match name {
                "listeners" | "advertised.listeners" => {
                    Some(format!(",{}://127.0.0.1:{port}", listener.name))
                }
                "listener.security.protocol.map" => {
                    Some(format!(",{}:{}", listener.name, listener.protocol()))
                }
                _ => None,
            });
            text.push_str(&format!("{name}={value}{}\n", more.collect::<String>()));
        }
        self.secured.iter().for_each(|(listener, _)| text.push_str(&listener.properties()));
        text.push_str(&format!("log.dirs={}\n", data.display()));
        fs::write(&properties, text).map_err(|source| Error::file("write", &properties, source))
    }

    fn spawn(&self, classpath: &str) -> Result<Child, Error> {
        let mut command = java(classpath);
        command.arg("kafka.Kafka").arg(self.properties());
        if self.detached {
            command.process_group(0);
        }
        spawn(&mut command, &self.log())
    }

    /// The image reads its settings from variables: `log.dirs` is `KAFKA_LOG_DIRS`.
    fn create_container(&self, image: &str) -> Result<Node, Error> {
        let port = self.ports.client;
        let name = |setting: &str| format!("KAFKA_{}", setting.to_uppercase().replace('.', "_"));
        let mut variables: Vec<(String, String)> = settings(self.ports, "0.0.0.0")
            .into_iter()
            .map(|(setting, value)| (name(setting), value))
            .collect();
        variables.push(("CLUSTER_ID".to_owned(), CLUSTER_ID.to_owned()));
        variables.push(("KAFKA_HEAP_OPTS".to_owned(), JVM_OPTIONS.join(" ")));
        let behind = self.ports.behind.map(|behind| (behind.port, behind.port));
        let published: Vec<_> = [(port, port)].into_iter().chain(behind).collect();
        Node::container(self.folder.path(), image, &published, &variables, &[])
    }
}

fn java(classpath: &str) -> Command {
    let home = std::env::var_os("JAVA_HOME").map(|home| PathBuf::from(home).join("bin/java"));
    let mut command =
        Command::new(home.filter(|java| java.is_file()).unwrap_or_else(|| PathBuf::from("java")));
    command.args(JVM_OPTIONS).arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn").arg("-cp").arg(classpath);
    command
}

/// Everything but where the data lies, for one node that listens on `host` and is reached over loopback.
fn settings(ports: Ports, host: &str) -> Vec<(&'static str, String)> {
    let Ports { client, controller, behind } = ports;
    let (bound, told) = behind.map_or_else(Default::default, |Behind { port, front }| {
        (format!(",BEHIND://{host}:{port}"), format!(",BEHIND://127.0.0.1:{front}"))
    });
    let mut settings = vec![
        ("listeners", format!("CLIENT://{host}:{client},CONTROLLER://127.0.0.1:{controller}{bound}")),
        ("advertised.listeners", format!("CLIENT://127.0.0.1:{client}{told}")),
        ("controller.quorum.voters", format!("1@127.0.0.1:{controller}")),
    ];
    settings.extend(FIXED_SETTINGS.map(|(name, value)| (name, value.to_owned())));
    settings
}

const FIXED_SETTINGS: [(&str, &str); 19] = [
    ("process.roles", "broker,controller"),
    ("node.id", "1"),
    ("controller.listener.names", "CONTROLLER"),
    ("inter.broker.listener.name", "CLIENT"),
    ("listener.security.protocol.map", "CLIENT:PLAINTEXT,BEHIND:PLAINTEXT,CONTROLLER:PLAINTEXT"),
    // A topic that nobody created is a mistake that must show.
    ("auto.create.topics.enable", "false"),
    // One node cannot replicate.
    ("offsets.topic.replication.factor", "1"),
    ("transaction.state.log.replication.factor", "1"),
    ("transaction.state.log.min.isr", "1"),
    ("share.coordinator.state.topic.replication.factor", "1"),
    ("share.coordinator.state.topic.min.isr", "1"),
    // Made at the first join and the first init; the default of 50 each takes seconds.
    ("offsets.topic.num.partitions", "3"),
    ("transaction.state.log.num.partitions", "3"),
    ("group.initial.rebalance.delay.ms", "0"),
    ("transaction.abort.timed.out.transaction.cleanup.interval.ms", "1000"),
    // Compaction is looked for often enough to be tested.
    ("log.cleaner.backoff.ms", "500"),
    ("log.cleaner.dedupe.buffer.size", "8388608"),
    ("num.network.threads", "2"),
    ("num.io.threads", "2"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_setting_is_named_twice() {
        let mut names: Vec<_> = settings(Ports { client: 1, controller: 2, behind: None }, "127.0.0.1")
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
