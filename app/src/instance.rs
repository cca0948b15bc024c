//! Who this process is: a name of its own that survives restarts, so that a restarted process gets its work back at once.

use std::{
    fs::{File, OpenOptions},
    path::Path,
};

use weir_model::names::{InstanceName, is_valid_name};

use crate::exit::Failure;

/// Slots tried for a host whose processes were given no names.
const SLOTS: u32 = 64;

/// A name, and the lock that keeps it ours as long as this lives.
pub struct Instance {
    /// The name.
    pub name: InstanceName,
    _lock: File,
}

impl Instance {
    /// Takes the given name, or the host's name with the first slot that is free in `state_dir`.
    pub fn claim(given: Option<&str>, state_dir: &Path) -> Result<Self, Failure> {
        std::fs::create_dir_all(state_dir).map_err(|error| {
            Failure::environment(&format!("make the state folder {}", state_dir.display()), &error)
        })?;
        if let Some(name) = given {
            if !is_valid_name(name) {
                return Err(Failure::invalid(format!(
                    "{name:?} cannot be an instance name: use letters, digits, - and _"
                )));
            }
            return match lock(state_dir, name)? {
                Some(lock) => Ok(Self { name: InstanceName::from(name), _lock: lock }),
                None => Err(Failure::missing(format!(
                    "another process runs as {name:?} with the state folder {}; give this one another --instance",
                    state_dir.display()
                ))),
            };
        }
        let host = host_name();
        for slot in 0..SLOTS {
            let name = format!("{host}-{slot}");
            if let Some(lock) = lock(state_dir, &name)? {
                return Ok(Self { name: InstanceName::from(&name), _lock: lock });
            }
        }
        Err(Failure::missing(format!(
            "all {SLOTS} slots in {} are in use; use --instance",
            state_dir.display()
        )))
    }
}

/// Takes the lock file of a name; `None` when another process holds it.
fn lock(folder: &Path, name: &str) -> Result<Option<File>, Failure> {
    let path = folder.join(format!("instance-{name}.lock"));
    let failed = |error: &std::io::Error| Failure::environment(&format!("lock {}", path.display()), error);
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(|e| failed(&e))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(error)) => Err(failed(&error)),
    }
}

/// The host's name, with what topics and groups do not allow replaced.
pub fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())
        .unwrap_or_default();
    let name: String =
        name.trim().chars().take(60).map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    if is_valid_name(&name) { name } else { "weir".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_processes_of_a_host_get_two_names_and_a_freed_one_is_reused() {
        let folder = tempfile::tempdir().unwrap();
        let first = Instance::claim(None, folder.path()).unwrap();
        let second = Instance::claim(None, folder.path()).unwrap();
        assert_ne!(first.name, second.name);
        let name = first.name.clone();
        drop(first);
        assert_eq!(Instance::claim(None, folder.path()).unwrap().name, name);
    }

    #[test]
    fn a_given_name_is_taken_once() {
        let folder = tempfile::tempdir().unwrap();
        let _held = Instance::claim(Some("sinks-1"), folder.path()).unwrap();
        assert!(Instance::claim(Some("sinks-1"), folder.path()).is_err());
        assert!(Instance::claim(Some("a b"), folder.path()).is_err());
    }
}
