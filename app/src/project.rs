//! A project as a user wrote it: `weir.yaml` and its flows, read, checked and compiled, every problem at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use weir_model::{
    flow::{FlowSpec, FragmentSpec, SourceSpec},
    lookup::LookupIndex,
    names::{ConnectionName, FlowName, SourceName},
    processor::Processor as _,
    settings::{Localized, Problems, Severity},
};
use weir_processors::CompiledFlow;

use crate::{
    config::{Config, Connection},
    exit::Failure,
    files, fragments, receipts,
};

/// A flow that may be run.
#[derive(Clone)]
pub struct Flow {
    /// Its file, as the user named it.
    pub file: String,
    /// What the file says.
    pub spec: FlowSpec,
    /// Its mapping.
    pub mapping: Arc<CompiledFlow>,
}

impl Flow {
    /// The collection that the flow fills, when that is its target.
    pub fn fills(&self) -> Option<String> {
        let target = &self.spec.target;
        (target.system == weir_sinks::collection::SYSTEM)
            .then(|| weir_sinks::collection::name(target, &mut Problems::default()))
            .flatten()
    }
}

/// A project that may be run.
pub struct Project {
    /// The project's file.
    pub file: PathBuf,
    /// What it says.
    pub config: Config,
    /// Its flows.
    pub flows: Vec<Flow>,
}

impl Project {
    /// Reads a project. `None` when it has errors; the problems tell them, and warnings.
    pub fn load(file: &Path) -> (Option<Self>, Problems) {
        let name = file.display().to_string();
        let mut problems = Problems::new(&name);
        let Some(text) = files::read(file, &mut problems) else { return (None, problems) };
        let folder = file.parent().unwrap_or(Path::new("."));
        let Some(config) = Config::parse(&text, folder, &mut problems) else {
            return (None, problems);
        };
        config.check_surroundings(&mut problems);
        check_connections(&config, &name, &mut problems);
        check_accounts(&config, &name, &mut problems);
        let (flows, flow_problems) = load_flows(&config.flows, Some(&config.connections));
        problems.append(flow_problems);
        check_collections(&config, &flows, &mut problems);
        check_receipts(&flows, &mut problems);
        if problems.has_errors() {
            return (None, problems);
        }
        (Some(Self { file: file.to_owned(), config, flows }), problems)
    }

    /// Reads what leads to the brokers and no flow: who wants to see what runs, or to stop it, is not kept from it by
    /// whatever else is wrong with the files.
    pub fn without_flows(file: &Path) -> (Option<Self>, Problems) {
        let (mut all, mut problems) = (Problems::new(file.display().to_string()), Problems::default());
        let text = files::read(file, &mut all);
        let folder = file.parent().unwrap_or(Path::new("."));
        let config = text.and_then(|text| Config::parse(&text, folder, &mut all));
        let matters = |path: &str| ["kafka", "schema_registry"].iter().any(|key| path.starts_with(key));
        let wrong = all.list().iter().any(|problem| {
            problem.severity == Severity::Error && (config.is_none() || matters(&problem.path))
        });
        if wrong {
            problems.append(all);
            return (None, problems);
        }
        (config.map(|config| Self { file: file.to_owned(), config, flows: Vec::new() }), problems)
    }

    /// Compiles the text of a flow with this project's connections and collections; what is wrong with it, on one line.
    pub fn compile(&self, name: &FlowName, text: &str, file: String) -> Result<Flow, String> {
        let mut problems = Problems::new(&file);
        let compiled = flow(text, file, Some(&self.config.connections), &mut problems);
        if let Some(compiled) = &compiled {
            check_collections(&self.config, std::slice::from_ref(compiled), &mut problems);
            receipts::check(compiled, self.flows.iter(), &mut problems);
        }
        match compiled.filter(|flow| flow.spec.name == *name && !problems.has_errors()) {
            Some(compiled) => Ok(compiled),
            None if problems.has_errors() => Err(on_one_line(&problems)),
            None => Err(format!("the text is not that of flow {name}")),
        }
    }

