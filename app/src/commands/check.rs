//! `weir check`: structure only, no connection; all problems of all files at once.

use std::path::Path;

use serde_json::json;
use weir_model::settings::Problems;

use crate::{
    cli::{Check, Cli, Language},
    exit::Failure,
    files, fragments,
    output::{self, say},
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
        say!("{answer}");
    } else {
        for problem in problems.list() {
            say!("{}", output::problem_text(problem, language));
        }
        if !problems.has_errors() {
            say!("{}", summary(&names, fragments::count(&problems), language));
        }
    }
    // The problems are told; the exit code says the rest.
    if problems.has_errors() { Err(Failure::invalid("")) } else { Ok(()) }
}

/// What was found to be right.
fn summary(names: &[&str], fragments: usize, language: Language) -> String {
    let mut parts = Vec::new();
    let count = names.len();
    match language {
        Language::Zh => {
            if count > 0 || fragments == 0 {
                parts.push(format!("{count} 个流程（{}）", names.join("、")));
            }
            if fragments > 0 {
                parts.push(format!("{fragments} 个片段"));
            }
            format!("没有错误：{}", parts.join("，"))
        }
        Language::En => {
            if count > 0 || fragments == 0 {
                let flows = if count == 1 { "flow" } else { "flows" };
                parts.push(format!("{count} {flows} ({})", names.join(", ")));
            }
            if fragments > 0 {
                parts.push(format!("{fragments} {}", if fragments == 1 { "fragment" } else { "fragments" }));
            }
            format!("no errors: {}", parts.join(", "))
        }
    }
}

/// Whether the file is a project's rather than a flow's.
fn is_project(path: &Path) -> bool {
    // What cannot be read is told when it is read as a flow.
    let Some(text) = files::read(path, &mut Problems::default()) else { return false };
    let starts = |word: &str| text.lines().any(|line| line.starts_with(word));
    starts("connections:") || (starts("kafka:") && !starts("flow:"))
}
