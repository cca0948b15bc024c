//! `cargo xtask fuzz`: the targets of `fuzz/` under libFuzzer, guided by coverage, on the stable compiler.
//!
//! `cargo fuzz` needs a nightly compiler for its sanitizers. Memory is safe here without them, and the coverage that
//! guides libFuzzer is an LLVM pass that stable flags switch on. Relies on a folder of `fuzz/corpus` for each target.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::interrupt::Interrupt;
use crate::services::count;
use crate::workspace;

/// How long a run takes unless told otherwise.
pub const MINUTES: u64 = 3;
/// Counters and comparisons of every branch, for libFuzzer to read.
const INSTRUMENTED: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                            -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                            -Cllvm-args=-sanitizer-coverage-pc-table \
                            -Cllvm-args=-sanitizer-coverage-trace-compares";
/// What one input may cost, and what libFuzzer prints. An input that takes longer or more counts as a crash.
const LIMITS: [&str; 5] =
    ["-timeout=10", "-rss_limit_mb=2048", "-max_len=16384", "-print_final_stats=1", "-verbosity=1"];
/// Lines of a crash that are shown: the broken promise stands in the first.
const SHOWN_OF_A_CRASH: usize = 6;

/// Where the parts of a run lie.
struct Folders {
    /// Inputs that are kept with the sources.
    kept: PathBuf,
    /// Inputs that earlier runs found, in the build folder.
    found: PathBuf,
    /// Inputs that broke a promise.
    crashes: PathBuf,
    /// The program.
    program: PathBuf,
}

/// What one target did.
#[derive(Debug, Default, PartialEq, Eq)]
struct Report {
    executions: u64,
    /// Covered edges after the kept inputs, and at the end.
    coverage: Option<(u64, u64)>,
    /// Inputs of the corpus after the kept ones were read, and at the end.
    corpus: Option<(u64, u64)>,
    /// The input that broke a promise, and what was printed about it.
    crash: Option<(String, Vec<String>)>,
}

/// Fuzzes the targets, all of them when none is named, for so many minutes altogether.
pub fn run(minutes: u64, keep: bool, targets: &[String]) -> Result<ExitCode> {
    fuzz(minutes, keep, targets, &Interrupt::listen()?)
}

