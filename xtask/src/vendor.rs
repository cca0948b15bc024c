//! The vendor's own client of 金蝶云星空 for Python, which the sandbox is tested with: fetched by the pinned
//! `e2e/tests/vendor_sdk/requirements.txt` into a virtual environment in the build folder, once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use weir_testkit::process::{find_program, run};

use crate::{install, workspace};

/// A Python that can import the client.
pub const VARIABLE: &str = "WEIR_KINGDEE_SDK";
/// Begins the file names of the tests that need it.
pub const NEEDED_BY: &str = "vendor_";
/// Debian's Python makes virtual environments with this package only.
const PACKAGES: [&str; 1] = ["python3-venv"];

/// A Python with the client: the one the environment names, else one that was made before or is made now. Fails with what
/// would help.
pub fn python(may_install: bool) -> Result<PathBuf> {
    if let Some(named) = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
        return Ok(PathBuf::from(named));
    }
    let requirements = workspace::root()?.join("e2e/tests/vendor_sdk/requirements.txt");
    let folder = workspace::target_folder()?.join("services").join("kingdee-sdk");
    let python = folder.join("bin").join("python");
    if is_made(&folder, &requirements) && can_import(&python) {
        return Ok(python);
    }
    if !can_make() && may_install {
        install::packages(&PACKAGES)?;
    }
    if !can_make() {
        bail!("no Python 3 with venv is here; `apt-get install {}` is enough", PACKAGES.join(" "));
    }
    make(&folder, &requirements)?;
    Ok(python)
}

/// Makes the environment anew. The requirements are copied last, as the note that it is whole.
fn make(folder: &Path, requirements: &Path) -> Result<()> {
    println!("fetching the client of Kingdee with pip");
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("remove {}", folder.display()));
        }
        _removed_or_never_there => {}
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(folder)).context("make a virtual environment")?;
    let mut pip = Command::new(folder.join("bin").join("python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    pip.args(["--require-hashes", "--only-binary", ":all:", "--requirement"]).arg(requirements);
    run(&mut pip).context("fetch the client of Kingdee; PyPI must be reachable")?;
    let note = note(folder);
    fs::copy(requirements, &note).map(drop).with_context(|| format!("write {}", note.display()))
}

/// Whether the environment was made whole, of these very requirements.
fn is_made(folder: &Path, requirements: &Path) -> bool {
    matches!((fs::read(note(folder)), fs::read(requirements)), (Ok(made), Ok(wanted)) if made == wanted)
}

fn note(folder: &Path) -> PathBuf {
    folder.join("requirements.txt")
}

/// A system's Python may have gone or changed since.
fn can_import(python: &Path) -> bool {
    run(Command::new(python).args(["-c", "import k3cloud_webapi_sdk.main"])).is_ok()
}

fn can_make() -> bool {
    find_program("python3").is_some()
        && run(Command::new("python3").args(["-c", "import venv, ensurepip"])).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_counts_only_when_it_was_made_of_the_same_requirements() {
        let folder = tempfile::tempdir().unwrap();
        let requirements = folder.path().join("wanted.txt");
        fs::write(&requirements, "client==1").unwrap();
        let made = folder.path().join("made");
        fs::create_dir(&made).unwrap();
        assert!(!is_made(&made, &requirements), "without a note it may be half made");
        fs::copy(&requirements, note(&made)).unwrap();
        assert!(is_made(&made, &requirements));
        fs::write(&requirements, "client==2").unwrap();
        assert!(!is_made(&made, &requirements));
    }

    #[test]
    fn every_requirement_is_pinned_by_version_and_hash() {
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(own.join("../e2e/tests/vendor_sdk/requirements.txt")).unwrap();
        let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(!lines.is_empty());
        for pair in lines.chunks(2) {
            assert!(pair[0].contains("==") && pair[1].trim().starts_with("--hash=sha256:"), "{pair:?}");
        }
    }
}
