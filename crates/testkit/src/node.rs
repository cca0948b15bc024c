//! A server in our hands, whatever it runs in: a child process with a throw-away folder, or a container.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use tempfile::TempDir;

use crate::Error;
use crate::process::{kill_child, run, terminate_child, wait_ready, wait_until};
use crate::server::{STOP_GRACE, Server};

const READY_LIMIT: Duration = Duration::from_secs(90);
/// A free port may be taken by someone else before the server binds it; then others are tried.
const PORT_ATTEMPTS: usize = 3;

/// A server that ends when this value is dropped.
#[derive(Debug, Default)]
pub(crate) struct Node {
    state: State,
}

#[derive(Debug, Default)]
enum State {
    Process(Child),
    /// By name; it may be stopped, its data is still in it.
    Container(String),
    #[default]
    Stopped,
}

impl Node {
    pub(crate) fn process(child: Child) -> Self {
        Self { state: State::Process(child) }
    }

    /// Creates a container, each of whose ports is published on loopback (port outside, inside), and starts it.
    pub(crate) fn container(
        folder: &Path,
        image: &str,
        ports: &[(u16, u16)],
        variables: &[(String, String)],
        arguments: &[&str],
    ) -> Result<Self, Error> {
        let name = container_name(folder);
        let mut command = Command::new("docker");
        command.args(["run", "--detach", "--name", &name]);
        for (port, inside) in ports {
            command.args(["--publish", &format!("127.0.0.1:{port}:{inside}")]);
        }
        for (variable, value) in variables {
            command.args(["--env", &format!("{variable}={value}")]);
        }
        run(command.arg(image).args(arguments))?;
        Ok(Self { state: State::Container(name) })
    }

    /// The container's name, if it is one.
    pub(crate) fn container_name(&self) -> Option<&str> {
        match &self.state {
            State::Container(name) => Some(name),
            State::Process(_) | State::Stopped => None,
        }
    }

    /// Lets the server shut down in order: SIGTERM, and SIGKILL after 10 s.
    pub(crate) fn stop(&mut self) {
        self.end(|child| terminate_child(child, STOP_GRACE), &["stop", "--time", "10"]);
    }

    /// Ends the server at once, as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.end(kill_child, &["kill"]);
    }

    fn end(&mut self, end_child: impl FnOnce(&mut Child), container: &[&str]) {
        match std::mem::take(&mut self.state) {
            State::Process(mut child) => end_child(&mut child),
            State::Container(name) => {
                // An error means that it has stopped already.
                let _stopped_already = run(Command::new("docker").args(container).arg(&name));
                self.state = State::Container(name);
            }
            State::Stopped => {}
        }
    }

    /// Starts a stopped container again; a process is replaced by a new one.
    pub(crate) fn start_again(&mut self, spawn: impl FnOnce() -> Result<Child, Error>) -> Result<(), Error> {
        match &self.state {
            State::Container(name) => run(Command::new("docker").args(["start", name])).map(|_| ()),
            State::Process(_) | State::Stopped => {
                self.state = State::Process(spawn()?);
                Ok(())
            }
        }
    }

    /// Waits until the server answers. Ends early when the server does.
    pub(crate) fn wait_ready(
        &mut self,
        server: &'static str,
        log: &Path,
        answers: impl FnMut() -> Result<(), Error>,
    ) -> Result<(), Error> {
        match &mut self.state {
            State::Process(child) => wait_ready(server, child, log, READY_LIMIT, answers),
            State::Container(name) => wait_container_ready(server, name, answers),
            State::Stopped => Err(Error::Answer(format!("{server} was stopped while it was being started"))),
        }
    }

    /// Lets go of the server: it goes on, and so does its data.
    pub(crate) fn hand_over(&mut self, server: &'static str, folder: &mut TempDir) -> Result<Server, Error> {
        match std::mem::take(&mut self.state) {
            State::Process(child) => {
                folder.disable_cleanup(true);
                Ok(Server::Process { id: child.id(), folder: folder.path().to_owned() })
            }
            State::Container(name) => Ok(Server::Container { name }),
            State::Stopped => Err(Error::Answer(format!("{server} was stopped while it was being started"))),
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
        if let State::Container(name) = &self.state {
            // Nobody is left to be told; the container in `docker ps` is the trace of a failure.
            let _removed = Server::Container { name: name.clone() }.end();
        }
    }
}

/// A new folder for a server's data.
pub(crate) fn throw_away_folder(prefix: &str) -> Result<TempDir, Error> {
    let folder = tempfile::Builder::new().prefix(prefix).tempdir();
    folder.map_err(|source| Error::file("make a folder in", &std::env::temp_dir(), source))
}

/// Starts again, with other ports, when someone else was quicker to bind them.
pub(crate) fn with_free_ports<T>(mut start: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
    let mut attempt = 1;
    loop {
        match start() {
            Err(Error::Ended { log, .. }) if attempt < PORT_ATTEMPTS && log.contains("already in use") => {
                attempt += 1;
            }
            settled => return settled,
        }
    }
}

fn wait_container_ready(
    server: &'static str,
    name: &str,
    mut answers: impl FnMut() -> Result<(), Error>,
) -> Result<(), Error> {
    let container = Server::Container { name: name.to_owned() };
    let mut last = String::new();
    let settled = wait_until(READY_LIMIT, || {
        !container.is_running() || answers().map_err(|error| last = error.to_string()).is_ok()
    });
    match (container.is_running(), settled) {
        (true, true) => Ok(()),
        (true, false) => {
            Err(Error::NotReady { server, seconds: READY_LIMIT.as_secs(), last, log: container_log(name) })
        }
        (false, _) => {
            Err(Error::Ended { server, status: "its container stopped".to_owned(), log: container_log(name) })
        }
    }
}

/// Servers write to either stream.
fn container_log(name: &str) -> String {
    let mut log = String::new();
    if let Ok(output) = Command::new("docker").args(["logs", "--tail", "25", name]).output() {
        let _infallible = write!(
            log,
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    log
}

/// A container is named like the folder that would hold its data: unique, and seen to be ours.
fn container_name(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port_is_taken() -> Error {
        let log = "Address already in use".to_owned();
        Error::Ended { server: "the server", status: "exit status: 1".to_owned(), log }
    }

    #[test]
    fn a_taken_port_is_no_reason_to_give_up_at_once() {
        let mut attempts = 0;
        let started = with_free_ports(|| {
            attempts += 1;
            if attempts == PORT_ATTEMPTS { Ok(attempts) } else { Err(port_is_taken()) }
        });
        assert_eq!(started.unwrap(), PORT_ATTEMPTS);
        assert!(with_free_ports(|| Err::<(), _>(port_is_taken())).is_err());
    }

    #[test]
    fn a_container_is_named_in_letters_that_engines_accept() {
        assert_eq!(container_name(Path::new("/tmp/weir-kafka-a.B_9")), "weir-kafka-a-B-9");
    }
}
