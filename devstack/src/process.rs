//! A child process that cannot outlive its parent unnoticed: started with its output in a log file, stopped by its process id, killed
//! when dropped or when the parent dies, and recognised by the next life of the parent through a pid record if it escaped all the same.
//!
//! It never signals a process that it cannot tell apart from a stranger: a pid record carries the start time of the process too.
//!
//! Each child has a thread of its own that starts it and waits for its end. This matters: the kernel's parent-death signal follows the
//! *thread* that started the child, and the threads of an async runtime come and go.

mod log;
mod orphan;

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub use nix::sys::signal::Signal;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use tokio::sync::watch;

use self::log::{last_line, last_line_of};
pub(crate) use self::orphan::{end_orphan, running_in};
use crate::Error;

/// What to start.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The part's name in messages.
    pub name: String,
    /// The program's path.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Environment variables set on top of the parent's.
    pub envs: Vec<(String, String)>,
    /// The folder it runs in.
    pub cwd: PathBuf,
    /// Standard output and error are appended here.
    pub log: PathBuf,
    /// Where the pid record is kept while it runs.
    pub pid_record: PathBuf,
    /// A system user to run as (needs root).
    pub user: Option<String>,
    /// The signal that asks it to end in order; also sent by the kernel when the parent dies.
    pub stop_signal: Signal,
}

/// A running (or ended) child process. Dropping it kills it and waits for its end.
#[derive(Debug)]
pub struct Process {
    name: String,
    pid: Pid,
    log: PathBuf,
    pid_record: PathBuf,
    stop_signal: Signal,
    exit: watch::Receiver<Option<ExitStatus>>,
    waiter: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts the program in a process group of its own (Ctrl-C on the terminal reaches the parent alone, which then stops its parts
    /// in order) with the stop signal as its parent-death signal.
    ///
    /// # Errors
    /// [`Error::Missing`] when `setpriv` is not there, [`Error::Io`] when the log, the record or the program cannot be opened.
    pub fn spawn(spec: &Spec) -> Result<Self, Error> {
        let mut command = command_of(spec)?;
        let (exit_sender, exit) = watch::channel(None);
        let (started_sender, started) = mpsc::channel();
        let waiter = std::thread::Builder::new()
            .name(format!("{}-waiter", spec.name))
            .spawn(move || match command.spawn() {
                Ok(mut child) => {
                    let _ = started_sender.send(Ok(child.id()));
                    let status = child.wait().ok();
                    exit_sender.send_replace(status);
                }
                Err(error) => {
                    let _ = started_sender.send(Err(error));
                }
            })
            .map_err(Error::io(&spec.program))?;
        let id = started
            .recv()
            .unwrap_or_else(|_| Err(std::io::Error::other("the thread that starts it died")))
            .map_err(Error::io(&spec.program))?;
        let pid = Pid::from_raw(id.cast_signed());
        let process = Self {
            name: spec.name.clone(),
            pid,
            log: spec.log.clone(),
            pid_record: spec.pid_record.clone(),
            stop_signal: spec.stop_signal,
            exit,
            waiter: Some(waiter),
        };
        orphan::record(&spec.pid_record, pid).map_err(Error::io(&spec.pid_record))?;
        tracing::debug!(part = %spec.name, %pid, "started");
        Ok(process)
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid.as_raw().cast_unsigned()
    }

    /// Where its output goes.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Whether it still runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.exit.borrow().is_none() && self.exit.has_changed().is_ok()
    }

    /// Waits until it has ended.
    pub async fn ended(&self) {
        let mut exit = self.exit.clone();
        // An error means that the waiting thread is gone, and the child with it.
        let _ = exit.wait_for(Option::is_some).await;
    }

    /// Sends a signal if it still runs.
    pub fn signal(&self, signal: Signal) {
        if self.is_running() {
            let _ = kill(self.pid, signal);
        }
    }

    /// Asks it to end with its stop signal; after `grace`, kills it. Returns whether it ended by itself.
    pub async fn stop(&self, grace: Duration) -> bool {
        self.signal(self.stop_signal);
        let orderly = tokio::time::timeout(grace, self.ended()).await.is_ok();
        if !orderly {
            tracing::warn!(part = %self.name, pid = %self.pid, "did not stop within {} s, killing it", grace.as_secs());
            self.kill9().await;
        }
        let _ = fs::remove_file(&self.pid_record);
        orderly
    }

    /// SIGKILL, and waits for the end.
    pub async fn kill9(&self) {
        self.signal(Signal::SIGKILL);
        self.ended().await;
    }

    /// Polls `ready` until it holds, the process ends or `limit` passes.
    ///
    /// # Errors
    /// [`Error::Ended`] or [`Error::NotReady`], with the last line of the log.
    pub async fn wait_ready<F>(&self, limit: Duration, mut ready: impl FnMut() -> F) -> Result<(), Error>
    where
        F: Future<Output = bool>,
    {
        let started = Instant::now();
        loop {
            if !self.is_running() {
                let status = self
                    .exit
                    .borrow()
                    .map_or_else(|| "unknown status".into(), |status| status.to_string());
                return Err(Error::Ended {
                    name: self.name.clone(),
                    status,
                    last_line: last_line(&self.log),
                    log: self.log.clone(),
                });
            }
            if ready().await {
                return Ok(());
            }
            if started.elapsed() > limit {
                return Err(Error::NotReady {
                    name: self.name.clone(),
                    after: limit,
                    last_line: last_line(&self.log),
                    log: self.log.clone(),
                });
            }
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
        if let Some(waiter) = self.waiter.take() {
            let _ = waiter.join();
        }
        let _ = fs::remove_file(&self.pid_record);
    }
}

/// Builds `setpriv --pdeathsig … [--reuid …] program args…`. setpriv replaces itself with the program, so the child's pid is the
/// program's own; it sets the death signal after the change of user, which would have cleared it.
fn command_of(spec: &Spec) -> Result<Command, Error> {
    let setpriv = crate::tools::in_path("setpriv").ok_or_else(|| Error::Missing {
        what: "setpriv (package util-linux)",
        looked: "PATH".into(),
    })?;
    let log = File::options()
        .create(true)
        .append(true)
        .open(&spec.log)
        .map_err(Error::io(&spec.log))?;
    let error_log = log.try_clone().map_err(Error::io(&spec.log))?;
    let mut command = Command::new(setpriv);
    command
        .arg("--pdeathsig")
        .arg(spec.stop_signal.as_str().trim_start_matches("SIG"));
    if let Some(user) = &spec.user {
        command
            .arg("--reuid")
            .arg(user)
            .arg("--regid")
            .arg(user)
            .arg("--init-groups");
    }
    command
        .arg("--")
        .arg(&spec.program)
        .args(&spec.args)
        .envs(spec.envs.iter().map(|(name, value)| (name, value)))
        .current_dir(&spec.cwd)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(error_log)
        .process_group(0);
    Ok(command)
}

/// Runs a helper program, `name` in messages, to its end and returns its standard output.
///
/// # Errors
/// [`Error::Helper`] with the last line of its standard error.
pub(crate) async fn run_helper(name: &str, mut command: tokio::process::Command) -> Result<String, Error> {
    let failed = |message: String| Error::Helper {
        program: name.into(),
        message,
    };
    let output = command
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(failed(last_line_of(&String::from_utf8_lossy(&output.stderr))))
}

#[cfg(test)]
#[path = "tests/process.rs"]
mod tests;
