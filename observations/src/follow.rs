//! Keeps documents up with the chains: finds what is wanted, fetches it, appends what was found to the log, and projects that.
//!
//! Loops which share only the tables and the log. The one that fetches begins when the projection has reached the stream's end, so
//! that nothing which is in the log is fetched again. Whatever can be waited out is.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use alloy::transports::TransportError;
use futures::future::try_join_all;
use souk_eventlog::{EventLog, LogError, NewRecord, StreamName};
use souk_schema::observation::encoding::{self, CURRENT_VERSION, OBSERVATION_TYPE, VERSION_HEADER};
use souk_schema::observation::{Observation, Outcome, STREAM, SubjectKind};
use souk_streams::{Reader, StreamError};
use sqlx::PgPool;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::attempt::{Attempt, attempt, instant};
use crate::fetch::{Fetcher, Policy};
use crate::nodes::{Node, Nodes};
use crate::store::{Claim, Claimed, Store};

/// How often the tables are looked at.
const LOOK: Duration = Duration::from_millis(500);

/// How often it is counted what is still to be fetched.
const MEASURE: Duration = Duration::from_secs(5);

/// How long to wait for a record before looking whether the log is still the same.
const IDLE: Duration = Duration::from_secs(5);

/// How long to wait after something went wrong.
const PAUSE: Duration = Duration::from_secs(1);

/// How many observations are appended at once.
const BATCH: usize = 64;

/// How long whoever took something may take longer than fetching it may.
const LEASE_BEYOND: Duration = Duration::from_secs(60);

