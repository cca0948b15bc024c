//! `weir describe`: systems, APIs, the language, the schemas; and the files that are written from them.

use crate::weir::weir;

#[test]
fn systems_are_listed_with_their_role() {
    let answer = weir(&["describe", "systems", "--json"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    let json = answer.json();
    let systems: Vec<(&str, &str)> = json["systems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|system| (system["system"].as_str().unwrap(), system["role"].as_str().unwrap()))
        .collect();
    for expected in
        [("jushuitan", "source"), ("kingdee-galaxy", "target"), ("mysql", "target"), ("sqlite", "target")]
    {
        assert!(systems.contains(&expected), "{systems:?}");
    }
    assert!(
        json["systems"].as_array().unwrap().iter().all(|s| !s["summary"].as_str().unwrap().is_empty()),
        "{json}"
    );
    let text = weir(&["describe", "systems"]);
    let mut rows = text.out.lines().map(|line| line.split_whitespace().take(2));
    assert!(rows.any(|row| row.eq(["kingdee-galaxy", "target"])), "{text:?}");
}

#[test]
fn apis_tell_parameters_limits_and_errors() {
    let answer = weir(&["describe", "api", "--json"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    let json = answer.json();
    let apis = json["apis"].as_array().unwrap();
    let query = apis.iter().find(|api| api["path"] == "/open/jushuitan/distributor/query").unwrap();
    assert!(query["parameters"].as_array().unwrap().iter().any(|p| p["name"] == "page_size"), "{query}");
    for (language, word) in [("en", "page_size"), ("zh", "页")] {
        let text = weir(&["describe", "api", "jushuitan", "--lang", language]);
        assert_eq!(text.code, 0);
        assert!(
            text.out.contains("/open/jushuitan/distributor/query") && text.out.contains(word),
            "{text:?}"
        );
        assert!(!text.out.contains("kingdee-galaxy"), "only the system asked for: {text:?}");
    }
}

#[test]
fn an_unknown_system_is_told_with_the_known_ones() {
    let answer = weir(&["describe", "api", "jushuitang"]);
    assert_eq!(answer.code, 2, "{answer:?}");
    assert!(answer.err.contains("jushuitang") && answer.err.contains("kingdee-galaxy"), "{answer:?}");
}

#[test]
fn the_committed_pages_and_schemas_are_what_the_tables_say() {
    let files: [(&str, &[&str]); 7] = [
        ("docs/apis.md", &["describe", "api", "--lang", "en"]),
        ("docs/apis.zh-CN.md", &["describe", "api", "--lang", "zh"]),
        ("docs/language.md", &["describe", "language", "--lang", "en"]),
        ("docs/language.zh-CN.md", &["describe", "language", "--lang", "zh"]),
        ("schemas/json/flow.schema.json", &["describe", "schema", "flow"]),
        ("schemas/json/project.schema.json", &["describe", "schema", "project"]),
        ("schemas/json/test.schema.json", &["describe", "schema", "test"]),
    ];
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (file, arguments) in files {
        let answer = weir(arguments);
        assert_eq!((answer.code, answer.err.as_str()), (0, ""), "{file}: {answer:?}");
        let committed = std::fs::read_to_string(root.join(file)).unwrap_or_default();
        assert!(
            committed == answer.out,
            "{file} is stale: run `cargo xtask generate` and commit what it writes"
        );
    }
}

#[test]
fn the_language_is_told_to_programs_too() {
    let answer = weir(&["describe", "language", "--json"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    let json = answer.json();
    let groups = json["groups"].as_array().unwrap();
    let text = groups.iter().find(|group| group["key"] == "text").unwrap();
    let concat = text["entries"].as_array().unwrap().iter().find(|entry| entry["name"] == "CONCAT").unwrap();
    assert!(!concat["examples"].as_array().unwrap().is_empty(), "{concat}");
    assert!(json["settings"].as_array().unwrap().iter().all(|setting| setting["example"].is_object()));
    assert!(json["differences"].as_array().is_some_and(|list| !list.is_empty()));
}

#[test]
fn an_unknown_schema_is_told_with_the_known_ones() {
    for arguments in [vec!["describe", "schema"], vec!["describe", "schema", "flows"]] {
        let answer = weir(&arguments);
        assert_eq!(answer.code, 2, "{answer:?}");
        assert!(answer.err.contains("flow, project, test"), "{answer:?}");
    }
}
