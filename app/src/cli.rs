//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Weir (堰): moves orders, refunds, customers and stock movements from shop systems into ERPs and databases.
#[derive(Debug, Parser)]
#[command(name = "weir", version, about, max_term_width = 110, after_help = EXIT_CODES)]
pub struct Cli {
    /// Answer with one JSON object instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// Language of messages; by default that of LANG
    #[arg(long, global = true, value_enum)]
    pub lang: Option<Language>,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 fine, 1 failed while running, 2 invalid input, 3 environment.";

/// A language of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// 中文
    Zh,
    /// English
    En,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// See it work: two flows against a sandbox, in one process that keeps nothing
    #[command(
        after_help = "Examples:\n  weir demo\n  weir demo --once --json\n  weir demo --customers 2000 --seed 7"
    )]
    Demo(Demo),
    /// Run stages until SIGTERM or Ctrl-C
    #[command(
        after_help = "Examples:\n  weir run all -c weir.yaml\n  weir run sinks -c weir.yaml --instance sinks-1"
    )]
    Run(Run),
    /// Check configuration and flows without connecting to anything
    #[command(
        after_help = "Examples:\n  weir check                 the flows in ./flows\n  weir check weir.yaml       a project with its flows\n  weir check flows/a.yaml --json"
    )]
    Check(Check),
    /// Try to reach and log in to everything a project names; nothing is written
    #[command(after_help = "Example:\n  weir probe -c weir.yaml")]
    Probe(Project),
    /// Run the cases of *.test.yaml files against their flows; needs no Kafka and no network
    #[command(
        after_help = "Examples:\n  weir test                       the tests beside the flows in ./flows\n  weir test flows/a.test.yaml --filter refund\n  weir test --junit junit.xml --coverage-min 90"
    )]
    Test(TestFlows),
    /// Show one record through every step of a flow; nothing is sent
    #[command(
        after_help = "Examples:\n  weir preview flows/a.yaml --record record.json\n  weir preview a --raw SO2024001 -c weir.yaml\n  weir preview a --live 3 --lookups rows.yaml --json"
    )]
    Preview(Preview),
    /// Make flow files of printed metadata: JSON, snippets of it, or the article it stands in
    #[command(
        after_help = "Examples:\n  weir import article.txt --out flows\n  weir import source.json target.json --name refunds --out flows   one flow of two files\n  weir import exported/*.json --out flows --json"
    )]
    Import(Import),
    /// Give the metadata of a flow file back as JSON
    #[command(
        after_help = "Examples:\n  weir export flows/refunds.yaml\n  weir export flows/refunds.yaml --side target --out target.json"
    )]
    Export(Export),
    /// Kafka topics
    #[command(subcommand)]
    Topics(Topics),
    /// Flows as they run: list, change, pause, resume, reload
    #[command(subcommand)]
    Flows(Flows),
    /// List the processes: what each runs, how it fares, which partitions it owns
    #[command(after_help = "Examples:\n  weir status -c weir.yaml\n  weir status --json")]
    Status(Project),
    /// Collections: reference rows that flows look up
    #[command(subcommand)]
    Collections(Collections),
    /// Records that wait for a row of a collection
    #[command(subcommand)]
    Wait(Wait),
    /// Dead letters
    #[command(subcommand)]
    Dlq(Dlq),
    /// What Weir knows: systems, APIs, the mapping language, JSON Schemas of its files
    #[command(
        after_help = "Examples:\n  weir describe systems\n  weir describe api jushuitan --json\n  weir describe language --lang zh\n  weir describe schema flow > flow.schema.json"
    )]
    Describe(Describe),
}

/// Which project.
#[derive(Args, Clone, Debug)]
pub struct Project {
    /// The project's file
    #[arg(short, long, default_value = "weir.yaml", env = "WEIR_CONFIG", value_name = "FILE")]
    pub config: PathBuf,
}

/// Options of `weir demo`.
#[derive(Args, Clone, Debug)]
pub struct Demo {
    /// End when every record has come to its end; on a terminal the demo goes on polling otherwise
    #[arg(long)]
    pub once: bool,
    /// Customers that exist at the start
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub customers: u32,
    /// Stock movements that exist at the start
    #[arg(long, default_value_t = 6_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub movements: u32,
    /// Decides the made-up data and its changes
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Where configuration and SQLite files are put; replaced at each start
    #[arg(long, default_value = ".weir/demo", value_name = "FOLDER")]
    pub dir: PathBuf,
}

