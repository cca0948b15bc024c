//! `weir describe`: systems and APIs.

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
    assert!(text.out.lines().any(|line| line.starts_with("kingdee-galaxy  target")), "{text:?}");
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
        assert!(!text.out.contains("kingdee-galaxy "), "only the system asked for: {text:?}");
    }
}

#[test]
fn an_unknown_system_is_told_with_the_known_ones() {
    let answer = weir(&["describe", "api", "jushuitang"]);
    assert_eq!(answer.code, 2, "{answer:?}");
    assert!(answer.err.contains("jushuitang") && answer.err.contains("kingdee-galaxy"), "{answer:?}");
}
