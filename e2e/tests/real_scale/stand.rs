//! A whole system of a test's own: a sandbox in this process, topics and a database of their own on real servers, and a
//! project file for each process, which comes to the sandbox through a gate of its own.

use std::{
    net::SocketAddr,
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
    gate::Calls,
    process::{Weir, program},
    project::{self, Addresses},
    servers::{address, remove_topics},
};

/// The system; everything of it ends and goes when this value is dropped.
pub struct Stand {
    pub sandbox: Handle,
    pub database: Database,
    /// What the processes called.
    pub calls: Calls,
    kafka: String,
    sandbox_address: SocketAddr,
    project: PathBuf,
    cluster: Cluster,
    prefix: String,
    _running: Running,
    folder: TempDir,
    // Last, because the others are served by it.
    _runtime: Runtime,
}

impl Stand {
    /// Puts the system together, creates its topics and loads the shops. The limits of calls are off: what they cost is
    /// measured elsewhere.
    pub fn new(name: &str, mut options: Options) -> Self {
        options.jushuitan.quota = None;
        options.wangdiantong.calls_per_minute = None;
        let kafka = address("WEIR_KAFKA", "127.0.0.1:9092");
        let mysql = address("WEIR_MYSQL", "mysql://user:password@127.0.0.1:3306");
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let changes = options.change.rate > 0.0;
        let running = runtime.block_on(Sandbox::start(options, "127.0.0.1:0")).unwrap();
        let process = std::process::id();
        let database =
            Database::create(runtime.handle().clone(), &mysql, &format!("weir_scale_{process}_{name}"));
        let prefix = format!("scale-{process}-{name}");
        let folder = tempfile::tempdir().unwrap();
        project::write_flows(folder.path(), changes);
        let mut stand = Self {
            sandbox: running.handle(),
            database,
            calls: Calls::default(),
            sandbox_address: running.address(),
            project: PathBuf::new(),
            cluster: Cluster::remote(Settings::plaintext(kafka.clone())).unwrap(),
            kafka,
            prefix,
            _running: running,
            folder,
            _runtime: runtime,
        };
        stand.project = stand.write_project("weir", stand.sandbox_address);
        stand.command(&["topics", "apply"]);
        stand.command(&["collections", "load", "shops"]);
        stand
    }

    /// Starts a process that runs stages; the calls of all processes of this name are written down as its own.
    pub fn start(&self, stages: &str, instance: &str) -> Weir {
        let gate = self.calls.open(instance, self.sandbox_address);
        Weir::start(&self.write_project(instance, gate), stages, instance)
    }

    fn write_project(&self, name: &str, sandbox: SocketAddr) -> PathBuf {
        let addresses = Addresses {
            kafka: &self.kafka,
            prefix: &self.prefix,
            sandbox: &format!("http://{sandbox}"),
            mysql: &self.database.url(),
            state_schema: &self.database.state_schema(),
            client: name,
        };
        project::write_project(self.folder.path(), &format!("{name}.yaml"), &addresses)
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
