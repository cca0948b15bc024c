//! A throw-away Apache Kafka: one node that is broker and controller (KRaft), on free loopback ports.
//!
//! Relies on `WEIR_KAFKA_CLASSPATH` (jars, run with Java 17) or `WEIR_KAFKA_IMAGE` (a container image and a Docker engine);
//! `cargo xtask services env` prints the right one. Settings: Kafka notes §12: few internal partitions, no rebalance
//! delay, a fast sweep of dead transactions, a small heap.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use tempfile::TempDir;

use crate::process::{self, free_port, kill_child, run, spawn, terminate_child, wait_until};
use crate::server::{STOP_GRACE, Server};
use crate::{Error, wire};

/// Java class path of Kafka's jars.
pub const CLASSPATH_VARIABLE: &str = "WEIR_KAFKA_CLASSPATH";
/// Container image of Kafka, used when there is no class path.
pub const IMAGE_VARIABLE: &str = "WEIR_KAFKA_IMAGE";

const SERVER: &str = "Kafka";
const READY_LIMIT: Duration = Duration::from_secs(90);
/// A free port may be taken by someone else before the server binds it; then others are tried.
const PORT_ATTEMPTS: usize = 3;
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
    program: Program,
    ports: Ports,
    folder: TempDir,
    /// Runs in a process group of its own, so that a Ctrl-C for the starter doesn't reach it.
    detached: bool,
    node: Node,
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    client: u16,
    controller: u16,
}

#[derive(Debug)]
enum Node {
    Process(Child),
    Container(String),
    Stopped,
}

impl Broker {
    /// Starts a broker and waits until a topic can be created on it.
    ///
    /// # Errors
    /// When the environment names no Kafka, or it doesn't start; the error holds the end of its log.
    pub fn start() -> Result<Self, Error> {
        Self::start_from(&Program::from_env()?, false)
    }

    /// Starts a broker that goes on after the calling program has ended.
    ///
    /// # Errors
    /// When it doesn't start; the error holds the end of its log.
    pub fn start_detached(program: &Program) -> Result<(Server, String), Error> {
        let mut broker = Self::start_from(program, true)?;
        let bootstrap = broker.bootstrap();
        let server = match std::mem::replace(&mut broker.node, Node::Stopped) {
            Node::Process(child) => {
                broker.folder.disable_cleanup(true);
                Server::Process { id: child.id(), folder: broker.folder.path().to_owned() }
            }
            Node::Container(name) => Server::Container { name },
            Node::Stopped => {
                return Err(Error::Answer("Kafka was stopped while it was being started".to_owned()));
            }
        };
        Ok((server, bootstrap))
    }

    fn start_from(program: &Program, detached: bool) -> Result<Self, Error> {
        let mut attempt = 1;
        loop {
            match Self::start_once(program, detached) {
                Err(Error::Ended { log, .. })
                    if attempt < PORT_ATTEMPTS && log.contains("Address already in use") =>
                {
                    attempt += 1;
                }
                settled => return settled,
            }
        }
    }

    fn start_once(program: &Program, detached: bool) -> Result<Self, Error> {
        let folder = tempfile::Builder::new()
            .prefix("weir-kafka-")
            .tempdir()
            .map_err(|source| Error::file("make a folder in", &std::env::temp_dir(), source))?;
        let ports = Ports { client: free_port()?, controller: free_port()? };
        let mut broker = Self { program: program.clone(), ports, folder, detached, node: Node::Stopped };
        broker.node = match program {
            Program::Jars(classpath) => {
                broker.format(classpath)?;
                Node::Process(broker.spawn(classpath)?)
            }
            Program::Image(image) => Node::Container(broker.create_container(image)?),
        };
        broker.wait_ready()?;
        Ok(broker)
    }

