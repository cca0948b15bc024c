//! `lookups:` of a test: rows of collections, written out or in files.

use std::{collections::BTreeMap, sync::Arc};

use weir_model::{
    Json,
    lookup::MemoryRows,
    settings::{Fields, Localized, Problems, parse_yaml},
};

use super::ReadFile;

/// Rows by collection. Cheap to clone: most cases share those of their file.
#[derive(Clone, Debug, Default)]
pub struct Rows(Arc<BTreeMap<String, Vec<Json>>>);

impl Rows {
    /// The rows as a mapping asks them.
    pub fn memory(&self) -> MemoryRows {
        let mut memory = MemoryRows::new();
        for (collection, rows) in self.0.iter() {
            memory.insert(collection.clone(), rows.clone());
        }
        memory
    }

    /// Whether both are the same rows in memory, so that one reading of them serves both.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Reads `lookups` and adds its rows behind those of `shared`.
pub(super) fn read(
    fields: &mut Fields<'_>,
    shared: &Rows,
    file: &ReadFile<'_>,
    problems: &mut Problems,
) -> Rows {
    let path = fields.path_of("lookups");
    match fields.get("lookups") {
        None => shared.clone(),
        Some(tree) => add(tree, &path, shared, file, problems),
    }
}

/// Rows of collections as a file of their own tells them: what stands under `lookups:` in a test. `None` with problems
/// when they cannot be used.
pub fn lookups(text: &str, file: &str, read: &ReadFile<'_>, problems: &mut Problems) -> Option<Rows> {
    let mut found = Problems::new(file);
    let tree = parse_yaml(text, &mut found);
    let rows = tree.map(|tree| add(&tree, "", &Rows::default(), read, &mut found));
    let usable = !found.has_errors();
    problems.append(found);
    rows.filter(|_| usable)
}

fn add(tree: &Json, path: &str, shared: &Rows, read: &ReadFile<'_>, problems: &mut Problems) -> Rows {
    let Some(collections) = tree.as_object() else {
        problems.error_with(path, expected(), suggestion());
        return shared.clone();
    };
    let mut all = (*shared.0).clone();
    for (collection, value) in collections {
        let path = if path.is_empty() { collection.clone() } else { format!("{path}.{collection}") };
        let rows = rows_of(value, &path, read, problems);
        all.entry(collection.clone()).or_default().extend(rows);
    }
    Rows(Arc::new(all))
}

/// A list of rows, JSON text of one, or `{file: …}`.
fn rows_of(value: &Json, path: &str, read: &ReadFile<'_>, problems: &mut Problems) -> Vec<Json> {
    let (text, path) = match value {
        Json::Array(rows) => return checked(rows.clone(), path, problems),
        Json::String(text) => (text.clone(), path.to_owned()),
        other => {
            let mut fields = Fields::of(other, path, problems);
            let file = fields.required_text("file", problems);
            let path = fields.path_of("file");
            fields.finish(problems);
            if file.is_empty() {
                return Vec::new();
            }
            match read(&file) {
                Ok(text) => (text, path),
                Err(why) => {
                    problems.error(path, why);
                    return Vec::new();
                }
            }
        }
    };
    match serde_json::from_str(&text) {
        Ok(rows) => checked(rows, &path, problems),
        Err(error) => {
            let message = Localized::new(
                format!("不是 JSON 数组：{error}"),
                format!("is no JSON list of rows: {error}"),
            );
            problems.error_with(path, message, suggestion());
            Vec::new()
        }
    }
}

fn checked(rows: Vec<Json>, path: &str, problems: &mut Problems) -> Vec<Json> {
    for (index, _) in rows.iter().enumerate().filter(|(_, row)| !row.is_object()) {
        problems.error_with(format!("{path}[{index}]"), expected(), suggestion());
    }
    rows
}

fn expected() -> Localized {
    Localized::new("应为数据行", "expected rows")
}

fn suggestion() -> Localized {
    Localized::new(
        "例如 shops: [{shop_no: S01, email: a@example.com}]，或 shops: {file: shops.json}",
        "such as shops: [{shop_no: S01, email: a@example.com}], or shops: {file: shops.json}",
    )
}
