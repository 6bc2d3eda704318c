//! A command of this very program as a process of its own, so that its memory can be told from that of the measurement.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::process::{Child, Command};

/// A running command; killed when dropped.
pub struct Part {
    name: String,
    process: Child,
}

impl Part {
    /// Starts `souk <arguments>` in a folder, where it finds no configuration, and without environment.
    ///
    /// # Errors
    /// One line when the program cannot be started again.
    pub fn start(folder: &Path, arguments: &[&str]) -> Result<Part> {
        let program = std::env::current_exe().context("this program does not know where it is")?;
        let name = format!("souk {}", arguments.first().unwrap_or(&""));
        let process = Command::new(program)
            .args(arguments)
            .args(["--log-level", "warn", "--data-dir", "."])
            .current_dir(folder)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start `{name}`"))?;
        Ok(Part { name, process })
    }

    /// The most memory that it ever held, in MiB.
    ///
    /// # Errors
    /// One line when it ended before.
    pub fn peak_mebibytes(&mut self) -> Result<f64> {
        self.check()?;
        let id = self.process.id().context("the process has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes: f64 = peak
            .and_then(|peak| peak.split_whitespace().next()?.parse().ok())
            .context("the system does not tell a process's peak memory")?;
        Ok(kibibytes / 1024.0)
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// One line when it does not.
    pub fn check(&mut self) -> Result<()> {
        match self.process.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("`{}` ended before it was told to: {status}", self.name),
        }
    }

    /// Ends it.
    ///
    /// # Errors
    /// When the system does not let us.
    pub async fn stop(mut self) -> Result<()> {
        Ok(self.process.kill().await?)
    }
}

/// A folder that goes when this does.
pub struct Folder(PathBuf);

impl Folder {
    /// Makes an empty folder.
    ///
    /// # Errors
    /// One line that names it.
    pub fn new() -> Result<Folder> {
        let path = std::env::temp_dir().join(format!("souk-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Folder(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "{} was left behind", self.0.display());
        }
    }
}
