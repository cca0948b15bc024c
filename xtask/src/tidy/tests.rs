//! A small tree that tidy likes, and for every rule a change that it must not like.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::check;

const ROOT: &str = "[workspace]\nmembers = [\n    \"crates/model\",\n    \"crates/kafka\",\n    \"producers\",\n    \"sinks\",\n    \"sandbox\",\n    \"clients\",\n]\n\n[workspace.dependencies]\nweir-model = { path = \"crates/model\" }\nrdkafka = \"0.39\"\nserde = \"1\"\n";
const README: &str = "# Weir\n\n## Run\n\n```sh\ncargo xtask demo  # see it\n```\n";

/// A tree in a temporary folder.
struct Sample {
    folder: TempDir,
}

impl Sample {
    /// Keeps every rule.
    fn tidy() -> Self {
        let sample = Self { folder: tempfile::tempdir().unwrap() };
        sample.file("Cargo.toml", ROOT);
        sample.file("README.md", README);
        sample.file("README.zh-CN.md", "# 堰\n\n## 运行\n\n```sh\ncargo xtask demo  # 看一看\n```\n");
        sample.package("crates/model", "weir-model", "serde.workspace = true\n");
        sample.package(
            "crates/kafka",
            "weir-kafka",
            "weir-model.workspace = true\nrdkafka.workspace = true\n",
        );
        for (folder, name) in
            [("producers", "weir-producers"), ("sinks", "weir-sinks"), ("clients", "weir-clients")]
        {
            sample.package(folder, name, "weir-model.workspace = true\n");
        }
        sample.package("sandbox", "weir-sandbox", "serde.workspace = true\n");
        sample
    }

    fn package(&self, folder: &str, name: &str, dependencies: &str) {
        let manifest = format!(
            "[package]\nname = \"{name}\"\n\n[lints]\nworkspace = true\n\n[dependencies]\n{dependencies}"
        );
        self.file(&format!("{folder}/Cargo.toml"), &manifest);
        self.file(&format!("{folder}/src/lib.rs"), "//! A crate.\n\nfn f() {}\n");
    }

