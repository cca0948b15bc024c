//! `${env:NAME}` and `${file:path}` in texts, replaced after parsing: an error names the path of the text, and a value
//! can never become structure.

use std::path::Path;

use weir_model::{
    Json,
    settings::{Localized, Problems},
};

/// Replaces all references in the texts of `tree`. `${env:NAME:-text}` gives `text` when NAME is not set; a file's
/// path is relative to `folder`, and the line end at its end is dropped.
pub fn substitute(tree: &mut Json, folder: &Path, problems: &mut Problems) {
    walk(tree, "", folder, problems);
}

fn walk(value: &mut Json, path: &str, folder: &Path, problems: &mut Problems) {
    match value {
        Json::String(text) if text.contains("${") => {
            if let Some(replaced) = replace(text, path, folder, problems) {
                *text = replaced;
            }
        }
        Json::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                walk(item, &format!("{path}[{index}]"), folder, problems);
            }
        }
        Json::Object(entries) => {
            for (key, entry) in entries.iter_mut() {
                let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                walk(entry, &inner, folder, problems);
            }
        }
        _ => {}
    }
}

fn replace(text: &str, path: &str, folder: &Path, problems: &mut Problems) -> Option<String> {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        replaced.push_str(before);
        let Some((reference, behind)) = after.split_once('}') else {
            problems.error_with(
                path,
                Localized::new("${ 没有对应的 }", "${ without a closing }"),
                Localized::new("写成 ${env:NAME} 或 ${file:路径}", "write ${env:NAME} or ${file:path}"),
            );
            return None;
        };
        replaced.push_str(&resolve(reference, path, folder, problems)?);
        rest = behind;
    }
    replaced.push_str(rest);
    Some(replaced)
}

fn resolve(reference: &str, path: &str, folder: &Path, problems: &mut Problems) -> Option<String> {
    if let Some(name) = reference.strip_prefix("env:") {
        let (name, default) = match name.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (name, None),
        };
        return match std::env::var(name).ok().or_else(|| default.map(str::to_owned)) {
            Some(value) => Some(value),
            None => {
                problems.error_with(
                    path,
                    Localized::new(
                        format!("环境变量 {name} 未设置"),
                        format!("environment variable {name} is not set"),
                    ),
                    Localized::new(
                        format!("设置 {name}，或写默认值 ${{env:{name}:-…}}"),
                        format!("set {name}, or give a default: ${{env:{name}:-…}}"),
                    ),
                );
                None
            }
        };
    }
    if let Some(file) = reference.strip_prefix("file:") {
        return match std::fs::read_to_string(folder.join(file)) {
            Ok(content) => Some(content.trim_end_matches(['\r', '\n']).to_owned()),
            Err(error) => {
                let message = Localized::new(
                    format!("读不到文件 {file}：{error}"),
                    format!("cannot read the file {file}: {error}"),
                );
                let place = folder.join(file);
                let suggestion = Localized::new(
                    format!("查看 {} 是否存在、可读", place.display()),
                    format!("see that {} is there and may be read", place.display()),
                );
                problems.error_with(path, message, suggestion);
                None
            }
        };
    }
    problems.error_with(
        path,
        // Not shown: a password may hold these characters (invariant 8).
        Localized::new("${…} 既不是 env: 也不是 file:", "a reference ${…} that is neither env: nor file:"),
        Localized::new("写成 ${env:NAME} 或 ${file:路径}", "write ${env:NAME} or ${file:path}"),
    );
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_replaced_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), "s3cret: [x]\n").unwrap();
        let mut tree = json!({"a": "${env:WEIR_NO_SUCH:-x}/${file:secret}", "b": [1, "plain"]});
        let mut problems = Problems::new("weir.yaml");
        substitute(&mut tree, folder.path(), &mut problems);
        assert!(problems.list().is_empty(), "{:?}", problems.list());
        assert_eq!(tree, json!({"a": "x/s3cret: [x]", "b": [1, "plain"]}));
    }

    #[test]
    fn every_missing_one_is_named_with_its_path() {
        let mut tree = json!({"c": {"d": ["${env:WEIR_NO_SUCH}", "${file:nope}", "${vault:x}", "${env:A"]}});
        let mut problems = Problems::new("weir.yaml");
        substitute(&mut tree, Path::new("."), &mut problems);
        let paths: Vec<&str> = problems.list().iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(paths, ["c.d[0]", "c.d[1]", "c.d[2]", "c.d[3]"]);
    }
}
