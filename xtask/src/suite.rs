//! `cargo xtask test`: every test, against real servers, started for it and ended whatever happens.
//!
//! Relies on one convention: an integration test whose file name starts with `real_` needs the servers, one that starts
//! with `vendor_` the vendor's own client, and it fails without them. So nothing is skipped in silence: without a server
//! those files are left out by name, and listed.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, IsTerminal};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{ChildStdout, Command, ExitCode, Stdio};
use std::thread;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::fuzz;
use crate::interrupt::Interrupt;
use crate::services::{self, Services, count};
use crate::tidy::manifest::{self, Manifest};
use crate::{openssl, vendor, workspace};

const NEEDS_SERVERS: &str = "real_";
/// Arguments of cargo that leave the selection of tests alone.
const NOT_SELECTING: [&str; 3] = ["--locked", "--offline", "--frozen"];

/// An integration test: a file or folder under a package's `tests/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Target {
    package: String,
    name: String,
}

/// Something that tests need and that can be had in no way.
#[derive(Debug, Clone)]
struct Lack {
    /// Begins the file names of the tests that need it.
    needed_by: &'static str,
    /// A line that says what is missing and what would help.
    reason: String,
}

/// What to run.
struct Plan {
    /// The targets of each run of cargo; none named means all.
    runs: Vec<Vec<String>>,
    /// What needs something that isn't there.
    left_out: Vec<Target>,
}

/// What the summary lines of test runs add up to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Totals {
    passed: u64,
    failed: u64,
}

/// Runs the tests, and the fuzz targets after them when `arguments`, which go to `cargo test`, select nothing.
pub fn run(
    require_services: bool,
    may_install: bool,
    fuzz_minutes: u64,
    arguments: &[OsString],
) -> Result<ExitCode> {
    let interrupt = Interrupt::listen()?;
    let mut services = services::acquire(may_install, &interrupt)?;
    let mut lacks = lacks(&mut services, may_install);
    let tls = openssl::headers(may_install);
    if let Err(error) = &tls {
        lacks.push(Lack { needed_by: openssl::NEEDED_BY, reason: format!("TLS cannot be built: {error:#}") });
    }
    let features: &[&str] = if tls.is_ok() { &openssl::FEATURES } else { &[] };
    let outcome = run_with(&services, &lacks, require_services, features, arguments, &interrupt);
    if services.own {
        services.end()?;
    }
    let passed = outcome?;
    let selects = |argument: &OsString| !NOT_SELECTING.iter().any(|known| argument == known);
    if passed != ExitCode::SUCCESS || fuzz_minutes == 0 || arguments.iter().any(selects) {
        return Ok(passed);
    }
    println!("\nfuzz targets, {}:", services::count(fuzz_minutes as usize, "minute"));
    fuzz::fuzz(fuzz_minutes, false, &[], &interrupt)
}

/// What can be had in no way. The vendor's client that can is named among the services' variables.
fn lacks(services: &mut Services, may_install: bool) -> Vec<Lack> {
    let lack = |reason: &String| Lack { needed_by: NEEDS_SERVERS, reason: reason.clone() };
    let mut lacks: Vec<_> = services.missing.iter().map(lack).collect();
    match vendor::python(may_install) {
        Ok(python) => {
            let value = python.display().to_string();
            services.variables.push((vendor::VARIABLE.to_owned(), value));
        }
        Err(error) => lacks.push(Lack {
            needed_by: vendor::NEEDED_BY,
            reason: format!("the vendor's client is not to be had: {error:#}"),
        }),
    }
    lacks
}

