//! `weir run` as a process of its own, and its memory as the kernel counts it.
//!
//! Relies on the program `weir` beside the benchmark (`cargo build --release -p weir`) and on Linux's `/proc`.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use weir_testkit::process::terminate;

/// Longer than any stage drains.
const DRAIN: Duration = Duration::from_secs(40);

/// The program that is measured.
///
/// # Errors
/// When it was not built.
pub fn program() -> Result<PathBuf> {
    let this = std::env::current_exe().context("find this benchmark")?;
    let folder = this.parent().and_then(Path::parent).context("find the folder of the builds")?;
    let program = folder.join("weir");
    ensure!(
        program.is_file(),
        "{} is missing; build it with `cargo build --release -p weir`",
        program.display()
    );
    Ok(program)
}

/// Runs a command of `weir` on a project to its end.
///
/// # Errors
/// What the command printed when it failed.
pub fn command(project: &Path, arguments: &[&str]) -> Result<()> {
    let output = Command::new(program()?).args(arguments).arg("--config").arg(project).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "weir {arguments:?} failed with {}: {said}", output.status);
    Ok(())
}

/// A process that runs stages; it ends when this value is dropped.
#[derive(Debug)]
pub struct Service {
    child: Child,
    log: PathBuf,
}

impl Service {
    /// Starts `weir run STAGES`. Its log lies beside the project's file and is begun anew.
    ///
    /// # Errors
    /// When the program is missing or cannot be started.
    pub fn start(project: &Path, stages: &str, instance: &str) -> Result<Self> {
        let log = project.with_file_name(format!("{instance}.log"));
        let out = File::create(&log).with_context(|| format!("make {}", log.display()))?;
        let child = Command::new(program()?)
            .args(["run", stages, "--instance", instance, "--config"])
            .arg(project)
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .context("start weir")?;
        Ok(Self { child, log })
    }

    /// What its memory is now, and was at most.
    ///
    /// # Errors
    /// When it has ended, or this is no Linux.
    pub fn memory(&self) -> Result<Memory> {
        let status = self.read("status")?;
        let kib = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
            let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
            number.with_context(|| format!("{key} in the status of a process"))
        };
        Ok(Memory {
            resident_kib: kib("VmRSS")?,
            peak_kib: kib("VmHWM")?,
            anonymous_kib: kib("RssAnon")?,
            threads: kib("Threads")?,
        })
    }

    /// All that it has logged.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn log(&self) -> Result<String> {
        let bytes = fs::read(&self.log).with_context(|| format!("read {}", self.log.display()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Ends it as SIGTERM does.
    ///
    /// # Errors
    /// When it did not end in order.
    pub fn terminate(mut self) -> Result<()> {
        terminate(self.child.id(), DRAIN);
        let status = self.child.wait().context("wait for weir")?;
        ensure!(status.success(), "weir ended with {status}; its log is {}", self.log.display());
        Ok(())
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// When it has ended already.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill().context("kill weir")?;
        self.child.wait().map(drop).context("wait for weir")
    }

    fn read(&self, name: &str) -> Result<String> {
        let path = format!("/proc/{}/{name}", self.child.id());
        fs::read_to_string(&path).with_context(|| format!("read {path}"))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process's memory, in KiB.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Resident now (`VmRSS`): its own pages and the program's code.
    pub resident_kib: u64,
    /// The most that was ever resident (`VmHWM`).
    pub peak_kib: u64,
    /// Its own pages now (`RssAnon`): heap and stacks.
    pub anonymous_kib: u64,
    /// Threads.
    pub threads: u64,
}
