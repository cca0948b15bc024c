//! A throw-away MariaDB, or MySQL in a container, on a free loopback port, with a user and a database of its own.
//!
//! Relies on the programs of Debian's `mariadb-server-core` and `mariadb-client-core`, or on `WEIR_MYSQL_IMAGE` and a Docker
//! engine. Texts compare by code point (`utf8mb4_bin`): two customer numbers that differ in case are two customers.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command};

use tempfile::TempDir;

use crate::Error;
use crate::node::{Node, throw_away_folder, with_free_ports};
use crate::process::{find_program, free_port, is_root, run, spawn};
use crate::secure::Identity;
use crate::server::Server;

/// Container image of MySQL, used instead of MariaDB's programs when it is set.
pub const IMAGE_VARIABLE: &str = "WEIR_MYSQL_IMAGE";

const PROGRAMS: [&str; 3] = ["mariadbd", "mariadb-install-db", "mariadb"];
const SERVER: &str = "the SQL server";
const USER: &str = "weir";
const DATABASE: &str = "weir";
/// Not a secret: the server is reachable from this machine only and is thrown away.
const PASSWORD: &str = "weir-throw-away";
/// What a secured server shows, and its key.
const CERTIFICATE: &str = "server.pem";
const KEY: &str = "server.key";
/// The port inside a container.
const CONTAINER_PORT: u16 = 3306;
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

/// What the server is run from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// MariaDB's programs on this machine.
    MariaDb,
    /// A container image of MySQL.
    Image(String),
}

impl Program {
    /// The image that the environment names, else this machine's programs.
    ///
    /// # Errors
    /// When there are neither; the message tells what to install.
    pub fn from_env() -> Result<Self, Error> {
        if let Some(image) = std::env::var(IMAGE_VARIABLE).ok().filter(|value| !value.is_empty()) {
            return Ok(Self::Image(image));
        }
        PROGRAMS.iter().try_for_each(|name| program(name).map(|_| ())).map(|()| Self::MariaDb)
    }
}

/// A database server that ends, with its data, when this value is dropped.
#[derive(Debug)]
pub struct MariaDb {
    // The server ends before its folder goes.
    node: Node,
    folder: TempDir,
    port: u16,
    detached: bool,
    /// Takes connections over TLS alone.
    is_secured: bool,
}

impl MariaDb {
    /// Starts a server and waits until it answers `SELECT 1`.
    ///
    /// # Errors
    /// When its programs are missing or it doesn't start; the error holds the end of its log.
    pub fn start() -> Result<Self, Error> {
        let program = Program::from_env()?;
        with_free_ports(|| Self::start_once(&program, false, None))
    }

    /// As [`MariaDb::start`], for a server that shows a certificate and takes connections over TLS alone. Needs MariaDB's
    /// programs on this machine.
    ///
    /// # Errors
    /// As [`MariaDb::start`].
    pub fn start_secured(identity: &Identity) -> Result<Self, Error> {
        with_free_ports(|| Self::start_once(&Program::MariaDb, false, Some(identity)))
    }

    /// Changes what a secured server shows, from the next [`MariaDb::restart`] on.
    ///
    /// # Errors
    /// When its files cannot be written.
    pub fn change(&self, identity: &Identity) -> Result<(), Error> {
        for (name, text) in [(CERTIFICATE, &identity.certificate), (KEY, &identity.key)] {
            let path = self.path(name);
            fs::write(&path, text).map_err(|source| Error::file("write", &path, source))?;
        }
        Ok(())
    }

    /// Starts a server that goes on after the calling program has ended; returns it with its URL.
    ///
    /// # Errors
    /// When it doesn't start; the error holds the end of its log.
    pub fn start_detached(program: &Program) -> Result<(Server, String), Error> {
        let mut server = with_free_ports(|| Self::start_once(program, true, None))?;
        let handle = server.node.hand_over(SERVER, &mut server.folder)?;
        Ok((handle, server.url()))
    }

    /// `mysql://user:password@127.0.0.1:port/database`. The user may make databases. Stays the same over restarts.
    #[must_use]
    pub fn url(&self) -> String {
        format!("mysql://{USER}:{PASSWORD}@127.0.0.1:{}/{DATABASE}", self.port)
    }

    /// Where it listens: `127.0.0.1:port`. Stays the same over restarts.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Lets the server shut down in order (SIGTERM; SIGKILL after 10 s). Its data stays for [`MariaDb::restart`].
    pub fn stop(&mut self) {
        self.node.stop();
    }

    /// Ends the server at once, as `kill -9` does. Its data stays for [`MariaDb::restart`].
    pub fn kill(&mut self) {
        self.node.kill();
    }

