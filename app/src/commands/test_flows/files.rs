//! Which files `weir test` reads: test files, their flows, and what they name beside them.

use std::path::{Path, PathBuf};

use weir_model::settings::{Localized, Problems};

/// The test files that `path` stands for: a folder with all below it, a test file, or a flow's.
pub fn test_files(path: &Path, problems: &mut Problems) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![if is_test(path) || !path.exists() {
            path.to_owned()
        } else {
            path.with_extension("test.yaml")
        }];
    }
    let mut found = Vec::new();
    descend(path, &mut found);
    found.sort();
    if found.is_empty() {
        let mut own = Problems::new(path.display().to_string());
        let message = Localized::new("文件夹中没有测试文件", "there is no test file in this folder");
        let suggestion = Localized::new(
            "测试文件与流程同名，以 .test.yaml 结尾",
            "a test file has its flow's name and ends in .test.yaml",
        );
        own.error_with("", message, suggestion);
        problems.append(own);
    }
    found
}

/// A folder that may not be read holds no tests that could be run.
fn descend(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let path = entry.path();
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        // A link may lead back up.
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && !hidden => descend(&path, found),
            Ok(kind) if !kind.is_dir() && is_test(&path) => found.push(path),
            _ => {}
        }
    }
}

fn is_test(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(".test.yaml") || name.ends_with(".test.yml")
}

/// The flow of a test file: the file or the name it tells, else the same name beside it.
pub fn flow_of(test: &Path, told: Option<&str>) -> PathBuf {
    let folder = test.parent().unwrap_or(Path::new("."));
    let name = match told {
        Some(path) if path.contains('/') || is_yaml(path) => return folder.join(path),
        Some(name) => name.to_owned(),
        None => {
            let name = test.file_name().unwrap_or_default().to_string_lossy();
            name.split_once(".test.").map_or(name.as_ref(), |(flow, _)| flow).to_owned()
        }
    };
    let (yaml, yml) = (folder.join(format!("{name}.yaml")), folder.join(format!("{name}.yml")));
    if !yaml.exists() && yml.exists() { yml } else { yaml }
}

fn is_yaml(name: &str) -> bool {
    name.ends_with(".yaml") || name.ends_with(".yml")
}

/// The text of a file that another one names, relative to it.
pub fn attachment(beside: &Path, name: &str) -> Result<String, Localized> {
    let file = beside.parent().unwrap_or(Path::new(".")).join(name);
    let mut problems = Problems::new(file.display().to_string());
    crate::files::read(&file, &mut problems).ok_or_else(|| {
        let shown = file.display();
        let why = problems.list().first().map(|problem| problem.message.clone()).unwrap_or_default();
        Localized::new(format!("{shown}：{}", why.zh), format!("{shown}: {}", why.en))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_stands_beside_its_flow() {
        let flow = |test: &str, told| flow_of(Path::new(test), told).display().to_string();
        assert_eq!(flow("flows/a.b.test.yaml", None), "flows/a.b.yaml");
        assert_eq!(flow("tests/a.test.yaml", Some("../flows/x.yaml")), "tests/../flows/x.yaml");
        assert_eq!(flow("flows/a.test.yml", Some("other")), "flows/other.yaml");
    }

    #[test]
    fn a_folder_stands_for_all_tests_below_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(path("b/.git")).unwrap();
        for name in ["a.yaml", "a.test.yaml", "b/c.test.yml", "b/.git/d.test.yaml"] {
            std::fs::write(path(name), "").unwrap();
        }
        let mut problems = Problems::default();
        let found = |path: &Path, problems: &mut Problems| test_files(path, problems);
        assert_eq!(found(folder.path(), &mut problems), [path("a.test.yaml"), path("b/c.test.yml")]);
        assert_eq!(found(&path("a.yaml"), &mut problems), [path("a.test.yaml")]);
        assert!(problems.list().is_empty());
        assert!(found(&path("b/.git/.."), &mut problems).len() == 1);
        std::fs::create_dir(path("e")).unwrap();
        assert!(found(&path("e"), &mut problems).is_empty() && problems.has_errors());
    }
}