    fn file(&self, path: &str, text: &str) -> &Self {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn found(&self) -> Vec<String> {
        check(self.folder.path()).unwrap().iter().map(ToString::to_string).collect()
    }

    /// Exactly one thing is wrong, told by a line that begins and goes on so.
    #[track_caller]
    fn expect(&self, place: &str, message: &str) {
        let found = self.found();
        assert!(
            matches!(found.as_slice(), [only] if only.starts_with(&format!("{place}: ")) && only.contains(message)),
            "wanted `{place}: …{message}…`, found {found:#?}"
        );
    }
}

#[test]
fn a_tidy_tree_passes() {
    assert_eq!(Sample::tidy().found(), Vec::<String>::new());
}

#[test]
fn everything_wrong_is_told_at_once() {
    let sample = Sample::tidy();
    sample.file("sinks/src/a.rs", "fn a() {}\n").file("sinks/src/b.rs", "fn b() {}\n");
    assert_eq!(sample.found().len(), 2);
}

#[test]
fn only_kafka_depends_on_rdkafka() {
    let sample = Sample::tidy();
    sample.package("sinks", "weir-sinks", "weir-model.workspace = true\nrdkafka.workspace = true\n");
    sample.expect("sinks/Cargo.toml:9", "everything else sees Kafka through weir-kafka");
}

#[test]
fn only_kafka_names_rdkafka_in_code() {
    let sample = Sample::tidy();
    sample.file("sinks/src/lib.rs", "//! About rdkafka::Client.\n\nuse rdkafka::Client;\n");
    sample.expect("sinks/src/lib.rs:3", "only weir-kafka names rdkafka");
}

#[test]
fn pure_crates_do_no_input_or_output() {
    let sample = Sample::tidy();
    sample.package("crates/model", "weir-model", "serde.workspace = true\ntokio.workspace = true\n");
    sample.expect("crates/model/Cargo.toml:9", "does no input or output");
}

#[test]
fn pure_crates_have_no_clock_and_no_environment_but_in_tests() {
    for impure in [
        "std::env::var(x)",
        "SystemTime::now()",
        "Instant::now()",
        "jiff::Timestamp::now()",
        "std::fs::read(x)",
    ] {
        let sample = Sample::tidy();
        sample.file("crates/model/src/lib.rs", &format!("//! A crate.\n\nfn f() {{ {impure} }}\n"));
        sample.expect("crates/model/src/lib.rs:3", "handed in");
        let in_tests = format!("//! A crate.\n\n#[cfg(test)]\nmod tests {{ fn f() {{ {impure} }} }}\n");
        sample.file("crates/model/src/lib.rs", &in_tests);
        assert_eq!(sample.found(), Vec::<String>::new());
        let elsewhere = format!("//! A crate.\n\nfn f() {{ {impure} }}\n");
        sample.file("sinks/src/lib.rs", &elsewhere);
        assert_eq!(sample.found(), Vec::<String>::new());
    }
}

#[test]
fn stages_and_both_readings_of_a_contract_stay_apart() {
    for (folder, package, other) in [
        ("producers", "weir-producers", "weir-sinks"),
        ("sinks", "weir-sinks", "weir-processors"),
        ("clients", "weir-clients", "weir-sandbox"),
        ("sandbox", "weir-sandbox", "weir-clients"),
        ("sandbox", "weir-sandbox", "weir-model"),
        ("crates/kafka", "weir-kafka", "weir-runtime"),
    ] {
        let sample = Sample::tidy();
        let below = if folder == "crates/kafka" { "rdkafka" } else { "serde" };
        let dependencies = format!("{below}.workspace = true\n{other}.workspace = true\n");
        sample.package(folder, package, &dependencies);
        sample.expect(&format!("{folder}/Cargo.toml:9"), "another layer");
    }
}

#[test]
fn tests_may_use_the_sandbox_and_the_testkit() {
    let sample = Sample::tidy();
    let dependencies = "weir-model.workspace = true\n\n[dev-dependencies]\nweir-sandbox.workspace = true\n";
    sample.package("clients", "weir-clients", dependencies);
    assert_eq!(sample.found(), Vec::<String>::new());
}

#[test]
fn versions_and_lints_are_the_workspaces() {
    let sample = Sample::tidy();
    sample.package("sinks", "weir-sinks", "serde = \"1\"\n");
    sample.expect("sinks/Cargo.toml:8", "belongs into the root manifest");
    let sample = Sample::tidy();
    sample.file("sinks/Cargo.toml", "[package]\nname = \"weir-sinks\"\n");
    sample.expect("sinks/Cargo.toml:1", "lints");
}

#[test]
fn a_shared_dependency_is_used() {
    let sample = Sample::tidy();
    sample.file("Cargo.toml", &format!("{ROOT}hex = \"0.4\"\n"));
    sample.expect("Cargo.toml:15", "no crate uses the shared dependency `hex`");
}

#[test]
fn a_new_crate_is_given_a_layer() {
    let sample = Sample::tidy();
    sample.package("sinks", "weir-novelty", "");
    sample.expect("sinks/Cargo.toml:1", "no place among the layers");
}

#[test]
fn a_file_opens_with_what_it_is_for() {
    let sample = Sample::tidy();
    sample.file("sinks/src/a.rs", "\n//! Too late.\n");
    sample.expect("sinks/src/a.rs:1", "does not open with");
}

#[test]
fn a_file_ends_before_it_gets_long() {
    let sample = Sample::tidy();
    sample.file("sinks/src/a.rs", &format!("//! Long.\n{}", "\n".repeat(499)));
    assert_eq!(sample.found(), Vec::<String>::new());
    sample.file("sinks/src/a.rs", &format!("//! Long.\n{}", "\n".repeat(500)));
    sample.expect("sinks/src/a.rs:501", "split it");
}

#[test]
fn nothing_unfinished_stays() {
    for word in ["#[ignore]", "#[ignore = \"slow\"]", "todo!()", "unimplemented!()", "dbg!(x)"] {
        let sample = Sample::tidy();
        sample.file("sinks/src/a.rs", &format!("//! A file.\n\nfn f() {{ {word} }}\n"));
        sample.expect("sinks/src/a.rs:3", "holds");
        sample.file("sinks/src/a.rs", &format!("//! About {word}.\n\nconst A: &str = r##\"{word}\"##;\n"));
        assert_eq!(sample.found(), Vec::<String>::new());
    }
}

#[test]
fn no_file_names_a_folder_of_one_machine() {
    for folder in [concat!("/ro", "ot/x"), concat!("/wo", "rk/x"), concat!("/ho", "me/x")] {
        let sample = Sample::tidy();
        sample.file("deploy/Dockerfile", &format!("FROM scratch\nCOPY {folder} .\n"));
        sample.expect("deploy/Dockerfile:2", "one machine");
        sample.file(
            "deploy/Dockerfile",
            &format!("FROM scratch\nCOPY https://example.com{folder} $HERE/a{folder} .\n"),
        );
        assert_eq!(sample.found(), Vec::<String>::new());
    }
}

#[test]
fn both_readmes_have_the_same_headings() {
    let sample = Sample::tidy();
    sample.file("README.md", &format!("{README}\n## More\n"));
    sample.expect("README.zh-CN.md:3", "headings differ");
}

#[test]
fn both_readmes_have_the_same_commands() {
    let sample = Sample::tidy();
    sample.file("README.md", &README.replace("demo", "test"));
    sample.expect("README.zh-CN.md:5", "code blocks differ");
}

#[test]
fn a_missing_readme_is_told() {
    let sample = Sample::tidy();
    fs::remove_file(sample.folder.path().join("README.zh-CN.md")).unwrap();
    sample.expect("README.zh-CN.md:1", "cannot be read");
}

#[test]
fn an_error_code_has_a_page_in_both_languages() {
    let sample = Sample::tidy();
    sample.file("sinks/src/a.rs", concat!("//! A file.\n\nconst A: Code = Code", "::new(\"K-A\");\n"));
    sample.expect("sinks/src/a.rs:3", "code `K-A` has no page");
    sample.file("docs/errors/K-A.md", "# K-A\n\n## 中文\n\n一句。\n");
    sample.expect("docs/errors/K-A.md:1", "no section `## English`");
    sample.file("docs/errors/K-A.md", "# K-A\n\n## 中文\n\n一句。\n\n## English\n\nA sentence.\n");
    assert_eq!(sample.found(), Vec::<String>::new());
}

#[test]
fn a_page_does_not_outlive_its_code() {
    let sample = Sample::tidy();
    sample.file("docs/errors/README.md", "# Codes\n").file("docs/errors/K-OLD.md", "# K-OLD\n");
    sample.expect("docs/errors/K-OLD.md:1", "nothing makes the code `K-OLD`");
}
