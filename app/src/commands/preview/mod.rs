//! `weir preview`: one record through every step of a flow. Nothing is sent: no topic, no target, no cursor.

mod json;
pub mod rows;
mod source;
mod text;

pub use self::json::result;

use std::path::Path;

use jiff::tz::TimeZone;
use weir_model::{
    lookup::{Lookups, NoLookups},
    processor::{Input, Processor as _},
    settings::{Localized, Problems},
};

use super::{load, page::Page};
use crate::{
    cli::{Cli, Preview},
    exit::Failure,
    output::{self, tell},
    project::{self, Flow, Project},
    receipts,
};

/// A flow to look through, with its project where one is needed.
struct Subject {
    flow: Flow,
    project: Option<Project>,
}

/// A record and where it came from.
struct Taken {
    input: Input,
    /// In a few words, for people.
    origin: Localized,
}

/// Shows what a flow makes of records.
pub async fn run(options: &Preview, cli: &Cli) -> Result<(), Failure> {
    let page = Page::of_stdout(output::language(cli.lang));
    let subject = subject(options, cli)?;
    let mut taken = source::take(options, &subject).await?;
    if let Some(text) = &options.now {
        let now = weir_cases::local_time(text, &zone(&subject))
            .map_err(|why| Failure::invalid(format!("--now: {}", output::pick(&why, page.language))))?;
        for record in &mut taken {
            record.input.appended_at = now;
        }
    }
    let flow = &subject.flow;
    let rows: Box<dyn Lookups> = match (&options.lookups, &subject.project) {
        (Some(file), _) => Box::new(rows::of_file(file, cli)?),
        (None, Some(project)) if !flow.mapping.lookups().is_empty() => {
            Box::new(rows::of_kafka(project, flow.mapping.lookups()).await?)
        }
        _ => Box::new(NoLookups),
    };
    let columns = weir_cases::columns(&flow.spec);
    let shown: Vec<_> =
        taken.into_iter().map(|record| (flow.mapping.explain(&record.input, &*rows), record)).collect();
    if cli.json {
        tell(&format!("{}\n", json::answer(flow, columns.as_deref(), &shown)));
        return Ok(());
    }
    let count = shown.len();
    for (number, (explanation, record)) in shown.iter().enumerate() {
        let heading = text::Heading { number: number + 1, count, origin: &record.origin };
        tell(&text::record(explanation, record, &heading, columns.as_deref(), page));
    }
    tell(&page.say("没有发送任何内容。\n", "Nothing was sent.\n"));
    Ok(())
}

/// A flow file by its path, else a flow of the project by its name.
fn subject(options: &Preview, cli: &Cli) -> Result<Subject, Failure> {
    let path = Path::new(&options.flow);
    if !path.is_file() {
        let mut project = load(&options.project, cli)?;
        let found = project.flows.iter().position(|flow| flow.spec.name.as_str() == options.flow);
        let Some(index) = found else {
            let names: Vec<&str> =
                project::names(&project.flows).into_iter().map(|name| name.as_str()).collect();
            let (flow, names) = (&options.flow, names.join(", "));
            return Err(Failure::invalid(Page::of_stdout(output::language(cli.lang)).say(
                &format!("没有流程文件或流程 {flow:?}；项目中的流程：{names}"),
                &format!("there is no flow file or flow {flow:?}; flows of the project: {names}"),
            )));
        };
        return Ok(Subject { flow: project.flows.swap_remove(index), project: Some(project) });
    }
    // A record of one's own needs no project: neither connection nor topic is touched.
    let project = if options.record.is_some() { None } else { Some(load(&options.project, cli)?) };
    let connections = project.as_ref().map(|project| &project.config.connections);
    let (mut flows, problems) = project::load_flows(&[path.to_owned()], connections);
    match flows.pop() {
        Some(flow) => Ok(Subject { flow, project }),
        None => Err(refuse(&problems, cli)),
    }
}

/// The zone of the record's local times.
fn zone(subject: &Subject) -> TimeZone {
    let connections = subject.project.as_ref().map(|project| &project.config.connections);
    connections.map_or_else(receipts::default_zone, |known| receipts::zone(&subject.flow.spec, known))
}

/// Tells the problems of a file that cannot be used.
pub fn refuse(problems: &Problems, cli: &Cli) -> Failure {
    let language = output::language(cli.lang);
    let words = Localized::new("文件无法使用，错误见上", "it cannot be used, for the errors above");
    let failure = Failure::invalid(output::pick(&words, language));
    if cli.json {
        return failure.with_problems(output::problems_json(problems));
    }
    for problem in problems.list() {
        eprintln!("{}", output::problem_text(problem, language));
    }
    failure
}
