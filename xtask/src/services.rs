//! `cargo xtask services`: the servers that tests need, and the note of what was started, `services/state` in the build folder.
//!
//! The note is written after each server that started, so that an interrupted `up` can still be taken down.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use weir_testkit::broker::{self, Broker, CLASSPATH_VARIABLE, Program as KafkaProgram};
use weir_testkit::mariadb::{self, MariaDb, Program as MySqlProgram};
use weir_testkit::server::Server;

use crate::interrupt::Interrupt;
use crate::{kafka, mysql, workspace};

/// Bootstrap address of the Kafka that tests use.
pub const KAFKA_VARIABLE: &str = "WEIR_KAFKA";
/// URL of the database server that tests use, with the right to make databases.
pub const MYSQL_VARIABLE: &str = "WEIR_MYSQL";

/// Servers that can be used, and why others can't.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Services {
    /// What programs need to find them.
    pub variables: Vec<(String, String)>,
    /// Those that xtask started, in this run or a former one.
    pub started: Vec<Server>,
    /// A line for each that can be had in no way.
    pub missing: Vec<String>,
    /// Whether this run of xtask started them, and so has to end them.
    pub own: bool,
}

/// `services up`.
pub fn up(may_install: bool) -> Result<ExitCode> {
    let services = acquire(may_install, &Interrupt::listen()?)?;
    for reason in &services.missing {
        eprintln!("{reason}");
    }
    println!("programs find them after: eval \"$(cargo xtask services env)\"");
    Ok(if services.missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// `services down`.
pub fn down() -> Result<ExitCode> {
    let services = Services::load()?;
    println!("{} to end", count(services.started.len(), "server"));
    services.end()?;
    Ok(ExitCode::SUCCESS)
}

/// `services env`.
pub fn print_env() -> Result<ExitCode> {
    let services = Services::load()?;
    anyhow::ensure!(
        services.all_running(),
        "no servers are running; start them with `cargo xtask services up`"
    );
    print!("{}", services.exports());
    Ok(ExitCode::SUCCESS)
}

/// Servers that are named by the environment or run already; what is missing is started. On failure nothing is left behind.
pub fn acquire(may_install: bool, interrupt: &Interrupt) -> Result<Services> {
    let noted = Services::load()?;
    if noted.all_running() {
        return Ok(noted);
    }
    noted.end()?; // left by a run that was killed
    let mut services = Services { own: true, ..Services::default() };
    match services.acquire_each(may_install, interrupt) {
        Ok(()) => Ok(services),
        Err(error) => {
            services.end()?;
            Err(error)
        }
    }
}

impl Services {
    fn acquire_each(&mut self, may_install: bool, interrupt: &Interrupt) -> Result<()> {
        let kafka = kafka::program(may_install);
        match &kafka {
            Ok(KafkaProgram::Jars(classpath)) => self.set(CLASSPATH_VARIABLE, classpath),
            Ok(KafkaProgram::Image(image)) => self.set(broker::IMAGE_VARIABLE, image),
            Err(_told_below) => {}
        }
        interrupt.check()?;
        self.acquire_one("Kafka", KAFKA_VARIABLE, || Broker::start_detached(&kafka?).context("start Kafka"))?;
        interrupt.check()?;
        let mysql = mysql::program(may_install);
        if let Ok(MySqlProgram::Image(image)) = &mysql {
            self.set(mariadb::IMAGE_VARIABLE, image);
        }
        self.acquire_one("MySQL", MYSQL_VARIABLE, || {
            MariaDb::start_detached(&mysql?).context("start MySQL")
        })?;
        interrupt.check()
    }

    fn acquire_one(
        &mut self,
        name: &str,
        variable: &str,
        start: impl FnOnce() -> Result<(Server, String)>,
    ) -> Result<()> {
        if let Some(given) = std::env::var(variable).ok().filter(|value| !value.is_empty()) {
            check_reachable(variable, &given)?;
            println!("{name}: using {variable} from the environment");
            self.set(variable, &given);
            return Ok(());
        }
        match start() {
            Ok((server, address)) => {
                println!("{name}: {address}, {server}");
                self.set(variable, &address);
                self.started.push(server);
                self.save()
            }
            Err(error) => {
                self.missing.push(format!("{name} is not to be had: {error:#}"));
                Ok(())
            }
        }
    }

    /// Tests that stop or kill a server start one of their own, from the same program.
    fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Ends what was started and forgets it.
    pub fn end(&self) -> Result<()> {
        for server in &self.started {
            server.end()?;
        }
        let note = note()?;
        match fs::remove_file(&note) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("remove {}", note.display()))
            }
            _removed_or_never_there => Ok(()),
        }
    }

    fn all_running(&self) -> bool {
        !self.started.is_empty()
            && [KAFKA_VARIABLE, MYSQL_VARIABLE]
                .iter()
                .all(|name| self.variables.iter().any(|(set, _)| set == name))
            && self.started.iter().all(Server::is_running)
    }

    /// Lines for a shell to evaluate.
    fn exports(&self) -> String {
        self.variables
            .iter()
            .map(|(name, value)| format!("export {name}='{}'\n", value.replace('\'', "'\\''")))
            .collect()
    }

    fn save(&self) -> Result<()> {
        let note = note()?;
        if let Some(folder) = note.parent() {
            fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        }
        fs::write(&note, self.to_note()).with_context(|| format!("write {}", note.display()))
    }

    fn load() -> Result<Self> {
        let note = note()?;
        match fs::read_to_string(&note) {
            Ok(text) => Self::from_note(&text).with_context(|| format!("read {}", note.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("read {}", note.display())),
        }
    }

    /// One line per fact: `set NAME=VALUE` or `started SERVER`.
    fn to_note(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.variables {
            let _infallible = writeln!(text, "set {name}={value}");
        }
        for server in &self.started {
            let _infallible = writeln!(text, "started {server}");
        }
        text
    }

    fn from_note(text: &str) -> Result<Self> {
        let mut services = Self::default();
        for line in text.lines() {
            if let Some((name, value)) = line.strip_prefix("set ").and_then(|rest| rest.split_once('=')) {
                services.variables.push((name.to_owned(), value.to_owned()));
            } else if let Some(server) = line.strip_prefix("started ") {
                services.started.push(server.parse()?);
            } else {
                anyhow::bail!("`{line}` is not understood; remove the file once its servers are ended");
            }
        }
        Ok(services)
    }
}

