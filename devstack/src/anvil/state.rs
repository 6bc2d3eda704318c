//! The file in which anvil keeps its chain. anvil overwrites it in place, so SIGKILL can leave half of one: a copy of the last state that
//! a node did start from is kept beside it.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use serde::de::IgnoredAny;

use crate::Error;

/// The state file of one chain and its copy.
#[derive(Debug)]
pub(super) struct KeptState {
    file: PathBuf,
    /// A copy of what the node is starting from, not yet known to be good.
    candidate: PathBuf,
    /// A copy of what a node did start from.
    previous: PathBuf,
}

impl KeptState {
    pub(super) fn in_folder(dir: &Path) -> Self {
        let named = |name| dir.join(name);
        Self {
            file: named("state.json"),
            candidate: named("state.candidate.json"),
            previous: named("state.previous.json"),
        }
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    pub(super) fn before_start(&self) -> Result<(), Error> {
        if self.file.exists() {
            fs::copy(&self.file, &self.candidate).map_err(Error::io(&self.candidate))?;
        }
        Ok(())
    }

    pub(super) fn after_start(&self) -> Result<(), Error> {
        if self.candidate.exists() {
            fs::rename(&self.candidate, &self.previous).map_err(Error::io(&self.previous))?;
        }
        Ok(())
    }

    /// Whether there is a file and it is not whole.
    pub(super) fn is_cut_short(&self) -> bool {
        let is_whole = |file: File| serde_json::from_reader::<_, IgnoredAny>(BufReader::new(file)).is_ok();
        File::open(&self.file).is_ok_and(|file| !is_whole(file))
    }

    /// Puts the copy in the file's place, or nothing if there is none: each call gets one state further back, down to the genesis.
    pub(super) fn fall_back(&self) -> Result<(), Error> {
        if self.previous.exists() {
            tracing::warn!(state = %self.file.display(), "the chain's state was cut short by a crash, going back to its last start");
            return fs::rename(&self.previous, &self.file).map_err(Error::io(&self.file));
        }
        tracing::warn!(state = %self.file.display(), "the chain's state was cut short by a crash, starting from genesis");
        fs::remove_file(&self.file).map_err(Error::io(&self.file))
    }
}