/// Options of `weir run`.
#[derive(Args, Clone, Debug)]
pub struct Run {
    /// Which stages this process runs
    #[arg(value_enum, default_value_t = Stages::All)]
    pub stages: Stages,
    #[command(flatten)]
    pub project: Project,
    /// Name of this process, stable over restarts; by default the host's name and a free slot
    #[arg(long, env = "WEIR_INSTANCE", value_name = "NAME")]
    pub instance: Option<String>,
}

/// Stages of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Stages {
    /// Polling
    Producers,
    /// Mapping
    Processors,
    /// Delivery
    Sinks,
    /// All three
    All,
}

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

/// `weir topics …`
#[derive(Debug, Subcommand)]
pub enum Topics {
    /// Create missing topics and correct settings; never changes a number of partitions
    #[command(
        after_help = "Examples:\n  weir topics apply -c weir.yaml\n  weir topics apply -c weir.yaml --dry-run\n  weir topics apply -c weir.yaml --patience 120"
    )]
    Apply(TopicsApply),
}

/// Options of `weir topics apply`.
#[derive(Args, Clone, Debug)]
pub struct TopicsApply {
    #[command(flatten)]
    pub project: Project,
    /// Only tell what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// How long a broker that is just starting is waited for
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3_600), value_name = "SECONDS")]
    pub patience: u64,
}

/// `weir flows …`
#[derive(Debug, Subcommand)]
pub enum Flows {
    /// List the flows: newest version, whether the file is that version, state, who runs them
    #[command(after_help = "Examples:\n  weir flows list -c weir.yaml\n  weir flows list --json")]
    List(Project),
    /// Check the project and publish changed flow files as new versions; all processes take them over
    #[command(
        after_help = "Examples:\n  weir flows apply                 all flows whose file was changed\n  weir flows apply orders refunds\n  weir flows apply orders --json"
    )]
    Apply(FlowsApply),
    /// Let a flow stand still in all processes: calls in flight finish, polling goes on, nothing is lost
    #[command(after_help = "Example:\n  weir flows pause orders --reason \"month end\"")]
    Pause(FlowsPause),
    /// Run a paused or halted flow again, with connections and secrets read anew
    #[command(after_help = "Example:\n  weir flows resume orders")]
    Resume(FlowsResume),
    /// Let every process read its own weir.yaml, secrets and flow files anew
    #[command(after_help = "Example:\n  weir flows reload -c weir.yaml")]
    Reload(Project),
}

/// Options of `weir flows apply`.
#[derive(Args, Clone, Debug)]
pub struct FlowsApply {
    #[command(flatten)]
    pub project: Project,
    /// The flows; all of the project when none is named
    #[arg(value_name = "FLOW")]
    pub flows: Vec<String>,
}

/// Options of `weir flows pause`.
#[derive(Args, Clone, Debug)]
pub struct FlowsPause {
    #[command(flatten)]
    pub project: Project,
    /// The flow
    pub flow: String,
    /// Why, for those who see it stand still
    #[arg(long, default_value = "", value_name = "TEXT")]
    pub reason: String,
}

/// Options of `weir flows resume`.
#[derive(Args, Clone, Debug)]
pub struct FlowsResume {
    #[command(flatten)]
    pub project: Project,
    /// The flow
    pub flow: String,
}

/// `weir collections …`
#[derive(Debug, Subcommand)]
pub enum Collections {
    /// List the declared collections: rows, where they come from, who looks them up by what
    #[command(after_help = "Examples:\n  weir collections list -c weir.yaml\n  weir collections list --json")]
    List(Project),
    /// Load rows from a file: CSV with a header, a JSON array, or a JSON object per line, in UTF-8
    #[command(
        after_help = "Examples:\n  weir collections load shops                      the file that weir.yaml names\n  weir collections load shops data/shops.csv\n  weir collections load shops shops.json --replace   and remove the rows that the file lacks"
    )]
    Load(CollectionsLoad),
    /// Show rows
    #[command(
        after_help = "Examples:\n  weir collections get shops S01\n  weir collections get shops --where city=杭州 --where status=1 --json"
    )]
    Get(CollectionsGet),
    /// Remove rows: those named, or all of a collection
    #[command(
        after_help = "Examples:\n  weir collections drop shops S01 S02 --yes\n  weir collections drop shops --yes"
    )]
    Drop(CollectionsDrop),
}

