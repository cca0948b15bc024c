//! Where the SQL server comes from: Debian's MariaDB, or MySQL in a container.

use anyhow::{Result, bail};
use weir_testkit::mariadb::Program;

use crate::{install, kafka};

/// The same release as in `docker-compose.yml`.
const IMAGE: &str = "mysql:8.4.7";
/// The programs alone: the package `mariadb-server` would also start a server of its own.
const PACKAGES: [&str; 2] = ["mariadb-server-core", "mariadb-client-core"];

/// What the SQL server is run from: as the environment says, else MariaDB's programs, else an image. Fails with what would
/// help.
pub fn program(may_install: bool) -> Result<Program> {
    let found = Program::from_env();
    if let Ok(program) = found {
        return Ok(program);
    }
    if may_install {
        install::packages(&PACKAGES)?;
        return Ok(Program::from_env()?);
    }
    if kafka::has_engine() {
        return Ok(Program::Image(IMAGE.to_owned()));
    }
    bail!(
        "neither MariaDB's programs nor a Docker engine are here; `apt-get install {}` is enough",
        PACKAGES.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_compose_use_one_image() {
        let own = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let compose = std::fs::read_to_string(own.join("../docker-compose.yml")).unwrap();
        assert!(compose.contains(&format!("image: {IMAGE}")));
    }
}
