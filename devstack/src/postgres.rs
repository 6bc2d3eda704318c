//! A private Postgres cluster from the installed server programs.
//!
//! It listens on a Unix socket in a folder that only its owner may enter, and on no TCP port; the system's own cluster is never touched.
//! PostgreSQL refuses to run as root: then it runs as the system user `postgres`, in a folder that this user can reach.
//! Start at [`Postgres::start`].

mod cluster;
mod shared;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::kill;

use crate::Error;
use crate::place::Home;
use crate::process::{Process, Signal, Spec, end_orphan, run_helper, running_in};

use self::cluster::{Owner, SUPERUSER, initialise, server_for, socket_folder};

/// A start may have to replay the write-ahead log of a killed life.
const START_LIMIT: Duration = Duration::from_secs(180);
const STOP_GRACE: Duration = Duration::from_secs(60);

/// How a private cluster is run.
#[derive(Clone, Debug)]
pub struct PostgresConfig {
    /// Where the data is kept; `None` for a new folder that is removed at the end.
    pub dir: Option<PathBuf>,
    /// Whether what is committed survives a power cut (`fsync`). Without it, it still survives `kill -9`.
    pub fsync: bool,
    /// Server settings on top of, or instead of, the built-in ones: `("work_mem", "64MB")`.
    pub settings: Vec<(String, String)>,
}

impl PostgresConfig {
    /// A durable cluster whose data is kept in `dir` from one life to the next.
    #[must_use]
    pub fn kept(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: Some(dir.into()),
            fsync: true,
            settings: Vec::new(),
        }
    }

    /// A cluster for a test: no `fsync`, little memory, removed when dropped.
    #[must_use]
    pub fn throw_away() -> Self {
        Self {
            dir: None,
            fsync: false,
            settings: vec![("shared_buffers".into(), "64MB".into())],
        }
    }
}

/// A private Postgres; runs until stopped or dropped.
#[derive(Debug)]
pub struct Postgres {
    process: Process,
    spec: Spec,
    bin: PathBuf,
    data: PathBuf,
    sockets: PathBuf,
    // Held for their `Drop`, after the process is gone.
    _short_sockets: Option<tempfile::TempDir>,
    _home: Home,
}

impl Postgres {
    /// Starts the cluster, making it first if the folder holds none, after ending whatever a previous life left running in it.
    ///
    /// # Errors
    /// [`Error::Missing`] when no server is installed, [`Error::Busy`] when the folder is another process's, [`Error::Folder`] when
    /// the data needs another server version, [`Error::Ended`] or [`Error::NotReady`] when it does not come up.
    pub async fn start(config: &PostgresConfig) -> Result<Self, Error> {
        let owner = Owner::choose()?;
        let home = Home::open(config.dir.as_deref(), owner.is_other())?;
        let data = home.join("data");
        let pid_record = home.join("postgres.pid");
        end_orphan(&pid_record, Signal::SIGINT, STOP_GRACE).await;

        let bin = server_for(&data)?;
        if !data.join("PG_VERSION").exists() {
            initialise(&bin, &data, &owner, config.fsync).await?;
        }
        let (sockets, short_sockets) = socket_folder(home.path(), &owner)?;
        let spec = Spec {
            name: "postgres".into(),
            program: bin.join("postgres"),
            args: arguments(config, &data, &sockets),
            envs: vec![("LC_ALL".into(), "C".into()), ("TZ".into(), "UTC".into())],
            cwd: data.clone(),
            log: home.join("postgres.log"),
            pid_record,
            user: owner.system_user(),
            stop_signal: Signal::SIGINT,
        };
        let process = launch(&spec, &data).await?;
        Ok(Self {
            process,
            spec,
            bin,
            data,
            sockets,
            _short_sockets: short_sockets,
            _home: home,
        })
    }

