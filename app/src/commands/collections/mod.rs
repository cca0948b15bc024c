//! `weir collections`: loads, lists, shows and removes reference rows.
//!
//! | Module | Holds |
//! | --- | --- |
//! | `file` | files of rows: CSV, JSON |
//! | `load` | a file into a collection |
//! | `store` | a collection's topic: reading and changing rows |

mod file;
mod load;
mod store;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    time::Duration,
};

use serde_json::{Value, json};
use weir_kafka::{Admin, Cluster};
use weir_model::{digest::Digest, lookup::field_of, processor::Processor as _};
use weir_runtime::{stage::Deployment, topics::Topics};

use self::store::Store;
use super::load as load_project;
use crate::{
    cli::{Cli, CollectionsDrop, CollectionsGet, CollectionsLoad, Language, Project as ProjectOption},
    codec,
    config::Collection,
    exit::Failure,
    output::{self, pick, say},
    project::Project,
};

/// How long Kafka is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Lists the declared collections.
pub async fn list(option: &ProjectOption, cli: &Cli) -> Result<(), Failure> {
    let project = load_project(option, cli)?;
    let mut listed = Vec::new();
    for (name, collection) in &project.config.collections {
        let store = open(&project, name).await?;
        let mut ids = HashSet::new();
        store.read(|id, row| {
            let id = Digest::of(id.as_bytes());
            if row.is_some() {
                ids.insert(id)
            } else {
                ids.remove(&id)
            };
        })?;
        listed.push(Listed { name, collection, rows: ids.len(), users: Users::of(&project, name) });
    }
    let language = output::language(cli.lang);
    if cli.json {
        let list: Vec<Value> = listed.iter().map(Listed::json).collect();
        say!("{}", json!({"collections": list}));
        return Ok(());
    }
    let headings = match language {
        Language::Zh => ["集合", "说明", "行数", "来源", "使用者"],
        Language::En => ["collection", "title", "rows", "filled from", "looked up by"],
    };
    let rows: Vec<Vec<String>> = listed.iter().map(|listed| listed.line(language)).collect();
    output::tell(&output::table(&headings, &rows));
    Ok(())
}

/// A collection as it is listed.
struct Listed<'p> {
    name: &'p str,
    collection: &'p Collection,
    rows: usize,
    users: Users,
}

/// Which flows fill a collection, and which look it up by what.
struct Users {
    filled_by: Vec<String>,
    looked_up: BTreeMap<String, BTreeSet<String>>,
}

impl Users {
    fn of(project: &Project, name: &str) -> Self {
        let mut users = Self { filled_by: Vec::new(), looked_up: BTreeMap::new() };
        for flow in &project.flows {
            let flow_name = flow.spec.name.to_string();
            if flow.fills().as_deref() == Some(name) {
                users.filled_by.push(flow_name.clone());
            }
            for index in flow.mapping.lookups().iter().filter(|index| index.collection == name) {
                users.looked_up.entry(flow_name.clone()).or_default().insert(index.fields.join("+"));
            }
        }
        users
    }
}

impl Listed<'_> {
    fn sources(&self) -> Vec<String> {
        let file = self.collection.file.iter().map(|file| file.display().to_string());
        file.chain(self.users.filled_by.iter().cloned()).collect()
    }

    fn line(&self, language: Language) -> Vec<String> {
        let by = |(flow, fields): (&String, &BTreeSet<String>)| {
            format!("{flow} ({})", fields.iter().cloned().collect::<Vec<_>>().join(", "))
        };
        vec![
            self.name.to_owned(),
            pick(&self.collection.title, language).to_owned(),
            self.rows.to_string(),
            self.sources().join(", "),
            self.users.looked_up.iter().map(by).collect::<Vec<_>>().join(", "),
        ]
    }

    fn json(&self) -> Value {
        let title = &self.collection.title;
        json!({
            "collection": self.name, "title": {"zh": title.zh, "en": title.en}, "key": self.collection.key,
            "rows": self.rows, "file": self.collection.file, "filled_by": self.users.filled_by,
            "looked_up_by": self.users.looked_up,
        })
    }
}

/// Loads a file.
pub async fn load(options: &CollectionsLoad, cli: &Cli) -> Result<(), Failure> {
    let project = load_project(&options.project, cli)?;
    let language = output::language(cli.lang);
    let collection = declared(&project, &options.name, language)?;
    let Some(file) = options.file.as_ref().or(collection.file.as_ref()) else {
        let name = &options.name;
        return Err(Failure::invalid(match language {
            Language::Zh => format!(
                "未指定文件；写 `weir collections load {name} 文件`，或在 weir.yaml 中设置 collections.{name}.file"
            ),
            Language::En => format!(
                "no file is named; write `weir collections load {name} FILE`, or set collections.{name}.file in weir.yaml"
            ),
        }));
    };
    if !file.is_file() {
        let file = file.display();
        return Err(Failure::invalid(match language {
            Language::Zh => format!("没有文件 {file}；请检查路径"),
            Language::En => format!("there is no file {file}; check the path"),
        }));
    }
    let checked = load::check(file, &collection.key, language)?;
    let loaded = checked.load(&open(&project, &options.name).await?, options.replace)?;
    let load::Loaded { rows, written, removed } = loaded;
    let name = &options.name;
    if cli.json {
        say!("{}", json!({"collection": name, "rows": rows, "written": written, "removed": removed}));
        return Ok(());
    }
    match language {
        Language::Zh => say!("{name}：文件 {rows} 行，写入 {written}，删除 {removed}"),
        Language::En => say!("{name}: {rows} rows in the file, {written} written, {removed} removed"),
    }
    Ok(())
}

