//! The data folder and the instance that lives in it: how `souk up` keeps a second one out, and how other commands find it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use souk_contracts::Deployment;
use souk_devstack::{DirLock, Error as DevstackError};
use souk_indexer::ChainSource;
use souk_schema::exchange::GroupId;

use crate::cli::GlobalArgs;

/// What a running `souk up` writes down for the commands beside it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Instance {
    /// Its process.
    pub pid: u32,
    /// Where it serves HTTP.
    pub url: String,
    /// Its database.
    pub database_url: String,
    /// Its Kafka's bootstrap servers, if it streams through one.
    pub kafka: Option<String>,
    /// Kafka client settings.
    pub kafka_options: Vec<String>,
    /// The chains that it indexes.
    pub chains: Vec<ChainSource>,
    /// Our contracts on its own dev chain.
    pub dev_chain: Option<DevChain>,
}

/// A dev chain that an instance runs itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DevChain {
    /// Its node.
    pub rpc: String,
    /// Souk's contracts on it.
    pub deployment: Deployment,
    /// The market group that settles on it.
    pub group: GroupId,
}

/// The data folder.
#[derive(Clone, Debug)]
pub struct DataDir(PathBuf);

/// The data folder held by this process, until dropped.
pub struct Held {
    dir: DataDir,
    _lock: DirLock,
}

impl DataDir {
    /// The folder that the flags name, or the default one. It is not made yet.
    ///
    /// # Errors
    /// One line when neither a flag nor the environment says where it could be.
    pub fn of(args: &GlobalArgs) -> Result<DataDir> {
        if let Some(dir) = &args.data_dir {
            return Ok(DataDir(
                std::path::absolute(dir).with_context(|| format!("--data-dir {}", dir.display()))?,
            ));
        }
        let base = std::env::var_os("XDG_DATA_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute());
        let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
        match base.or_else(home) {
            Some(base) => Ok(DataDir(base.join("souk"))),
            None => bail!("no folder for data: HOME is not set; give --data-dir <DIR>"),
        }
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A file or folder in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Takes the folder for this process; `None` if a live process has it.
    ///
    /// # Errors
    /// One line when the folder cannot be made or locked.
    pub fn hold(&self) -> Result<Option<Held>> {
        fs::create_dir_all(&self.0).with_context(|| format!("cannot make the data folder {}", self.0.display()))?;
        match DirLock::acquire(&self.0) {
            Ok(lock) => Ok(Some(Held {
                dir: self.clone(),
                _lock: lock,
            })),
            Err(DevstackError::Busy(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The instance that lives in the folder now, if one does.
    ///
    /// # Errors
    /// One line when what it wrote down cannot be read.
    pub fn instance(&self) -> Result<Option<Instance>> {
        if !self.0.exists() || self.hold()?.is_some() {
            return Ok(None);
        }
        let path = self.join("instance.json");
        match fs::read_to_string(&path) {
            Ok(text) => {
                let instance = serde_json::from_str(&text).with_context(|| {
                    format!(
                        "{} is not what this souk writes: stop the instance and start it again",
                        path.display()
                    )
                })?;
                Ok(Some(instance))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// The instance that lives in the folder, which the command needs.
    ///
    /// # Errors
    /// One line that says how to start or name one.
    pub fn running(&self) -> Result<Instance> {
        match self.instance()? {
            Some(instance) => Ok(instance),
            None => bail!(
                "no souk is running in {}: start one with `souk up`, or name its data folder with --data-dir",
                self.0.display()
            ),
        }
    }
}

impl Held {
    /// The folder.
    pub fn dir(&self) -> &DataDir {
        &self.dir
    }

    /// Writes down what commands beside this process need. Readable by its owner alone, since addresses can hold passwords.
    ///
    /// # Errors
    /// One line when the file cannot be written.
    pub fn publish(&self, instance: &Instance) -> Result<()> {
        write_private(&self.dir.join("instance.json"), &serde_json::to_vec_pretty(instance)?)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // While a process only looks whether the folder is free, there may be no file; a live one's file is its own to remove.
        let path = self.dir.join("instance.json");
        let ours = fs::read_to_string(&path)
            .ok()
            .and_then(|text| serde_json::from_str::<Instance>(&text).ok())
            .is_some_and(|instance| instance.pid == std::process::id());
        if ours && let Err(error) = fs::remove_file(&path) {
            tracing::warn!(%error, path = %path.display(), "the instance's file stays behind");
        }
    }
}

/// Writes a file that only its owner can read, whole or not at all.
///
/// # Errors
/// One line that names the file.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let written = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        let mut file = fs::OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(&written)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&written, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(pid: u32) -> Instance {
        Instance {
            pid,
            url: "http://127.0.0.1:8080".into(),
            database_url: "postgres://secret@localhost/souk".into(),
            kafka: None,
            kafka_options: vec![],
            chains: vec![],
            dev_chain: None,
        }
    }

    #[test]
    fn a_second_process_finds_the_first_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir(folder.path().join("data"));
        assert!(
            dir.running()
                .unwrap_err()
                .to_string()
                .contains("start one with `souk up`")
        );
        let held = dir.hold().unwrap().expect("nobody has it");
        assert!(dir.hold().unwrap().is_none());
        assert!(
            dir.instance().unwrap().is_none(),
            "it lives, but is not ready to be found"
        );
        held.publish(&instance(std::process::id())).unwrap();
        assert_eq!(dir.running().unwrap().url, "http://127.0.0.1:8080");
        drop(held);
        assert!(dir.instance().unwrap().is_none());
        assert!(!dir.join("instance.json").exists());
    }

    #[test]
    fn what_a_killed_process_left_is_not_taken_for_a_live_one() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir(folder.path().to_path_buf());
        write_private(&dir.join("instance.json"), &serde_json::to_vec(&instance(1)).unwrap()).unwrap();
        assert!(dir.instance().unwrap().is_none());
        let mode = fs::metadata(dir.join("instance.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
