//! OpenSSL, which TLS to Kafka is built with: whether its headers are here, and how to get them. The demo does without.

use std::process::Command;

use anyhow::{Result, bail};
use weir_testkit::process::run;

use crate::install;

/// What the tests are built with, where OpenSSL is to be had.
pub const FEATURES: [&str; 2] = ["--features", "weir/tls"];
/// Begins the names of the tests that need it.
pub const NEEDED_BY: &str = "real_secure";
/// Headers, and the program that tells where they are.
const PACKAGES: [&str; 2] = ["pkg-config", "libssl-dev"];

/// Sees to it that TLS can be built. Fails with what would help.
pub fn headers(may_install: bool) -> Result<()> {
    let are_here = || {
        std::env::var_os("OPENSSL_DIR").is_some()
            || run(Command::new("pkg-config").args(["--exists", "openssl"])).is_ok()
    };
    if are_here() {
        return Ok(());
    }
    if may_install {
        return install::packages(&PACKAGES);
    }
    bail!("`apt-get install {}` brings what TLS to Kafka is built with", PACKAGES.join(" "))
}
