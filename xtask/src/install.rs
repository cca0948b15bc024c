//! Debian packages for a machine that lacks them. Relies on apt-get and on being root.

use std::process::Command;

use anyhow::{Context, Result, bail};

/// Installs packages with the package lists brought up to date first. Nothing is asked, nothing recommended comes along.
pub fn packages(names: &[&str]) -> Result<()> {
    println!("installing {}", names.join(", "));
    apt_get(&["update", "-qq"])?;
    let mut install = vec!["install", "-y", "-qq", "--no-install-recommends"];
    install.extend(names);
    apt_get(&install)
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments);
    let output =
        command.output().context("run apt-get; other systems install the programs in their own way")?;
    if !output.status.success() {
        bail!("apt-get {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(())
}
