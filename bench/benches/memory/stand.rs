//! A whole system: throw-away Kafka and MariaDB, a sandbox in this process, and the repository's own flows in a folder.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use weir_kafka::{Cluster, Settings};
use weir_runtime::topics::Topics;
use weir_sandbox::{Handle, Options, Running, Sandbox};
use weir_testkit::{broker::Broker, mariadb::MariaDb};

use crate::service::{self, Service};

const PREFIX: &str = "bench";

/// The flow of an ERP target whose source has the smallest records, and the source.
pub const CUSTOMERS: (&str, &str) = ("jushuitan-customer-to-kingdee", "jushuitan-customers");
/// The flow into MySQL whose source has the most records, and the source.
pub const MOVEMENTS: (&str, &str) = ("jushuitan-sku-sn-to-mysql", "jushuitan-sku-sn-movements");

/// Every flow of the repository: name, source, file.
pub const FLOWS: [(&str, &str, &str); 6] = [
    (CUSTOMERS.0, CUSTOMERS.1, include_str!("../../../flows/jushuitan-customer-to-kingdee.yaml")),
    (MOVEMENTS.0, MOVEMENTS.1, include_str!("../../../flows/jushuitan-sku-sn-to-mysql.yaml")),
    ("okki-companies", "okki-companies", include_str!("../../../flows/okki-companies.yaml")),
    ("okki-order-to-k3wise", "okki-orders", include_str!("../../../flows/okki-order-to-k3wise.yaml")),
    (
        "wdt-aftersales-to-mysql",
        "wdt-aftersales",
        include_str!("../../../flows/wdt-aftersales-to-mysql.yaml"),
    ),
    (
        "wdt-refund-to-kingdee-return",
        "wdt-refunds",
        include_str!("../../../flows/wdt-refund-to-kingdee-return.yaml"),
    ),
];
const SHOPS: &str = include_str!("../../../examples/data/shops.csv");

/// Both servers; they end, with their data, when this value is dropped.
pub struct Servers {
    broker: Broker,
    database: MariaDb,
}

impl Servers {
    /// Starts them.
    pub fn start() -> Result<Self> {
        let broker = Broker::start().context("start Kafka")?;
        let database = MariaDb::start().context("start MariaDB")?;
        Ok(Self { broker, database })
    }
}

/// The system; all of it but the servers goes when this value is dropped.
pub struct Stand {
    project: PathBuf,
    cluster: Cluster,
    topics: Topics,
    running: Running,
    _folder: TempDir,
    // Last, because the sandbox is served by it.
    _runtime: Runtime,
}

impl Stand {
    /// Puts a system together whose topics begin with a name of its own, and creates them.
    pub fn new(servers: &Servers, name: &str, mut options: Options) -> Result<Self> {
        // What limits of calls cost is measured elsewhere.
        options.jushuitan.quota = None;
        options.wangdiantong.calls_per_minute = None;
        options.okki.late_company_seconds = 0;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let running = runtime.block_on(Sandbox::start(options, "127.0.0.1:0"))?;
        let folder = tempfile::tempdir()?;
        let prefix = format!("{PREFIX}-{name}");
        let project = write_project(folder.path(), servers, &prefix, &running.base_url())?;
        let cluster = Cluster::remote(Settings::plaintext(servers.broker.bootstrap()))?;
        let topics = Topics::new(&prefix);
        service::command(&project, &["topics", "apply"])?;
        service::command(&project, &["collections", "load", "shops"])?;
        Ok(Self { project, cluster, topics, running, _folder: folder, _runtime: runtime })
    }

    /// Starts a process.
    pub fn start(&self, stages: &str, instance: &str) -> Result<Service> {
        Service::start(&self.project, stages, instance)
    }

    /// Leaves only one flow in the project.
    pub fn keep_only(&self, flow: &str) -> Result<()> {
        let flows = self.project.with_file_name("flows");
        for (name, ..) in FLOWS.iter().filter(|(name, ..)| *name != flow) {
            let file = flows.join(format!("{name}.yaml"));
            fs::remove_file(&file).with_context(|| format!("remove {}", file.display()))?;
        }
        Ok(())
    }

    /// The brokers.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The names of the topics.
    pub fn topics(&self) -> &Topics {
        &self.topics
    }

    /// The remote systems, past their interfaces.
    pub fn sandbox(&self) -> Handle {
        self.running.handle()
    }
}

/// Writes the project; gives the path of its `weir.yaml`.
fn write_project(folder: &Path, servers: &Servers, prefix: &str, sandbox: &str) -> Result<PathBuf> {
    let flows = folder.join("flows");
    fs::create_dir(&flows)?;
    for (name, _, text) in FLOWS {
        fs::write(flows.join(format!("{name}.yaml")), text)?;
    }
    fs::write(folder.join("shops.csv"), SHOPS)?;
    let file = folder.join("weir.yaml");
    let (kafka, mysql) = (servers.broker.bootstrap(), servers.database.url());
    let text = format!(
        "version: 1
kafka: {{brokers: '{kafka}', prefix: {prefix}}}
connections:
  jushuitan:
    {{system: jushuitan, base_url: '{sandbox}', app_key: demo-key, app_secret: demo-secret, access_token: demo-token,
      calls_per_second: 1000, calls_per_minute: 60000}}
  wangdiantong-enterprise:
    {{system: wangdiantong-enterprise, base_url: '{sandbox}/openapi2/', sid: demo-sid, app_key: demo-app,
      app_secret: demo-secret, calls_per_minute: 60000}}
  wangdiantong-flagship:
    {{system: wangdiantong-flagship, base_url: '{sandbox}/openapi', sid: demo3, app_key: demo3-app,
      app_secret: 'demosecret:demosalt', calls_per_minute: 60000}}
  xiaoman-okki:
    {{system: xiaoman-okki, base_url: '{sandbox}', client_id: demo-client, client_secret: demo-secret,
      calls_per_second: 1000}}
  kingdee-galaxy:
    {{system: kingdee-galaxy, base_url: '{sandbox}/k3cloud/', account_id: 65f0c0ffee0001, user_name: integration,
      app_id: 200001_c2FuZGJveC1hcHAtc2VlZC0yNGJ5dGVz, app_secret: 0123456789abcdef0123456789abcdef}}
  kingdee-k3wise:
    {{system: kingdee-k3wise, base_url: '{sandbox}/K3API/',
      authority_code: 4f1c0a6b8e2d4c7f9a3b5d6e7f8091a2b3c4d5e6f7081920}}
  mysql: {{system: mysql, url: '{mysql}', state_schema: weir_state_{schema}}}
collections:
  shops: {{key: [shop_no], file: shops.csv}}
  okki-companies: {{key: [company_id]}}
flows: [flows]
state_dir: state
",
        schema = prefix.replace('-', "_"),
    );
    fs::write(&file, text)?;
    Ok(file)
}
