//! Where the SQL server comes from: Debian's MariaDB, or MySQL in a container.

use anyhow::{Context, Result, bail};
use weir_testkit::mariadb::{self, MariaDb};
use weir_testkit::process::find_program;
use weir_testkit::server::Server;

use crate::{install, kafka};

/// The same release as in `docker-compose.yml`.
const IMAGE: &str = "mysql:8.4.7";
/// The programs alone: the package `mariadb-server` would also start a server of its own.
const PACKAGES: [&str; 2] = ["mariadb-server-core", "mariadb-client-core"];

/// Starts a server that outlives xtask; returns it with its URL. Fails with what would help.
pub fn start(may_install: bool) -> Result<(Server, String)> {
    let has_programs = || mariadb::PROGRAMS.iter().all(|name| find_program(name).is_some());
    if !has_programs() && may_install {
        install::packages(&PACKAGES)?;
    }
    if has_programs() {
        return MariaDb::start_detached().context("start MariaDB");
    }
    if kafka::has_engine() {
        return mariadb::start_container(IMAGE).with_context(|| format!("start {IMAGE}"));
    }
    bail!(
        "neither MariaDB's programs nor a Docker engine are here; `apt-get install {}` is enough",
        PACKAGES.join(" ")
    )
}
