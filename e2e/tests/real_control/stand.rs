//! A sandbox whose data grows all the time, a database, and a project of one flow that the tests change.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;
use tokio::runtime::Runtime;
use weir_kafka::{Cluster, Settings};
use weir_runtime::{control, stage::StageError, topics::Topics};
use weir_sandbox::{Change, Handle, Options, Running, Sandbox};
use weir_schemas::{Codec, Control};

use crate::{
    database::Database,
    process::{Weir, program},
    servers::{address, remove_topics},
};

/// The flow into MySQL.
pub const MOVEMENTS: &str = "jushuitan-sku-sn-to-mysql";
/// The flow into Kingdee.
pub const CUSTOMERS: &str = "jushuitan-customer-to-kingdee";
/// Records that exist at the start.
pub const AT_START: u32 = 300;
/// Of so many pages that are read, about one adds a record: the data grows as long as it is polled.
const GROWTH: Change = Change { rate: 0.5, limit: 1_000_000, late_by_seconds: 1 };

const MOVEMENTS_FLOW: &str = include_str!("../../../flows/jushuitan-sku-sn-to-mysql.yaml");
const CUSTOMERS_FLOW: &str = include_str!("../../../flows/jushuitan-customer-to-kingdee.yaml");

/// What a test changes in a flow: it polls all the time and trusts the sandbox's clock, which is its own.
const QUICK: [(&str, &str); 3] = [
    ("    every: 60s\n", "    every: 1s\n"),
    ("    settle_lag: 60s\n", "    settle_lag: 3s\n"),
    ("    look_back: 5m\n", "    look_back: 30s\n"),
];

/// Where the mapping of the movements takes the remark from.
const REMARK: &str = "value: \"{remark}\"";

/// The text of the movements' flow, whose rows show by their remark which text made them.
pub fn movements(remark: &str) -> String {
    changed(MOVEMENTS_FLOW, &QUICK).replace(REMARK, &format!("value: \"{remark}\""))
}

/// The text of the customers' flow.
pub fn customers() -> String {
    changed(CUSTOMERS_FLOW, &QUICK)
}

fn changed(flow: &str, changes: &[(&str, &str)]) -> String {
    assert!(MOVEMENTS_FLOW.contains(REMARK), "{REMARK:?} stands in the flow no more");
    changes.iter().fold(flow.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from:?} stands in the flow no more");
        text.replace(from, to)
    })
}

/// The system; everything of it ends and goes when this value is dropped.
pub struct Stand {
    pub sandbox: Handle,
    database: Database,
    project: PathBuf,
    cluster: Cluster,
    prefix: String,
    _running: Running,
    folder: TempDir,
    // Last, because the others are served by it.
    _runtime: Runtime,
}

