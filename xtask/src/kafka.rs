//! Where Kafka comes from: jars that Maven fetches by the pinned `xtask/kafka/pom.xml`, or a container image.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use weir_testkit::broker::Program;
use weir_testkit::process::{find_program, run};

use crate::{install, workspace};

/// The same release as `xtask/kafka/pom.xml` and `docker-compose.yml`.
const IMAGE: &str = "apache/kafka:4.1.1";
/// Debian's Java is 17 or later from bookworm on.
const PACKAGES: [&str; 2] = ["default-jre-headless", "maven"];

/// What Kafka is run from: as the environment says, else jars, else an image. Fails with what would help.
pub fn program(may_install: bool) -> Result<Program> {
    if let Ok(program) = Program::from_env() {
        return Ok(program);
    }
    let has_maven = || find_program("mvn").is_some() && find_program("java").is_some();
    if !has_maven() && may_install {
        install::packages(&PACKAGES)?;
    }
    if has_maven() {
        return classpath().map(Program::Jars);
    }
    if has_engine() {
        return Ok(Program::Image(IMAGE.to_owned()));
    }
    bail!(
        "neither Java 17 with Maven nor a Docker engine is here; `apt-get install {}` is enough",
        PACKAGES.join(" ")
    )
}

/// Whether a container engine answers, not only its client program.
pub fn has_engine() -> bool {
    run(Command::new("docker").args(["version", "--format", "{{.Server.Version}}"])).is_ok()
}

/// The class path, as resolved by Maven and remembered until the pom changes.
fn classpath() -> Result<String> {
    let pom = workspace::root()?.join("xtask/kafka/pom.xml");
    let folder = workspace::target_folder()?.join("services");
    let remembered = folder.join("kafka.classpath");
    if let Some(classpath) = still_valid(&remembered, &pom) {
        return Ok(classpath);
    }
    println!("fetching Kafka's jars with Maven");
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let mut maven = Command::new("mvn");
    maven.args(["--batch-mode", "--quiet", "--file"]).arg(&pom).arg("dependency:build-classpath");
    maven.arg(format!("-Dmdep.outputFile={}", remembered.display()));
    run(&mut maven).context("fetch Kafka's jars; Maven Central must be reachable")?;
    fs::read_to_string(&remembered).with_context(|| format!("read {}", remembered.display()))
}

fn still_valid(remembered: &Path, pom: &Path) -> Option<String> {
    let modified = |path: &Path| -> Option<SystemTime> { fs::metadata(path).ok()?.modified().ok() };
    let classpath = fs::read_to_string(remembered).ok()?;
    let all_there = classpath.split(':').all(|jar| Path::new(jar).is_file());
    (all_there && modified(remembered)? > modified(pom)?).then_some(classpath)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jars_pom_and_image_are_of_one_release() {
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        let release = IMAGE.split(':').nth(1).unwrap();
        let pom = fs::read_to_string(own.join("kafka/pom.xml")).unwrap();
        assert!(pom.contains(&format!("<kafka.version>{release}</kafka.version>")));
        let compose = fs::read_to_string(own.join("../docker-compose.yml")).unwrap();
        assert!(compose.contains(&format!("image: {IMAGE}")));
    }

    #[test]
    fn a_class_path_is_forgotten_when_a_jar_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("pom.xml"), "").unwrap();
        let jar = path("a.jar");
        fs::write(&jar, "").unwrap();
        let remembered = path("classpath");
        fs::write(&remembered, jar.display().to_string()).unwrap();
        let later = SystemTime::now() + std::time::Duration::from_secs(60);
        fs::File::options().write(true).open(&remembered).unwrap().set_modified(later).unwrap();
        assert_eq!(still_valid(&remembered, &path("pom.xml")), Some(jar.display().to_string()));
        fs::remove_file(&jar).unwrap();
        assert_eq!(still_valid(&remembered, &path("pom.xml")), None);
    }
}
