//! A process that is measured: its processor time and its memory at most, as Linux counts them.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use weir_testkit::process::terminate;

/// Units of processor time in a second; the same on every Linux that Rust runs on.
const TICKS: u64 = 100;
const GRACE: Duration = Duration::from_secs(30);

/// Ends when it is dropped.
pub struct Measured {
    child: Child,
}

impl Measured {
    /// Starts a program whose output goes to `log`.
    pub fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let out = File::create(log).with_context(|| format!("write {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        let child = command.spawn().with_context(|| format!("run {command:?}"))?;
        Ok(Self { child })
    }

    /// Processor time so far, of all its threads.
    ///
    /// # Errors
    /// When it has ended.
    pub fn cpu(&mut self) -> Result<Duration> {
        ensure!(self.child.try_wait()?.is_none(), "the process has ended by itself");
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name in brackets may hold spaces.
        let (_, fields) = stat.rsplit_once(')').context("read /proc/…/stat")?;
        let ticks: u64 =
            fields.split_whitespace().skip(11).take(2).filter_map(|text| text.parse::<u64>().ok()).sum();
        Ok(Duration::from_millis(ticks * 1_000 / TICKS))
    }

    /// Resident memory at most, in KiB.
    pub fn peak_kib(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("read VmHWM")?;
        line.split_whitespace().next().and_then(|text| text.parse().ok()).context("read VmHWM")
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        terminate(self.child.id(), GRACE);
        // It is gone by now.
        let _ = self.child.wait();
    }
}
