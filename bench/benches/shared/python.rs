//! The peer, mq-bridge from PyPI, in a virtual environment of the build folder.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

/// The peer's release.
const PEER: &str = "mq-bridge==1.2.0";

/// The Python of a virtual environment with the peer, made in `folder` where it is missing.
///
/// # Errors
/// There is no Python 3.10 or later, or PyPI does not answer.
pub fn python(folder: &Path) -> Result<PathBuf> {
    let environment = folder.join(PEER.replace("==", "-"));
    let python = environment.join("bin/python");
    let has_peer = |python: &Path| {
        Command::new(python).args(["-c", "import mq_bridge"]).status().is_ok_and(|status| status.success())
    };
    if !python.exists() || !has_peer(&python) {
        run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
        run(Command::new(&python).args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            PEER,
        ]))?;
    }
    Ok(python)
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("run {command:?}"))?;
    ensure!(status.success(), "{command:?} failed");
    Ok(())
}
