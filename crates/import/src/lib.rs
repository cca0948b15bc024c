//! Printed metadata of the seeds' platform → flow files, and back (contract qeasy-metadata).
//!
//! [`import`] reads what people have: metadata exported as JSON, one side or both; snippets with comments, backticks and
//! cut ends; whole articles with such snippets in their prose. It writes a flow file with the metadata as it was printed
//! and a [`Report`] that names everything it repaired, assumed, left out or doubts. [`export`] gives the metadata back.
//! Pure: no files, no clock.

mod collect;
mod complete;
mod export;
mod flow_file;
mod piece;
mod read;
mod report;
mod scan;
mod systems;
mod yaml;

pub use export::{ExportError, Exported, export};
pub use piece::Role;
pub use report::{Entry, Kind, Report};

use collect::Collected;
use complete::complete;
use thiserror::Error;
use weir_model::names::is_valid_name;

/// What became of a printed text.
#[derive(Clone, Debug)]
pub struct Imported {
    /// Name of the flow.
    pub flow: String,
    /// The side it tells of when it tells of one only: the file is a fragment then.
    pub only: Option<Role>,
    /// The flow file.
    pub yaml: String,
    /// What was done.
    pub report: Report,
}

/// Why a text gave no flow file.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The name cannot name a flow.
    #[error(
        "{0:?} cannot name a flow: use up to 70 letters, digits, - and _, beginning with a letter or digit"
    )]
    Name(String),
    /// There is no metadata in it.
    #[error("no metadata was found: the text holds no JSON with keys such as api, request or otherRequest")]
    NothingFound(Report),
    /// The file that was written would not be read back as it was printed.
    #[error(
        "the metadata cannot be written as YAML without loss; shorten its keys to less than 1,000 characters"
    )]
    Unwritable,
}

/// Room for the suffixes that name a flow's source.
const LONGEST_NAME: usize = 70;

/// Reads one printed text; `name` names the flow.
///
/// # Errors
/// When the name is none, or nothing usable is found.
pub fn import(name: &str, text: &str) -> Result<Imported, ImportError> {
    import_all(name, &[text])
}

/// Reads texts that tell of one flow together, such as a file for each side.
///
/// # Errors
/// As [`import`].
pub fn import_all(name: &str, texts: &[&str]) -> Result<Imported, ImportError> {
    if !is_valid_name(name) || name.len() > LONGEST_NAME {
        return Err(ImportError::Name(name.to_owned()));
    }
    let mut report = Report::default();
    let mut collected = collect::collect(texts, &mut report);
    if collected.source.is_none() && collected.target.is_none() {
        return Err(ImportError::NothingFound(report));
    }
    tell_carried(&collected, &mut report);
    let plan = complete(name, &mut collected, &mut report);
    let yaml = flow_file::write(name, &collected, &plan);
    let only = flow_file::only_side(&collected);
    if !reads_back(&yaml, &collected) {
        return Err(ImportError::Unwritable);
    }
    Ok(Imported { flow: name.to_owned(), only, yaml, report })
}

/// A flow's name made of a file's: letters and digits in lower case, everything else a hyphen.
pub fn flow_name(file: &str) -> Option<String> {
    let stem = file.rsplit(['/', '\\']).next()?.split('.').next()?;
    let plain: String = stem
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '-' })
        .collect();
    let parts: Vec<&str> = plain.split('-').filter(|part| !part.is_empty()).collect();
    let name: String = parts.join("-").chars().take(LONGEST_NAME).collect();
    is_valid_name(&name).then_some(name)
}

fn tell_carried(collected: &Collected, report: &mut Report) {
    let sides = [(Role::Source, "来源", &collected.source), (Role::Target, "目标", &collected.target)];
    for (role, zh, side) in sides {
        let en = role.as_str();
        let Some(side) = side else {
            report.add(
                Kind::Doubtful,
                None,
                format!("没有找到{zh}元数据：写成片段（kind: fragment），补上另一侧后才能运行"),
                format!("no metadata of the {en} was found: a fragment (kind: fragment) is written, which runs once the other side is added"),
            );
            continue;
        };
        let keys = side.metadata.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let (items, others) = (side.items("request").len(), side.items("otherRequest").len());
        report.add(
            Kind::Carried,
            Some(side.line),
            format!("{zh}元数据：键 {keys}；request {items} 项，otherRequest {others} 项，值与顺序不变"),
            format!("the {en}'s metadata: keys {keys}; {items} items in request, {others} in otherRequest, values and order as printed"),
        );
    }
}

/// Whether the written file gives the same metadata back.
fn reads_back(yaml: &str, collected: &Collected) -> bool {
    let Ok(exported) = export(yaml) else { return false };
    let same = |side: &Option<collect::Side>, read: &Option<weir_model::Json>| match (side, read) {
        (Some(side), Some(read)) => {
            serde_json::to_string(&side.metadata).ok() == serde_json::to_string(read).ok()
        }
        (None, None) => true,
        _ => false,
    };
    same(&collected.source, &exported.source) && same(&collected.target, &exported.target)
}
