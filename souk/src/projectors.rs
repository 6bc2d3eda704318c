//! Runs a projector for every chain that has a stream in the log, as streams appear.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use souk_eventlog::EventLog;
use souk_provenance::project::{self, ProjectionStatus, ProjectorConfig};
use souk_schema::ChainId;
use sqlx::PgPool;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How often the log is asked for streams that were not there before.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Projects every chain of the log until told to stop.
///
/// # Errors
/// That of the first projector that cannot go on.
pub async fn run(log: Arc<dyn EventLog>, pool: PgPool, cancel: CancellationToken) -> Result<()> {
    let streams = log.clone();
    each_chain(streams.as_ref(), cancel.clone(), |chain| {
        let (status, _) = watch::channel(ProjectionStatus::new(chain));
        let projector = project::run(
            ProjectorConfig::new(chain),
            log.clone(),
            pool.clone(),
            status,
            cancel.clone(),
        );
        async move { Ok(projector.await?) }
    })
    .await
}

/// Starts work for every chain that has a stream in the log, as streams appear, until told to stop; all of it is then waited for.
///
/// # Errors
/// That of the first work that fails.
pub async fn each_chain<W>(
    log: &dyn EventLog,
    cancel: CancellationToken,
    mut work: impl FnMut(ChainId) -> W,
) -> Result<()>
where
    W: Future<Output = Result<()>> + Send + 'static,
{
    let mut working = JoinSet::new();
    let mut known = BTreeSet::new();
    loop {
        match log.streams().await {
            Ok(streams) => {
                for chain in streams.iter().filter_map(|stream| chain_of(stream.as_str())) {
                    if known.insert(chain) {
                        working.spawn(work(chain));
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "the log cannot say which streams it has; asked again"),
        }
        tokio::select! {
            () = cancel.cancelled() => break,
            () = tokio::time::sleep(LOOK_INTERVAL) => {}
            Some(ended) = working.join_next(), if !working.is_empty() => ended??,
        }
    }
    while let Some(ended) = working.join_next().await {
        ended??;
    }
    Ok(())
}

/// The chain whose blocks a stream holds, if it is a chain's.
pub fn chain_of(stream: &str) -> Option<ChainId> {
    let rest = stream.strip_prefix("chain.")?;
    let id = rest.split_once(".g").map_or(rest, |(id, _)| id);
    id.parse().ok().map(ChainId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_generation_belongs_to_its_chain() {
        assert_eq!(chain_of("chain.31337"), Some(ChainId(31337)));
        assert_eq!(chain_of("chain.1.g12"), Some(ChainId(1)));
        assert_eq!(chain_of("exchange.commands"), None);
        assert_eq!(chain_of(&ChainId(5).stream(3)), Some(ChainId(5)));
    }
}
