//! The tables against the parsers: files that use every key are spoilt key by key, and what the parsers say about it must
//! be what the tables tell. That files fit the schemas is tested in `schemas/tests/json.rs`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use weir_model::{
    Json,
    settings::{Localized, Problem, Problems, parse_yaml},
};

use super::{BySystem, File, Key, Object, Shape};
use crate::project::{Project, load_flows};

/// A key and a word that nothing resembles.
const STRANGE: &str = "zzzzzzzzzzzzzzzz";

/// Files that use every key of a table at least once.
const SAMPLES: [(File, &[&str]); 3] = [
    (
        File::Flow,
        &[
            include_str!("../../tests/samples/flow-kingdee.yaml"),
            include_str!("../../tests/samples/flow-sql.yaml"),
            include_str!("../../tests/samples/flow-execute.yaml"),
            include_str!("../../tests/samples/flow-wangdiantong.yaml"),
            include_str!("../../tests/samples/flow-okki.yaml"),
            include_str!("../../tests/samples/flow-k3wise.yaml"),
            include_str!("../../tests/samples/flow-receipts.yaml"),
            include_str!("../../tests/samples/fragment.yaml"),
        ],
    ),
    (
        File::Project,
        &[include_str!("../../tests/samples/weir.yaml"), include_str!("../../tests/samples/weir-files.yaml")],
    ),
    (File::Test, &[include_str!("../../tests/samples/sample.test.yaml")]),
];

const FLOW_OF_PROJECT: &str = include_str!("../../tests/samples/flow-sql.yaml");

/// What the parser of a file says about its text.
fn problems_of(file: File, tree: &Json) -> Vec<Problem> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.yaml");
    // A key a line: whether a file is a fragment is seen before it is parsed.
    let lines = tree.as_object().unwrap().iter().map(|(key, value)| format!("{key}: {value}\n"));
    let text: String = lines.collect();
    std::fs::write(&path, &text).unwrap();
    let problems = match file {
        File::Flow => load_flows(&[path], None).1,
        File::Project => {
            std::fs::write(folder.path().join("flow.yaml"), FLOW_OF_PROJECT).unwrap();
            // They are looked for, and read when the process starts.
            for certificate in ["ca.pem", "weir.pem", "weir.key"] {
                std::fs::write(folder.path().join(certificate), "").unwrap();
            }
            Project::load(&path).1
        }
        File::Test => {
            let mut problems = Problems::new("file.test.yaml");
            let no_file = |_: &str| Ok::<_, Localized>("[]".to_owned());
            weir_cases::Suite::parse(&text, "file.test.yaml", &no_file, &mut problems);
            problems
        }
    };
    problems.list().to_vec()
}

/// A place in a sample: the mapping that stands there, by the names of its tables, with its path as people read it.
struct Place {
    objects: Vec<String>,
    pointer: String,
    path: String,
}

struct Walk<'t> {
    objects: &'t [Object],
    places: Vec<Place>,
}

impl Walk<'_> {
    fn object(&self, name: &str) -> &Object {
        self.objects.iter().find(|object| object.name == name).unwrap()
    }

    fn shape(&mut self, value: &Json, shape: &Shape, pointer: &str, path: &str) {
        match (shape, value) {
            (Shape::Object(name), Json::Object(_)) => self.mapping(value, &[name], pointer, path),
            (Shape::List(of), Json::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    self.shape(item, of, &format!("{pointer}/{index}"), &format!("{path}[{index}]"));
                }
            }
            (Shape::Map(of), Json::Object(entries)) => {
                for (key, item) in entries {
                    self.shape(item, of, &format!("{pointer}/{key}"), &format!("{path}.{key}"));
                }
            }
            (Shape::Either(shapes), _) => {
                // Of several mappings the one with most of the keys.
                let fitting = shapes.iter().rev().max_by_key(|shape| match (shape, value) {
                    (Shape::Object(name), Json::Object(entries)) => {
                        let keys = &self.object(name).keys;
                        1 + keys.iter().filter(|key| entries.contains_key(key.name)).count()
                    }
                    (Shape::List(_), Json::Array(_)) => 1,
                    _ => 0,
                });
                if let Some(shape) = fitting {
                    self.shape(value, shape, pointer, path);
                }
            }
            _ => {}
        }
    }

    fn mapping(&mut self, value: &Json, names: &[&str], pointer: &str, path: &str) {
        let mut names = names.to_vec();
        let object = self.object(names[0]).clone();
        let mut settings = None;
        for (system, what) in &object.by_system {
            if value["system"] == *system {
                match what {
                    BySystem::Keys(name) => names.push(name),
                    BySystem::Settings(name) => settings = Some(Shape::Object(name)),
                }
            }
        }
        for name in &names {
            for key in self.object(name).clone().keys {
                let Some(inner) = value.get(key.name) else { continue };
                let shape = settings.as_ref().filter(|_| key.name == "settings").unwrap_or(&key.shape);
                let path = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
                self.shape(inner, shape, &format!("{pointer}/{}", key.name), &path);
            }
        }
        let objects = names.iter().map(|name| (*name).to_owned()).collect();
        self.places.push(Place { objects, pointer: pointer.to_owned(), path: path.to_owned() });
    }
}

