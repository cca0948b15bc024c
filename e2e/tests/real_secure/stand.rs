//! A whole system of a test's own with secured servers of its own, and projects that reach them in different ways.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;
use tokio::runtime::Runtime;
use weir_kafka::{Cluster, Settings};
use weir_runtime::topics::Topics;
use weir_sandbox::{Change, Handle, Options, RefusedNumbers, Running, Sandbox};
use weir_testkit::{
    broker::Broker,
    mariadb::MariaDb,
    secure::{Admits, Listener},
};

use crate::{
    certificates::Authority,
    database::Database,
    links::{
        ELSEWHERE, EXPIRED, HOLDERS, KAFKA_PASSWORD, KAFKA_USER, KafkaLink, LOGIN, MYSQL_PASSWORD, MySqlLink,
        OPEN, WRONG_PASSWORD,
    },
    movements,
    process::{Weir, program},
    project::{self, Addresses, Flaw},
    waiting::eventually,
};

const CUSTOMERS: u32 = 60;
const MOVEMENTS: u32 = 300;
/// Of so many customers Kingdee refuses one for good.
pub const REFUSED_EVERY: u64 = 50;
const CHANGES: u32 = 30;
const HOST: &str = "127.0.0.1";

/// The system; everything of it ends and goes when this value is dropped.
pub struct Stand {
    pub sandbox: Handle,
    pub database: Database,
    pub changes: u32,
    pub broker: Broker,
    pub mysql: MariaDb,
    pub authority: Authority,
    folder: PathBuf,
    cluster: Cluster,
    prefix: String,
    _running: Running,
    _folder: TempDir,
    // Last, because the others are served by it.
    _runtime: Runtime,
}

impl Stand {
    /// Starts everything. No project is there yet.
    pub fn new(name: &str, seed: u64) -> Self {
        let authority = Authority::new("authority of the test");
        let broker = Broker::start_secured(&listeners(&authority)).unwrap();
        let mysql = MariaDb::start_secured(&authority.identity(HOST)).unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let running = runtime.block_on(Sandbox::start(shop(seed), "127.0.0.1:0")).unwrap();
        let database = Database::create(runtime.handle().clone(), &mysql.url(), &format!("secure_{name}"));
        let prefix = format!("secure-{name}");
        let folder = tempfile::tempdir().unwrap();
        let addresses = Addresses {
            kafka: OPEN,
            prefix: &prefix,
            sandbox: &running.base_url(),
            mysql: OPEN,
            state_schema: &database.state_schema(),
        };
        project::write(folder.path(), &addresses, Flaw::Nothing, None);
        let stand = Self {
            sandbox: running.handle(),
            changes: CHANGES,
            cluster: Cluster::remote(Settings::plaintext(broker.bootstrap())).unwrap(),
            folder: folder.path().to_owned(),
            database,
            broker,
            mysql,
            authority,
            prefix,
            _running: running,
            _folder: folder,
            _runtime: runtime,
        };
        stand.write_secrets();
        stand
    }

