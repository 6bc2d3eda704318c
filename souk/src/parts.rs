//! The parts that commands share: database, event log, and the tasks that run until they are told to stop.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use souk_eventlog::{EmbeddedLog, EventLog, KafkaLog, KafkaOptions};
use souk_provenance::tables::Schema;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::cli::{InstanceArgs, StoreArgs};
use crate::instance::{DataDir, Instance};

/// Connections that one process keeps to the database at most.
const POOL_SIZE: u32 = 16;

/// How long the parts are given to end in order once they are told to.
const STOP_GRACE: Duration = Duration::from_secs(30);

/// Where state and log are, with every default decided.
#[derive(Clone, Debug)]
pub struct Store {
    /// The database.
    pub database_url: String,
    /// Kafka's bootstrap servers, if the log is there.
    pub kafka: Option<String>,
    /// Kafka client settings.
    pub kafka_options: Vec<String>,
}

impl Store {
    /// The store of a part that runs on its own, which must be named.
    ///
    /// # Errors
    /// One line that says how to name it.
    pub fn named(args: &StoreArgs) -> Result<Store> {
        let Some(database_url) = args.database_url.clone() else {
            bail!("no database: give --database-url <URL>, or run `souk up`, which brings its own");
        };
        if args.kafka.as_deref() == Some("local") {
            bail!("--kafka local is for `souk up`, which runs the node; name the servers of a running Kafka instead");
        }
        Ok(Store {
            database_url,
            kafka: args.kafka.clone(),
            kafka_options: args.kafka_options.clone(),
        })
    }

    /// The store that a command speaks of: the one that its flags name, else that of the instance in the data folder.
    ///
    /// # Errors
    /// One line when there is neither.
    pub fn of_command(args: &InstanceArgs, dir: &DataDir) -> Result<Store> {
        if args.store.database_url.is_some() {
            Store::named(&args.store)
        } else {
            Ok(Store::of_instance(&dir.running()?))
        }
    }

    /// The store of a running instance.
    pub fn of_instance(instance: &Instance) -> Store {
        Store {
            database_url: instance.database_url.clone(),
            kafka: instance.kafka.clone(),
            kafka_options: instance.kafka_options.clone(),
        }
    }

    /// Connects to the database and makes sure that the live tables are there.
    ///
    /// # Errors
    /// One line when the database does not answer or its tables cannot be brought up to date.
    pub async fn database(&self) -> Result<PgPool> {
        let options: PgConnectOptions = self
            .database_url
            .parse()
            .context("--database-url is no PostgreSQL URL")?;
        let options = options
            .application_name("souk")
            .options([("search_path", Schema::live().as_str())]);
        let pool = PgPoolOptions::new()
            .max_connections(POOL_SIZE)
            .acquire_timeout(Duration::from_secs(10))
            .connect_with(options)
            .await
            .context("cannot connect to the database; is it up, and --database-url right?")?;
        souk_provenance::store::migrate(&pool, &Schema::live())
            .await
            .context("the tables of schema `souk` cannot be brought up to date")?;
        Ok(pool)
    }

    /// Connects to the event log.
    ///
    /// # Errors
    /// One line when it does not answer.
    pub async fn log(&self, pool: &PgPool) -> Result<Arc<dyn EventLog>> {
        let Some(servers) = &self.kafka else {
            let log = EmbeddedLog::connect(pool.clone())
                .await
                .context("the event log in the database")?;
            return Ok(Arc::new(log));
        };
        let mut settings = Vec::new();
        for option in &self.kafka_options {
            let (key, value) = option
                .split_once('=')
                .ok_or_else(|| anyhow!("--kafka-option {option}: expected KEY=VALUE as librdkafka names them"))?;
            settings.push((key.to_string(), value.to_string()));
        }
        let options = KafkaOptions {
            client: settings.into_iter().collect(),
            ..KafkaOptions::default()
        };
        let log = KafkaLog::connect(servers, options)
            .await
            .with_context(|| format!("--kafka {servers}"))?;
        Ok(Arc::new(log))
    }
}

