//! The binary `weir`: reads the command line, runs one command, exits with its code.
//!
//! Everything is put together here and nowhere else: `project` is what a user configured, `assembly` the stages made of
//! it. The systems are listed where they are written: `weir_producers::systems` and `weir_sinks::SYSTEMS`.

#![deny(clippy::print_stdout)]

mod assembly;
mod cli;
mod codec;
mod commands;
mod conductor;
mod config;
mod exit;
mod files;
mod fragments;
mod instance;
mod ledger;
mod masking;
mod output;
mod project;
mod receipts;
mod reference;
mod sandbox_project;
mod schema;
mod signals;
mod tallies;
mod treatments;
mod trimming;
mod versions;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{cli::Cli, exit::Failure};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return exit::report(&Failure::environment("start the async runtime", &error), cli.json);
        }
    };
    let result = runtime.block_on(commands::run(&cli));
    // A poller in the middle of a call must not hold the process: nothing of it was acknowledged.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => exit::report(&failure, cli.json),
    }
}
