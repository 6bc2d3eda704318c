//! What answers about payouts were computed at (API-1).

use async_graphql::{SimpleObject, Value};

use super::epoch::block_id;
use super::status::PayoutLinesPosition;
use crate::error::ApiError;
use crate::graphql::chain::BlockId;
use crate::payouts::Moment;
use crate::scalars::{Address, ChainId, Long};
use crate::session::Session;

/// The place of one registry's payouts that an answer was computed at.
#[derive(Clone, Debug, SimpleObject)]
pub struct PayoutSnapshot {
    /// The chain.
    chain_id: ChainId,
    /// The registry.
    registry: Address,
    /// The newest block that what is owed, explanations and roots know; null before the first.
    block: Option<BlockId>,
    /// How far the tables are that lines come from; lines are as of the block of `snapshot`, or of `asOf`, as far as these know it.
    lines: Option<PayoutLinesPosition>,
}

/// Of every deployment that is followed.
pub(in crate::graphql) async fn payout_snapshots(session: &Session) -> Result<Vec<PayoutSnapshot>, ApiError> {
    let Some(payouts) = session.payouts() else {
        return Ok(Vec::new());
    };
    let live = payouts.all().into_iter().filter(|handle| handle.status().is_live);
    let chains: Vec<_> = live.map(|handle| handle.chain()).collect();
    if chains.is_empty() {
        return Ok(Vec::new());
    }
    let tables = session.payout_tables().await?;
    let mut all = Vec::new();
    for chain in chains {
        let lines = tables.iter().find(|position| position.chain.0 == chain);
        for contracts in session.deployments(chain).await? {
            session.ask_payouts(chain, contracts.registry, |_| ()).await?;
            let seen = session.seen_payouts().moments();
            let head = seen.get(&(chain, contracts.registry)).and_then(|moment| moment.head);
            all.push(PayoutSnapshot {
                chain_id: ChainId(chain),
                registry: Address(contracts.registry),
                block: head.map(block_id),
                lines: lines.map(Into::into),
            });
        }
    }
    Ok(all)
}

/// What an answer says of payouts, as it stands in `extensions.payouts`; none where nothing was asked of them.
pub fn payouts_extension(session: &Session) -> Option<Value> {
    let seen = session.seen_payouts();
    let (moments, tables) = (seen.moments(), seen.tables());
    if moments.is_empty() && tables.is_none() {
        return None;
    }
    let deployment = |((chain, registry), moment): ((souk_schema::ChainId, souk_schema::Address), Moment)| {
        async_graphql::value!({
            "chainId": ChainId(chain).to_string(),
            "registry": Address(registry).to_string(),
            "block": moment.head.map(|head| Long::saturating(head.number).0),
            "hash": moment.head.map(|head| format!("{:#x}", head.hash)),
        })
    };
    let lines = tables.unwrap_or_default().iter().map(|position| {
        async_graphql::value!({
            "chainId": position.chain.to_string(),
            "stream": position.stream.clone(),
            "nextSequence": position.next_sequence.0,
        })
    });
    let (states, lines): (Vec<Value>, Vec<Value>) = (moments.into_iter().map(deployment).collect(), lines.collect());
    Some(async_graphql::value!({ "states": states, "lines": lines }))
}