/// Tasks that live and end together: the first to fail stops all, and its error is the process's.
pub struct Supervisor {
    tasks: JoinSet<Result<()>>,
    cancel: CancellationToken,
}

impl Supervisor {
    /// A supervisor without tasks, which ends on Ctrl-C and SIGTERM.
    ///
    /// # Errors
    /// One line when signals cannot be received.
    pub fn new() -> Result<Supervisor> {
        let cancel = CancellationToken::new();
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        let mut interrupt = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
        let on_signal = cancel.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            on_signal.cancel();
        });
        Ok(Supervisor {
            tasks: JoinSet::new(),
            cancel,
        })
    }

    /// Told to every task when it is to end.
    pub fn cancel(&self) -> &CancellationToken {
        &self.cancel
    }

    /// Runs a task until it ends or all are to end.
    pub fn run(&mut self, name: String, task: impl Future<Output = Result<()>> + Send + 'static) {
        let cancel = self.cancel.clone();
        self.tasks.spawn(async move {
            task.await.with_context(|| name.clone())?;
            if cancel.is_cancelled() {
                Ok(())
            } else {
                Err(anyhow!("{name} ended before it was told to"))
            }
        });
    }

    /// Does something while the tasks run. A task that fails meanwhile, or a signal, ends it.
    ///
    /// # Errors
    /// The work's error, or that of the task that failed. `Ok(None)` when a signal came first.
    pub async fn meanwhile<T>(&mut self, work: impl Future<Output = Result<T>>) -> Result<Option<T>> {
        tokio::select! {
            done = work => done.map(Some),
            () = self.cancel.cancelled() => Ok(None),
            Some(ended) = self.tasks.join_next(), if !self.tasks.is_empty() => {
                self.cancel.cancel();
                flatten(Some(ended)).map(|()| None)
            }
        }
    }

    /// Waits until a signal comes or a task ends, then has all the others end in order.
    ///
    /// # Errors
    /// That of the first task that failed.
    pub async fn until_stopped(mut self) -> Result<()> {
        let mut first = tokio::select! {
            () = self.cancel.cancelled() => Ok(()),
            ended = self.tasks.join_next() => flatten(ended),
        };
        self.cancel.cancel();
        let rest = async {
            while let Some(ended) = self.tasks.join_next().await {
                let ended = flatten(Some(ended));
                if first.is_ok() {
                    first = ended;
                }
            }
        };
        if tokio::time::timeout(STOP_GRACE, rest).await.is_err() {
            tracing::warn!(
                "some parts did not end within {} s and were left behind; nothing acknowledged is lost",
                STOP_GRACE.as_secs()
            );
        }
        first
    }
}

fn flatten(ended: Option<Result<Result<()>, tokio::task::JoinError>>) -> Result<()> {
    match ended {
        None => Ok(()),
        Some(Ok(result)) => result,
        Some(Err(panic)) => Err(anyhow!("a part stopped: {panic}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_failure_stops_all_and_is_reported() {
        let mut supervisor = Supervisor::new().unwrap();
        let cancel = supervisor.cancel().clone();
        supervisor.run("patient".into(), async move {
            cancel.cancelled().await;
            Ok(())
        });
        supervisor.run("indexer of chain 1".into(), async { bail!("the node is gone") });
        let error = supervisor.until_stopped().await.unwrap_err();
        assert_eq!(format!("{error:#}"), "indexer of chain 1: the node is gone");
    }

    #[tokio::test]
    async fn work_ends_with_the_part_that_it_needs() {
        let mut supervisor = Supervisor::new().unwrap();
        supervisor.run("projector".into(), async { bail!("no disk") });
        let error = supervisor
            .meanwhile(std::future::pending::<Result<()>>())
            .await
            .unwrap_err();
        assert_eq!(format!("{error:#}"), "projector: no disk");
    }

    #[test]
    fn a_part_on_its_own_needs_a_database() {
        let args = StoreArgs {
            database_url: None,
            kafka: None,
            kafka_options: vec![],
        };
        assert!(Store::named(&args).unwrap_err().to_string().contains("--database-url"));
    }
}
