//! A throw-away MariaDB (or MySQL in a container) on a free loopback port, with a user and a database of its own.
//!
//! Relies on the programs of Debian's `mariadb-server-core` and `mariadb-client-core`. Texts compare by code point
//! (`utf8mb4_bin`): two customer numbers that differ in case are two customers.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use tempfile::TempDir;

use crate::Error;
use crate::broker::{container_name, wait_container_ready};
use crate::process::{self, find_program, free_port, is_root, kill_child, run, spawn, terminate_child};
use crate::server::{STOP_GRACE, Server};

/// The programs that must be there.
pub const PROGRAMS: [&str; 3] = ["mariadbd", "mariadb-install-db", "mariadb"];

const SERVER: &str = "MariaDB";
const READY_LIMIT: Duration = Duration::from_secs(90);
const PORT_ATTEMPTS: usize = 3;
const USER: &str = "weir";
const DATABASE: &str = "weir";
/// Not a secret: the server is reachable from this machine only and is thrown away.
const PASSWORD: &str = "weir-throw-away";
/// Small, and quick rather than durable over a power cut. Strict as production is.
const SETTINGS: [&str; 11] = [
    "--bind-address=127.0.0.1",
    "--character-set-server=utf8mb4",
    "--collation-server=utf8mb4_bin",
    "--default-storage-engine=InnoDB",
    "--skip-name-resolve",
    "--skip-log-bin",
    "--innodb-buffer-pool-size=128M",
    "--innodb-log-file-size=64M",
    "--innodb-flush-log-at-trx-commit=2",
    "--max-allowed-packet=16M",
    "--max-connections=300",
];

/// A database server that ends, with its data, when this value is dropped.
#[derive(Debug)]
pub struct MariaDb {
    port: u16,
    folder: TempDir,
    detached: bool,
    child: Option<Child>,
}

impl MariaDb {
    /// Starts a server and waits until it answers `SELECT 1`.
    ///
    /// # Errors
    /// When its programs are missing or it doesn't start; the error holds the end of its log.
    pub fn start() -> Result<Self, Error> {
        Self::start_new(false)
    }

    /// Starts a server that goes on after the calling program has ended; returns it with its URL.
    ///
    /// # Errors
    /// When its programs are missing or it doesn't start; the error holds the end of its log.
    pub fn start_detached() -> Result<(Server, String), Error> {
        let mut server = Self::start_new(true)?;
        let url = server.url();
        let Some(child) = server.child.take() else {
            return Err(Error::Answer("MariaDB was stopped while it was being started".to_owned()));
        };
        server.folder.disable_cleanup(true);
        Ok((Server::Process { id: child.id(), folder: server.folder.path().to_owned() }, url))
    }

    /// `mysql://user:password@127.0.0.1:port/database`. Stays the same over restarts.
    #[must_use]
    pub fn url(&self) -> String {
        url(self.port)
    }