    /// Reads a flow file that is to be one of this project; `None` when it has errors. The problems tell them all.
    pub fn read_flow(&self, file: &Path) -> (Option<Flow>, Problems) {
        let (mut flows, mut problems) = load_flows(&[file.to_owned()], Some(&self.config.connections));
        if let Some(flow) = flows.last() {
            let mut own = Problems::new(&flow.file);
            receipts::check(flow, self.flows.iter(), &mut own);
            problems.append(own);
            check_collections(&self.config, std::slice::from_ref(flow), &mut problems);
        }
        let flow = flows.pop().filter(|_| !problems.has_errors());
        (flow, problems)
    }

    /// Whether a flow may run beside others: flows that share a source agree about it.
    pub fn agrees<'a>(&self, flow: &Flow, others: impl Iterator<Item = &'a Flow>) -> Result<(), String> {
        let mut problems = Problems::new(&flow.file);
        check_beside(flow, others, &mut problems);
        if problems.has_errors() { Err(on_one_line(&problems)) } else { Ok(()) }
    }

    /// The connection of a flow's source or target; it was checked to be there.
    pub fn connection(&self, name: &ConnectionName) -> Result<&Connection, Failure> {
        self.config
            .connections
            .get(name)
            .ok_or_else(|| Failure::invalid(format!("{}: connection {name} is missing", self.file.display())))
    }

    /// The sources that are polled for the flows, each once.
    pub fn sources(&self) -> Vec<&SourceSpec> {
        let mut sources: BTreeMap<&SourceName, &SourceSpec> = BTreeMap::new();
        for flow in self.flows.iter().filter(|flow| flow.spec.source.receipts.is_none()) {
            sources.entry(&flow.spec.source.name).or_insert(&flow.spec.source);
        }
        sources.into_values().collect()
    }
}

/// Reads flow files and folders of them; those that have no error, and all problems. Without `connections` the flows
/// are checked on their own.
pub fn load_flows(
    paths: &[PathBuf],
    connections: Option<&BTreeMap<ConnectionName, Connection>>,
) -> (Vec<Flow>, Problems) {
    let mut problems = Problems::default();
    let mut flows: Vec<Flow> = Vec::new();
    for file in files::flow_files(paths, &mut problems) {
        let name = file.display().to_string();
        let mut own = Problems::new(&name);
        let text = files::read(&file, &mut own);
        if let Some(text) = text.as_ref().filter(|text| FragmentSpec::is_fragment(text)) {
            fragments::check(text, &mut own);
        } else if let Some(text) = text
            && let Some(flow) = flow(&text, name, connections, &mut own)
        {
            check_beside(&flow, flows.iter(), &mut own);
            if !own.has_errors() {
                flows.push(flow);
            }
        }
        problems.append(own);
    }
    (flows, problems)
}

fn flow(
    text: &str,
    file: String,
    connections: Option<&BTreeMap<ConnectionName, Connection>>,
    problems: &mut Problems,
) -> Option<Flow> {
    let spec = FlowSpec::parse(text, problems)?;
    let zone = match connections {
        Some(known) => {
            if spec.source.receipts.is_none() {
                let SourceSpec { connection, system, .. } = &spec.source;
                check_connection(known, "source.connection", connection, system, problems);
            }
            // A collection lies in the project's own Kafka: no connection leads to it.
            if spec.target.system != weir_sinks::collection::SYSTEM {
                check_connection(
                    known,
                    "target.connection",
                    &spec.target.connection,
                    &spec.target.system,
                    problems,
                );
            }
            receipts::zone(&spec, known)
        }
        None => receipts::default_zone(),
    };
    if spec.source.receipts.is_none() {
        weir_producers::check(&spec.source, problems);
    }
    weir_sinks::check(&spec.target, problems);
    let mapping = weir_processors::compile(&spec, zone, problems)?;
    Some(Flow { file, spec, mapping: Arc::new(mapping) })
}