    fn write_secrets(&self) {
        let client = self.authority.identity("client");
        let files = [
            ("tls/ca.pem", self.authority.pem()),
            ("tls/other.pem", Authority::new("another authority").pem()),
            ("tls/client.pem", client.certificate),
            ("tls/client.key", client.key),
            ("secrets/kafka", format!("{KAFKA_PASSWORD}\n")),
            ("secrets/mysql", format!("{MYSQL_PASSWORD}\n")),
            ("secrets/wrong", format!("{WRONG_PASSWORD}\n")),
        ];
        for (name, text) in files {
            let path = self.folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    /// Writes a project of this name that reaches the servers in these ways; gives its file.
    pub fn link(&self, name: &str, kafka: &KafkaLink, mysql: &MySqlLink) -> PathBuf {
        let text = fs::read_to_string(self.folder.join("weir.yaml")).unwrap();
        let schema = self.database.state_schema();
        let url = self.database.url();
        let place = url.rsplit('@').next().unwrap().replace(HOST, mysql.host);
        let brokers = self.broker.secured(kafka.listener).unwrap_or_else(|| self.broker.bootstrap());
        let replaced = [
            (
                format!("kafka: {{brokers: '{OPEN}', prefix: {}}}\n", self.prefix),
                kafka.section(&brokers, &self.prefix),
            ),
            (
                format!("\x20 mysql: {{system: mysql, url: '{OPEN}', state_schema: {schema}}}\n"),
                mysql.connection(&place, &schema),
            ),
        ];
        let text = replaced.iter().fold(text, |text, (from, to)| {
            assert!(text.contains(from), "{from:?} stands in the project no more:\n{text}");
            text.replace(from, to)
        });
        let file = self.folder.join(format!("{name}.yaml"));
        fs::write(&file, text).unwrap();
        file
    }

    /// The project that judges and commands use: everything right.
    pub fn project(&self) -> PathBuf {
        self.link("right", &KafkaLink::login("SCRAM-SHA-512"), &MySqlLink::verified())
    }

    /// Starts a process that runs stages.
    pub fn start(&self, project: &Path, stages: &str, instance: &str) -> Weir {
        Weir::start(project, stages, instance)
    }

    /// Runs another command of `weir` on the right project to its end; gives what it printed.
    pub fn command(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(program());
        let Output { status, stdout, stderr } =
            command.args(arguments).arg("--config").arg(self.project()).output().unwrap();
        assert!(status.success(), "weir {arguments:?}: {status}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap()
    }

    /// Runs a command that is to end by itself; gives its exit code and all it wrote.
    pub fn ended(&self, project: &Path, arguments: &[&str]) -> (Option<i32>, String) {
        let path = self.folder.join("ended.log");
        let log = fs::File::create(&path).unwrap();
        let mut command = Command::new(program());
        command.args(arguments).arg("--config").arg(project).stdin(Stdio::null());
        let mut child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let status = eventually(&format!("weir {arguments:?} ends"), || {
            child.try_wait().unwrap().ok_or_else(|| fs::read_to_string(&path).unwrap())
        });
        (status.code(), fs::read_to_string(&path).unwrap())
    }

    /// The brokers, past what is secured.
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
}

/// The listener that people log in to, with this password.
pub fn login(authority: &Authority, password: &str) -> Listener {
    let admits = Admits::User { name: KAFKA_USER, password: password.to_owned() };
    Listener { name: LOGIN, identity: authority.identity(HOST), admits }
}

fn listeners(authority: &Authority) -> [Listener; 4] {
    let login = login(authority, KAFKA_PASSWORD);
    let admits = Admits::Holders(authority.pem());
    let expired = authority.expired(HOST);
    let elsewhere = authority.identity("kafka.elsewhere.example");
    [
        Listener { name: HOLDERS, identity: authority.identity(HOST), admits },
        Listener { name: EXPIRED, identity: expired, ..login.clone() },
        Listener { name: ELSEWHERE, identity: elsewhere, ..login.clone() },
        login,
    ]
}

fn shop(seed: u64) -> Options {
    let mut shop = Options { seed, customers: CUSTOMERS, movements: MOVEMENTS, ..Options::default() };
    shop.jushuitan.quota = None;
    shop.knobs.refuse_numbers(RefusedNumbers { every: REFUSED_EVERY, numbers: Vec::new() });
    shop.change = Change { rate: 0.25, limit: CHANGES, late_by_seconds: 1 };
    shop
}

/// Invariant 8: none of the secrets stands in a text.
pub fn assert_no_secret(text: &str) {
    for secret in [KAFKA_PASSWORD, MYSQL_PASSWORD, WRONG_PASSWORD, "PRIVATE KEY"] {
        assert!(!text.contains(secret), "a secret is shown:\n{text}");
    }
}