fn run_with(
    services: &Services,
    lacks: &[Lack],
    require_services: bool,
    features: &[&str],
    arguments: &[OsString],
    interrupt: &Interrupt,
) -> Result<ExitCode> {
    if require_services && !lacks.is_empty() {
        let reasons: Vec<_> = lacks.iter().map(|lack| lack.reason.as_str()).collect();
        bail!("{}", reasons.join("\n"));
    }
    let packages = named_packages(arguments);
    let plan = if lacks.is_empty() {
        Plan { runs: vec![Vec::new()], left_out: Vec::new() }
    } else {
        without(lacks, &workspace::root()?, &packages)?
    };
    let mut totals = Totals::default();
    let mut all_succeeded = true;
    let temporary = temporary_folder()?;
    for selection in &plan.runs {
        let mut command = cargo_test(services, selection);
        if packages.is_empty() {
            // Features are those of packages: with some of them named, whoever names them says which.
            command.arg("--workspace").args(features);
        }
        command.args(arguments);
        command.env("TMPDIR", temporary.path());
        all_succeeded &= watch(&mut command, interrupt, &mut totals)?;
    }
    report(lacks, &plan.left_out);
    println!("{} passed, {} failed", totals.passed, totals.failed);
    Ok(if all_succeeded && totals.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Everything but the tests that need what is missing: cargo can be told which targets to run, not which to leave out.
fn without(lacks: &[Lack], root: &Path, packages: &[String]) -> Result<Plan> {
    let mut members = manifest::read(root)?.members;
    members.retain(|member| packages.is_empty() || packages.contains(&member.package));
    let has_library = members.iter().any(|member| root.join(member.folder()).join("src/lib.rs").is_file());
    let in_want = |target: &Target| lacks.iter().any(|lack| target.name.starts_with(lack.needed_by));
    let (left_out, others): (Vec<_>, Vec<_>) = targets(root, &members)?.into_iter().partition(in_want);
    let mut selection = vec!["--bins".to_owned()];
    selection.extend(others.into_iter().flat_map(|target| ["--test".to_owned(), target.name]));
    let mut runs = vec![selection];
    if has_library {
        runs.iter_mut().for_each(|selection| selection.push("--lib".to_owned()));
        runs.push(vec!["--doc".to_owned()]);
    }
    Ok(Plan { runs, left_out })
}

/// The packages that the arguments for cargo select: `-p NAME`, `-pNAME`, `--package NAME`, `--package=NAME`.
fn named_packages(arguments: &[OsString]) -> Vec<String> {
    let mut packages = Vec::new();
    let mut texts = arguments
        .iter()
        .map(|argument| argument.to_string_lossy().into_owned())
        .take_while(|text| text != "--");
    while let Some(text) = texts.next() {
        if text == "-p" || text == "--package" {
            packages.extend(texts.next());
        } else if let Some(name) = text.strip_prefix("--package=").or_else(|| text.strip_prefix("-p")) {
            packages.push(name.to_owned());
        }
    }
    packages
}

/// Where tests put their files: removed afterwards, also what a test left that was interrupted. Open to the users that
/// servers of such tests run as.
pub fn temporary_folder() -> Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("weir-test-").permissions(fs::Permissions::from_mode(0o755));
    builder.tempdir().context("make a folder for the tests' temporary files")
}

fn cargo_test(services: &Services, selection: &[String]) -> Command {
    let mut command = workspace::cargo();
    command.args(["test", "--no-fail-fast"]).args(selection);
    if std::io::stdout().is_terminal() {
        command.args(["--color", "always"]);
    }
    command.envs(services.variables.iter().map(|(name, value)| (name, value)));
    command
}

/// Runs one command to its end, passing on what it prints and adding up its summaries; says whether it succeeded.
fn watch(command: &mut Command, interrupt: &Interrupt, totals: &mut Totals) -> Result<bool> {
    // A group of its own: a Ctrl-C reaches it through us, after which the servers are still there to be ended.
    command.stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0);
    let mut child = command.spawn().context("run cargo test")?;
    let printed = child.stdout.take().context("read what cargo test prints")?;
    let reader = thread::spawn(move || add_up(printed));
    let status = interrupt.wait(&mut child)?;
    // Only after the group has ended is its output sure to be.
    if let Ok(seen) = reader.join() {
        totals.passed += seen.passed;
        totals.failed += seen.failed;
    }
    Ok(status.success())
}

fn add_up(printed: ChildStdout) -> Totals {
    let mut totals = Totals::default();
    for line in BufReader::new(printed).split(b'\n').map_while(std::io::Result::ok) {
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        totals.add(&line);
    }
    totals
}

