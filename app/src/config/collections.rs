//! The `collections` section: reference rows that flows look up, by name.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use weir_model::{
    Json,
    names::is_valid_name,
    settings::{Fields, Localized, Problems},
};

/// A declared collection.
#[derive(Clone, Debug, PartialEq)]
pub struct Collection {
    /// The fields whose values make a row's id.
    pub key: Vec<String>,
    /// The file that `weir collections load` reads by default.
    pub file: Option<PathBuf>,
    /// What it is, for people.
    pub title: Localized,
}

/// Reads the section.
pub fn read(fields: &mut Fields<'_>, folder: &Path, problems: &mut Problems) -> BTreeMap<String, Collection> {
    let section = fields.mapping("collections", problems);
    let mut collections = BTreeMap::new();
    for (name, value) in section.unknown() {
        let path = section.path_of(name);
        if !is_valid_name(name) {
            let message =
                Localized::new(format!("{name:?} 不能用作名称"), format!("{name:?} cannot be a name"));
            let suggestion = Localized::new("使用字母、数字、- 和 _", "use letters, digits, - and _");
            problems.error_with(&path, message, suggestion);
        }
        let inner = Fields::of(value, path, problems);
        collections.insert(name.to_owned(), collection(inner, folder, problems));
    }
    collections
}

fn collection(mut fields: Fields<'_>, folder: &Path, problems: &mut Problems) -> Collection {
    let mut title = fields.mapping("title", problems);
    let collection = Collection {
        key: key(&mut fields, problems),
        file: fields.text("file", problems).map(|file| folder.join(file)),
        title: Localized::new(
            title.text("zh", problems).unwrap_or_default(),
            title.text("en", problems).unwrap_or_default(),
        ),
    };
    title.finish(problems);
    fields.finish(problems);
    collection
}

fn key(fields: &mut Fields<'_>, problems: &mut Problems) -> Vec<String> {
    let base = fields.path_of("key");
    let mut key = Vec::new();
    let list = fields.list("key", problems);
    for (index, value) in list.iter().enumerate() {
        match value {
            Json::String(text) if !text.trim().is_empty() => key.push(text.clone()),
            _ => problems.error_with(
                format!("{base}[{index}]"),
                Localized::new("应为字段名", "expected a field's name"),
                Localized::new("写成带引号的文本", "write text, in quotes"),
            ),
        }
    }
    // What stands there and is no list was told by the reading of the list.
    if fields.get("key").is_none_or(|value| value.as_array().is_some_and(Vec::is_empty)) {
        fields.missing_such_as("key", "[shop_no]", problems);
    }
    key
}

#[cfg(test)]
mod tests {
    use weir_model::settings::parse_mapping;

    use super::*;

    fn parse(text: &str) -> (BTreeMap<String, Collection>, Vec<String>) {
        let mut problems = Problems::new("weir.yaml");
        let tree = parse_mapping(text, &mut problems).unwrap();
        let mut fields = Fields::of(&tree, "", &mut problems);
        let read = read(&mut fields, Path::new("project"), &mut problems);
        fields.finish(&mut problems);
        (read, problems.list().iter().map(|problem| problem.path.clone()).collect())
    }

    #[test]
    fn collections_are_declared_with_key_file_and_title() {
        let (read, problems) = parse(
            "collections:\n  shops: {key: [shop_no], file: data/shops.csv, title: {zh: 店铺, en: shops}}\n  goods: {key: [no, org]}\n",
        );
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(read["shops"].file.as_deref(), Some(Path::new("project/data/shops.csv")));
        assert_eq!(read["shops"].title.zh, "店铺");
        assert_eq!(read["goods"].key, ["no", "org"]);
    }

    #[test]
    fn every_problem_comes_at_once() {
        let (_, problems) = parse(
            "collections:\n  a b: {key: [x]}\n  c: {}\n  d: {key: [1], files: x}\n  e: {key: []}\n  f: {key: x}\n",
        );
        assert_eq!(
            problems,
            [
                "collections.a b",
                "collections.c.key",
                "collections.d.key[0]",
                "collections.d.files",
                "collections.e.key",
                "collections.f.key"
            ]
        );
    }
}
