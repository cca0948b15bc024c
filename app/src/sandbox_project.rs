//! The demo's project: the repository's own flows, pointed at a sandbox and at SQLite, written to a folder that people
//! can look into.

use std::path::{Path, PathBuf};

use crate::exit::Failure;

/// The flows of the seeds, as they are run in production.
const FLOWS: [(&str, &str); 2] = [
    ("jushuitan-customer-to-kingdee.yaml", include_str!("../../flows/jushuitan-customer-to-kingdee.yaml")),
    ("jushuitan-sku-sn-to-mysql.yaml", include_str!("../../flows/jushuitan-sku-sn-to-mysql.yaml")),
];

/// What the demo changes in a flow: it polls all the time, trusts its own clock, and needs no server.
const CHANGES: [(&str, &str); 4] = [
    ("    every: 60s\n", "    every: 1s\n"),
    ("    settle_lag: 60s\n", "    settle_lag: 3s\n"),
    ("    look_back: 5m\n", "    look_back: 30s\n"),
    ("  system: mysql\n", "  system: sqlite\n"),
];

/// Writes the project into `folder`, which is made anew; gives the path of its `weir.yaml`.
pub fn write(folder: &Path, sandbox_url: &str) -> Result<PathBuf, Failure> {
    let failed = |error: &std::io::Error| {
        Failure::environment(&format!("write the demo's files to {}", folder.display()), error)
    };
    let flows = folder.join("flows");
    for leftover in ["flows", "state"] {
        match std::fs::remove_dir_all(folder.join(leftover)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(&error)),
            _ => {}
        }
    }
    for leftover in ["demo.sqlite", "demo.sqlite-wal", "demo.sqlite-shm"] {
        match std::fs::remove_file(folder.join(leftover)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(&error)),
            _ => {}
        }
    }
    std::fs::create_dir_all(&flows).map_err(|error| failed(&error))?;
    for (name, text) in FLOWS {
        std::fs::write(flows.join(name), adapted(text)).map_err(|error| failed(&error))?;
    }
    let file = folder.join("weir.yaml");
    let database = std::path::absolute(folder).map_err(|error| failed(&error))?.join("demo.sqlite");
    std::fs::write(&file, project(sandbox_url, &database)).map_err(|error| failed(&error))?;
    Ok(file)
}

fn adapted(flow: &str) -> String {
    CHANGES.iter().fold(flow.to_owned(), |text, (from, to)| text.replace(from, to))
}

fn project(sandbox_url: &str, database: &Path) -> String {
    format!(
        "# Written by `weir demo`, which replaces it at each start. The sandbox and the broker live inside the demo's process.\n\
         version: 1\n\
         kafka: {{brokers: \"in-process\"}}\n\
         connections:\n\
         \x20 jushuitan:\n\
         \x20   system: jushuitan\n\
         \x20   base_url: {sandbox_url}\n\
         \x20   app_key: demo-key\n\
         \x20   app_secret: demo-secret\n\
         \x20   access_token: demo-token\n\
         \x20   refresh_token: demo-refresh\n\
         \x20   calls_per_second: 40\n\
         \x20   calls_per_minute: 2000\n\
         \x20 kingdee-galaxy:\n\
         \x20   system: kingdee-galaxy\n\
         \x20   base_url: {sandbox_url}/k3cloud/\n\
         \x20   account_id: 65f0c0ffee0001\n\
         \x20   user_name: integration\n\
         \x20   app_id: 200001_c2FuZGJveC1hcHAtc2VlZC0yNGJ5dGVz\n\
         \x20   app_secret: 0123456789abcdef0123456789abcdef\n\
         \x20 sqlite:\n\
         \x20   system: sqlite\n\
         \x20   path: {database}\n\
         seal_key: only-for-the-sandbox\n\
         flows: [flows]\n\
         state_dir: state\n",
        database = serde_json::Value::String(database.display().to_string()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Project;

    #[test]
    fn the_demo_changes_just_what_it_says() {
        for (from, _) in CHANGES {
            assert!(FLOWS.iter().any(|(_, text)| text.contains(from)), "{from:?} stands in no flow any more");
        }
    }

    #[test]
    fn the_demo_project_has_no_errors() {
        let folder = tempfile::tempdir().unwrap();
        let file = write(folder.path(), "http://127.0.0.1:1").unwrap();
        let (project, problems) = Project::load(&file);
        assert!(problems.list().is_empty(), "{:?}", problems.list());
        assert_eq!(project.unwrap().flows.len(), 2);
    }
}