/// Options of `weir collections load`.
#[derive(Args, Clone, Debug)]
pub struct CollectionsLoad {
    #[command(flatten)]
    pub project: Project,
    /// The collection
    pub name: String,
    /// The file; by default the one that weir.yaml names for the collection
    pub file: Option<PathBuf>,
    /// Also remove the rows that the file lacks
    #[arg(long)]
    pub replace: bool,
}

/// Options of `weir collections get`.
#[derive(Args, Clone, Debug)]
pub struct CollectionsGet {
    #[command(flatten)]
    pub project: Project,
    /// The collection
    pub name: String,
    /// Only the row with this id
    pub id: Option<String>,
    /// Only rows whose field has this value; may be given several times
    #[arg(long = "where", value_name = "FIELD=VALUE", value_parser = condition)]
    pub conditions: Vec<(String, String)>,
    /// At most so many, by their ids
    #[arg(long, default_value_t = 100)]
    pub limit: usize,
}

/// Options of `weir collections drop`.
#[derive(Args, Clone, Debug)]
pub struct CollectionsDrop {
    #[command(flatten)]
    pub project: Project,
    /// The collection
    pub name: String,
    /// The rows; all of them when none is named
    pub ids: Vec<String>,
    /// Do it; without this the command only tells what it would remove
    #[arg(long)]
    pub yes: bool,
}

fn condition(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((field, value)) if !field.is_empty() => Ok((field.to_owned(), value.to_owned())),
        _ => Err("write FIELD=VALUE".to_owned()),
    }
}

/// `weir wait …`
#[derive(Debug, Subcommand)]
pub enum Wait {
    /// List what waits for which row, since when and until when, the most awaited row first
    #[command(
        after_help = "Examples:\n  weir wait list -c weir.yaml\n  weir wait list orders --collection shops --reference shop_no=S01\n  weir wait list --json"
    )]
    List(WaitList),
}

/// Options of `weir wait list`.
#[derive(Args, Clone, Debug)]
pub struct WaitList {
    #[command(flatten)]
    pub project: Project,
    /// Only records of this flow
    pub flow: Option<String>,
    /// Only those that wait for a row of this collection
    #[arg(long)]
    pub collection: Option<String>,
    /// Only those that wait for this row, as the list names it
    #[arg(long)]
    pub reference: Option<String>,
    /// At most so many records of each row
    #[arg(long, default_value_t = 20)]
    pub limit: usize,
}

/// `weir dlq …`
#[derive(Debug, Subcommand)]
pub enum Dlq {
    /// List dead letters, grouped by flow or source
    #[command(
        after_help = "Examples:\n  weir dlq list -c weir.yaml\n  weir dlq list jushuitan-customer-to-kingdee --code K-REQUIRED --json"
    )]
    List(DlqList),
    /// Show a dead letter whole: cause, origin, record and document
    #[command(after_help = "Example:\n  weir dlq show jushuitan-customer-to-kingdee 0:17 -c weir.yaml")]
    Show(DlqShow),
}

/// Options of `weir dlq list`.
#[derive(Args, Clone, Debug)]
pub struct DlqList {
    #[command(flatten)]
    pub project: Project,
    /// Only letters of this flow or source
    pub owner: Option<String>,
    /// Only letters with this code
    #[arg(long)]
    pub code: Option<String>,
    /// At most so many, the newest
    #[arg(long, default_value_t = 100)]
    pub limit: usize,
}

/// Options of `weir dlq show`.
#[derive(Args, Clone, Debug)]
pub struct DlqShow {
    #[command(flatten)]
    pub project: Project,
    /// The flow or source
    pub owner: String,
    /// PARTITION:OFFSET as `weir dlq list` prints it, or the record's id or number
    pub letter: String,
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
