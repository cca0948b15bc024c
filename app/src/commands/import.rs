//! `weir import`: printed metadata to flow files, each with a report of what was repaired, assumed and left out.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use weir_import::{Entry, ImportError, Imported, Kind, Report, flow_name, import_all};
use weir_model::settings::{Localized, Problems};

use crate::{
    cli::{Cli, Import, Language},
    exit::Failure,
    files,
    output::{self, say},
};

/// Texts that become one flow.
struct Job {
    /// The files, for messages.
    files: String,
    flow: String,
    texts: Vec<String>,
}

/// What one job gave.
enum Done {
    Written { imported: Imported, file: PathBuf, report: PathBuf },
    Refused { files: String, reason: Localized, report: Report },
}

/// Imports the files. What can be used is written even where another file holds nothing.
pub fn run(options: &Import, cli: &Cli) -> Result<(), Failure> {
    let jobs = jobs(options)?;
    if !options.force {
        refuse_to_overwrite(&jobs, &options.out)?;
    }
    let language = output::language(cli.lang);
    let mut done = Vec::new();
    for job in jobs {
        done.push(one(job, &options.out)?);
    }
    if cli.json {
        say!("{}", json!({"imports": done.iter().map(told_json).collect::<Vec<_>>()}));
    } else {
        for done in &done {
            output::tell(&told(done, language));
        }
    }
    // What was refused is told; the exit code says the rest.
    let all = done.iter().all(|done| matches!(done, Done::Written { .. }));
    if all { Ok(()) } else { Err(Failure::invalid("")) }
}

/// Reads the files: all of them one flow when it has a name, else one flow each.
fn jobs(options: &Import) -> Result<Vec<Job>, Failure> {
    let mut read = Vec::new();
    let mut problems = Problems::default();
    for file in &options.files {
        let mut own = Problems::new(file.display().to_string());
        read.extend(files::read(file, &mut own).map(|text| (file.display().to_string(), text)));
        problems.append(own);
    }
    if problems.has_errors() {
        let told: Vec<String> = problems.list().iter().map(ToString::to_string).collect();
        return Err(Failure::invalid(told.join("\n")).with_problems(output::problems_json(&problems)));
    }
    if let Some(flow) = &options.name {
        let (names, texts): (Vec<String>, Vec<String>) = read.into_iter().unzip();
        return Ok(vec![Job { files: names.join(", "), flow: flow.clone(), texts }]);
    }
    let mut jobs: Vec<Job> = Vec::new();
    for (file, text) in read {
        let flow = flow_name(&file).ok_or_else(|| {
            Failure::invalid(format!("{file}: its name gives no name for a flow; give one with --name"))
        })?;
        if let Some(other) = jobs.iter().find(|job| job.flow == flow) {
            let other = &other.files;
            return Err(Failure::invalid(format!(
                "{file} and {other} would both become flow {flow}; import them one by one with --name, or both as one flow"
            )));
        }
        jobs.push(Job { files: file, flow, texts: vec![text] });
    }
    Ok(jobs)
}

fn paths(flow: &str, folder: &Path) -> [PathBuf; 2] {
    [folder.join(format!("{flow}.yaml")), folder.join(format!("{flow}.import.md"))]
}

fn refuse_to_overwrite(jobs: &[Job], folder: &Path) -> Result<(), Failure> {
    let written = jobs.iter().flat_map(|job| paths(&job.flow, folder));
    let there: Vec<String> =
        written.filter(|path| path.exists()).map(|path| path.display().to_string()).collect();
    if there.is_empty() {
        return Ok(());
    }
    Err(Failure::invalid(format!("already there: {}; --force writes over them", there.join(", "))))
}