/// Fails early where nothing listens, for example because a shell still names a server that was taken down.
fn check_reachable(variable: &str, address: &str) -> Result<()> {
    let after_user = address.rsplit('@').next().unwrap_or(address);
    let first = after_user.split(['/', ',', '?']).next().unwrap_or(after_user);
    TcpStream::connect(first).map(|_| ()).with_context(|| {
        format!("{variable} names {first}, where nothing answers; start that server or unset {variable}")
    })
}

/// `1 server`, `2 servers`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn note() -> Result<PathBuf> {
    Ok(workspace::target_folder()?.join("services").join("state"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Services {
        Services {
            variables: vec![
                (KAFKA_VARIABLE.to_owned(), "127.0.0.1:9092".to_owned()),
                (MYSQL_VARIABLE.to_owned(), "mysql://u:p=w@127.0.0.1:3306/d".to_owned()),
            ],
            started: vec![Server::Container { name: "weir-kafka-x".to_owned() }],
            ..Services::default()
        }
    }

    #[test]
    fn the_note_says_what_was_started() {
        assert_eq!(Services::from_note(&sample().to_note()).unwrap(), sample());
        assert_eq!(Services::from_note("").unwrap(), Services::default());
        assert!(Services::from_note("something else").is_err());
    }

    #[test]
    fn a_named_server_that_is_gone_is_told_apart_by_its_variable() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        check_reachable(KAFKA_VARIABLE, &format!("{address},10.0.0.1:1")).unwrap();
        check_reachable(MYSQL_VARIABLE, &format!("mysql://u:p@{address}/d?ssl-mode=disabled")).unwrap();
        // Nobody listens on port 1; a port that was free a moment ago may be another test's by now.
        let error = check_reachable(KAFKA_VARIABLE, "127.0.0.1:1").unwrap_err().to_string();
        assert!(error.contains("unset WEIR_KAFKA"), "{error}");
    }

    #[test]
    fn exports_survive_a_shell() {
        let mut services = sample();
        services.variables.push(("WEIR_ODD".to_owned(), "it's $HOME".to_owned()));
        let script = format!("{}printf %s \"$WEIR_ODD\"", services.exports());
        let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "it's $HOME");
    }
}