/// Every mapping of the samples of a file, with the sample it stands in.
fn places(file: File) -> Vec<(Json, Place)> {
    let objects = file.objects();
    let (_, samples) = SAMPLES.into_iter().find(|(of, _)| *of == file).unwrap();
    let mut places = Vec::new();
    for text in samples {
        let tree = parse_yaml(text, &mut Problems::new("sample")).unwrap();
        let mut walk = Walk { objects: &objects, places: Vec::new() };
        walk.mapping(&tree, &[objects[0].name], "", "");
        places.extend(walk.places.into_iter().map(|place| (tree.clone(), place)));
    }
    places
}

/// The sample with one key of a mapping set, or removed.
fn with(tree: &Json, pointer: &str, key: &str, value: Option<Json>) -> Json {
    let mut tree = tree.clone();
    let mapping = tree.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => mapping.insert(key.to_owned(), value),
        None => mapping.shift_remove(key),
    };
    tree
}

fn path_of(place: &Place, key: &str) -> String {
    if place.path.is_empty() { key.to_owned() } else { format!("{}.{key}", place.path) }
}

fn words_after<'p>(problem: &'p Problem, lead: &str) -> Option<BTreeSet<&'p str>> {
    let words = problem.suggestion.as_ref()?.en.strip_prefix(lead)?;
    Some(words.split(", ").collect())
}

#[test]
fn the_samples_are_fine() {
    for (file, samples) in SAMPLES {
        for text in samples {
            let tree = parse_yaml(text, &mut Problems::new("sample")).unwrap();
            let problems: Vec<String> = problems_of(file, &tree)
                .iter()
                .filter(|problem| problem.severity == weir_model::settings::Severity::Error)
                .map(ToString::to_string)
                .collect();
            // A program that was built without TLS refuses the sample's protocol, and nothing else.
            let is_expected =
                |problem: &&String| !cfg!(feature = "tls") && problem.contains("kafka.security.protocol");
            let others: Vec<_> = problems.iter().filter(|problem| !is_expected(problem)).collect();
            assert!(others.is_empty(), "{file:?}: {others:#?}");
        }
    }
}

