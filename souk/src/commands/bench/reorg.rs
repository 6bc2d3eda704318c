//! `reorg`: 64 blocks with 10,000 logs are replaced by 64 others with as many, and the tables follow.
//!
//! The node makes the other branch behind a [gate](super::gate), which takes it seconds. The clock starts when the gate opens and the
//! branch is there all at once, and stops when the tables are at its head.

use std::time::{Duration, Instant};

use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;
use alloy::rpc::types::anvil::{ReorgOptions, TransactionData};
use anyhow::{Result, ensure};
use indicatif::HumanCount;
use souk_provenance::hash::state_hash;
use souk_provenance::tables::Schema;

use super::chain::{BenchChain, LOGS_PER_ASSET};
use super::gate::Gate;
use super::parts::{Parts, median, on_demand};
use super::pipeline::Pipeline;
use super::row::{Figure, Row, Target};
use crate::dev_chain::DEV_CHAIN;

const DEPTH: u64 = 64;
/// Two transactions a block, so that each stays under the gas that one may take.
const TRANSACTIONS_PER_BLOCK: u64 = 2;
const ASSETS_PER_TRANSACTION: u64 = 40;
/// Blocks below, so that final ones stay below the fork.
const BASE_BLOCKS: u64 = 2 * DEPTH;
/// Reorganisations, one on top of another.
const ROUNDS: u64 = 3;
const LIMIT: Duration = Duration::from_secs(2);

/// Measures, and checks that the tables are those of indexing the last chain once.
///
/// # Errors
/// One line when a part fails or the tables differ.
pub async fn measure(parts: &Parts) -> Result<Vec<Row>> {
    let chain = BenchChain::start(&on_demand()).await?;
    chain.provider.anvil_mine(Some(BASE_BLOCKS), None).await?;
    for block in 0..DEPTH {
        for transaction in transactions(&chain, 0, block) {
            let _pending = chain.provider.send_transaction(transaction).await?;
        }
        chain.provider.anvil_mine(Some(1), None).await?;
    }
    let database = parts.database().await?;
    let gate = Gate::before(chain.address()?).await?;
    let mut pipeline = Pipeline::start(chain.live_source(gate.port())?, &database).await?;
    pipeline.until_tables_at(chain.head().await?).await?;
    let before = pipeline.projection.borrow().logs_applied;
    let mut took = Vec::new();
    for round in 1..=ROUNDS {
        took.push(one(&chain, &gate, &mut pipeline, round).await?);
        tracing::info!(took = ?took.last(), "reorganisation");
    }
    let applied = pipeline.projection.borrow().logs_applied - before;
    ensure!(applied >= ROUNDS * logs(), "only {applied} logs were applied anew");
    pipeline.stop().await?;
    same_as_once(parts, &chain, &database.pool).await?;
    chain.stop().await;
    Ok(vec![Row {
        name: "reorg",
        measured: format!(
            "{DEPTH} blocks with {} logs replaced by {DEPTH} others, median of {ROUNDS}",
            HumanCount(logs()),
        ),
        figure: Figure::Time(median(took)),
        peer: "limit".into(),
        peer_figure: Figure::Time(LIMIT),
        target: Target::TimesLimit(1.0),
    }])
}

/// Logs of either branch.
const fn logs() -> u64 {
    DEPTH * TRANSACTIONS_PER_BLOCK * ASSETS_PER_TRANSACTION * LOGS_PER_ASSET
}

/// The transactions of a block of the branch of a round.
fn transactions(
    chain: &BenchChain,
    round: u64,
    block: u64,
) -> impl Iterator<Item = alloy::rpc::types::TransactionRequest> {
    let salt = move |number: u64| (round * DEPTH + block) * TRANSACTIONS_PER_BLOCK + number;
    (0..TRANSACTIONS_PER_BLOCK).map(move |number| chain.registration(ASSETS_PER_TRANSACTION, salt(number)))
}

/// One reorganisation: how long from its being there until the tables are at its head.
async fn one(chain: &BenchChain, gate: &Gate, pipeline: &mut Pipeline, round: u64) -> Result<Duration> {
    let pairs =
        (0..DEPTH).flat_map(|block| transactions(chain, round, block).map(move |transaction| (transaction, block)));
    let options = ReorgOptions {
        depth: DEPTH,
        tx_block_pairs: pairs
            .map(|(transaction, block)| (TransactionData::JSON(transaction), block))
            .collect(),
    };
    gate.shut();
    pipeline.meanwhile(chain.provider.anvil_reorg(options)).await??;
    let head = chain.head().await?;
    let begun = Instant::now();
    gate.open();
    pipeline.until_tables_at(head).await?;
    Ok(begun.elapsed())
}

/// IDX-1: whatever was reverted, the tables are those of indexing the canonical chain once.
async fn same_as_once(parts: &Parts, chain: &BenchChain, tables: &sqlx::PgPool) -> Result<()> {
    let once = parts.database().await?;
    let mut pipeline = Pipeline::start(chain.source()?, &once).await?;
    pipeline.until_tables_at(chain.head().await?).await?;
    pipeline.stop().await?;
    let expected = state_hash(&once.pool, &Schema::live(), DEV_CHAIN).await?;
    let found = state_hash(tables, &Schema::live(), DEV_CHAIN).await?;
    ensure!(
        found == expected,
        "after the reorganisations the tables differ from those of indexing the chain once"
    );
    Ok(())
}