/// The connection must be there and lead to the flow's system.
fn check_connection(
    known: &BTreeMap<ConnectionName, Connection>,
    path: &str,
    name: &ConnectionName,
    system: &str,
    problems: &mut Problems,
) {
    let Some(connection) = known.get(name) else {
        if !name.as_str().is_empty() {
            unknown_connection(known, path, name, system, problems);
        }
        return;
    };
    if connection.system != system && is_known(&connection.system) && is_known(system) {
        let other = &connection.system;
        let message = Localized::new(
            format!("连接 {name} 属于系统 {other}，流程需要 {system}"),
            format!("connection {name} leads to {other}, the flow wants {system}"),
        );
        problems.error_with(path, message, advice(known, system));
    }
}

fn unknown_connection(
    known: &BTreeMap<ConnectionName, Connection>,
    path: &str,
    name: &ConnectionName,
    system: &str,
    problems: &mut Problems,
) {
    let names: Vec<&str> = known.keys().map(ConnectionName::as_str).collect();
    let message =
        Localized::new(format!("项目中没有连接 {name}"), format!("the project has no connection {name}"));
    let suggestion = match weir_model::settings::nearest(name.as_str(), &names) {
        Some(best) => Localized::new(format!("是否想写 {best:?}？"), format!("did you mean {best:?}?")),
        None => advice(known, system),
    };
    problems.error_with(path, message, suggestion);
}

/// Which connections lead to a system, or how to make one.
fn advice(known: &BTreeMap<ConnectionName, Connection>, system: &str) -> Localized {
    let fitting: Vec<&str> = known
        .iter()
        .filter(|(_, connection)| connection.system == system)
        .map(|(name, _)| name.as_str())
        .collect();
    if fitting.is_empty() {
        return Localized::new(
            format!("在项目文件的 connections 下新增一个 system: {system} 的连接"),
            format!("add a connection with system: {system} to the project's connections"),
        );
    }
    let list = fitting.join(", ");
    Localized::new(format!("{system} 的连接：{list}"), format!("connections to {system}: {list}"))
}

fn is_known(system: &str) -> bool {
    crate::commands::describe::system_names().contains(&system)
}

/// Names are unique; flows that share a source agree about it.
fn check_beside<'a>(flow: &Flow, others: impl Iterator<Item = &'a Flow>, problems: &mut Problems) {
    for other in others {
        if other.spec.name == flow.spec.name {
            let message = Localized::new(
                format!("流程名与 {} 重复", other.file),
                format!("{} has the same flow name", other.file),
            );
            let suggestion = Localized::new("给其中一个另取名称", "give one of them another name");
            problems.error_with("flow", message, suggestion);
        }
        let (mine, theirs) = (&flow.spec.source, &other.spec.source);
        if theirs.name == mine.name && theirs != mine {
            let message = Localized::new(
                format!("数据源 {} 在 {} 中的定义不同", mine.name, other.file),
                format!("source {} is defined otherwise in {}", mine.name, other.file),
            );
            let suggestion =
                Localized::new("写成完全相同，或另取名称", "make both the same, or give it another name");
            problems.error_with("source", message, suggestion);
        }
    }
}

/// Flows that are read are there. Of files that cannot be used it is not known which flows they are.
fn check_receipts(flows: &[Flow], problems: &mut Problems) {
    if problems.has_errors() {
        return;
    }
    for flow in flows {
        let mut own = Problems::new(&flow.file);
        receipts::check(flow, flows.iter(), &mut own);
        problems.append(own);
    }
}

/// Collections that flows fill or look up are declared.
fn check_collections(config: &Config, flows: &[Flow], problems: &mut Problems) {
    for flow in flows {
        let mut own = Problems::new(&flow.file);
        let mut unknown = BTreeSet::new();
        if let Some(filled) = flow.fills()
            && !config.collections.contains_key(&filled)
        {
            unknown_collection(config, "target.settings.collection", &filled, &mut own);
            unknown.insert(filled);
        }
        for LookupIndex { collection, .. } in flow.mapping.lookups() {
            if !config.collections.contains_key(collection) && unknown.insert(collection.clone()) {
                unknown_collection(config, &place_of(&flow.spec, collection), collection, &mut own);
            }
        }
        problems.append(own);
    }
}

