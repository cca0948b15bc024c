//! Arguments of `weir dlq …`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Project;

/// `weir dlq …`
#[derive(Debug, Subcommand)]
pub enum Dlq {
    /// List dead letters, the newest last
    #[command(
        after_help = "Examples:\n  weir dlq list\n  weir dlq list jushuitan-customer-to-kingdee --code K-REQUIRED --json\n  weir dlq list --since 2024-05-17 --state all\n  weir dlq list --number TK2402291737 --state all"
    )]
    List(DlqList),
    /// Count dead letters by cause, the most frequent first: what is mended once for all of them
    #[command(
        after_help = "Examples:\n  weir dlq group\n  weir dlq group wdt-refund-to-kingdee-return --since 2024-05-17 --json"
    )]
    Group(DlqGroup),
    /// Show a dead letter whole: what it means, what to do, its record and document, what was done with it
    #[command(
        after_help = "Examples:\n  weir dlq show jushuitan-customer-to-kingdee 0:17\n  weir dlq show wdt-refund-to-kingdee-return TK2402291737 --mask"
    )]
    Show(DlqShow),
    /// Edit the payload of a dead letter; it is kept until `weir dlq replay` sends it
    #[command(
        after_help = "Examples:\n  weir dlq edit orders 0:17 --set customer_no=C018\n  weir dlq edit orders 0:17 --set 'lines[0].price:=9.90' --remove memo\n  weir dlq edit orders TK2402291737 --editor\n  weir dlq edit orders 0:17 --payload record.json --reason 客户编码写错\n\n--set path=TEXT writes text, --set path:=JSON a number or any other value; [*] means every item of a list."
    )]
    Edit(DlqEdit),
    /// Send dead letters into their flow again, as they are or mended by a rule
    #[command(
        after_help = "Examples:\n  weir dlq replay orders 0:17                          one letter, also one that is not open\n  weir dlq replay orders --cause 3f9a0c11 --dry-run    how many, and nothing else\n  weir dlq replay orders --cause 3f9a0c11 --set customer_no=C018 --yes --watch\n  weir dlq replay orders --code K-REFERENCE --since 2024-05-17 --rule rule.json\n  weir dlq replay orders --all --yes --json"
    )]
    Replay(DlqReplay),
    /// Give dead letters up, for a reason that is kept
    #[command(
        after_help = "Examples:\n  weir dlq drop orders 0:17 --reason 测试订单\n  weir dlq drop orders --cause 3f9a0c11 --reason 'entered by hand' --yes"
    )]
    Drop(DlqDrop),
    /// Tell who did what with dead letters, when and why
    #[command(
        after_help = "Examples:\n  weir dlq history\n  weir dlq history orders\n  weir dlq history orders 0:17 --json"
    )]
    History(DlqHistory),
}

/// Which letters are meant.
#[derive(Args, Clone, Debug, Default)]
pub struct DlqFilter {
    /// Only letters with this code
    #[arg(long)]
    pub code: Option<String>,
    /// Only letters of this cause, as `weir dlq group` names it
    #[arg(long, value_name = "ID")]
    pub cause: Option<String>,
    /// Only letters from this time on: 2024-05-17, 2024-05-17T08:30, or RFC 3339
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only letters before this time
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Only letters of the record with this id, number or business key
    #[arg(long)]
    pub number: Option<String>,
    /// Only letters that were refused here
    #[arg(long, value_enum)]
    pub stage: Option<DlqStage>,
    /// Only letters whose message holds this text
    #[arg(long)]
    pub text: Option<String>,
}

/// Where a record was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DlqStage {
    /// An answer that never became a record
    Producer,
    /// By the mapping
    Processor,
    /// By the target
    Sink,
}

/// How letters stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DlqState {
    /// Nothing was done about them
    Open,
    /// Sent again, and no answer yet
    Resent,
    /// Their records came to their end since
    Solved,
    /// Given up by a person
    GivenUp,
    /// A newer letter of the same record took their place
    FailedAgain,
    /// All of them
    All,
}

/// Options of `weir dlq list`.
#[derive(Args, Clone, Debug)]
pub struct DlqList {
    #[command(flatten)]
    pub project: Project,
    /// Only letters of this flow or source
    pub owner: Option<String>,
    #[command(flatten)]
    pub filter: DlqFilter,
    /// How the letters stand
    #[arg(long, value_enum, default_value_t = DlqState::Open)]
    pub state: DlqState,
    /// Mask names, telephone numbers and addresses (privacy.mask of weir.yaml)
    #[arg(long)]
    pub mask: bool,
    /// At most so many, the newest
    #[arg(long, default_value_t = 100)]
    pub limit: usize,
    /// Leave out so many of the newest: the page before
    #[arg(long, default_value_t = 0)]
    pub skip: usize,
}

