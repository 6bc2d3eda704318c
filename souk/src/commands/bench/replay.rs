//! `replay`: the projector from the log into fresh tables, against a raw `COPY` of the same rows.

use anyhow::Result;
use indicatif::HumanCount;
use souk_provenance::bench::replay;
use souk_provenance::project::ProjectorConfig;

use super::chain::BenchChain;
use super::parts::{Parts, median};
use super::pipeline::Pipeline;
use super::row::{Figure, Row, Target};
use crate::dev_chain::DEV_CHAIN;

/// Times that each is measured, in turns.
const ROUNDS: usize = 3;

/// Speed of the raw `COPY` that a replay is to reach.
const TARGET: f64 = 0.5;

/// The generation that a new stream has.
const GENERATION: u32 = 1;

/// Measures.
///
/// # Errors
/// One line when the chain cannot be indexed or the log not replayed.
pub async fn measure(parts: &Parts, chain: &BenchChain) -> Result<Row> {
    let database = parts.database().await?;
    let mut pipeline = Pipeline::index_only(chain.source()?, &database).await?;
    pipeline.until_log_at(chain.head().await?).await?;
    let log = pipeline.log.clone();
    pipeline.stop().await?;
    let (mut ours, mut peers, mut measured) = (Vec::new(), Vec::new(), String::new());
    for _ in 0..ROUNDS {
        parts.settle(&database).await?;
        let config = ProjectorConfig::new(DEV_CHAIN);
        let found = replay(config, log.clone(), database.pool.clone(), GENERATION).await?;
        tracing::info!("{found}");
        measured = format!(
            "{} logs, {} rows, median of {ROUNDS}",
            HumanCount(found.logs),
            HumanCount(found.rows)
        );
        ours.push(found.replay);
        peers.push(found.copy);
    }
    Ok(Row {
        name: "replay",
        measured,
        figure: Figure::Time(median(ours)),
        peer: "raw COPY of the rows".into(),
        peer_figure: Figure::Time(median(peers)),
        target: Target::PartOfPeer(TARGET),
    })
}
