//! A server that outlives the program that started it: what must be remembered to end it later, by its id alone.
//!
//! `cargo xtask services up` writes this down and `down` reads it back, hence the text form.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;
use std::time::Duration;

use crate::Error;
use crate::process::{is_running, run, terminate};

/// How long a server may take to stop by itself.
pub(crate) const STOP_GRACE: Duration = Duration::from_secs(10);

/// A running server that nobody waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Server {
    /// A process of this machine and the folder that holds its data.
    Process {
        /// Process id.
        id: u32,
        /// The throw-away folder; the server was started with its path, which tells it from a later process of that id.
        folder: PathBuf,
    },
    /// A container of the local engine; its data goes with it.
    Container {
        /// The container's name.
        name: String,
    },
}

impl Server {
    /// Whether the server still runs and is the one that was started.
    #[must_use]
    pub fn is_running(&self) -> bool {
        match self {
            Self::Process { id, folder } => is_running(*id) && names_folder(*id, folder),
            Self::Container { name } => {
                run(Command::new("docker").args(["inspect", "--format", "{{.State.Running}}", name]))
                    .is_ok_and(|output| output.stdout.starts_with(b"true"))
            }
        }
    }

    /// Ends the server and removes its data. Ending one that is gone is fine.
    ///
    /// # Errors
    /// When the folder or the container cannot be removed.
    pub fn end(&self) -> Result<(), Error> {
        match self {
            Self::Process { id, folder } => {
                if self.is_running() {
                    terminate(*id, STOP_GRACE);
                }
                match fs::remove_dir_all(folder) {
                    Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                        Err(Error::file("remove", folder, source))
                    }
                    _removed_or_gone => Ok(()),
                }
            }
            Self::Container { name } => {
                run(Command::new("docker").args(["rm", "--force", "--volumes", name])).map(|_| ())
            }
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process { id, folder } => write!(formatter, "process {id} {}", folder.display()),
            Self::Container { name } => write!(formatter, "container {name}"),
        }
    }
}

impl FromStr for Server {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let unreadable = || Error::Answer(format!("`{text}` does not describe a server"));
        match text.split_once(' ') {
            Some(("process", rest)) => {
                let (id, folder) = rest.split_once(' ').ok_or_else(unreadable)?;
                Ok(Self::Process { id: id.parse().map_err(|_| unreadable())?, folder: PathBuf::from(folder) })
            }
            Some(("container", name)) => Ok(Self::Container { name: name.to_owned() }),
            _other => Err(unreadable()),
        }
    }
}

/// Whether the process was started with the folder's path. Where the system doesn't tell, its id must do.
fn names_folder(id: u32, folder: &Path) -> bool {
    fs::read(format!("/proc/{id}/cmdline"))
        .map_or(true, |line| String::from_utf8_lossy(&line).contains(&*folder.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_read_back_as_it_was_written() {
        let servers = [
            Server::Process { id: 41, folder: PathBuf::from("/tmp/a folder") },
            Server::Container { name: "weir-kafka-x".to_owned() },
        ];
        for server in servers {
            assert_eq!(server.to_string().parse::<Server>().unwrap(), server);
        }
        assert!("process x /tmp".parse::<Server>().is_err());
        assert!("".parse::<Server>().is_err());
    }

    #[test]
    fn ending_removes_the_folder_and_spares_a_later_process_of_the_same_id() {
        let folder = tempfile::tempdir().unwrap().keep();
        let mut stranger = Command::new("sleep").arg("60").spawn().unwrap();
        let server = Server::Process { id: stranger.id(), folder: folder.clone() };
        assert!(!server.is_running());
        server.end().unwrap();
        assert!(!folder.exists());
        assert!(stranger.try_wait().unwrap().is_none(), "the stranger still runs");
        stranger.kill().unwrap();
        stranger.wait().unwrap();
        server.end().unwrap();
    }
}
