//! Ctrl-C and SIGTERM end the work in hand, not the tidying up after it.

use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use weir_testkit::process::wait_until;

/// How long an interrupted command may take to stop by itself.
const GRACE: Duration = Duration::from_secs(10);
/// Between two looks whether anything happened.
const TICK: Duration = Duration::from_millis(200);

/// Whether somebody asked this process to stop.
#[derive(Clone)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on a signal is remembered instead of ending the process.
    pub fn listen() -> Result<Self> {
        let raised = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            flag::register(signal, Arc::clone(&raised)).context("listen for Ctrl-C")?;
        }
        Ok(Self(raised))
    }

    /// Fails once somebody asked to stop.
    pub fn check(&self) -> Result<()> {
        if self.0.load(Ordering::Relaxed) {
            bail!("interrupted");
        }
        Ok(())
    }

    /// Waits for a command that leads a process group of its own. When interrupted it ends the whole group and fails.
    pub fn wait(&self, child: &mut Child) -> Result<std::process::ExitStatus> {
        loop {
            let mut status = None;
            wait_until(TICK, || {
                status = child.try_wait().ok().flatten();
                status.is_some()
            });
            if let Some(status) = status {
                self.check()?;
                return Ok(status);
            }
            if let Err(interrupted) = self.check() {
                end_group(child);
                return Err(interrupted);
            }
        }
    }
}

fn end_group(child: &mut Child) {
    let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return };
    // An error means that nobody of the group is left.
    let _nobody_left = kill_process_group(group, Signal::TERM);
    wait_until(GRACE, || child.try_wait().is_ok_and(|status| status.is_some()));
    let _nobody_left = kill_process_group(group, Signal::KILL);
    let _collected = child.wait();
}
