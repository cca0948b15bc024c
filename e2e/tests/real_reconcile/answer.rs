//! What the program answers, and how it ends.

use std::process::{Command, Output};

use serde_json::Value;
use weir_sandbox::Options;

use crate::{process::program, stand::Stand};

/// An answer of `weir reconcile --json` with the exit code.
pub struct Answer {
    pub code: i32,
    pub json: Value,
}

/// Few records within two days, so that each day has some.
pub fn options() -> Options {
    Options {
        seed: 11,
        customers: 4,
        movements: 8,
        orders: 4,
        companies: 3,
        refunds: 40,
        span_seconds: 2 * 86_400,
        ..Options::default()
    }
}

/// Compares the days of a flow from `day` on.
pub fn reconcile(stand: &Stand, flow: &str, days: (&str, &str), more: &[&str]) -> Answer {
    let Output { status, stdout, stderr } = Command::new(program())
        .args(["reconcile", flow, "--day", days.0, "--until", days.1, "--json", "--config"])
        .arg(&stand.project)
        .args(more)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&stderr);
    let json = serde_json::from_slice(&stdout)
        .unwrap_or_else(|error| panic!("weir reconcile {flow} {more:?}: {status}: {error}: {told}"));
    Answer { code: status.code().unwrap(), json }
}

impl Answer {
    /// The differences of these kinds, as `number kind`, sorted.
    pub fn differences(&self, but: &[&str]) -> Vec<String> {
        let kind = |one: &Value| one["kind"].as_str().unwrap().to_owned();
        let listed = self.json["differences"].as_array().unwrap().iter();
        let mut told: Vec<String> = listed
            .filter(|one| !but.contains(&kind(one).as_str()))
            .map(|one| format!("{} {}", one["number"].as_str().unwrap(), kind(one)))
            .collect();
        told.sort();
        told
    }

    /// The numbers that the fix says it mended, sorted.
    pub fn mended(&self) -> Vec<String> {
        let listed = self.json["fix"]["mended"].as_array().unwrap().iter();
        let mut told: Vec<String> = listed.map(|one| one["number"].as_str().unwrap().to_owned()).collect();
        told.sort();
        told
    }

    /// A sum over all days: the side, and what of it.
    pub fn total(&self, side: &str) -> u64 {
        let lines = self.json["lines"].as_array().unwrap();
        lines.iter().filter_map(|line| line[side]["records"].as_u64()).sum()
    }
}
