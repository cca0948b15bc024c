//! `cargo xtask chaos`: the crash suite's random form for as long as one likes, by a schedule that the seed makes.
//!
//! Relies on the test `chaos` of `e2e/tests/real_crash`, which starts its own servers and reads how long and which seed
//! from the environment.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, ensure};
use weir_testkit::broker::{self, CLASSPATH_VARIABLE, Program as KafkaProgram};
use weir_testkit::mariadb::{self, Program as MySqlProgram};

use crate::interrupt::Interrupt;
use crate::suite::temporary_folder;
use crate::{kafka, mysql, workspace};

/// How long a schedule is unless told otherwise.
pub const MINUTES: u64 = 10;

/// Builds the program and the suite, then runs the schedule; fails when source and targets differ in the end.
pub fn run(minutes: u64, seed: u64, may_install: bool) -> Result<ExitCode> {
    let interrupt = Interrupt::listen()?;
    let kafka = kafka::program(may_install)?;
    let mysql = mysql::program(may_install)?;
    interrupt.check()?;
    let mut build = workspace::cargo();
    build.args(["build", "--package", "weir"]);
    ensure!(wait(&mut build, &interrupt)?, "the program does not build");
    let temporary = temporary_folder()?;
    let mut chaos = workspace::cargo();
    chaos.args(["test", "--package", "weir-e2e", "--test", "real_crash", "chaos::", "--", "--nocapture"]);
    chaos.env("WEIR_CHAOS_MINUTES", minutes.to_string()).env("WEIR_CHAOS_SEED", seed.to_string());
    chaos.env("TMPDIR", temporary.path());
    match kafka {
        KafkaProgram::Jars(classpath) => chaos.env(CLASSPATH_VARIABLE, classpath),
        KafkaProgram::Image(image) => chaos.env(broker::IMAGE_VARIABLE, image),
    };
    if let MySqlProgram::Image(image) = mysql {
        chaos.env(mariadb::IMAGE_VARIABLE, image);
    }
    Ok(if wait(&mut chaos, &interrupt)? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs a command to its end in a group of its own: a Ctrl-C reaches it through us, and with it the servers and processes
/// that it started.
fn wait(command: &mut Command, interrupt: &Interrupt) -> Result<bool> {
    command.stdin(Stdio::null()).process_group(0);
    let status = interrupt.wait(&mut command.spawn().context("run cargo")?)?;
    Ok(status.success())
}
