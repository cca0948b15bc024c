//! A table of keys as JSON Schema, draft 2020-12, of the kind that editors complete and explain by.

use serde_json::{Map, json};
use weir_model::Json;

use super::{BySystem, File, Key, Object, Shape};

/// A name of ours (`weir_model::names`).
const NAME: &str = "^[A-Za-z0-9][A-Za-z0-9_-]{0,79}$";
const DURATION: &str = r"^\s*\d+\s*(ms|s|m|h|d)\s*$";
/// `${env:NAME}` and `${file:path}`, which stand for text in a project's file.
const REFERENCE: &str = r"\$\{(env|file):";

/// The schema of a file.
pub fn schema(file: File) -> Json {
    let (title, description) = match file {
        File::Flow => ("Weir flow", "A flow, or a fragment of one / 流程文件或片段"),
        File::Project => ("Weir project", "weir.yaml: a project / weir.yaml：项目"),
        File::Test => ("Weir tests", "*.test.yaml: tests of a flow / *.test.yaml：流程的测试"),
    };
    let renderer = Renderer { has_references: file == File::Project };
    let objects = file.objects();
    let mut root = Map::new();
    root.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
    root.insert("title".into(), json!(title));
    root.insert("description".into(), json!(description));
    let mut definitions = Map::new();
    for (index, object) in objects.iter().enumerate() {
        let rendered = renderer.object(object, &objects);
        if index == 0 {
            root.extend(rendered);
        } else {
            definitions.insert(object.name.to_owned(), Json::Object(rendered));
        }
    }
    if file == File::Flow {
        root.extend(sides());
    }
    root.insert("$defs".into(), Json::Object(definitions));
    Json::Object(root)
}

/// A fragment has one side, a flow both.
fn sides() -> Map<String, Json> {
    let one = json!({"oneOf": [{"required": ["source"]}, {"required": ["target"]}]});
    let both = json!({"required": ["source", "target"]});
    [("if", json!({"required": ["kind"]})), ("then", one), ("else", both)]
        .map(|(key, value)| (key.to_owned(), value))
        .into_iter()
        .collect()
}

struct Renderer {
    /// Whether any text may refer to the environment or to a file.
    has_references: bool,
}

impl Renderer {
    fn object(&self, object: &Object, objects: &[Object]) -> Map<String, Json> {
        let mut rendered = Map::new();
        rendered.insert("type".into(), json!("object"));
        let has_other_keys = object.by_system.iter().any(|(_, what)| matches!(what, BySystem::Keys(_)));
        rendered.insert("properties".into(), Json::Object(self.properties(&object.keys)));
        let required = required(&object.keys);
        if !required.is_empty() {
            rendered.insert("required".into(), json!(required));
        }
        if !has_other_keys && !self.is_part(object, objects) {
            rendered.insert("additionalProperties".into(), json!(object.is_open));
        }
        if !object.one_of.is_empty() {
            let each: Vec<Json> = object.one_of.iter().map(|key| json!({"required": [key]})).collect();
            rendered.insert("oneOf".into(), json!(each));
        }
        if !object.by_system.is_empty() {
            let all: Vec<Json> =
                object.by_system.iter().map(|(system, what)| when(system, *what, object, objects)).collect();
            rendered.insert("allOf".into(), json!(all));
        }
        rendered
    }

    /// Whether the mapping shares its place with another, which tells what else may stand there.
    fn is_part(&self, object: &Object, objects: &[Object]) -> bool {
        let mut parts = objects.iter().flat_map(|other| &other.by_system);
        parts.any(|(_, what)| matches!(what, BySystem::Keys(name) if *name == object.name))
    }

    fn properties(&self, keys: &[Key]) -> Map<String, Json> {
        keys.iter().map(|key| (key.name.to_owned(), self.key(key))).collect()
    }

