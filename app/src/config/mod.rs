//! The project file `weir.yaml`: connections, collections, Kafka, telemetry, where the flows are (design §9).

mod collections;
mod horizons;
mod kafka;
mod paths;
mod privacy;
mod registry;
mod substitute;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use jiff::tz::TimeZone;
use weir_kafka::Settings as KafkaSettings;
use weir_model::{
    Json,
    names::{ConnectionName, is_valid_name},
    secret::Secret,
    settings::{Fields, Localized, Problems, parse_mapping},
    time::DEFAULT_ZONE,
};
use weir_runtime::{telemetry::Format, trim::Horizons};

pub use collections::Collection;
pub use privacy::Privacy;
pub use substitute::substitute;

/// A project, as its file tells it.
#[derive(Debug)]
pub struct Config {
    /// The brokers.
    pub kafka: KafkaSettings,
    /// First part of every topic's and group's name.
    pub prefix: String,
    /// Copies of each partition.
    pub replication: i32,
    /// The schema registry, when topic values are framed by its ids.
    pub schema_registry: Option<weir_clients::registry::Settings>,
    /// The accounts, by name.
    pub connections: BTreeMap<ConnectionName, Connection>,
    /// The declared collections, by name.
    pub collections: BTreeMap<String, Collection>,
    /// Seals what is kept of the accounts' secrets: renewed tokens.
    pub seal_key: Option<Secret>,
    /// How long records stay in the topics between the stages, though every flow has read them.
    pub horizons: Horizons,
    /// Where the ledger lies.
    pub ledger: weir_ledger::Settings,
    /// Flow files and folders of them.
    pub flows: Vec<PathBuf>,
    /// Where a process keeps what it can rebuild.
    pub state_dir: PathBuf,
    /// Which fields hold personal data, and whether answers show it.
    pub privacy: Privacy,
    /// Logs, metrics, traces.
    pub telemetry: Telemetry,
}

/// One account at a remote system. Its `Debug` shows no setting: some are secrets (invariant 8).
pub struct Connection {
    /// The system.
    pub system: String,
    /// The zone of its times.
    pub zone: TimeZone,
    /// The system's own settings, with references replaced.
    pub settings: Json,
    /// Where they stand in the file.
    pub path: String,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("system", &self.system).finish_non_exhaustive()
    }
}

/// How the process tells about itself.
#[derive(Debug)]
pub struct Telemetry {
    /// How log lines look.
    pub log_format: Format,
    /// Which are written.
    pub log_filter: String,
    /// Where metrics and health are served.
    pub listen: Option<SocketAddr>,
    /// The OpenTelemetry collector.
    pub otlp_endpoint: Option<String>,
}

impl Config {
    /// Reads the text of a project file that stands in `folder`. `None` only when it is no YAML mapping.
    pub fn parse(text: &str, folder: &Path, problems: &mut Problems) -> Option<Self> {
        let mut tree = parse_mapping(text, problems)?;
        substitute(&mut tree, folder, problems);
        let mut fields = Fields::of(&tree, "", problems);
        fields.version(problems);
        let (kafka, prefix, replication) = kafka::read(fields.mapping("kafka", problems), folder, problems);
        let connections = connections(&mut fields, folder, problems);
        let config = Self {
            kafka,
            prefix,
            replication,
            schema_registry: registry::read(&mut fields, problems),
            connections,
            collections: collections::read(&mut fields, folder, problems),
            ledger: weir_ledger::Settings::read(fields.mapping("ledger", problems), folder, problems),
            horizons: horizons::read(fields.mapping("horizons", problems), problems),
            seal_key: seal_key(&mut fields, problems),
            flows: paths(&mut fields, folder, problems),
            state_dir: folder
                .join(fields.text("state_dir", problems).unwrap_or_else(|| ".weir/state".to_owned())),
            privacy: privacy::read(fields.mapping("privacy", problems), problems),
            telemetry: telemetry(fields.mapping("telemetry", problems), problems),
        };
        fields.finish(problems);
        Some(config)
    }

    /// Whether something differs that is only looked at when a process starts. Secrets show as nothing in it.
    pub fn is_otherwise_at_start(&self, other: &Self) -> bool {
        let at_start = |config: &Self| {
            let Self { kafka, prefix, schema_registry, state_dir, telemetry, .. } = config;
            format!("{:?}", (kafka, prefix, schema_registry, state_dir, telemetry))
        };
        at_start(self) != at_start(other)
    }

    /// Tells what this machine or this build lacks for the settings to be used: files, features.
    pub fn check_surroundings(&self, problems: &mut Problems) {
        kafka::check(&self.kafka, problems);
        self.connections.values().for_each(|connection| paths::check(connection, problems));
    }
}

