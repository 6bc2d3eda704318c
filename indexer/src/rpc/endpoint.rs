//! One endpoint: its transport, its health, and what it turned out to be able to do.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use metrics::{counter, histogram};
use rand::RngExt;
use serde::de::DeserializeOwned;
use souk_wire::redacted;
use tokio::sync::{Semaphore, watch};
use url::Url;

use super::adaptive::Adaptive;
use super::answer::{Answers, Call};
use super::classify::{CallError, Fault, shortened};
use super::http::Http;
use super::ws::{Announcement, Ws};
use crate::source::Limits;
use crate::status::{EndpointState, EndpointStatus};

/// Requests that one endpoint gets at a time.
const PARALLEL_REQUESTS: usize = 8;

/// An endpoint that used to work and now refuses is asked again after this.
const REFUSED_REST: Duration = Duration::from_secs(30);

/// However long an endpoint asks to be left alone, it is asked again after this: limits are lifted, plans are upgraded.
const LONGEST_REST: Duration = Duration::from_secs(600);

/// An endpoint that answers promptly, if wrongly, needs no longer rest than after so many failures.
const PROMPT_FAILURES: u32 = 4;

/// How long to leave something alone after so many failures in a row, with jitter so that several do not return together.
#[allow(clippy::disallowed_methods, reason = "jitter is meant to differ")]
pub(crate) fn backoff(failures: u32) -> Duration {
    const BASE_MS: u64 = 25;
    const MAX_MS: u64 = 15_000;
    let whole = (BASE_MS << failures.min(12)).min(MAX_MS);
    Duration::from_millis(rand::rng().random_range(whole / 2..=whole))
}

#[derive(Debug)]
enum Transport {
    Http(Http),
    Ws(Ws),
}

/// What was learnt about an endpoint.
#[derive(Debug)]
struct Health {
    /// Moving share of requests that went well.
    score: f64,
    latency_ms: f64,
    failures_in_a_row: u32,
    rests_until: Option<Instant>,
    refused: bool,
    has_worked: bool,
    is_identified: bool,
    lacks_block_receipts: bool,
    batch: Adaptive,
    log_range: Adaptive,
    requests: u64,
    failures: u64,
    head: Option<u64>,
    last_error: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) index: usize,
    pub(crate) name: String,
    transport: Transport,
    permits: Semaphore,
    health: Mutex<Health>,
}

impl Endpoint {
    pub(crate) fn new(
        index: usize,
        url: &Url,
        limits: &Limits,
        announcements: &watch::Sender<Option<Announcement>>,
    ) -> Result<Endpoint, CallError> {
        let timeout = Duration::from_secs(limits.request_timeout_secs);
        let transport = if url.scheme().starts_with("ws") {
            Transport::Ws(Ws::open(
                url.clone(),
                timeout,
                limits.response_bytes,
                index,
                announcements.clone(),
            ))
        } else {
            Transport::Http(Http::new(url.clone(), timeout, limits.response_bytes)?)
        };
        let health = Health {
            score: 1.0,
            latency_ms: 0.0,
            failures_in_a_row: 0,
            rests_until: None,
            refused: false,
            has_worked: false,
            is_identified: false,
            lacks_block_receipts: false,
            batch: Adaptive::new(limits.batch_calls as u64),
            log_range: Adaptive::new(limits.log_range_blocks),
            requests: 0,
            failures: 0,
            head: None,
            last_error: None,
        };
        let permits = Semaphore::new(PARALLEL_REQUESTS);
        Ok(Endpoint {
            index,
            name: redacted(url),
            transport,
            permits,
            health: Mutex::new(health),
        })
    }