    fn key(&self, key: &Key) -> Json {
        let mut rendered = Map::new();
        rendered.insert("description".into(), json!(format!("{} / {}", key.en, key.zh)));
        if let Ok(default) = serde_json::from_str::<Json>(key.default) {
            rendered.insert("default".into(), default);
        }
        match self.shape(&key.shape) {
            // An empty key counts as absent.
            Json::Object(shape) if key.is_required || shape.is_empty() => rendered.extend(shape),
            Json::Object(mut shape) => match shape.get("type") {
                Some(Json::String(kind)) => {
                    let kinds = json!([kind, "null"]);
                    shape.insert("type".into(), kinds);
                    rendered.extend(shape);
                }
                _ => {
                    rendered.insert("anyOf".into(), json!([shape, {"type": "null"}]));
                }
            },
            _ => {}
        }
        Json::Object(rendered)
    }

    fn shape(&self, shape: &Shape) -> Json {
        match shape {
            Shape::Text => json!({"type": ["string", "integer", "boolean"]}),
            Shape::Name => self.text(&json!({"type": "string", "pattern": NAME})),
            Shape::Like(pattern) => self.text(&json!({"type": "string", "pattern": pattern})),
            Shape::Duration => self.text(&json!({"type": "string", "pattern": DURATION})),
            Shape::Flag => {
                json!({"anyOf": [{"type": "boolean"}, {"enum": ["true", "false", "1", "0", 1, 0]}]})
            }
            Shape::True => json!({"const": true}),
            Shape::Count(low, high) => {
                let number = json!({"type": "integer", "minimum": low, "maximum": high});
                self.text(&json!({"anyOf": [number, {"type": "string", "pattern": r"^\s*\d+\s*$"}]}))
            }
            Shape::Choice(words) => self.text(&json!({"enum": words})),
            Shape::Word(words) => json!({"anyOf": [{"enum": words}, {"type": "string"}]}),
            Shape::Names => {
                json!({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]})
            }
            Shape::List(of) => json!({"type": "array", "items": self.shape(of)}),
            Shape::Map(of) => json!({"type": "object", "additionalProperties": self.shape(of)}),
            Shape::Object(name) => json!({"$ref": format!("#/$defs/{name}")}),
            Shape::Either(shapes) => {
                let each: Vec<Json> = shapes.iter().map(|shape| self.shape(shape)).collect();
                json!({"anyOf": each})
            }
            Shape::Any => json!({}),
        }
    }

    /// What is text, or stands for it.
    fn text(&self, schema: &Json) -> Json {
        if !self.has_references {
            return schema.clone();
        }
        json!({"anyOf": [schema, {"type": "string", "pattern": REFERENCE}]})
    }
}

fn required(keys: &[Key]) -> Vec<&'static str> {
    keys.iter().filter(|key| key.is_required).map(|key| key.name).collect()
}

/// What a system adds to the mapping that names it.
fn when(system: &str, what: BySystem, object: &Object, objects: &[Object]) -> Json {
    let then = match what {
        BySystem::Settings(name) => {
            let required = objects.iter().find(|other| other.name == name).map(|other| required(&other.keys));
            let mut then = json!({"properties": {"settings": {"$ref": format!("#/$defs/{name}")}}});
            if required.is_some_and(|keys| !keys.is_empty())
                && let Some(then) = then.as_object_mut()
            {
                then.insert("required".into(), json!(["settings"]));
            }
            then
        }
        BySystem::Keys(name) => {
            let other = objects.iter().find(|other| other.name == name);
            let keys = object.keys.iter().chain(other.into_iter().flat_map(|other| &other.keys));
            let known: Map<String, Json> = keys.map(|key| (key.name.to_owned(), json!(true))).collect();
            json!({"$ref": format!("#/$defs/{name}"), "properties": known, "additionalProperties": false})
        }
    };
    json!({"if": {"properties": {"system": {"const": system}}, "required": ["system"]}, "then": then})
}
