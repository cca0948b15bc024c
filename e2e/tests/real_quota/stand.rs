//! A sandbox with a limit, topics of the test's own, and a project whose two sources have more to read than the test lasts.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;
use tokio::runtime::Runtime;
use weir_kafka::{Cluster, Settings};
use weir_sandbox::{Options, Running, Sandbox};

use crate::{
    process::{Weir, program},
    servers::{address, remove_topics},
};

/// Calls of a minute that the account may make, as the sandbox counts and as the project says.
pub const PER_MINUTE: u32 = 60;
/// The account.
const SID: &str = "demo-sid";
/// Read one a page, these are more pages than the test lasts minutes times the limit.
const REFUNDS: u32 = 1_200;

const FLOW: &str = include_str!("../../../flows/wdt-refund-to-kingdee-return.yaml");
/// The sources, each with a flow of its own.
pub const SOURCES: [&str; 2] = ["refunds-first", "refunds-second"];

/// The system; everything of it ends and goes when this value is dropped.
pub struct Stand {
    project: PathBuf,
    cluster: Cluster,
    prefix: String,
    running: Running,
    _folder: TempDir,
    // Last, because the sandbox is served by it.
    _runtime: Runtime,
}

impl Stand {
    /// Puts the system together and creates its topics.
    pub fn new() -> Self {
        let kafka = address("WEIR_KAFKA", "127.0.0.1:9092");
        let mut options = Options { refunds: REFUNDS, ..Options::default() };
        options.wangdiantong.calls_per_minute = Some(PER_MINUTE);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let running = runtime.block_on(Sandbox::start(options, "127.0.0.1:0")).unwrap();
        let prefix = format!("e2e-{}-quota", std::process::id());
        let folder = tempfile::tempdir().unwrap();
        let project = write_project(folder.path(), &kafka, &prefix, &running.base_url());
        let cluster = Cluster::remote(Settings::plaintext(kafka)).unwrap();
        let stand = Self { project, cluster, prefix, running, _folder: folder, _runtime: runtime };
        let mut apply = Command::new(program());
        let applied = apply.args(["topics", "apply", "--config"]).arg(&stand.project).output().unwrap();
        assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
        stand
    }

    /// Starts a process that polls.
    pub fn start(&self, instance: &str) -> Weir {
        Weir::start(&self.project, "producers", instance)
    }

    /// Calls that the sandbox counted in each minute since the first.
    pub fn calls_by_minute(&self) -> Vec<u64> {
        let state = self.running.handle().state().wangdiantong;
        state.calls_by_minute.get(SID).cloned().unwrap_or_default()
    }

    /// Calls that the sandbox refused because of its limit.
    pub fn refused(&self) -> u64 {
        self.running.handle().state().wangdiantong.throttled.values().sum()
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        remove_topics(&self.cluster, &self.prefix);
    }
}

fn write_project(folder: &Path, kafka: &str, prefix: &str, sandbox: &str) -> PathBuf {
    let flows = folder.join("flows");
    fs::create_dir(&flows).unwrap();
    for source in SOURCES {
        let changes = [
            ("flow: wdt-refund-to-kingdee-return\n", format!("flow: {source}-to-kingdee\n")),
            ("  name: wdt-refunds\n", format!("  name: {source}\n")),
            ("    pagination: {pageSize: 40}\n", "    pagination: {pageSize: 1}\n".to_owned()),
        ];
        let flow = changes.iter().fold(FLOW.to_owned(), |text, (from, to)| {
            assert!(text.contains(from), "{from:?} stands in the flow no more");
            text.replace(from, to)
        });
        fs::write(flows.join(format!("{source}.yaml")), flow).unwrap();
    }
    let file = folder.join("weir.yaml");
    let text = format!(
        "version: 1\n\
         kafka: {{brokers: '{kafka}', prefix: {prefix}}}\n\
         connections:\n\
         \x20 wangdiantong-enterprise:\n\
         \x20   system: wangdiantong-enterprise\n\
         \x20   base_url: {sandbox}/openapi2/\n\
         \x20   sid: {SID}\n\
         \x20   app_key: demo-app\n\
         \x20   app_secret: demo-secret\n\
         \x20   calls_per_minute: {PER_MINUTE}\n\
         \x20 kingdee-galaxy:\n\
         \x20   system: kingdee-galaxy\n\
         \x20   base_url: {sandbox}/k3cloud/\n\
         \x20   account_id: 65f0c0ffee0001\n\
         \x20   user_name: integration\n\
         \x20   app_id: 200001_c2FuZGJveC1hcHAtc2VlZC0yNGJ5dGVz\n\
         \x20   app_secret: 0123456789abcdef0123456789abcdef\n\
         collections: {{shops: {{key: [shop_no]}}}}\n\
         flows: [flows]\n\
         state_dir: state\n"
    );
    fs::write(&file, text).unwrap();
    file
}
