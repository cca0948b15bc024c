//! Help, and what the command line itself refuses.

use crate::weir::{weir, weir_with};

const COMMANDS: [&[&str]; 16] = [
    &["demo"],
    &["test"],
    &["preview"],
    &["run"],
    &["check"],
    &["probe"],
    &["topics", "apply"],
    &["wait", "list"],
    &["dlq", "list"],
    &["dlq", "show"],
    &["dlq", "group"],
    &["dlq", "edit"],
    &["dlq", "replay"],
    &["dlq", "drop"],
    &["dlq", "history"],
    &["describe"],
];

#[test]
fn every_command_shows_examples() {
    for command in COMMANDS {
        let answer = weir(&[command, &["--help"]].concat());
        assert_eq!(answer.code, 0, "{command:?}");
        let (_, examples) =
            answer.out.split_once("Example").unwrap_or_else(|| panic!("{command:?}: {answer:?}"));
        assert!(examples.contains(&format!("weir {}", command.join(" "))), "{command:?}: {answer:?}");
    }
    assert!(weir(&["--help"]).out.contains("Exit codes: 0 fine"));
}

#[test]
fn what_the_command_line_cannot_mean_is_invalid_input() {
    for arguments in
        [&["frob"][..], &[], &["run", "everything"], &["check", "a", "b"], &["demo", "--seed", "x"]]
    {
        let answer = weir(arguments);
        assert_eq!(answer.code, 2, "{arguments:?}: {answer:?}");
        assert!(!answer.err.is_empty() && answer.out.is_empty(), "{arguments:?}: {answer:?}");
    }
    assert!(weir(&["chekc"]).err.contains("'check'"));
}

#[test]
fn a_missing_project_is_told_by_every_command_that_needs_one() {
    let nowhere = "tests/nowhere.yaml";
    let needing = [
        &["run", "all"][..],
        &["probe"],
        &["topics", "apply"],
        &["wait", "list"],
        &["dlq", "list"],
        &["dlq", "show", "flow", "0:1"],
    ];
    for command in needing {
        let answer = weir(&[command, &["-c", nowhere]].concat());
        assert_eq!((answer.code, answer.out.as_str()), (2, ""), "{command:?}: {answer:?}");
        assert!(answer.err.contains("tests/nowhere.yaml: no such file or folder"), "{command:?}: {answer:?}");
    }
    let named = weir_with(&["probe", "--json"], &[("WEIR_CONFIG", nowhere)]);
    let told: serde_json::Value = serde_json::from_str(&named.err).unwrap();
    assert_eq!((named.code, &told["code"]), (2, &serde_json::json!(2)));
    assert_eq!(told["problems"][0]["file"], nowhere);
}
