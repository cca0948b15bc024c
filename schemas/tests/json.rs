//! The JSON Schemas that editors read (`schemas/json/`), held against files by a validator that knows nothing of Weir:
//! those of the repository fit, and spoilt ones do not.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail by panicking")]

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use weir_model::settings::{Problems, parse_yaml};

const STRANGE: &str = "zzzzzzzzzzzzzzzz";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(file: &str) -> Value {
    let text = std::fs::read_to_string(root().join(file)).unwrap();
    let mut problems = Problems::new(file);
    parse_yaml(&text, &mut problems).unwrap_or_else(|| panic!("{:?}", problems.list()))
}

/// The files of a folder whose names end so.
fn files(folder: &str, ending: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(ending)).map(|name| format!("{folder}/{name}")).collect()
}

fn flows() -> Vec<String> {
    let is_flow = |name: &String| !name.ends_with(".test.yaml");
    let samples = [
        "flow-execute",
        "flow-kingdee",
        "flow-k3wise",
        "flow-okki",
        "flow-sql",
        "flow-wangdiantong",
        "fragment",
    ]
    .map(|name| format!("app/tests/samples/{name}.yaml"));
    files("flows", ".yaml").into_iter().filter(is_flow).chain(samples).collect()
}

fn projects() -> Vec<String> {
    ["examples/local", "examples/compose", "app/tests/samples"]
        .map(|folder| format!("{folder}/weir.yaml"))
        .into()
}

fn suites() -> Vec<String> {
    files("flows", ".test.yaml").into_iter().chain(files("app/tests/samples", ".test.yaml")).collect()
}

/// What the validator says of each tree; `None` for one that fits.
fn judge(schema: &str, trees: &[Value]) -> Vec<Option<String>> {
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    let text = std::fs::read_to_string(root().join(format!("schemas/json/{schema}.schema.json"))).unwrap();
    compiler.add_resource("weir.json", serde_json::from_str(&text).unwrap()).unwrap();
    let schema = compiler.compile("weir.json", &mut schemas).unwrap();
    trees.iter().map(|tree| schemas.validate(tree, schema).err().map(|error| format!("{error:#}"))).collect()
}

#[test]
fn the_files_of_the_repository_fit() {
    for (schema, names) in [("flow", flows()), ("project", projects()), ("test", suites())] {
        assert!(names.len() >= 3, "{names:?}");
        let trees: Vec<Value> = names.iter().map(|name| read(name)).collect();
        for (name, misfit) in names.iter().zip(judge(schema, &trees)) {
            assert_eq!(misfit, None, "{name}");
        }
    }
}

/// A sample with something else at one place; `null` removes the key.
fn spoil(sample: &Value, pointer: &str, value: &Value) -> Value {
    let mut tree = sample.clone();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = tree.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer}")).as_object_mut().unwrap();
    if value.is_null() {
        assert!(parent.shift_remove(key).is_some(), "{pointer}");
    } else {
        parent.insert(key.to_owned(), value.clone());
    }
    tree
}

#[track_caller]
fn all_are_refused(schema: &str, file: &str, spoils: &[(&str, Value)]) {
    let sample = read(file);
    let trees: Vec<Value> = spoils.iter().map(|(pointer, value)| spoil(&sample, pointer, value)).collect();
    for ((pointer, value), misfit) in spoils.iter().zip(judge(schema, &trees)) {
        assert!(misfit.is_some(), "{file}: {pointer} may be {value}");
    }
}

fn strange(mapping: &str) -> String {
    format!("{mapping}/{STRANGE}")
}

#[test]
fn what_is_wrong_in_a_flow_does_not_fit() {
    let file = "app/tests/samples/flow-kingdee.yaml";
    let mappings = [
        "",
        "/title",
        "/source",
        "/source/poll",
        "/source/settings",
        "/checks/0",
        "/checks/2/type",
        "/lookups/shops",
    ];
    let strange: Vec<String> =
        mappings.into_iter().chain(["/language", "/target", "/target/settings"]).map(strange).collect();
    let mut spoils: Vec<(&str, Value)> =
        strange.iter().map(|pointer| (pointer.as_str(), json!("x"))).collect();
    spoils.extend([
        ("/version", json!(2)),
        ("/flow", json!("甲 乙")),
        ("/flow", Value::Null),
        ("/source", Value::Null),
        ("/target/key", Value::Null),
        ("/kind", json!("fragment")),
        ("/source/poll/every", json!("60")),
        ("/source/metadata/condition/0/0/logic", json!("equals")),
        ("/source/metadata/omissionRemedy/crontab", json!("55 3")),
        ("/checks/0/required", json!(["a"])),
        ("/checks/0/expression", Value::Null),
        ("/language/collation", json!("general_cs")),
        ("/language/div_scale", json!(31)),
        ("/lookups/shops/on_missing", json!("park")),
        ("/target/settings/batch_documents", json!(401)),
        ("/target/metadata/operation/rows", json!(0)),
        ("/target/metadata/groupCalculate/calculate", json!({"a": "$median"})),
    ]);
    all_are_refused("flow", file, &spoils);
    let column = json!([{"name": "id", "type": "float"}]);
    let spoils = [("/target/settings/columns", column)];
    all_are_refused("flow", "app/tests/samples/flow-sql.yaml", &spoils);
}

#[test]
fn what_is_wrong_in_a_project_or_a_test_does_not_fit() {
    let strange: Vec<String> =
        ["", "/kafka", "/connections/mysql", "/collections/shops", "/telemetry"].map(strange).into();
    let mut spoils: Vec<(&str, Value)> =
        strange.iter().map(|pointer| (pointer.as_str(), json!("x"))).collect();
    spoils.extend([
        ("/kafka/brokers", Value::Null),
        ("/kafka/replication", json!(0)),
        ("/connections/jushuitan/app_key", Value::Null),
        ("/connections/jushuitan/system", Value::Null),
        ("/collections/shops/key", Value::Null),
        ("/telemetry/log_format", json!("xml")),
    ]);
    all_are_refused("project", "app/tests/samples/weir.yaml", &spoils);
    let spoils = [
        (strange[0].as_str(), json!("x")),
        ("/now", json!("yesterday")),
        ("/cases", Value::Null),
        ("/cases/0/name", Value::Null),
        ("/cases/0/raw", json!("{}")),
        ("/cases/0/record", Value::Null),
        ("/cases/5/expect/refused", json!(false)),
        ("/cases/5/expect/refused/codes", json!("M-TYPE")),
    ];
    all_are_refused("test", "app/tests/samples/sample.test.yaml", &spoils);
}
