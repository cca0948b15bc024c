//! What can go wrong with a throw-away server, told so that the reader knows what to do.

use std::path::{Path, PathBuf};

/// Why a throw-away server is not there.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program could not be run at all.
    #[error("cannot run `{program}`; is it installed and on the PATH?")]
    Run {
        /// The program as it was called.
        program: String,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// A helper program ended with an error.
    #[error("`{program}` failed ({status}):\n{output}")]
    Failed {
        /// The program as it was called.
        program: String,
        /// Its exit status.
        status: std::process::ExitStatus,
        /// The end of what it printed.
        output: String,
    },
    /// The server ended before it was ready.
    #[error("{server} ended ({status}) before it was ready; the end of its log:\n{log}")]
    Ended {
        /// Which server.
        server: &'static str,
        /// Its exit status.
        status: String,
        /// The end of its log.
        log: String,
    },
    /// The server runs but did not answer in time.
    #[error("{server} was not ready within {seconds} s ({last}); the end of its log:\n{log}")]
    NotReady {
        /// Which server.
        server: &'static str,
        /// How long it was waited for.
        seconds: u64,
        /// What the last attempt said.
        last: String,
        /// The end of its log.
        log: String,
    },
    /// A file or folder could not be used.
    #[error("cannot {action} {path}", path = path.display())]
    File {
        /// What was attempted, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// Something about this machine or its network did not work.
    #[error("cannot {action}")]
    System {
        /// What was attempted, as a verb with its object.
        action: String,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// The server answered, but not with what was asked for.
    #[error("{0}")]
    Answer(String),
    /// The environment lacks what is needed to start the server.
    #[error("{0}")]
    Missing(String),
}

impl Error {
    pub(crate) fn file(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::File { action, path: path.to_owned(), source }
    }

    pub(crate) fn system(action: impl Into<String>, source: std::io::Error) -> Self {
        Self::System { action: action.into(), source }
    }
}
