//! Where the tree and its build folder lie, and how cargo is called. Relies on the variables cargo sets for `cargo xtask`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// The folder of the root manifest.
pub fn root() -> Result<PathBuf> {
    let own = std::env::var_os("CARGO_MANIFEST_DIR").context("xtask is run as `cargo xtask`")?;
    Path::new(&own).parent().map(Path::to_owned).context("xtask's own folder has no parent")
}

/// The build folder: `CARGO_TARGET_DIR`, or `target` in the tree.
pub fn target_folder() -> Result<PathBuf> {
    let root = root()?;
    Ok(match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => std::env::current_dir().context("find the current folder")?.join(folder),
        None => root.join("target"),
    })
}

/// The cargo that runs xtask.
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