    /// Stops the server if it still runs, then starts it on its old data and port, and waits until it answers.
    ///
    /// # Errors
    /// When it doesn't come back; the error holds the end of its log.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.stop();
        let mut node = std::mem::take(&mut self.node);
        node.start_again(|| self.spawn())?;
        self.node = node;
        self.wait_ready()
    }

    fn start_once(program: &Program, detached: bool, identity: Option<&Identity>) -> Result<Self, Error> {
        let folder = throw_away_folder("weir-mysql-")?;
        let (port, is_secured) = (free_port()?, identity.is_some());
        let mut server = Self { node: Node::default(), folder, port, detached, is_secured };
        identity.map(|identity| server.change(identity)).transpose()?;
        match program {
            Program::MariaDb => {
                server.install()?;
                server.node = Node::process(server.spawn()?);
                server.wait_ready()?;
            }
            Program::Image(image) => {
                server.node = server.create_container(image)?;
                server.wait_ready()?;
                // The image gives its user one database; tests make databases of their own.
                let grant = format!("GRANT ALL PRIVILEGES ON *.* TO '{USER}'@'%'");
                let name = server.node.container_name().unwrap_or_default();
                execute_in_container(name, "root", &grant)?;
            }
        }
        Ok(server)
    }

    /// Makes the data directory.
    fn install(&self) -> Result<(), Error> {
        // The server may run as another user: it must get through to its data.
        fs::set_permissions(self.folder.path(), fs::Permissions::from_mode(0o755))
            .map_err(|source| Error::file("open to others", self.folder.path(), source))?;
        let start = self.path("start.sql");
        fs::write(&start, start_statements()).map_err(|source| Error::file("write", &start, source))?;
        let mut command = server_program("mariadb-install-db")?;
        command.arg("--no-defaults").arg(self.option("datadir", "data"));
        command.args(["--skip-test-db", "--auth-root-authentication-method=normal"]).args(user_option());
        run(&mut command).map(|_| ())
    }

    fn spawn(&self) -> Result<Child, Error> {
        let mut command = server_program("mariadbd")?;
        command.arg("--no-defaults").arg(self.option("datadir", "data")).arg(format!("--port={}", self.port));
        // Inside the data directory, which alone belongs to the server's user.
        command.arg(self.option("socket", "data/sock")).arg(self.option("pid-file", "data/pid"));
        command.arg(self.option("init-file", "start.sql")).args(SETTINGS).args(user_option());
        if self.is_secured {
            command.arg(self.option("ssl-cert", CERTIFICATE)).arg(self.option("ssl-key", KEY));
            command.arg("--require-secure-transport=ON");
        }
        if self.detached {
            command.process_group(0);
        }
        spawn(&mut command, &self.path("log.txt"))
    }

    fn create_container(&self, image: &str) -> Result<Node, Error> {
        let variables = [
            ("MYSQL_USER", USER),
            ("MYSQL_PASSWORD", PASSWORD),
            ("MYSQL_DATABASE", DATABASE),
            ("MYSQL_ROOT_PASSWORD", PASSWORD),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let arguments =
            ["--character-set-server=utf8mb4", "--collation-server=utf8mb4_bin", "--max-connections=300"];
        Node::container(self.folder.path(), image, &[(self.port, CONTAINER_PORT)], &variables, &arguments)
    }

    fn wait_ready(&mut self) -> Result<(), Error> {
        let (port, log, secured) = (self.port, self.path("log.txt"), self.is_secured);
        let container = self.node.container_name().map(str::to_owned);
        self.node.wait_ready(SERVER, &log, || match &container {
            Some(name) => execute_in_container(name, USER, "SELECT 1"),
            None => select_one(port, secured),
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn option(&self, option: &str, name: &str) -> String {
        format!("--{option}={}", self.path(name).display())
    }
}

/// Over TCP: the image's first start has a server for itself that listens on a socket only.
fn execute_in_container(name: &str, user: &str, statement: &str) -> Result<(), Error> {
    let mut command = Command::new("docker");
    command.args(["exec", "--env", &format!("MYSQL_PWD={PASSWORD}"), name, "mysql", "--protocol=tcp"]);
    command.args(["--host=127.0.0.1", "--user", user, "--execute", statement]);
    run(&mut command).map(|_| ())
}

/// Run by the server at every start, hence repeatable.
fn start_statements() -> String {
    format!(
        "CREATE DATABASE IF NOT EXISTS {DATABASE};\n\
         CREATE OR REPLACE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';\n\
         GRANT ALL PRIVILEGES ON *.* TO '{USER}'@'%';\n"
    )
}

fn select_one(port: u16, secured: bool) -> Result<(), Error> {
    let mut command = Command::new(program("mariadb")?);
    command.env("MYSQL_PWD", PASSWORD).args(["--no-defaults", "--protocol=tcp", "--host=127.0.0.1"]);
    command.arg(format!("--port={port}")).args(["--user", USER, "--execute", "SELECT 1", DATABASE]);
    if secured {
        command.arg("--ssl");
    }
    run(&mut command).map(|_| ())
}

/// The server may run as another user, who cannot write where we keep temporary files.
fn server_program(name: &str) -> Result<Command, Error> {
    let mut command = Command::new(program(name)?);
    command.env_remove("TMPDIR");
    Ok(command)
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