/// Options of `weir dlq group`.
#[derive(Args, Clone, Debug)]
pub struct DlqGroup {
    #[command(flatten)]
    pub project: Project,
    /// Only letters of this flow or source
    pub owner: Option<String>,
    #[command(flatten)]
    pub filter: DlqFilter,
    /// How the letters stand
    #[arg(long, value_enum, default_value_t = DlqState::Open)]
    pub state: DlqState,
    /// Mask names, telephone numbers and addresses (privacy.mask of weir.yaml)
    #[arg(long)]
    pub mask: bool,
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
    /// Mask names, telephone numbers and addresses (privacy.mask of weir.yaml)
    #[arg(long)]
    pub mask: bool,
}

/// A rule that changes payloads.
#[derive(Args, Clone, Debug, Default)]
pub struct DlqRule {
    /// Write a text (path=TEXT) or any JSON value (path:=JSON)
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// Take a value away
    #[arg(long, value_name = "PATH")]
    pub remove: Vec<String>,
    /// Replace a part of a text
    #[arg(long, value_name = "PATH=FROM=>TO")]
    pub replace: Vec<String>,
    /// Give a key another name
    #[arg(long, value_name = "PATH=NAME")]
    pub rename: Vec<String>,
    /// A file with the rule: a JSON list such as [{"path": "a.b", "set": 1}]
    #[arg(long, value_name = "FILE")]
    pub rule: Option<PathBuf>,
}

/// Who does something, and why.
#[derive(Args, Clone, Debug, Default)]
pub struct DlqPerson {
    /// Who does it; by default the user of the system
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// Answer the question with yes
    #[arg(long, short)]
    pub yes: bool,
}

/// Options of `weir dlq edit`.
#[derive(Args, Clone, Debug)]
pub struct DlqEdit {
    #[command(flatten)]
    pub project: Project,
    /// The flow
    pub owner: String,
    /// PARTITION:OFFSET as `weir dlq list` prints it, or the record's id or number
    pub letter: String,
    #[command(flatten)]
    pub change: DlqRule,
    /// Open the payload in the program that EDITOR names
    #[arg(long, conflicts_with_all = ["set", "remove", "replace", "rename", "rule"])]
    pub editor: bool,
    /// Take the payload from a file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["set", "remove", "replace", "rename", "rule", "editor"])]
    pub payload: Option<PathBuf>,
    /// Why
    #[arg(long, default_value = "", hide_default_value = true)]
    pub reason: String,
    /// Mask names, telephone numbers and addresses (privacy.mask of weir.yaml)
    #[arg(long)]
    pub mask: bool,
    #[command(flatten)]
    pub person: DlqPerson,
}

/// Options of `weir dlq replay`.
#[derive(Args, Clone, Debug)]
pub struct DlqReplay {
    #[command(flatten)]
    pub project: Project,
    /// The flow
    pub owner: String,
    /// PARTITION:OFFSET as `weir dlq list` prints it, or the record's id or number
    pub letters: Vec<String>,
    #[command(flatten)]
    pub filter: DlqFilter,
    /// All open letters of the flow
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    pub change: DlqRule,
    /// Why
    #[arg(long, default_value = "", hide_default_value = true)]
    pub reason: String,
    /// Tell what would be sent, and send nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Wait until all of them have an answer
    #[arg(long)]
    pub watch: bool,
    /// Mask names, telephone numbers and addresses (privacy.mask of weir.yaml)
    #[arg(long)]
    pub mask: bool,
    #[command(flatten)]
    pub person: DlqPerson,
}

/// Options of `weir dlq drop`.
#[derive(Args, Clone, Debug)]
pub struct DlqDrop {
    #[command(flatten)]
    pub project: Project,
    /// The flow or source
    pub owner: String,
    /// PARTITION:OFFSET as `weir dlq list` prints it, or the record's id or number
    pub letters: Vec<String>,
    #[command(flatten)]
    pub filter: DlqFilter,
    /// All open letters of the flow or source
    #[arg(long)]
    pub all: bool,
    /// Why nothing more is to come of them
    #[arg(long)]
    pub reason: String,
    #[command(flatten)]
    pub person: DlqPerson,
}

/// Options of `weir dlq history`.
#[derive(Args, Clone, Debug)]
pub struct DlqHistory {
    #[command(flatten)]
    pub project: Project,
    /// Only what was done with letters of this flow or source
    pub owner: Option<String>,
    /// Only what was done with this letter: PARTITION:OFFSET, or the record's id or number
    pub letter: Option<String>,
    /// At most so many entries, the newest
    #[arg(long, default_value_t = 50)]
    pub limit: u32,
}
