//! Manifests, read line by line: tidy wants to tell the line of each fact, and xtask to stay quick to compile.
//!
//! Relies on the manifests being written plainly, one dependency a line; a dependency in any other form is reported.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The root manifest and those of its members.
#[derive(Debug, Default)]
pub struct Workspace {
    /// Every package, in the order of the root manifest.
    pub members: Vec<Manifest>,
    /// Names under `[workspace.dependencies]` and their lines.
    pub shared_dependencies: Vec<(String, usize)>,
}

/// A package's manifest.
#[derive(Debug, Default)]
pub struct Manifest {
    /// Path from the root, for messages.
    pub path: PathBuf,
    /// The package's name.
    pub package: String,
    /// All its dependencies, of every kind.
    pub dependencies: Vec<Dependency>,
    /// Whether it takes its lints from the workspace.
    pub inherits_lints: bool,
}

/// One dependency of a package.
#[derive(Debug, PartialEq, Eq)]
pub struct Dependency {
    /// The name it is used by.
    pub name: String,
    /// Whether only tests and benchmarks see it.
    pub for_tests: bool,
    /// Whether its version is the workspace's.
    pub inherited: bool,
    /// Line in the manifest, from 1.
    pub line: usize,
}

impl Manifest {
    /// The package's folder, from the root.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }
}

/// Reads the manifests of the tree at `root`.
pub fn read(root: &Path) -> Result<Workspace> {
    let text = read_text(&root.join("Cargo.toml"))?;
    let mut workspace = Workspace { shared_dependencies: shared_dependencies(&text), ..Workspace::default() };
    for member in member_folders(&text) {
        let path = Path::new(&member).join("Cargo.toml");
        workspace.members.push(parse(path.clone(), &read_text(&root.join(&path))?));
    }
    Ok(workspace)
}

fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("read {}", path.display()))
}

/// The quoted strings of `members = [ … ]`.
fn member_folders(root_manifest: &str) -> Vec<String> {
    let list = root_manifest
        .split_once("\nmembers")
        .and_then(|(_, rest)| rest.split_once(']'))
        .map(|(list, _)| list);
    list.unwrap_or_default().split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

fn shared_dependencies(root_manifest: &str) -> Vec<(String, usize)> {
    entries(root_manifest)
        .filter(|entry| entry.section == "workspace.dependencies")
        .map(|entry| (entry.key.to_owned(), entry.line))
        .collect()
}

fn parse(path: PathBuf, text: &str) -> Manifest {
    let mut manifest = Manifest { path, ..Manifest::default() };
    for entry in entries(text) {
        match entry.section {
            "package" if entry.key == "name" => manifest.package = entry.value.trim_matches('"').to_owned(),
            "lints" if entry.key == "workspace" => manifest.inherits_lints = entry.value == "true",
            section => manifest.dependencies.extend(dependency(section, &entry)),
        }
    }
    manifest
}

/// The dependency that a line names, in whatever form: `a = …`, `a.workspace = true`, `[dependencies.a]`.
fn dependency(section: &str, entry: &Entry<'_>) -> Option<Dependency> {
    let (kind, in_section) = match section.rsplit_once("dependencies") {
        Some((prefix, suffix)) => (prefix, suffix.strip_prefix('.')),
        None => return None,
    };
    let (name, field) = match in_section {
        Some(name) => (name, Some(entry.key)),
        None => entry.key.split_once('.').map_or((entry.key, None), |(name, field)| (name, Some(field))),
    };
    let inherited = match field {
        Some(field) => field == "workspace" && entry.value == "true",
        None => entry.value.replace(' ', "").contains("workspace=true"),
    };
    Some(Dependency { name: name.to_owned(), for_tests: kind.ends_with("dev-"), inherited, line: entry.line })
}

/// A `key = value` line and the section it stands in.
struct Entry<'text> {
    section: &'text str,
    key: &'text str,
    value: &'text str,
    line: usize,
}

fn entries(text: &str) -> impl Iterator<Item = Entry<'_>> {
    let mut section = "";
    text.lines().zip(1..).filter_map(move |(line, number)| {
        let line = line.trim();
        if let Some(title) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = title;
            return None;
        }
        let (key, value) = line.split_once('=').filter(|_| !line.starts_with('#'))?;
        Some(Entry { section, key: key.trim(), value: value.trim(), line: number })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_found_in_every_form_with_their_lines() {
        let manifest = parse(
            PathBuf::from("a/Cargo.toml"),
            "[package]\nname = \"weir-a\"\n[lints]\nworkspace = true\n[dependencies]\n# one = \"1\"\ntwo.workspace = true\n\
             three = { workspace = true, features = [\"x\"] }\nfour = \"4\"\n[dev-dependencies]\nfive.workspace = true\n\
             [target.'cfg(unix)'.dependencies]\nsix = \"6\"\n[build-dependencies.seven]\nversion = \"7\"\n",
        );
        let found: Vec<_> = manifest
            .dependencies
            .iter()
            .map(|found| (found.name.as_str(), found.for_tests, found.inherited, found.line))
            .collect();
        assert_eq!(
            found,
            [
                ("two", false, true, 7),
                ("three", false, true, 8),
                ("four", false, false, 9),
                ("five", true, true, 11),
                ("six", false, false, 13),
                ("seven", false, false, 15)
            ]
        );
        assert_eq!((manifest.package.as_str(), manifest.inherits_lints), ("weir-a", true));
    }

    #[test]
    fn the_root_names_members_and_shared_versions() {
        let text = "[workspace]\nresolver = \"3\"\nmembers = [\n    \"app\",\n    \"crates/a\",\n]\n\n[workspace.dependencies]\nserde = \"1\"\n[workspace.lints.rust]\nunsafe_code = \"deny\"\n";
        assert_eq!(member_folders(text), ["app", "crates/a"]);
        assert_eq!(shared_dependencies(text), [("serde".to_owned(), 9)]);
    }
}
