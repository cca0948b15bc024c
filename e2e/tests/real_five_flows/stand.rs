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
use weir_sandbox::{Handle, Options, Running, Sandbox};

use crate::{
    database::Database,
    process::{Weir, program},
    project::{self, Addresses},
    servers::{address, remove_topics},
};

/// The system; everything of it ends and goes when this value is dropped.
pub struct Stand {
    pub sandbox: Handle,
    pub database: Database,
    pub project: PathBuf,
    cluster: Cluster,
    prefix: String,
    _running: Running,
    _folder: TempDir,
    // Last, because the others are served by it.
    _runtime: Runtime,
}

impl Stand {
    /// Puts the system together, creates its topics and loads the shops. The limits of calls are off: what they cost is
    /// measured elsewhere.
    pub fn new(name: &str, mut options: Options) -> Self {
        options.jushuitan.quota = None;
        options.wangdiantong.calls_per_minute = None;
        let (kafka, mysql) = (
            address("WEIR_KAFKA", "127.0.0.1:9092"),
            address("WEIR_MYSQL", "mysql://user:password@127.0.0.1:3306"),
        );
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let changes = options.change.rate > 0.0;
        let running = runtime.block_on(Sandbox::start(options, "127.0.0.1:0")).unwrap();
        let process = std::process::id();
        let database =
            Database::create(runtime.handle().clone(), &mysql, &format!("weir_five_{process}_{name}"));
        let prefix = format!("five-{process}-{name}");
        let folder = tempfile::tempdir().unwrap();
        let addresses = Addresses {
            kafka: &kafka,
            prefix: &prefix,
            sandbox: &running.base_url(),
            mysql: &database.url(),
            state_schema: &database.state_schema(),
            client: "weir",
        };
        project::write_flows(folder.path(), changes);
        let project = project::write_project(folder.path(), "weir.yaml", &addresses);
        let stand = Self {
            sandbox: running.handle(),
            database,
            project,
            cluster: Cluster::remote(Settings::plaintext(kafka)).unwrap(),
            prefix,
            _running: running,
            _folder: folder,
            _runtime: runtime,
        };
        stand.command(&["topics", "apply"]);
        stand.command(&["collections", "load", "shops"]);
        stand
    }

    /// Starts a process that runs all stages of all flows.
    pub fn start(&self) -> Weir {
        Weir::start(&self.project, "all", "one")
    }

    /// Runs another command of `weir` on the project to its end; gives what it printed.
    pub fn command(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(program());
        let Output { status, stdout, stderr } =
            command.args(arguments).arg("--config").arg(&self.project).output().unwrap();
        assert!(status.success(), "weir {arguments:?}: {status}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap()
    }

    /// The brokers.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The names of the topics.
    pub fn topics(&self) -> Topics {
        Topics::new(&self.prefix)
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        remove_topics(&self.cluster, &self.prefix);
    }
}
