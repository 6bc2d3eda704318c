//! What happens from now on: events of an asset, and chains' heads.

use async_graphql::{Context, SimpleObject, Subscription, Union};
use async_stream::stream;
use futures::Stream;

use super::event::ProvenanceEvent;
use super::extension::Execution;
use super::meta::{ChainSnapshot, snapshot_extension};
use crate::error::ApiError;
use crate::feed::{Feed, Subject};
use crate::follow::{Followed, Follower, News};
use crate::scalars::{AssetId, ChainId, Long};
use crate::session::{Pin, Session};
use crate::store::Reader;

/// Something happened to the asset.
#[derive(SimpleObject)]
pub struct EventOccurred {
    /// Where to go on from after this item.
    cursor: String,
    /// What happened.
    event: Box<ProvenanceEvent>,
}

/// A reorganisation made items void.
#[derive(SimpleObject)]
pub struct EventsReverted {
    /// Where to go on from after this item.
    cursor: String,
    /// Drop every event of a block after this one: it did not happen. The events that happened instead follow. Null if none is left.
    to_block: Option<Long>,
}

/// An item of an asset's provenance.
#[derive(Union)]
pub enum ProvenanceItem {
    /// Something happened.
    Occurred(EventOccurred),
    /// A reorganisation made items void.
    Reverted(EventsReverted),
}

/// Events from a cursor, else from a block on, else from now on, as they come and as they are made void.
pub(in crate::graphql) async fn items(
    ctx: &Context<'_>,
    chain: souk_schema::ChainId,
    followed: Followed,
    after: Option<String>,
    from_block: Option<Long>,
) -> Result<impl Stream<Item = Result<ProvenanceItem, ApiError>> + use<>, ApiError> {
    if after.is_some() && from_block.is_some() {
        return Err(ApiError::input(
            "`after` and `fromBlock` are both given: begin with one of them",
        ));
    }
    let (feed, execution) = (
        ctx.data_unchecked::<Feed>().clone(),
        ctx.data_unchecked::<Execution>().clone(),
    );
    let sources = execution.engine().sources().clone();
    let mut changes = feed.changes(Subject::Chain(chain));
    let from_block = from_block.map(|block| block.0);
    let mut follower = Follower::start(&sources.pool, chain, followed, after.as_deref(), from_block).await?;
    Ok(stream! {
        loop {
            let turn = feed.turn().await;
            let batch = follower.next(&sources.pool).await;
            drop(turn);
            let batch = match batch {
                Ok(batch) => batch,
                Err(error) => {
                    yield Err(error);
                    break;
                }
            };
            execution.set_snapshot(snapshot_extension(&batch.snapshot));
            for (cursor, news) in batch.news {
                yield Ok(match news {
                    News::Occurred(row) => {
                        let session = Session::new(sources.clone());
                        ProvenanceItem::Occurred(EventOccurred { cursor, event: Box::new(ProvenanceEvent { session, pin: Pin::Head, row: *row }) })
                    }
                    News::Reverted(block) => {
                        ProvenanceItem::Reverted(EventsReverted { cursor, to_block: (block >= 0).then_some(Long(block)) })
                    }
                });
            }
            if !batch.more && !changes.wait().await {
                break;
            }
        }
    })
}

/// What happens from now on.
pub struct Subscriptions;

/// What happens from now on, or from a cursor or block on.
#[Subscription(name = "IndexSubscriptions")]
impl Subscriptions {
    /// What happens to an asset, to its shares and to its licence series; oldest first. Each item's cursor resumes after it, also across
    /// reorganisations: what they made void is told by an `EventsReverted`.
    #[graphql(complexity = "10 + child_complexity")]
    async fn provenance_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The asset, or another token.")] asset: AssetId,
        #[graphql(desc = "Go on after this item.")] after: Option<String>,
        #[graphql(desc = "Begin with this block; without it and without `after`, begin now.")] from_block: Option<Long>,
    ) -> Result<impl Stream<Item = Result<ProvenanceItem, ApiError>> + use<>, ApiError> {
        let id = asset.evm().map_err(ApiError::input)?;
        let followed = Followed::Token(id.token.key().as_bytes().to_vec());
        items(ctx, id.chain, followed, after, from_block).await
    }

    /// The newest block that answers are made of, now and whenever it changes.
    #[graphql(complexity = "10 + child_complexity")]
    async fn chain_head(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The chain.")] chain: ChainId,
    ) -> Result<impl Stream<Item = Result<ChainSnapshot, ApiError>> + use<>, ApiError> {
        let sources = ctx.data_unchecked::<Execution>().engine().sources().clone();
        let (feed, execution) = (
            ctx.data_unchecked::<Feed>().clone(),
            ctx.data_unchecked::<Execution>().clone(),
        );
        Reader::begin(&sources.pool).await?.snapshot.chain(chain.0)?;
        let mut changes = feed.changes(Subject::Chain(chain.0));
        Ok(stream! {
            let mut told = None;
            loop {
                let turn = feed.turn().await;
                let reader = Reader::begin(&sources.pool).await;
                drop(turn);
                let snapshot = match reader {
                    Ok(reader) => reader.snapshot.clone(),
                    Err(error) => {
                        yield Err(error);
                        break;
                    }
                };
                let row = match snapshot.chain(chain.0) {
                    Ok(row) => row.clone(),
                    Err(error) => {
                        yield Err(error);
                        break;
                    }
                };
                if told.replace(row.head_hash) != Some(row.head_hash) {
                    execution.set_snapshot(snapshot_extension(&snapshot));
                    yield Ok(ChainSnapshot::from(&row));
                }
                if !changes.wait().await {
                    break;
                }
            }
        })
    }
}