/// Where a flow names a collection, beside the expressions that do.
fn place_of(spec: &FlowSpec, collection: &str) -> String {
    let alias = spec.aliases.iter().find(|(_, meant)| *meant == collection);
    match alias {
        Some((alias, _)) => format!("aliases.{alias}"),
        None if spec.lookups.contains_key(collection) => format!("lookups.{collection}"),
        None => spec.target.metadata.path.clone(),
    }
}

fn unknown_collection(config: &Config, path: &str, name: &str, problems: &mut Problems) {
    let known: Vec<&str> = config.collections.keys().map(String::as_str).collect();
    let message =
        Localized::new(format!("项目中没有集合 {name}"), format!("the project has no collection {name}"));
    let suggestion = match weir_model::settings::nearest(name, &known) {
        Some(best) => Localized::new(format!("是否想写 {best:?}？"), format!("did you mean {best:?}?")),
        None => Localized::new(
            "在项目文件的 collections 下声明它，或在流程的 aliases 下让它指向已声明的集合",
            "declare it under collections in the project's file, or let an alias of the flow lead to a declared one",
        ),
    };
    problems.error_with(path, message, suggestion);
}

/// All errors, for a log line.
fn on_one_line(problems: &Problems) -> String {
    let errors = problems.list().iter().filter(|problem| problem.severity == Severity::Error);
    errors.map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn check_connections(config: &Config, file: &str, problems: &mut Problems) {
    for (name, connection) in &config.connections {
        let polled = weir_producers::systems().iter().any(|system| system.name == connection.system);
        let written = weir_sinks::SYSTEMS.contains(&connection.system.as_str());
        if polled {
            weir_producers::check_connection(
                &connection.system,
                &account(name, connection, config, file),
                problems,
            );
        }
        if written {
            weir_sinks::check_connection(
                &connection.system,
                &connection.settings,
                &connection.path,
                problems,
            );
        }
        if !polled && !written && !connection.system.is_empty() && !is_known(&connection.system) {
            let known = crate::commands::describe::system_names();
            weir_model::settings::unknown_word(
                format!("{}.system", connection.path),
                &connection.system,
                &known,
                problems,
            );
        }
    }
}

/// A quota is kept per connection, so no two of them may be one remote account.
fn check_accounts(config: &Config, file: &str, problems: &mut Problems) {
    let mut known = Vec::new();
    for (name, connection) in &config.connections {
        let as_polled = account(name, connection, config, file);
        let Some(remote) = weir_producers::remote_account(&connection.system, &as_polled) else { continue };
        if let Some((_, other)) = known.iter().find(|(known, _)| *known == remote) {
            let message = Localized::new(
                format!("连接 {name} 与 {other} 是同一个账号：配额按连接计算，两者相加会超出"),
                format!(
                    "connections {name} and {other} are one account: a quota is kept per connection, and the two would \
                     exceed it together"
                ),
            );
            let suggestion = Localized::new(
                format!(
                    "只保留 {other}，让所有来源使用它；旺店通的一个连接可同时有 direct 和 qimen 的密钥，由来源的 settings.access 选择"
                ),
                format!(
                    "keep {other} alone and let all sources use it; one connection of 旺店通 can hold the keys of both \
                     direct and qimen, and settings.access of a source chooses"
                ),
            );
            problems.error_with(connection.path.clone(), message, suggestion);
        } else {
            known.push((remote, name));
        }
    }
}

/// A connection as the producers want it.
pub fn account(
    name: &ConnectionName,
    connection: &Connection,
    config: &Config,
    file: &str,
) -> weir_producers::Connection {
    weir_producers::Connection {
        name: name.clone(),
        file: file.to_owned(),
        path: connection.path.clone(),
        zone: connection.zone.clone(),
        settings: connection.settings.clone(),
        seal_key: config.seal_key.clone(),
    }
}

/// The names of a project's flows, for messages.
pub fn names(flows: &[Flow]) -> Vec<&FlowName> {
    flows.iter().map(|flow| &flow.spec.name).collect()
}
