//! `cargo xtask`: the project's chores, the same on a laptop and in CI.
//!
//! Compiled before everything else, so it relies on few and small crates.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

mod chaos;
mod demo;
mod fuzz;
mod generate;
mod install;
mod interrupt;
mod kafka;
mod mysql;
mod openssl;
mod services;
mod suite;
mod tidy;
mod vendor;
mod workspace;

#[derive(Parser)]
#[command(
    bin_name = "cargo xtask",
    about = "Chores of the Weir project",
    after_help = "Examples:\n  cargo xtask demo\n  cargo xtask test\n  cargo xtask test -- -p weir-kafka --test real_broker\n  \
                  cargo xtask services up && eval \"$(cargo xtask services env)\""
)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build and run `weir demo`; everything after `demo` is passed on to it
    Demo {
        /// Arguments of `weir demo`, for example `--once --json`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Run every test against a real Kafka and a real MariaDB, started for it and taken down afterwards
    ///
    /// Servers named by WEIR_KAFKA and WEIR_MYSQL, or started by `services up`, are used and left alone. Tests that need a
    /// server are the integration tests whose file name starts with `real_`; without a server they are listed, not run.
    /// Those that start with `vendor_` need the vendor's own client, which is fetched into the build folder with pip. Without
    /// package arguments everything is built with TLS to Kafka, which needs OpenSSL's headers.
    #[command(
        after_help = "Examples:\n  cargo xtask test\n  cargo xtask test --require-services\n  cargo xtask test -- -p \
                            weir-expr\n  cargo xtask test -- --test real_broker -- --nocapture"
    )]
    Test {
        /// Fail when a server or the vendor's client can be had in no way, instead of leaving out the tests that need it
        #[arg(long)]
        require_services: bool,
        #[command(flatten)]
        install: Install,
        /// How long the fuzz targets run afterwards, when the arguments select no tests; 0 leaves them out
        #[arg(long, value_name = "MINUTES", default_value_t = fuzz::MINUTES)]
        fuzz_minutes: u64,
        /// Arguments of `cargo test`
        #[arg(last = true)]
        arguments: Vec<OsString>,
    },
    /// Try templates, expressions, files and records with made-up inputs, guided by coverage; stable compiler
    ///
    /// An input that breaks a promise is written to the build folder and named; the exit code is then 1. What a run finds
    /// is kept in the build folder, and the next run goes on from there.
    #[command(
        after_help = "Examples:\n  cargo xtask fuzz\n  cargo xtask fuzz --minutes 60 expressions records\n  cargo xtask \
                      fuzz --minutes 30 --keep"
    )]
    Fuzz {
        /// How long to run, all targets together, without the build
        #[arg(long, default_value_t = fuzz::MINUTES, value_parser = clap::value_parser!(u64).range(1..))]
        minutes: u64,
        /// Add what reaches new code to the inputs kept in fuzz/corpus, which `cargo test` replays
        #[arg(long)]
        keep: bool,
        /// The targets, by default all: the folders of fuzz/corpus
        #[arg(value_name = "TARGET")]
        targets: Vec<String>,
    },
    /// Kill, stop and cut off processes and servers at random and at chosen points, then compare source and targets
    ///
    /// What happens, when and to whom is made of the seed alone and printed as it happens; the counts come at the end. The
    /// exit code is 1 when a document is missing, double, stale or wrong, or a dead letter is.
    #[command(after_help = "Examples:\n  cargo xtask chaos\n  cargo xtask chaos --minutes 60 --seed 7")]
    Chaos {
        /// How long the schedule is; building, and settling in the end, come on top
        #[arg(long, default_value_t = chaos::MINUTES, value_parser = clap::value_parser!(u64).range(1..))]
        minutes: u64,
        /// What the schedule and the records are made of
        #[arg(long, default_value_t = 1)]
        seed: u64,
        #[command(flatten)]
        install: Install,
    },
    /// Start and stop the servers that tests need, in throw-away folders on free loopback ports
    Services {
        #[command(subcommand)]
        action: ServicesAction,
    },
    /// Write docs/language*.md and schemas/json/ from the program's own tables; commit what it writes
    Generate,
    /// Check the walls between crates and the habits of the tree (manifests, sources, both READMEs, error pages)
    Tidy,
}

#[derive(Subcommand)]
enum ServicesAction {
    /// Start Kafka and MariaDB, unless WEIR_KAFKA and WEIR_MYSQL name some, and wait until they are ready
    Up {
        #[command(flatten)]
        install: Install,
    },
    /// End the servers that `up` started and remove their data
    Down,
    /// Print the `export` lines that let programs find the servers
    #[command(after_help = "Example:\n  eval \"$(cargo xtask services env)\"")]
    Env,
}

#[derive(Args)]
struct Install {
    /// Install missing Debian packages with apt-get; needs root. Done without asking where CI=true
    #[arg(long)]
    install: bool,
}

impl Install {
    fn allowed(&self) -> bool {
        (self.install || std::env::var_os("CI").is_some_and(|value| value == "true"))
            && weir_testkit::process::is_root()
    }
}

fn main() -> ExitCode {
    match run(Cli::parse().task) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<ExitCode> {
    match task {
        Task::Demo { arguments } => demo::run(&arguments),
        Task::Test { require_services, install, fuzz_minutes, arguments } => {
            suite::run(require_services, install.allowed(), fuzz_minutes, &arguments)
        }
        Task::Fuzz { minutes, keep, targets } => fuzz::run(minutes, keep, &targets),
        Task::Chaos { minutes, seed, install } => chaos::run(minutes, seed, install.allowed()),
        Task::Services { action: ServicesAction::Up { install } } => services::up(install.allowed()),
        Task::Services { action: ServicesAction::Down } => services::down(),
        Task::Services { action: ServicesAction::Env } => services::print_env(),
        Task::Generate => generate::run(),
        Task::Tidy => tidy::run(&workspace::root()?),
    }
}