/// Why nothing is observed any more.
#[derive(Debug, thiserror::Error)]
pub enum ObservationError {
    /// The log does not take or give records.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The stream is damaged.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// Postgres does not answer.
    #[error("the tables of observations: {0}")]
    Database(#[from] sqlx::Error),
    /// No TLS.
    #[error("documents cannot be fetched: {0}")]
    Client(#[from] reqwest::Error),
    /// A node does not say which chain it is of, and waiting does not mend it.
    #[error("--rpc {node} does not say which chain it is of: {error}")]
    Node {
        /// Where it is.
        node: String,
        /// What it says instead.
        error: TransportError,
    },
    /// Judging a document panicked.
    #[error("reading a document: {0}")]
    Panicked(#[from] tokio::task::JoinError),
}

impl ObservationError {
    /// Whether trying again is of no use.
    fn is_fatal(&self) -> bool {
        match self {
            ObservationError::Log(error) | ObservationError::Stream(StreamError::Log(error)) => !error.retryable(),
            ObservationError::Database(_) => false,
            ObservationError::Stream(_)
            | ObservationError::Client(_)
            | ObservationError::Node { .. }
            | ObservationError::Panicked(_) => true,
        }
    }
}

/// Observes until cancelled. The pool's search path names the tables of chains.
///
/// # Errors
/// [`ObservationError`] for what cannot be waited out.
pub async fn run(
    log: Arc<dyn EventLog>,
    pool: PgPool,
    policy: Policy,
    nodes: Nodes,
    cancel: CancellationToken,
) -> Result<(), ObservationError> {
    let store = Store::connect(pool).await?;
    store.reconsider().await?;
    let (observed, observations) = mpsc::channel(BATCH);
    let observer = Observer {
        log,
        store,
        fetcher: Fetcher::new(policy)?,
        nodes,
        is_caught_up: watch::Sender::new(false),
        is_wanted: Notify::new(),
    };
    let loops = async {
        tokio::try_join!(
            observer.retrying("following the stream", || observer.project()),
            observer.retrying("searching the tables", || observer.scan()),
            observer.retrying("counting", || observer.measure()),
            observer.append(observations),
            observer.fetch_all(observed),
            observer.place_nodes(),
        )
    };
    tokio::select! {
        ended = loops => ended.map(|_| ()),
        () = cancel.cancelled() => Ok(()),
    }
}

struct Observer {
    log: Arc<dyn EventLog>,
    store: Store,
    fetcher: Fetcher,
    nodes: Nodes,
    /// Whether the projection has seen the stream's end.
    is_caught_up: watch::Sender<bool>,
    /// Told when there is more to fetch.
    is_wanted: Notify,
}

impl Observer {
    /// Does something over and over; what goes wrong and may pass is waited out.
    async fn retrying<W>(&self, what: &str, mut work: impl FnMut() -> W) -> Result<(), ObservationError>
    where
        W: Future<Output = Result<(), ObservationError>>,
    {
        loop {
            match work().await {
                Ok(()) => {}
                Err(error) if error.is_fatal() => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, "{what} pauses");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Projects the stream from where the tables are until somebody else moves them.
    async fn project(&self) -> Result<(), ObservationError> {
        let stream = StreamName::new(STREAM)?;
        let first = self.store.position().await?;
        if self.log.next_sequence(&stream).await? < first {
            tracing::warn!("the log's observations are not those that the tables were made of; they are made anew");
            self.store.forget().await?;
            return Ok(());
        }
        let mut reader = Reader::new(&self.log, STREAM)?.starting_at(first);
        loop {
            let first = reader.next_sequence();
            let records = reader.read().await?;
            let mut observations = Vec::with_capacity(records.len());
            for stored in &records {
                observations.push((stored.sequence, reader.observation(stored)?));
            }
            if records.is_empty() {
                self.is_caught_up.send_replace(true);
                if !reader.wait(IDLE).await? && self.log.next_sequence(&stream).await? < first {
                    return Ok(());
                }
            } else if !self.store.write(first, reader.next_sequence(), &observations).await? {
                return Ok(());
            }
        }
    }

    async fn scan(&self) -> Result<(), ObservationError> {
        if self.store.scan().await? {
            self.is_wanted.notify_one();
        }
        tokio::time::sleep(LOOK).await;
        Ok(())
    }

    /// Learns of nodes that have not said it yet which chain they are of, as soon as they are there, and hands out again what waited for them.
    async fn place_nodes(&self) -> Result<(), ObservationError> {
        let mut placing = Vec::new();
        for node in self.nodes.unplaced() {
            placing.push(self.place(node));
        }
        try_join_all(placing).await.map(|_| ())
    }

    async fn place(&self, node: &Node) -> Result<(), ObservationError> {
        node.placed().await.map_err(|error| ObservationError::Node {
            node: node.shown(),
            error,
        })?;
        while let Err(error) = self.store.reconsider().await {
            tracing::warn!(%error, "what waited for a node waits on");
            tokio::time::sleep(PAUSE).await;
        }
        self.is_wanted.notify_one();
        Ok(())
    }

    /// Tells how many are still to be fetched.
    async fn measure(&self) -> Result<(), ObservationError> {
        metrics::gauge!("souk_observations_waiting").set(self.store.waiting().await? as f64);
        tokio::time::sleep(MEASURE).await;
        Ok(())
    }

    /// Appends what was found. What is appended twice, because the answer to the first time was lost, changes nothing.
    async fn append(&self, mut observations: mpsc::Receiver<Observation>) -> Result<(), ObservationError> {
        let stream = StreamName::new(STREAM)?;
        let mut batch = Vec::new();
        while observations.recv_many(&mut batch, BATCH).await > 0 {
            let records: Vec<NewRecord> = batch.iter().map(record).collect();
            while let Err(error) = self.log.append_shared(&stream, records.clone()).await {
                if !error.retryable() {
                    return Err(error.into());
                }
                tracing::warn!(%error, "observations wait for the log");
                tokio::time::sleep(PAUSE).await;
            }
            for observation in batch.drain(..) {
                metrics::counter!("souk_observations_total", "outcome" => outcome_name(&observation.outcome))
                    .increment(1);
            }
        }
        Ok(())
    }

    /// Fetches what is wanted, much at a time and little of one host.
    async fn fetch_all(&self, observed: mpsc::Sender<Observation>) -> Result<(), ObservationError> {
        let _ = self
            .is_caught_up
            .subscribe()
            .wait_for(|is_caught_up| *is_caught_up)
            .await;
        let mut fetching: JoinSet<(Claimed, Attempt)> = JoinSet::new();
        let mut taken: HashMap<String, usize> = HashMap::new();
        loop {
            let more = match self.take(&mut fetching, &mut taken, &observed).await {
                Ok(more) => more,
                Err(error) if error.is_fatal() => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, "fetching documents pauses");
                    tokio::time::sleep(PAUSE).await;
                    false
                }
            };
            if more {
                continue;
            }
            tokio::select! {
                Some(ended) = fetching.join_next(), if !fetching.is_empty() => {
                    let (claimed, attempt) = ended?;
                    if let Some(host) = &claimed.host && let Some(count) = taken.get_mut(host) {
                        *count -= 1;
                        if *count == 0 {
                            taken.remove(host);
                        }
                    }
                    self.settle(&claimed, attempt, &observed).await;
                }
                () = self.is_wanted.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Takes what is due and there is room for. Returns whether more may be due that needs no room.
    async fn take(
        &self,
        fetching: &mut JoinSet<(Claimed, Attempt)>,
        taken: &mut HashMap<String, usize>,
        observed: &mpsc::Sender<Observation>,
    ) -> Result<bool, ObservationError> {
        let policy = self.fetcher.policy();
        let gateways = u32::try_from(policy.gateways.len()).unwrap_or(u32::MAX).max(1);
        let lease = policy.timeout.saturating_mul(gateways).saturating_add(LEASE_BEYOND);
        let room = policy.at_once.saturating_sub(fetching.len());
        if room > 0 {
            let claim = Claim::Hosted {
                room,
                room_per_host: policy.at_once_per_host,
                taken,
            };
            for claimed in self.store.claim(claim, lease).await? {
                if let Some(host) = &claimed.host {
                    *taken.entry(host.clone()).or_default() += 1;
                }
                let (fetcher, nodes) = (self.fetcher.clone(), self.nodes.clone());
                fetching.spawn(async move {
                    let began = Instant::now();
                    let attempt = attempt(&fetcher, &nodes, &claimed.wanted, claimed.tries.saturating_add(1)).await;
                    metrics::histogram!("souk_observation_seconds").record(began.elapsed().as_secs_f64());
                    (claimed, attempt)
                });
            }
        }
        let at_once = self.store.claim(Claim::Instant, lease).await?;
        let more = !at_once.is_empty();
        let judged = policy.clone();
        let judging = tokio::task::spawn_blocking(move || {
            let judge = |claimed: Claimed| Some((instant(&judged, &claimed.wanted).ok()?, claimed));
            at_once.into_iter().filter_map(judge).collect::<Vec<_>>()
        });
        for (attempt, claimed) in judging.await? {
            self.settle(&claimed, attempt, observed).await;
        }
        Ok(more)
    }

    /// Passes an outcome on, or gives back what has none yet. What cannot be given back comes back by itself when its lease is over.
    async fn settle(&self, claimed: &Claimed, attempt: Attempt, observed: &mpsc::Sender<Observation>) {
        let (key, tries) = (claimed.wanted.key(), claimed.tries.saturating_add(1));
        let given_back = match attempt {
            Attempt::Observed(outcome) => {
                let observation = Observation {
                    wanted: claimed.wanted.clone(),
                    observed_at_ms: now_ms(),
                    tries,
                    outcome,
                };
                // The receiver ends with an error, which is then reported.
                let _ = observed.send(observation).await;
                Ok(())
            }
            Attempt::Again { failure, wait } => {
                metrics::counter!("souk_observation_retries_total", "problem" => failure.kind.as_str()).increment(1);
                self.store.postpone(key, tries, wait, &failure.detail).await
            }
            Attempt::Withheld(reason) => {
                let subject = claimed.wanted.subject;
                let withheld = self.store.withhold(&[key], reason).await;
                // Its node may have come between the try and this.
                if subject.kind == SubjectKind::Attestation && self.nodes.has(subject.chain) {
                    self.store.reconsider().await
                } else {
                    withheld
                }
            }
        };
        if let Err(error) = given_back {
            tracing::warn!(%error, "what is to be fetched again is not given back before its lease is over");
        }
    }
}

/// An observation as it is appended.
pub fn record(observation: &Observation) -> NewRecord {
    let id = format!("{:x}.{}", observation.wanted.key(), observation.observed_at_ms);
    NewRecord {
        headers: vec![
            (VERSION_HEADER.into(), CURRENT_VERSION.to_string()),
            ("ce_type".into(), OBSERVATION_TYPE.into()),
            ("ce_id".into(), id),
        ],
        payload: encoding::encode(observation).0,
    }
}

fn outcome_name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Document(document) if document.verification.is_match() => "verified",
        Outcome::Document(document) if document.verification == souk_schema::observation::Verification::Mismatch => {
            "mismatched"
        }
        Outcome::Document(_) => "unverified",
        Outcome::Failed(failure) => failure.kind.as_str(),
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