#[test]
fn every_key_of_the_parsers_is_in_the_tables_and_the_other_way_round() {
    let mut wrong = Vec::new();
    for file in File::ALL {
        let mut asked: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (tree, place) in places(file) {
            // The last of several tables is read last, and alone is told.
            let name = place.objects.last().unwrap();
            let spoilt = with(&tree, &place.pointer, STRANGE, Some(json!("x")));
            let path = path_of(&place, STRANGE);
            let told = problems_of(file, &spoilt);
            let told = told.iter().find(|problem| problem.path == path);
            let Some(known) = told.and_then(|told| words_after(told, "known keys here: ")) else {
                wrong.push(format!("{file:?}: {path}: {told:?}"));
                continue;
            };
            asked.entry(name.clone()).or_default().extend(known.into_iter().map(str::to_owned));
        }
        for object in file.objects() {
            if object.name == "connection" {
                continue; // every sample has a system, whose table comes after it
            }
            let listed: BTreeSet<String> =
                object.keys.iter().filter(|key| !key.is_idle).map(|key| key.name.to_owned()).collect();
            let asked = asked.remove(object.name);
            if asked.as_ref() != Some(&listed) {
                wrong.push(format!("{file:?}: {}: the parser {asked:?}, the table {listed:?}", object.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn keys_without_effect_are_known_to_the_parser() {
    for (tree, place) in places(File::Flow) {
        let objects = File::Flow.objects();
        let object = objects.iter().find(|object| object.name == place.objects[0]).unwrap();
        for key in object.keys.iter().filter(|key| key.is_idle) {
            let spoilt = with(&tree, &place.pointer, key.name, Some(json!("x")));
            let path = path_of(&place, key.name);
            for problem in problems_of(File::Flow, &spoilt).iter().filter(|problem| problem.path == path) {
                assert!(!problem.message.en.starts_with("unknown metadata key"), "{problem}");
            }
        }
    }
}

/// What the parser says about a mapping of a sample when one of its keys is another, or gone.
struct Probe<'p> {
    file: File,
    tree: &'p Json,
    place: &'p Place,
}

impl Probe<'_> {
    /// The problems at the key and below it.
    fn said(&self, key: &str, value: Option<Json>) -> Vec<Problem> {
        let path = path_of(self.place, key);
        let below = format!("{path}.");
        let told = problems_of(self.file, &with(self.tree, &self.place.pointer, key, value));
        told.into_iter().filter(|problem| problem.path == path || problem.path.starts_with(&below)).collect()
    }

    fn is_missed(&self, key: &str) -> bool {
        self.said(key, None).iter().any(|problem| problem.message.en == "is required")
    }

    /// Whether the parser takes the values that the table names, as far as it tells.
    fn agrees(&self, key: &Key) -> bool {
        match &key.shape {
            Shape::Choice(words) if !OTHERWISE.contains(&key.name) => {
                let told = self.said(key.name, Some(json!(STRANGE)));
                let known = told.iter().find_map(|problem| words_after(problem, "known values: "));
                known == Some(words.iter().copied().collect())
            }
            Shape::Count(low, high) if key.name != "version" => {
                let advice = format!("write a whole number from {low} to {high}");
                let told = self.said(key.name, Some(json!(u64::MAX)));
                told.iter().any(|problem| problem.suggestion.as_ref().is_some_and(|text| text.en == advice))
            }
            Shape::Duration => {
                let told = self.said(key.name, Some(json!(STRANGE)));
                told.iter().any(|problem| problem.message.en.contains("a duration"))
            }
            _ => true,
        }
    }
}

#[test]
fn required_keys_words_and_bounds_are_those_of_the_parsers() {
    let mut wrong = BTreeSet::new();
    for file in File::ALL {
        let objects = file.objects();
        for (tree, place) in places(file) {
            let probe = Probe { file, tree: &tree, place: &place };
            for object in objects.iter().filter(|object| place.objects.iter().any(|name| name == object.name))
            {
                for key in object.keys.iter().filter(|key| !key.is_idle) {
                    let is_free = DEPENDS.contains(&(object.name, key.name));
                    if !is_free && probe.is_missed(key.name) != key.is_required {
                        wrong.insert(format!("{file:?}: {}.{}: required", object.name, key.name));
                    }
                    if !probe.agrees(key) {
                        wrong.insert(format!("{file:?}: {}.{}: {:?}", object.name, key.name, key.shape));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Keys that are missed or not for what stands beside them.
const DEPENDS: [(&str, &str); 25] = [
    ("receipts_source", "receipts"),
    ("xiaoman_okki", "client_id"),
    ("xiaoman_okki", "client_secret"),
    ("xiaoman_okki", "username"),
    ("xiaoman_okki", "password"),
    ("wangdiantong_enterprise", "app_key"),
    ("wangdiantong_enterprise", "app_secret"),
    ("wangdiantong_enterprise", "qimen_app_key"),
    ("wangdiantong_enterprise", "qimen_app_secret"),
    ("wangdiantong_flagship", "app_key"),
    ("wangdiantong_flagship", "app_secret"),
    ("wangdiantong_flagship", "qimen_app_key"),
    ("wangdiantong_flagship", "qimen_app_secret"),
    ("kingdee_galaxy", "app_id"),
    ("kingdee_galaxy", "app_secret"),
    ("check", "rows"),
    ("security", "user"),
    ("security", "password"),
    ("connection", "system"),
    ("range_check", "min"),
    ("flow", "source"),
    ("flow", "target"),
    ("target", "settings"),
    ("sql_settings", "table"),
    ("sql_settings", "columns"),
];
/// Words that something else than the settings' reader compares.
const OTHERWISE: [&str; 3] = ["method", "kind", "logic"];
