//! A running `weir`, ended by its process id whatever becomes of the test.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use weir_testkit::process::terminate;

use crate::waiting::{LIMIT, eventually_within};

/// Longer than any stage drains when its targets answer.
const DRAIN: Duration = Duration::from_secs(40);
const SHOWN_LINES: usize = 40;

/// The program that `cargo test --workspace` builds beside this test: `target/debug/deps/<test>` → `target/debug/weir`.
pub fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap();
    let program = folder.join("weir");
    assert!(
        program.is_file(),
        "{} is missing; build it with `cargo build -p weir`, or run the tests with `cargo xtask test`",
        program.display()
    );
    program
}

/// A process that runs stages. Its log goes to a file, which is shown when the test fails.
pub struct Weir {
    child: Child,
    instance: String,
    log: PathBuf,
}

impl Weir {
    /// Starts `weir run STAGES`; the log of an earlier process of this name is continued.
    pub fn start(project: &Path, stages: &str, instance: &str) -> Self {
        let log = project.with_file_name(format!("{instance}.log"));
        let out = File::options().create(true).append(true).open(&log).unwrap();
        let child = Command::new(program())
            .args(["run", stages, "--instance", instance, "--config"])
            .arg(project)
            .stdin(Stdio::null())
            .stdout(out.try_clone().unwrap())
            .stderr(out)
            .spawn()
            .unwrap();
        Self { child, instance: instance.to_owned(), log }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and how the process ended; a process that doesn't end by itself is killed, which its status shows.
    pub fn terminate(mut self) -> ExitStatus {
        terminate(self.child.id(), DRAIN);
        self.child.wait().unwrap()
    }

    /// All that processes of this name have logged.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap()).into_owned()
    }

    /// Waits until a line of the log holds all the words; gives the line.
    pub fn wait_for_line(&self, words: &[&str]) -> String {
        self.wait_for_line_within(LIMIT, words)
    }

    /// As [`Self::wait_for_line`], for what takes its time.
    pub fn wait_for_line_within(&self, limit: Duration, words: &[&str]) -> String {
        eventually_within(limit, &format!("{} logs {words:?}", self.instance), || {
            let log = self.log();
            let found = log.lines().find(|line| words.iter().all(|word| line.contains(word)));
            found.map(str::to_owned).ok_or_else(|| "no such line".to_owned())
        })
    }

    /// Ends the test if the process has ended by itself.
    pub fn expect_running(&mut self) {
        let ended = self.child.try_wait().unwrap();
        assert!(ended.is_none(), "{} ended by itself: {ended:?}", self.instance);
    }
}

impl Drop for Weir {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let shown = lines.get(lines.len().saturating_sub(SHOWN_LINES)..).unwrap_or_default();
            eprintln!("the last lines of {} ({}):\n{}", self.instance, self.id(), shown.join("\n"));
        }
    }
}
