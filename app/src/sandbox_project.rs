//! The demo's project: the repository's own flows, pointed at a sandbox and at SQLite, written to a folder that people
//! can look into.

use std::path::{Path, PathBuf};

use crate::exit::Failure;

/// The flows of the seeds as they are run in production, and the one that brings the customers for the orders of OKKI.
const FLOWS: [(&str, &str); 6] = [
    ("jushuitan-customer-to-kingdee.yaml", include_str!("../../flows/jushuitan-customer-to-kingdee.yaml")),
    ("jushuitan-sku-sn-to-mysql.yaml", include_str!("../../flows/jushuitan-sku-sn-to-mysql.yaml")),
    ("okki-companies.yaml", include_str!("../../flows/okki-companies.yaml")),
    ("okki-order-to-k3wise.yaml", include_str!("../../flows/okki-order-to-k3wise.yaml")),
    ("wdt-aftersales-to-mysql.yaml", include_str!("../../flows/wdt-aftersales-to-mysql.yaml")),
    ("wdt-refund-to-kingdee-return.yaml", include_str!("../../flows/wdt-refund-to-kingdee-return.yaml")),
];

/// The collection that no flow fills, and its rows.
pub const SHOPS: &str = "shops";
const SHOPS_ROWS: &str = include_str!("../../examples/data/shops.csv");

/// What the demo changes in a flow: it polls all the time, trusts its own clock, and needs no server.
const CHANGES: [(&str, &str); 5] = [
    ("    every: 60s\n", "    every: 1s\n"),
    ("  poll: {every: 5m,", "  poll: {every: 2s,"),
    ("    settle_lag: 60s\n", "    settle_lag: 3s\n"),
    ("    look_back: 5m\n", "    look_back: 30s\n"),
    ("  system: mysql\n", "  system: sqlite\n"),
];

/// Writes the project into `folder`, which is made anew; gives the path of its `weir.yaml`. `brokers` is where the demo's
/// broker listens, so that other commands find it while the demo runs.
pub fn write(folder: &Path, sandbox_url: &str, brokers: &str) -> Result<PathBuf, Failure> {
    let failed = |error: &std::io::Error| {
        Failure::environment(&format!("write the demo's files to {}", folder.display()), error)
    };
    let flows = folder.join("flows");
    for leftover in ["flows", "ledger", "state"] {
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
    std::fs::write(folder.join("shops.csv"), SHOPS_ROWS).map_err(|error| failed(&error))?;
    let file = folder.join("weir.yaml");
    let database = std::path::absolute(folder).map_err(|error| failed(&error))?.join("demo.sqlite");
    std::fs::write(&file, project(sandbox_url, brokers, &database)).map_err(|error| failed(&error))?;
    Ok(file)
}

fn adapted(flow: &str) -> String {
    CHANGES.iter().fold(flow.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// The credentials are the sandbox's own; what limits it would otherwise keep to would make the demo a long one.
fn project(sandbox_url: &str, brokers: &str, database: &Path) -> String {
    format!(
        "# Written by `weir demo`, which replaces it at each start. The sandbox and the broker live inside the demo's process.\n\
         version: 1\n\
         kafka: {{brokers: \"{brokers}\"}}\n\
         connections:\n\
         {sources}\
         {targets}\
         \x20 sqlite:\n\
         \x20   system: sqlite\n\
         \x20   path: {database}\n\
         collections:\n\
         \x20 shops: {{key: [shop_no], file: shops.csv}}\n\
         \x20 okki-companies: {{key: [company_id]}}\n\
         seal_key: only-for-the-sandbox\n\
         ledger: {{folder: ledger}}\n\
         flows: [flows]\n\
         state_dir: state\n",
        sources = sources(sandbox_url),
        targets = targets(sandbox_url),
        database = serde_json::Value::String(database.display().to_string()),
    )
}

fn sources(sandbox_url: &str) -> String {
    format!(
        "\x20 jushuitan:\n\
         \x20   system: jushuitan\n\
         \x20   base_url: {sandbox_url}\n\
         \x20   app_key: demo-key\n\
         \x20   app_secret: demo-secret\n\
         \x20   access_token: demo-token\n\
         \x20   refresh_token: demo-refresh\n\
         \x20   calls_per_second: 40\n\
         \x20   calls_per_minute: 2000\n\
         \x20 wangdiantong-enterprise:\n\
         \x20   system: wangdiantong-enterprise\n\
         \x20   base_url: {sandbox_url}/openapi2/\n\
         \x20   sid: demo-sid\n\
         \x20   app_key: demo-app\n\
         \x20   app_secret: demo-secret\n\
         \x20   calls_per_minute: 2000\n\
         \x20 wangdiantong-flagship:\n\
         \x20   system: wangdiantong-flagship\n\
         \x20   base_url: {sandbox_url}/openapi\n\
         \x20   sid: demo3\n\
         \x20   app_key: demo3-app\n\
         \x20   app_secret: demosecret:demosalt\n\
         \x20   calls_per_minute: 2000\n\
         \x20 xiaoman-okki:\n\
         \x20   system: xiaoman-okki\n\
         \x20   base_url: {sandbox_url}\n\
         \x20   client_id: demo-client\n\
         \x20   client_secret: demo-secret\n\
         \x20   calls_per_second: 100\n"
    )
}

fn targets(sandbox_url: &str) -> String {
    format!(
        "\x20 kingdee-galaxy:\n\
         \x20   system: kingdee-galaxy\n\
         \x20   base_url: {sandbox_url}/k3cloud/\n\
         \x20   account_id: 65f0c0ffee0001\n\
         \x20   user_name: integration\n\
         \x20   app_id: 200001_c2FuZGJveC1hcHAtc2VlZC0yNGJ5dGVz\n\
         \x20   app_secret: 0123456789abcdef0123456789abcdef\n\
         \x20 kingdee-k3wise:\n\
         \x20   system: kingdee-k3wise\n\
         \x20   base_url: {sandbox_url}/K3API/\n\
         \x20   authority_code: 4f1c0a6b8e2d4c7f9a3b5d6e7f8091a2b3c4d5e6f7081920\n"
    )
}

#[cfg(test)]
mod tests {
    use weir_model::settings::Severity;

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
        let file = write(folder.path(), "http://127.0.0.1:1", "127.0.0.1:2").unwrap();
        let (project, problems) = Project::load(&file);
        let errors = problems.list().iter().filter(|problem| problem.severity == Severity::Error);
        assert_eq!(errors.count(), 0, "{:?}", problems.list());
        assert_eq!(project.unwrap().flows.len(), FLOWS.len());
    }
}