    /// Lets the server shut down in order (SIGTERM; SIGKILL after 10 s). Its data stays for [`MariaDb::restart`].
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            terminate_child(&mut child, STOP_GRACE);
        }
    }

    /// Ends the server at once, as `kill -9` does. Its data stays for [`MariaDb::restart`].
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            kill_child(&mut child);
        }
    }

    /// Stops the server if it still runs, then starts it on its old data and port, and waits until it answers.
    ///
    /// # Errors
    /// When it doesn't come back; the error holds the end of its log.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.stop();
        self.launch()
    }

    fn start_new(detached: bool) -> Result<Self, Error> {
        let mut attempt = 1;
        loop {
            let mut server = Self::install(detached)?;
            match server.launch() {
                Ok(()) => return Ok(server),
                Err(Error::Ended { log, .. })
                    if attempt < PORT_ATTEMPTS && log.contains("already in use") =>
                {
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes the data directory.
    fn install(detached: bool) -> Result<Self, Error> {
        let folder = tempfile::Builder::new()
            .prefix("weir-mariadb-")
            .tempdir()
            .map_err(|source| Error::file("make a folder in", &std::env::temp_dir(), source))?;
        // The server may run as another user: it must get through to its data.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))
            .map_err(|source| Error::file("open to others", folder.path(), source))?;
        let server = Self { port: free_port()?, folder, detached, child: None };
        let start = server.path("start.sql");
        fs::write(&start, start_statements()).map_err(|source| Error::file("write", &start, source))?;
        let mut command = Command::new(program("mariadb-install-db")?);
        command.arg("--no-defaults").arg(server.option("datadir", "data"));
        command.args(["--skip-test-db", "--auth-root-authentication-method=normal"]).args(user_option());
        run(&mut command)?;
        Ok(server)
    }

    fn launch(&mut self) -> Result<(), Error> {
        let mut command = Command::new(program("mariadbd")?);
        command.arg("--no-defaults").arg(self.option("datadir", "data")).arg(format!("--port={}", self.port));
        // Inside the data directory, which alone belongs to the server's user.
        command.arg(self.option("socket", "data/sock")).arg(self.option("pid-file", "data/pid"));
        command.arg(self.option("init-file", "start.sql")).args(SETTINGS).args(user_option());
        if self.detached {
            command.process_group(0);
        }
        let log = self.path("log.txt");
        let mut child = spawn(&mut command, &log)?;
        let ready = process::wait_ready(SERVER, &mut child, &log, READY_LIMIT, || select_one(self.port));
        self.child = Some(child);
        ready
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn option(&self, option: &str, name: &str) -> String {
        format!("--{option}={}", self.path(name).display())
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts MySQL in a container that goes on after the calling program has ended; returns it with its URL.
///
/// # Errors
/// When the engine or the image cannot be used, or the server doesn't start.
pub fn start_container(image: &str) -> Result<(Server, String), Error> {
    let port = free_port()?;
    let name = container_name(Path::new(&format!("weir-mysql-{}-{port}", std::process::id())));
    let mut command = Command::new("docker");
    command.args(["run", "--detach", "--name", &name, "--publish", &format!("127.0.0.1:{port}:3306")]);
    let variables =
        [("USER", USER), ("PASSWORD", PASSWORD), ("DATABASE", DATABASE), ("ROOT_PASSWORD", PASSWORD)];
    for (variable, value) in variables {
        command.args(["--env", &format!("MYSQL_{variable}={value}")]);
    }
    command.args([image, "--character-set-server=utf8mb4", "--collation-server=utf8mb4_bin"]);
    run(&mut command)?;
    let server = Server::Container { name: name.clone() };
    // The image starts a first server without network to set itself up; only the second one answers over TCP.
    let answers = || {
        let password = format!("MYSQL_PWD={PASSWORD}");
        let client = ["exec", "--env", &password, &name, "mysql", "--protocol=tcp", "--user", USER];
        run(Command::new("docker").args(client).args(["--execute", "SELECT 1", DATABASE])).map(|_| ())
    };
    let granted = wait_container_ready("MySQL", &name, READY_LIMIT, answers).and_then(|()| grant_all(&name));
    if let Err(error) = granted {
        server.end()?;
        return Err(error);
    }
    Ok((server, url(port)))
}

/// Tests make databases of their own.
fn grant_all(container: &str) -> Result<(), Error> {
    let password = format!("MYSQL_PWD={PASSWORD}");
    let grant = format!("GRANT ALL PRIVILEGES ON *.* TO '{USER}'@'%'");
    let client = ["exec", "--env", &password, container, "mysql", "--user", "root", "--execute", &grant];
    run(Command::new("docker").args(client)).map(|_| ())
}

fn url(port: u16) -> String {
    format!("mysql://{USER}:{PASSWORD}@127.0.0.1:{port}/{DATABASE}")
}

/// Run by the server at every start, hence repeatable.
fn start_statements() -> String {
    format!(
        "CREATE DATABASE IF NOT EXISTS {DATABASE};\n\
         CREATE OR REPLACE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';\n\
         GRANT ALL PRIVILEGES ON *.* TO '{USER}'@'%';\n"
    )
}

fn select_one(port: u16) -> Result<(), Error> {
    let mut command = Command::new(program("mariadb")?);
    command.env("MYSQL_PWD", PASSWORD).args(["--no-defaults", "--protocol=tcp", "--host=127.0.0.1"]);
    command.arg(format!("--port={port}")).args(["--user", USER, "--execute", "SELECT 1", DATABASE]);
    run(&mut command).map(|_| ())
}

fn program(name: &str) -> Result<PathBuf, Error> {
    find_program(name).ok_or_else(|| {
        Error::Missing(format!(
            "`{name}` is not installed; `apt-get install mariadb-server-core mariadb-client-core` brings it"
        ))
    })
}

/// The server refuses to run as root: then it runs as the user that the Debian package made, or as nobody.
fn user_option() -> Option<&'static str> {
    if !is_root() {
        return None;
    }
    let has_own_user = fs::read_to_string("/etc/passwd")
        .is_ok_and(|users| users.lines().any(|line| line.starts_with("mysql:")));
    Some(if has_own_user { "--user=mysql" } else { "--user=nobody" })
}
