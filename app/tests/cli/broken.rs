//! Files that are broken on purpose: what `weir check` says about each stands beside it, `x.txt` in English and
//! `x.zh.txt` in Chinese. `WEIR_BLESS=1` writes the texts anew.

use std::path::{Path, PathBuf};

use crate::weir::weir;

const FOLDER: &str = "tests/broken";
/// Those whose Chinese text is kept too.
const ALSO_CHINESE: [&str; 12] = [
    "bad-expression",
    "bad-zone",
    "decimal-number",
    "duplicate-key",
    "missing-file",
    "missing-variable",
    "several",
    "aggregate-misuse",
    "everything",
    "merge-across-records",
    "unknown-connection",
    "wrong-type",
];

/// The broken files and projects, with the path to be checked.
fn cases() -> Vec<(String, PathBuf)> {
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".txt") {
            continue;
        }
        // Spelt relative to the app's folder, so that the texts are the same on every machine.
        let path = Path::new(FOLDER).join(&name);
        match name.strip_suffix(".yaml") {
            Some(stem) => cases.push((stem.to_owned(), path)),
            None => cases.push((name, path.join("weir.yaml"))),
        }
    }
    cases.sort();
    cases
}

/// Compares with the text that is kept, or writes it; gives what differs.
fn compare(file: &str, said: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER).join(file);
    if std::env::var_os("WEIR_BLESS").is_some() {
        std::fs::write(&path, said).unwrap();
        return None;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    (kept != said).then(|| format!("--- {file} says\n{kept}--- weir check says\n{said}"))
}

#[test]
fn every_broken_file_is_explained() {
    let cases = cases();
    assert!(cases.len() >= 60, "{} cases", cases.len());
    let mut differences = Vec::new();
    for (name, path) in &cases {
        let path = path.to_str().unwrap();
        let answer = weir(&["check", path, "--lang", "en"]);
        assert_eq!((answer.code, answer.err.as_str()), (2, ""), "{name}: {answer:?}");
        differences.extend(compare(&format!("{name}.txt"), &answer.out));
        if ALSO_CHINESE.contains(&name.as_str()) {
            let answer = weir(&["check", path, "--lang", "zh"]);
            assert_eq!(answer.code, 2, "{name}: {answer:?}");
            differences.extend(compare(&format!("{name}.zh.txt"), &answer.out));
        }
    }
    assert!(differences.is_empty(), "{}\nWEIR_BLESS=1 keeps the new texts", differences.join("\n"));
}

#[test]
fn every_problem_names_its_file_and_what_to_do() {
    for (name, path) in cases() {
        let answer = weir(&["check", path.to_str().unwrap(), "--json"]);
        assert_eq!(answer.code, 2, "{name}: {answer:?}");
        let json = answer.json();
        assert_eq!(json["ok"], false, "{name}");
        let problems = json["problems"].as_array().unwrap();
        assert!(!problems.is_empty(), "{name}");
        for problem in problems {
            assert!(problem["file"].as_str().unwrap().starts_with(FOLDER), "{name}: {problem}");
            for text in ["message", "suggestion"] {
                for language in ["zh", "en"] {
                    let words = problem[text][language].as_str();
                    assert!(words.is_some_and(|words| !words.is_empty()), "{name}: no {text}: {problem}");
                }
            }
        }
    }
}

#[test]
fn a_secret_in_the_wrong_place_is_never_shown() {
    for (name, path) in cases().iter().filter(|(name, _)| name.starts_with("secret-")) {
        for arguments in [["check", "--lang=en"], ["check", "--json"], ["probe", "-c"], ["run", "-c"]] {
            let answer = weir(&[arguments[0], arguments[1], path.to_str().unwrap()]);
            assert_eq!(answer.code, 2, "{name}: {answer:?}");
            for secret in ["hunter2", "1312312"] {
                assert!(!answer.out.contains(secret) && !answer.err.contains(secret), "{name}: {answer:?}");
            }
        }
    }
}