/// Loads the declared file of a collection into brokers that are at hand already.
pub fn fill(
    project: &Project,
    deployment: &Deployment,
    name: &str,
    language: Language,
) -> Result<(), Failure> {
    let collection = declared(project, name, language)?;
    let Some(file) = &collection.file else { return Ok(()) };
    let store = Store::open(&deployment.cluster, &deployment.codec, &deployment.topics, name)?;
    load::check(file, &collection.key, language)?.load(&store, false)?;
    Ok(())
}

/// Shows rows.
pub async fn get(options: &CollectionsGet, cli: &Cli) -> Result<(), Failure> {
    let project = load_project(&options.project, cli)?;
    let language = output::language(cli.lang);
    declared(&project, &options.name, language)?;
    let store = open(&project, &options.name).await?;
    let mut found: BTreeMap<String, Value> = BTreeMap::new();
    store.read(|id, row| {
        let row = row.and_then(|row| serde_json::from_slice::<Value>(&row.row).ok());
        let wanted = |row: &Value| {
            options.id.as_deref().is_none_or(|wanted| wanted == id)
                && options
                    .conditions
                    .iter()
                    .all(|(field, value)| field_of(row, field).as_deref() == Some(value))
        };
        match row.filter(wanted) {
            Some(row) => found.insert(id.to_owned(), row),
            None => found.remove(id),
        };
    })?;
    let total = found.len();
    if let Some(id) = options.id.as_ref().filter(|_| total == 0) {
        let name = &options.name;
        return Err(Failure::invalid(match language {
            Language::Zh => format!("集合 {name} 没有行 {id:?}"),
            Language::En => format!("the collection {name} has no row {id:?}"),
        }));
    }
    let shown: Vec<(String, Value)> = found.into_iter().take(options.limit).collect();
    if cli.json {
        let rows: Vec<Value> = shown.into_iter().map(|(id, row)| json!({"id": id, "row": row})).collect();
        say!("{}", json!({"total": total, "rows": rows}));
        return Ok(());
    }
    for (id, row) in &shown {
        say!("{id}  {row}");
    }
    match language {
        Language::Zh => say!("共 {total} 行，显示 {}", shown.len()),
        Language::En => say!("{total} rows, {} shown", shown.len()),
    }
    Ok(())
}

/// Removes rows.
pub async fn drop_rows(options: &CollectionsDrop, cli: &Cli) -> Result<(), Failure> {
    let project = load_project(&options.project, cli)?;
    let language = output::language(cli.lang);
    declared(&project, &options.name, language)?;
    let store = open(&project, &options.name).await?;
    let mut held: BTreeSet<String> = BTreeSet::new();
    store.read(|id, row| {
        let named = options.ids.is_empty() || options.ids.iter().any(|wanted| wanted == id);
        if row.is_some() && named {
            held.insert(id.to_owned());
        } else {
            held.remove(id);
        }
    })?;
    let name = &options.name;
    let absent: Vec<&str> = options.ids.iter().filter(|id| !held.contains(*id)).map(String::as_str).collect();
    if !absent.is_empty() {
        let absent = absent.join(", ");
        return Err(Failure::invalid(match language {
            Language::Zh => format!("集合 {name} 没有这些行：{absent}；未删除任何行"),
            Language::En => format!("the collection {name} has no rows {absent}; nothing was removed"),
        }));
    }
    let rows = held.len();
    if !options.yes {
        return Err(Failure::invalid(match language {
            Language::Zh => format!("将从集合 {name} 删除 {rows} 行；确认请加 --yes"),
            Language::En => {
                format!("{rows} rows of the collection {name} would be removed; add --yes to do so")
            }
        }));
    }
    let mut writer = store.writer()?;
    held.into_iter().try_for_each(|id| writer.remove(id))?;
    writer.flush()?;
    if cli.json {
        say!("{}", json!({"collection": name, "removed": rows}));
        return Ok(());
    }
    match language {
        Language::Zh => say!("{name}：已删除 {rows} 行"),
        Language::En => say!("{name}: {rows} rows removed"),
    }
    Ok(())
}

/// The declaration of a collection; what is misspelt is told before anything is connected to.
fn declared<'p>(project: &'p Project, name: &str, language: Language) -> Result<&'p Collection, Failure> {
    let known = &project.config.collections;
    known.get(name).ok_or_else(|| {
        let list = known.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let file = project.file.display();
        Failure::invalid(match language {
            Language::Zh => format!("{file} 没有声明集合 {name:?}；已声明：{list}"),
            Language::En => format!("{file} declares no collection {name:?}; there are: {list}"),
        })
    })
}

async fn open(project: &Project, name: &str) -> Result<Store, Failure> {
    let cluster = Cluster::remote(project.config.kafka.clone())?;
    Admin::open(&cluster)?.wait_ready(PATIENCE)?;
    let codec = codec::of(&project.config).await?;
    Store::open(&cluster, &codec, &Topics::new(&project.config.prefix), name)
}