/// The key that seals renewed tokens. A short one could be guessed from what it sealed.
fn seal_key(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Secret> {
    const SHORTEST: usize = 16;
    let key = fields.secret("seal_key", problems).filter(|key| !key.is_empty())?;
    if key.expose().len() < SHORTEST {
        let message = Localized::new(
            format!("密钥过短，至少 {SHORTEST} 个字符"),
            format!("the key is too short; it needs {SHORTEST} characters"),
        );
        let suggestion =
            Localized::new("用 `openssl rand -hex 32` 生成一个", "make one with `openssl rand -hex 32`");
        problems.error_with(fields.path_of("seal_key"), message, suggestion);
    }
    Some(key)
}

fn paths(fields: &mut Fields<'_>, folder: &Path, problems: &mut Problems) -> Vec<PathBuf> {
    let base = fields.path_of("flows");
    let mut paths = Vec::new();
    for (index, item) in fields.list("flows", problems).iter().enumerate() {
        match item.as_str() {
            Some(path) => paths.push(folder.join(path)),
            None => problems.error_with(
                format!("{base}[{index}]"),
                Localized::new("应为路径", "expected a path"),
                Localized::new(
                    "写流程文件或文件夹，相对于本文件",
                    "write a flow file or a folder of them, relative to this file",
                ),
            ),
        }
    }
    if paths.is_empty() {
        paths.push(folder.join("flows"));
    }
    paths
}

fn connections(
    fields: &mut Fields<'_>,
    folder: &Path,
    problems: &mut Problems,
) -> BTreeMap<ConnectionName, Connection> {
    let base = fields.path_of("connections");
    let mut connections = BTreeMap::new();
    let Some(Json::Object(entries)) = fields.get("connections") else {
        fields.missing("connections", problems);
        return connections;
    };
    for (name, value) in entries {
        let path = format!("{base}.{name}");
        if !is_valid_name(name) {
            let message =
                Localized::new(format!("{name:?} 不能用作名称"), format!("{name:?} cannot be a name"));
            let suggestion = Localized::new("使用字母、数字、- 和 _", "use letters, digits, - and _");
            problems.error_with(&path, message, suggestion);
        }
        connections.insert(ConnectionName::from(name), connection(value, path, folder, problems));
    }
    connections
}

fn connection(value: &Json, path: String, folder: &Path, problems: &mut Problems) -> Connection {
    let mut fields = Fields::of(value, path.clone(), problems);
    let system = fields.required_text("system", problems);
    let zone_name = fields.text("time_zone", problems).unwrap_or_else(|| DEFAULT_ZONE.to_owned());
    let zone = TimeZone::get(&zone_name).unwrap_or_else(|_| {
        let message =
            Localized::new(format!("没有时区 {zone_name:?}"), format!("there is no time zone {zone_name:?}"));
        let suggestion = Localized::new("例如 Asia/Shanghai", "for example Asia/Shanghai");
        problems.error_with(fields.path_of("time_zone"), message, suggestion);
        TimeZone::UTC
    });
    let own = fields.unknown().map(|(key, value)| (key.to_owned(), value.clone())).collect();
    let mut settings = Json::Object(own);
    paths::resolve(&system, &mut settings, folder);
    Connection { system, zone, settings, path }
}

fn telemetry(mut fields: Fields<'_>, problems: &mut Problems) -> Telemetry {
    let listen = fields.text("listen", problems).filter(|text| !text.is_empty());
    let listen = listen.and_then(|text| match text.parse() {
        Ok(address) => Some(address),
        Err(_) => {
            let message = Localized::new(format!("{text:?} 不是地址"), format!("{text:?} is no address"));
            let suggestion = Localized::new("例如 127.0.0.1:9464", "for example 127.0.0.1:9464");
            problems.error_with(fields.path_of("listen"), message, suggestion);
            None
        }
    });
    let formats = [("text", Format::Text), ("json", Format::Json)];
    let telemetry = Telemetry {
        log_format: fields.choice("log_format", &formats, Format::Text, problems),
        log_filter: fields.text("log_filter", problems).unwrap_or_else(|| "info".to_owned()),
        listen,
        otlp_endpoint: fields.text("otlp_endpoint", problems).filter(|text| !text.is_empty()),
    };
    fields.finish(problems);
    telemetry
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_show_in_debug() {
        let text = "version: 1\nkafka: {brokers: 'localhost:9092'}\nconnections: {j: {system: jushuitan, app_secret: hunter2}}\n";
        let mut problems = Problems::new("weir.yaml");
        let config = Config::parse(text, Path::new("."), &mut problems).unwrap();
        assert!(problems.list().is_empty(), "{:?}", problems.list());
        assert!(!format!("{config:?}").contains("hunter2"));
    }

    #[test]
    fn every_problem_comes_at_once() {
        let text = "kafka: {broker: x}\nconnections: {j: {system: jushuitan, time_zone: Mars/Base}}\ntelemetry: {listen: nowhere}\nseal_key: short\nflow: []\n";
        let mut problems = Problems::new("weir.yaml");
        Config::parse(text, Path::new("."), &mut problems).unwrap();
        let paths: Vec<&str> = problems.list().iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "version",
                "kafka.brokers",
                "kafka.broker",
                "connections.j.time_zone",
                "seal_key",
                "telemetry.listen",
                "flow"
            ]
        );
    }
}
