//! `weir check`: structure only, no connection; all problems of all files at once.

use std::path::Path;

use serde_json::json;
use weir_model::settings::Problems;

use crate::{
    cli::{Check, Cli, Language},
    exit::Failure,
    files, output,
    project::{self, Project},
};

/// Checks a project file, a flow file or a folder of flows.
pub fn run(options: &Check, cli: &Cli) -> Result<(), Failure> {
    let language = output::language(cli.lang);
    let inside = options.path.join("weir.yaml");
    let path = if inside.is_file() { &inside } else { &options.path };
    let (flows, problems) = if is_project(path) {
        let (project, problems) = Project::load(path);
        (project.map(|project| project.flows).unwrap_or_default(), problems)
    } else {
        project::load_flows(std::slice::from_ref(path), None)
    };
    let names: Vec<&str> = project::names(&flows).into_iter().map(|name| name.as_str()).collect();
    if cli.json {
        let answer = json!({"ok": !problems.has_errors(), "flows": names, "problems": output::problems_json(&problems)});
        println!("{answer}");
    } else {
        for problem in problems.list() {
            println!("{}", output::problem_text(problem, language));
        }
        if !problems.has_errors() {
            match language {
                Language::Zh => println!("没有错误：{} 个流程（{}）", names.len(), names.join("、")),
                Language::En => {
                    let flows = if names.len() == 1 { "flow" } else { "flows" };
                    println!("no errors: {} {flows} ({})", names.len(), names.join(", "));
                }
            }
        }
    }
    // The problems are told; the exit code says the rest.
    if problems.has_errors() { Err(Failure::invalid("")) } else { Ok(()) }
}

/// Whether the file is a project's rather than a flow's.
fn is_project(path: &Path) -> bool {
    // What cannot be read is told when it is read as a flow.
    let Some(text) = files::read(path, &mut Problems::default()) else { return false };
    let starts = |word: &str| text.lines().any(|line| line.starts_with(word));
    starts("connections:") || (starts("kafka:") && !starts("flow:"))
}
