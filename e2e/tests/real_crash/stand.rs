//! A whole system of a test's own: sandbox, Kafka, MariaDB and a proxy before each of them. A process comes to the
//! sandbox and to the database through doors of its own, and tells Kafka its name: so each request has a sender.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::{Command, Output},
    sync::{
        Mutex, MutexGuard, PoisonError,
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    thread,
    time::Duration,
};

use tempfile::TempDir;
use tokio::runtime::Runtime;
use weir_kafka::{Cluster, Settings};
use weir_runtime::topics::Topics;
use weir_sandbox::{Handle, Options, Running, Sandbox};
use weir_testkit::{
    broker::Broker,
    mariadb::MariaDb,
    proxy::{Ambush, Door, Protocol, Proxy},
};

use crate::{
    crew::ROSTER,
    database::Database,
    process::{Weir, program},
    project::{self, Addresses},
};

const PREFIX: &str = "crash";

/// The system; everything of it ends and goes when this value is dropped.
pub struct Stand {
    pub sandbox: Handle,
    pub database: Database,
    pub ambush: Ambush,
    pub proxies: Proxies,
    /// The project for commands, which no proxy is before, and those of the processes by instance.
    project: PathBuf,
    projects: BTreeMap<&'static str, PathBuf>,
    cluster: Cluster,
    broker: Mutex<Broker>,
    server: Mutex<MariaDb>,
    changes: Mutex<Option<Pulse>>,
    _running: Running,
    _folder: TempDir,
    // Last, because the others are served by it.
    _runtime: Runtime,
}

/// So many changes more each second, in each system: what changes stays little enough to be written while it does.
const CHANGES_PER_SECOND: u32 = 2;

/// A thread that lets records change as time goes by, until this is dropped.
struct Pulse {
    _alive: Sender<()>,
}

impl Pulse {
    fn start(sandbox: Handle) -> Self {
        let (_alive, ended) = channel::<()>();
        thread::spawn(move || {
            let mut allowed = 0;
            while ended.recv_timeout(Duration::from_secs(1)) == Err(RecvTimeoutError::Timeout) {
                allowed += CHANGES_PER_SECOND;
                sandbox.allow_changes(allowed);
            }
            sandbox.allow_changes(0);
        });
        Self { _alive }
    }
}

/// What stands before the servers.
pub struct Proxies {
    pub kafka: Proxy,
    pub database: Proxy,
    pub remote: Proxy,
}

impl Stand {
    /// Starts the servers, puts the system together, creates its topics and loads the shops.
    pub fn new(mut options: Options) -> Self {
        options.jushuitan.quota = None;
        options.wangdiantong.calls_per_minute = None;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let running = runtime.block_on(Sandbox::start(options, "127.0.0.1:0")).unwrap();
        let kafka_door = Door::bind().unwrap();
        let (broker, server) = thread::scope(|scope| {
            let broker = scope.spawn(|| Broker::start_behind(kafka_door.port()).unwrap());
            let server = MariaDb::start().unwrap();
            (broker.join().unwrap(), server)
        });
        let ambush = Ambush::default();
        let proxies = Proxies {
            kafka: Proxy::new(Protocol::Kafka, broker.behind(), &ambush),
            database: Proxy::new(Protocol::MySql, server.address(), &ambush),
            remote: Proxy::new(Protocol::Http, running.address().to_string(), &ambush),
        };
        let kafka = kafka_door.address();
        proxies.kafka.open(kafka_door, "").unwrap();
        let database = Database::create(runtime.handle().clone(), &server.url(), "weir_crash");
        let folder = tempfile::tempdir().unwrap();
        project::write_flows(folder.path(), true);
        let (url, state_schema) = (database.url(), database.state_schema());
        let write = |name: &str, client: &str, [kafka, mysql, sandbox]: [&str; 3]| {
            let addresses =
                Addresses { kafka, prefix: PREFIX, sandbox, mysql, state_schema: &state_schema, client };
            project::write_project(folder.path(), name, &addresses)
        };
        let projects = ROSTER.map(|(instance, _)| {
            let (to_database, to_remote) = (Door::bind().unwrap(), Door::bind().unwrap());
            let mysql = url.replace(&server.address(), &to_database.address());
            let sandbox = format!("http://{}", to_remote.address());
            proxies.database.open(to_database, instance).unwrap();
            proxies.remote.open(to_remote, instance).unwrap();
            (instance, write(&format!("{instance}.yaml"), instance, [&kafka, &mysql, &sandbox]))
        });
        let stand = Self {
            project: write("weir.yaml", "weir", [&broker.bootstrap(), &url, &running.base_url()]),
            projects: projects.into(),
            cluster: Cluster::remote(Settings::plaintext(broker.bootstrap())).unwrap(),
            changes: Mutex::new(Some(Pulse::start(running.handle()))),
            sandbox: running.handle(),
            database,
            ambush,
            proxies,
            broker: Mutex::new(broker),
            server: Mutex::new(server),
            _running: running,
            _folder: folder,
            _runtime: runtime,
        };
        stand.command(&["topics", "apply"]);
        stand.command(&["collections", "load", "shops"]);
        stand
    }

    /// Lets the records come to rest.
    pub fn rest(&self) {
        drop(self.changes.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Starts a process of the roster, whose requests are its own from now on.
    pub fn start(&self, instance: &'static str, stages: &str) -> Weir {
        let weir = Weir::start(&self.projects[instance], stages, instance);
        self.ambush.name(instance, weir.id());
        weir
    }

    /// Runs another command of `weir` on the project to its end; gives what it printed.
    pub fn command(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(program());
        let Output { status, stdout, stderr } =
            command.args(arguments).arg("--config").arg(&self.project).output().unwrap();
        assert!(status.success(), "weir {arguments:?}: {status}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap()
    }

    /// The brokers, past the proxy.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The names of the topics.
    pub fn topics(&self) -> Topics {
        Topics::new(PREFIX)
    }

    /// The broker, to be stopped and started.
    pub fn broker(&self) -> MutexGuard<'_, Broker> {
        self.broker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The database server, likewise.
    pub fn server(&self) -> MutexGuard<'_, MariaDb> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