impl Stand {
    /// Puts the system together with one flow and creates its topics.
    pub fn new(name: &str, flow: &str, text: &str) -> Self {
        let kafka = address("WEIR_KAFKA", "127.0.0.1:9092");
        let mysql = address("WEIR_MYSQL", "mysql://user:password@127.0.0.1:3306");
        let mut options =
            Options { customers: AT_START, movements: AT_START, change: GROWTH, ..Options::default() };
        options.jushuitan.quota = None;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let running = runtime.block_on(Sandbox::start(options, "127.0.0.1:0")).unwrap();
        let process = std::process::id();
        let database =
            Database::create(runtime.handle().clone(), &mysql, &format!("weir_e2e_{process}_{name}"));
        let prefix = format!("e2e-{process}-{name}");
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("flows")).unwrap();
        let project = folder.path().join("weir.yaml");
        fs::write(&project, configuration(&kafka, &prefix, &running.base_url(), &database)).unwrap();
        fs::write(folder.path().join("jushuitan.secret"), JUSHUITAN_SECRET).unwrap();
        fs::write(folder.path().join("kingdee.secret"), KINGDEE_SECRET).unwrap();
        let stand = Self {
            sandbox: running.handle(),
            database,
            project,
            cluster: Cluster::remote(Settings::plaintext(kafka)).unwrap(),
            prefix,
            _running: running,
            folder,
            _runtime: runtime,
        };
        stand.write_flow(flow, text);
        stand.command(&["topics", "apply"]);
        stand
    }

    /// A file or folder of the project.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces the file of a flow.
    pub fn write_flow(&self, flow: &str, text: &str) {
        fs::write(self.path("flows").join(format!("{flow}.yaml")), text).unwrap();
    }

    /// Starts a process that runs stages.
    pub fn start(&self, stages: &str, instance: &str) -> Weir {
        Weir::start(&self.project, stages, instance)
    }

    /// Runs a command of `weir` to its end.
    pub fn try_command(&self, arguments: &[&str], project: &Path) -> Output {
        Command::new(program()).args(arguments).arg("--config").arg(project).output().unwrap()
    }

    /// Runs a command of `weir` that must go well; gives what it printed.
    pub fn command(&self, arguments: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.try_command(arguments, &self.project);
        assert!(status.success(), "weir {arguments:?}: {status}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap()
    }

    /// Writes an entry into `weir.control` past every check.
    pub fn slip_in(&self, entry: &Control) {
        let entry = || Ok::<_, StageError>(vec![entry.clone()]);
        control::change(&self.cluster, &self.topics(), &Codec::single_object(), |_| entry()).unwrap();
    }

    /// Records that were polled so far, markers of transactions not counted.
    pub fn polled(&self) -> usize {
        let raw = self.topics().raw(&"jushuitan-sku-sn-movements".into());
        let mut count = 0;
        for partition in 0..6 {
            let partition = weir_kafka::TopicPartition::new(raw.as_str(), partition);
            let (start, isolation) = (weir_kafka::StartOffset::Beginning, weir_kafka::Isolation::Committed);
            weir_kafka::reader::read_to_end(&self.cluster, &partition, start, isolation, |_| {
                count += 1;
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
        }
        count
    }

    /// The remarks of the movements in the database.
    pub fn remarks(&self) -> Vec<String> {
        let rows = self.database.rows("jst_sku_sn_movement", &["remark"]);
        rows.into_iter().map(|row| row[0].clone().unwrap_or_default()).collect()
    }

    fn topics(&self) -> Topics {
        Topics::new(&self.prefix)
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        remove_topics(&self.cluster, &self.prefix);
    }
}

/// The secret that Jushuitan's sandbox takes.
pub const JUSHUITAN_SECRET: &str = "demo-secret";
/// The secret that Kingdee's sandbox takes.
pub const KINGDEE_SECRET: &str = "0123456789abcdef0123456789abcdef";

fn configuration(kafka: &str, prefix: &str, sandbox: &str, database: &Database) -> String {
    let (mysql, state_schema) = (database.url(), database.state_schema());
    format!(
        "version: 1\n\
         kafka: {{brokers: '{kafka}', prefix: {prefix}}}\n\
         connections:\n\
         \x20 jushuitan:\n\
         \x20   system: jushuitan\n\
         \x20   base_url: {sandbox}\n\
         \x20   app_key: demo-key\n\
         \x20   app_secret: '${{file:jushuitan.secret}}'\n\
         \x20   access_token: demo-token\n\
         \x20   calls_per_second: 40\n\
         \x20   calls_per_minute: 2000\n\
         \x20 kingdee-galaxy:\n\
         \x20   system: kingdee-galaxy\n\
         \x20   base_url: {sandbox}/k3cloud/\n\
         \x20   account_id: 65f0c0ffee0001\n\
         \x20   user_name: integration\n\
         \x20   app_id: 200001_c2FuZGJveC1hcHAtc2VlZC0yNGJ5dGVz\n\
         \x20   app_secret: '${{file:kingdee.secret}}'\n\
         \x20 mysql: {{system: mysql, url: '{mysql}', state_schema: {state_schema}}}\n\
         flows: [flows]\n\
         state_dir: state\n"
    )
}
