//! The command line: the commands here, the arguments of each group in a file of its own.

mod collections;
mod coverage;
mod diff;
mod dlq;
mod files;
mod flows;
mod jobs;
mod ledger;
mod reconcile;
mod run;
mod topics;
mod trace;
mod wait;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use self::{
    collections::{Collections, CollectionsDrop, CollectionsGet, CollectionsLoad},
    coverage::{Backfill, Coverage},
    diff::Diff,
    dlq::{
        Dlq, DlqDrop, DlqEdit, DlqFilter, DlqGroup, DlqHistory, DlqList, DlqPerson, DlqReplay, DlqRule,
        DlqShow, DlqStage, DlqState,
    },
    files::{Check, Describe, Export, Import, Preview, Side, TestFlows, Topic},
    flows::{Flows, FlowsApply, FlowsPause, FlowsResume},
    jobs::{Jobs, JobsCancel, JobsList, JobsOne, Replay},
    ledger::{Ledger, LedgerRebuild},
    reconcile::{By, Reconcile},
    run::{Demo, Run, Stages},
    topics::{Topics, TopicsApply},
    trace::Trace,
    wait::{Wait, WaitList},
};

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
    /// Show which documents and fields a changed flow file would change, by records that were polled already
    #[command(
        after_help = "Examples:\n  weir diff orders --against orders.new.yaml -c weir.yaml\n  weir diff orders --against orders.new.yaml --since -7d --list\n  weir diff orders --against flows/orders.yaml --from 3 --json"
    )]
    Diff(Diff),
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
    /// Compare a day at the source with the target: records, pieces and money, and what differs
    #[command(
        after_help = "Examples:\n  weir reconcile refunds --day 2024-01-14\n  weir reconcile refunds --day 2024-01-01 --until 2024-01-31 --by shop --json\n  weir reconcile refunds --day 2024-01-14 --fix            mend what is missing or different\n  weir reconcile refunds --day 2024-01-14 --without-source   ask the target only\n\nExit code 1 when something differs."
    )]
    Reconcile(Reconcile),
    /// Show what was read of a source: the map of time, its holes, late records, how far the look-back reaches
    #[command(
        after_help = "Examples:\n  weir coverage wdt-refunds -c weir.yaml\n  weir coverage wdt-refunds --since 2024-01-01\n  weir coverage wdt-refunds --json"
    )]
    Coverage(Coverage),
    /// Read a stretch of the past from a source, or the holes of its coverage, beside the live flow
    #[command(
        after_help = "Examples:\n  weir backfill wdt-refunds --from 2023-01-01 --until 2024-01-01 --dry-run\n  weir backfill wdt-refunds --from 2023-01-01 --until 2024-01-01\n  weir backfill wdt-refunds --holes\n  weir backfill wdt-refunds --from 2024-01-01 --detach --json"
    )]
    Backfill(Backfill),
    /// Dead letters
    #[command(subcommand)]
    Dlq(Box<Dlq>),
    /// Map the records of a stretch of time once more, beside the live flow; what is unchanged is not written again
    #[command(
        after_help = "Examples:\n  weir replay orders --since 2024-01-01 --dry-run\n  weir replay orders --since \"2024-01-31 09:00:00\" --until 2024-02-01\n  weir replay orders --since 2024-01-01 --only SO240101,SO240102\n  weir replay orders --since 2024-01-01 --detach --json"
    )]
    Replay(Replay),
    /// Jobs: list, show, watch, cancel
    #[command(subcommand)]
    Jobs(Jobs),
    /// Tell the life of an order, refund, customer …, found by any of its numbers
    #[command(
        after_help = "Examples:\n  weir trace TK2402291737 -c weir.yaml\n  weir trace TK2402291737 T202402290009 --flow wdt-refund-to-kingdee-return\n  weir trace XSTHD000123 --payload --mask\n  weir trace TK2402291737 --json\n\nExit code 1: a number is not known; what was searched and what to try is told."
    )]
    Trace(Trace),
    /// The ledger: tables made of the topics, from which trace, dlq, coverage and reconcile answer
    #[command(subcommand)]
    Ledger(Ledger),
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