    /// A connection URL for a database, for sqlx and everything built on libpq.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!(
            "postgres://{SUPERUSER}@localhost:5432/{database}?host={}",
            self.sockets.display()
        )
    }

    /// The process id of the server.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The server's log file.
    #[must_use]
    pub fn log(&self) -> &Path {
        self.process.log()
    }

    /// Whether the server runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.process.is_running()
    }

    /// Waits until the server has ended, for whatever reason.
    pub async fn ended(&self) {
        self.process.ended().await;
    }

    /// Makes the database if it is not there yet and returns its URL. Names are lower-case letters, digits and `_`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for any other name, [`Error::Helper`] with what the server answered.
    pub async fn create_database(&self, name: &str) -> Result<String, Error> {
        const MAX_NAME_BYTES: usize = 63;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.chars().all(plain) {
            return Err(Error::Invalid(format!(
                "{name:?} is not a database name: use a-z, 0-9 and _, at most 63"
            )));
        }
        let known = self
            .psql(&format!("SELECT 1 FROM pg_database WHERE datname = '{name}'"))
            .await?;
        if known.trim().is_empty() {
            self.psql(&format!("CREATE DATABASE \"{name}\"")).await?;
        }
        Ok(self.url(name))
    }

    /// Stops in order: open transactions are rolled back, everything is written out.
    pub async fn stop(&self) {
        self.process.stop(STOP_GRACE).await;
    }

    /// SIGKILL for the server and every process it forked, as a crash of the machine would end them.
    pub async fn kill9(&self) {
        self.process.signal(Signal::SIGKILL);
        end_all_in(&self.data).await;
        self.process.ended().await;
    }

    /// Starts the cluster again on the same data and the same URL; stops it in order first if it still runs.
    ///
    /// # Errors
    /// Those of [`Postgres::start`].
    pub async fn restart(&mut self) -> Result<(), Error> {
        self.stop().await;
        self.process = launch(&self.spec, &self.data).await?;
        Ok(())
    }

    async fn psql(&self, statement: &str) -> Result<String, Error> {
        let mut command = tokio::process::Command::new(self.bin.join("psql"));
        command.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement, &self.url("postgres")]);
        run_helper("psql", command).await
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // An immediate shutdown takes the forked processes along; SIGKILL for the server alone would leave them writing for a moment
        // into a folder that is about to be removed.
        const GRACE: Duration = Duration::from_secs(5);
        self.process.signal(Signal::SIGQUIT);
        let asked = Instant::now();
        while self.process.is_running() && asked.elapsed() < GRACE {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The server's command line: what a database that one program writes in large batches wants.
fn arguments(config: &PostgresConfig, data: &Path, sockets: &Path) -> Vec<OsString> {
    let fsync = if config.fsync { "on" } else { "off" };
    let built_in = [
        ("listen_addresses", ""),
        ("port", "5432"),
        ("fsync", fsync),
        ("full_page_writes", fsync),
        ("max_connections", "200"),
        ("shared_buffers", "256MB"),
        ("work_mem", "16MB"),
        ("maintenance_work_mem", "256MB"),
        ("wal_level", "minimal"),
        ("max_wal_senders", "0"),
        ("wal_compression", "on"),
        ("max_wal_size", "4GB"),
        ("checkpoint_timeout", "15min"),
        ("random_page_cost", "1.1"),
        ("jit", "off"),
        ("timezone", "UTC"),
        ("log_timezone", "UTC"),
    ];
    let sockets = ("unix_socket_directories".to_owned(), sockets.display().to_string());
    let settings = built_in.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut arguments: Vec<OsString> = vec!["-D".into(), data.into()];
    for (name, value) in settings.iter().chain([&sockets]).chain(&config.settings) {
        arguments.push("-c".into());
        arguments.push(format!("{name}={value}").into());
    }
    arguments
}

/// Starts the server and waits until it takes connections.
async fn launch(spec: &Spec, data: &Path) -> Result<Process, Error> {
    // Processes forked by a server that was killed can outlive it; a new server beside them would destroy the data.
    end_all_in(data).await;
    // So whatever this file says is of a dead server; left in place, it would stop the new one if its pid now belongs to a stranger.
    let _ = fs::remove_file(data.join("postmaster.pid"));
    let process = Process::spawn(spec)?;
    let pid = process.pid().to_string();
    // The server keeps its state in the eighth line of this file, below its pid in the first.
    let ready = || {
        let state = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
        let mut lines = state.lines();
        let is_ready = lines.next() == Some(&pid) && lines.nth(6).is_some_and(|line| line.trim() == "ready");
        std::future::ready(is_ready)
    };
    process.wait_ready(START_LIMIT, ready).await?;
    Ok(process)
}

/// Kills every server process that works in `data` and waits until none is left.
async fn end_all_in(data: &Path) {
    loop {
        let running = running_in(data, "postgres");
        if running.is_empty() {
            return;
        }
        for pid in running {
            let _ = kill(pid, Signal::SIGKILL);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[cfg(test)]
#[path = "tests/postgres.rs"]
mod tests;