fn one(job: Job, folder: &Path) -> Result<Done, Failure> {
    let texts: Vec<&str> = job.texts.iter().map(String::as_str).collect();
    let imported = match import_all(&job.flow, &texts) {
        Ok(imported) => imported,
        Err(error) => {
            let reason = reason(&error);
            let report =
                if let ImportError::NothingFound(report) = error { report } else { Report::default() };
            return Ok(Done::Refused { files: job.files, reason, report });
        }
    };
    let [file, report] = paths(&imported.flow, folder);
    let write = |path: &Path, text: &str| {
        std::fs::write(path, text)
            .map_err(|error| Failure::environment(&format!("write {}", path.display()), &error))
    };
    std::fs::create_dir_all(folder)
        .map_err(|error| Failure::environment(&format!("make the folder {}", folder.display()), &error))?;
    write(&file, &imported.yaml)?;
    write(&report, &imported.report.page(&imported.flow))?;
    Ok(Done::Written { imported, file, report })
}

/// Why nothing was written.
fn reason(error: &ImportError) -> Localized {
    let zh = match error {
        ImportError::Name(name) => {
            format!("{name:?} 不能作流程名：用字母、数字、- 和 _，以字母或数字开头，最多 70 个")
        }
        ImportError::NothingFound(_) => {
            "没有找到元数据：文中没有带 api、request、otherRequest 等键的 JSON".to_owned()
        }
        ImportError::Unwritable => "元数据无法无损地写成 YAML：请把键缩短到 1000 个字符以内".to_owned(),
    };
    Localized::new(zh, error.to_string())
}

fn told(done: &Done, language: Language) -> String {
    match done {
        Done::Refused { files, reason, report } => {
            let mut text = match language {
                Language::Zh => format!("{files}：{}\n", reason.zh),
                Language::En => format!("{files}: {}\n", reason.en),
            };
            for entry in report.entries() {
                text.push_str(&line(entry, language));
            }
            text
        }
        Done::Written { imported, file, report } => {
            let (file, page) = (file.display(), report.display());
            let count = |kind| imported.report.of(kind).count();
            let counts = [Kind::Assumed, Kind::Repaired, Kind::LeftOut].map(count);
            let [assumed, repaired, left_out] = counts;
            let mut text = match (language, imported.only.is_some()) {
                (Language::Zh, false) => format!("{file}：流程 {}\n", imported.flow),
                (Language::Zh, true) => format!("{file}：片段 {}（只有一侧）\n", imported.flow),
                (Language::En, false) => format!("{file}: flow {}\n", imported.flow),
                (Language::En, true) => format!("{file}: fragment {}, one side only\n", imported.flow),
            };
            for entry in imported.report.of(Kind::Doubtful) {
                text.push_str(&line(entry, language));
            }
            text.push_str(&match language {
                Language::Zh => {
                    format!("  假设 {assumed} 项、修复 {repaired} 处、未采用 {left_out} 处，见 {page}\n")
                }
                Language::En => {
                    format!("  {assumed} assumed, {repaired} repaired, {left_out} left out: see {page}\n")
                }
            });
            text
        }
    }
}

fn line(entry: &Entry, language: Language) -> String {
    let text = output::pick(&entry.text, language);
    match (entry.line, language) {
        (None, _) => format!("  ! {text}\n"),
        (Some(line), Language::Zh) => format!("  ! 第 {line} 行：{text}\n"),
        (Some(line), Language::En) => format!("  ! line {line}: {text}\n"),
    }
}

fn told_json(done: &Done) -> Value {
    let entries = |report: &Report| {
        let one = |entry: &Entry| json!({"kind": entry.kind.as_str(), "line": entry.line, "text": {"zh": entry.text.zh, "en": entry.text.en}});
        report.entries().iter().map(one).collect::<Vec<_>>()
    };
    match done {
        Done::Refused { files, reason, report } => {
            json!({"ok": false, "files": files, "error": {"zh": reason.zh, "en": reason.en}, "entries": entries(report)})
        }
        Done::Written { imported, file, report } => json!({
            "ok": true,
            "flow": imported.flow,
            "kind": if imported.only.is_some() { "fragment" } else { "flow" },
            "file": file.display().to_string(),
            "report": report.display().to_string(),
            "entries": entries(&imported.report),
        }),
    }
}
