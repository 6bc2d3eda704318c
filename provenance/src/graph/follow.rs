//! One pass of following the tables: per chain, find the last block that both sides share, take back what lies after it, and pull
//! what the projection has beyond.
//!
//! Rows are read without any lock and applied in windows of whole blocks, so that a question waits a few milliseconds at most, sees
//! a state that the chain really had, and memory stays flat however far behind the graph is. The first load is such a pass, too.

use std::collections::{HashMap, HashSet, VecDeque};

use sqlx::{PgConnection, PgPool};
use tracing::{info, warn};

use souk_schema::{BlockRef, ChainId};

use super::facts::ChainPosition;
use super::handle::{GraphError, Shared};
use super::rows::{self, KnownBlock, Range};

/// Facts per window, save that a block is never split.
const WINDOW_FACTS: i64 = 4_000;

/// How many of the newest blocks are remembered per chain. A reorganisation that reaches deeper loads the chain anew.
const KNOWN_BLOCKS: usize = 4_096;

/// What the following task knows beside the graph.
#[derive(Default)]
pub(super) struct Follower {
    /// The newest blocks that the graph stands on, oldest first; the last is the graph's head.
    known: HashMap<ChainId, VecDeque<KnownBlock>>,
}

impl Follower {
    /// Brings the graph to where the projections are.
    pub async fn pass(&mut self, pool: &PgPool, shared: &Shared) -> Result<(), GraphError> {
        let mut transaction = rows::begin(pool).await?;
        let projected = rows::positions(&mut transaction).await?;
        let held = shared.read().position();
        for chain in held.into_keys() {
            if projected.iter().all(|(other, _)| *other != chain) {
                info!(%chain, "the chain is projected no more: taken out of the graph");
                self.known.remove(&chain);
                shared.change(|graph| graph.forget(chain));
            }
        }
        for (chain, target) in projected {
            self.follow(&mut transaction, shared, chain, target).await?;
        }
        transaction.rollback().await?;
        Ok(())
    }

    async fn follow(
        &mut self,
        connection: &mut PgConnection,
        shared: &Shared,
        chain: ChainId,
        target: ChainPosition,
    ) -> Result<(), GraphError> {
        let current = shared.read().chain_position(chain).cloned();
        if current.as_ref() == Some(&target) {
            return Ok(());
        }
        let known = self.known.entry(chain).or_default();
        if let Some(current) = current {
            let common = if current.identity == target.identity {
                common_block(connection, chain, known).await?
            } else {
                0
            };
            if common == 0 && current.head.is_some() {
                info!(%chain, stream = target.identity.stream, "no block in common with the projection: loading the chain anew");
            }
            if common < known.len() || current.identity != target.identity {
                known.truncate(common);
                let position = standing_at(&target, known.back());
                shared.change(|graph| graph.revert(chain, position));
            }
        }
        let applied = pull(connection, shared, chain, &target, known).await;
        if let Err(GraphError::Invalid(invalid)) = &applied {
            // Rows below the head are not what they were: nothing that is held of this chain can be trusted.
            warn!(%chain, %invalid, "the graph does not fit the tables: loading the chain anew");
            known.clear();
            shared.change(|graph| graph.forget(chain));
        }
        applied
    }
}

/// How many of the known blocks, from the oldest on, are still canonical. Blocks are hash-linked: below one that is, all are.
async fn common_block(
    connection: &mut PgConnection,
    chain: ChainId,
    known: &VecDeque<KnownBlock>,
) -> Result<usize, GraphError> {
    let mut upper = known.len();
    // Mostly the newest is canonical still; else ever more are looked at.
    let mut step = 1;
    while upper > 0 {
        let lower = upper.saturating_sub(step);
        let numbers = known.range(lower..upper).map(|known| known.block.number);
        let canonical: HashSet<BlockRef> = rows::blocks_at(connection, chain, numbers)
            .await?
            .into_iter()
            .map(|known| known.block)
            .collect();
        if let Some(at) = (lower..upper).rev().find(|at| canonical.contains(&known[*at].block)) {
            return Ok(at + 1);
        }
        (upper, step) = (lower, step * 8);
    }
    Ok(0)
}

/// Pulls the blocks after the newest known one, up to the target.
async fn pull(
    connection: &mut PgConnection,
    shared: &Shared,
    chain: ChainId,
    target: &ChainPosition,
    known: &mut VecDeque<KnownBlock>,
) -> Result<(), GraphError> {
    let mut from = known.back().map(|known| known.block.number);
    let mut endings = match target.head {
        Some(head) => {
            rows::endings(
                connection,
                Range {
                    chain,
                    from,
                    to: head.number,
                },
            )
            .await?
        }
        None => Vec::new(),
    };
    while let Some(head) = target.head.filter(|head| from.is_none_or(|from| from < head.number)) {
        let rest = Range {
            chain,
            from,
            to: head.number,
        };
        let to = rows::block_of_fact(connection, rest, WINDOW_FACTS)
            .await?
            .unwrap_or(head.number);
        let window = Range { to, ..rest };
        let mut changes = rows::beginnings(connection, window).await?;
        let later = endings.partition_point(|change| change.block() > to);
        changes.extend(endings.drain(later..));
        // On the way to a distant head, one block per window is enough to come back to.
        let remembered = if head.number - to < KNOWN_BLOCKS as u64 {
            KNOWN_BLOCKS
        } else {
            1
        };
        let blocks = rows::newest_blocks(connection, window, remembered).await?;
        let reached = blocks
            .last()
            .filter(|known| known.block.number == to)
            .ok_or(GraphError::NoBlock { chain, number: to })?;
        let position = if to == head.number {
            target.clone()
        } else {
            standing_at(target, Some(reached))
        };
        shared.change(|graph| graph.apply(chain, changes, position))?;
        known.extend(blocks);
        known.drain(..known.len().saturating_sub(KNOWN_BLOCKS));
        from = Some(to);
    }
    if shared.read().chain_position(chain) != Some(target) {
        shared.change(|graph| graph.apply(chain, Vec::new(), target.clone()))?;
    }
    Ok(())
}

/// The position at a block on the way to the target.
fn standing_at(target: &ChainPosition, known: Option<&KnownBlock>) -> ChainPosition {
    let final_yet = |finalized: &BlockRef| known.is_some_and(|known| finalized.number <= known.block.number);
    ChainPosition {
        identity: target.identity.clone(),
        next_sequence: None,
        head: known.map(|known| known.block),
        head_timestamp: known.map_or(0, |known| known.timestamp),
        finalized: target.finalized.filter(final_yet),
    }
}
