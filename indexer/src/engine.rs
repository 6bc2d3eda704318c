//! The engine of one chain: backfill and live as one loop with one cursor, the tail of the stream.
//!
//! A session opens the stream (fencing any earlier writer *before* reading its tail) and follows the chain from there; whatever breaks in
//! between ends the session and the next one starts from what the log durably holds, so nothing is lost or written twice. Start at
//! [`run`]; [`follow`] is the loop.

mod follow;
mod heads;
mod report;
mod stream;
mod tail;
pub mod verify;

use std::sync::Arc;
use std::time::Duration;

use souk_eventlog::{EventLog, LogError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::IndexError;
use crate::fetch::Fetcher;
use crate::rpc::Pool;
use crate::rpc::classify::{CallError, Fault};
use crate::rpc::endpoint::backoff;
use crate::source::{ChainSource, OnRewrite};
use crate::status::{IndexerStatus, Phase};
use report::Reporter;

/// What ends a session.
#[derive(Debug)]
enum Halt {
    /// For good.
    Fatal(IndexError),
    /// The log did not take something, or may have: read its tail again.
    Reopen(LogError),
    /// The endpoints do not answer or contradict themselves: try again.
    Retry(CallError),
    /// The chain is no longer the one in the stream, for this reason.
    Rewritten(IndexError),
}

impl From<CallError> for Halt {
    fn from(error: CallError) -> Halt {
        Halt::Retry(error)
    }
}

/// Follows one chain into the event log until cancelled.
///
/// # Errors
/// [`IndexError`] for what cannot be waited out: a wrong configuration, endpoints that refuse for good, a chain that was reset or
/// rewritten below finality, a second writer on the stream, a damaged stream.
pub async fn run(
    source: ChainSource,
    log: Arc<dyn EventLog>,
    status: watch::Sender<IndexerStatus>,
    cancel: CancellationToken,
) -> Result<(), IndexError> {
    source.check()?;
    let reporter = Reporter::new(source.chain, status);
    let result = tokio::select! {
        result = sessions(&source, log, &reporter) => result,
        () = cancel.cancelled() => Ok(()),
    };
    if let Err(error) = &result {
        reporter.error(error);
    }
    reporter.phase(Phase::Stopped);
    result
}

/// One session after another; only an error ends them.
async fn sessions(source: &ChainSource, log: Arc<dyn EventLog>, reporter: &Reporter) -> Result<(), IndexError> {
    let (announcer, announced) = watch::channel(None);
    let refused = |error: CallError| IndexError::NoEndpoint {
        chain: source.chain,
        reasons: error.message,
    };
    let pool = Pool::new(source, &announcer).map_err(refused)?;
    let fetcher = Arc::new(Fetcher::new(pool, source.proof));
    let mut failures = 0;
    let mut begin_anew = false;
    loop {
        let session = follow::Session::open(
            source,
            log.as_ref(),
            fetcher.clone(),
            announced.clone(),
            reporter,
            begin_anew,
        );
        let halt = match session.await {
            Ok(mut session) => {
                (failures, begin_anew) = (0, false);
                session.follow().await
            }
            Err(halt) => halt,
        };
        match halt {
            Halt::Fatal(error) => return Err(error),
            Halt::Retry(error) if error.fault == Fault::Refused => return Err(refused(error)),
            Halt::Retry(error) => reporter.trouble(&error),
            Halt::Reopen(error) if error.retryable() => reporter.trouble(&error),
            Halt::Reopen(source_error) => {
                return Err(IndexError::Log {
                    chain: source.chain,
                    source: source_error,
                });
            }
            Halt::Rewritten(error) => match source.on_rewrite {
                OnRewrite::Stop => return Err(error),
                OnRewrite::NewGeneration => {
                    tracing::warn!(chain = %source.chain, %error, "a new generation of the stream begins");
                    reporter.error(&error);
                    begin_anew = true;
                }
            },
        }
        failures += 1;
        tokio::time::sleep(backoff(failures).max(Duration::from_millis(50))).await;
    }
}