/// [`run`] inside of a command that listens for Ctrl-C already.
pub fn fuzz(minutes: u64, keep: bool, wanted: &[String], interrupt: &Interrupt) -> Result<ExitCode> {
    let root = workspace::root()?;
    let kept = root.join("fuzz/corpus");
    let targets = chosen(&known_targets(&kept)?, wanted)?;
    let folders = build(kept, interrupt)?;
    let at_once = thread::available_parallelism().map_or(1, usize::from).min(targets.len());
    let share = Duration::from_secs(minutes * 60 * at_once as u64 / targets.len() as u64);
    println!("{}, {} s each, {at_once} at a time", count(targets.len(), "target"), share.as_secs());
    let waiting = Mutex::new(targets.iter().collect::<VecDeque<_>>());
    let crashed = thread::scope(|scope| {
        let workers: Vec<_> =
            (0..at_once).map(|_| scope.spawn(|| work(&folders, &waiting, share, interrupt))).collect();
        let mut crashed = false;
        for worker in workers {
            crashed |= worker.join().unwrap_or_else(|_| bail!("a thread of the run broke down"))?;
        }
        anyhow::Ok(crashed)
    })?;
    if keep {
        targets.iter().try_for_each(|target| keep_new(&folders, target, interrupt))?;
    }
    Ok(if crashed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// A folder of the corpus is a target; `cargo test` holds them to the list in `fuzz/src/lib.rs`.
fn known_targets(corpus: &Path) -> Result<Vec<String>> {
    let listed = fs::read_dir(corpus).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    let entries = listed.with_context(|| format!("list {}", corpus.display()))?;
    let mut names: Vec<_> =
        entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    ensure!(!names.is_empty(), "{} has no targets", corpus.display());
    Ok(names)
}

fn chosen(known: &[String], wanted: &[String]) -> Result<Vec<String>> {
    if let Some(unknown) = wanted.iter().find(|wanted| !known.contains(wanted)) {
        bail!("no target is named {unknown:?}; there are: {}", known.join(", "));
    }
    Ok(if wanted.is_empty() { known.to_vec() } else { wanted.to_vec() })
}

/// Builds the program into a folder of its own: its flags would make cargo build everything else again.
fn build(kept: PathBuf, interrupt: &Interrupt) -> Result<Folders> {
    let folder = workspace::target_folder()?.join("fuzz");
    let host = host()?;
    let mut cargo = workspace::cargo();
    // With a target named, build scripts and macros are not instrumented.
    cargo.args(["build", "--package", "weir-fuzz", "--features", "libfuzzer", "--profile", "fuzz"]);
    cargo.args(["--target", &host]).env("CARGO_TARGET_DIR", &folder).env("RUSTFLAGS", INSTRUMENTED);
    cargo.env_remove("CARGO_ENCODED_RUSTFLAGS").process_group(0);
    let status = interrupt.wait(&mut cargo.spawn().context("run cargo build")?)?;
    ensure!(status.success(), "the fuzz targets do not build");
    Ok(Folders {
        kept,
        found: folder.join("corpus"),
        crashes: folder.join("crashes"),
        program: folder.join(host).join("fuzz/weir-fuzz"),
    })
}

/// The machine's own target, as the compiler names it.
fn host() -> Result<String> {
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let printed = std::process::Command::new(compiler).arg("-vV").output().context("run rustc -vV")?;
    let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
    let host = printed.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc -vV names no host")
}

/// Takes target after target; says whether one of them crashed.
fn work(
    folders: &Folders,
    waiting: &Mutex<VecDeque<&String>>,
    share: Duration,
    interrupt: &Interrupt,
) -> Result<bool> {
    let mut crashed = false;
    loop {
        let next = waiting.lock().ok().and_then(|mut waiting| waiting.pop_front());
        let Some(target) = next else { return Ok(crashed) };
        let report = folders.run(target, &[format!("-max_total_time={}", share.as_secs())], interrupt)?;
        print!("{}", report.text(target));
        crashed |= report.crash.is_some();
    }
}

/// Adds to the kept inputs the fewest of the found ones that reach what the kept ones do not.
fn keep_new(folders: &Folders, target: &str, interrupt: &Interrupt) -> Result<()> {
    let files = || fs::read_dir(folders.kept.join(target)).map_or(0, Iterator::count);
    let before = files();
    let arguments = ["-set_cover_merge=1", "-use_counters=0"].map(str::to_owned);
    let report = folders.run(target, &arguments, interrupt)?;
    ensure!(report.crash.is_none(), "an input of {target} crashes: run `cargo xtask fuzz {target}`");
    println!("{target}: {} kept, {} before", count(files(), "input"), before);
    Ok(())
}

impl Folders {
    /// Runs libFuzzer on one target to its end.
    fn run(&self, target: &str, arguments: &[String], interrupt: &Interrupt) -> Result<Report> {
        let (kept, found, crashes) =
            (self.kept.join(target), self.found.join(target), self.crashes.join(target));
        for folder in [&found, &crashes] {
            fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        }
        let mut prefix = OsString::from("-artifact_prefix=");
        prefix.push(crashes.join(""));
        let merges = arguments.iter().any(|argument| argument.contains("merge"));
        // New inputs go into the first folder.
        let corpora = if merges { [&kept, &found] } else { [&found, &kept] };
        let mut fuzzer = std::process::Command::new(&self.program);
        fuzzer
            .args(corpora)
            .args(LIMITS)
            .args(arguments)
            .arg(prefix)
            .env("WEIR_FUZZ_TARGET", target)
            .env("RUST_BACKTRACE", "0");
        fuzzer.current_dir(&crashes).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        fuzzer.process_group(0);
        let mut child = fuzzer.spawn().with_context(|| format!("run {}", self.program.display()))?;
        let printed = child.stderr.take().context("read what libFuzzer prints")?;
        let reader = thread::spawn(move || {
            let mut report = Report::default();
            BufReader::new(printed)
                .split(b'\n')
                .map_while(std::io::Result::ok)
                .for_each(|line| report.read(&String::from_utf8_lossy(&line)));
            report
        });
        let status = interrupt.wait(&mut child)?;
        let report = reader.join().unwrap_or_default();
        ensure!(status.success() || report.crash.is_some(), "libFuzzer ended with {status} on {target}");
        Ok(report)
    }
}

impl Report {
    /// Takes what a line says: `#65536 pulse cov: 6281 ft: 20154 corp: 1183/210Kb …`, a final statistic, a crash.
    fn read(&mut self, line: &str) {
        let number_after = |word: &str| {
            let digits = line.split_once(word)?.1.trim_start();
            digits.split(|letter: char| !letter.is_ascii_digit()).next()?.parse::<u64>().ok()
        };
        let grow = |seen: &mut Option<(u64, u64)>, now: u64| {
            seen.get_or_insert((now, now)).1 = now;
        };
        if line.starts_with('#') && !line.contains("READ") {
            number_after("cov: ").iter().for_each(|now| grow(&mut self.coverage, *now));
            number_after("corp: ").iter().for_each(|now| grow(&mut self.corpus, *now));
        }
        if let Some(executions) = number_after("stat::number_of_executed_units:") {
            self.executions = executions;
        }
        let begins = line.contains("panicked at") || line.contains("ERROR: libFuzzer");
        match &mut self.crash {
            Some((input, _)) if line.contains("Test unit written to ") => {
                *input = line.rsplit(' ').next().unwrap_or_default().to_owned();
            }
            Some((_, said)) if said.len() < SHOWN_OF_A_CRASH => said.push(line.to_owned()),
            None if begins => self.crash = Some((String::new(), vec![line.to_owned()])),
            _ => {}
        }
    }

    fn text(&self, target: &str) -> String {
        let growth = |seen: Option<(u64, u64)>| {
            seen.map_or_else(|| "none".to_owned(), |(before, after)| format!("{before} → {after}"))
        };
        let mut text = format!(
            "{target:<12} {:>10} executions, covered {}, inputs {}\n",
            self.executions,
            growth(self.coverage),
            growth(self.corpus)
        );
        if let Some((input, said)) = &self.crash {
            text += &format!("{target} broke a promise on {input}\n");
            said.iter().for_each(|line| text += &format!("  {line}\n"));
            text += &format!(
                "  copy the input to fuzz/corpus/{target}/ under a telling name; `cargo test -p weir-fuzz` shows it\n"
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Report {
        let mut report = Report::default();
        lines.iter().for_each(|line| report.read(line));
        report
    }

    #[test]
    fn growth_is_read_from_what_libfuzzer_prints() {
        let report = read(&[
            "INFO: Loaded 1 modules   (245469 inline 8-bit counters)",
            "#60\tINITED cov: 4001 ft: 9000 corp: 57/19Kb exec/s: 0 rss: 40Mb",
            "#4096\tNEW    cov: 4100 ft: 9100 corp: 60/20Kb lim: 1000 exec/s: 2048 rss: 41Mb L: 9/90 MS: 1 EraseBytes-",
            "#8192\tDONE   cov: 4200 ft: 9200 corp: 61/20Kb lim: 1000 exec/s: 2048 rss: 41Mb",
            "stat::number_of_executed_units: 8192",
        ]);
        let expected =
            Report { executions: 8192, coverage: Some((4001, 4200)), corpus: Some((57, 61)), crash: None };
        assert_eq!(report, expected);
        assert_eq!(
            report.text("flows"),
            "flows              8192 executions, covered 4001 → 4200, inputs 57 → 61\n"
        );
    }

    #[test]
    fn a_crash_names_its_input_and_its_cause() {
        let report = read(&[
            "thread '<unnamed>' (7) panicked at fuzz/src/values.rs:60:9:",
            "a body is a JSON object",
            "==7== ERROR: libFuzzer: deadly signal",
            "artifact_prefix='/x/'; Test unit written to /x/crash-1",
        ]);
        let (input, said) = report.crash.as_ref().unwrap();
        assert_eq!((input.as_str(), said[1].as_str()), ("/x/crash-1", "a body is a JSON object"));
        assert!(report.text("values").contains("broke a promise on /x/crash-1"));
        let slow =
            read(&["==7== ERROR: libFuzzer: timeout after 10 seconds", "Test unit written to /x/timeout-1"]);
        assert_eq!(slow.crash.unwrap().0, "/x/timeout-1");
    }

    #[test]
    fn targets_are_named_or_all() {
        let known = ["a".to_owned(), "b".to_owned()];
        assert_eq!(chosen(&known, &[]).unwrap(), known);
        assert_eq!(chosen(&known, &known[1..]).unwrap(), known[1..]);
        assert!(chosen(&known, &["c".to_owned()]).unwrap_err().to_string().ends_with("there are: a, b"));
    }
}
