//! One module per command; each returns or says why not.

mod backfill;
mod check;
mod collections;
mod control;
mod coverage;
mod demo;
pub mod describe;
mod diff;
mod dlq;
mod export;
mod flows;
mod import;
mod jobs;
mod ledger;
mod page;
mod polled;
mod preview;
mod probe;
mod progress;
mod reconcile;
mod replay;
mod run;
mod status;
mod test_flows;
mod times;
mod topics;
mod trace;
mod wait;

use std::path::Path;

use weir_model::settings::Problems;

use crate::{
    cli::{Cli, Collections, Command, Flows, Jobs, Language, Ledger, Project as ProjectOption, Topics, Wait},
    exit::Failure,
    output,
    project::Project,
};

/// Runs the command that was asked for.
pub async fn run(cli: &Cli) -> Result<(), Failure> {
    match &cli.command {
        Command::Demo(options) => demo::run(options, cli).await,
        Command::Run(options) => run::run(options, cli).await,
        Command::Check(options) => check::run(options, cli),
        Command::Probe(options) => probe::run(options, cli).await,
        Command::Test(options) => test_flows::run(options, cli),
        Command::Preview(options) => preview::run(options, cli).await,
        Command::Diff(options) => diff::run(options, cli).await,
        Command::Import(options) => import::run(options, cli),
        Command::Export(options) => export::run(options),
        Command::Topics(Topics::Apply(options)) => topics::apply(options, cli),
        Command::Flows(Flows::List(options)) => flows::list(options, cli).await,
        Command::Flows(Flows::Apply(options)) => flows::apply(options, cli).await,
        Command::Flows(Flows::Pause(options)) => flows::pause(options, cli).await,
        Command::Flows(Flows::Resume(options)) => flows::resume(options, cli).await,
        Command::Flows(Flows::Reload(options)) => flows::reload(options, cli).await,
        Command::Status(options) => status::run(options, cli).await,
        Command::Collections(Collections::List(options)) => collections::list(options, cli).await,
        Command::Collections(Collections::Load(options)) => collections::load(options, cli).await,
        Command::Collections(Collections::Get(options)) => collections::get(options, cli).await,
        Command::Collections(Collections::Drop(options)) => collections::drop_rows(options, cli).await,
        Command::Wait(Wait::List(options)) => wait::list(options, cli).await,
        Command::Reconcile(options) => reconcile::run(options, cli).await,
        Command::Coverage(options) => coverage::run(options, cli).await,
        Command::Backfill(options) => backfill::run(options, cli).await,
        Command::Dlq(command) => dlq::run(command, cli).await,
        Command::Trace(options) => trace::run(options, cli).await,
        Command::Replay(options) => replay::run(options, cli).await,
        Command::Jobs(Jobs::List(options)) => jobs::list(options, cli).await,
        Command::Jobs(Jobs::Show(options)) => jobs::show(options, cli).await,
        Command::Jobs(Jobs::Watch(options)) => jobs::follow(options, cli).await,
        Command::Jobs(Jobs::Cancel(options)) => jobs::cancel(options, cli).await,
        Command::Ledger(Ledger::Status(options)) => ledger::status(options, cli).await,
        Command::Ledger(Ledger::Rebuild(options)) => ledger::rebuild(options, cli).await,
        Command::Describe(options) => describe::run(options, cli),
    }
}

/// Loads a project for a command that works with it; its problems go to standard error.
fn load(option: &ProjectOption, cli: &Cli) -> Result<Project, Failure> {
    usable(Project::load(&option.config), &option.config, cli)
}

/// The project that was read, if it can be used; its problems go to standard error.
fn usable(
    (project, problems): (Option<Project>, Problems),
    file: &Path,
    cli: &Cli,
) -> Result<Project, Failure> {
    let file = file.display();
    if cli.json {
        return project.ok_or_else(|| {
            Failure::invalid(format!("{file} cannot be used")).with_problems(output::problems_json(&problems))
        });
    }
    let language = output::language(cli.lang);
    for problem in problems.list() {
        eprintln!("{}", output::problem_text(problem, language));
    }
    project.ok_or_else(|| {
        Failure::invalid(match language {
            Language::Zh => format!("{file} 无法使用，错误见上"),
            Language::En => format!("{file} cannot be used, for the errors above"),
        })
    })
}
