//! Arguments of `weir collections …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Project;

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
