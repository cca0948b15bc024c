//! A whole system of a test's own: a sandbox in this process, topics and a database of their own on real servers, a
//! project in a temporary folder.

use std::{
    path::PathBuf,
    process::{Command, Output},
};

use tempfile::TempDir;
use tokio::runtime::Runtime;
use weir_kafka::{Cluster, Settings};
use weir_runtime::topics::Topics;
use weir_sandbox::{Change, Handle, Options, RefusedNumbers, Running, Sandbox};

use crate::{
    database::Database,
    movements,
    process::{Weir, program},
    project::{self, Addresses, Flaw},
    servers::{address, remove_topics},
};

const CUSTOMERS: u32 = 150;
const MOVEMENTS: u32 = 800;
/// Of so many customers Kingdee refuses one for good.
pub const REFUSED_EVERY: u64 = 50;

/// How a stand differs from the plain one.
pub struct Setup {
    /// Part of the names of topics and databases.
    pub name: &'static str,
    /// The sandbox's data, changes and knobs.
    pub sandbox: Options,
    /// Brokers other than those of `WEIR_KAFKA`.
    pub kafka: Option<String>,
    /// A server other than that of `WEIR_MYSQL`.
    pub mysql: Option<String>,
    /// The wrong secret.
    pub flaw: Flaw,
    /// The customers' salespersons are looked up in the collection `sellers`, and a customer waits so long for its own.
    pub wait_max: Option<&'static str>,
}

impl Setup {
    /// Shared servers, data that rests, a sandbox that behaves.
    pub fn plain(name: &'static str, seed: u64) -> Self {
        let mut sandbox = Options { seed, customers: CUSTOMERS, movements: MOVEMENTS, ..Options::default() };
        sandbox.jushuitan.quota = None;
        sandbox.knobs.refuse_numbers(RefusedNumbers { every: REFUSED_EVERY, numbers: Vec::new() });
        Self { name, sandbox, kafka: None, mysql: None, flaw: Flaw::Nothing, wait_max: None }
    }

    /// Records change and are added while they are paged, `limit` in all.
    pub fn changing(mut self, limit: u32) -> Self {
        self.sandbox.change = Change { rate: 0.25, limit, late_by_seconds: 1 };
        self
    }
}

/// The system; everything of it ends and goes when this value is dropped.
pub struct Stand {
    pub sandbox: Handle,
    pub database: Database,
    pub changes: u32,
    project: PathBuf,
    cluster: Cluster,
    prefix: String,
    _running: Running,
    _folder: TempDir,
    // Last, because the others are served by it.
    _runtime: Runtime,
}

impl Stand {
    /// Puts the system together and creates its topics.
    pub fn new(setup: Setup) -> Self {
        let kafka = setup.kafka.unwrap_or_else(|| address("WEIR_KAFKA", "127.0.0.1:9092"));
        let mysql =
            setup.mysql.unwrap_or_else(|| address("WEIR_MYSQL", "mysql://user:password@127.0.0.1:3306"));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let changes = setup.sandbox.change;
        let running = runtime.block_on(Sandbox::start(setup.sandbox, "127.0.0.1:0")).unwrap();
        let (name, process) = (setup.name, std::process::id());
        let database =
            Database::create(runtime.handle().clone(), &mysql, &format!("weir_e2e_{process}_{name}"));
        let prefix = format!("e2e-{process}-{name}");
        let folder = tempfile::tempdir().unwrap();
        let addresses = Addresses {
            kafka: &kafka,
            prefix: &prefix,
            sandbox: &running.base_url(),
            mysql: &database.url(),
            state_schema: &database.state_schema(),
        };
        let project = project::write(folder.path(), &addresses, setup.flaw, setup.wait_max);
        let stand = Self {
            sandbox: running.handle(),
            database,
            changes: if changes.rate > 0.0 { changes.limit } else { 0 },
            project,
            cluster: Cluster::remote(Settings::plaintext(kafka)).unwrap(),
            prefix,
            _running: running,
            _folder: folder,
            _runtime: runtime,
        };
        stand.command(&["topics", "apply"]);
        stand
    }

    /// Starts a process that runs stages.
    pub fn start(&self, stages: &str, instance: &str) -> Weir {
        Weir::start(&self.project, stages, instance)
    }

    /// Runs another command of `weir` on the project to its end; gives what it printed.
    pub fn command(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(program());
        let Output { status, stdout, stderr } =
            command.args(arguments).arg("--config").arg(&self.project).output().unwrap();
        assert!(status.success(), "weir {arguments:?}: {status}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap()
    }

    /// A file in the project's folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.project.with_file_name(name)
    }

    /// The brokers.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The names of the topics.
    pub fn topics(&self) -> Topics {
        Topics::new(&self.prefix)
    }

    /// Customers in Kingdee and movements in the database so far.
    pub fn stored(&self) -> (usize, usize) {
        let customers = self.sandbox.state().kingdee.store.documents("BD_Customer").count();
        (customers, movements::stored(&self.database).len())
    }

    /// Calls the sandbox has received whose name contains the text.
    pub fn calls(&self, text: &str) -> u64 {
        let calls = self.sandbox.state().calls;
        calls.iter().filter(|(name, _)| name.contains(text)).map(|(_, count)| count.received).sum()
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        remove_topics(&self.cluster, &self.prefix);
    }
}
