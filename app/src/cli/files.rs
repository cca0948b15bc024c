//! Arguments of the commands over files: check, test, preview, import, export, describe.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Project;

/// Options of `weir check`.
#[derive(Args, Clone, Debug)]
pub struct Check {
    /// A project file, a flow file or a folder of flows
    #[arg(default_value = "flows", value_name = "PATH")]
    pub path: PathBuf,
}

/// Options of `weir test`.
#[derive(Args, Clone, Debug)]
pub struct TestFlows {
    /// A folder with all below it, a test file, or a flow file with a test beside it
    #[arg(default_value = "flows", value_name = "PATH")]
    pub path: PathBuf,
    /// Also write the results as JUnit XML
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Only cases whose name holds this text
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// Fail when less of a flow's fields, branches and checks is covered
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub coverage_min: Option<u8>,
}

/// Options of `weir preview`.
#[derive(Args, Clone, Debug)]
#[command(group = clap::ArgGroup::new("records").required(true).args(["record", "raw", "live"]))]
pub struct Preview {
    /// A flow file, or the name of a flow of the project
    pub flow: String,
    #[command(flatten)]
    pub project: Project,
    /// A file with a JSON record or a list of them; - reads standard input
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// The newest polled record with this id or number, from Kafka
    #[arg(long, value_name = "NUMBER")]
    pub raw: Option<String>,
    /// The first records of one page of the source's API
    #[arg(long, value_name = "COUNT")]
    pub live: Option<usize>,
    /// Reference rows as a test file has them under lookups; by default those in Kafka
    #[arg(long, value_name = "FILE")]
    pub lookups: Option<PathBuf>,
    /// What NOW() says, a local time such as "2024-03-14 16:00:00"; by default when the record was taken
    #[arg(long, value_name = "TIME")]
    pub now: Option<String>,
    /// Take the record of --record for one that was removed at the source
    #[arg(long, requires = "record")]
    pub deleted: bool,
}

/// Options of `weir import`.
#[derive(Args, Clone, Debug)]
pub struct Import {
    /// Printed metadata; each file becomes a flow, or a fragment when it has one side
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Folder for the flow file and the report
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// Name of the flow; all files together are one flow then. By default the file's name
    #[arg(long)]
    pub name: Option<String>,
    /// Write over files that are there
    #[arg(long)]
    pub force: bool,
}

/// Options of `weir export`.
#[derive(Args, Clone, Debug)]
pub struct Export {
    /// A flow file or a fragment
    #[arg(value_name = "FLOW_FILE")]
    pub file: PathBuf,
    /// Which side
    #[arg(long, value_enum, default_value_t = Side::Both)]
    pub side: Side,
    /// Where to write it; by default standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// A side of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Side {
    /// Where records come from
    Source,
    /// Where documents go
    Target,
    /// Both in one object, as far as the file has them
    Both,
}

/// Options of `weir describe`.
#[derive(Args, Clone, Debug)]
pub struct Describe {
    /// What to describe
    #[arg(value_enum)]
    pub what: Topic,
    /// Only this system; of a schema the file: flow, project or test
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
}

/// What can be described.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Topic {
    /// The systems that can be polled and written to
    Systems,
    /// The APIs used, with parameters, limits and error codes
    Api,
    /// The mapping language: every form, function, key and setting, as a Markdown page
    Language,
    /// The JSON Schema of a file that people write
    Schema,
}