impl Totals {
    /// `test result: ok. 8 passed; 0 failed; …`, coloured or not.
    fn add(&mut self, line: &str) {
        if !line.starts_with("test result: ") {
            return;
        }
        let number_before = |word: &str| {
            let before = line.split_once(word)?.0;
            before.rsplit(' ').next()?.parse::<u64>().ok()
        };
        self.passed += number_before(" passed;").unwrap_or_default();
        self.failed += number_before(" failed;").unwrap_or_default();
    }
}

fn report(lacks: &[Lack], left_out: &[Target]) {
    if lacks.is_empty() {
        return;
    }
    println!("\n{} not run, because what they need is missing:", count(left_out.len(), "test file"));
    for target in left_out {
        println!("  {} {}", target.package, target.name);
    }
    for lack in lacks {
        println!("{}", lack.reason);
    }
}

/// Every integration test of some packages, as cargo finds them.
fn targets(root: &Path, members: &[Manifest]) -> Result<Vec<Target>> {
    let mut targets = Vec::new();
    for member in members {
        let folder = root.join(member.folder()).join("tests");
        if !folder.is_dir() {
            continue;
        }
        let listing = fs::read_dir(&folder).with_context(|| format!("list {}", folder.display()))?;
        for entry in listing {
            let path = entry.with_context(|| format!("list {}", folder.display()))?.path();
            let is_target =
                path.extension().is_some_and(|kind| kind == "rs") || path.join("main.rs").is_file();
            let name = path.file_stem().map(|name| name.to_string_lossy().into_owned());
            targets.extend(
                name.filter(|_| is_target).map(|name| Target { package: member.package.clone(), name }),
            );
        }
    }
    targets.sort();
    Ok(targets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_add_up_and_other_lines_do_not_count() {
        let mut totals = Totals::default();
        totals.add("running 9 tests");
        totals.add(
            "test result: ok. 8 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.11s",
        );
        totals
            .add("test result: \u{1b}[31mFAILED\u{1b}(B\u{1b}[m. 3 passed; 2 failed; 0 ignored; 0 measured");
        totals.add("a test printed: 5 passed; 5 failed;");
        assert_eq!(totals, Totals { passed: 11, failed: 2 });
    }

    #[test]
    fn packages_are_recognised_however_they_are_named() {
        let arguments = ["-p", "a", "-pb", "--test", "t", "--package", "c", "--package=d", "--", "-p", "e"];
        assert_eq!(named_packages(&arguments.map(OsString::from)), ["a", "b", "c", "d"]);
    }

    #[test]
    fn without_what_they_need_all_other_tests_run() {
        let lack = |needed_by| Lack { needed_by, reason: String::new() };
        let servers = [lack(NEEDS_SERVERS)];
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("Cargo.toml", "[workspace]\nmembers = [\n    \"a\",\n]\n");
        write("a/Cargo.toml", "[package]\nname = \"weir-a\"\n");
        write("a/tests/real_broker.rs", "");
        write("a/tests/vendor_sdk/main.rs", "");
        write("a/tests/crash/main.rs", "");
        write("a/tests/support/mod.rs", "");
        write("a/tests/sample.yaml", "");
        let target = |name: &str| Target { package: "weir-a".to_owned(), name: name.to_owned() };
        let plan = without(&servers, folder.path(), &[]).unwrap();
        assert_eq!(plan.runs, [["--bins", "--test", "crash", "--test", "vendor_sdk"]]);
        assert_eq!(plan.left_out, [target("real_broker")]);
        let both = [lack(NEEDS_SERVERS), lack(vendor::NEEDED_BY)];
        let plan = without(&both, folder.path(), &[]).unwrap();
        assert_eq!(plan.runs, [["--bins", "--test", "crash"]]);
        assert_eq!(plan.left_out, [target("real_broker"), target("vendor_sdk")]);
        write("a/src/lib.rs", "");
        let plan = without(&both, folder.path(), &["weir-a".to_owned()]).unwrap();
        assert_eq!(plan.runs, [vec!["--bins", "--test", "crash", "--lib"], vec!["--doc"]]);
        let elsewhere = without(&both, folder.path(), &["weir-b".to_owned()]).unwrap();
        assert!(elsewhere.left_out.is_empty());
    }
}