    /// Where clients connect: `127.0.0.1:port`. Stays the same over restarts.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.ports.client)
    }

    /// Lets the broker shut down in order (SIGTERM; SIGKILL after 10 s). Its data stays for [`Broker::restart`].
    pub fn stop(&mut self) {
        match std::mem::replace(&mut self.node, Node::Stopped) {
            Node::Process(mut child) => terminate_child(&mut child, STOP_GRACE),
            Node::Container(name) => {
                let _stopped_already = run(Command::new("docker").args(["stop", "--time", "10", &name]));
                self.node = Node::Container(name);
            }
            Node::Stopped => {}
        }
    }

    /// Ends the broker at once, as `kill -9` does. Its data stays for [`Broker::restart`].
    pub fn kill(&mut self) {
        match std::mem::replace(&mut self.node, Node::Stopped) {
            Node::Process(mut child) => kill_child(&mut child),
            Node::Container(name) => {
                let _stopped_already = run(Command::new("docker").args(["kill", &name]));
                self.node = Node::Container(name);
            }
            Node::Stopped => {}
        }
    }

    /// Stops the broker if it still runs, then starts it on its old data and ports, and waits until it is ready.
    ///
    /// # Errors
    /// When it doesn't come back; the error holds the end of its log.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.stop();
        if let Node::Container(name) = &self.node {
            run(Command::new("docker").args(["start", name]))?;
        } else if let Program::Jars(classpath) = &self.program {
            self.node = Node::Process(self.spawn(classpath)?);
        }
        self.wait_ready()
    }

    fn wait_ready(&mut self) -> Result<(), Error> {
        let (bootstrap, log) = (self.bootstrap(), self.log());
        let answers = || wire::probe(&bootstrap);
        match &mut self.node {
            Node::Process(child) => process::wait_ready(SERVER, child, &log, READY_LIMIT, answers),
            Node::Container(name) => wait_container_ready(SERVER, name, READY_LIMIT, answers),
            Node::Stopped => Err(Error::Answer("Kafka was stopped while it was being started".to_owned())),
        }
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log.txt")
    }

    fn properties(&self) -> PathBuf {
        self.folder.path().join("server.properties")
    }

    /// Writes the settings and formats the data directory, once.
    fn format(&self, classpath: &str) -> Result<(), Error> {
        let properties = self.properties();
        let data = self.folder.path().join("data");
        let mut text: String = settings(self.ports, "127.0.0.1")
            .iter()
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect();
        text.push_str(&format!("log.dirs={}\n", data.display()));
        fs::write(&properties, text).map_err(|source| Error::file("write", &properties, source))?;
        let mut command = java(classpath);
        command.arg("kafka.tools.StorageTool").args(["format", "-t", CLUSTER_ID, "-c"]).arg(&properties);
        run(&mut command).map(|_| ())
    }

    fn spawn(&self, classpath: &str) -> Result<Child, Error> {
        let mut command = java(classpath);
        command.arg("kafka.Kafka").arg(self.properties());
        if self.detached {
            command.process_group(0);
        }
        spawn(&mut command, &self.log())
    }

    fn create_container(&self, image: &str) -> Result<String, Error> {
        let name = container_name(self.folder.path());
        let port = self.ports.client;
        let mut command = Command::new("docker");
        command.args(["run", "--detach", "--name", &name, "--publish", &format!("127.0.0.1:{port}:{port}")]);
        for (setting, value) in settings(self.ports, "0.0.0.0") {
            command.args(["--env", &format!("KAFKA_{}={value}", setting.to_uppercase().replace('.', "_"))]);
        }
        command.args(["--env", &format!("CLUSTER_ID={CLUSTER_ID}")]);
        command.args(["--env", &format!("KAFKA_HEAP_OPTS={}", JVM_OPTIONS.join(" "))]).arg(image);
        run(&mut command)?;
        Ok(name)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
        if let Node::Container(name) = &self.node {
            // Nobody is left to be told; the container's name in `docker ps` is the trace of a failure.
            let _removed = run(Command::new("docker").args(["rm", "--force", "--volumes", name]));
        }
    }
}

/// Waits for a server in a container likewise; its log is the container's.
pub(crate) fn wait_container_ready(
    server: &'static str,
    name: &str,
    limit: Duration,
    mut answers: impl FnMut() -> Result<(), Error>,
) -> Result<(), Error> {
    let container = Server::Container { name: name.to_owned() };
    let mut last = String::new();
    let ready = wait_until(limit, || {
        !container.is_running() || answers().map_err(|error| last = error.to_string()).is_ok()
    });
    let log = || {
        let output = Command::new("docker").args(["logs", "--tail", "25", name]).output();
        output.map(|output| String::from_utf8_lossy(&output.stderr).into_owned()).unwrap_or_default()
    };
    match (container.is_running(), ready) {
        (true, true) => Ok(()),
        (true, false) => Err(Error::NotReady { server, seconds: limit.as_secs(), last, log: log() }),
        (false, _) => Err(Error::Ended { server, status: "its container stopped".to_owned(), log: log() }),
    }
}

/// A container is named like the folder that would hold its data: unique, and seen to be ours.
pub(crate) fn container_name(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect()
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
    let Ports { client, controller } = ports;
    let mut settings = vec![
        ("listeners", format!("CLIENT://{host}:{client},CONTROLLER://127.0.0.1:{controller}")),
        ("advertised.listeners", format!("CLIENT://127.0.0.1:{client}")),
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
    ("listener.security.protocol.map", "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT"),
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
        let mut names: Vec<_> = settings(Ports { client: 1, controller: 2 }, "127.0.0.1")
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn a_container_is_named_in_letters_that_engines_accept() {
        assert_eq!(container_name(Path::new("/tmp/weir-kafka-a.B_9")), "weir-kafka-a-B-9");
    }
}
