//! Processes by their ids: free ports, waiting for a state with a deadline, and ending a server politely before firmly.
//!
//! Relies on `rustix` for signals, because the standard library can only kill its own children.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::Error;

/// How often a state that is waited for is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How much of a log an error shows.
const LOG_LINES: usize = 25;

/// A loopback port that was free a moment ago. Another process may take it first, so starters try again with another.
pub fn free_port() -> Result<u16, Error> {
    let ask = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr();
    ask().map(|address| address.port()).map_err(|source| Error::system("find a free loopback port", source))
}

/// Looks at a state again and again until it holds or the deadline has passed; says whether it held.
pub fn wait_until(limit: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if holds() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// Runs a program to its end and returns what it printed; a failure carries the end of that.
pub fn run(command: &mut Command) -> Result<Output, Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| Error::Run { program: program.clone(), source })?;
    if output.status.success() {
        return Ok(output);
    }
    let printed =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(Error::Failed { program, status: output.status, output: last_lines(&printed) })
}

/// Starts a server whose output goes to a log file. It reads nothing.
pub(crate) fn spawn(command: &mut Command, log: &Path) -> Result<Child, Error> {
    let open = || fs::File::options().create(true).append(true).open(log);
    let for_errors = open().map_err(|source| Error::file("open", log, source))?;
    let for_output = open().map_err(|source| Error::file("open", log, source))?;
    let program = command.get_program().to_string_lossy().into_owned();
    command
        .stdin(Stdio::null())
        .stdout(for_output)
        .stderr(for_errors)
        .spawn()
        .map_err(|source| Error::Run { program, source })
}

/// Waits until a started server answers. Ends early when the server does.
pub(crate) fn wait_ready(
    server: &'static str,
    child: &mut Child,
    log: &Path,
    limit: Duration,
    mut answers: impl FnMut() -> Result<(), Error>,
) -> Result<(), Error> {
    let mut last = String::new();
    let mut ended = None;
    let settled = wait_until(limit, || {
        ended = child.try_wait().ok().flatten();
        ended.is_some() || answers().map_err(|error| last = explain(&error)).is_ok()
    });
    match (ended, settled) {
        (Some(status), _) => Err(Error::Ended { server, status: status.to_string(), log: log_end(log) }),
        (None, true) => Ok(()),
        (None, false) => Err(Error::NotReady { server, seconds: limit.as_secs(), last, log: log_end(log) }),
    }
}

/// Whether the process runs. One that has ended but was not collected by its parent does not.
#[must_use]
pub fn is_running(id: u32) -> bool {
    let Some(pid) = pid(id) else { return false };
    // The state follows the program's name, which is in brackets and may hold any character.
    let ended = fs::read_to_string(format!("/proc/{id}/stat"))
        .is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')));
    !ended && test_kill_process(pid).is_ok()
}

/// Ends a process: asks it to stop, and kills it when it hasn't within `grace`. Fine if it runs no more.
pub fn terminate(id: u32, grace: Duration) {
    signal(id, Signal::TERM);
    if !wait_until(grace, || !is_running(id)) {
        signal(id, Signal::KILL);
        wait_until(grace, || !is_running(id));
    }
}

/// Ends a process at once, as `kill -9` does. Its parent still has to collect it.
pub fn kill(id: u32) {
    signal(id, Signal::KILL);
}

/// Stops a process in its tracks (SIGSTOP) until [`resume`].
pub fn halt(id: u32) {
    signal(id, Signal::STOP);
}

/// Lets a process go on that was stopped in its tracks (SIGCONT).
pub fn resume(id: u32) {
    signal(id, Signal::CONT);
}

/// Ends our own child likewise and collects it.
pub(crate) fn terminate_child(child: &mut Child, grace: Duration) {
    signal(child.id(), Signal::TERM);
    if !wait_until(grace, || child.try_wait().is_ok_and(|status| status.is_some())) {
        kill_child(child);
    }
}

/// Kills our own child at once and collects it. An error means that it has ended already.
pub(crate) fn kill_child(child: &mut Child) {
    let _already_ended = child.kill();
    let _already_collected = child.wait();
}

/// Where a program lies: on the `PATH` or in the folders that a system user's `PATH` lacks.
#[must_use]
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/libexec"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
}

/// Whether this process is the system's superuser.
#[must_use]
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn pid(id: u32) -> Option<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw)
}

/// Sends a signal; one that cannot be delivered is for a process that is gone.
fn signal(id: u32, signal: Signal) {
    if let Some(pid) = pid(id) {
        let _process_is_gone = kill_process(pid, signal);
    }
}

fn log_end(log: &Path) -> String {
    fs::read(log).map(|bytes| last_lines(&String::from_utf8_lossy(&bytes))).unwrap_or_default()
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines.iter().skip(lines.len().saturating_sub(LOG_LINES)).map(|line| format!("  {line}\n")).collect()
}

/// An error with its causes in one line.
fn explain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper() -> Child {
        Command::new("sleep").arg("60").spawn().unwrap()
    }

    #[test]
    fn a_terminated_child_runs_no_more() {
        let mut child = sleeper();
        let id = child.id();
        assert!(is_running(id));
        terminate_child(&mut child, Duration::from_secs(10));
        assert!(!is_running(id));
    }

    #[test]
    fn a_process_is_ended_by_its_id_alone_and_an_uncollected_one_counts_as_ended() {
        let mut child = sleeper();
        terminate(child.id(), Duration::from_secs(10));
        assert!(!is_running(child.id()), "a zombie does not run");
        child.wait().unwrap();
    }

    #[test]
    fn a_failed_program_shows_the_end_of_what_it_printed() {
        let error =
            run(Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"])).unwrap_err().to_string();
        assert!(error.contains("out") && error.contains("err") && error.contains('3'), "{error}");
        let missing = run(&mut Command::new("no-such-program-anywhere")).unwrap_err().to_string();
        assert!(missing.contains("no-such-program-anywhere"), "{missing}");
    }

    #[test]
    fn a_server_that_ends_early_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log.txt");
        let mut child = spawn(Command::new("sh").args(["-c", "echo no room; exit 1"]), &log).unwrap();
        let never = || Err(Error::Answer("not yet".to_owned()));
        let error = wait_ready("the server", &mut child, &log, Duration::from_secs(30), never).unwrap_err();
        assert!(matches!(&error, Error::Ended { log, .. } if log.contains("no room")), "{error}");
    }
}
