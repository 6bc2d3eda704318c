//! What can go wrong with a local part, each in one line that says what to do about it.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why a local part did not start, stop or answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program or file that `make setup` installs is not there.
    #[error("{what} not found ({looked}): `make setup` brings it")]
    Missing {
        /// The program, as people call it.
        what: &'static str,
        /// Where it was looked for, and how to name another place.
        looked: String,
    },
    /// Another live process holds the folder.
    #[error("{} is in use by another process: stop that one, or choose another data folder", .0.display())]
    Busy(PathBuf),
    /// The program ended while it was expected to run.
    #[error("{name} ended ({status}) while starting: {last_line} (log: {})", .log.display())]
    Ended {
        /// Which part.
        name: String,
        /// Exit status, in words.
        status: String,
        /// The last line it wrote.
        last_line: String,
        /// Where it writes.
        log: PathBuf,
    },
    /// The program runs but did not become ready.
    #[error("{name} was not ready after {} s: {last_line} (log: {})", .after.as_secs(), .log.display())]
    NotReady {
        /// Which part.
        name: String,
        /// How long it was given.
        after: Duration,
        /// The last line it wrote.
        last_line: String,
        /// Where it writes.
        log: PathBuf,
    },
    /// A helper program (initdb, psql, the Kafka formatter) failed.
    #[error("{program} failed: {message}")]
    Helper {
        /// Which program.
        program: String,
        /// What it wrote last to its standard error.
        message: String,
    },
    /// The data folder cannot be used as it is.
    #[error("{}: {problem}", .path.display())]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// The caller asked for something that cannot be.
    #[error("{0}")]
    Invalid(String),
    /// The operating system refused a file operation.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Error {
    /// For `map_err`: names the file that an I/O error is about.
    pub(crate) fn io(path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Io { path, source }
    }
}