    /// Asks everything, in batches of the size that this endpoint takes.
    pub(crate) async fn ask_all<T: DeserializeOwned + Send + 'static>(
        &self,
        calls: &[Call],
    ) -> Result<Answers<T>, CallError> {
        let mut answers = Vec::with_capacity(calls.len());
        while answers.len() < calls.len() {
            let rest = &calls[answers.len()..];
            let batch = &rest[..rest.len().min(self.batch_size())];
            match self.send(batch).await {
                Ok(part) => {
                    self.health().batch.went_well(batch.len() as u64);
                    answers.extend(part);
                }
                Err(error) if batch.len() > 1 && self.take_less(&error, batch.len()) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(answers)
    }

    /// Asks one thing; `None` where the node has nothing.
    pub(crate) async fn ask<T: DeserializeOwned + Send + 'static>(&self, call: Call) -> Result<Option<T>, CallError> {
        Ok(self.send(&[call]).await?.pop().flatten())
    }

    async fn send<T: DeserializeOwned + Send + 'static>(&self, calls: &[Call]) -> Result<Answers<T>, CallError> {
        let _permit = self
            .permits
            .acquire()
            .await
            .map_err(|_| CallError::transient("shutting down"))?;
        let begun = Instant::now();
        let answers = match &self.transport {
            Transport::Http(http) => http.send(calls).await,
            Transport::Ws(ws) => ws.send(calls).await,
        };
        let millis = begun.elapsed().as_secs_f64() * 1e3;
        counter!("souk_indexer_rpc_requests_total", "endpoint" => self.name.clone()).increment(calls.len() as u64);
        histogram!("souk_indexer_rpc_seconds", "endpoint" => self.name.clone()).record(millis / 1e3);
        let mut health = self.health();
        health.requests += calls.len() as u64;
        health.latency_ms += (millis - health.latency_ms) * 0.1;
        answers
    }

    /// Makes batches smaller if that is what the error asks for.
    fn take_less(&self, error: &CallError, asked: usize) -> bool {
        let advised = match error.fault {
            Fault::BatchTooLarge { max_calls } => max_calls,
            Fault::ResultTooLarge { .. } => None,
            _ => return false,
        };
        self.health().batch.too_large(asked as u64, advised);
        true
    }

    fn batch_size(&self) -> usize {
        usize::try_from(self.health().batch.size()).unwrap_or(usize::MAX)
    }

    /// Most blocks for one `eth_getLogs`.
    pub(crate) fn log_range(&self) -> u64 {
        self.health().log_range.size()
    }

    /// Learns from an `eth_getLogs` over so many blocks; returns whether fewer are worth a try at once.
    pub(crate) fn learn_log_range(&self, blocks: u64, error: Option<&CallError>) -> bool {
        let mut health = self.health();
        let advised = match error.map(|error| &error.fault) {
            None => {
                health.log_range.went_well(blocks);
                return false;
            }
            Some(Fault::RangeTooLarge { max_blocks } | Fault::ResultTooLarge { max_blocks }) => *max_blocks,
            Some(_) => return false,
        };
        health.log_range.too_large(blocks, advised);
        blocks > 1
    }

    /// Counts a success.
    pub(crate) fn praise(&self) {
        let mut health = self.health();
        health.score += (1.0 - health.score) * 0.1;
        health.failures_in_a_row = 0;
        health.has_worked = true;
        health.rests_until = None;
    }

    /// Counts a failure and leaves the endpoint alone for a while.
    pub(crate) fn blame(&self, error: &CallError) {
        counter!("souk_indexer_rpc_errors_total", "endpoint" => self.name.clone(), "kind" => kind(&error.fault))
            .increment(1);
        tracing::debug!(endpoint = %self.name, %error, "request failed");
        let mut health = self.health();
        health.failures += 1;
        health.last_error = Some(shortened(&error.message).to_owned());
        // A block that is not there yet is nobody's fault.
        if error.fault != Fault::UnknownBlock {
            health.score *= 0.8;
        }
        health.failures_in_a_row += 1;
        if health.failures_in_a_row >= 3 {
            health.is_identified = false;
        }
        let rest = match error.fault {
            // One that has worked may have a bad moment, or a load balancer in front of it; one that never has is misconfigured.
            Fault::Refused if health.has_worked => REFUSED_REST,
            Fault::Refused => {
                health.refused = true;
                return;
            }
            Fault::RateLimited { retry_after } => {
                let batch = health.batch.size();
                health.batch.too_large(batch, None);
                retry_after.map_or_else(
                    || backoff(health.failures_in_a_row + 2),
                    |asked_for| asked_for.min(LONGEST_REST),
                )
            }
            // A page of HTML instead of an answer to a large batch may be a proxy that gave up on it.
            Fault::Transient | Fault::Invalid => {
                let batch = health.batch.size();
                if health.failures_in_a_row.is_multiple_of(3) {
                    health.batch.too_large(batch, None);
                }
                backoff(health.failures_in_a_row.min(if error.fault == Fault::Invalid {
                    PROMPT_FAILURES
                } else {
                    u32::MAX
                }))
            }
            _ => backoff(health.failures_in_a_row.min(PROMPT_FAILURES)),
        };
        health.rests_until = Some(Instant::now() + rest);
    }

    /// When it can be asked again, `now` if it can be at once; `None` for never.
    pub(crate) fn available_at(&self, now: Instant) -> Option<Instant> {
        let health = self.health();
        (!health.refused).then(|| health.rests_until.map_or(now, |until| until.max(now)))
    }

    /// From 0 to 4: how well it does, coarsely, so that the order in the configuration decides among good ones.
    pub(crate) fn grade(&self) -> u8 {
        (self.health().score * 4.0).round() as u8
    }

    pub(crate) fn head(&self) -> Option<u64> {
        self.health().head
    }

    pub(crate) fn note_head(&self, number: u64) {
        self.health().head = Some(number);
    }

    /// Whether it is known to serve the right chain.
    pub(crate) fn is_identified(&self) -> bool {
        self.health().is_identified
    }

    pub(crate) fn set_identified(&self) {
        self.health().is_identified = true;
    }

    pub(crate) fn lacks_block_receipts(&self) -> bool {
        self.health().lacks_block_receipts
    }

    pub(crate) fn set_lacks_block_receipts(&self) {
        self.health().lacks_block_receipts = true;
    }

    pub(crate) fn status(&self) -> EndpointStatus {
        let health = self.health();
        let rests = health.rests_until.is_some_and(|until| until > Instant::now());
        let state = match (health.refused, rests) {
            (true, _) => EndpointState::Refused,
            (false, true) => EndpointState::CoolingDown,
            (false, false) => EndpointState::Healthy,
        };
        EndpointStatus {
            url: self.name.clone(),
            state,
            score: health.score,
            latency_ms: health.latency_ms,
            requests: health.requests,
            failures: health.failures,
            head: health.head,
            last_error: health.last_error.clone(),
        }
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn kind(fault: &Fault) -> &'static str {
    match fault {
        Fault::RangeTooLarge { .. } => "range",
        Fault::ResultTooLarge { .. } => "result",
        Fault::BatchTooLarge { .. } => "batch",
        Fault::RateLimited { .. } => "rate",
        Fault::UnknownBlock => "unknown_block",
        Fault::Pruned => "pruned",
        Fault::Unsupported => "unsupported",
        Fault::Refused => "refused",
        Fault::Transient => "transient",
        Fault::Invalid => "invalid",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint() -> Endpoint {
        let url = Url::parse("http://localhost:1/key").unwrap();
        Endpoint::new(0, &url, &Limits::default(), &watch::Sender::new(None)).unwrap()
    }

    fn rest(endpoint: &Endpoint, fault: Fault) -> Option<Duration> {
        endpoint.blame(&CallError::new(fault, "trouble"));
        let now = Instant::now();
        endpoint.available_at(now).map(|at| at - now)
    }

    #[test]
    fn retry_after_is_honoured_within_reason() {
        let limited = |secs| Fault::RateLimited {
            retry_after: Some(Duration::from_secs(secs)),
        };
        let endpoint = endpoint();
        let rested = rest(&endpoint, limited(7)).unwrap();
        assert!(
            rested > Duration::from_millis(6_900) && rested <= Duration::from_secs(7),
            "{rested:?}"
        );
        assert!(rest(&endpoint, limited(1_000_000)).unwrap() <= LONGEST_REST);
        assert_eq!(endpoint.status().state, EndpointState::CoolingDown);
    }

    #[test]
    fn failures_in_a_row_make_the_rest_longer_and_a_success_ends_it() {
        let endpoint = endpoint();
        let first = rest(&endpoint, Fault::Transient).unwrap();
        assert!(first <= Duration::from_millis(50), "{first:?}");
        let grade = endpoint.grade();
        for _ in 0..12 {
            rest(&endpoint, Fault::Transient);
        }
        assert!(rest(&endpoint, Fault::Transient).unwrap() > Duration::from_secs(7));
        assert!(endpoint.grade() < grade);
        endpoint.praise();
        let now = Instant::now();
        assert_eq!(endpoint.available_at(now), Some(now));
    }

    #[test]
    fn one_that_never_worked_and_refuses_is_given_up_and_one_that_did_is_not() {
        assert_eq!(rest(&endpoint(), Fault::Refused), None);
        let worked = endpoint();
        worked.praise();
        assert!(rest(&worked, Fault::Refused).is_some());
    }
}
