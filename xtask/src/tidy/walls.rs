//! The walls between crates, as a table: who may depend on whom, and which crate alone may name an outside one.
//!
//! The table is `ARCHITECTURE.md` in another form. Widening it is a decision to be argued for there.

use super::Violation;
use super::manifest::{Dependency, Manifest, Workspace};

/// Crates that compute and do nothing else: no network, no disk, no clock, no environment.
pub const PURE: [&str; 5] = ["weir-model", "weir-expr", "weir-processors", "weir-cases", "weir-import"];

/// What reaches outside: refused to [`PURE`] crates.
const INPUT_AND_OUTPUT: [&str; 8] =
    ["rdkafka", "reqwest", "sqlx", "axum", "hyper", "tokio", "redb", "rustix"];

/// Our own crates that each of them may build on, from the bottom up. Tests may also use [`FOR_TESTS`].
const LAYERS: [(&str, &[&str]); 20] = [
    ("weir-model", &[]),
    ("weir-expr", &["weir-model"]),
    ("weir-schemas", &["weir-model"]),
    ("weir-clients", &["weir-model"]),
    ("weir-processors", &["weir-model", "weir-expr"]),
    ("weir-import", &["weir-model"]),
    ("weir-cases", &["weir-model", "weir-expr", "weir-processors"]),
    ("weir-kafka", &["weir-model", "weir-schemas"]),
    ("weir-runtime", &["weir-model", "weir-schemas", "weir-kafka"]),
    ("weir-ledger", &["weir-model", "weir-schemas", "weir-kafka", "weir-runtime"]),
    ("weir-producers", &["weir-model", "weir-schemas", "weir-kafka", "weir-runtime", "weir-clients"]),
    ("weir-sinks", &["weir-model", "weir-schemas", "weir-kafka", "weir-runtime", "weir-clients"]),
    // A second reading of the contracts: it must not share a type with the first.
    ("weir-sandbox", &[]),
    ("weir-testkit", &[]),
    (
        "weir-console-api",
        &[
            "weir-model",
            "weir-schemas",
            "weir-kafka",
            "weir-runtime",
            "weir-ledger",
            "weir-producers",
            "weir-sinks",
        ],
    ),
    (
        "weir",
        &[
            "weir-model",
            "weir-expr",
            "weir-schemas",
            "weir-clients",
            "weir-processors",
            "weir-import",
            "weir-cases",
            "weir-kafka",
            "weir-runtime",
            "weir-ledger",
            "weir-producers",
            "weir-sinks",
            "weir-sandbox",
            "weir-console-api",
        ],
    ),
    ("weir-e2e", EVERYTHING),
    ("weir-bench", EVERYTHING),
    ("weir-fuzz", &["weir-model", "weir-expr", "weir-processors", "weir-import", "weir-cases"]),
    ("xtask", &["weir-testkit"]),
];

/// For crates that nothing depends on and that test or measure all others.
const EVERYTHING: &[&str] = &["*"];

/// Counterparts and servers for tests. A client meets the sandbox only over HTTP.
const FOR_TESTS: [&str; 2] = ["weir-sandbox", "weir-testkit"];

/// Outside crates that only some of ours may name, and why.
const KEPT: [(&str, &[&str], &str); 3] = [
    ("rdkafka", &["weir-kafka"], "everything else sees Kafka through weir-kafka"),
    (
        "sqlx",
        &["weir-ledger", "weir-sinks", "weir-e2e", "weir-bench"],
        "only the ledger and the SQL sink speak SQL",
    ),
    (
        "reqwest",
        &["weir-clients", "weir-console-api", "weir-e2e", "weir-bench"],
        "only clients and the console's alerts call out",
    ),
];

/// What keeps `xtask` and the demo command quick to start compiling.
const XTASK_CRATES: [&str; 6] = ["weir-testkit", "anyhow", "clap", "rustix", "signal-hook", "tempfile"];
const TESTKIT_CRATES: [&str; 3] = ["rustix", "tempfile", "thiserror"];

/// Checks every manifest against the table.
pub fn check(workspace: &Workspace, found: &mut Vec<Violation>) {
    for manifest in &workspace.members {
        if !manifest.inherits_lints {
            found.push(Violation::new(&manifest.path, 1, "says nothing of `[lints] workspace = true`"));
        }
        for dependency in &manifest.dependencies {
            for reason in objections(manifest, dependency) {
                found.push(Violation::new(&manifest.path, dependency.line, reason));
            }
        }
    }
    for (name, line) in &workspace.shared_dependencies {
        let used =
            |manifest: &Manifest| manifest.dependencies.iter().any(|dependency| dependency.name == *name);
        if !workspace.members.iter().any(used) {
            found.push(Violation::new(
                "Cargo.toml",
                *line,
                format!("no crate uses the shared dependency `{name}`"),
            ));
        }
    }
    for manifest in &workspace.members {
        if !LAYERS.iter().any(|(name, _)| *name == manifest.package) {
            let message =
                format!("`{}` has no place among the layers; give it one in tidy's table", manifest.package);
            found.push(Violation::new(&manifest.path, 1, message));
        }
    }
}

fn objections(manifest: &Manifest, dependency: &Dependency) -> Vec<String> {
    let (package, name) = (manifest.package.as_str(), dependency.name.as_str());
    let mut reasons = Vec::new();
    if !dependency.inherited {
        reasons.push(format!(
            "the version of `{name}` belongs into the root manifest: `{name}.workspace = true`"
        ));
    }
    if PURE.contains(&package) && INPUT_AND_OUTPUT.contains(&name) {
        reasons.push(format!("`{package}` does no input or output, so it cannot depend on `{name}`"));
    }
    for (kept, holders, reason) in KEPT {
        if name == kept && !holders.contains(&package) {
            reasons.push(format!("`{package}` cannot depend on `{name}`: {reason}"));
        }
    }
    if is_ours(name) && !may_build_on(package, dependency) {
        reasons.push(format!("`{package}` cannot depend on `{name}`: it lies in another layer"));
    }
    let light: Option<&[&str]> = match package {
        "xtask" => Some(&XTASK_CRATES),
        "weir-testkit" => Some(&TESTKIT_CRATES),
        _heavier => None,
    };
    if light.is_some_and(|allowed| !allowed.contains(&name)) {
        reasons.push(format!("`{package}` is compiled before everything else and cannot depend on `{name}`"));
    }
    reasons
}

fn is_ours(name: &str) -> bool {
    LAYERS.iter().any(|(ours, _)| *ours == name)
}

fn may_build_on(package: &str, dependency: &Dependency) -> bool {
    let name = dependency.name.as_str();
    let listed = LAYERS
        .iter()
        .any(|(layer, below)| *layer == package && (below.contains(&name) || *below == EVERYTHING));
    listed || (dependency.for_tests && FOR_TESTS.contains(&name))
}
